"""Who touches whom, and what it does to them: boxes that overlap in the plane and in height, and impulses.

Once per tick a sweep along x finds the pairs that can come to touch; in every substep each pair is tested
exactly (separating axes), velocities get an impulse with little restitution and Coulomb friction, and what
overlaps is pushed apart. Impulses never add energy; pushing apart changes positions only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from simulator.world.actors import ActorKind, Collision

LYING_S = 5.0
"""How long a walker stays on the ground that a vehicle has knocked down."""

RESTITUTION = 0.1
"""Of car bodies at road speeds."""

FRICTION = 0.4
"""Between bodies."""

CLEARANCE_M = 0.2
"""Between a vehicle and the ground. Props that are lower are driven over: dirt, tiles, planks, flat boxes.

An estimate: a vehicle's box reaches down to the ground, as CARLA's does, but its body does not.
ScenarioRunner's ControlLoss has vehicles drive over `static.prop.dirtdebris01`, which is 0.15 m high.
"""

PAIR = np.dtype(
    [
        ("a", "i8"),  # body
        ("b", "i8"),  # body, or static number -1 - b
        ("touched", "i8"),
        ("impulse_x", "f8"),  # on a, N·s, summed over the tick
        ("impulse_y", "f8"),
    ]
)
"""Two things near each other."""

_CELL_M = 12.0
_SLOP_M = 0.005  # overlap that is left alone, so that contacts do not flicker
_PUSH_SHARE = 0.5  # of the overlap, per substep
_NEAR_M = 0.05
_KNOCK_DOWN_MPS = 1.5  # change of a walker's velocity that takes it off its feet
_ROUNDS = 2
_MAX_NEAR_STATICS = 16
_VEHICLE = int(ActorKind.VEHICLE)
_WALKER = int(ActorKind.WALKER)
_PROP = int(ActorKind.PROP)


@dataclass(frozen=True, slots=True)
class StaticGrid:
    """Poles by cell; those of cell (i, j) are `statics[first[i * ny + j]:first[i * ny + j + 1]]`.

    Attributes:
        statics: (N,) BODY; `actor_id` is the actor that stands there, 0 the level itself.
        first: (nx * ny + 1,) int64.
        origin: x and y of the lower corner, m.
        shape: nx, ny.
    """

    statics: NDArray[np.void]
    first: NDArray[np.int64]
    origin: NDArray[np.float64]
    shape: NDArray[np.int64]


def static_grid(statics: NDArray[np.void]) -> StaticGrid:
    """Sort poles into cells; an empty array gives an empty grid of one cell."""
    if not len(statics):
        return StaticGrid(statics, np.zeros(2, np.int64), np.zeros(2), np.ones(2, np.int64))
    at = np.stack([statics["x"], statics["y"]], axis=1)
    origin = at.min(axis=0)
    cell = ((at - origin) // _CELL_M).astype(np.int64)
    shape = cell.max(axis=0) + 1
    key = cell[:, 0] * shape[1] + cell[:, 1]
    order = np.argsort(key, kind="stable")
    first = np.searchsorted(key[order], np.arange(shape[0] * shape[1] + 1))
    return StaticGrid(statics[order], first.astype(np.int64), origin, shape.astype(np.int64))


def near_pairs(bodies: NDArray[np.void], grid: StaticGrid, dt_s: float, room: NDArray[np.void]) -> int:
    """Write the pairs that can touch within `dt_s` into `room` (PAIR), ordered by body.

    Returns:
        How many there are; if more than `len(room)`, call again with that much room.
    """
    return int(_near_pairs(bodies, grid.statics, grid.first, grid.origin, grid.shape, float(dt_s), room))


def resolve(bodies: NDArray[np.void], grid: StaticGrid, pairs: NDArray[np.void]) -> None:
    """One substep: impulses and pushing apart for every pair that overlaps now."""
    _resolve(bodies, grid.statics, pairs)


def blocker_of(bodies: NDArray[np.void], grid: StaticGrid, candidate: NDArray[np.void]) -> int:
    """First thing that a (1,) BODY would overlap: a row of bodies, -1 - a pole, or `len(bodies)` for none."""
    return int(_blocker(bodies, grid.statics, candidate))


def reports(bodies: NDArray[np.void], grid: StaticGrid, pairs: NDArray[np.void]) -> tuple[Collision, ...]:
    """Both sides' reports of every pair that touched."""
    found: list[Collision] = []
    for pair in pairs[pairs["touched"] == 1]:
        a = int(bodies["actor_id"][pair["a"]])
        b = int(bodies["actor_id"][pair["b"]] if pair["b"] >= 0 else grid.statics["actor_id"][-1 - pair["b"]])
        x, y = float(pair["impulse_x"]), float(pair["impulse_y"])
        found.append(Collision(a, b, (x, y, 0.0)))
        if pair["b"] >= 0:
            found.append(Collision(b, a, (-x, -y, 0.0)))
    return tuple(found)


