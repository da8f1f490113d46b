"""The PID controller that the published waypoint-following agents share."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PidGains:
    """Gains of a `WindowedPid`.

    Attributes:
        proportional, integral, derivative: factors; the integral acts on the MEAN of the window.
        window_ticks: how many past errors the window holds, >= 1.
    """

    proportional: float
    integral: float
    derivative: float
    window_ticks: int


class WindowedPid:
    """PID whose integral is the mean over a sliding window and whose derivative is the last difference.

    The published agents (TF++, TCP, LAV, InterFuser) compute it this way, per tick and without dividing
    by the time step, so that their gains hold for 20 ticks per second only.
    """

    def __init__(self, gains: PidGains) -> None:
        self._gains = gains
        self._errors: deque[float] = deque(maxlen=gains.window_ticks)

    def reset(self) -> None:
        """Forget all past errors."""
        self._errors.clear()

    def step(self, error: float) -> float:
        """Add one error and return the answer of the controller."""
        self._errors.append(error)
        mean = sum(self._errors) / len(self._errors)
        change = self._errors[-1] - self._errors[-2] if len(self._errors) > 1 else 0.0
        gains = self._gains
        return gains.proportional * error + gains.integral * mean + gains.derivative * change
