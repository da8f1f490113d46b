"""Which record is seen at each pixel: records sorted into bands of rows, then a depth buffer per band."""

from __future__ import annotations

import math

import numba

from simulator.render.project import OPTIONS, PARTS, F

BAND = 16
"""Rows of a band: its depth buffer stays in the cache."""


@numba.njit(**OPTIONS)
def sort_into_bands(ri, total, counts, bands, start, members):  # type: ignore[no-untyped-def]
    """Records of each band in their order: `members[start[b]:start[b + 1]]`.

    Answers how many entries `members` needs; nothing is sorted if it is too short.
    """
    for b in range(bands + 1):
        start[b] = 0
    for part in range(PARTS):
        first = 2 * (part * total // PARTS)
        for k in range(first, first + counts[part]):
            for b in range(ri[k, 0] // BAND, ri[k, 1] // BAND + 1):
                start[b + 1] += 1
    for b in range(bands):
        start[b + 1] += start[b]
    need = start[bands]
    if need > members.shape[0]:
        return need
    place = start.copy()
    for part in range(PARTS):
        first = 2 * (part * total // PARTS)
        for k in range(first, first + counts[part]):
            for b in range(ri[k, 0] // BAND, ri[k, 1] // BAND + 1):
                members[place[b]] = k
                place[b] += 1
    return need


@numba.njit(inline="always", **OPTIONS)
def _crossing(xa, ya, xb, yb, y):  # type: ignore[no-untyped-def]
    """Where an edge meets a row. The upper end comes first, so that neighbours get the same number."""
    if ya > yb:
        xa, xb = xb, xa
        ya, yb = yb, ya
    return xa + (y - ya) * ((xb - xa) / (yb - ya))


@numba.njit(inline="always", **OPTIONS)
def _span(depth, seen, base, x0, x1, w, dw, k):  # type: ignore[no-untyped-def]
    for x in range(x0, x1):
        here = w + dw * F(x)
        if here > depth[base + x]:
            depth[base + x] = here
            seen[base + x] = k


@numba.njit(inline="always", **OPTIONS)
def fill_band(rf, ri, members, begin, end, y0, y1, width, depth, seen):  # type: ignore[no-untyped-def]
    """Rasterize the members of one band of rows y0 to y1 into flat `depth` (1/m, biased) and `seen`."""
    half = F(0.5)
    for entry in range(begin, end):
        k = members[entry]
        q = rf[k]
        xa, ya, xb, yb, xc, yc = q[0], q[1], q[2], q[3], q[4], q[5]
        bias = q[9]
        a, b = q[6] * bias, q[7] * bias
        c = q[8] * bias + a * half
        for y in range(max(y0, ri[k, 0]), min(y1, ri[k, 1] + 1)):
            row = F(y) + half
            low, high = F(1e9), F(-1e9)
            if (ya <= row) != (yb <= row):
                x = _crossing(xa, ya, xb, yb, row)
                low, high = min(low, x), max(high, x)
            if (yb <= row) != (yc <= row):
                x = _crossing(xb, yb, xc, yc, row)
                low, high = min(low, x), max(high, x)
            if (yc <= row) != (ya <= row):
                x = _crossing(xc, yc, xa, ya, row)
                low, high = min(low, x), max(high, x)
            if high < low:
                continue
            x0 = math.ceil(max(low, F(0.0)) - half)
            x1 = math.ceil(min(high, F(width)) - half)
            _span(depth, seen, (y - y0) * width, x0, x1, c + b * row, a, k)
