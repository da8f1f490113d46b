"""What the recorded ticks say about an episode: speed, limit, lane keeping, and the policy's time."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.spatial import cKDTree

from harness.metrics import comfort, conflicts
from harness.metrics.catalogue import CATALOGUE
from harness.metrics.measurement import Measurement
from harness.record import EpisodeRecord, EpisodeTiming
from harness.record.tick_table import TickTable
from scenarios.route import DenseRoute

_KMH_PER_MPS = 3.6

NAMES = (
    "mean_speed",
    "cruise_speed",
    "over_limit",
    "lane_offset",
    *conflicts.NAMES,
    *comfort.NAMES,
    "policy_p50",
    "policy_p99",
)


def measure_driving(record: EpisodeRecord) -> Mapping[str, Measurement]:
    """Measure the metrics `NAMES` of one episode."""
    table = record.table()
    dt_s = record.facts.dt_s
    extents = [actor.extent for actor in record.actors]
    if record.tick_count == 0:
        found = not_measured("the episode has no tick")
    else:
        found = {
            **_speeds(table),
            "over_limit": _over_limit(table, dt_s),
            "lane_offset": _lane_offset(table, record.facts.route),
            **conflicts.measure_conflicts(table, dt_s, record.facts.ego_extent, extents),
            **comfort.measure_comfort(table, dt_s),
        }
    return {**found, **_latency(record.timing)}


def not_measured(why: str) -> dict[str, Measurement]:
    """All of `NAMES` without a value."""
    return {name: Measurement.missing(CATALOGUE[name].unit, why) for name in NAMES}


def _planar_speed(table: TickTable) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.hypot(table.ego_velocity_mps[:, 0], table.ego_velocity_mps[:, 1])


def _speeds(table: TickTable) -> dict[str, Measurement]:
    """Mean speed, and the speed driven where nothing is in the way: it does not depend on waiting."""
    speed_mps = _planar_speed(table)
    return {
        "mean_speed": Measurement(float(speed_mps.mean()), "m/s", len(speed_mps)),
        "cruise_speed": Measurement(float(np.percentile(speed_mps, 90)), "m/s", len(speed_mps)),
    }


def _over_limit(table: TickTable, dt_s: float) -> Measurement:
    """Time above the limit that the server gave at each tick."""
    if float(table.speed_limit_kmh.min()) <= 0.0:
        return Measurement.missing("s", "the server gave no speed limit at some ticks")
    over = _planar_speed(table) * _KMH_PER_MPS > table.speed_limit_kmh
    return Measurement(dt_s * int(np.count_nonzero(over)), "s", len(over))


def _lane_offset(table: TickTable, route: DenseRoute) -> Measurement:
    """Mean distance, in the plane, to the route's nearest piece: sideways from the nearest of its points."""
    location = table.ego_location[:, :2]
    _, nearest = cKDTree(route.location[:, :2]).query(location)
    yaw = np.radians(route.rotation_deg[nearest, 1])
    offset = location - route.location[nearest, :2]
    sideways = np.abs(offset[:, 1] * np.cos(yaw) - offset[:, 0] * np.sin(yaw))
    return Measurement(float(sideways.mean()), "m", len(sideways))


def _latency(timing: EpisodeTiming | None) -> dict[str, Measurement]:
    """Wall-clock time of the policy's steps; of the machine, so that only runs on one machine compare."""
    steps = () if timing is None else timing.policy_step_us
    if not steps:
        why = "no wall-clock times of the policy's steps were recorded"
        return {name: Measurement.missing("ms", why) for name in ("policy_p50", "policy_p99")}
    p50, p99 = np.percentile(np.array(steps, np.float64), (50, 99)) / 1000.0
    return {
        "policy_p50": Measurement(float(p50), "ms", len(steps)),
        "policy_p99": Measurement(float(p99), "ms", len(steps)),
    }
