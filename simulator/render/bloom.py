"""Bloom: bright lamps shine over their surroundings, as in a camera's glass. For pictures at night."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from simulator.render.project import OPTIONS, F

CELL = 4
"""Side in pixels of the cells that light is gathered in."""

_BRIGHT = 205.0  # grey level from which on a pixel shines
_REACH = 0.02  # of the picture's width


def bloom(bgra: NDArray[np.uint8], intensity: float) -> None:
    """Let the bright places of a picture glow.

    Light above a level is gathered in cells, spread twice with a triangle of some 2 % of the width, and added
    where there is room for it.

    Args:
        bgra: (H, W, 4), changed in place.
        intensity: CARLA's `bloom_intensity`; 0 for none.
    """
    height, width = bgra.shape[0] // CELL, bgra.shape[1] // CELL
    if intensity <= 0.0 or min(height, width) < 2:
        return
    light = np.zeros((height, width, 3), F)
    if _gather(bgra, light) == 0:
        return
    reach = max(int(_REACH * width + 0.5), 1)
    weights = (1.0 - np.abs(np.arange(-reach, reach + 1)) / (reach + 1.0)).astype(F)
    weights /= weights.sum()
    for axis in (0, 1):
        light = _spread(light, weights, axis)
    _add(bgra, light, F(intensity))


def _spread(light: NDArray[np.float32], weights: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """Weighted mean of the neighbours along an axis; beyond the border it is dark."""
    reach, size = len(weights) // 2, light.shape[axis]
    total = np.zeros_like(light)
    for number, weight in enumerate(weights):
        step = number - reach
        into, out = max(0, -step), max(0, step)
        count = size - abs(step)
        if count <= 0:
            continue
        if axis == 0:
            total[into : into + count] += weight * light[out : out + count]
        else:
            total[:, into : into + count] += weight * light[:, out : out + count]
    return total


@numba.njit(**OPTIONS)
def _gather(bgra, light):  # type: ignore[no-untyped-def]
    """Mean light above the level in each cell; answers how many pixels shine."""
    count = 0
    for i in range(light.shape[0]):
        for j in range(light.shape[1]):
            for y in range(CELL * i, CELL * i + CELL):
                for x in range(CELL * j, CELL * j + CELL):
                    pixel = bgra[y, x]
                    over = F(max(pixel[0], pixel[1], pixel[2])) - F(_BRIGHT)
                    if over > F(0.0):
                        count += 1
                        share = over / (F(255.0 - _BRIGHT) * F(CELL * CELL))
                        for c in range(3):
                            light[i, j, c] += F(pixel[c]) * share
    return count


@numba.njit(parallel=True, **OPTIONS)
def _add(bgra, light, intensity):  # type: ignore[no-untyped-def]
    """Add the light, between the middles of the cells linearly."""
    rows, columns = light.shape[0], light.shape[1]
    half = F(0.5)
    for y in numba.prange(bgra.shape[0]):
        v = min(max((F(y) + half) / F(CELL) - half, F(0.0)), F(rows - 1.001))
        i = int(v)
        b = v - F(i)
        for x in range(bgra.shape[1]):
            u = min(max((F(x) + half) / F(CELL) - half, F(0.0)), F(columns - 1.001))
            j = int(u)
            a = u - F(j)
            for c in range(3):
                low = light[i, j, c] + (light[i, j + 1, c] - light[i, j, c]) * a
                high = light[i + 1, j, c] + (light[i + 1, j + 1, c] - light[i + 1, j, c]) * a
                glow = (low + (high - low) * b) * intensity
                value = F(bgra[y, x, c])
                bgra[y, x, c] = np.uint8(min(value + glow * (F(1.0) - value / F(255.0)) + half, F(255.0)))
