"""From a tape to findings: who left the lane, who stood in whom, who ran a red light, who got stuck. Pure.

*Off the lane* is measured where no part of the vehicle is in a junction, at the corners of its box and in the
middle of its ends: one of them farther than `OFF_M` beyond the border of the nearest driving lane that runs
the vehicle's way (within 60 degrees) counts.

*Off the centre line* is reported beside it: the actor's origin farther than `OFF_M` from the middle of its
lane, whether or not the vehicle fits into the lane there, except while it changes lanes. A lane change is a
stretch of being off in which the nearest lane becomes the neighbouring one, with at most `CHANGE_S` of
driving; it ends when the vehicle is within `OFF_M` of the new line.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from scenarios.lane_graph import LaneGraph
from tests.soak.tape import Tape

OFF_M = 1.0
CHANGE_S = 10.0
DEEP_M = 0.05
LASTING_S = 1.0
STUCK_S = 180.0
_STANDS_MPS = 0.3
_LINE_M = 0.2  # half of a painted stop line: who comes to rest on it has not crossed it
_TOUCH_M = -0.01  # a gap of a centimetre counts as contact
_CELL_M = 4.0
_LEVEL_M = 4.0
_RED, _YELLOW = 0, 1
_AT_LIGHT = 4

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Pairing:
    """Two actors in one another, or touching.

    Attributes:
        a, b: rows of the actors.
        tick: first of it.
        ticks: how long.
        depth_m: deepest overlap.
    """

    a: int
    b: int
    tick: int
    ticks: int
    depth_m: float


@dataclass(frozen=True, slots=True)
class Crossing:
    """A vehicle's front crossed a stop line.

    Attributes:
        vehicle: row.
        light: row of the light.
        tick: when.
        state: what the light showed (0 red, 1 yellow, 2 green).
    """

    vehicle: int
    light: int
    tick: int
    state: int


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
    """What a run showed.

    Attributes:
        off_share: (V,) share of a vehicle's ticks on which it was off its lane outside junctions.
        centre_share: (V,) the same, off the centre line.
        overlaps: overlaps deeper than `DEEP_M` that lasted longer than `LASTING_S`.
        contacts: every beginning of a contact with a vehicle in it.
        crossings: of stop lines.
        stuck: (V,) longest time that a vehicle stood without a red or yellow light, s.
        removed: rows of the vehicles that were gone at the end.
        driven_m: (V,) length of the way.
    """

    off_share: Float
    centre_share: Float
    overlaps: tuple[Pairing, ...]
    contacts: tuple[Pairing, ...]
    crossings: tuple[Crossing, ...]
    stuck: Float
    removed: tuple[int, ...]
    driven_m: Float

    @property
    def red(self) -> tuple[Crossing, ...]:
        """Crossings of stop lines at red."""
        return tuple(one for one in self.crossings if one.state == _RED)


def judge(tape: Tape, graph: LaneGraph) -> Findings:
    """Judge a run in the town of `graph`."""
    count = tape.cast.vehicles
    off, aside = off_lane(tape, graph)
    here = ~np.isnan(tape.pose[:, :count, 0])
    ticks = np.maximum(here.sum(axis=0), 1)
    box = np.array(tape.cast.box)
    deep = _pairings(tape.pose, box, count, DEEP_M)
    lasting = round(LASTING_S / tape.cast.dt_s)
    return Findings(
        off_share=off.sum(axis=0) / ticks,
        centre_share=aside.sum(axis=0) / ticks,
        overlaps=tuple(one for one in deep if one.ticks > lasting),
        contacts=_pairings(tape.pose, box, count, _TOUCH_M),
        crossings=_crossings(tape),
        stuck=_longest_stand_s(tape),
        removed=tuple(int(i) for i in np.flatnonzero(~here[-1])),
        driven_m=np.nansum(np.linalg.norm(np.diff(tape.pose[:, :count, :2], axis=0), axis=2), axis=0),
    )


# ---------------------------------------------------------------------- lanes


def off_lane(tape: Tape, graph: LaneGraph) -> tuple[Bool, Bool]:
    """(T, V) whether a vehicle is off its lane outside junctions, and whether off its centre line."""
    count = tape.cast.vehicles
    pose, box = tape.pose[:, :count], np.array(tape.cast.box)[:count]
    lanes = Lanes(graph)
    aside, _, inside = lanes.offsets(pose)
    beyond = np.zeros(pose.shape[:2], np.bool_)
    cos, sin = np.cos(pose[..., 3]), np.sin(pose[..., 3])
    for end in (box[:, 3] + box[:, 0], box[:, 3] - box[:, 0]):
        for side in (-box[:, 1], np.zeros(count), box[:, 1]):
            moved = pose.copy()
            moved[..., 0] += end * cos - side * sin
            moved[..., 1] += end * sin + side * cos
            away, half_width, in_junction = lanes.offsets(moved)
            beyond |= np.abs(away) - half_width > OFF_M
            inside |= in_junction
    off = np.abs(aside) > OFF_M
    off[inside] = beyond[inside] = False
    drives = tape.speed[:, :count] > _STANDS_MPS
    for i in range(count):
        _forgive_changes(off[:, i], aside[:, i], drives[:, i], round(CHANGE_S / tape.cast.dt_s))
    return beyond, off


class Lanes:
    """Points of a town's lanes, sorted into cells so that the nearest is found quickly."""

    def __init__(self, graph: LaneGraph) -> None:
        self._low = graph.location[:, :2].min(axis=0) - _CELL_M
        cell = ((graph.location[:, :2] - self._low) // _CELL_M).astype(np.int64)
        self._shape = cell.max(axis=0) + 2
        key = cell[:, 0] * self._shape[1] + cell[:, 1]
        order = np.argsort(key, kind="stable")
        self._first = np.searchsorted(key[order], np.arange(self._shape[0] * self._shape[1] + 1))
        yaw = np.radians(graph.rotation_deg[:, 1])
        self._points = np.column_stack((graph.location, yaw))[order]
        self._half_width = graph.width_m[order] / 2.0
        self._in_junction = graph.in_junction[graph.segment_of[order]]

    def offsets(self, pose: NDArray[np.float32]) -> tuple[Float, Float, Bool]:
        """Where poses are on the nearest lane that runs their way.

        Args:
            pose: (T, V, 4) x, y, z m, yaw rad in the world.

        Returns:
            (T, V) m offset from the lane's centre line, right is positive; half its width, m; and whether it
            is in a junction. Where no lane runs their way, the offset is the distance to any lane point, at
            most 2 cells.
        """
        found, aside = _offsets(pose.astype(np.float64), self._points, self._first, self._low, self._shape)
        row = np.maximum(found, 0)
        aside[np.isnan(pose[:, :, 0])] = 0.0
        return aside, self._half_width[row], self._in_junction[row] & (found >= 0)


@numba.njit(cache=True)
def _offsets(pose, points, first, low, shape):  # type: ignore[no-untyped-def]
    ticks, count = pose.shape[0], pose.shape[1]
    found = np.full((ticks, count), -1, np.int64)
    aside = np.zeros((ticks, count))
    for t in range(ticks):
        for i in range(count):
            x, y, z, yaw = pose[t, i]
            if np.isnan(x):
                continue
            ci, cj = int((x - low[0]) // _CELL_M), int((y - low[1]) // _CELL_M)
            best, any_best = np.inf, 2.0 * _CELL_M
            for gi in range(max(ci - 1, 0), min(ci + 2, shape[0])):
                for gj in range(max(cj - 1, 0), min(cj + 2, shape[1])):
                    for k in range(first[gi * shape[1] + gj], first[gi * shape[1] + gj + 1]):
                        if abs(points[k, 2] - z) > _LEVEL_M:
                            continue
                        dx, dy = x - points[k, 0], y - points[k, 1]
                        away = np.hypot(dx, dy)
                        any_best = min(any_best, away)
                        if away < best and np.cos(yaw - points[k, 3]) > 0.5:
                            best = away
                            found[t, i] = k
                            aside[t, i] = -np.sin(points[k, 3]) * dx + np.cos(points[k, 3]) * dy
            if found[t, i] < 0:
                aside[t, i] = any_best
    return found, aside


def _forgive_changes(off: Bool, aside: Float, drives: Bool, longest: int) -> None:
    """Clear one vehicle's lane changes: stretches in which the offset jumps from one side to the other."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], off.astype(np.int8), [0]))))
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        sides = np.sign(aside[begin:end])
        if drives[begin:end].sum() <= longest and bool(np.any(sides[1:] != sides[:-1])):
            off[begin:end] = False


# ---------------------------------------------------------------------- boxes


def _pairings(pose: NDArray[np.float32], box: Float, vehicles: int, deeper_m: float) -> tuple[Pairing, ...]:
    room = 1024
    while True:
        rows = np.zeros((room, 5))
        count = _find_pairings(pose.astype(np.float64), box, vehicles, deeper_m, rows)
        if count <= room:
            break
        room = count
    return tuple(
        Pairing(int(a), int(b), int(tick), int(ticks), float(depth))
        for a, b, tick, ticks, depth in rows[:count]
    )


@numba.njit(cache=True)
def _depth(a, b, box_a, box_b):  # type: ignore[no-untyped-def]
    """Overlap of two boxes in the plane, negative where they are apart; far below 0 on different levels."""
    if abs(a[2] + box_a[4] - b[2] - box_b[4]) > box_a[2] + box_b[2]:
        return -1e9
    ca, sa, cb, sb = np.cos(a[3]), np.sin(a[3]), np.cos(b[3]), np.sin(b[3])
    dx = b[0] + cb * box_b[3] - a[0] - ca * box_a[3]
    dy = b[1] + sb * box_b[3] - a[1] - sa * box_a[3]
    least = np.inf
    for k in range(4):
        c, s = (ca, sa) if k < 2 else (cb, sb)
        ux, uy = (c, s) if k % 2 == 0 else (-s, c)
        reach_a = box_a[0] * abs(ca * ux + sa * uy) + box_a[1] * abs(-sa * ux + ca * uy)
        reach_b = box_b[0] * abs(cb * ux + sb * uy) + box_b[1] * abs(-sb * ux + cb * uy)
        least = min(least, reach_a + reach_b - abs(dx * ux + dy * uy))
    return least


@numba.njit(cache=True)
def _find_pairings(pose, box, vehicles, deeper_m, rows):  # type: ignore[no-untyped-def]
    ticks, count = pose.shape[0], pose.shape[1]
    since = np.full((count, count), -1, np.int64)
    deepest = np.zeros((count, count))
    found = 0
    for t in range(ticks + 1):
        for a in range(vehicles):
            for b in range(a + 1, count):
                depth = -1e9
                if t < ticks:
                    dx, dy = pose[t, a, 0] - pose[t, b, 0], pose[t, a, 1] - pose[t, b, 1]
                    if abs(dx) < 15.0 and abs(dy) < 15.0:
                        depth = _depth(pose[t, a], pose[t, b], box[a], box[b])
                if depth > deeper_m:
                    if since[a, b] < 0:
                        since[a, b], deepest[a, b] = t, depth
                    deepest[a, b] = max(deepest[a, b], depth)
                elif since[a, b] >= 0:
                    if found < rows.shape[0]:
                        rows[found, 0], rows[found, 1] = a, b
                        rows[found, 2], rows[found, 3] = since[a, b], t - since[a, b]
                        rows[found, 4] = deepest[a, b]
                    found += 1
                    since[a, b] = -1
    return found


# ---------------------------------------------------------------------- lights


def _crossings(tape: Tape) -> tuple[Crossing, ...]:
    lines = np.array(tape.cast.lines).reshape(-1, 6)
    count = tape.cast.vehicles
    box = np.array(tape.cast.box)[:count]
    pose = tape.pose[:, :count].astype(np.float64)
    reach = box[:, 0] + box[:, 3]
    front = np.stack(
        (pose[..., 0] + reach * np.cos(pose[..., 3]), pose[..., 1] + reach * np.sin(pose[..., 3])), axis=2
    )
    found: list[Crossing] = []
    for x, y, z, yaw, width, row in lines:
        dx, dy = front[..., 0] - x, front[..., 1] - y
        along = dx * np.cos(yaw) + dy * np.sin(yaw) - _LINE_M
        across = np.abs(-dx * np.sin(yaw) + dy * np.cos(yaw))
        near = (across < width / 2.0) & (np.abs(pose[..., 2] - z) < _LEVEL_M) & (np.abs(along) < 5.0)
        near &= np.cos(pose[..., 3] - yaw) > 0.7
        over = (along[:-1] < 0.0) & (along[1:] >= 0.0) & near[:-1] & near[1:]
        for tick, vehicle in np.argwhere(over):
            # Red from one tick to the next: what turned red in this very tick could not be seen.
            before, now = (int(tape.lights[t, int(row)]) for t in (tick, tick + 1))
            state = before if now == _RED else now
            found.append(Crossing(int(vehicle), int(row), int(tick) + 1, state))
    return tuple(sorted(found, key=lambda one: (one.tick, one.vehicle)))


def _longest_stand_s(tape: Tape) -> Float:
    """(V,) longest time without a metre of progress, red and yellow lights taken out."""
    count = tape.cast.vehicles
    told = tape.told[:, :count]
    waits = (told >= _AT_LIGHT) & ((told & 3) <= _YELLOW)
    stands = (tape.speed[:, :count] < _STANDS_MPS) & ~np.isnan(tape.pose[:, :count, 0])
    longest = np.zeros(count)
    run = np.zeros(count)
    for tick in range(len(told)):
        run = np.where(stands[tick], run + ~waits[tick], 0.0)
        longest = np.maximum(longest, run)
    return longest * tape.cast.dt_s
