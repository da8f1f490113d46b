"""What `make compat` makes of the clients' output, and how it recognises them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.compat import checkouts, report
from tests.compat.cases import Case, Client
from tests.compat.runs import Result, has_ended, read

CASE = Case("a", Client.SCENARIO, "Town01", "A_1")

TABLE = """
│ Actor            │ Criterion            │ Result  │ Actual Value │ Success Value │
│ tesla.model3 (id=1) │ CollisionTest (Req.) │ {collision} │ 2 │ 0 │
│                  │ Timeout (Req.)       │ SUCCESS │ 29.3         │ 60            │
│                  │ GLOBAL RESULT        │ {result} │              │               │
COMPAT drove 197 m
"""


def ended(folder: Path, case: Case, log: str, *, hung: bool = False) -> Path:
    (folder / "log.txt").write_text(log)
    (folder / "ended.json").write_text(json.dumps({"case": case.as_json(), "hung": hung, "wall_s": 1.5}))
    return folder


def test_a_table_is_read_with_its_failed_criteria(tmp_path: Path) -> None:
    log = TABLE.format(collision="FAILURE", result="FAILURE")
    result = read(CASE, ended(tmp_path, CASE, log))
    assert (result.outcome, result.failed) == ("failure", ["CollisionTest"])
    assert result.details == {"CollisionTest": "2", "Timeout": "29.3", "driven_m": 197}
    assert result.wall_s == 1.5


def test_a_good_table_is_a_success(tmp_path: Path) -> None:
    result = read(CASE, ended(tmp_path, CASE, TABLE.format(collision="SUCCESS", result="SUCCESS")))
    assert (result.outcome, result.failed) == ("success", [])


def test_a_client_that_says_nothing_did_not_run(tmp_path: Path) -> None:
    result = read(CASE, ended(tmp_path, CASE, "Traceback\nValueError: no"))
    assert result.outcome == "not run"
    assert result.details["log"][-1] == "ValueError: no"


def test_a_scenario_without_criteria_was_played(tmp_path: Path) -> None:
    log = "Nothing to analyze, this scenario has no criteria\n"
    assert read(CASE, ended(tmp_path, CASE, log)).outcome == "played"


def test_a_killed_client_hung(tmp_path: Path) -> None:
    assert read(CASE, ended(tmp_path, CASE, "", hung=True)).outcome == "hung"


def test_the_leaderboards_record_is_read(tmp_path: Path) -> None:
    case = replace(CASE, client=Client.LEADERBOARD)
    record = {
        "status": "Completed",
        "scores": {"score_composed": 70.0},
        "infractions": {"red_light": ["Agent ran a red light"], "stop_infraction": []},
    }
    (tmp_path / "result.json").write_text(json.dumps({"_checkpoint": {"records": [record]}}))
    result = read(case, ended(tmp_path, case, ""))
    assert (result.outcome, result.failed) == ("success", ["red_light"])
    assert result.details["score_composed"] == 70.0


def test_a_run_of_another_case_is_not_taken_for_this_one(tmp_path: Path) -> None:
    ended(tmp_path, CASE, "")
    assert has_ended(CASE, tmp_path)
    assert not has_ended(replace(CASE, limit_s=1.0), tmp_path)


def test_a_result_is_judged_by_outcome_and_failed_criteria() -> None:
    expected = {"a": {"outcome": "failure", "failed": ["CollisionTest"], "why": "rammed"}}
    assert report.verdict(CASE, Result("failure", ["CollisionTest"]), expected).good
    assert not report.verdict(CASE, Result("failure", ["RunningStopTest"]), expected).good
    assert not report.verdict(CASE, Result("success"), expected).good
    assert not report.verdict(CASE, Result("success"), {}).good


@pytest.mark.parametrize(
    ("client", "manners", "failed", "good"),
    [
        (Client.ROUTE, "runs-red-lights", ["CollisionTest", "RunningRedLightTest"], True),
        (Client.ROUTE, "runs-red-lights", ["CollisionTest"], False),
        (Client.LEADERBOARD, "runs-stop-signs", ["stop_infraction"], True),
        (Client.LEADERBOARD, "runs-stop-signs", [], False),
        (Client.ROUTE, "autopilot", ["CollisionTest"], True),
        (Client.ROUTE, "autopilot", ["RouteCompletionTest"], False),
        (Client.LEADERBOARD, "autopilot", ["red_light"], False),
    ],
)
def test_on_a_route_what_was_provoked_must_fail_and_who_drives_well_must_arrive(
    client: Client, manners: str, failed: list[str], good: bool
) -> None:
    case = replace(CASE, client=client, manners=manners)
    assert report.verdict(case, Result("failure", failed), {}).good is good


def test_a_route_that_did_not_run_is_no_good() -> None:
    case = replace(CASE, client=Client.LEADERBOARD)
    assert not report.verdict(case, Result("failed - agent crashed"), {}).good


def test_a_reason_stays_only_with_the_result_that_it_explains() -> None:
    expected = {"a": {"outcome": "not run", "failed": [], "why": "its own defect"}}
    assert report.accepted(expected, {"a": Result("not run")}) == expected
    assert report.accepted(expected, {"a": Result("success")}) == {"a": {"outcome": "success", "failed": []}}


def test_a_checkout_is_known_by_its_text_whatever_its_line_ends(tmp_path: Path) -> None:
    pin = checkouts.Pin("Client", "1", "abc", ("client",), "client/main.py", "")
    (tmp_path / "client").mkdir()
    text = tmp_path / "client/main.py"
    text.write_bytes(b"a\nb\n")
    pin = replace(pin, sha256=checkouts.fingerprint(pin, tmp_path))
    text.write_bytes(b"a\r\nb\r\n")
    assert checkouts.find(pin, tmp_path) == (tmp_path.resolve(), None)
    text.write_bytes(b"a\nc\n")
    _, difference = checkouts.find(pin, tmp_path)
    assert difference is not None
    assert "abc" in difference


def test_a_path_without_the_client_names_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(checkouts.CheckoutError, match=r"scenario_runner\.py is missing"):
        checkouts.find(checkouts.SCENARIO_RUNNER, tmp_path)
