"""Edges without stairs: pixels on the outline of a surface are mixed with what lies behind it.

The outline is known exactly: it is an edge of the nearer record. Where that edge passes between the centres
of two neighbours, the share of the pixel that it cuts off takes the neighbour's colour (geometric post-
process antialiasing, after Persson, "Geometry buffer anti-aliasing", 2011). Labels and depth stay as they
are.
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
def smooth(rf, raw, words, depth, ids, out):  # type: ignore[no-untyped-def]
    """Write the smoothed picture.

    Args:
        rf: records.
        raw: (H, W, 4) uint8 shaded picture.
        words: (H, W) uint32 the same.
        depth: (H, W) float32.
        ids: (H, W) int32 visible records.
        out: (H, W) uint32 blue, green, red, 255 from the lowest byte on.
    """
    height, width = depth.shape
    for strip in numba.prange(_STRIPS):
        for y in range(strip * height // _STRIPS, (strip + 1) * height // _STRIPS):
            for x in range(width):
                k = ids[y, x]
                if 0 < x < width - 1 and 0 < y < height - 1:
                    same = ids[y, x - 1] == k and ids[y, x + 1] == k and ids[y - 1, x] == k
                    if same and ids[y + 1, x] == k:
                        out[y, x] = words[y, x]
                        continue
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
                    low = np.uint32(c0 + F(0.5)) | (np.uint32(c1 + F(0.5)) << np.uint32(8))
                    out[y, x] = low | (np.uint32(c2 + F(0.5)) << np.uint32(16)) | np.uint32(0xFF000000)
                else:
                    out[y, x] = words[y, x]
