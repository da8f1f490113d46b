"""Junction surfaces without holes: small gaps that the connecting lanes leave between them are paved."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from simulator.render.labels import Label, Material
from simulator.render.lane_strips import ASPHALT_RGB
from simulator.render.mesh import Mesh, joined, make_mesh, quads, upward
from simulator.render.road_file import RoadShape

_CELL_M = 0.5
_ISLAND_M2 = 160.0  # a larger gap is an island, and stays green
_NOWHERE = -1e9
_BORDER = 2  # cells around a junction


def fill_junctions(roads: tuple[RoadShape, ...], surface: Mesh) -> Mesh:
    """Asphalt for the gaps that are enclosed by the surface of each junction."""
    flat = surface.corners[surface.normals()[:, 2] > 0.7]
    low, high = flat.min(axis=(1,)), flat.max(axis=(1,))
    boxes: dict[int, list[NDArray[np.float64]]] = {}
    for road in roads:
        if road.junction_id >= 0:
            s = np.linspace(0.0, road.line.length_m, max(int(road.line.length_m), 2))
            boxes.setdefault(road.junction_id, []).append(road.line.points(s, np.zeros_like(s)))
    parts = []
    for lines in boxes.values():
        points = np.concatenate(lines)
        corner, far = points.min(axis=0) - 6.0, points.max(axis=0) + 6.0
        near = ((high >= corner) & (low <= far)).all(axis=1)
        origin = corner[:2] - _BORDER * _CELL_M
        cells = find_gaps(origin, far[:2], flat[near])
        if len(cells):
            z = cells[:, 2]
            x0, y0 = origin[0] + cells[:, 0] * _CELL_M, origin[1] + cells[:, 1] * _CELL_M
            x1, y1 = x0 + _CELL_M, y0 + _CELL_M
            corners = [np.stack([x, y, z], axis=1) for x, y in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))]
            parts.append(
                make_mesh(upward(quads(*corners)), ASPHALT_RGB, Label.ROADS, Material.ASPHALT, layer=0)
            )
    return joined(parts)


def find_gaps(
    origin: NDArray[np.float64], far: NDArray[np.float64], triangles: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(N, 3) cells of half a metre that a surface leaves open: steps along x and y, and height in m.

    Args:
        origin: (2,) corner of the area.
        far: (2,) the other one.
        triangles: (K, 3, 3) of the surface.
    """
    size = np.ceil((far - origin) / _CELL_M).astype(int) + _BORDER
    height = np.full((int(size[0]), int(size[1])), _NOWHERE)
    _cover(height, origin, triangles)
    return np.asarray(_gaps(height))


@numba.njit(cache=True, fastmath=False)
def _cover(height, origin, triangles):  # type: ignore[no-untyped-def]
    """Heights of the cells whose centres lie in a triangle, seen from above."""
    nx, ny = height.shape
    for k in range(len(triangles)):
        (xa, ya, za), (xb, yb, zb), (xc, yc, zc) = triangles[k, 0], triangles[k, 1], triangles[k, 2]
        area = (xb - xa) * (yc - ya) - (xc - xa) * (yb - ya)
        if abs(area) < 1e-9:
            continue
        i0 = max(int((min(xa, xb, xc) - origin[0]) / _CELL_M), 0)
        i1 = min(int((max(xa, xb, xc) - origin[0]) / _CELL_M) + 1, nx - 1)
        j0 = max(int((min(ya, yb, yc) - origin[1]) / _CELL_M), 0)
        j1 = min(int((max(ya, yb, yc) - origin[1]) / _CELL_M) + 1, ny - 1)
        for i in range(i0, i1 + 1):
            for j in range(j0, j1 + 1):
                x, y = origin[0] + (i + 0.5) * _CELL_M, origin[1] + (j + 0.5) * _CELL_M
                u = ((x - xa) * (yc - ya) - (xc - xa) * (y - ya)) / area
                v = ((xb - xa) * (y - ya) - (x - xa) * (yb - ya)) / area
                if u >= -0.02 and v >= -0.02 and u + v <= 1.02:
                    height[i, j] = max(height[i, j], za + u * (zb - za) + v * (zc - za))


@numba.njit(cache=True, fastmath=False)
def _gaps(height):  # type: ignore[no-untyped-def]
    """(N, 3) i, j and height of the cells of enclosed gaps and of the cells next to them."""
    nx, ny = height.shape
    mark = np.zeros((nx, ny), np.int32)  # 0 unseen, 1 covered, 2 outside or island, 3 gap
    for i in range(nx):
        for j in range(ny):
            if height[i, j] > _NOWHERE:
                mark[i, j] = 1
    stack = np.empty((nx * ny, 2), np.int64)
    most = int(_ISLAND_M2 / (_CELL_M * _CELL_M))
    for si in range(nx):
        for sj in range(ny):
            if mark[si, sj] != 0:
                continue
            size, at, open_ = 1, 0, False
            stack[0, 0], stack[0, 1] = si, sj
            mark[si, sj] = 3
            while at < size:
                i, j = stack[at, 0], stack[at, 1]
                at += 1
                if i == 0 or j == 0 or i == nx - 1 or j == ny - 1:
                    open_ = True
                    continue
                for d in range(4):
                    a = i + (1 if d == 0 else -1 if d == 1 else 0)
                    b = j + (1 if d == 2 else -1 if d == 3 else 0)
                    if mark[a, b] == 0:
                        mark[a, b] = 3
                        stack[size, 0], stack[size, 1] = a, b
                        size += 1
            if open_ or size > most:
                for k in range(size):
                    mark[stack[k, 0], stack[k, 1]] = 2
    found = np.empty((nx * ny, 3))
    count = 0
    for i in range(1, nx - 1):
        for j in range(1, ny - 1):
            touches = mark[i, j] == 3
            if mark[i, j] == 1:
                touches = (
                    mark[i + 1, j] == 3 or mark[i - 1, j] == 3 or mark[i, j + 1] == 3 or mark[i, j - 1] == 3
                )
            if not touches:
                continue
            low = np.inf
            for reach in range(1, 12):
                for a in range(max(i - reach, 0), min(i + reach + 1, nx)):
                    for b in range(max(j - reach, 0), min(j + reach + 1, ny)):
                        if mark[a, b] == 1:
                            low = min(low, height[a, b])
                if low < np.inf:
                    break
            if low < np.inf:
                found[count, 0], found[count, 1], found[count, 2] = i, j, low - 0.012
                count += 1
    return found[:count]