@numba.njit(cache=True, fastmath=False)
def _box_of(body):  # type: ignore[no-untyped-def]
    """Centre, heading and half sizes of a body's box in the plane."""
    c, s = math.cos(body.yaw), math.sin(body.yaw)
    x = body.x + c * body.box_x - s * body.box_y
    y = body.y + s * body.box_x + c * body.box_y
    return (x, y, c, s, body.extent_x, body.extent_y)


@numba.njit(cache=True, fastmath=False)
def _gap_along(ux, uy, p, q):  # type: ignore[no-untyped-def]
    """Gap between two boxes along an axis (negative: overlap), and the side on which q lies."""
    away = (q[0] - p[0]) * ux + (q[1] - p[1]) * uy
    reach_p = p[4] * abs(p[2] * ux + p[3] * uy) + p[5] * abs(-p[3] * ux + p[2] * uy)
    reach_q = q[4] * abs(q[2] * ux + q[3] * uy) + q[5] * abs(-q[3] * ux + q[2] * uy)
    return abs(away) - reach_p - reach_q, 1.0 if away >= 0.0 else -1.0


@numba.njit(cache=True, fastmath=False)
def _separation(p, q):  # type: ignore[no-untyped-def]
    """Largest gap over the four axes of two boxes, and its direction from p to q."""
    gap, nx, ny = -np.inf, 0.0, 0.0
    for k in range(4):
        box = p if k < 2 else q
        ux, uy = (box[2], box[3]) if k % 2 == 0 else (-box[3], box[2])
        found, side = _gap_along(ux, uy, p, q)
        if found > gap:
            gap, nx, ny = found, side * ux, side * uy
    return gap, nx, ny


@numba.njit(cache=True, fastmath=False)
def _clip(points, count, px, py, ux, uy):  # type: ignore[no-untyped-def]
    """Keep the part of a polygon with (point - p)·u <= 0; Sutherland and Hodgman's step."""
    kept = np.empty((16, 2))
    n = 0
    for k in range(count):
        j = (k + 1) % count
        here = (points[k, 0] - px) * ux + (points[k, 1] - py) * uy
        there = (points[j, 0] - px) * ux + (points[j, 1] - py) * uy
        if here <= 0.0:
            kept[n, 0], kept[n, 1] = points[k, 0], points[k, 1]
            n += 1
        if (here < 0.0 < there) or (there < 0.0 < here):
            t = here / (here - there)
            kept[n, 0] = points[k, 0] + t * (points[j, 0] - points[k, 0])
            kept[n, 1] = points[k, 1] + t * (points[j, 1] - points[k, 1])
            n += 1
    return kept, n


@numba.njit(cache=True, fastmath=False)
def _contact_point(p, q):  # type: ignore[no-untyped-def]
    """Mean corner of the overlap of two boxes."""
    points = np.empty((16, 2))
    for k in range(4):
        side_x = 1.0 if k == 0 or k == 3 else -1.0
        side_y = 1.0 if k < 2 else -1.0
        points[k, 0] = p[0] + side_x * p[4] * p[2] - side_y * p[5] * p[3]
        points[k, 1] = p[1] + side_x * p[4] * p[3] + side_y * p[5] * p[2]
    count = 4
    for k in range(4):
        side = 1.0 if k < 2 else -1.0
        ux, uy = (q[2], q[3]) if k % 2 == 0 else (-q[3], q[2])
        half = q[4] if k % 2 == 0 else q[5]
        points, count = _clip(
            points, count, q[0] + side * half * ux, q[1] + side * half * uy, side * ux, side * uy
        )
    if count == 0:
        return 0.5 * (p[0] + q[0]), 0.5 * (p[1] + q[1])
    x, y = 0.0, 0.0
    for k in range(count):
        x += points[k, 0]
        y += points[k, 1]
    return x / count, y / count


@numba.njit(cache=True, fastmath=False)
def _is_movable(body):  # type: ignore[no-untyped-def]
    return body.simulates == 1 and body.kind != _PROP


@numba.njit(cache=True, fastmath=False)
def _can_touch(a, b):  # type: ignore[no-untyped-def]
    """Whether two bodies care about each other at all: one of them is a vehicle, one of them can be moved."""
    if a.collides == 0 or b.collides == 0:
        return False
    if a.kind != _VEHICLE and b.kind != _VEHICLE:
        return False
    if _lies_flat(a) or _lies_flat(b):
        return False
    return _is_movable(a) or _is_movable(b)


