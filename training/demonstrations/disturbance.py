"""Disturbances that push the car off its way, so that demonstrations show the way back.

Pulses in the manner of Codevilla et al. 2018 (triangles on the steering), and the same on the pedals so that
the speed is not always the expert's. The label of every moment is the expert's own plan, never the pulse.

Now and then the car is stopped for no reason. Without that, who learns from demonstrations sees a car stand
at red lights only, and learns that who stands stays (the "inertia problem", Codevilla et al. 2019).

The expert steers against a pulse. With its feedback -e / l², a curvature held for long moves the car by
e = curvature l², so a pulse is drawn as an offset and turned into a curvature by the speed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from policies.control.actuators import curvature_to_steer
from policies.control.lateral import PathTracking
from policies.plan import Control

_SLOWEST_MPS = 1.5
_STRONGEST_MPS2 = 4.0
"""Bound of the lateral acceleration of a pulse."""

_TRACKING = PathTracking()


@dataclass(frozen=True, slots=True)
class PulseShape:
    """How pulses are drawn.

    Attributes:
        pause_s, duration_s: bounds between and of pulses.
        amplitude: bounds of the peak, of either sign.
    """

    pause_s: tuple[float, float]
    duration_s: tuple[float, float]
    amplitude: tuple[float, float]


STEERING = PulseShape((2.0, 6.0), (1.2, 3.0), (0.4, 1.4))
"""m of offset."""

PEDALS = PulseShape((4.0, 12.0), (1.0, 3.0), (0.2, 0.5))


HALT_PAUSE_S = (12.0, 36.0)
HALT_S = (3.0, 5.0)
HALT_BRAKE = 0.5
"""Stops from 30 km/h in about two seconds; the rest of the time the car stands."""


class _Halts:
    """Stretches of time in which the car is stopped."""

    def __init__(self, strength: float, rng: np.random.Generator) -> None:
        self._rng = rng
        self._pause_s = (HALT_PAUSE_S[0] / strength, HALT_PAUSE_S[1] / strength)
        self._begin_s, self._end_s = 0.0, 0.0
        self._draw(0.0)

    def now(self, t_s: float) -> bool:
        """Whether it is stopped now; times must not go back."""
        if t_s >= self._end_s:
            self._draw(t_s)
        return t_s >= self._begin_s

    def _draw(self, t_s: float) -> None:
        self._begin_s = t_s + float(self._rng.uniform(*self._pause_s))
        self._end_s = self._begin_s + float(self._rng.uniform(*HALT_S))


class _Pulses:
    """A train of triangles."""

    def __init__(self, shape: PulseShape, rng: np.random.Generator) -> None:
        self._shape, self._rng = shape, rng
        self._begin_s, self._end_s, self._peak = 0.0, 0.0, 0.0
        self._draw(0.0)

    def at(self, t_s: float) -> float:
        """Value now; times must not go back."""
        if t_s >= self._end_s:
            self._draw(t_s)
        if t_s < self._begin_s:
            return 0.0
        half_s = 0.5 * (self._end_s - self._begin_s)
        return self._peak * (1.0 - abs(t_s - self._begin_s - half_s) / half_s)

    def _draw(self, t_s: float) -> None:
        shape, rng = self._shape, self._rng
        self._begin_s = t_s + float(rng.uniform(*shape.pause_s))
        self._end_s = self._begin_s + float(rng.uniform(*shape.duration_s))
        self._peak = float(rng.uniform(*shape.amplitude)) * (1.0 if rng.random() < 0.5 else -1.0)


class Disturbance:
    """Adds pulses and halts to controls.

    Args:
        strength: 0 for none, 1 for the usual.
        seed: of the episode.
    """

    def __init__(self, strength: float, seed: int) -> None:
        steering, pedals = np.random.default_rng([seed, 1]), np.random.default_rng([seed, 2])
        self._strength = strength
        self._steering = _Pulses(STEERING, steering)
        self._pedals = _Pulses(PEDALS, pedals)
        self._halts = _Halts(strength, np.random.default_rng([seed, 4])) if strength > 0.0 else None

    def disturb(self, control: Control, t_s: float, speed_mps: float) -> Control:
        """Return the control with what the pulses add; they leave a car that brakes or crawls its pedals."""
        if self._halts is None:
            return control
        offset_m, pedal = self._steering.at(t_s), self._pedals.at(t_s)
        steer = control.steer + curvature_to_steer(_curvature(self._strength * offset_m, speed_mps))
        steer = min(max(steer, -1.0), 1.0)
        if self._halts.now(t_s):
            return replace(control, steer=steer, throttle=0.0, brake=max(control.brake, HALT_BRAKE))
        if speed_mps < _SLOWEST_MPS or control.brake > 0.0 or pedal == 0.0:
            return replace(control, steer=steer)
        pedal = control.throttle + self._strength * pedal
        return replace(
            control, steer=steer, throttle=min(max(pedal, 0.0), 1.0), brake=min(max(-pedal, 0.0), 1.0)
        )


def _curvature(offset_m: float, speed_mps: float) -> float:
    """Curvature against which the expert's feedback holds the car at an offset, 1/m."""
    length_m = min(max(_TRACKING.time_constant_s * speed_mps, _TRACKING.shortest_m), _TRACKING.longest_m)
    bound = _STRONGEST_MPS2 / max(speed_mps, _SLOWEST_MPS) ** 2
    return min(max(offset_m / length_m**2, -bound), bound)
