"""A record -> what the replay and the plots show of an episode, as columns to pack. CARLA's world frame."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from harness.facts import EpisodeFacts
from harness.metrics.comfort import filtered_motion
from harness.record import EpisodeRecord
from harness.record.layout import TICKS
from harness.record.tick_table import TickTable, read_control_table
from harness.report.packing import Column, Float
from scenarios.lane_strips import LaneStrips

_CM, _TENTH_DEG, _CMPS = 0.01, 0.1, 0.01
_LIGHT_NEAR_M, _SIGN_NEAR_M = 60.0, 60.0
_OTHERS_NEAR_M = 140.0
_EMPTY = np.empty(0)


def episode_columns(
    record: EpisodeRecord, baseline: EpisodeRecord | None, stride: int
) -> tuple[dict[str, Any], dict[str, Column]]:
    """Head and columns of an episode's blob.

    Args:
        record: of the episode.
        baseline: of the same episode, to be driven along as a ghost.
        stride: keep every so many ticks; the page interpolates.
    """
    facts = record.facts
    table = record.table()
    controls = read_control_table(record.folder / TICKS)
    near = _lights_near(facts)
    columns = {
        **_ego(table, "ego", stride),
        "limit": Column(np.maximum(table.speed_limit_kmh[::stride], 0.0), 1.0),
        "throttle": Column(controls.throttle[::stride], 0.01),
        "brake": Column(controls.brake[::stride], 0.01),
        "steer": Column(controls.steer[::stride], 0.01),
        "lights_shown": Column(controls.light_states[::stride, near].reshape(-1), 1.0, max(len(near), 1)),
        "route_x": Column(facts.route.location[:, 0], _CM),
        "route_y": Column(facts.route.location[:, 1], _CM),
        **_motion(table, facts.dt_s, "ego"),
        **_others(table, facts.route.location, stride),
        **_plans(record, table, stride),
    }
    head: dict[str, Any] = {
        "dt": facts.dt_s * stride,
        "ticks": len(table.ego_location[::stride]),
        "duration": facts.dt_s * record.tick_count,
        "motion_dt": _motion_dt(facts.dt_s),
        "ego_half": [round(value, 3) for value in facts.ego_extent[:2]],
        "actors": [
            [_actor_kind(actor.type_id), *(round(value, 2) for value in actor.extent[:2]), actor.type_id]
            for actor in record.actors
        ],
        "lights": [_light(facts, number) for number in near],
        "signs": _signs(facts),
    }
    if baseline is not None and baseline.tick_count:
        ghost = baseline.table()
        columns |= _ego(ghost, "ghost", stride) | _motion(ghost, baseline.facts.dt_s, "ghost")
        head["ghost"] = True
    return head, columns


def _ego(table: TickTable, name: str, stride: int) -> dict[str, Column]:
    velocity = table.ego_velocity_mps
    yaw = np.degrees(np.unwrap(np.radians(table.ego_rotation_deg[:, 1])))
    return {
        f"{name}_x": Column(table.ego_location[::stride, 0], _CM),
        f"{name}_y": Column(table.ego_location[::stride, 1], _CM),
        f"{name}_yaw": Column(yaw[::stride], _TENTH_DEG),
        f"{name}_speed": Column(np.hypot(velocity[:, 0], velocity[:, 1])[::stride], _CMPS),
    }


def _motion_dt(dt_s: float) -> float:
    """Time between samples of the filtered motion (`filtered_motion` thins to 10 Hz)."""
    return max(round(0.1 / dt_s), 1) * dt_s


def _motion(table: TickTable, dt_s: float, name: str) -> dict[str, Column]:
    """Accelerations and jerk as the comfort metrics see them; empty for a drive too short for the filters."""
    motion = filtered_motion(table.ego_velocity_mps, table.ego_rotation_deg[:, 1], dt_s)
    found = (
        (_EMPTY, _EMPTY, _EMPTY)
        if motion is None
        else (motion.lon_acc_mps2, motion.lat_acc_mps2, motion.lon_jerk_mps3)
    )
    names = ("lon_acc", "lat_acc", "jerk")
    return {f"{name}_{what}": Column(values, 0.01) for what, values in zip(names, found, strict=True)}


def _others(table: TickTable, route: Float, stride: int) -> dict[str, Column]:
    """Other road users as tracks: one actor over consecutive ticks, actor after actor.

    Who is far from the route is left out, as the map there is; so is who is nowhere (not finite).
    """
    kept = (table.others_tick % stride == 0) & np.isfinite(table.others_yaw_deg)
    place = np.nan_to_num(table.others_location[:, :2], nan=np.inf, posinf=np.inf, neginf=np.inf)
    kept &= np.isfinite(place).all(axis=1)
    distance, _ = cKDTree(route[:, :2]).query(place[kept], distance_upper_bound=_OTHERS_NEAR_M)
    kept[kept] = np.isfinite(distance)
    tick = table.others_tick[kept] // stride
    actor = table.others_index[kept]
    order = np.lexsort((tick, actor))
    tick, actor = tick[order], actor[order]
    begins = np.flatnonzero(np.concatenate([[True], (np.diff(actor) != 0) | (np.diff(tick) != 1)]))
    if len(tick) == 0:
        begins = begins[:0]
    lengths = np.diff(np.append(begins, len(tick)))
    location = table.others_location[kept][order]
    yaw = np.degrees(np.unwrap(np.radians(table.others_yaw_deg[kept][order])))
    return {
        "track_actor": Column(actor[begins], 1.0),
        "track_first": Column(tick[begins], 1.0, 0),
        "track_length": Column(lengths, 1.0, 0),
        "other_x": Column(location[:, 0], _CM),
        "other_y": Column(location[:, 1], _CM),
        "other_yaw": Column(yaw, _TENTH_DEG),
    }


def _plans(record: EpisodeRecord, table: TickTable, stride: int) -> dict[str, Column]:
    """Where the policy meant to go: in the axes of the ego, where it changes little from tick to tick."""
    plans = record.plans()
    if plans is None:
        return {}
    count = np.diff(plans.start)
    owner = np.repeat(np.arange(len(count)), count)
    tick = plans.tick[owner]
    yaw = np.radians(table.ego_rotation_deg[tick, 1])
    offset = plans.point_in_world - table.ego_location[tick, :2]
    forward = offset[:, 0] * np.cos(yaw) + offset[:, 1] * np.sin(yaw)
    right = offset[:, 1] * np.cos(yaw) - offset[:, 0] * np.sin(yaw)
    kept = plans.tick % stride == 0
    kept_points = np.repeat(kept, count)
    sizes = set(count[kept].tolist())
    # Plans of equal length: each point differs little from the same point of the plan before.
    step = sizes.pop() if len(sizes) == 1 else 1
    return {
        "plan_tick": Column(plans.tick[kept] // stride, 1.0),
        "plan_count": Column(count[kept], 1.0, 0),
        "plan_forward": Column(forward[kept_points], 0.02, step),
        "plan_right": Column(right[kept_points], 0.02, step),
    }


def map_columns(strips: LaneStrips) -> dict[str, Column]:
    """Columns of the blob of a map."""
    return {
        "strip_length": Column(np.diff(strips.start), 1.0, 0),
        "left": Column(strips.left, 1.0, 0),
        "right": Column(strips.right, 1.0, 0),
        "in_junction": Column(strips.in_junction.astype(np.float64), 1.0, 0),
        "left_x": Column(strips.left_in_world[:, 0], _CM),
        "left_y": Column(strips.left_in_world[:, 1], _CM),
        "right_x": Column(strips.right_in_world[:, 0], _CM),
        "right_y": Column(strips.right_in_world[:, 1], _CM),
    }


def _actor_kind(type_id: str) -> str:
    if type_id.startswith("walker"):
        return "walker"
    return "vehicle" if type_id.startswith("vehicle") else "static"


def _lights_near(facts: EpisodeFacts) -> list[int]:
    """Lights that have a stop line near the route."""
    route = facts.route.location[:, :2]
    return [
        number
        for number, light in enumerate(facts.lights)
        if any(_is_near(route, line.location[:2], _LIGHT_NEAR_M) for line in light.stop_lines)
    ]


def _is_near(route: Float, place: tuple[float, ...], radius_m: float) -> bool:
    return bool((((route - np.array(place)) ** 2).sum(axis=1) < radius_m**2).any())


def _light(facts: EpisodeFacts, number: int) -> dict[str, Any]:
    light = facts.lights[number]
    return {
        "id": light.opendrive_id,
        "lines": [
            [
                round(line.location[0], 2),
                round(line.location[1], 2),
                round(line.rotation_deg[1], 1),
                round(line.lane_width_m, 2),
            ]
            for line in light.stop_lines
        ],
    }


def _signs(facts: EpisodeFacts) -> list[list[float]]:
    route = facts.route.location[:, :2]
    return [
        [
            round(value, 2)
            for value in (*sign.location[:2], *sign.trigger_center[:2], *sign.trigger_extent[:2])
        ]
        for sign in facts.stop_signs
        if _is_near(route, sign.trigger_center[:2], _SIGN_NEAR_M)
    ]
