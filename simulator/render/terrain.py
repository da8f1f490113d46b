"""The ground between and below the roads: a height field that follows them, never above them.

The grid is fine near the roads and coarse elsewhere. Near a road its height is the road's own tangent plane
minus a margin; where roads cross over each other the lowest counts. Far from every road it relaxes to a
smooth surface, and beyond `_HILLS_FROM_M` low hills begin, so that the horizon is no ruled line.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from simulator.render.labels import Label, Material
from simulator.render.lane_strips import GRASS_RGB
from simulator.render.mesh import Mesh, make_mesh, quads, upward

CELL_M = 4.0
_BLOCK = 4  # coarse cells are this many fine ones wide
_MARGIN_M = 240.0  # around the roads
_BELOW_M = 0.06  # under the road
_REACH_M = 6.0  # a triangle of the grid may reach this far below a road
_HILLS_FROM_M, _HILLS_FULL_M, _HILL_M = 70.0, 220.0, 14.0
_SWEEPS = 60


@dataclass(frozen=True, slots=True, eq=False)
class Terrain:
    """Heights on a grid.

    Attributes:
        origin: x, y of the first vertex, m.
        height: (NX, NY) m.
        distance: (NX, NY) m to the nearest road, roughly; 0 below one.
    """

    origin: NDArray[np.float64]
    height: NDArray[np.float64]
    distance: NDArray[np.float64]

    def at(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Height at places, between the vertices."""
        u = np.clip((x - self.origin[0]) / CELL_M, 0.0, self.height.shape[0] - 1.001)
        v = np.clip((y - self.origin[1]) / CELL_M, 0.0, self.height.shape[1] - 1.001)
        i, j = u.astype(int), v.astype(int)
        fu, fv, h = u - i, v - j, self.height
        low = h[i, j] * (1.0 - fu) + h[i + 1, j] * fu
        high = h[i, j + 1] * (1.0 - fu) + h[i + 1, j + 1] * fu
        return np.asarray(low * (1.0 - fv) + high * fv)

    def mesh(self) -> Mesh:
        """Fine quads near the roads, coarse ones elsewhere; neighbours agree along their edges."""
        nx, ny = (n - 1 for n in self.height.shape)
        bx, by = nx // _BLOCK, ny // _BLOCK
        near = self.distance[:-1, :-1] < 24.0
        fine = near.reshape(bx, _BLOCK, by, _BLOCK).any(axis=(1, 3))
        height = self.height.copy()
        _flatten_coarse_edges(height, fine)
        parts = []
        for step, chosen in ((_BLOCK, ~fine), (1, np.repeat(np.repeat(fine, _BLOCK, 0), _BLOCK, 1))):
            i, j = np.nonzero(chosen)
            i, j = i * step, j * step
            corners = []
            for di, dj in ((0, 0), (step, 0), (step, step), (0, step)):
                x = self.origin[0] + (i + di) * CELL_M
                y = self.origin[1] + (j + dj) * CELL_M
                corners.append(np.stack([x, y, height[i + di, j + dj]], axis=1))
            parts.append(quads(*corners))
        return make_mesh(upward(np.concatenate(parts)), GRASS_RGB, Label.TERRAIN, Material.GRASS, layer=0)


def build_terrain(samples: NDArray[np.float64], seed: int) -> Terrain:
    """Ground for roads that are sampled as in `RoadMesh.samples`, with hills of that seed."""
    low = np.floor((samples[:, :2].min(axis=0) - _MARGIN_M) / 16.0) * 16.0
    cells = np.ceil((samples[:, :2].max(axis=0) + _MARGIN_M - low) / (CELL_M * _BLOCK)).astype(int) * _BLOCK
    height = np.full((cells[0] + 1, cells[1] + 1), np.inf)
    _lower(height, low, samples)
    known = np.isfinite(height)
    height[known] -= _BELOW_M
    distance = _distance(known)
    filled = _fill(height, known)
    _relax(filled, known, _SWEEPS)
    share = np.clip((distance - _HILLS_FROM_M) / (_HILLS_FULL_M - _HILLS_FROM_M), 0.0, 1.0)
    filled += share * share * (3.0 - 2.0 * share) * _HILL_M * _waves(filled.shape, seed)
    return Terrain(low, filled, distance)


def _waves(shape: tuple[int, ...], seed: int) -> NDArray[np.float64]:
    """Smooth bumps between 0 and 1."""
    rng = np.random.default_rng(seed)
    x, y = np.meshgrid(*(np.arange(n) * CELL_M for n in shape), indexing="ij")
    total = np.zeros(shape)
    for _ in range(7):
        turn, phase = rng.uniform(0.0, 2.0 * np.pi, 2)
        length = rng.uniform(90.0, 320.0)
        total += np.sin((x * np.cos(turn) + y * np.sin(turn)) * 2.0 * np.pi / length + phase)
    return np.asarray(np.clip(0.45 + 0.16 * total, 0.0, 1.0))


