"""Proposals for what stands on the land behind the roads: buildings, their cars, woods."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.scene.objects import PARKED_MODELS, Kind
from simulator.scene.placing import EVERY_SURFACE
from simulator.scene.strips import Roads, Surface
from simulator.scene.verges import Places, Setting, Verges, propose

_Floats = NDArray[np.float64]
_Proposals = NDArray[np.void]

_STOREY_M = 3.2
_LOT_M = 19.0
_SETBACK_M = (3.4, 6.5)  # of buildings in town from the back of the sidewalk
_BUILDING_GAP_M = 1.2
_SIGHT_M = 9.0  # between buildings and the driving lanes of junctions
_WOODS_REACH_M = 90.0
_CAR_OUT_M = 3.6  # of the middle of a car in front of a building
_MODEL_HALF_M = np.array([half for _, half in PARKED_MODELS])


@dataclass(frozen=True, slots=True)
class Character:
    """What makes towns look different.

    Attributes:
        storeys: fewest and most of a building in town.
        row_share: how much of the street front is built up.
        second_row_share: the same behind the first row.
        house_m: distance between houses in the country.
        trees_per_hectare: around the roads, before lanes and buildings are taken away.
    """

    storeys: tuple[int, int] = (2, 4)
    row_share: float = 0.8
    second_row_share: float = 0.5
    house_m: float = 70.0
    trees_per_hectare: float = 16.0


CHARACTERS = {
    "Town01": Character(storeys=(2, 4)),
    "Town02": Character(storeys=(1, 3), row_share=0.75),
    "Town04": Character(storeys=(2, 5), trees_per_hectare=20.0, house_m=90.0),
    "Town06": Character(storeys=(1, 2), trees_per_hectare=12.0, house_m=80.0),
    "Town07": Character(storeys=(1, 2), row_share=0.5, second_row_share=0.2, trees_per_hectare=26.0),
    "Town10HD": Character(storeys=(4, 14), row_share=0.95, second_row_share=0.7, trees_per_hectare=8.0),
}
"""Ours; CARLA's towns have real models where ours have boxes. Other towns take the defaults."""


def buildings(verges: Verges, character: Character, random: np.random.Generator) -> _Proposals:
    """A row of buildings along streets, a second one behind it, houses and halls elsewhere.

    Every lot has a smaller building as its second choice, for where the first does not fit.
    """
    rows: list[_Proposals] = []
    for depth, share in ((0.0, character.row_share), (20.0, character.second_row_share)):
        places = verges.at(verges.every(_LOT_M, end_m=2.0))
        built = (places.setting == Setting.TOWN) & (random.random(len(places)) < share)
        rows += _choices(places, built, depth + random.uniform(*_SETBACK_M, len(places)), character, random)
    places = verges.at(verges.every(character.house_m, end_m=10.0))
    far_m = np.where(places.setting == Setting.HIGHWAY, 24.0, 11.0) + random.uniform(0.0, 12.0, len(places))
    built = (places.setting != Setting.TOWN) & (random.random(len(places)) < 0.7)
    low = Character(storeys=(1, 2))
    rows += _choices(places, built, far_m, low, random)
    first, second = rows[0::2], rows[1::2]
    return np.concatenate([*first, *second])


def _choices(
    places: Places,
    built: NDArray[np.bool_],
    setback_m: _Floats,
    character: Character,
    random: np.random.Generator,
) -> list[_Proposals]:
    count = len(places)
    wide, deep = random.uniform(6.5, 9.0, count), random.uniform(5.0, 8.0, count)
    storeys = random.integers(character.storeys[0], character.storeys[1] + 1, count)
    variant = random.integers(0, 1 << 16, count)
    found = []
    for scale in (1.0, 0.6):
        half_x, half_y = scale * deep, scale * wide
        half_z = 0.5 * _STOREY_M * np.maximum(np.round(storeys * scale**0.5), 1.0)
        found.append(
            propose(
                Kind.BUILDING,
                places.only(built),
                (setback_m + half_x)[built],
                (half_x[built], half_y[built], half_z[built]),
                margin_m=2.0,
                junction_m=_SIGHT_M,
                gap_m=_BUILDING_GAP_M,
                variant=variant[built],
            )
        )
    return found


