"""Rays against what is really there: the ground, the boxes of actors, the poles of lights and signs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator.world.actors import ActorKind, Box, Transform, Vector
from simulator.world.level import POLE_BOX
from simulator.world.roads import SURFACE, query_surface
from simulator.world.world import World

LABEL_ROAD, LABEL_POLE, LABEL_TERRAIN = 1, 6, 10
"""CARLA's object labels for what is no actor."""

MAX_LENGTH_M = 5000.0
"""Rays are cut here: no town is larger."""

_STEP_M = 0.5  # along a ray; less than the headroom by which the ground tells bridges from the road below
_BISECTIONS = 24
_ROAD_HALF_WIDTH_M = 1.9  # from a lane's centre; beyond it is terrain
_BOX_KINDS = (ActorKind.VEHICLE, ActorKind.WALKER, ActorKind.PROP)


class RayHit(NamedTuple):
    """Where a ray enters something.

    Attributes:
        distance_m: from the beginning of the ray.
        location: in the world, m.
        label: CARLA's object label.
    """

    distance_m: float
    location: Vector
    label: int


def cast_ray(world: World, start: Vector, end: Vector) -> list[RayHit]:
    """Everything that a ray enters on its way, nearest first."""
    delta = np.subtract(end, start)
    length = float(np.linalg.norm(delta))
    if length <= 0.0:
        return []
    direction = delta / length
    length = min(length, MAX_LENGTH_M)
    hits = [*_ground_hits(world, np.array(start), direction, length)]
    for transform, box, label in _solids(world):
        distance_m = enter_box(np.array(start), direction, transform, box)
        if distance_m is not None and distance_m <= length:
            hits.append((distance_m, label))
    return [
        RayHit(distance_m, _at(start, direction, distance_m), label) for distance_m, label in sorted(hits)
    ]


def project_point(world: World, start: Vector, direction: Vector, distance_m: float) -> RayHit | None:
    """The first thing that a ray enters, or None within the distance."""
    norm = math.hypot(*direction)
    if norm <= 0.0 or distance_m <= 0.0:
        return None
    unit = np.array(direction) / norm
    hits = cast_ray(world, start, _at(start, unit, min(distance_m, MAX_LENGTH_M)))
    return hits[0] if hits else None


def enter_box(
    start: NDArray[np.float64], direction: NDArray[np.float64], transform: Transform, box: Box
) -> float | None:
    """Distance after which a ray enters an actor's box; 0 if it begins inside, None if it misses it.

    Args:
        start: of the ray, world, m.
        direction: of length 1.
        transform: of the actor.
        box: in the actor's frame; boxes of bodies are not turned in it.
    """
    axes = _axes(transform[3:])
    origin = axes @ (start - np.array(transform[:3])) - np.array(box.center)
    along = axes @ direction
    near, far = 0.0, math.inf
    for position, speed, half in zip(origin.tolist(), along.tolist(), box.extent, strict=True):
        if abs(speed) < 1e-12:
            if abs(position) > half:
                return None
            continue
        first, second = sorted(((-half - position) / speed, (half - position) / speed))
        near, far = max(near, first), min(far, second)
    return near if near <= far else None


def _solids(world: World) -> Iterator[tuple[Transform, Box, int]]:
    for actor in world.actors.values():
        if actor.kind in _BOX_KINDS:
            yield world.transform(actor.id), actor.box, actor.semantic_tags[0]
    for plan in (*world.town.lights, *world.town.signs):
        if plan.has_pole:
            yield plan.transform, POLE_BOX, LABEL_POLE


def _ground_hits(
    world: World, start: NDArray[np.float64], direction: NDArray[np.float64], length: float
) -> Iterator[tuple[float, int]]:
    """Distances at which a ray goes through the ground from above, with the label there."""
    count = math.ceil(length / _STEP_M) + 1
    distances = np.linspace(0.0, length, count)
    above = _height_above(world, start, direction, distances)[0]
    for k in np.flatnonzero((above[:-1] >= 0.0) & (above[1:] < 0.0)):
        low, high = distances[k], distances[k + 1]
        for _ in range(_BISECTIONS):
            middle = 0.5 * (low + high)
            if _height_above(world, start, direction, np.array([middle]))[0][0] >= 0.0:
                low = middle
            else:
                high = middle
        beside = float(_height_above(world, start, direction, np.array([low]))[1][0])
        yield float(low), LABEL_ROAD if beside <= _ROAD_HALF_WIDTH_M else LABEL_TERRAIN


def _height_above(
    world: World,
    start: NDArray[np.float64],
    direction: NDArray[np.float64],
    distances: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Height above the ground and distance from the nearest lane's centre, at distances along a ray."""
    points = start + distances[:, None] * direction
    answers = np.zeros(len(points), SURFACE)
    query_surface(world.town.roads.grid, points, answers)
    return points[:, 2] - answers["ground_z"], answers["road_distance_m"]


def _at(start: Vector, direction: NDArray[np.float64], distance_m: float) -> Vector:
    x, y, z = (float(a + distance_m * b) for a, b in zip(start, direction, strict=True))
    return (x, y, z)


def _axes(rotation: tuple[float, ...]) -> NDArray[np.float64]:
    """Rows: forward, right and up of an actor in the world, in CARLA's left-handed frame."""
    pitch, yaw, roll = (math.radians(angle) for angle in rotation)
    cp, sp, cy, sy, cr, sr = (f(a) for a in (pitch, yaw, roll) for f in (math.cos, math.sin))
    return np.array(
        [
            [cp * cy, cp * sy, sp],
            [cy * sp * sr - sy * cr, sy * sp * sr + cy * cr, -cp * sr],
            [-cy * sp * cr - sy * sr, -sy * sp * cr + cy * sr, cp * cr],
        ]
    )
