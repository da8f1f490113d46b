"""`make regressions`: does the gate find real defects, and nothing where there is none?

Drives the expert, the expert with one defect each (`tests.support.sabotaged_experts`), and the expert amid
other traffic, over a real suite on the embedded server. Each is gated against the healthy expert by
`ci/gate.yaml`, as a user would: `drivegate gate --sequential --budget`, which drives repeats until it can
decide. Prints a table, and ends in exit code 1 if a verdict or the metric that it names is wrong.
Interrupted, it goes on.

    python -m tests.regressions --workers 2 --out runs/regressions
    python -m tests.regressions --drawn 40961 --seeds 7301 9157 --out runs/fresh    # routes drawn by chance
    python -m tests.regressions --at-once 3 --out runs/at-once                      # decide once, after 3
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from harness.campaign.run import extend_run
from harness.cli_gate import decide_on
from harness.gate.model import GateResult, Verdict
from harness.gate.rules import GateRules, load_rules
from harness.gate.sample import load_sample
from tests.regressions.routes import draw_suite

ROOT = Path(__file__).parents[2]
RULES = ROOT / "ci/gate.yaml"
OTHER_SEEDS = "same_seed=false"
SABOTAGED = "tests.support.sabotaged_experts"
DRAWN_TOWNS = ("Town04", "Town07", "Town10HD")


@dataclass(frozen=True)
class Case:
    """One candidate.

    Attributes:
        name: of its run folder.
        what: for people.
        policy: who drives.
        must_name: a gating metric that must FAIL, "" if the gate must not fail.
        other_traffic: whether it drives by the other seed.
    """

    name: str
    what: str
    policy: str
    must_name: str = ""
    other_traffic: bool = False


HEALTHY = Case("healthy", "healthy", "expert")
CASES = (
    Case("late-brake", "brake 0.4 s late", f"{SABOTAGED}:LateBrake", "max_braking"),
    Case("steering-bias", "steering 3 % off", f"{SABOTAGED}:SteeringBias", "lane_offset"),
    Case("colour-blind", "every third light ignored", f"{SABOTAGED}:ColourBlind", "red_lights"),
    Case("hasty", "20 % faster", f"{SABOTAGED}:Hasty", "cruise_speed"),
    Case("other-seed", "healthy, other traffic", "expert", other_traffic=True),
)


def drive(case: Case, options: argparse.Namespace) -> Path:
    """Drive the first repeats of a case, or go on with them; returns its run folder."""
    out: Path = options.out / case.name
    log = options.out / f"{case.name}.log"
    if (out / "run.json").exists():
        with log.open("a") as file:
            extend_run(out, options.at_once or 1, Console(file=file))
        return out
    words = [word for name in options.suite for word in ("--suite", name)]
    words += ["--policy", case.policy, "--seed", options.seeds[case.other_traffic]]
    words += ["--traffic", options.traffic, "--repeats", options.at_once or 1]
    code = drivegate("run", *words, "--workers", options.workers, "--out", out, log=log)
    if code != 0:
        raise SystemExit(f"{case.name}: drivegate run ended with {code}; see {log}")
    return out


def judge(case: Case, healthy: Path, rules: GateRules, options: argparse.Namespace) -> GateResult:
    """Gate a case as a user does, and read the answer."""
    candidate = drive(case, options)
    if not options.at_once:
        sides = ("--baseline", healthy, "--candidate", candidate, "--rules", RULES, "--set", OTHER_SEEDS)
        log = options.out / f"{case.name}.log"
        code = drivegate("gate", *sides, "--sequential", "--budget", options.budget, log=log)
    samples = (load_sample(folder, None, rules.score_version) for folder in (healthy, candidate))
    result = decide_on(*samples, rules, sequential=not options.at_once, ledger=None, today=None)
    if not options.at_once and code != result.verdict.exit_code:
        raise SystemExit(
            f"{case.name}: drivegate gate ended with {code}, not with {result.verdict}; see {log}"
        )
    return result


def drivegate(*words: object, log: Path) -> int:
    """Run a command of ours; returns its exit code."""
    command = [sys.executable, "-m", "harness.cli", *map(str, words)]
    with log.open("a") as file:
        return subprocess.run(
            command, cwd=ROOT, stdout=file, stderr=subprocess.STDOUT, check=False
        ).returncode


def is_right(case: Case, result: GateResult) -> bool:
    """Whether the gate said what it must."""
    if not case.must_name:
        return result.verdict is not Verdict.FAIL
    named = {metric.name for metric in result.metrics if metric.gating and metric.verdict is Verdict.FAIL}
    return result.verdict is Verdict.FAIL and case.must_name in named


def main() -> int:
    """Drive, gate, print; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--suite", nargs="+", default=["longest6-town01", "longest6-town02"])
    parser.add_argument(
        "--drawn", type=int, metavar="SEED", help="drive routes drawn by chance in other towns instead"
    )
    parser.add_argument("--per-town", type=int, default=4, help="routes to draw in each town")
    parser.add_argument(
        "--cases", nargs="+", default=[case.name for case in CASES], help="of them only these"
    )
    parser.add_argument(
        "--seeds", nargs=2, type=int, default=[1, 2], help="of the campaigns, of other traffic"
    )
    parser.add_argument("--budget", type=int, default=8, help="most repeats of each route")
    parser.add_argument(
        "--at-once", type=int, metavar="REPEATS", help="decide after so many by the fixed-size tests instead"
    )
    parser.add_argument("--traffic", type=int, default=20)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("runs/regressions"))
    options = parser.parse_args()
    options.out = options.out.resolve()
    options.out.mkdir(parents=True, exist_ok=True)
    if options.drawn is not None:
        file = draw_suite(options.out / "routes.xml", DRAWN_TOWNS, options.per_town, options.drawn)
        options.suite = [str(file)]
    rules = load_rules(RULES, [OTHER_SEEDS])
    healthy = drive(HEALTHY, options)
    table = Table("candidate", "verdict", "repeats", "because", "as it must")
    wrong = 0
    for case in CASES:
        if case.name not in options.cases:
            continue
        result = judge(case, healthy, rules, options)
        right = is_right(case, result)
        wrong += not right
        repeats = str(result.looks or options.at_once)
        verdict = result.verdict.value.upper()
        print(f"{case.what}: {verdict} after {repeats} repeats", flush=True)
        table.add_row(case.what, verdict, repeats, "\n".join(result.reasons), "yes" if right else "NO")
    Console(width=160).print(table)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
