"""Driving scores with numbers computed by hand from the official rules, and what a run refuses to score."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from harness.events import Event, EventType
from harness.outcome import Outcome
from harness.record import CorruptRecordError, EpisodeRecord, read_episode
from harness.record.files import sha256_of
from harness.record.run_folder import PlannedEpisode, attempt_folder
from harness.score import (
    EpisodeScore,
    EpisodeStatus,
    FailureReason,
    ScoreError,
    ScoreVersion,
    score_episode,
    score_run,
)
from harness.score.card import _sample_std
from harness.score.rescore import EventMismatchError, check_events
from tests.support.facts_builder import episode_facts, hit, straight_route, tick_facts
from tests.support.records import drive_and_record, header, write_plan

LB2_0, LB2_1 = ScoreVersion.LB2_0, ScoreVersion.LB2_1
PEDESTRIAN, VEHICLE, STATIC = (
    EventType.COLLISION_PEDESTRIAN,
    EventType.COLLISION_VEHICLE,
    EventType.COLLISION_STATIC,
)
RED, STOP, OUTSIDE = EventType.RED_LIGHT, EventType.STOP_SIGN, EventType.OUTSIDE_ROUTE_LANES
TIMEOUT, DEVIATED, BLOCKED = EventType.ROUTE_TIMEOUT, EventType.ROUTE_DEVIATION, EventType.BLOCKED


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> EpisodeRecord:
    folder = tmp_path_factory.mktemp("record") / "attempt-0"
    drive_and_record(folder, episode_facts(), [])
    return read_episode(folder)


def score(
    template: EpisodeRecord,
    version: ScoreVersion,
    counts: Mapping[EventType, int],
    *,
    completion_pct: float = 100.0,
    outside_pct: float | None = None,
    outcome: Outcome | None = None,
) -> EpisodeScore:
    """Score of an episode with so many infractions."""
    events = [Event(1, kind, {}) for kind, count in counts.items() for _ in range(count)]
    if outside_pct is not None:
        events.append(Event(1, OUTSIDE, {"distance_m": 1.0, "percentage": outside_pct}))
    if completion_pct == 100.0:
        events.append(Event(1, EventType.ROUTE_COMPLETED, {}))
    events.append(Event(1, EventType.ROUTE_COMPLETION, {"route_completion_pct": completion_pct}))
    if outcome is None:
        outcome = Outcome.COMPLETED if completion_pct == 100.0 else Outcome.ENDED_BY_RULE
    return score_episode(replace(template, events=tuple(events), outcome=outcome), version)


@pytest.mark.parametrize(
    ("counts", "lb2_0", "lb2_1"),
    [
        # 2.0: factors 0.5, 0.6, 0.65, 0.7, 0.8. 2.1: 1 / (1 + sum) with addends 1.0, 0.7, 0.6, 0.4, 0.25.
        ({}, 1.0, 1.0),
        ({PEDESTRIAN: 1}, 0.5, 0.5),  # 1 / 2
        ({VEHICLE: 1}, 0.6, 0.588235),  # 1 / 1.7
        ({STATIC: 1}, 0.65, 0.625),  # 1 / 1.6
        ({RED: 1}, 0.7, 0.714286),  # 1 / 1.4
        ({STOP: 1}, 0.8, 0.8),  # 1 / 1.25
        ({VEHICLE: 3}, 0.216, 0.322581),  # 0.6^3; 1 / 3.1
        # 0.5 * 0.6 * 0.65 * 0.7 * 0.8 = 0.1092; 1 / (1 + 1 + 0.7 + 0.6 + 0.4 + 0.25) = 1 / 3.95
        ({PEDESTRIAN: 1, VEHICLE: 1, STATIC: 1, RED: 1, STOP: 1}, 0.1092, 0.253165),
        ({RED: 2, STOP: 1}, 0.392, 0.487805),  # 0.49 * 0.8; 1 / 2.05
        ({VEHICLE: 20}, 0.000037, 0.066667),  # 0.6^20 = 3.656e-5; 1 / 15
    ],
)
def test_penalties(
    template: EpisodeRecord, counts: Mapping[EventType, int], lb2_0: float, lb2_1: float
) -> None:
    assert score(template, LB2_0, counts).penalty == lb2_0
    assert score(template, LB2_1, counts).penalty == lb2_1


@pytest.mark.parametrize(
    ("version", "penalty", "driving_score"),
    [
        # Outside lanes for 20 % of the way multiplies by 0.8 in both, beside the sum in 2.1.
        (LB2_0, 0.48, 24.0),  # 0.8 * 0.6; 50 % * 0.48
        (LB2_1, 0.470588, 23.529412),  # 0.8 / 1.7; 50 * 0.47058823... rounded once
    ],
)
def test_outside_lanes_and_partial_completion(
    template: EpisodeRecord, version: ScoreVersion, penalty: float, driving_score: float
) -> None:
    result = score(template, version, {VEHICLE: 1, BLOCKED: 1}, completion_pct=50.0, outside_pct=20.0)
    assert (result.penalty, result.driving_score) == (penalty, driving_score)
    assert result.route_completion_pct == 50.0


@pytest.mark.parametrize("kind", [TIMEOUT, DEVIATED, BLOCKED])
@pytest.mark.parametrize("version", list(ScoreVersion))
def test_what_ends_a_route_costs_its_rest_and_no_factor(
    template: EpisodeRecord, version: ScoreVersion, kind: EventType
) -> None:
    result = score(template, version, {kind: 1}, completion_pct=42.42)
    assert (result.penalty, result.driving_score) == (1.0, 42.42)


def test_status(template: EpisodeRecord) -> None:
    perfect = score(template, LB2_1, {})
    assert (perfect.status, perfect.failure, perfect.is_success) == (EpisodeStatus.PERFECT, None, True)
    completed = score(template, LB2_1, {STOP: 1}, outside_pct=1.0)
    assert (completed.status, completed.failure, completed.is_success) == (
        EpisodeStatus.COMPLETED,
        None,
        False,
    )
    assert completed.infraction_count == 2
    assert score(template, LB2_1, {}, outside_pct=0.5).status is EpisodeStatus.COMPLETED


@pytest.mark.parametrize(
    ("counts", "outcome", "failure"),
    [
        ({TIMEOUT: 1}, None, FailureReason.TIMED_OUT),
        ({DEVIATED: 1}, None, FailureReason.DEVIATED),
        ({BLOCKED: 1}, None, FailureReason.BLOCKED),
        ({}, Outcome.POLICY_FAULT, FailureReason.POLICY_FAULT),
        # The Leaderboard's message is overwritten in this order: crash, timeout, deviation, blocked.
        ({TIMEOUT: 1, DEVIATED: 1}, None, FailureReason.DEVIATED),
        ({TIMEOUT: 1, BLOCKED: 1, DEVIATED: 1}, None, FailureReason.BLOCKED),
    ],
)
def test_failure(
    template: EpisodeRecord,
    counts: Mapping[EventType, int],
    outcome: Outcome | None,
    failure: FailureReason,
) -> None:
    result = score(template, LB2_1, counts, completion_pct=10.0, outcome=outcome)
    assert (result.status, result.failure, result.is_success) == (EpisodeStatus.FAILED, failure, False)


def test_all_the_way_is_not_completed_without_the_goal(template: EpisodeRecord) -> None:
    """The last point may be passed without the goal's 10 m ever being reached."""
    events = (Event(1, DEVIATED, {}), Event(1, EventType.ROUTE_COMPLETION, {"route_completion_pct": 100.0}))
    record = replace(template, events=events, outcome=Outcome.ENDED_BY_RULE)
    assert score_episode(record, LB2_1).status is EpisodeStatus.FAILED


