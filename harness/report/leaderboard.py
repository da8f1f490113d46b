"""The CARLA Leaderboard's result file of one policy, for tools that read it.

Layout: what `leaderboard_evaluator.py` writes to its `--checkpoint` (leaderboard/utils/statistics_manager.py,
branches leaderboard-2.0 and 2.1): a record per route with its infractions as messages, and a global record.
Its tools count the messages and read two numbers out of one of them, so that there every message has the
number where they look for it. The key `drivegate` is ours; its tools pass over it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from harness.events import Event, EventType
from harness.metrics.aggregate import MIN_DRIVEN_KM
from harness.report import wording
from harness.report.model import EpisodeReport, PolicyReport, Report
from harness.score import EpisodeScore, EpisodeStatus, FailureReason

KINDS = (
    *(kind.value for kind in wording.SHORT_LABEL),
    "scenario_timeouts",
    "yield_emergency_vehicle_infractions",
    "min_speed_infractions",
)
"""The Leaderboard's keys of infractions; the last three are not judged yet, and so always empty."""

LABELS = (
    ("Avg. driving score", "score_composed"),
    ("Avg. route completion", "score_route"),
    ("Avg. infraction penalty", "score_penalty"),
    ("Collisions with pedestrians", "collisions_pedestrian"),
    ("Collisions with vehicles", "collisions_vehicle"),
    ("Collisions with layout", "collisions_layout"),
    ("Red lights infractions", "red_light"),
    ("Stop sign infractions", "stop_infraction"),
    ("Off-road infractions", "outside_route_lanes"),
    ("Route deviations", "route_dev"),
    ("Route timeouts", "route_timeout"),
    ("Agent blocked", "vehicle_blocked"),
    ("Yield emergency vehicles infractions", "yield_emergency_vehicle_infractions"),
    ("Scenario timeouts", "scenario_timeouts"),
    ("Min speed infractions", "min_speed_infractions"),
)
_SCORES = ("score_composed", "score_route", "score_penalty")
_FAILURES = {
    FailureReason.TIMED_OUT: "Agent timed out",
    FailureReason.DEVIATED: "Agent deviated from the route",
    FailureReason.BLOCKED: "Agent got blocked",
    FailureReason.POLICY_FAULT: "Agent crashed",
}
_CRASHED = "Failed - Simulation crashed"


def render(report: Report, policy: PolicyReport) -> str:
    """The file of one policy."""
    records = [_record(number, episode) for number, episode in enumerate(policy.episodes)]
    is_whole = policy.score.n_valid == policy.score.n_planned
    document: dict[str, Any] = {
        "_checkpoint": {
            "global_record": _global_record(records) if is_whole else {},
            "progress": [policy.score.n_valid, policy.score.n_planned],
            "records": records,
        },
        "entry_status": "Finished" if is_whole else "Crashed",
        "eligible": is_whole,
        "sensors": [],
        "values": [],
        "labels": [],
        "drivegate": {
            "policy": policy.name,
            "privileged": policy.score.privileged,
            "score_version": report.card.version.value,
            "not_judged": list(report.card.not_judged),
            "run": report.name,
        },
    }
    if is_whole:
        values = _flat(document["_checkpoint"]["global_record"])
        document["labels"] = [label for label, _ in LABELS]
        document["values"] = [str(values[key]) for _, key in LABELS]
    return json.dumps(document, indent=4, allow_nan=False) + "\n"


