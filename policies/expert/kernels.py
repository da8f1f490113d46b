"""Compiled loops of the expert: lane look-up, roll-out along lanes, oriented boxes. Map frame throughout.

Compiled without fastmath: the same inputs give the same bits. Headings are passed as (cos, sin).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from policies.expert.lanes import CELL_M, LaneTables
from policies.sensor_bundle import Float, Int

MAX_MATCHES = 6
"""Lanes considered under one road user (junction lanes lie on top of each other)."""

HEADING_FADE_M = 8.0
"""Over this distance a rolled-forward vehicle is taken to line up with its lane."""

KEEPS_LANE_M = 1.4
"""A vehicle whose centre will be further than this from the lane's is leaving it."""

ACCELERATION_HOLDS_S = 2.0
FORECAST_TOP_MPS = 10.0


@njit(cache=True)
def angle_between(a: float, b: float) -> float:
    """Return |a - b| on the circle, rad."""
    difference = (a - b) % (2.0 * math.pi)
    return min(difference, 2.0 * math.pi - difference)


@njit(cache=True)
def match_lanes(
    lanes: LaneTables,
    x: float,
    y: float,
    yaw: float,
    max_side_m: float,
    max_angle_rad: float,
    found: Int,
    found_distance2: Float,
) -> int:
    """Find the lane segments under a pose: the nearest point of each, in no particular order.

    Distance is to the nearest lane point, so half a point step along the lane is allowed for.

    Args:
        lanes: of the town.
        x: of the pose.
        y: of the pose.
        yaw: of the pose.
        max_side_m: how far off the lane centre.
        max_angle_rad: between the heading and the lane.
        found: (MAX_MATCHES,) receives indices of lane points.
        found_distance2: (MAX_MATCHES,) receives squared distances.

    Returns:
        How many were found.
    """
    count = 0
    limit2 = max_side_m * max_side_m + 0.36
    columns, rows = lanes.grid_shape[0], lanes.grid_shape[1]
    column = math.floor((x - lanes.grid_origin[0]) / CELL_M)
    row = math.floor((y - lanes.grid_origin[1]) / CELL_M)
    for r in range(max(row - 1, 0), min(row + 2, rows)):
        for c in range(max(column - 1, 0), min(column + 2, columns)):
            cell = r * columns + c
            for k in range(lanes.cell_start[cell], lanes.cell_start[cell + 1]):
                p = lanes.cell_points[k]
                dx, dy = lanes.points[p, 0] - x, lanes.points[p, 1] - y
                distance2 = dx * dx + dy * dy
                if distance2 > limit2 or angle_between(lanes.yaws[p], yaw) > max_angle_rad:
                    continue
                slot = -1
                for i in range(count):
                    if lanes.segment_of[found[i]] == lanes.segment_of[p]:
                        slot = i
                if slot < 0:
                    if count == MAX_MATCHES:
                        continue
                    slot = count
                    count += 1
                    found_distance2[slot] = np.inf
                if distance2 < found_distance2[slot]:
                    found_distance2[slot] = distance2
                    found[slot] = p
    return count


@njit(cache=True)
def roll_along(
    lanes: LaneTables,
    start_point: int,
    branch: int,
    x: float,
    y: float,
    yaw: float,
    travel: Float,
    out: Float,
) -> tuple[float, int]:
    """Move a road user along its lane, keeping its lateral offset; its heading error to the lane fades.

    Args:
        lanes: of the town.
        start_point: lane point next to it.
        branch: which successor to take at the first fork; later forks take their first successor.
        x: where it is.
        y: where it is.
        yaw: where it heads.
        travel: (T,) m, not decreasing.
        out: (T, 3) receives x, y, yaw.

    Returns:
        Distance to the first junction on the way, m (-1 if it is in one now, inf if there is none), and
        how many successors the first fork has (1 without a fork).
    """
    p = start_point
    segment = lanes.segment_of[p]
    cos0, sin0 = math.cos(lanes.yaws[p]), math.sin(lanes.yaws[p])
    along = (x - lanes.points[p, 0]) * cos0 + (y - lanes.points[p, 1]) * sin0
    side = -(x - lanes.points[p, 0]) * sin0 + (y - lanes.points[p, 1]) * cos0
    heading_error = (yaw - lanes.yaws[p] + math.pi) % (2.0 * math.pi) - math.pi
    to_junction = -1.0 if lanes.in_junction[segment] else np.inf
    branches = 1
    rolled = -along  # arc length from the road user to point p
    dead_end = False
    for t in range(len(travel)):
        while not dead_end and rolled < travel[t]:
            following = p + 1
            if following == lanes.segment_start[segment + 1]:
                first = lanes.successor_start[segment]
                options = lanes.successor_start[segment + 1] - first
                if options == 0:
                    dead_end = True
                    break
                pick = 0
                if options > 1 and branches == 1:
                    branches = options
                    pick = min(branch, options - 1)
                segment = lanes.successors[first + pick]
                following = lanes.segment_start[segment]
                if lanes.in_junction[segment] and to_junction == np.inf:
                    to_junction = max(rolled, 0.0)
            dx = lanes.points[following, 0] - lanes.points[p, 0]
            dy = lanes.points[following, 1] - lanes.points[p, 1]
            rolled += math.sqrt(dx * dx + dy * dy)
            p = following
        back = rolled - travel[t]  # negative past a dead end: straight on
        c, s = math.cos(lanes.yaws[p]), math.sin(lanes.yaws[p])
        out[t, 0] = lanes.points[p, 0] - back * c - side * s
        out[t, 1] = lanes.points[p, 1] - back * s + side * c
        out[t, 2] = lanes.yaws[p] + heading_error * max(1.0 - travel[t] / HEADING_FADE_M, 0.0)
    return to_junction, branches


