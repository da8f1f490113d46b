"""Edges without stairs: pixels on the outline of a surface are mixed with what lies behind it.

The outline is known exactly: it is an edge of the nearer record. Where that edge passes between the centres of
two neighbours, the share of the pixel that it cuts off takes the neighbour's colour (geometric post-process
antialiasing, after Persson, "Geometry buffer anti-aliasing", 2011). Labels and depth stay as they are.
"""

from __future__ import annotations

import numba
import numpy as np

from simulator.render.project import OPTIONS, F

_STRIPS = 32
_LEAST_STEP = 10  # of colour, summed over the channels


@numba.njit(**OPTIONS)
def _edge_between(q, x, y, vertical):  # type: ignore[no-untyped-def]
    """How far from a pixel's centre, towards the next one right (or below), an edge of a record passes.

    Answers 2 if none passes between the two centres.
    """
    best = F(2.0)
    for n in range(3):
        m = n + 1 if n < 2 else 0
        xa, ya, xb, yb = q[2 * n], q[2 * n + 1], q[2 * m], q[2 * m + 1]
        if vertical:
            xa, ya, xb, yb = ya, xa, yb, xb
            at, across = x, y
        else:
            at, across = y, x
        # Along `at` the edge is cut; `across` is where.
        if (ya <= at) != (yb <= at):
            cut = xa + (at - ya) * ((xb - xa) / (yb - ya)) - across
            if cut > F(0.0) and cut <= F(1.0):
                best = min(best, cut)
    return best


@numba.njit(parallel=True, **OPTIONS)
def smooth(rf, ri, raw, depth, ids, out):  # type: ignore[no-untyped-def]
    """Write the smoothed picture.

    Args:
        rf: records.
        ri: records.
        raw: (H, W, 4) uint8 shaded picture.
        depth: (H, W) float32.
        ids: (H, W) int32 visible records.
        out: (H, W, 4) uint8.
    """
    height, width = depth.shape
    for strip in numba.prange(_STRIPS):
        for y in range(strip * height // _STRIPS, (strip + 1) * height // _STRIPS):
            for x in range(width):
                k = ids[y, x]
                c0, c1, c2 = F(raw[y, x, 0]), F(raw[y, x, 1]), F(raw[y, x, 2])
                best, bx, by = F(0.0), x, y
                for side in range(4):
                    nx = x + 1 if side == 0 else x - 1 if side == 1 else x
                    ny = y + 1 if side == 2 else y - 1 if side == 3 else y
                    if nx < 0 or ny < 0 or nx >= width or ny >= height:
                        continue
                    other = ids[ny, nx]
                    if other == k:
                        continue
                    step = (
                        abs(int(raw[y, x, 0]) - int(raw[ny, nx, 0]))
                        + abs(int(raw[y, x, 1]) - int(raw[ny, nx, 1]))
                        + abs(int(raw[y, x, 2]) - int(raw[ny, nx, 2]))
                    )
                    if step < _LEAST_STEP:
                        continue
                    front = k if other < 0 or (k >= 0 and depth[y, x] <= depth[ny, nx]) else other
                    vertical = side >= 2
                    ax, ay = min(x, nx), min(y, ny)
                    cut = _edge_between(rf[front], F(ax) + F(0.5), F(ay) + F(0.5), vertical)
                    if cut > F(1.0):
                        continue
                    # The border between the two pixels lies at 0.5.
                    first = side == 0 or side == 2
                    share = F(0.5) - cut if first else cut - F(0.5)
                    if share > best:
                        best, bx, by = share, nx, ny
                if best > F(0.0):
                    c0 += (F(raw[by, bx, 0]) - c0) * best
                    c1 += (F(raw[by, bx, 1]) - c1) * best
                    c2 += (F(raw[by, bx, 2]) - c2) * best
                    out[y, x, 0], out[y, x, 1] = np.uint8(c0 + F(0.5)), np.uint8(c1 + F(0.5))
                    out[y, x, 2], out[y, x, 3] = np.uint8(c2 + F(0.5)), np.uint8(255)
                else:
                    out[y, x, 0], out[y, x, 1] = raw[y, x, 0], raw[y, x, 1]
                    out[y, x, 2], out[y, x, 3] = raw[y, x, 2], np.uint8(255)