@pytest.mark.parametrize(
    ("counts", "completion_pct", "outcome"),
    [
        ({}, 50.0, Outcome.COMPLETED),
        ({}, 50.0, Outcome.ENDED_BY_RULE),
        ({BLOCKED: 1}, 100.0, Outcome.ENDED_BY_RULE),
        ({}, 100.0, Outcome.INFRA_FAULT),
    ],
)
def test_an_outcome_that_its_events_deny_is_not_scored(
    template: EpisodeRecord, counts: Mapping[EventType, int], completion_pct: float, outcome: Outcome
) -> None:
    with pytest.raises(ScoreError):
        score(template, LB2_1, counts, completion_pct=completion_pct, outcome=outcome)


# -- runs
# ---------------------------------------------------------------------------------------------------------

FACTS = episode_facts(straight_route(40))


def record(
    run: Path,
    episode: PlannedEpisode,
    metres: int,
    *,
    attempt: int = 0,
    bumps: int = 0,
    fault: Outcome | None = None,
) -> Path:
    """A drive over so many of 40 m with contacts every 10 m; 40 m complete it, less is a policy fault."""
    folder = attempt_folder(run, episode, attempt)
    ticks = [
        tick_facts(
            k, k + 0.5, collisions=(hit(-1, "static.road"),) if 1 <= k / 10 <= bumps and k % 10 == 0 else ()
        )
        for k in range(metres + 2)
    ]
    if metres < 40:
        ticks = ticks[: metres + 1]
    drive_and_record(
        folder,
        FACTS,
        ticks,
        head=header(episode.policy, episode.route_id, episode.repeat, attempt),
        fault=fault,
    )
    return folder


