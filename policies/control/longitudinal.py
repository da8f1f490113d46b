"""Speed controllers: target speed -> throttle and brake."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from policies.control.pid import PidGains, WindowedPid


@dataclass(frozen=True, slots=True)
class Pedals:
    """Throttle and brake, each in [0, 1]."""

    throttle: float
    brake: float


class SpeedController(Protocol):
    """Turns a target speed into pedals, once per tick."""

    def reset(self) -> None:
        """Forget the past."""
        ...

    def step(self, target_speed_mps: float, speed_mps: float) -> Pedals:
        """Answer one tick; `speed_mps` is the measured speed."""
        ...


@dataclass(frozen=True, slots=True)
class SpeedPidSettings:
    """Settings of a `SpeedPid`.

    Attributes:
        gains: of the PID on the speed error, m/s.
        error_limit_mps: the error is clipped to [0, this].
        throttle_limit: upper end of the throttle.
        brake_below_mps: brake when the target speed is lower.
        brake_ratio: brake when measured / target speed is higher.
    """

    gains: PidGains
    error_limit_mps: float
    throttle_limit: float
    brake_below_mps: float = 0.4
    brake_ratio: float = 1.1


class SpeedPid:
    """PID throttle with an on-off brake, the recipe of TransFuser and its descendants.

    While it brakes, the integrator is not fed: an error collected at a red light would be a jerk on green.
    """

    def __init__(self, settings: SpeedPidSettings) -> None:
        self._settings = settings
        self._pid = WindowedPid(settings.gains)

    def reset(self) -> None:
        """Forget the past."""
        self._pid.reset()

    def must_brake(self, target_speed_mps: float, speed_mps: float) -> bool:
        """Whether the brake rule holds."""
        settings = self._settings
        if target_speed_mps < settings.brake_below_mps:
            return True
        return speed_mps / target_speed_mps > settings.brake_ratio

    def step(self, target_speed_mps: float, speed_mps: float) -> Pedals:
        """Answer one tick."""
        if self.must_brake(target_speed_mps, speed_mps):
            return Pedals(0.0, 1.0)
        error = min(max(target_speed_mps - speed_mps, 0.0), self._settings.error_limit_mps)
        throttle = min(max(self._pid.step(error), 0.0), self._settings.throttle_limit)
        return Pedals(throttle, 0.0)


@dataclass(frozen=True, slots=True)
class SpeedRegressionSettings:
    """Settings of a `SpeedRegression`.

    Attributes:
        weights: of [v, v², 100 e, e², v e, v² e], with v = speed and e = error in units of 100 km/h.
        brake_ratio: brake when measured / target speed is higher.
        full_throttle_error_kmh: full throttle from this error on.
        minimum_target_mps: a lower target means standing still.
    """

    weights: tuple[float, float, float, float, float, float]
    brake_ratio: float
    full_throttle_error_kmh: float
    minimum_target_mps: float


class SpeedRegression:
    """Throttle by a linear regression on speed and error, as PDM-Lite (autonomousvision) does it."""

    def __init__(self, settings: SpeedRegressionSettings) -> None:
        self._settings = settings

    def reset(self) -> None:
        """Do nothing: this controller has no memory."""

    def step(self, target_speed_mps: float, speed_mps: float) -> Pedals:
        """Answer one tick."""
        settings = self._settings
        if target_speed_mps < settings.minimum_target_mps:
            return Pedals(0.0, 1.0)
        if speed_mps / target_speed_mps > settings.brake_ratio:
            return Pedals(0.0, 1.0)
        error_kmh = (target_speed_mps - speed_mps) * 3.6
        if error_kmh > settings.full_throttle_error_kmh:
            return Pedals(1.0, 0.0)
        v, e = speed_mps * 3.6 / 100.0, error_kmh / 100.0
        features = (v, v * v, 100.0 * e, e * e, v * e, v * v * e)
        throttle = sum(weight * feature for weight, feature in zip(settings.weights, features, strict=True))
        return Pedals(min(max(throttle, 0.0), 1.0), 0.0)
