"""The table of a run, and whether each case came out as it is known to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from tests.compat import checkouts
from tests.compat.cases import Case, Client
from tests.compat.runs import Result

Expected = Mapping[str, Mapping[str, Any]]
"""By the name of a case: `outcome`, `failed`, and `why` where the outcome is no success."""


_PROVOKED = {
    Client.ROUTE: {
        "runs-red-lights": "RunningRedLightTest",
        "runs-stop-signs": "RunningStopTest",
        "rams": "CollisionTest",
    },
    Client.LEADERBOARD: {
        "runs-red-lights": "red_light",
        "runs-stop-signs": "stop_infraction",
        "rams": "collisions_vehicle",
    },
}
"""What must fail where the pilot drives badly on purpose, by its manners."""

_NEVER = frozenset(
    {
        *("RouteCompletionTest", "RunningRedLightTest", "RunningStopTest", "InRouteTest", "AgentBlockedTest"),
        *("red_light", "stop_infraction", "route_dev", "vehicle_blocked", "route_timeout"),
    }
)
"""What must not fail where it drives well. Collisions are not among them: others run into it."""


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
    """Compare a result with what is known of the case.

    Example scenarios come out the same each time. On routes CARLA's traffic manager drives the others, and
    its worker thread makes every run a little different: there the provoked criterion must fail, and who
    drives well must come to the end without the faults of `_NEVER`.
    """
    if case.client in _PROVOKED:
        return _verdict_on_a_route(case, result)
    known = expected.get(case.name)
    if known is None:
        return Verdict(False, "not known yet")
    if (known["outcome"], known["failed"]) == (result.outcome, result.failed):
        return Verdict(True, "as expected")
    return Verdict(False, f"expected {_said(known['outcome'], known['failed'])}")


def _verdict_on_a_route(case: Case, result: Result) -> Verdict:
    provoked = _PROVOKED[case.client].get(case.manners)
    if provoked is not None:
        good = provoked in result.failed
        return Verdict(good, f"{provoked} fires" if good else f"{provoked} should fire")
    if result.outcome not in ("success", "failure"):
        return Verdict(False, "expected to come to the end")
    faults = sorted(_NEVER.intersection(result.failed))
    return Verdict(not faults, f"should not: {', '.join(faults)}" if faults else "completed")


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
    routes = tuple(f"{client.value}-" for client in _PROVOKED)
    for name, result in results.items():
        if name.startswith(routes):
            continue
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
