"""The commands gate, power, calibrate, baseline and flakes of `drivegate`. Thin: options in, answers out."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli_finish import complain, console, finish
from harness.errors import ConfigError
from harness.source_commit import commit_of

if TYPE_CHECKING:
    from harness.gate.model import GateResult, Sample
    from harness.gate.rules import GateRules

DEFAULT_RULES = Path("ci/gate.yaml")
DEFAULT_SHELF = Path("ci/baselines")
DEFAULT_LEDGER = Path("ci/flakes.json")

Rules = Annotated[Path, typer.Option(help="Rules: which metrics, which margins (docs/gate.md).")]
Override = Annotated[
    list[str] | None, typer.Option("--set", help="A value of the rules: metrics.collisions.margin=0.5.")
]
PolicyName = Annotated[str | None, typer.Option(help="Whose episodes; needed if a run has several policies.")]
Today = Annotated[str | None, typer.Option(help="ISO date that quarantines are held against. [today]")]

_GATE_HELP = """Say whether a candidate drives as well as a baseline.

Both sides are run folders of `drivegate run`, or baselines that `drivegate baseline update` stored.
Episodes are paired by route and repeat. For each gating metric of the rules the answer is

    PASS          it is shown to be worse by less than its margin, if at all

    FAIL          it is shown to be worse

    INCONCLUSIVE  neither: says how many more repeats would decide

    INVALID       the two cannot be compared: episodes missing or torn, other suite, software, server or
    traffic

and the worst one is the verdict. Repeats of a run can be added until the answer is clear, but only with
`--sequential`: deciding anew after every repeat with the ordinary tests finds regressions that are not there.

Examples:

    drivegate gate --baseline runs/main --candidate runs/pr

    drivegate gate --baseline ci/baselines/expert.json --candidate runs/pr --rules ci/gate.yaml

    drivegate gate --baseline runs/both --candidate runs/both --baseline-policy old:Net --policy new:Net

    drivegate gate --baseline runs/main --candidate runs/pr --sequential --budget 8

Exit codes: 0 PASS, 1 FAIL, 2 wrong use, 3 INCONCLUSIVE, 4 INVALID.
"""

_POWER_HELP = """Say what a suite can show, from the noise of a stored run.

Prints for each gating metric how much repeats of the same route differ, the smallest regression that a
campaign would find, and how many repeats per route are needed for an unchanged policy to PASS and for a
regression of twice the margin to FAIL. Needs a run with at least two repeats.

Example:

    drivegate run --suite longest6-town02 --policy expert --traffic 20 --repeats 6 --out runs/noise

    drivegate power runs/noise --repeats 3
"""

_CALIBRATE_HELP = """Try the gate on campaigns drawn from the noise of a stored run.

Without a defect both sides are the same policy (A/A), and every FAIL is a false alarm. With `--inject` the
candidate is made worse on one metric by a multiple of its margin, and every FAIL is a find.

Examples:

    drivegate calibrate runs/noise --repeats 3 --campaigns 500

    drivegate calibrate runs/noise --inject collisions --times 1 --times 2 --times 3

    drivegate calibrate runs/noise --repeats 8 --sequential
"""

_FLAKES_HELP = """Say which routes flip between success and failure although nothing changed.

Give several runs of the same policy under the same conditions (or one with repeats). The ledger lists
routes in quarantine: they are driven and reported but not weighed by `drivegate gate --flakes`, until the
date on which their quarantine expires. `--quarantine-above` adds the flakiest routes to it.

Examples:

    drivegate flakes runs/monday runs/tuesday runs/wednesday

    drivegate flakes runs/nightly --quarantine-above 0.3 --days 14 --ledger ci/flakes.json
"""

_UPDATE_HELP = """Store a run as the baseline that later runs are gated against.

If the file holds a baseline already, the run is gated against it first, and anything but PASS is refused.
`--accept` stores it all the same, and the file says what was accepted. The file is small: the numbers of each
episode, and where they came from (commit, suite hash, server, versions). Commit it.

