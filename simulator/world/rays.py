"""Rays against what is really there: the ground, the boxes of actors, and what stands in the level."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator.scene.objects import Label
from simulator.scene.strips import Surface
from simulator.world.actors import ActorKind, Box, Transform, Vector
from simulator.world.roads import SURFACE, query_surface
from simulator.world.world import World

MAX_LENGTH_M = 5000.0
"""Rays are cut here: no town is larger."""

_STEP_M = 0.5  # along a ray; less than the headroom by which the ground tells bridges from the road below
_BISECTIONS = 24
_PARALLEL = 1e-12
_ROAD_HALF_WIDTH_M = 1.9  # from a lane's centre, in a town whose lanes' edges are not known
_STRIP_REACH_M = 15.0  # from the middle of a strip to its corners, at most
_LEVEL_M = 2.0  # strips of other levels are further above or below
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
    for actor in world.actors.values():
        if actor.kind in _BOX_KINDS:
            distance_m = enter_box(np.array(start), direction, world.transform(actor.id), actor.box)
            if distance_m is not None and distance_m <= length:
                hits.append((distance_m, actor.semantic_tags[0]))
    hits += _level_hits(world.level.solids.solids, np.array(start), direction, length)
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


def _level_hits(
    solids: NDArray[np.void], start: NDArray[np.float64], direction: NDArray[np.float64], length: float
) -> list[tuple[float, int]]:
    """Distances at which a ray enters what stands in the level, with the labels; solids have no pitch."""
    offset = start - np.stack([solids["x"], solids["y"], solids["z"]], axis=1)
    cy, sy = np.cos(solids["yaw"]), np.sin(solids["yaw"])
    cr, sr = np.cos(solids["roll"]), np.sin(solids["roll"])
    zero = np.zeros(len(solids))
    axes = np.array([[cy, sy, zero], [-sy * cr, cy * cr, -sr], [-sy * sr, cy * sr, cr]])
    origin = np.einsum("ijn,nj->ni", axes, offset)
    along = np.einsum("ijn,j->ni", axes, direction)
    along = np.where(np.abs(along) < _PARALLEL, _PARALLEL, along)
    half = np.stack([solids["extent_x"], solids["extent_y"], solids["extent_z"]], axis=1)
    one, two = (-half - origin) / along, (half - origin) / along
    near = np.maximum(np.minimum(one, two).max(axis=1), 0.0)
    far = np.maximum(one, two).min(axis=1)
    found = (near <= far) & (near <= length) & (solids["stands"] == 1)
    return list(zip(near[found].tolist(), solids["label"][found].tolist(), strict=True))


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
        yield float(low), _ground_label(world.town.strips, start + low * direction, beside)


def _ground_label(strips: NDArray[np.void], point: NDArray[np.float64], beside_m: float) -> Label:
    """Road, sidewalk or terrain; `beside_m` is the distance to the nearest driving lane's centre."""
    if not len(strips):
        return Label.ROADS if beside_m <= _ROAD_HALF_WIDTH_M else Label.TERRAIN
    near = np.abs(strips["corner"][:, 0] - point[:2]).max(axis=1) < _STRIP_REACH_M
    near &= np.abs(strips["z"] - point[2]) < _LEVEL_M
    corner = strips["corner"][near]
    side, away = np.roll(corner, -1, axis=1) - corner, point[:2] - corner
    turn = side[:, :, 0] * away[:, :, 1] - side[:, :, 1] * away[:, :, 0]
    surfaces = strips["surface"][near][(turn >= 0.0).all(axis=1) | (turn <= 0.0).all(axis=1)]
    if not len(surfaces):
        return Label.TERRAIN
    return Label.SIDEWALKS if (surfaces == Surface.SIDEWALK).all() else Label.ROADS


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
