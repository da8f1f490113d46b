"""Lays out a town: what stands beside its roads, the same in every process for the same map and name."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from simulator.scene import lots, roadside
from simulator.scene.placing import PROPOSAL, place
from simulator.scene.strips import Roads
from simulator.scene.verges import Verges

Ground = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""(N, 3) points, whose heights tell bridges from the road below -> (N,) height of the ground, m."""


def lay_out(name: str, roads: Roads, poles: NDArray[np.float64], ground: Ground) -> NDArray[np.void]:
    """Everything that stands in a town.

    Args:
        name: of the town; its seed and its character follow from it.
        roads: lanes and edges.
        poles: (N, 3) m, of traffic lights and signs, which nothing may hide.
        ground: see `Ground`.

    Returns:
        (N,) PROPOSAL, those that may stand, on the ground.
    """
    if not len(roads.edges):
        return np.zeros(0, PROPOSAL)
    seed = int.from_bytes(hashlib.sha256(f"scene of {name}".encode()).digest()[:8], "little")
    random = np.random.default_rng(seed)
    verges = Verges(roads.edges)
    character = lots.CHARACTERS.get(name, lots.Character())
    # What is first has the right of way.
    proposals = np.concatenate(
        [
            _around_poles(poles),
            roadside.rails(verges),
            roadside.street_lights(verges),
            roadside.bus_stops(verges, random),
            lots.buildings(verges, character, random),
            lots.parked_cars(verges, roads, random),
            roadside.furniture(verges, random),
            roadside.fences(verges, random),
            roadside.street_trees(verges, random),
            lots.woods(roads, character, random),
        ]
    )
    standing = proposals[place(proposals, roads.strips)]
    standing = standing[standing["kind"] >= 0]
    _settle(standing, ground)
    return standing


def _around_poles(poles: NDArray[np.float64]) -> NDArray[np.void]:
    """Room round the poles of lights and signs, which are no things of the scene; kind -1."""
    rows = np.zeros(len(poles), PROPOSAL)
    rows["x"], rows["y"], rows["z"] = poles.T
    rows["half_x"] = rows["half_y"] = 1.0
    rows["half_z"], rows["kind"] = 3.0, -1
    return rows


def _settle(standing: NDArray[np.void], ground: Ground) -> None:
    """Put everything but the links of chains, which follow their road, on the ground below its footprint."""
    loose = np.flatnonzero(standing["chain"] == 0)
    rows = standing[loose]
    c, s = np.cos(rows["yaw"]), np.sin(rows["yaw"])
    heights = []
    for u, v in ((0.0, 0.0), (1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)):
        dx, dy = u * rows["half_x"], v * rows["half_y"]
        x, y = rows["x"] + c * dx - s * dy, rows["y"] + s * dx + c * dy
        heights.append(ground(np.stack([x, y, rows["z"]], axis=1)))
    standing["z"][loose] = np.min(heights, axis=0)