Example:

    drivegate baseline update runs/main --out ci/baselines/expert.json
"""

_FIND_HELP = """Find the stored baseline that a run can be gated against, and print its path.

It must have been driven as the run was: policy, routes, seed, traffic, kind of server. If there is none,
nothing is printed but a hint on standard error how to make one; that is no error (exit code 0).

Example:

    drivegate baseline find runs/pr --shelf ci/baselines
"""

baseline_app = typer.Typer(help="Stored baselines.", no_args_is_help=True)


def add_gate_commands(app: typer.Typer) -> None:
    """Add the commands of this file to the application."""
    app.command("gate", help=_GATE_HELP)(gate)
    app.command("power", help=_POWER_HELP)(power)
    app.command("calibrate", help=_CALIBRATE_HELP)(calibrate)
    app.command("flakes", help=_FLAKES_HELP)(flakes)
    baseline_app.command("update", help=_UPDATE_HELP)(update)
    baseline_app.command("find", help=_FIND_HELP)(find)
    app.add_typer(baseline_app, name="baseline")


def gate(
    baseline: Annotated[Path, typer.Option(help="Run folder or stored baseline.")],
    candidate: Annotated[Path, typer.Option(help="Run folder (or stored baseline).")],
    rules: Rules = DEFAULT_RULES,
    policy: PolicyName = None,
    baseline_policy: Annotated[
        str | None, typer.Option(help="If the baseline's policy has another name.")
    ] = None,
    override: Override = None,
    sequential: Annotated[
        bool, typer.Option("--sequential", help="Look after every repeat, by tests that allow it.")
    ] = False,
    budget: Annotated[
        int | None, typer.Option(help="With --sequential: drive repeats until decided, up to so many.", min=1)
    ] = None,
    flakes: Annotated[Path | None, typer.Option(help="Flake ledger whose routes are not weighed.")] = None,
    today: Today = None,
) -> None:
    """Gate (the help text is above)."""

    def work() -> int:
        from harness.gate.rules import load_rules
        from harness.gate_view import print_gate

        if budget is not None and not sequential:
            raise ConfigError("--budget adds repeats after looking, which is honest with --sequential only.")
        found_rules = load_rules(rules, override or ())
        result = _compare(
            (baseline, baseline_policy), (candidate, policy), found_rules, sequential, budget, flakes, today
        )
        print_gate(console(), result)
        return result.verdict.exit_code

    finish(work)


def power(
    run: Annotated[Path, typer.Argument(help="Run folder or stored baseline with at least two repeats.")],
    rules: Rules = DEFAULT_RULES,
    repeats: Annotated[int, typer.Option(help="Repeats per route of the campaign to plan.", min=1)] = 3,
    chance: Annotated[
        float, typer.Option("--power", help="Wanted chance of finding it.", min=0.5, max=0.99)
    ] = 0.8,
    policy: PolicyName = None,
    override: Override = None,
) -> None:
    """Power (the help text is above)."""

    def work() -> int:
        from harness.gate.power import power_table
        from harness.gate.rules import load_rules
        from harness.gate_view import print_power

        found = load_rules(rules, override or ())
        rows = power_table(_load(run, policy, found), found, repeats=repeats, power=chance)
        print_power(console(), rows, found, repeats, chance)
        return 0

    finish(work)


def calibrate(
    run: Annotated[Path, typer.Argument(help="Run folder or stored baseline with at least two repeats.")],
    rules: Rules = DEFAULT_RULES,
    repeats: Annotated[int, typer.Option(help="Repeats per route of each campaign.", min=1)] = 3,
    campaigns: Annotated[int, typer.Option(help="How many to simulate.", min=1)] = 500,
    inject: Annotated[str | None, typer.Option(help="Metric to make worse.")] = None,
    times: Annotated[list[float] | None, typer.Option(help="By how many margins. Repeatable. [2]")] = None,
    sequential: Annotated[
        bool, typer.Option("--sequential", help="Gate as --sequential does, with --repeats as its budget.")
    ] = False,
    policy: PolicyName = None,
    override: Override = None,
) -> None:
    """Calibrate (the help text is above)."""

    def work() -> int:
        from harness.gate.calibration import Defect
        from harness.gate.calibration import calibrate as simulate
        from harness.gate.rules import load_rules
        from harness.gate_view import print_calibrations

        found = load_rules(rules, override or ())
        if inject is not None and inject not in found.gating:
            raise ConfigError(f"--inject {inject!r} is no gating metric; there are {', '.join(found.gating)}")
        sample = _load(run, policy, found)
        defects = [None] if inject is None else [Defect(inject, factor) for factor in times or [2.0]]
        rows = [
            simulate(sample, found, repeats=repeats, campaigns=campaigns, defect=one, sequential=sequential)
            for one in defects
        ]
        print_calibrations(console(), rows)
        return 0

    finish(work)


def flakes(
    runs: Annotated[list[Path], typer.Argument(help="Run folders or stored baselines of one policy.")],
    ledger: Annotated[Path, typer.Option(help="The ledger.")] = DEFAULT_LEDGER,
    quarantine_above: Annotated[
        float | None, typer.Option(help="Set routes aside whose flip rate is higher.", min=0.0, max=1.0)
    ] = None,
    days: Annotated[int, typer.Option(help="Until their quarantine expires.", min=1)] = 14,
    forget_expired: Annotated[
        bool, typer.Option("--forget-expired", help="Take entries that ran out from the ledger.")
    ] = False,
    policy: PolicyName = None,
    today: Today = None,
) -> None:
    """Flakes (the help text is above)."""

    def work() -> int:
        from harness.gate.flakes import flips, quarantine_for, read_ledger, write_ledger
        from harness.gate.sample import load_sample
        from harness.gate_view import print_flakes
        from harness.score.rules import ScoreVersion

        found = flips([load_sample(path, policy, ScoreVersion.LB2_1) for path in runs])
        before = book = read_ledger(ledger)
        date = _today(today)
        if forget_expired:
            book = book.without(book.expired(date))
        if quarantine_above is not None:
            for one in found:
                if one.flip_rate > quarantine_above:
                    book = book.with_quarantine(quarantine_for(one, date, days))
        if book != before:
            write_ledger(ledger, book)
        print_flakes(console(), found, book, date)
        return 0

    finish(work)


def update(
    run: Annotated[Path, typer.Argument(help="Run folder.")],
    out: Annotated[Path, typer.Option(help="Baseline file, such as ci/baselines/expert.json.")],
    rules: Rules = DEFAULT_RULES,
    policy: PolicyName = None,
    accept: Annotated[
        bool, typer.Option("--accept", help="Store it although the gate does not pass; the file says so.")
    ] = False,
    commit: Annotated[str | None, typer.Option(help="Commit of the policy. [git's HEAD here]")] = None,
    override: Override = None,
    today: Today = None,
) -> None:
    """Update (the help text is above)."""

    def work() -> int:
        from harness.gate.baseline import Provenance, read_baseline, write_baseline
        from harness.gate.decide import gate as compare
        from harness.gate.model import Verdict
        from harness.gate.rules import load_rules
        from harness.gate_view import print_gate

        found = load_rules(rules, override or ())
        sample = _load(run, policy, found)
        accepted = ""
        if out.exists():
            result = compare(read_baseline(out).sample, sample, found)
            print_gate(console(), result)
            if result.verdict is not Verdict.PASS:
                said = f"{result.verdict.value.upper()}: {'; '.join(result.reasons)}"
                if not accept:
                    return complain(
                        f"{out} is left as it is, because the run does not pass against it. {said}. If"
                        " that is wanted, say --accept.",
                        result.verdict.exit_code,
                    )
                accepted = said
        origin = Provenance(commit or commit_of(Path.cwd()), _today(today), run.name, accepted)
        write_baseline(out, sample, origin)
        console().print(f"{out}: {len(sample.episodes)} episodes of {sample.policy}", highlight=False)
        return 0

    finish(work)


def find(
    run: Annotated[Path, typer.Argument(help="Run folder.")],
    shelf: Annotated[Path, typer.Option(help="Folder with stored baselines.")] = DEFAULT_SHELF,
    policy: PolicyName = None,
    rules: Rules = DEFAULT_RULES,
) -> None:
    """Find (the help text is above)."""

    def work() -> int:
        from harness.gate.rules import load_rules
        from harness.gate.shelf import find_baseline

        sample = _load(run, policy, load_rules(rules))
        found = find_baseline(shelf, sample)
        if found.path is not None:
            console().print(str(found.path), highlight=False, markup=False, soft_wrap=True)
            return 0
        have = "".join(f"\n  {reason}" for reason in found.why_not)
        make = f"drivegate baseline update {run} --policy {sample.policy} --out {shelf / 'NAME.json'}"
        return complain(
            f"{shelf} has no baseline for {sample.label}, so there is no verdict.{have}\nIf it drove"
            f" well, make one: {make}",
            0,
        )

    finish(work)


def _compare(
    baseline: tuple[Path, str | None],
    candidate: tuple[Path, str | None],
    rules: GateRules,
    sequential: bool,
    budget: int | None,
    ledger: Path | None,
    today: str | None,
) -> GateResult:
    """Load both sides and decide; with a budget, drive on until decided."""
    from harness.gate.model import Verdict

    while True:
        ours = _load(*candidate, rules)
        theirs = _load(baseline[0], baseline[1] or _same_name(baseline[0], candidate[1]), rules)
        result = decide_on(theirs, ours, rules, sequential, ledger, today)
        driven = 1 + max((episode.key.repeat for episode in ours.episodes), default=0)
        if budget is None or driven >= budget or result.verdict is not Verdict.INCONCLUSIVE:
            return result
        _drive_on(baseline[0], candidate[0], driven + 1)


def decide_on(
    baseline: Sample,
    candidate: Sample,
    rules: GateRules,
    sequential: bool,
    ledger: Path | None,
    today: str | None,
) -> GateResult:
    """Pair two campaigns, leave out what is in quarantine, and decide."""
    from harness.gate.decide import decide
    from harness.gate.flakes import read_ledger
    from harness.gate.pairing import pair_up
    from harness.gate.sequential import decide_sequentially

    quarantined = (
        () if ledger is None else read_ledger(ledger).active(candidate.conditions.suite_sha256, _today(today))
    )
    pairing = pair_up(baseline, candidate, rules, quarantined)
    return decide_sequentially(pairing, rules) if sequential else decide(pairing, rules)


def _drive_on(baseline: Path, candidate: Path, repeats: int) -> None:
    """Give both sides one repeat more, where they lack it.

    Raises:
        ConfigError: a stored baseline cannot be driven on.
    """
    from harness.campaign.run import extend_run
    from harness.gate.baseline import read_baseline

    for path in dict.fromkeys((baseline, candidate)):
        if path.is_dir():
            extend_run(path, repeats, console())
        elif max(episode.key.repeat for episode in read_baseline(path).sample.episodes) + 1 < repeats:
            raise ConfigError(
                f"{path} has fewer than {repeats} repeats, and a stored baseline cannot be driven on: name"
                " the run folder, or lower --budget."
            )


def _load(path: Path, policy: str | None, rules: GateRules) -> Sample:
    from harness.gate.sample import load_sample

    return load_sample(path, policy, rules.score_version)


def _same_name(path: Path, policy: str | None) -> str | None:
    """The candidate's policy if the baseline has one of that name; else leave the choice to the file."""
    from harness.gate.sample import policies_of

    return policy if policy is not None and path.is_dir() and policy in policies_of(path) else None


def _today(given: str | None) -> str:
    """The date that quarantines are held against.

    Raises:
        ConfigError: what was given is no date.
    """
    if given is None:
        return datetime.datetime.now(datetime.UTC).date().isoformat()
    try:
        return datetime.date.fromisoformat(given).isoformat()
    except ValueError as error:
        raise ConfigError(f"--today {given!r} is no date; write it as 2026-11-20") from error
