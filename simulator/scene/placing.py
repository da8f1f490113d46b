"""Which of many proposed things may stand: clear of lanes and of one another, the first ones first."""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

PROPOSAL = np.dtype(
    [
        ("x", "f8"),  # centre of the footprint, m
        ("y", "f8"),
        ("z", "f8"),  # foot, m
        ("yaw", "f8"),  # rad
        ("roll", "f8"),
        ("half_x", "f8"),  # footprint, m
        ("half_y", "f8"),
        ("half_z", "f8"),
        ("margin_m", "f8"),  # to lanes
        ("junction_m", "f8"),  # to driving lanes inside junctions
        ("gap_m", "f8"),  # to things placed before
        ("avoids", "i8"),  # bit 1 << Surface
        ("grounded", "i8"),  # 1: it may not even stand below a bridge
        ("chain", "i8"),  # 1: links of its kind may touch one another
        ("kind", "i8"),
        ("variant", "i8"),
    ]
)
"""Something that would like to stand somewhere."""

EVERY_SURFACE = 0b1111

_CELL_M = 10.0
_HEADROOM_M = 5.0  # above a lane
_CORNER = np.array([[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]])


def place(proposals: NDArray[np.void], strips: NDArray[np.void]) -> NDArray[np.bool_]:
    """Decide on (N,) PROPOSAL over (M,) STRIP.

    Returns:
        (N,) whether each of them may stand.
    """
    if not len(proposals):
        return np.zeros(0, np.bool_)
    low = np.minimum(strips["corner"].min(axis=(0, 1)), [proposals["x"].min(), proposals["y"].min()]) - 60.0
    high = np.maximum(strips["corner"].max(axis=(0, 1)), [proposals["x"].max(), proposals["y"].max()]) + 60.0
    shape = ((high - low) // _CELL_M).astype(np.int64) + 1
    first, members = _cells_of_strips(strips["corner"], low, shape)
    return np.asarray(_place(proposals, strips, first, members, low, shape))


def _cells_of_strips(
    corners: NDArray[np.float64], low: NDArray[np.float64], shape: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """CSR lists of the strips whose bounding boxes meet each cell; a strip is shorter than a cell."""
    cells = ((np.stack([corners.min(axis=1), corners.max(axis=1)], axis=1) - low) // _CELL_M).astype(np.int64)
    keys, numbers = [], []
    for i in range(int((cells[:, 1, 0] - cells[:, 0, 0]).max()) + 1):
        for j in range(int((cells[:, 1, 1] - cells[:, 0, 1]).max()) + 1):
            inside = (cells[:, 0, 0] + i <= cells[:, 1, 0]) & (cells[:, 0, 1] + j <= cells[:, 1, 1])
            keys.append(((cells[:, 0, 0] + i) * shape[1] + cells[:, 0, 1] + j)[inside])
            numbers.append(np.flatnonzero(inside))
    key, number = np.concatenate(keys), np.concatenate(numbers)
    order = np.argsort(key, kind="stable")
    return np.searchsorted(key[order], np.arange(shape[0] * shape[1] + 1)).astype(np.int64), number[order]


@numba.njit(cache=True, fastmath=False)
def _corners(p):  # type: ignore[no-untyped-def]
    """Footprint of a proposal."""
    c, s = math.cos(p.yaw), math.sin(p.yaw)
    points = np.empty((4, 2))
    for k in range(4):
        dx, dy = _CORNER[k, 0] * p.half_x, _CORNER[k, 1] * p.half_y
        points[k, 0] = p.x + c * dx - s * dy
        points[k, 1] = p.y + s * dx + c * dy
    return points


@numba.njit(cache=True, fastmath=False)
def _gap_beyond(a, b):  # type: ignore[no-untyped-def]
    """Largest gap between two convex quadrilaterals over the normals of the first; negative for overlap."""
    best = -np.inf
    for k in range(4):
        ex, ey = a[(k + 1) % 4, 0] - a[k, 0], a[(k + 1) % 4, 1] - a[k, 1]
        length = math.hypot(ex, ey)
        if length < 1e-9:
            continue
        nx, ny = ey / length, -ex / length
        low_a, high_a, low_b, high_b = np.inf, -np.inf, np.inf, -np.inf
        for m in range(4):
            da, db = a[m, 0] * nx + a[m, 1] * ny, b[m, 0] * nx + b[m, 1] * ny
            low_a, high_a = min(low_a, da), max(high_a, da)
            low_b, high_b = min(low_b, db), max(high_b, db)
        best = max(best, max(low_b - high_a, low_a - high_b))
    return best


@numba.njit(cache=True, fastmath=False)
def _is_nearer(a, b, distance):  # type: ignore[no-untyped-def]
    """Whether two convex quadrilaterals may be nearer than this; the test errs towards yes."""
    return _gap_beyond(a, b) < distance and _gap_beyond(b, a) < distance


@numba.njit(cache=True, fastmath=False)
def _meets_lane(p, box, strip, corner):  # type: ignore[no-untyped-def]
    if p.grounded == 0 and (strip.z > p.z + 2.0 * p.half_z + 1.0 or strip.z + _HEADROOM_M < p.z):
        return False
    if strip.junction == 1 and strip.surface == 0 and _is_nearer(box, corner, p.junction_m):
        return True
    return (p.avoids >> strip.surface) & 1 == 1 and _is_nearer(box, corner, p.margin_m)


@numba.njit(cache=True, fastmath=False)
def _place(proposals, strips, first, members, low, shape):  # type: ignore[no-untyped-def]
    count = proposals.shape[0]
    accepted = np.zeros(count, np.bool_)
    boxes = np.empty((count, 4, 2))
    head = np.full(shape[0] * shape[1], -1)  # chains of the accepted by cell
    chain_next = np.empty(16 * count + 4096, np.int64)
    chain_item = np.empty(16 * count + 4096, np.int64)
    used = 0
    for i in range(count):
        p = proposals[i]
        boxes[i] = _corners(p)
        reach = math.hypot(p.half_x, p.half_y) + max(p.margin_m, p.junction_m, p.gap_m)
        i0 = max(int((p.x - reach - low[0]) // _CELL_M), 0)
        i1 = min(int((p.x + reach - low[0]) // _CELL_M), shape[0] - 1)
        j0 = max(int((p.y - reach - low[1]) // _CELL_M), 0)
        j1 = min(int((p.y + reach - low[1]) // _CELL_M), shape[1] - 1)
        free = True
        for ci in range(i0, i1 + 1):
            for cj in range(j0, j1 + 1):
                if not free:
                    break
                cell = ci * shape[1] + cj
                for k in range(first[cell], first[cell + 1]):
                    if _meets_lane(p, boxes[i], strips[members[k]], strips[members[k]].corner):
                        free = False
                        break
                node = head[cell]
                while free and node >= 0:
                    other = chain_item[node]
                    q = proposals[other]
                    linked = p.chain == 1 and q.kind == p.kind
                    if not linked and _is_nearer(boxes[i], boxes[other], p.gap_m):
                        free = False
                    node = chain_next[node]
        if not free or used + (i1 - i0 + 1) * (j1 - j0 + 1) > chain_item.shape[0]:
            continue
        accepted[i] = True
        for ci in range(i0, i1 + 1):
            for cj in range(j0, j1 + 1):
                chain_item[used], chain_next[used] = i, head[ci * shape[1] + cj]
                head[ci * shape[1] + cj] = used
                used += 1
    return accepted
