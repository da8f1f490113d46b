"""RoadSurface: how high and how steep the ground is, and how fast one may drive, anywhere in a town.

Between lane centres the surface is a smooth blend of their tangent planes; beside the roads it continues
level. Where roads cross over each other the height of the asker decides: the highest road that is not above
it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from simulator.world.lanes import LaneSamples

REACH_M = 4.0
"""Radius within which lane samples are blended; the grid's cell size."""

_HEADROOM_M = 1.5  # a road this little above the asker still counts as the one below it
_LEVEL_M = 1.0  # samples of one level differ less than this at the same place
_DEFAULT_LIMIT_KMH = 30.0
_STILL_M = 1e-3  # a body that moved less keeps its ground

SAMPLE = np.dtype(
    [
        ("x", "f8"),
        ("y", "f8"),
        ("z", "f8"),
        ("grade_x", "f8"),  # dz/dx of the road
        ("grade_y", "f8"),  # dz/dy
        ("limit_kmh", "f8"),
    ]
)
"""One lane sample, sorted by grid cell."""

SURFACE = np.dtype(
    [
        ("ground_z", "f8"),  # m
        ("grade_x", "f8"),  # dz/dx
        ("grade_y", "f8"),  # dz/dy
        ("limit_kmh", "f8"),
        ("road_distance_m", "f8"),  # to the nearest lane centre in the plane
    ]
)
"""The answer to a query. A body has the same fields."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Lane samples by cell: `samples[first[k]:first[k + 1]]` are those of cell (i, j), k = i * ny + j.

    Attributes:
        samples: (N,) SAMPLE.
        first: (nx * ny + 1,) int64.
        origin: x and y of the lower corner, m; float64.
        shape: nx, ny; int64.
    """

    samples: NDArray[np.void]
    first: NDArray[np.int64]
    origin: NDArray[np.float64]
    shape: NDArray[np.int64]