@njit(cache=True)
def roll_straight(x: float, y: float, yaw: float, vx: float, vy: float, dt_s: float, out: Float) -> None:
    """Move a road user with constant velocity; `out` (T, 3) receives x, y, yaw at dt, 2 dt, ..."""
    for t in range(len(out)):
        out[t, 0] = x + vx * dt_s * (t + 1)
        out[t, 1] = y + vy * dt_s * (t + 1)
        out[t, 2] = yaw


@njit(cache=True)
def travel_of(speed_mps: float, acceleration_mps2: float, dt_s: float, out: Float) -> None:
    """Fill `out` (T,) with the distances gone after dt, 2 dt, ...

    The acceleration holds for `ACCELERATION_HOLDS_S` at most; speeding up ends at `FORECAST_TOP_MPS`, slowing
    down at a standstill.
    """
    v, gone = speed_mps, 0.0
    top = max(speed_mps, FORECAST_TOP_MPS)
    for t in range(len(out)):
        if t * dt_s < ACCELERATION_HOLDS_S or acceleration_mps2 < 0.0:
            v = min(max(v + acceleration_mps2 * dt_s, 0.0), top)
        gone += v * dt_s
        out[t] = gone


@njit(cache=True)
def keeps_lane(lanes: LaneTables, p: int, x: float, y: float, yaw: float, travel_m: float) -> bool:
    """Whether a vehicle near lane point `p` would still be in that lane after `travel_m` straight on."""
    c, s = math.cos(lanes.yaws[p]), math.sin(lanes.yaws[p])
    side = -(x - lanes.points[p, 0]) * s + (y - lanes.points[p, 1]) * c
    drift = math.sin(yaw - lanes.yaws[p])
    return abs(side) < 1.2 and abs(drift) < 0.3 and abs(side + drift * travel_m) < KEEPS_LANE_M


@njit(cache=True)
def forecast_all(
    lanes: LaneTables,
    poses: Float,
    velocities: Float,
    accelerations: Float,
    is_walker: Int,
    wanted: Int,
    dt_s: float,
    straight_steps: int,
    tracks: Float,
    owner: Int,
    valid: Int,
    to_junction: Float,
) -> int:
    """Roll road users forward: vehicles along every lane under them and its branches, others straight on.

    A vehicle that is well aligned with a lane follows it; one that is not (it changes lane, turns out, skids)
    is also moved straight on for a short time.

    Args:
        lanes: of the town.
        poses: (N, 3) x, y, yaw.
        velocities: (N, 2) m/s.
        accelerations: (N,) m/s² along its motion.
        is_walker: (N,) not bound to lanes.
        wanted: (N,) whether to forecast it at all.
        dt_s: forecast step.
        straight_steps: how many steps the straight motion of a vehicle counts for.
        tracks: (H, T, 3) receives x, y, yaw.
        owner: (H,) receives the row of the road user.
        valid: (H,) receives how many steps count.
        to_junction: (H,) receives the distance to the next junction, see `roll_along`.

    Returns:
        How many tracks were filled; at most H.
    """
    count = 0
    steps = tracks.shape[1]
    found = np.empty(MAX_MATCHES, dtype=np.int64)
    distance2 = np.empty(MAX_MATCHES)
    travel = np.empty(steps)
    for i in range(len(poses)):
        if not wanted[i] or count == len(tracks):
            continue
        x, y, yaw = poses[i, 0], poses[i, 1], poses[i, 2]
        vx, vy = velocities[i, 0], velocities[i, 1]
        aligned = False
        if not is_walker[i]:
            travel_of(math.sqrt(vx * vx + vy * vy), accelerations[i], dt_s, travel)
            matches = match_lanes(lanes, x, y, yaw, 1.8, 0.6, found, distance2)
            for m in range(matches):
                p = found[m]
                aligned = aligned or keeps_lane(lanes, p, x, y, yaw, travel[straight_steps - 1])
                branch, branches = 0, 1
                while branch < branches and count < len(tracks):
                    to_junction[count], branches = roll_along(
                        lanes, p, branch, x, y, yaw, travel, tracks[count]
                    )
                    owner[count], valid[count] = i, steps
                    count += 1
                    branch += 1
        if not aligned and count < len(tracks):
            roll_straight(x, y, yaw, vx, vy, dt_s, tracks[count])
            owner[count], to_junction[count] = i, np.inf
            valid[count] = steps if is_walker[i] else straight_steps
            count += 1
    return count


