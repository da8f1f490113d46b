"""Kernels of `simulator.world.collisions`.

They are in one file because a kernel that was compiled into the cache would not see that a helper in another
file has changed.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from simulator.world.actors import ActorKind
from simulator.world.static_grid import CELL_M

LYING_S = 5.0
"""How long a walker stays on the ground that a vehicle has knocked down."""

RESTITUTION = 0.1
"""Of car bodies at road speeds."""

FRICTION = 0.4
"""Between bodies."""

GRAZE_M = 0.15
"""Overlap across a vehicle up to which two slide past each other rather than meet head on, an estimate:
bodies are round at the corners, by 0.2 m to 0.3 m, and narrower than boxes that hold the mirrors too."""

CLEARANCE_M = 0.2
"""Between a vehicle and the ground. Props that are lower are driven over: dirt, tiles, planks, flat boxes.

An estimate: a vehicle's box reaches down to the ground, as CARLA's does, but its body does not.
ScenarioRunner's ControlLoss has vehicles drive over `static.prop.dirtdebris01`, which is 0.15 m high.
"""

_SLOP_M = 0.005  # overlap that is left alone, so that contacts do not flicker
_PUSH_SHARE = 0.5  # of the overlap, per substep
_NEAR_M = 0.05
_KNOCK_DOWN_MPS = 1.5  # change of a walker's velocity that takes it off its feet
_ROUNDS = 2
_CREEP_MPS = 1e-6  # shares the way back between walkers that overlap without walking
_VEHICLE = int(ActorKind.VEHICLE)
_WALKER = int(ActorKind.WALKER)
_PROP = int(ActorKind.PROP)


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
def _separation(p, q, graze):  # type: ignore[no-untyped-def]
    """Largest gap over the four axes of two boxes, and its direction from p to q.

    Where all overlap, an axis across a box counts as if it did by `graze` less: a corner that is met by so
    little is slid past.
    """
    gap, nx, ny, largest = -np.inf, 0.0, 0.0, -np.inf
    for k in range(4):
        box = p if k < 2 else q
        ux, uy = (box[2], box[3]) if k % 2 == 0 else (-box[3], box[2])
        found, side = _gap_along(ux, uy, p, q)
        eased = min(found + graze, 1e-6 * found) if k % 2 == 1 and graze > 0.0 > found else found
        if eased > largest:
            gap, nx, ny, largest = found, side * ux, side * uy, eased
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
    return body.simulates == 1


@numba.njit(cache=True, fastmath=False)
def _can_touch(a, b):  # type: ignore[no-untyped-def]
    """Whether two bodies care about each other at all: one of them can be moved, and does more than lie."""
    if a.collides == 0 or b.collides == 0:
        return False
    if a.kind == _PROP and b.kind == _PROP and a.vx == a.vy == b.vx == b.vy == 0.0:
        return False
    if (a.kind == _VEHICLE and _lies_flat(b)) or (b.kind == _VEHICLE and _lies_flat(a)):
        return False
    return _is_movable(a) or _is_movable(b)


@numba.njit(cache=True, fastmath=False)
def _lies_flat(body):  # type: ignore[no-untyped-def]
    """Whether a prop is so low that a vehicle drives over it, on a slope too."""
    return body.kind == _PROP and 2.0 * body.extent_z < CLEARANCE_M


@numba.njit(cache=True, fastmath=False)
def _is_soft(a, b):  # type: ignore[no-untyped-def]
    """Whether nobody is thrown when two bodies meet: a walker stops before walkers and props."""
    return (a.kind == _WALKER and b.kind != _VEHICLE) or (b.kind == _WALKER and a.kind != _VEHICLE)


@numba.njit(cache=True, fastmath=False)
def _graze_m(a, b):  # type: ignore[no-untyped-def]
    return GRAZE_M if a.kind == _VEHICLE and b.kind == _VEHICLE else 0.0


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
def near_pairs(bodies, solids, members, first, corner, origin, shape, dt_s, room):  # type: ignore[no-untyped-def]
    """See `collisions.near_pairs`."""
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
            if _separation(p, q, 0.0)[0] < margin:
                n = _note(room, n, min(i, j), max(i, j))
    for i in range(count):
        body = bodies[i]
        if members.shape[0] > 0 and body.collides == 1 and body.simulates == 1 and _may_hit_level(body):
            n = _near_solids(body, i, dt_s, solids, members, first, corner, origin, shape, room, n)
    return n


@numba.njit(cache=True, fastmath=False)
def _may_hit_level(body):  # type: ignore[no-untyped-def]
    """Vehicles may be turned into a wall, all others only go there."""
    return body.kind == _VEHICLE or body.vx != 0.0 or body.vy != 0.0 or body.walk_mps > 0.0


@numba.njit(cache=True, fastmath=False)
def _near_solids(  # type: ignore[no-untyped-def]
    body, i, dt_s, solids, members, first, corner, origin, shape, room, n
):
    box = _box_of(body)
    radius = math.hypot(body.extent_x, body.extent_y)
    pace = math.hypot(body.vx, body.vy)
    if body.kind == _WALKER:
        pace += body.walk_mps
    margin = _NEAR_M + dt_s * (pace + radius * abs(body.yaw_rate))
    reach = radius + margin
    i0 = max(int((box[0] - reach - origin[0]) // CELL_M), 0)
    i1 = min(int((box[0] + reach - origin[0]) // CELL_M), shape[0] - 1)
    j0 = max(int((box[1] - reach - origin[1]) // CELL_M), 0)
    j1 = min(int((box[1] + reach - origin[1]) // CELL_M), shape[1] - 1)
    for ci in range(i0, i1 + 1):
        for cj in range(j0, j1 + 1):
            for m in range(first[ci * shape[1] + cj], first[ci * shape[1] + cj + 1]):
                k = members[m]
                # A solid that reaches into several of these cells is looked at in the first of them.
                if ci != max(corner[k, 0], i0) or cj != max(corner[k, 1], j0):
                    continue
                solid = solids[k]
                if solid.collides == 0:
                    continue
                if math.hypot(solid.x - box[0], solid.y - box[1]) > reach + solid.reach:
                    continue
                if _share_height(body, solid) and _separation(box, _box_of(solid), 0.0)[0] < margin:
                    n = _note(room, n, i, -1 - k)
    return n


@numba.njit(cache=True, fastmath=False)
def resolve(bodies, solids, pairs):  # type: ignore[no-untyped-def]
    """See `collisions.resolve`."""
    for _ in range(_ROUNDS):
        for k in range(pairs.shape[0]):
            pair = pairs[k]
            a = bodies[pair.a]
            if pair.b < 0:
                if a.kind != _WALKER:
                    _collide(a, solids[-1 - pair.b], pair)
            elif not _is_soft(a, bodies[pair.b]):
                _collide(a, bodies[pair.b], pair)
    for k in range(pairs.shape[0]):
        pair = pairs[k]
        a = bodies[pair.a]
        if pair.b < 0 and a.kind == _WALKER:
            _stop_before(a, solids[-1 - pair.b], pair)
        elif pair.b < 0:
            _push_apart(a, solids[-1 - pair.b])
        elif _is_soft(a, bodies[pair.b]):
            _stop_before(a, bodies[pair.b], pair)
        else:
            _push_apart(a, bodies[pair.b])


@numba.njit(cache=True, fastmath=False)
def _inverse_mass(body):  # type: ignore[no-untyped-def]
    return 1.0 / body.mass_kg if _is_movable(body) else 0.0


@numba.njit(cache=True, fastmath=False)
def _inverse_inertia(body):  # type: ignore[no-untyped-def]
    return 1.0 / body.inertia if _is_movable(body) and body.kind != _WALKER else 0.0


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
    gap, nx, ny = _separation(p, q, _graze_m(a, b))
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
def _stop(walker, nx, ny):  # type: ignore[no-untyped-def]
    """Take from a walker what leads it in direction n, so that it slides along; returns the impulse, N·s."""
    into = max(walker.vx * nx + walker.vy * ny, 0.0)
    walker.vx -= into * nx
    walker.vy -= into * ny
    pushed = max(walker.push_x * nx + walker.push_y * ny, 0.0)
    walker.push_x -= pushed * nx
    walker.push_y -= pushed * ny
    return walker.mass_kg * into


@numba.njit(cache=True, fastmath=False)
def _stop_before(a, b, pair):  # type: ignore[no-untyped-def]
    """Stop walkers that walk into one another or into things: who walks gives way, who stands stays."""
    gap, nx, ny = _separation(_box_of(a), _box_of(b), 0.0)
    if gap >= 0.0 or not _share_height(a, b):
        return
    pair.touched = 1
    into_a, into_b = 0.0, 0.0
    if a.kind == _WALKER and a.simulates == 1:
        into_a = max(a.vx * nx + a.vy * ny, _CREEP_MPS)
    if b.kind == _WALKER and b.simulates == 1:
        into_b = max(-b.vx * nx - b.vy * ny, _CREEP_MPS)
    total = into_a + into_b
    impulse = 0.0
    if into_a > 0.0:
        impulse += _stop(a, nx, ny)
        a.x += gap * into_a / total * nx
        a.y += gap * into_a / total * ny
    if into_b > 0.0:
        impulse += _stop(b, -nx, -ny)
        b.x -= gap * into_b / total * nx
        b.y -= gap * into_b / total * ny
    if pair.impulse_x == 0.0 and pair.impulse_y == 0.0:  # they walk on in every substep: told once
        pair.impulse_x, pair.impulse_y = -impulse * nx, -impulse * ny


@numba.njit(cache=True, fastmath=False)
def _push_apart(a, b):  # type: ignore[no-untyped-def]
    gap, nx, ny = _separation(_box_of(a), _box_of(b), _graze_m(a, b))
    total = _inverse_mass(a) + _inverse_mass(b)
    if gap >= -_SLOP_M or total == 0.0 or not _share_height(a, b):
        return
    push = -_PUSH_SHARE * (gap + _SLOP_M) / total
    a.x -= push * _inverse_mass(a) * nx
    a.y -= push * _inverse_mass(a) * ny
    b.x += push * _inverse_mass(b) * nx
    b.y += push * _inverse_mass(b) * ny


@numba.njit(cache=True, fastmath=False)
def blocker(bodies, solids, candidate):  # type: ignore[no-untyped-def]
    """See `collisions.blocker_of`."""
    new = candidate[0]
    box = _box_of(new)
    for i in range(bodies.shape[0]):
        other = bodies[i]
        if (
            other.collides == 1
            and _share_height(new, other)
            and _separation(box, _box_of(other), 0.0)[0] < 0.0
        ):
            return i
    reach = math.hypot(new.extent_x, new.extent_y)
    for k in range(solids.shape[0]):
        solid = solids[k]
        if solid.collides == 0 or math.hypot(solid.x - box[0], solid.y - box[1]) > reach + solid.reach:
            continue
        if _share_height(new, solid) and _separation(box, _box_of(solid), 0.0)[0] < 0.0:
            return -1 - k
    return bodies.shape[0]
