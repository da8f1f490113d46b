"""Plan and Control: all that a policy may answer. ISO 8855 ego frame, see `policies.sensor_bundle`."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from policies.sensor_bundle import Float


class InvalidAnswerError(ValueError):
    """A policy answered with something that is not finite or not in range."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Timed poses that the ego should reach; a controller of `policies.control` tracks them.

    Attributes:
        t_s: (T,) seconds from the bundle's time, strictly increasing, all > 0.
        position_in_ego: (T, 2) metres, rear axle, in the ego frame of the bundle's tick.

    Raises:
        InvalidAnswerError: not finite, wrong shape, or times not increasing.
    """

    t_s: Float
    position_in_ego: Float

    def __post_init__(self) -> None:
        count = len(self.t_s)
        if self.t_s.shape != (count,) or self.position_in_ego.shape != (count, 2) or count < 2:
            raise InvalidAnswerError(
                f"plan needs t_s (T,) and position_in_ego (T, 2) with T >= 2,"
                f" got {self.t_s.shape} and {self.position_in_ego.shape}"
            )
        if not (np.isfinite(self.t_s).all() and np.isfinite(self.position_in_ego).all()):
            raise InvalidAnswerError("plan has values that are not finite")
        if self.t_s[0] <= 0.0 or not (np.diff(self.t_s) > 0.0).all():
            raise InvalidAnswerError("plan times must be positive and strictly increasing")


@dataclass(frozen=True, slots=True)
class Control:
    """Actuator commands for one tick.

    Attributes:
        throttle: [0, 1].
        steer: [-1, 1], positive to the LEFT (CARLA's is positive to the right; `policies.frames` flips it).
        brake: [0, 1].
        reverse: drive backwards.
        forecast: where the policy means to be by this control and those that follow, if it knows. It is
            recorded and drawn in reports, and moves nothing.

    Raises:
        InvalidAnswerError: a value is NaN or out of range. Nothing is clipped: a policy that leaves the
            range has a defect that the report should show.
    """

    throttle: float
    steer: float
    brake: float
    reverse: bool = False
    forecast: Plan | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        for name, low in (("throttle", 0.0), ("steer", -1.0), ("brake", 0.0)):
            value = getattr(self, name)
            if not (math.isfinite(value) and low <= value <= 1.0):
                raise InvalidAnswerError(f"control {name}={value!r} is not a finite number in [{low:g}, 1]")