A1, A2, A3, B1 = (PlannedEpisode(p, r, 0) for p, r in (("a", "1"), ("a", "2"), ("a", "3"), ("expert", "1")))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Two policies: `a` with 100, 50 and 100 % of which one has a contact, `expert` with 100."""
    folder = tmp_path / "run"
    write_plan(folder, [A1, A2, A3, B1])
    record(folder, A1, 40)
    record(folder, A2, 20)
    record(folder, A3, 40, bumps=1)
    record(folder, B1, 40)
    return folder


def test_a_complete_run(run: Path) -> None:
    card = score_run(run, LB2_1)
    assert (card.version, card.n_planned, card.n_valid) == (LB2_1, 4, 4)
    assert card.not_judged == (
        "scenario_timeouts",
        "yield_emergency_vehicle_infractions",
        "min_speed_infractions",
    )
    assert [(s.episode, s.driving_score) for s in card.per_episode] == [
        (A1, 100.0),
        (A2, 50.0),
        (A3, 62.5),
        (B1, 100.0),
    ]
    a, expert = card.per_policy
    assert (a.policy, a.privileged, expert.policy, expert.privileged) == ("a", False, "expert", True)
    # (100 + 50 + 62.5) / 3; deviations 29.1667, -20.8333, -8.3333: (850.69 + 434.03 + 69.44) / 2 = 677.08,
    # root 26.0208
    assert a.driving_score.value == pytest.approx(212.5 / 3)
    assert a.driving_score.n == 3
    assert a.driving_score_std.value == pytest.approx(26.020825)
    assert a.driving_score_valid == a.driving_score
    assert a.driving_score_crash_as_zero == a.driving_score
    assert a.route_completion_pct.value == pytest.approx(250 / 3)
    assert a.penalty.value == pytest.approx(2.625 / 3)
    assert a.success_pct.value == pytest.approx(100 / 3)
    assert expert.driving_score.value == 100.0
    assert expert.driving_score_std.value is None
    assert score_run(run, LB2_0).per_policy[0].driving_score.value == pytest.approx((100 + 50 + 65) / 3)


def test_two_episodes_have_a_standard_deviation() -> None:
    assert _sample_std([50.0, 100.0]).value == pytest.approx(35.355339)
    assert _sample_std([50.0]).value is None


def test_what_is_missing_makes_the_mean_missing_and_is_counted(run: Path) -> None:
    a4, a5 = PlannedEpisode("a", "4", 0), PlannedEpisode("a", "5", 0)
    write_plan(run, [A1, A2, A3, B1, a4, a5])
    record(run, a4, 10, fault=Outcome.INFRA_FAULT)
    record(run, a4, 10, attempt=1, fault=Outcome.INFRA_FAULT)
    card = score_run(run, LB2_1)
    assert (card.n_planned, card.n_valid) == (6, 4)
    a = card.per_policy[0]
    assert (a.n_planned, a.n_valid, a.n_infra_fault, a.n_incomplete, a.n_retries) == (5, 3, 1, 1, 1)
    assert a.driving_score.value is None
    assert a.driving_score.why_missing == "2 of 5 planned episodes have no valid record"
    assert a.driving_score_valid.value == pytest.approx(212.5 / 3)
    assert a.driving_score_crash_as_zero.value == pytest.approx(212.5 / 5)
    assert a.driving_score_std.n == 3


def test_a_retry_after_a_fault_counts_but_not_where_crashes_count_as_zero(run: Path) -> None:
    a4 = PlannedEpisode("a", "4", 0)
    write_plan(run, [A1, A2, A3, B1, a4])
    record(run, a4, 10, fault=Outcome.INFRA_FAULT)
    record(run, a4, 40, attempt=1)
    a = score_run(run, LB2_1).per_policy[0]
    assert (a.n_valid, a.n_infra_fault, a.n_retries) == (4, 0, 1)
    assert a.driving_score.value == pytest.approx(312.5 / 4)
    assert a.driving_score_crash_as_zero.value == pytest.approx(212.5 / 4)


def test_faults_without_a_record_are_in_the_log_and_count(run: Path) -> None:
    """A server that never came up, or a dead worker, leaves no record."""
    lines = [
        {"policy": A1.policy, "route_id": A1.route_id, "repeat": A1.repeat, "kind": "worker_died"},
        {"policy": B1.policy, "route_id": B1.route_id, "repeat": B1.repeat, "kind": "server_start"},
    ]
    (run / "infra.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (attempt_folder(run, B1, 0) / "outcome.json").unlink()
    a, expert = score_run(run, LB2_1).per_policy
    assert (a.n_valid, a.n_infra_fault, a.n_incomplete) == (3, 0, 0)
    assert a.driving_score.value == pytest.approx(212.5 / 3)
    assert a.driving_score_crash_as_zero.value == pytest.approx(112.5 / 3)
    assert (expert.n_valid, expert.n_infra_fault, expert.n_incomplete) == (0, 1, 0)
    (run / "infra.jsonl").write_text('{"policy": "a"}\n')
    with pytest.raises(CorruptRecordError, match=r"infra\.jsonl.*line 1"):
        score_run(run, LB2_1)


def test_an_interrupted_attempt_is_never_scored(run: Path) -> None:
    (attempt_folder(run, B1, 0) / "outcome.json").unlink()
    expert = score_run(run, LB2_1).per_policy[1]
    assert (expert.n_valid, expert.n_incomplete, expert.driving_score.value) == (0, 1, None)
    assert expert.driving_score_crash_as_zero.value == 0.0
    record(run, B1, 40, attempt=1)
    assert score_run(run, LB2_1).per_policy[1].driving_score_crash_as_zero.value == 100.0


def test_a_second_valid_attempt_is_refused(run: Path) -> None:
    record(run, A1, 40, attempt=1)
    with pytest.raises(ScoreError, match="second valid attempt"):
        score_run(run, LB2_1)


def test_a_record_that_nobody_planned_is_refused(run: Path) -> None:
    record(run, PlannedEpisode("a", "99", 0), 40)
    with pytest.raises(CorruptRecordError, match="99-r0: is not in the plan"):
        score_run(run, LB2_1)


def test_a_record_in_the_wrong_place_is_refused(run: Path) -> None:
    target = attempt_folder(run, PlannedEpisode("a", "4", 0), 0)
    target.parent.mkdir()
    attempt_folder(run, A1, 0).rename(target)
    write_plan(run, [A1, A2, A3, B1, PlannedEpisode("a", "4", 0)])
    with pytest.raises(CorruptRecordError, match="route_id='1'"):
        score_run(run, LB2_1)


def test_a_plan_must_exist_and_name_each_episode_once(run: Path) -> None:
    write_plan(run, [A1, A1])
    with pytest.raises(CorruptRecordError, match="twice"):
        score_run(run, LB2_1)
    (run / "run.json").unlink()
    with pytest.raises(CorruptRecordError, match=r"run\.json"):
        score_run(run, LB2_1)


def forge(folder: Path, old: str, new: str) -> None:
    """Change stored events and make the end marker agree, as somebody would who wants a better score."""
    path = folder / "events.jsonl"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    marker = json.loads((folder / "outcome.json").read_text())
    marker["sha256"]["events.jsonl"] = sha256_of(path)
    (folder / "outcome.json").write_text(json.dumps(marker))


def test_stored_events_must_be_those_that_the_facts_give(run: Path) -> None:
    folder = attempt_folder(run, A3, 0)
    line = (folder / "events.jsonl").read_text().splitlines(keepends=True)[0]
    assert "collisions_layout" in line
    forge(folder, line, "")
    with pytest.raises(EventMismatchError, match=r"3-r0/attempt-0: event 1 is stored as .*route_completed"):
        score_run(run, LB2_1)
    trusted = score_run(run, LB2_1, trust_events=True)
    assert trusted.per_episode[2].driving_score == 100.0


def test_a_completion_that_the_facts_deny_is_found(run: Path) -> None:
    folder = attempt_folder(run, A2, 0)
    forge(folder, '"route_completion_pct":50.0', '"route_completion_pct":51.0')
    with pytest.raises(EventMismatchError, match=r"51\.0"):
        score_run(run, LB2_1)


def test_an_outcome_that_the_facts_deny_is_found(run: Path) -> None:
    completed = read_episode(attempt_folder(run, A1, 0))
    check_events(completed)
    with pytest.raises(EventMismatchError, match="is ended_by_rule but its facts end with route_completed"):
        check_events(replace(completed, outcome=Outcome.ENDED_BY_RULE))
    faulty = read_episode(attempt_folder(run, A2, 0))
    check_events(faulty)
    for outcome in (Outcome.COMPLETED, Outcome.ENDED_BY_RULE):
        with pytest.raises(EventMismatchError, match=f"is {outcome} but its facts end with None"):
            check_events(replace(faulty, outcome=outcome))


def test_facts_that_cannot_be_judged_are_no_score(run: Path) -> None:
    stored = read_episode(attempt_folder(run, A1, 0))
    with pytest.raises(ScoreError, match="cannot be judged"):
        check_events(replace(stored, facts=replace(stored.facts, dt_s=0.07)))


def test_records_of_different_suites_are_not_mixed(run: Path) -> None:
    folder = attempt_folder(run, A2, 0)
    shutil.rmtree(folder)
    other = replace(header("a", "2"), suite_sha256="1" * 64)
    drive_and_record(folder, episode_facts(), [tick_facts(0)], head=other)
    with pytest.raises(ScoreError, match="mixes records of different suites"):
        score_run(run, LB2_1)


def test_a_score_is_called_by_its_version() -> None:
    assert [version.score_name for version in ScoreVersion] == ["ds_lb2_0", "ds_lb2_1"]


def test_records_are_scored_without_simulator_and_carla(run: Path) -> None:
    """Scoring must work where neither is installed, so both are made unimportable."""
    script = """
import sys
from importlib.abc import MetaPathFinder

class Absent(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("carla", "simulator", "torch", "policies"):
            raise ModuleNotFoundError(f"{name} is not installed here")
        return None

sys.meta_path.insert(0, Absent())
from pathlib import Path
from harness.score import ScoreVersion, score_run
card = score_run(Path(sys.argv[1]), ScoreVersion.LB2_1)
print(card.n_valid, card.per_policy[0].driving_score.value)
"""
    root = Path(__file__).resolve().parents[2]
    result = subprocess.run(
        [sys.executable, "-c", script, str(run)], cwd=root, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    count, mean = result.stdout.split()
    assert (int(count), float(mean)) == (4, pytest.approx(212.5 / 3))
