"""PedalServo: wanted acceleration -> throttle and brake, with a slow correction of the fitted table."""

from __future__ import annotations

from policies.control.actuators import acceleration_to_pedals

_GAIN = 0.8
"""Per second: how fast the correction follows the error of the acceleration."""

_LIMIT_MPS2 = 1.5
_FILTER = 0.3
_HOLD_SPEED_MPS = 0.3
_HOLD_BRAKE = 0.6


class PedalServo:
    """Feed-forward from the fitted vehicle, plus an integrator for what this vehicle does differently."""

    def __init__(self, dt_s: float) -> None:
        self._dt_s = dt_s
        self._correction = 0.0
        self._measured = 0.0
        self._last_speed: float | None = None
        self._last_wanted = 0.0

    def step(self, acceleration_mps2: float, speed_mps: float) -> tuple[float, float]:
        """Return (throttle, brake)."""
        if self._last_speed is not None:
            raw = (speed_mps - self._last_speed) / self._dt_s
            self._measured += _FILTER * (raw - self._measured)
        self._last_speed = speed_mps
        if speed_mps < _HOLD_SPEED_MPS and acceleration_mps2 <= 0.0:
            self._correction = 0.0
            self._last_wanted = 0.0
            return 0.0, _HOLD_BRAKE
        if speed_mps > 1.0 and abs(self._last_wanted) < 3.0:
            error = self._last_wanted - self._measured
            changed = self._correction + _GAIN * error * self._dt_s
            self._correction = min(max(changed, -_LIMIT_MPS2), _LIMIT_MPS2)
        self._last_wanted = acceleration_mps2
        return acceleration_to_pedals(acceleration_mps2 + self._correction, speed_mps)
