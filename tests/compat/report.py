"""The table of a run, and whether each case came out as it is known to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from tests.compat import checkouts
from tests.compat.cases import Case
from tests.compat.runs import Result

Expected = Mapping[str, Mapping[str, Any]]
"""By the name of a case: `outcome`, `failed`, and `why` where the outcome is no success."""


@dataclass(frozen=True)
class Verdict:
    """How a result compares with what is known.

    Attributes:
        good: as expected.
        word: for the table.
    """

    good: bool
    word: str


def verdict(case: Case, result: Result, expected: Expected) -> Verdict:
    """Compare a result with what is known of the case."""
    known = expected.get(case.name)
    if known is None:
        return Verdict(False, "not known yet")
    if (known["outcome"], known["failed"]) == (result.outcome, result.failed):
        return Verdict(True, "as expected")
    return Verdict(False, f"expected {_said(known['outcome'], known['failed'])}")


def line(case: Case, result: Result, judged: Verdict) -> str:
    """A case that has ended."""
    return (
        f"{case.name} ({case.town}): {_said(result.outcome, result.failed)}, {judged.word}; {result.wall_s} s"
    )


def table(cases: Sequence[Case], results: Mapping[str, Result], expected: Expected) -> Table:
    """Every case with its result."""
    shown = Table(title="ScenarioRunner and Leaderboard")
    for column in ("case", "town", "at the wheel", "result", ""):
        shown.add_column(column)
    for case in cases:
        result = results[case.name]
        judged = verdict(case, result, expected)
        shown.add_row(
            case.name,
            case.town,
            case.manners or "the scenario",
            _said(result.outcome, result.failed),
            judged.word if judged.good else f"[red]{judged.word}[/]",
        )
    return shown


def accepted(expected: Expected, results: Mapping[str, Result]) -> dict[str, dict[str, Any]]:
    """What is expected from now on; a reason stays as long as the result that it explains."""
    new = {name: dict(known) for name, known in expected.items()}
    for name, result in results.items():
        known = new.get(name, {})
        same = (known.get("outcome"), known.get("failed")) == (result.outcome, result.failed)
        why = {"why": known["why"]} if same and "why" in known else {}
        new[name] = {"outcome": result.outcome, "failed": result.failed} | why
    return new


def write(path: Path, cases: Sequence[Case], results: Mapping[str, Result], expected: Expected) -> None:
    """Store every result with what was expected of it."""
    pins = (checkouts.SCENARIO_RUNNER, checkouts.LEADERBOARD, checkouts.AGENTS)
    content = {
        "pinned": {pin.name: {"version": pin.version, "commit": pin.commit} for pin in pins},
        "cases": [
            case.as_json()
            | results[case.name].as_json()
            | {"as_expected": verdict(case, results[case.name], expected).good}
            for case in cases
        ],
    }
    path.write_text(json.dumps(content, indent=1) + "\n")


def _said(outcome: str, failed: Sequence[str]) -> str:
    return f"{outcome}: {', '.join(failed)}" if failed else outcome