class RoadSurface:
    """The ground of one town. Immutable."""

    def __init__(self, lanes: LaneSamples, limits_kmh: NDArray[np.float64]) -> None:
        """Build the grid.

        Args:
            lanes: at least one sample.
            limits_kmh: (N,) speed limit at each sample; NaN where nothing is known.
        """
        samples = np.zeros(len(lanes), SAMPLE)
        samples["x"], samples["y"], samples["z"] = lanes.location.T
        slope = np.tan(lanes.pitch_rad)
        samples["grade_x"] = slope * np.cos(lanes.yaw_rad)
        samples["grade_y"] = slope * np.sin(lanes.yaw_rad)
        samples["limit_kmh"] = np.where(np.isnan(limits_kmh), _DEFAULT_LIMIT_KMH, limits_kmh)
        origin = lanes.location[:, :2].min(axis=0) - REACH_M
        cell = ((lanes.location[:, :2] - origin) // REACH_M).astype(np.int64)
        shape = cell.max(axis=0) + 2
        key = cell[:, 0] * shape[1] + cell[:, 1]
        order = np.argsort(key, kind="stable")
        first = np.searchsorted(key[order], np.arange(shape[0] * shape[1] + 1))
        self.grid = Grid(samples[order], first, origin, shape)

    def query(self, x_m: float, y_m: float, z_m: float) -> NDArray[np.void]:
        """The surface below a point: a SURFACE record.

        Args:
            x_m: where.
            y_m: where.
            z_m: height of the asker, which tells a bridge from the road below it.
        """
        answer = np.zeros(1, SURFACE)
        query_surface(self.grid, np.array([[x_m, y_m, z_m]]), answer)
        return answer[0]  # type: ignore[no-any-return]


def query_surface(grid: Grid, points: NDArray[np.float64], answers: NDArray[np.void]) -> None:
    """The surface below each of (N, 3) points, written into (N,) SURFACE `answers`."""
    _query(grid.samples, grid.first, grid.origin, grid.shape, points, answers)


def find_ground(grid: Grid, bodies: NDArray[np.void], dt_s: float) -> None:
    """Refresh the ground below every body that moved, where it will be in the middle of the coming tick."""
    _query_bodies(grid.samples, grid.first, grid.origin, grid.shape, bodies, dt_s)


@numba.njit(cache=True, fastmath=False)
def _query_bodies(samples, first, origin, shape, bodies, dt_s):  # type: ignore[no-untyped-def]
    for i in range(bodies.shape[0]):
        body = bodies[i]
        x, y = body.x + 0.5 * dt_s * body.vx, body.y + 0.5 * dt_s * body.vy
        if abs(x - body.ground_x) + abs(y - body.ground_y) > _STILL_M:
            _query_one(samples, first, origin, shape, x, y, body.z - body.feet_m, body)
            body.ground_x, body.ground_y = x, y


@numba.njit(cache=True, fastmath=False)
def _query(samples, first, origin, shape, points, answers):  # type: ignore[no-untyped-def]
    for i in range(points.shape[0]):
        _query_one(samples, first, origin, shape, points[i, 0], points[i, 1], points[i, 2], answers[i])


@numba.njit(cache=True, fastmath=False)
def _query_one(samples, first, origin, shape, x, y, z, answer):  # type: ignore[no-untyped-def]
    reach2 = REACH_M * REACH_M
    ci = min(max(int(np.floor((x - origin[0]) / REACH_M)), 0), shape[0] - 1)
    cj = min(max(int(np.floor((y - origin[1]) / REACH_M)), 0), shape[1] - 1)
    i0, i1 = max(ci - 1, 0), min(ci + 2, shape[0])
    j0, j1 = max(cj - 1, 0), min(cj + 2, shape[1])

    # The level: the highest surface not above the asker, else the lowest above it.
    below, above = -np.inf, np.inf
    for i in range(i0, i1):
        for k in range(first[i * shape[1] + j0], first[i * shape[1] + j1]):
            s = samples[k]
            dx, dy = x - s.x, y - s.y
            if dx * dx + dy * dy < reach2:
                height = s.z + s.grade_x * dx + s.grade_y * dy
                if height <= z + _HEADROOM_M:
                    below = max(below, height)
                else:
                    above = min(above, height)
    level = below if below > -np.inf else above
    if level == np.inf:
        _query_beside(samples, first, shape, x, y, z, ci, cj, answer)
        return

    total, height_sum, grade_x_sum, grade_y_sum, nearest2 = 0.0, 0.0, 0.0, 0.0, np.inf
    for i in range(i0, i1):
        for k in range(first[i * shape[1] + j0], first[i * shape[1] + j1]):
            s = samples[k]
            dx, dy = x - s.x, y - s.y
            d2 = dx * dx + dy * dy
            if d2 < reach2:
                height = s.z + s.grade_x * dx + s.grade_y * dy
                if abs(height - level) < _LEVEL_M:
                    falloff = 1.0 - d2 / reach2
                    weight = falloff * falloff
                    total += weight
                    height_sum += weight * height
                    grade_x_sum += weight * s.grade_x
                    grade_y_sum += weight * s.grade_y
                    if d2 < nearest2:
                        nearest2 = d2
                        answer.limit_kmh = s.limit_kmh
    answer.ground_z = height_sum / total
    answer.grade_x = grade_x_sum / total
    answer.grade_y = grade_y_sum / total
    answer.road_distance_m = np.sqrt(nearest2)


@numba.njit(cache=True, fastmath=False)
def _query_beside(  # type: ignore[no-untyped-def]
    samples, first, shape, x, y, z, ci, cj, answer
):
    """Beside every road: the height at the edge of the nearest one, levelling out within `REACH_M`."""
    best, best_cost, rings_left = -1, np.inf, shape[0] + shape[1]
    ring = 0
    while rings_left > 0:
        for i in range(max(ci - ring, 0), min(ci + ring + 1, shape[0])):
            on_edge = i == ci - ring or i == ci + ring
            step = 1 if on_edge or ring == 0 else 2 * ring
            for j in range(cj - ring, cj + ring + 1, step):
                if 0 <= j < shape[1]:
                    for k in range(first[i * shape[1] + j], first[i * shape[1] + j + 1]):
                        s = samples[k]
                        dx, dy = x - s.x, y - s.y
                        cost = dx * dx + dy * dy
                        if s.z > z + _HEADROOM_M:
                            cost *= 4.0  # rather the road below than the bridge above
                        if cost < best_cost:
                            best, best_cost = k, cost
                            rings_left = min(rings_left, 3)
        ring += 1
        rings_left -= 1
    s = samples[best]
    dx, dy = x - s.x, y - s.y
    distance = np.sqrt(dx * dx + dy * dy)
    share = min(1.0, REACH_M / distance)
    fade = max(0.0, 2.0 - distance / REACH_M)
    answer.ground_z = s.z + (s.grade_x * dx + s.grade_y * dy) * share
    answer.grade_x = s.grade_x * fade
    answer.grade_y = s.grade_y * fade
    answer.limit_kmh = s.limit_kmh
    answer.road_distance_m = distance
