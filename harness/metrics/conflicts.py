"""Time to collision: when would the ego's box touch another one if both kept their velocity and heading?

As nuPlan's `time_to_collision_within_bound`, with a horizon of 3 s and its bound of 0.95 s, but solved
exactly instead of in steps of 0.1 s: two boxes that only translate against each other overlap exactly while
their shadows overlap on each of their four axes (separating axis theorem), and each of these is an interval
of time. A box is taken to be centred on its actor's origin, which holds within centimetres for CARLA's
vehicles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from harness.facts import Vector
from harness.metrics.catalogue import CATALOGUE
from harness.metrics.measurement import Measurement
from harness.record.tick_table import Float, TickTable

HORIZON_S = 3.0
LOW_TTC_S = 0.95
STANDSTILL_MPS = 0.005
_STOREY_M = 3.0
"""A road user further above or below than this is on another road."""

NAMES = ("min_ttc", "low_ttc")


def measure_conflicts(
    table: TickTable, dt_s: float, ego_extent: Vector, extents: Sequence[Vector]
) -> Mapping[str, Measurement]:
    """Measure the metrics `NAMES` of one episode.

    Args:
        table: of its ticks.
        dt_s: time between ticks.
        ego_extent: half sizes of the ego's box.
        extents: half sizes by actor index.
    """
    if len(table.others_tick) == 0:
        why = "there was no other road user"
        return {name: Measurement.missing(CATALOGUE[name].unit, why) for name in NAMES}
    ttc_s = time_to_collision(table, ego_extent, extents)
    nearest_s = np.full(len(table.ego_location), HORIZON_S)
    np.minimum.at(nearest_s, table.others_tick, ttc_s)
    low_s = dt_s * int(np.count_nonzero(nearest_s <= LOW_TTC_S))
    values = (float(nearest_s.min()), low_s)
    return {
        name: Measurement(value, CATALOGUE[name].unit, len(nearest_s))
        for name, value in zip(NAMES, values, strict=True)
    }


def time_to_collision(table: TickTable, ego_extent: Vector, extents: Sequence[Vector]) -> Float:
    """Time to collision with every row of the others.

    Returns:
        (M,) s in [0, HORIZON_S]; HORIZON_S also if there is no conflict within it, if the ego stands, or if
        the other one is behind it (who drives into the ego from behind is not the ego's conflict).
    """
    tick = table.others_tick
    ego_velocity = table.ego_velocity_mps[tick, :2]
    offset = table.others_location - table.ego_location[tick]
    velocity = table.others_velocity_mps[:, :2] - ego_velocity
    ego_axes = _axes(table.ego_rotation_deg[tick, 1])
    other_axes = _axes(table.others_yaw_deg)
    ego_half = np.broadcast_to(np.array(ego_extent[:2]), (len(tick), 2))
    other_half = np.array([extent[:2] for extent in extents]).reshape(-1, 2)[table.others_index]
    first_s = np.zeros(len(tick))
    last_s = np.full(len(tick), HORIZON_S)
    for axis in (ego_axes[:, 0], ego_axes[:, 1], other_axes[:, 0], other_axes[:, 1]):
        reach = _reach(axis, ego_axes, ego_half) + _reach(axis, other_axes, other_half)
        begin_s, end_s = _overlap(_dot(offset[:, :2], axis), _dot(velocity, axis), reach)
        np.maximum(first_s, begin_s, out=first_s)
        np.minimum(last_s, end_s, out=last_s)
    counts = (
        (first_s <= last_s)
        & (np.hypot(ego_velocity[:, 0], ego_velocity[:, 1]) > STANDSTILL_MPS)
        & (_dot(offset[:, :2], ego_axes[:, 0]) > -ego_extent[0])
        & (np.abs(offset[:, 2]) < _STOREY_M)
    )
    return np.where(counts, first_s, HORIZON_S)


def _axes(yaw_deg: Float) -> Float:
    """(N, 2, 2) forward and sideways unit vectors."""
    yaw = np.radians(yaw_deg)
    cos, sin = np.cos(yaw), np.sin(yaw)
    return np.stack([np.stack([cos, sin], axis=1), np.stack([-sin, cos], axis=1)], axis=1)


def _dot(a: Float, b: Float) -> Float:
    return a[:, 0] * b[:, 0] + a[:, 1] * b[:, 1]


def _reach(axis: Float, axes: Float, half: Float) -> Float:
    """(N,) half the shadow of a box on an axis."""
    return half[:, 0] * np.abs(_dot(axes[:, 0], axis)) + half[:, 1] * np.abs(_dot(axes[:, 1], axis))


def _overlap(offset: Float, speed: Float, reach: Float) -> tuple[Float, Float]:
    """When |offset + speed * t| <= reach: first and last time (inf, -inf if never)."""
    moves = np.abs(speed) > 1e-9
    safe = np.where(moves, speed, 1.0)
    a, b = (-reach - offset) / safe, (reach - offset) / safe
    inside = np.abs(offset) <= reach
    begin = np.where(moves, np.minimum(a, b), np.where(inside, -np.inf, np.inf))
    end = np.where(moves, np.maximum(a, b), np.where(inside, np.inf, -np.inf))
    return begin, end