@numba.njit(cache=True, fastmath=False)
def _lower(height, origin, samples):  # type: ignore[no-untyped-def]
    """Lower every vertex near a sample to the sample's tangent plane."""
    cells = int(np.ceil(_REACH_M / CELL_M))
    for k in range(len(samples)):
        x, y, z, gx, gy = samples[k]
        ci, cj = int((x - origin[0]) / CELL_M), int((y - origin[1]) / CELL_M)
        for i in range(max(ci - cells, 0), min(ci + cells + 2, height.shape[0])):
            for j in range(max(cj - cells, 0), min(cj + cells + 2, height.shape[1])):
                dx, dy = origin[0] + i * CELL_M - x, origin[1] + j * CELL_M - y
                if dx * dx + dy * dy <= _REACH_M * _REACH_M:
                    height[i, j] = min(height[i, j], z + gx * dx + gy * dy)


@numba.njit(cache=True, fastmath=False)
def _distance(known):  # type: ignore[no-untyped-def]
    """Chamfer distance in metres to the nearest known vertex."""
    nx, ny = known.shape
    far = CELL_M * (nx + ny)
    d = np.where(known, 0.0, far)
    straight, across = CELL_M, CELL_M * np.sqrt(2.0)
    for i in range(nx):
        for j in range(ny):
            if i > 0:
                d[i, j] = min(d[i, j], d[i - 1, j] + straight)
                if j > 0:
                    d[i, j] = min(d[i, j], d[i - 1, j - 1] + across)
                if j < ny - 1:
                    d[i, j] = min(d[i, j], d[i - 1, j + 1] + across)
            if j > 0:
                d[i, j] = min(d[i, j], d[i, j - 1] + straight)
    for i in range(nx - 1, -1, -1):
        for j in range(ny - 1, -1, -1):
            if i < nx - 1:
                d[i, j] = min(d[i, j], d[i + 1, j] + straight)
                if j > 0:
                    d[i, j] = min(d[i, j], d[i + 1, j - 1] + across)
                if j < ny - 1:
                    d[i, j] = min(d[i, j], d[i + 1, j + 1] + across)
            if j < ny - 1:
                d[i, j] = min(d[i, j], d[i, j + 1] + straight)
    return d


def _fill(height: NDArray[np.float64], known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Unknown vertices from coarser and coarser averages of the known ones."""
    if known.all() or min(height.shape) < 2:
        return np.where(known, height, height[known].mean() if known.any() else 0.0)
    nx, ny = ((n + 1) // 2 for n in height.shape)
    padded = np.zeros((2 * nx, 2 * ny))
    weight = np.zeros((2 * nx, 2 * ny))
    padded[: height.shape[0], : height.shape[1]] = np.where(known, height, 0.0)
    weight[: height.shape[0], : height.shape[1]] = known
    total = padded.reshape(nx, 2, ny, 2).sum(axis=(1, 3))
    count = weight.reshape(nx, 2, ny, 2).sum(axis=(1, 3))
    coarse = _fill(total / np.maximum(count, 1.0), count > 0)
    wide = np.repeat(np.repeat(coarse, 2, axis=0), 2, axis=1)[: height.shape[0], : height.shape[1]]
    return np.where(known, height, wide)


@numba.njit(cache=True, fastmath=False)
def _relax(height, known, sweeps):  # type: ignore[no-untyped-def]
    """Smooth the vertices that no road holds."""
    nx, ny = height.shape
    for _ in range(sweeps):
        for i in range(nx):
            for j in range(ny):
                if not known[i, j]:
                    a = height[max(i - 1, 0), j] + height[min(i + 1, nx - 1), j]
                    b = height[i, max(j - 1, 0)] + height[i, min(j + 1, ny - 1)]
                    height[i, j] = 0.25 * (a + b)


@numba.njit(cache=True, fastmath=False)
def _flatten_coarse_edges(height, fine):  # type: ignore[no-untyped-def]
    """Put fine vertices on the edges of coarse blocks onto those edges."""
    bx, by = fine.shape
    for i in range(bx):
        for j in range(by):
            if fine[i, j]:
                continue
            x0, y0, x1, y1 = i * _BLOCK, j * _BLOCK, (i + 1) * _BLOCK, (j + 1) * _BLOCK
            for k in range(1, _BLOCK):
                f = k / _BLOCK
                height[x0, y0 + k] = height[x0, y0] * (1 - f) + height[x0, y1] * f
                height[x1, y0 + k] = height[x1, y0] * (1 - f) + height[x1, y1] * f
                height[x0 + k, y0] = height[x0, y0] * (1 - f) + height[x1, y0] * f
                height[x0 + k, y1] = height[x0, y1] * (1 - f) + height[x1, y1] * f
