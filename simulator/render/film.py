"""What lens, exposure, grain and falling rain do to a finished picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from simulator.render.project import OPTIONS

_GAMMA = 2.2
_SPREAD = 147.8  # standard deviation of the sum of four bytes
_STREAKS_PER_PIXEL = 1.0 / 420.0  # in the heaviest rain


@dataclass(frozen=True, slots=True)
class Lens:
    """CARLA's attributes of the same names. With a multiplier of 0, its default, the lens is a pinhole.

    What CARLA's material does with them is in its binary assets; here `k` and `kcube` are the factors of the
    square and the cube of the radius in the usual polynomial distortion, scaled by the sensor's sizes; the
    circle says where it acts: `multiplier` times the radius to the power of `falloff`, at most 1.
    """

    circle_falloff: float = 5.0
    circle_multiplier: float = 0.0
    k: float = -1.0
    kcube: float = 0.0
    x_size: float = 0.08
    y_size: float = 0.08

    def sources(self, width: int, height: int) -> NDArray[np.int32] | None:
        """(H * W,) the pinhole's pixel that each pixel comes from; None for itself."""
        if self.circle_multiplier <= 0.0:
            return None
        v, u = np.mgrid[0:height, 0:width] + 0.5
        x, y = u * 2.0 / width - 1.0, v * 2.0 / height - 1.0
        r = np.sqrt((x * x + y * y) / 2.0)  # 1 in the corners
        share = np.minimum(self.circle_multiplier * r**self.circle_falloff, 1.0)
        bend = share * (self.k * r * r + self.kcube * r**3)
        column = ((x * (1.0 + bend * self.x_size) + 1.0) * width / 2.0).clip(0, width - 1).astype(np.int32)
        row = ((y * (1.0 + bend * self.y_size) + 1.0) * height / 2.0).clip(0, height - 1).astype(np.int32)
        return np.asarray((row * width + column).ravel(), np.int32)


@dataclass(frozen=True, slots=True)
class Exposure:
    """CARLA's attributes of the same names. In the mode "manual" shutter, sensitivity and stop count."""

    gamma: float = 2.2
    mode: str = "histogram"
    compensation: float = 0.0
    shutter_speed: float = 200.0
    iso: float = 100.0
    fstop: float = 1.4

    def table(self) -> NDArray[np.uint8] | None:
        """(256,) what each value of the picture becomes; None for itself."""
        gain = 2.0**self.compensation
        if self.mode == "manual":
            gain *= (200.0 / self.shutter_speed) * (self.iso / 100.0) * (1.4 / self.fstop) ** 2
        if gain == 1.0 and self.gamma == _GAMMA:
            return None
        linear = np.minimum((np.arange(256) / 255.0) ** _GAMMA * gain, 1.0)
        return np.asarray(np.rint(linear ** (1.0 / max(self.gamma, 0.05)) * 255.0), np.uint8)


def bent(pixels: NDArray[Any], sources: NDArray[np.int32] | None) -> NDArray[Any]:
    """A picture behind a lens: (H, W, C) of any kind; None is a pinhole. See `Lens.sources`."""
    if sources is None:
        return pixels
    return np.asarray(pixels.reshape(-1, pixels.shape[-1])[sources].reshape(pixels.shape))


def developed(bgra: NDArray[np.uint8], table: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    """A picture on a film, see `Exposure.table`; None leaves it as it is."""
    if table is None:
        return bgra
    bgra = table[bgra]
    bgra[..., 3] = 255
    return bgra


def rain(bgra: NDArray[np.uint8], precipitation: float, wind: float, frame: int) -> None:
    """Draw the streaks of falling drops into a picture.

    Args:
        bgra: (H, W, 4), changed in place.
        precipitation: per cent.
        wind: per cent; slants the streaks.
        frame: of the world: each has its own drops, the same in every process.
    """
    if precipitation <= 0.0:
        return
    height, width = bgra.shape[:2]
    count = int(height * width * _STREAKS_PER_PIXEL * (precipitation / 100.0) ** 1.2)
    rng = np.random.default_rng([frame & 0xFFFFFFFF, width, height])
    near = rng.uniform(0.0, 1.0, count) ** 2.5
    long = (0.02 + 0.09 * near) * height
    slant = 0.05 + 0.30 * wind / 100.0 + rng.normal(0.0, 0.02, count)
    streaks = np.stack(
        [rng.uniform(-0.1, 1.05, count) * width, rng.uniform(-0.1, 1.0, count) * height, long, slant,
         0.12 + 0.30 * near, 0.7 + 1.3 * near * height / 720.0], axis=1,
    )  # fmt: skip
    _draw(bgra, streaks)


def grain(bgra: NDArray[np.uint8], sigma: float, seed: int, shot: int) -> None:
    """Add a film's grain to a picture, the same in every process and with any number of threads.

    Args:
        bgra: (H, W, 4), changed in place.
        sigma: standard deviation in grey levels of 0 .. 255; 0 for none.
        seed: of the camera.
        shot: number of the picture: each has its own grain.
    """
    if sigma > 0.0:
        _grain(bgra, sigma, (seed * 2654435761 + shot * 40503) & 0x7FFFFFFF)


@numba.njit(parallel=True, **OPTIONS)
def _grain(bgra, sigma, key):  # type: ignore[no-untyped-def]
    """Four bytes of a hash add up to a number that is normal enough: between -3.45 and 3.45 sigma."""
    for y in numba.prange(bgra.shape[0]):
        for x in range(bgra.shape[1]):
            h = (key + x * 374761393 + y * 668265263) & 0xFFFFFFFF
            h = ((h ^ (h >> 15)) * 1274126177) & 0xFFFFFFFF
            h = ((h ^ (h >> 13)) * 1103515245) & 0xFFFFFFFF
            h ^= h >> 16
            total = (h & 255) + ((h >> 8) & 255) + ((h >> 16) & 255) + ((h >> 24) & 255)
            change = (total - 510) * (sigma / _SPREAD)
            for c in range(3):
                bgra[y, x, c] = np.uint8(min(max(bgra[y, x, c] + change + 0.5, 0.0), 255.0))


@numba.njit(**OPTIONS)
def _draw(bgra, streaks):  # type: ignore[no-untyped-def]
    height, width = bgra.shape[0], bgra.shape[1]
    for n in range(streaks.shape[0]):
        x0, y0, long, slant, strength, thick = streaks[n]
        for y in range(max(int(y0), 0), min(int(y0 + long) + 1, height)):
            middle = x0 + slant * (y - y0)
            fade = strength * min(1.0, 4.0 * min(y - y0 + 1.0, y0 + long + 1.0 - y) / (long + 1.0))
            for x in range(max(int(middle - thick), 0), min(int(middle + thick) + 1, width)):
                share = fade * max(0.0, 1.0 - abs(x + 0.5 - middle) / thick)
                for c in range(3):
                    value = float(bgra[y, x, c])
                    bgra[y, x, c] = np.uint8(value + (min(value * 1.25 + 55.0, 235.0) - value) * share)