@numba.njit(cache=True, fastmath=False)
def _lies_flat(body):  # type: ignore[no-untyped-def]
    """Whether a prop is so low that a vehicle drives over it, on a slope too."""
    return body.kind == _PROP and 2.0 * body.extent_z < CLEARANCE_M


@numba.njit(cache=True, fastmath=False)
def _share_height(a, b):  # type: ignore[no-untyped-def]
    return abs(a.z + a.box_z - b.z - b.box_z) < a.extent_z + b.extent_z


@numba.njit(cache=True, fastmath=False)
def _note(room, n, a, b):  # type: ignore[no-untyped-def]
    if n < room.shape[0]:
        pair = room[n]
        pair.a, pair.b, pair.touched = a, b, 0
        pair.impulse_x, pair.impulse_y = 0.0, 0.0
    return n + 1


@numba.njit(cache=True, fastmath=False)
def _near_pairs(bodies, statics, first, origin, shape, dt_s, room):  # type: ignore[no-untyped-def]
    count = bodies.shape[0]
    boxes = np.empty((count, 6))
    reach = np.empty(count)
    low = np.empty(count)
    for i in range(count):
        body = bodies[i]
        box = _box_of(body)
        for k in range(6):
            boxes[i, k] = box[k]
        reach[i] = math.hypot(body.extent_x, body.extent_y) + dt_s * math.hypot(body.vx, body.vy) + _NEAR_M
        low[i] = box[0] - reach[i]
    order = np.argsort(low, kind="mergesort")
    n = 0
    for m in range(count):
        i = order[m]
        for k in range(m + 1, count):
            j = order[k]
            if low[j] > boxes[i, 0] + reach[i]:
                break
            if abs(boxes[j, 1] - boxes[i, 1]) > reach[i] + reach[j]:
                continue
            a, b = bodies[min(i, j)], bodies[max(i, j)]
            if not _can_touch(a, b) or not _share_height(a, b):
                continue
            p = (boxes[i, 0], boxes[i, 1], boxes[i, 2], boxes[i, 3], boxes[i, 4], boxes[i, 5])
            q = (boxes[j, 0], boxes[j, 1], boxes[j, 2], boxes[j, 3], boxes[j, 4], boxes[j, 5])
            margin = _NEAR_M + dt_s * (math.hypot(a.vx, a.vy) + math.hypot(b.vx, b.vy))
            if _separation(p, q)[0] < margin:
                n = _note(room, n, min(i, j), max(i, j))
    for i in range(count):
        body = bodies[i]
        if statics.shape[0] > 0 and body.kind == _VEHICLE and body.collides == 1 and body.simulates == 1:
            n = _near_statics(
                body, i, boxes[i, 0], boxes[i, 1], reach[i], statics, first, origin, shape, room, n
            )
    return n


