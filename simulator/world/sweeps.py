"""Sweeps: what a sphere meets first on its way through the boxes of bodies and solids."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from simulator.world.actors import ActorKind, Vector

_HALVINGS = 60
_VEHICLE = int(ActorKind.VEHICLE)
_WALKER = int(ActorKind.WALKER)


@dataclass(frozen=True, slots=True)
class Sweep:
    """A sphere on a straight way.

    Attributes:
        start: of its centre, m, world.
        direction: unit vector, world.
        length_m: of the way.
        radius_m: of the sphere.
        ignored_id: actor that it passes through, 0 for none.
        only_dynamic: it passes through all but vehicles and walkers.
    """

    start: Vector
    direction: Vector
    length_m: float
    radius_m: float
    ignored_id: int = 0
    only_dynamic: bool = False


@dataclass(frozen=True, slots=True)
class Hit:
    """What a sweep met first.

    Attributes:
        actor_id: 0 is the level itself.
        distance_m: that the centre had travelled; 0 when the sphere touched at its start.
        thing: the object of the scene, where the actor is the level; -1 for none.
    """

    actor_id: int
    distance_m: float
    thing: int = -1


def first_hit(bodies: NDArray[np.void], solids: NDArray[np.void], sweep: Sweep) -> Hit | None:
    """What a sphere meets first; of equally near ones the first in the tables.

    Args:
        bodies: (N,) BODY; those without collisions are not there.
        solids: (M,) SOLID of what stands beside the roads.
        sweep: the way of the sphere.
    """
    found: Hit | None = None
    start, direction = np.array(sweep.start), np.array(sweep.direction)
    for table in (bodies,) if sweep.only_dynamic else (bodies, solids):
        length_m = sweep.length_m if found is None else found.distance_m
        row, distance_m = _first_hit(
            table, start, direction, length_m, sweep.radius_m, sweep.ignored_id, sweep.only_dynamic
        )
        if row >= 0 and (found is None or distance_m < found.distance_m):
            thing = int(table["object"][row]) if table is solids else -1
            found = Hit(int(table["actor_id"][row]), float(distance_m), thing)
    return found


@numba.njit(cache=True, fastmath=False)
def _to_box(body, v):  # type: ignore[no-untyped-def]
    """A world vector along the axes of a body (Unreal's order of roll, pitch, yaw)."""
    cp, sp = math.cos(body.pitch), math.sin(body.pitch)
    cy, sy = math.cos(body.yaw), math.sin(body.yaw)
    cr, sr = math.cos(body.roll), math.sin(body.roll)
    return (
        cp * cy * v[0] + cp * sy * v[1] + sp * v[2],
        (cy * sp * sr - sy * cr) * v[0] + (sy * sp * sr + cy * cr) * v[1] - cp * sr * v[2],
        (-cy * sp * cr - sy * sr) * v[0] + (-sy * sp * cr + cy * sr) * v[1] + cp * cr * v[2],
    )


@numba.njit(cache=True, fastmath=False)
def _gap(body, p, d, t):  # type: ignore[no-untyped-def]
    """Distance from the point p + t d, in the box's frame, to the box."""
    x = max(abs(p[0] + t * d[0]) - body.extent_x, 0.0)
    y = max(abs(p[1] + t * d[1]) - body.extent_y, 0.0)
    z = max(abs(p[2] + t * d[2]) - body.extent_z, 0.0)
    return math.sqrt(x * x + y * y + z * z)


@numba.njit(cache=True, fastmath=False)
def _way_to(body, start, direction, length, radius):  # type: ignore[no-untyped-def]
    """How far a sphere comes before it touches a box; infinity when it passes.

    The distance to a convex body is a convex function of the way: its minimum is found by thirds, and before
    the minimum it falls, so that halving finds the touch.
    """
    offset = (start[0] - body.x, start[1] - body.y, start[2] - body.z)
    p = _to_box(body, offset)
    p = (p[0] - body.box_x, p[1] - body.box_y, p[2] - body.box_z)
    reach = radius + math.sqrt(body.extent_x**2 + body.extent_y**2 + body.extent_z**2)
    d = _to_box(body, direction)
    nearest = min(max(-(p[0] * d[0] + p[1] * d[1] + p[2] * d[2]), 0.0), length)
    if (
        math.sqrt((p[0] + nearest * d[0]) ** 2 + (p[1] + nearest * d[1]) ** 2 + (p[2] + nearest * d[2]) ** 2)
        > reach
    ):
        return math.inf
    if _gap(body, p, d, 0.0) <= radius:
        return 0.0
    low, high = 0.0, length
    for _ in range(2 * _HALVINGS):
        first, second = low + (high - low) / 3.0, high - (high - low) / 3.0
        if _gap(body, p, d, first) <= _gap(body, p, d, second):
            high = second
        else:
            low = first
    if _gap(body, p, d, high) > radius:
        return math.inf
    low = 0.0
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        if _gap(body, p, d, middle) > radius:
            low = middle
        else:
            high = middle
    return high


@numba.njit(cache=True, fastmath=False)
def _passes(body, start, direction, length, radius):  # type: ignore[no-untyped-def]
    """Whether a sphere stays clear of a box however that may be turned; cheap, for the many that are far."""
    x, y, z = body.x - start[0], body.y - start[1], body.z - start[2]
    along = min(max(x * direction[0] + y * direction[1] + z * direction[2], 0.0), length)
    x, y, z = x - along * direction[0], y - along * direction[1], z - along * direction[2]
    reach = radius + math.sqrt(body.extent_x**2 + body.extent_y**2 + body.extent_z**2)
    reach += math.sqrt(body.box_x**2 + body.box_y**2 + body.box_z**2) + 1e-6
    return x * x + y * y + z * z > reach * reach


@numba.njit(cache=True, fastmath=False)
def _first_hit(table, start, direction, length, radius, ignored_id, only_dynamic):  # type: ignore[no-untyped-def]
    found, shortest = -1, math.inf
    for i in range(table.shape[0]):
        body = table[i]
        if body.collides == 0 or (ignored_id != 0 and body.actor_id == ignored_id):
            continue
        if only_dynamic and body.kind != _VEHICLE and body.kind != _WALKER:
            continue
        if _passes(body, start, direction, length, radius):
            continue
        way = _way_to(body, start, direction, length, radius)
        if way < shortest:
            found, shortest = i, way
    return found, shortest
