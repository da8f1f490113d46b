"""Whole Longest6 routes: the reference policies score what they should, so that a score means something."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.events import EventType
from harness.score import EpisodeScore, PolicyScore, ScoreVersion, score_run
from tests.support import harness_runs as runs

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.timeout(1200)]

LONGEST6 = Path(__file__).parents[2] / "scenarios/routes/longest6.xml"

_NEVER = (
    EventType.COLLISION_PEDESTRIAN,
    EventType.COLLISION_VEHICLE,
    EventType.COLLISION_STATIC,
    EventType.RED_LIGHT,
)


def _drive(out: Path, *arguments: str) -> tuple[dict[str, PolicyScore], tuple[EpisodeScore, ...]]:
    port = f"machine.first_port={runs.free_block(40)}"
    done = runs.drivegate(
        "run", *arguments, "--workers", "2", "--out", str(out), "--set", port, timeout_s=1100.0
    )
    assert done.code == 0, done.err
    assert runs.infra_log(out) == []
    card = score_run(out, ScoreVersion.LB2_1)
    return {policy.policy: policy for policy in card.per_policy}, card.per_episode


def _value(score: PolicyScore, name: str) -> float:
    value = getattr(score, name).value
    assert isinstance(value, float)
    return value


def test_on_empty_roads_the_expert_drives_and_constant_does_not(tmp_path: Path) -> None:
    towns = ("--suite", "longest6-town01", "--suite", "longest6-town02")
    scores, episodes = _drive(tmp_path / "run", *towns, "--policy", "expert", "--policy", "constant")
    expert, constant = scores["expert"], scores["constant"]
    assert expert.n_valid == constant.n_valid == 12
    assert _value(expert, "route_completion_pct") >= 99.0
    assert _value(expert, "driving_score") >= 95.0
    of_expert = [e for e in episodes if e.episode.policy == "expert"]
    assert [e.episode for e in of_expert if any(e.infractions[kind] for kind in _NEVER)] == []
    assert _value(constant, "driving_score") < 15.0
    # Straight on at the first bend: off the route, or against what stands beside the road.
    reasons = {e.failure for e in episodes if e.episode.policy == "constant"}
    assert {reason.value for reason in reasons if reason is not None} <= {"deviated", "blocked"}


def test_in_traffic_the_expert_still_drives(tmp_path: Path) -> None:
    """Two routes of the smallest town, where 40 vehicles are the densest."""
    routes = re.findall(r"<route id=\"(?:6|8)\".*?</route>", LONGEST6.read_text(), re.DOTALL)
    suite = tmp_path / "two.xml"
    suite.write_text(f"<routes>{''.join(routes)}</routes>")
    scores, _ = _drive(tmp_path / "run", "--suite", str(suite), "--policy", "expert", "--traffic", "40")
    assert scores["expert"].n_valid == 2
    assert _value(scores["expert"], "route_completion_pct") >= 90.0
    assert _value(scores["expert"], "driving_score") >= 80.0