@numba.njit(cache=True, fastmath=False)
def _near_statics(  # type: ignore[no-untyped-def]
    body, i, x, y, reach, statics, first, origin, shape, room, n
):
    i0 = max(int((x - reach - 1.0 - origin[0]) // _CELL_M), 0)
    i1 = min(int((x + reach + 1.0 - origin[0]) // _CELL_M), shape[0] - 1)
    j0 = max(int((y - reach - 1.0 - origin[1]) // _CELL_M), 0)
    j1 = min(int((y + reach + 1.0 - origin[1]) // _CELL_M), shape[1] - 1)
    for ci in range(i0, i1 + 1):
        for cj in range(j0, j1 + 1):
            for k in range(first[ci * shape[1] + cj], first[ci * shape[1] + cj + 1]):
                pole = statics[k]
                if math.hypot(pole.x - x, pole.y - y) < reach + 1.0 and _share_height(body, pole):
                    n = _note(room, n, i, -1 - k)
    return n


@numba.njit(cache=True, fastmath=False)
def _resolve(bodies, statics, pairs):  # type: ignore[no-untyped-def]
    for _ in range(_ROUNDS):
        for k in range(pairs.shape[0]):
            pair = pairs[k]
            if pair.b >= 0:
                _collide(bodies[pair.a], bodies[pair.b], pair)
            else:
                _collide(bodies[pair.a], statics[-1 - pair.b], pair)
    for k in range(pairs.shape[0]):
        pair = pairs[k]
        if pair.b >= 0:
            _push_apart(bodies[pair.a], bodies[pair.b])
        else:
            _push_apart(bodies[pair.a], statics[-1 - pair.b])


@numba.njit(cache=True, fastmath=False)
def _inverse_mass(body):  # type: ignore[no-untyped-def]
    return 1.0 / body.mass_kg if _is_movable(body) else 0.0


@numba.njit(cache=True, fastmath=False)
def _inverse_inertia(body):  # type: ignore[no-untyped-def]
    return 1.0 / body.inertia if _is_movable(body) and body.kind == _VEHICLE else 0.0


@numba.njit(cache=True, fastmath=False)
def _arm(body, x, y):  # type: ignore[no-untyped-def]
    """From the centre of mass to a point."""
    return x - body.x - body.com_x * math.cos(body.yaw), y - body.y - body.com_x * math.sin(body.yaw)


@numba.njit(cache=True, fastmath=False)
def _relative_speed(a, b, arm_a, arm_b, ux, uy):  # type: ignore[no-untyped-def]
    """Speed along u of b's point of contact as seen from a's."""
    dvx = b.vx - b.yaw_rate * arm_b[1] - a.vx + a.yaw_rate * arm_a[1]
    dvy = b.vy + b.yaw_rate * arm_b[0] - a.vy - a.yaw_rate * arm_a[0]
    return dvx * ux + dvy * uy


@numba.njit(cache=True, fastmath=False)
def _inverse_inertness(a, b, arm_a, arm_b, ux, uy):  # type: ignore[no-untyped-def]
    """Change of that relative speed per impulse along u, 1/kg."""
    turn_a = arm_a[0] * uy - arm_a[1] * ux
    turn_b = arm_b[0] * uy - arm_b[1] * ux
    turning = turn_a * turn_a * _inverse_inertia(a) + turn_b * turn_b * _inverse_inertia(b)
    return _inverse_mass(a) + _inverse_mass(b) + turning


@numba.njit(cache=True, fastmath=False)
def _apply(body, jx, jy, arm):  # type: ignore[no-untyped-def]
    inverse = _inverse_mass(body)
    body.vx += jx * inverse
    body.vy += jy * inverse
    if body.kind == _WALKER:
        body.push_x += jx * inverse
        body.push_y += jy * inverse
    body.yaw_rate += (arm[0] * jy - arm[1] * jx) * _inverse_inertia(body)


@numba.njit(cache=True, fastmath=False)
def _knock_down(body, impulse):  # type: ignore[no-untyped-def]
    if body.kind == _WALKER and impulse * _inverse_mass(body) > _KNOCK_DOWN_MPS:
        body.down_s = LYING_S


@numba.njit(cache=True, fastmath=False)
def _collide(a, b, pair):  # type: ignore[no-untyped-def]
    p, q = _box_of(a), _box_of(b)
    gap, nx, ny = _separation(p, q)
    if gap >= 0.0 or not _share_height(a, b):
        return
    pair.touched = 1
    x, y = _contact_point(p, q)
    arm_a, arm_b = _arm(a, x, y), _arm(b, x, y)
    closing = -_relative_speed(a, b, arm_a, arm_b, nx, ny)
    if closing <= 0.0:
        return
    # One after the other, because each alone can only take energy out.
    normal = (1.0 + RESTITUTION) * closing / _inverse_inertness(a, b, arm_a, arm_b, nx, ny)
    _apply(a, -normal * nx, -normal * ny, arm_a)
    _apply(b, normal * nx, normal * ny, arm_b)
    _knock_down(a, normal)
    _knock_down(b, normal)
    tx, ty = -ny, nx
    sliding = _relative_speed(a, b, arm_a, arm_b, tx, ty)
    friction = -sliding / _inverse_inertness(a, b, arm_a, arm_b, tx, ty)
    friction = min(max(friction, -FRICTION * normal), FRICTION * normal)
    _apply(a, -friction * tx, -friction * ty, arm_a)
    _apply(b, friction * tx, friction * ty, arm_b)
    pair.impulse_x -= normal * nx
    pair.impulse_y -= normal * ny


@numba.njit(cache=True, fastmath=False)
def _push_apart(a, b):  # type: ignore[no-untyped-def]
    gap, nx, ny = _separation(_box_of(a), _box_of(b))
    total = _inverse_mass(a) + _inverse_mass(b)
    if gap >= -_SLOP_M or total == 0.0 or not _share_height(a, b):
        return
    push = -_PUSH_SHARE * (gap + _SLOP_M) / total
    a.x -= push * _inverse_mass(a) * nx
    a.y -= push * _inverse_mass(a) * ny
    b.x += push * _inverse_mass(b) * nx
    b.y += push * _inverse_mass(b) * ny


@numba.njit(cache=True, fastmath=False)
def _blocker(bodies, statics, candidate):  # type: ignore[no-untyped-def]
    new = candidate[0]
    box = _box_of(new)
    for i in range(bodies.shape[0]):
        other = bodies[i]
        if other.collides == 1 and _share_height(new, other) and _separation(box, _box_of(other))[0] < 0.0:
            return i
    for k in range(statics.shape[0]):
        if _share_height(new, statics[k]) and _separation(box, _box_of(statics[k]))[0] < 0.0:
            return -1 - k
    return bodies.shape[0]
