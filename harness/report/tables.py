"""Tables for pandas: one row per episode, per event, per metric of an episode, and per tick if asked for."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from harness.metrics.catalogue import CATALOGUE
from harness.metrics.episode import INFRACTIONS
from harness.report import wording
from harness.report.model import EpisodeReport, Report

_KEYS = (("policy", pa.string()), ("route_id", pa.string()), ("repeat", pa.int32()))
_EPISODES = pa.schema(
    [
        *_KEYS,
        ("privileged", pa.bool_()),
        ("town", pa.string()),
        ("seed", pa.int64()),
        ("attempts", pa.int32()),
        ("outcome", pa.string()),
        ("status", pa.string()),
        ("failure", pa.string()),
        ("reason", pa.string()),
        ("score_version", pa.string()),
        ("driving_score", pa.float64()),
        ("route_completion_pct", pa.float64()),
        ("penalty", pa.float64()),
        ("is_success", pa.bool_()),
        ("route_length_m", pa.float64()),
        ("duration_s", pa.float64()),
        ("wall_s", pa.float64()),
        *((kind.value, pa.int32()) for kind in INFRACTIONS),
    ]
)
_EVENTS = pa.schema(
    [
        *_KEYS,
        ("tick", pa.int64()),
        ("t_s", pa.float64()),
        ("type", pa.string()),
        ("details", pa.string()),
        ("x_m", pa.float64()),
        ("y_m", pa.float64()),
        ("z_m", pa.float64()),
    ]
)
_METRICS = pa.schema(
    [
        *_KEYS,
        ("metric", pa.string()),
        ("unit", pa.string()),
        ("value", pa.float64()),
        ("baseline", pa.float64()),
        ("why_missing", pa.string()),
    ]
)


def tables(report: Report, *, ticks: bool = False) -> dict[str, pa.Table]:
    """Tables by name; a missing value is null."""
    found = {
        "episodes": pa.Table.from_pylist([_episode(report, e) for e in report.episodes], _EPISODES),
        "events": pa.Table.from_pylist([row for e in report.episodes for row in _events(e)], _EVENTS),
        "metrics": pa.Table.from_pylist([row for e in report.episodes for row in _metrics(e)], _METRICS),
    }
    if ticks:
        driven = [table for e in report.episodes if (table := _ticks(e)) is not None]
        if driven:
            found["ticks"] = pa.concat_tables(driven)
    return found


def _keys(episode: EpisodeReport) -> dict[str, object]:
    return {
        "policy": episode.policy,
        "route_id": episode.key.route_id,
        "repeat": episode.key.repeat,
    }


def _episode(report: Report, episode: EpisodeReport) -> dict[str, object]:
    row: dict[str, object] = {
        **_keys(episode),
        "privileged": episode.privileged,
        "attempts": episode.n_attempts,
        "score_version": report.card.version.value,
    }
    score, record = episode.score, episode.record
    if score is None or record is None:
        return row
    return row | {
        "town": record.facts.town,
        "seed": record.header.seed,
        "outcome": score.outcome.value,
        "status": score.status.value,
        "failure": None if score.failure is None else score.failure.value,
        "reason": record.reason,
        "driving_score": score.driving_score,
        "route_completion_pct": score.route_completion_pct,
        "penalty": score.penalty,
        "is_success": score.is_success,
        "route_length_m": record.facts.route.length_m,
        "duration_s": record.tick_count * record.facts.dt_s,
        "wall_s": None if record.timing is None else record.timing.wall_s,
        **{kind.value: count for kind, count in score.infractions.items()},
    }


def _events(episode: EpisodeReport) -> Iterator[dict[str, object]]:
    if episode.record is None:
        return
    dt_s = episode.record.facts.dt_s
    for event in wording.findings(episode.record.events):
        yield {
            **_keys(episode),
            "tick": event.tick,
            "t_s": event.tick * dt_s,
            "type": event.type.value,
            "details": wording.describe(event),
            **{name: event.values.get(name) for name in ("x_m", "y_m", "z_m")},
        }


def _metrics(episode: EpisodeReport) -> Iterator[dict[str, object]]:
    if episode.sample is None:
        return
    for name, spec in CATALOGUE.items():
        yield {
            **_keys(episode),
            "metric": name,
            # Of one episode a rate is a count; it becomes a rate over the kilometres of all.
            "unit": "" if spec.unit == "1/km" else spec.unit,
            "value": episode.sample.values[name],
            "baseline": None if episode.baseline is None else episode.baseline.values.get(name),
            "why_missing": episode.sample.why_missing.get(name),
        }


def _ticks(episode: EpisodeReport) -> pa.Table | None:
    """The ego at every tick; everything else is in the record itself."""
    record = episode.record
    if record is None or record.tick_count == 0:
        return None
    table = record.table()
    count = len(table.ego_location)
    columns: dict[str, pa.Array] = {
        name: pa.array([value] * count, kind)
        for (name, kind), value in zip(_KEYS, _keys(episode).values(), strict=True)
    }
    columns["tick"] = pa.array(np.arange(count, dtype=np.int64))
    columns["t_s"] = pa.array(np.arange(count) * record.facts.dt_s)
    for axis, name in enumerate("xyz"):
        columns[f"{name}_m"] = pa.array(table.ego_location[:, axis])
    for axis, name in enumerate(("pitch", "yaw", "roll")):
        columns[f"{name}_deg"] = pa.array(table.ego_rotation_deg[:, axis])
    for axis, name in enumerate("xyz"):
        columns[f"v{name}_mps"] = pa.array(table.ego_velocity_mps[:, axis])
    columns["speed_limit_kmh"] = pa.array(table.speed_limit_kmh)
    return pa.table(columns)
