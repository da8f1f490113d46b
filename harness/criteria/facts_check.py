"""Checks that facts can be judged at all: finite numbers, consistent sizes, no tick missing."""

from __future__ import annotations

import math

import numpy as np

from harness.criteria.errors import CriterionError
from harness.facts import EpisodeFacts, TickFacts

TIME_TOLERANCE_S = 1e-6


def check_episode_facts(facts: EpisodeFacts) -> None:
    """Refuse facts of an episode that criteria cannot work with.

    Raises:
        CriterionError: dt, route, ego, lights or signs are not finite, out of range or of the wrong shape.
    """
    if not (math.isfinite(facts.dt_s) and facts.dt_s > 0.0):
        raise CriterionError(-1, f"dt_s is {facts.dt_s!r}", "it must be a positive time")
    route = facts.route
    count = len(route.distance_m)
    if count < 2 or route.location.shape != (count, 3) or route.rotation_deg.shape != (count, 3):
        raise CriterionError(
            -1,
            f"route arrays are {route.location.shape}, {route.rotation_deg.shape}, {route.distance_m.shape}",
            "it needs (N, 3), (N, 3) and (N,) with N >= 2",
        )
    if not all(bool(np.isfinite(a).all()) for a in (route.location, route.rotation_deg, route.distance_m)):
        raise CriterionError(-1, "route has values that are not finite", "trace it again")
    if (
        route.distance_m[0] != 0.0
        or route.distance_m[-1] <= 0.0
        or bool((np.diff(route.distance_m) < 0.0).any())
    ):
        raise CriterionError(-1, "route distances do not run from 0 upwards", "trace it again")
    if not (math.isfinite(sum(facts.ego_extent)) and facts.ego_extent[0] > 0.0):
        raise CriterionError(
            -1, f"ego extent is {facts.ego_extent}", "it must be the half sizes of the ego's box"
        )
    _check_signals(facts)


def _check_signals(facts: EpisodeFacts) -> None:
    """Refuse lights and signs that are not finite."""
    for light in facts.lights:
        numbers = [*light.location, *light.trigger_center]
        for line in light.stop_lines:
            numbers += [*line.location, *line.rotation_deg, line.lane_width_m]
        if not math.isfinite(sum(numbers)):
            raise CriterionError(
                -1, f"light {light.opendrive_id} has values that are not finite", "read it again"
            )
    for sign in facts.stop_signs:
        if not math.isfinite(sum((*sign.location, *sign.trigger_center, *sign.trigger_extent))):
            raise CriterionError(
                -1, f"sign {sign.opendrive_id} has values that are not finite", "read it again"
            )


def check_tick_facts(tick: TickFacts, expected_tick: int, dt_s: float, light_count: int) -> None:
    """Refuse a tick that is not the next one or holds numbers that are not finite.

    A sum is finite only if all its parts are, which makes this one test per tick instead of forty.

    Raises:
        CriterionError: gap or repetition, wrong time, wrong number of lights, NaN or infinity.
    """
    number = tick.tick
    if number != expected_tick:
        raise CriterionError(
            number, f"expected tick {expected_tick}", "facts must come once per tick, without gaps"
        )
    if not abs(tick.t_s - number * dt_s) <= TIME_TOLERANCE_S:
        raise CriterionError(number, f"t_s is {tick.t_s!r}", f"it must be tick * {dt_s!r} s")
    if len(tick.light_states) != light_count:
        raise CriterionError(
            number, f"{len(tick.light_states)} light states for {light_count} lights", "give all"
        )
    ego, lane = tick.ego, tick.lane
    x, y, z = ego.location
    pitch, yaw, roll = ego.rotation_deg
    vx, vy, vz = ego.velocity_mps
    lx, ly, lz = lane.location
    lane_pitch, lane_yaw, lane_roll = lane.rotation_deg
    total = (
        x + y + z + pitch + yaw + roll + vx + vy + vz + ego.speed_limit_kmh
        + lx + ly + lz + lane_pitch + lane_yaw + lane_roll + lane.lane_width_m + lane.parking_width_m
    )  # fmt: skip
    for ahead_x, ahead_y, ahead_z in lane.ahead:
        total += ahead_x + ahead_y + ahead_z
    for collision in tick.collisions:
        total += sum(collision.impulse)
    # A town without Parking lanes has them at infinity; that distance must only not be NaN.
    if not math.isfinite(total) or math.isnan(lane.parking_distance_m):
        raise CriterionError(
            number, "ego, lane or collision facts are not finite", "the server lost its state"
        )