def _record(index: int, episode: EpisodeReport) -> dict[str, Any]:
    """A route's record; one without a valid record of ours is a crash of the simulation there."""
    score, record = episode.score, episode.record
    infractions: dict[str, list[str]] = {kind: [] for kind in KINDS}
    if score is not None and record is not None:
        for event in wording.findings(record.events):
            if event.type.value in infractions:
                infractions[event.type.value].append(_message(event))
    length_m = 0.0 if record is None else round(record.facts.route.length_m, 3)
    game_s = 0.0 if record is None else record.tick_count * record.facts.dt_s
    wall_s = 0.0 if record is None or record.timing is None else record.timing.wall_s
    return {
        "index": index,
        "route_id": f"RouteScenario_{episode.key.route_id}_rep{episode.key.repeat}",
        "status": _CRASHED if score is None else _status(score),
        "num_infractions": sum(len(messages) for messages in infractions.values()),
        "infractions": infractions,
        "scores": {
            "score_route": 0.0 if score is None else score.route_completion_pct,
            "score_penalty": 0.0 if score is None else score.penalty,
            "score_composed": 0.0 if score is None else score.driving_score,
        },
        "meta": {
            "route_length": length_m,
            "duration_game": round(game_s, 3),
            "duration_system": round(wall_s, 3),
        },
    }


def _status(score: EpisodeScore) -> str:
    if score.failure is not None:
        return f"Failed - {_FAILURES[score.failure]}"
    return "Perfect" if score.status is EpisodeStatus.PERFECT else "Completed"


def _message(event: Event) -> str:
    """A sentence; of driving outside the lanes, word 8 is the distance and the bracket holds the share."""
    values = event.values
    if event.type is EventType.OUTSIDE_ROUTE_LANES:
        return (
            f"Agent was outside its route's lanes for about {float(values['distance_m'])!r} meters"
            f" ({float(values['percentage'])!r}% of the completed route)"
        )
    details = wording.describe(event)
    place = ""
    if "x_m" in values:
        place = " at " + ", ".join(f"{axis}={float(values[f'{axis}_m']):.3f}" for axis in "xyz")
    return f"{wording.EVENT_LABEL[event.type]}{f': {details}' if details else ''}{place}"


def _global_record(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    count = len(records)

    def mean(value: Callable[[Mapping[str, Any]], float]) -> float:
        return round(math.fsum(value(record) for record in records) / count, 6)

    means = {key: mean(lambda record, key=key: record["scores"][key]) for key in _SCORES}  # type: ignore[misc]
    driven_km = max(
        math.fsum(r["meta"]["route_length"] / 1000 * r["scores"]["score_route"] / 100 for r in records),
        MIN_DRIVEN_KM,
    )
    statuses = [record["status"] for record in records]
    failed = [[r["route_id"], r["index"], r["status"]] for r in records if "Failed" in r["status"]]
    status = "Failed" if failed else "Perfect" if set(statuses) == {"Perfect"} else "Completed"
    return {
        "index": -1,
        "route_id": -1,
        "status": status,
        "infractions": {kind: round(_amount(records, kind, driven_km), 3) for kind in KINDS},
        "scores_mean": means,
        "scores_std_dev": {key: _deviation(records, key, means[key]) for key in _SCORES},
        "meta": {
            "total_length": math.fsum(record["meta"]["route_length"] for record in records),
            "duration_game": math.fsum(record["meta"]["duration_game"] for record in records),
            "duration_system": math.fsum(record["meta"]["duration_system"] for record in records),
            "exceptions": failed,
        },
    }


def _amount(records: Sequence[Mapping[str, Any]], kind: str, driven_km: float) -> float:
    """Infractions per km; of driving outside the lanes the sum of kilometres, as the original has it."""
    if kind == EventType.OUTSIDE_ROUTE_LANES.value:
        messages = [record["infractions"][kind] for record in records]
        return math.fsum(float(found[0].split(" ")[8]) / 1000 for found in messages if found)
    return sum(len(record["infractions"][kind]) for record in records) / driven_km


def _deviation(records: Sequence[Mapping[str, Any]], key: str, mean: float) -> float:
    """Sample standard deviation; 0 for one route, where there is none."""
    if len(records) < 2:
        return 0.0
    total = math.fsum((record["scores"][key] - mean) ** 2 for record in records)
    return round(math.sqrt(total / (len(records) - 1)), 3)


def _flat(record: Mapping[str, Any]) -> dict[str, float]:
    return {**record["infractions"], **record["scores_mean"]}
