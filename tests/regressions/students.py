"""Does the gate find a spoilt student, and let a retrained one pass?

Drives, over the held-out routes of `make closed-loop`: the shipped student with noise on its weights, one
that was never trained, and those that are named. All are gated against the shipped student's baseline by
`ci/gate.yaml`. Ends in exit code 1 if one that is spoilt does not FAIL, or one that was retrained does.
Interrupted, it goes on.

    python -m tests.regressions.students --workers 2 --retrained runs/seed43/checkpoints/student/best
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from harness.gate.model import Verdict
from harness.score import ScoreVersion, score_run
from policies.checkpoint import find_checkpoint
from tests.regressions.__main__ import ROOT, RULES, drivegate
from tests.support.spoilt_students import noised, untrained

BASELINE = ROOT / "ci/baselines/held-out-student.json"
SUITE = "held-out-town02"
_VERDICTS = {verdict.exit_code: verdict for verdict in Verdict}


@dataclass(frozen=True)
class Student:
    """A candidate."""

    name: str
    checkpoint: Path
    must_fail: bool


def main() -> int:
    """Drive, gate, print; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--retrained", nargs="*", default=[], type=Path, help="checkpoints of the same recipe"
    )
    parser.add_argument("--traffic", type=int, default=0, help="background vehicles; the baseline has none")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("runs/students"))
    options = parser.parse_args()
    out: Path = options.out.resolve()
    shipped = find_checkpoint("shipped/student")
    students = [
        Student("untrained", untrained(out / "checkpoints/untrained").manifest_path, must_fail=True),
        Student("noised", noised(shipped, out / "checkpoints/noised").manifest_path, must_fail=True),
        *(Student(f"retrained-{i + 1}", path.resolve(), False) for i, path in enumerate(options.retrained)),
    ]
    table = Table("student", "driving score", "route completion %", "verdict", "as it must")
    wrong = 0
    for student in students:
        run, log = out / student.name, out / f"{student.name}.log"
        words = ["--suite", SUITE, "--policy", "student", "--seed", 0, "--traffic", options.traffic]
        words += ["--policy-arg", f"student.checkpoint={student.checkpoint}", "--workers", options.workers]
        code = drivegate("run", *words, "--out", run, "--resume", log=log)
        if code != 0:
            raise SystemExit(f"{student.name}: drivegate run ended with {code}; see {log}")
        sides = ("--baseline", BASELINE, "--candidate", run, "--policy", "student", "--rules", RULES)
        verdict = _VERDICTS[drivegate("gate", *sides, log=log)]
        (score,) = score_run(run, ScoreVersion.LB2_1).per_policy
        right = (verdict is Verdict.FAIL) if student.must_fail else (verdict is not Verdict.FAIL)
        wrong += not right
        figures = (score.driving_score.value, score.route_completion_pct.value)
        row = (student.name, *("" if value is None else f"{value:.1f}" for value in figures))
        print(*row, verdict.value, flush=True)
        table.add_row(*row, verdict.value.upper(), "yes" if right else "NO")
    Console(width=120).print(table)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