def parked_cars(verges: Verges, roads: Roads, random: np.random.Generator) -> _Proposals:
    """Cars in front of buildings, across the street's direction, and along lanes that are for parking."""
    places = verges.at(verges.every(9.0, end_m=8.0))
    parked = (places.setting == Setting.TOWN) & (random.random(len(places)) < 0.35)
    variant = random.integers(0, 1 << 16, len(places))[parked]
    half = _MODEL_HALF_M[variant % len(PARKED_MODELS)]
    before = propose(
        Kind.PARKED_CAR,
        places.only(parked),
        _CAR_OUT_M,
        (half[:, 0], half[:, 1], half[:, 2]),
        turn_rad=np.where(variant % 2 == 0, 0.0, np.pi),
        margin_m=0.7,
        junction_m=8.0,
        variant=variant,
    )
    return np.concatenate([before, _in_parking_lanes(roads, random)])


def _in_parking_lanes(roads: Roads, random: np.random.Generator) -> _Proposals:
    strips = roads.strips[roads.strips["surface"] == Surface.PARKING]
    corner = strips["corner"]
    wide = np.hypot(*(corner[:, 3] - corner[:, 0]).T)
    every_fourth = np.arange(len(strips)) % 4 == 1
    chosen = every_fourth & (wide > 2.2) & (random.random(len(strips)) < 0.6)
    strips, corner = strips[chosen], corner[chosen]
    middle = corner.mean(axis=1)
    along = corner[:, 1] - corner[:, 0]
    variant = random.integers(0, 1 << 16, len(strips))
    half = _MODEL_HALF_M[variant % len(PARKED_MODELS)]
    # A strip stands in for a place on an edge: cars lie along it.
    yaw = np.arctan2(along[:, 1], along[:, 0])
    zero = np.zeros(len(strips))
    places = Places(
        middle[:, 0],
        middle[:, 1],
        strips["z"].copy(),
        yaw + np.pi,
        zero.astype(np.int64),
        zero.astype(np.bool_),
        zero,
    )
    rows = propose(
        Kind.PARKED_CAR, places, 0.0, (half[:, 0], half[:, 1], half[:, 2]), margin_m=0.02, variant=variant
    )
    rows["avoids"] = EVERY_SURFACE & ~(1 << Surface.PARKING) & ~(1 << Surface.VERGE)
    rows["junction_m"] = 8.0
    return rows


def woods(roads: Roads, character: Character, random: np.random.Generator) -> _Proposals:
    """Trees anywhere within reach of the roads."""
    edges = roads.edges
    low = np.array([edges["x"].min(), edges["y"].min()]) - _WOODS_REACH_M
    high = np.array([edges["x"].max(), edges["y"].max()]) + _WOODS_REACH_M
    count = int(np.prod(high - low) / 10_000.0 * character.trees_per_hectare)
    x, y = (low[:, None] + (high - low)[:, None] * random.random((2, count))).reshape(2, -1)
    crown_m, half_m = random.uniform(1.4, 3.2, count), random.uniform(2.8, 6.0, count)
    variant = random.integers(0, 1 << 16, count)
    turn = random.uniform(-np.pi, np.pi, count)
    near, z = _near_edges(edges, x, y)
    zero = np.zeros(int(near.sum()))
    places = Places(x[near], y[near], z[near], turn[near], zero.astype(np.int64), zero.astype(np.bool_), zero)
    return propose(
        Kind.TREE,
        places,
        0.0,
        (crown_m[near], crown_m[near], half_m[near]),
        margin_m=1.5,
        junction_m=10.0,
        variant=variant[near],
    )


def _near_edges(edges: NDArray[np.void], x: _Floats, y: _Floats) -> tuple[NDArray[np.bool_], _Floats]:
    """Which points are within reach of an edge, by a coarse grid, and the height of a road there."""
    cell_m = _WOODS_REACH_M / 3.0
    low = np.array([min(edges["x"].min(), x.min()), min(edges["y"].min(), y.min())]) - 4.0 * cell_m
    size = int(max(x.max() - low[0], y.max() - low[1]) // cell_m) + 8
    height = np.full((size, size), -np.inf)
    i, j = ((edges["x"] - low[0]) // cell_m).astype(int), ((edges["y"] - low[1]) // cell_m).astype(int)
    np.maximum.at(height, (i, j), edges["z"])
    spread = height
    for _ in range(2):
        shifted = [np.roll(spread, (di, dj), axis=(0, 1)) for di in (-1, 0, 1) for dj in (-1, 0, 1)]
        spread = np.where(np.isfinite(spread), spread, np.max(shifted, axis=0))
    z = spread[((x - low[0]) // cell_m).astype(int), ((y - low[1]) // cell_m).astype(int)]
    return np.isfinite(z), np.where(np.isfinite(z), z, 0.0)
