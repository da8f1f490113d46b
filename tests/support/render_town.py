"""A drawn town for the tests of the renderer: built once per process."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from simulator.render.cast import Cast, Motion, Player
from simulator.render.scenery import build_store
from simulator.render.signals import LightHeads
from simulator.render.store import Objects, TriangleStore
from simulator.world.blueprints import Blueprint, default_library
from simulator.world.town import Town


@dataclass(frozen=True)
class Stage:
    """A town with vehicles at some of its spawn points.

    Attributes:
        town: the map.
        store: its triangles.
        objects: everything that is drawn.
        players: the vehicles; instance numbers from 100 on.
        transforms: (N, 6) of them.
    """

    town: Town
    store: TriangleStore
    objects: Objects
    players: list[Player]
    transforms: NDArray[np.float64]


@cache
def store_of(name: str) -> TriangleStore:
    """The triangles of a town with all blueprints."""
    return build_store(Town.load(name), list(default_library()))


def stage(name: str, vehicles: int, seed: int = 0) -> Stage:
    """A town with vehicles on the road, upright on its slope, and its lights showing all states."""
    town, store = Town.load(name), store_of(name)
    rng = np.random.default_rng(seed)
    models = [b for b in default_library() if b.vehicle is not None]
    chosen = rng.choice(len(town.spawn_points), min(vehicles, len(town.spawn_points)), replace=False)
    players, rows = [], []
    for number, index in enumerate(chosen):
        players.append(Player(100 + number, models[(7 * number + seed) % len(models)], (0.4, 0.1, 0.1)))
        rows.append(standing(town, town.spawn_points[index]))
    transforms = np.array(rows).reshape(-1, 6)
    drawn = [Cast(store, players).drawn(Motion.standing(transforms))] if players else []
    count = len(town.lights)
    heads = LightHeads(town).drawn(np.arange(count) % 3, np.arange(count) + 5000)
    return Stage(town, store, store.objects(*drawn, heads), players, transforms)


def standing(town: Town, pose: tuple[float, ...]) -> tuple[float, ...]:
    """A vehicle's transform on the road below a pose."""
    x, y, z, _, yaw, _ = pose
    ground = town.roads.query(x, y, z)
    c, s = np.cos(np.radians(yaw)), np.sin(np.radians(yaw))
    slope = float(ground["grade_x"] * c + ground["grade_y"] * s)
    return (x, y, float(ground["ground_z"]), float(np.degrees(np.arctan(slope))), yaw, 0.0)


def corners(blueprint: Blueprint) -> NDArray[np.float64]:
    """(8, 3) corners of a blueprint's box in the actor's frame."""
    assert blueprint.box is not None
    center, half = (np.array(part) for part in blueprint.box)
    signs = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
    return np.asarray(center + signs * half)