@njit(cache=True)
def boxes_overlap(
    ax: float, ay: float, ac: float, a_s: float, a_length: float, a_width: float,
    bx: float, by: float, bc: float, bs: float, b_length: float, b_width: float,
) -> bool:  # fmt: skip
    """Whether two oriented boxes overlap; lengths and widths are HALF sizes (separating axis test)."""
    dx, dy = bx - ax, by - ay
    reach = a_length + a_width + b_length + b_width
    if dx * dx + dy * dy > reach * reach:
        return False
    cosine, sine = abs(ac * bc + a_s * bs), abs(ac * bs - a_s * bc)
    if abs(dx * ac + dy * a_s) > a_length + b_length * cosine + b_width * sine:
        return False
    if abs(-dx * a_s + dy * ac) > a_width + b_length * sine + b_width * cosine:
        return False
    if abs(dx * bc + dy * bs) > b_length + a_length * cosine + a_width * sine:
        return False
    return abs(-dx * bs + dy * bc) <= b_width + a_length * sine + a_width * cosine


@njit(cache=True)
def first_contacts(
    boxes: Float, ego_half: Float, side_margin_m: float, actors: Float, actor_half: Float, out: Int
) -> None:
    """For each actor where it stands, find the first place of the ego along its path where the boxes overlap.

    Args:
        boxes: (K, 4) ego box centres along the path and heading: x, y, cos, sin.
        ego_half: (2,) half length and half width of the ego.
        side_margin_m: added to the ego's half width.
        actors: (N, 3) x, y, yaw.
        actor_half: (N, 2) half length and half width.
        out: (N,) receives the first index into boxes, or -1.
    """
    for i in range(len(actors)):
        out[i] = -1
        c, s = math.cos(actors[i, 2]), math.sin(actors[i, 2])
        for k in range(len(boxes)):
            if boxes_overlap(
                boxes[k, 0], boxes[k, 1], boxes[k, 2], boxes[k, 3], ego_half[0], ego_half[1] + side_margin_m,
                actors[i, 0], actors[i, 1], c, s, actor_half[i, 0], actor_half[i, 1],
            ):  # fmt: skip
                out[i] = k
                break


@njit(cache=True)
def find_conflicts(
    tracks: Float,
    valid: Int,
    halves: Float,
    boxes: Float,
    ego_half: Float,
    timeline: Int,
    margin_steps: int,
    out: Int,
) -> None:
    """Find where the ego, moving along its path by a timeline, comes together with rolled-forward road users.

    Args:
        tracks: (H, T, 3) x, y, yaw at each forecast step.
        valid: (H,) how many steps count.
        halves: (H, 2) half length and half width of the other, margins included.
        boxes: (K, 4) as in `first_contacts`.
        ego_half: (2,) half sizes of the ego.
        timeline: (T,) index into boxes of the ego at each forecast step.
        margin_steps: the other is also tested this many steps earlier and later.
        out: (H, 3) receives the step of the other at the conflict (-1 if there is none), the index into boxes
            there, and the index at which the ego enters the area that the other sweeps.
    """
    for h in range(len(tracks)):
        out[h, 0] = -1
        for t in range(len(timeline)):
            k = timeline[t]
            for other in range(max(t - margin_steps, 0), min(t + margin_steps + 1, valid[h])):
                if out[h, 0] < 0 and _touches(tracks[h, other], halves[h], boxes[k], ego_half):
                    out[h, 0], out[h, 1] = other, k
            if out[h, 0] >= 0:
                entry = k
                while entry > 0 and _sweeps(tracks[h], valid[h], halves[h], boxes[entry - 1], ego_half):
                    entry -= 1
                out[h, 2] = entry
                break


