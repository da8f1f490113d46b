"""Event camera: changes of brightness, pixel by pixel, between consecutive pictures.

The model is that of ESIM (Rebecq et al., "ESIM: an open event camera simulator", CoRL 2018), as in CARLA:
brightness moves linearly from one picture to the next, and every crossing of a threshold is an event.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from simulator.render.project import OPTIONS

EVENT = np.dtype([("x", "<u2"), ("y", "<u2"), ("t", "<i8"), ("pol", "?")])
"""One event as on the wire, 13 bytes: pixel, time in ns, whether it became brighter."""

_STILL = 1e-6  # a change that counts as none
_LEAST_THRESHOLD = 0.01

MOST_EVENTS = 4_000_000
"""Of one picture: what comes after them, from the top left on, is lost."""


@dataclass(frozen=True, slots=True)
class EventSettings:
    """CARLA's attributes of `sensor.camera.dvs`, by their names there."""

    positive_threshold: float = 0.3
    negative_threshold: float = 0.3
    sigma_positive_threshold: float = 0.0
    sigma_negative_threshold: float = 0.0
    refractory_period_ns: int = 0
    use_log: bool = True
    log_eps: float = 0.001


class EventCamera:
    """Turns a sequence of pictures of one size into events."""

    def __init__(self, settings: EventSettings, seed: int = 0) -> None:
        """Start with nothing seen.

        Args:
            settings: thresholds.
            seed: of the thresholds' noise.

        Raises:
            ValueError: a threshold is not positive.
        """
        if min(settings.positive_threshold, settings.negative_threshold) <= 0.0:
            raise ValueError(f"thresholds of an event camera must be positive: {settings}")
        self._settings, self._rng = settings, np.random.default_rng(seed)
        self._before: NDArray[np.float64] | None = None
        self._level = self._last = np.zeros((0, 0))
        self._time_ns = 0

    def look(self, bgra: NDArray[np.uint8], time_s: float) -> NDArray[np.void]:
        """Events since the picture before, in order of time; none from the first picture.

        Args:
            bgra: (H, W, 4).
            time_s: of the world; must grow.
        """
        settings, now_ns = self._settings, int(time_s * 1e9)
        grey = bgra[..., 2] * 0.2989 + bgra[..., 1] * 0.587 + bgra[..., 0] * 0.114
        if settings.use_log:
            grey = np.log(settings.log_eps + grey / 255.0)
        if self._before is None or self._before.shape != grey.shape:
            self._before, self._level = grey, grey.copy()
            self._last = np.full(grey.shape, -1, np.int64)
            self._time_ns = now_ns
            return np.zeros(0, EVENT)
        brighter = grey >= self._before
        threshold = np.where(brighter, settings.positive_threshold, settings.negative_threshold)
        spread = np.where(brighter, settings.sigma_positive_threshold, settings.sigma_negative_threshold)
        if spread.any():
            noisy = threshold + spread * self._rng.standard_normal(grey.shape)
            threshold = np.where(spread > 0.0, np.maximum(noisy, _LEAST_THRESHOLD), threshold)
        most = float((np.abs(grey - self._level) / threshold + 1.0).sum()) + 1.0
        events = np.zeros(int(min(most, MOST_EVENTS)), EVENT)
        count = _cross(
            grey, self._before, self._level, self._last, threshold, self._time_ns, now_ns,
            settings.refractory_period_ns, events,
        )  # fmt: skip
        self._before, self._time_ns = grey, now_ns
        return events[:count][np.argsort(events["t"][:count], kind="stable")]


@numba.njit(**OPTIONS)
def _cross(now, before, level, last, threshold, t0, t1, rest_ns, events):  # type: ignore[no-untyped-def]
    """Write the events of all pixels; `level` is the brightness of each pixel's latest crossing."""
    count = 0
    for y in range(now.shape[0]):
        for x in range(now.shape[1]):
            a, b = before[y, x], now[y, x]
            if abs(b - a) <= _STILL:
                continue
            step = threshold[y, x] if b >= a else -threshold[y, x]
            at = level[y, x] + step
            while (step > 0.0 and a < at <= b) or (step < 0.0 and b <= at < a):
                t = t0 + np.int64((at - a) / (b - a) * (t1 - t0))
                if count < len(events) and (last[y, x] < 0 or t - last[y, x] >= rest_ns):
                    events[count].x, events[count].y = x, y
                    events[count].t, events[count].pol = t, step > 0.0
                    last[y, x] = t
                    count += 1
                level[y, x] = at
                at += step
    return count
