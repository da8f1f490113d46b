"""What the ground is like at places: where vehicles stand, and where lanes go on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulator.world.roads import SURFACE, RoadSurface, query_surface


def ground_offsets(
    ground: RoadSurface, points: NDArray[np.float64], lift: float = 0.0
) -> NDArray[np.float64]:
    """(N,) how much higher the ground is than (N, 3) points that are `lift` above their own road."""
    asked = np.ascontiguousarray(points - np.array([0.0, 0.0, lift]))
    found = np.zeros(len(asked), SURFACE)
    query_surface(ground.grid, asked, found)
    return np.asarray(found["ground_z"] - asked[:, 2])


def lane_goes_on(
    ground: RoadSurface,
    points: NDArray[np.float64],
    out: NDArray[np.float64],
    *,
    beyond_m: float = 0.5,
    reach_m: float = 1.9,
    step_m: float = 0.4,
) -> NDArray[np.bool_]:
    """(N,) whether there is a driving lane beyond an edge, at nearly the same height.

    Args:
        ground: of the town.
        points: (N, 3) m, along the edge.
        out: (N, 2) unit vectors away from the road that the edge is of.
        beyond_m: how far from the edge is looked.
        reach_m: how near to that place the middle of the lane must be.
        step_m: height that it may be above or below the edge.
    """
    asked = np.column_stack([points[:, :2] + beyond_m * out, points[:, 2]])
    found = np.zeros(len(points), SURFACE)
    query_surface(ground.grid, np.ascontiguousarray(asked), found)
    is_level = np.abs(found["ground_z"] - points[:, 2]) < step_m
    return np.asarray(is_level & (found["road_distance_m"] < reach_m))
