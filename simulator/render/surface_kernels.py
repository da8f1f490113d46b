"""Small kernels of the shading pass: noise, sky, painted lines, windows."""

from __future__ import annotations

import numba

from simulator.render.light import SKY_SIZE
from simulator.render.project import OPTIONS, F


@numba.njit(**OPTIONS)
def floored(value):  # type: ignore[no-untyped-def]
    """The greatest integer not above a number."""
    whole = int(value)
    return whole - 1 if F(whole) > value else whole


@numba.njit(**OPTIONS)
def noise_at(noise, u, v):  # type: ignore[no-untyped-def]
    """Bilinear value of the repeating grain; u and v in cells."""
    iu, iv = floored(u), floored(v)
    a, b = u - F(iu), v - F(iv)
    i, j = iu & 255, iv & 255
    i1, j1 = (i + 1) & 255, (j + 1) & 255
    low = noise[i, j] + (noise[i1, j] - noise[i, j]) * a
    high = noise[i, j1] + (noise[i1, j1] - noise[i, j1]) * a
    return low + (high - low) * b


@numba.njit(**OPTIONS)
def sky_at(sky, x, y, z):  # type: ignore[no-untyped-def]
    """Colour of the sky in a direction of any length; below the horizon that of the horizon."""
    half, one = F(0.5), F(1.0)
    up = max(z, F(0.0))
    scale = one / (abs(x) + abs(y) + up + F(1e-9))
    px, py = x * scale, y * scale
    most = F(SKY_SIZE - 1.001)
    u = min(max((px + py + one) * half * F(SKY_SIZE) - half, F(0.0)), most)
    v = min(max((px - py + one) * half * F(SKY_SIZE) - half, F(0.0)), most)
    j, i = int(u), int(v)
    a, b = u - F(j), v - F(i)
    w11 = a * b
    w01, w10 = a - w11, b - w11
    w00 = one - a - w10
    return (
        sky[i, j, 0] * w00 + sky[i, j + 1, 0] * w01 + sky[i + 1, j, 0] * w10 + sky[i + 1, j + 1, 0] * w11,
        sky[i, j, 1] * w00 + sky[i, j + 1, 1] * w01 + sky[i + 1, j, 1] * w10 + sky[i + 1, j + 1, 1] * w11,
        sky[i, j, 2] * w00 + sky[i, j + 1, 2] * w01 + sky[i + 1, j, 2] * w10 + sky[i + 1, j + 1, 2] * w11,
    )


@numba.njit(**OPTIONS)
def dashes(at, period, on):  # type: ignore[no-untyped-def]
    """Length of dash from 0 up to a place."""
    turns = F(floored(at / period))
    return turns * on + min(at - turns * period, on)


@numba.njit(**OPTIONS)
def dash_share(at, width, period, on):  # type: ignore[no-untyped-def]
    """Share of dash within a width about a place."""
    half = width * F(0.5)
    return min(max((dashes(at + half, period, on) - dashes(at - half, period, on)) / width, F(0.0)), F(1.0))


@numba.njit(**OPTIONS)
def line_share(line, u, v, w, fu, fv, fw):  # type: ignore[no-untyped-def]
    """How much of a pixel a painted line covers, and whether it covers its centre.

    Args:
        line: `patterns.LINE_WIDTH` numbers.
        u: along, m.
        v: from the inner edge, m.
        w: from the outer edge, m.
        fu: width of the pixel along u.
        fv: along v.
        fw: along w.
    """
    across, spread = (v, fv) if line[0] < F(0.5) else (w, fw)
    half = spread * F(0.5)
    share = (min(across + half, line[2]) - max(across - half, line[1])) / spread
    if share <= F(0.0):
        return F(0.0), False
    share = min(share, F(1.0))
    inside = across >= line[1] and across < line[2]
    if line[3] > F(0.0):
        at = u - line[5]
        share *= dash_share(at, fu, line[3], line[4])
        if inside:
            inside = at - F(floored(at / line[3])) * line[3] < line[4]
    return share, inside


@numba.njit(**OPTIONS)
def hashed(i, j):  # type: ignore[no-untyped-def]
    """A number from 0 to 1 for a pair of integers."""
    h = (i * 374761393 + j * 668265263) & 0xFFFFFFFF
    h = ((h ^ (h >> 13)) * 1274126177) & 0xFFFFFFFF
    return F((h ^ (h >> 16)) & 0xFFFF) / F(65535.0)