@njit(cache=True)
def _touches(pose: Float, half: Float, box: Float, ego_half: Float) -> bool:
    """Whether the ego's box touches a road user at a pose (x, y, yaw)."""
    return boxes_overlap(
        box[0], box[1], box[2], box[3], ego_half[0], ego_half[1],
        pose[0], pose[1], math.cos(pose[2]), math.sin(pose[2]), half[0], half[1],
    )  # fmt: skip


@njit(cache=True)
def _sweeps(track: Float, valid: int, half: Float, box: Float, ego_half: Float) -> bool:
    """Whether a road user touches the ego's box at any step of its track."""
    for t in range(valid):  # noqa: SIM110 - compiled code, a generator would not be
        if _touches(track[t], half, box, ego_half):
            return True
    return False


@njit(cache=True)
def back_propagate_speed(speed: Float, step_m: float, brake_mps2: float) -> None:
    """Lower speeds along a path, in place, so that each later one is reached with the given deceleration."""
    for k in range(len(speed) - 2, -1, -1):
        reachable = math.sqrt(speed[k + 1] * speed[k + 1] + 2.0 * brake_mps2 * step_m)
        speed[k] = min(speed[k], reachable)


@njit(cache=True)
def roll_ego(
    speed_mps: float,
    allowed: Float,
    step_m: float,
    offset_m: float,
    dt_s: float,
    acceleration_mps2: float,
    brake_mps2: float,
    gap_end_m: float,
    leader_mps: float,
    timeline: Int,
) -> None:
    """Fill the ego's timeline: as fast as its speed profile and its leader allow.

    Args:
        speed_mps: now.
        allowed: (K,) speed allowed along the path.
        step_m: between places of the path.
        offset_m: from place 0 to the ego.
        dt_s: forecast step.
        acceleration_mps2: upper bound.
        brake_mps2: bound of the deceleration.
        gap_end_m: how far the ego may go now until it would stand behind its leader; inf without one.
        leader_mps: speed of that leader.
        timeline: (T,) receives the nearest index of the path at times dt, 2 dt, ...
    """
    travelled = 0.0
    v = speed_mps
    last = len(allowed) - 1
    for t in range(len(timeline)):
        k = min(int((offset_m + travelled + 0.5 * v * dt_s) / step_m), last)
        wanted = allowed[k]
        if gap_end_m < np.inf:
            room = gap_end_m + leader_mps * (t + 1) * dt_s - travelled
            wanted = min(wanted, leader_mps + max(room, 0.0) / 2.0)
        v = min(max(wanted, v - brake_mps2 * dt_s), v + acceleration_mps2 * dt_s)
        v = max(v, 0.0)
        travelled += v * dt_s
        timeline[t] = min(int((offset_m + travelled) / step_m + 0.5), last)


def warm_up(lanes: LaneTables) -> None:
    """Compile everything that a step calls, so that no step pays for it."""
    steps, tracks = 2, np.zeros((1, 2, 3))
    rows, counts = np.zeros((1, 2)), np.zeros(1, dtype=np.int64)
    boxes, timeline = np.zeros((2, 4)), np.zeros(steps, dtype=np.int64)
    half, speeds = np.ones(2), np.ones(2)
    forecast_all(
        lanes, np.zeros((1, 3)), rows, np.zeros(1), counts, counts.copy(),
        0.1, 1, tracks, counts.copy(), counts.copy(), np.zeros(1),
    )  # fmt: skip
    found = np.zeros(MAX_MATCHES, dtype=np.int64)
    match_lanes(lanes, 0.0, 0.0, 0.0, 1.0, 1.0, found, np.zeros(MAX_MATCHES))
    first_contacts(boxes, half, 0.1, np.zeros((1, 3)), rows, counts.copy())
    find_conflicts(tracks, counts, rows, boxes, half, timeline, 1, np.zeros((1, 3), dtype=np.int64))
    back_propagate_speed(speeds, 0.5, 1.0)
    roll_ego(1.0, speeds, 0.5, 0.0, 0.1, 1.0, 1.0, 1.0, 1.0, timeline)
