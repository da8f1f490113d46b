"""What a case came to, read from what ScenarioRunner printed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.compat.cases import Case, Client
from tests.compat.runs import Result, read

CASE = Case("Some-Scenario_1", Client.SCENARIO, "Town01", "Scenario_1")

ROW = "│ {actor} │ {name} │ {result} │ {value} │ 0 │"


def _read(folder: Path, rows: list[tuple[str, str]], *, hung: bool = False) -> Result:
    lines = [ROW.format(actor="mkz (id=9)", name=name, result=said, value="1") for name, said in rows]
    (folder / "log.txt").write_text("\n".join([*lines, "COMPAT drove 12 m", ""]))
    ended = {"case": CASE.as_json(), "hung": hung, "wall_s": 3.0}
    (folder / "ended.json").write_text(json.dumps(ended))
    return read(CASE, folder)


@pytest.mark.parametrize(
    ("rows", "outcome", "failed"),
    [
        ([("CollisionTest (Req.)", "SUCCESS"), ("GLOBAL RESULT", "SUCCESS")], "success", []),
        (
            [("CollisionTest (Req.)", "FAILURE"), ("GLOBAL RESULT", "FAILURE")],
            "failure",
            ["CollisionTest"],
        ),
        ([("Timeout (Req.)", "FAILURE"), ("GLOBAL RESULT", "TIMEOUT")], "timeout", ["Timeout"]),
    ],
)
def test_the_words_of_scenario_runner_are_kept(
    rows: list[tuple[str, str]], outcome: str, failed: list[str], tmp_path: Path
) -> None:
    result = _read(tmp_path, rows)
    assert (result.outcome, result.failed, result.details["driven_m"]) == (outcome, failed, 12)


def test_who_is_stopped_in_the_tick_of_its_timeout_has_no_success(tmp_path: Path) -> None:
    """ScenarioRunner's sum says SUCCESS there, while its table says that the time ran out."""
    result = _read(tmp_path, [("Timeout (Req.)", "FAILURE"), ("GLOBAL RESULT", "SUCCESS")])
    assert (result.outcome, result.failed) == ("timeout", ["Timeout"])


@pytest.mark.parametrize(("hung", "outcome"), [(True, "hung"), (False, "not run")])
def test_a_client_without_a_result_gave_up_or_hung(hung: bool, outcome: str, tmp_path: Path) -> None:
    assert _read(tmp_path, [], hung=hung).outcome == outcome
