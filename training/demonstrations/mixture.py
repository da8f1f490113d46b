"""Who drives: the expert or the policy that it watches over, in turns; the expert when it gets dangerous."""

from __future__ import annotations

import numpy as np

from policies.expert import Decision

_SEGMENT_S = (2.0, 8.0)
_OFF_M, _OFF_RAD, _EMERGENCY_MPS2 = 1.4, 0.5, 5.0
_BACK_M, _BACK_RAD = 0.25, 0.08
_LEAST_RESCUE_S = 2.0
_STUCK_S = 12.0
_STANDSTILL_MPS = 0.2


class Mixture:
    """Draws who drives each stretch.

    The expert takes over when the car is far off its path or about to hit something, and when it has stood
    for long where the expert would go on; it gives back when the car is on its path again.

    Args:
        expert_share: of the stretches; 1 for the expert alone.
        seed: of the episode.
    """

    def __init__(self, expert_share: float, seed: int) -> None:
        self._share = expert_share
        self._rng = np.random.default_rng([seed, 3])
        self._until_s = 0.0
        self._expert = True
        self._rescue_from_s: float | None = None
        self._stuck_from_s: float | None = None

    def expert_drives(self, t_s: float, decision: Decision, speed_mps: float) -> bool:
        """Say who drives the tick; to be asked in every tick.

        Args:
            t_s: since the episode began.
            decision: of the expert in this tick.
            speed_mps: of the car.
        """
        if self._share >= 1.0:
            return True
        if t_s >= self._until_s:
            self._until_s = t_s + float(self._rng.uniform(*_SEGMENT_S))
            self._expert = bool(self._rng.random() < self._share)
        lateral, heading = abs(decision.lateral_error_m), abs(decision.heading_error_rad)
        acceleration_mps2 = decision.acceleration_mps2
        if self._rescue_from_s is None:
            danger = lateral > _OFF_M or heading > _OFF_RAD or acceleration_mps2 < -_EMERGENCY_MPS2
            if danger or self._is_stuck(t_s, acceleration_mps2, speed_mps):
                self._rescue_from_s = t_s
        elif t_s - self._rescue_from_s > _LEAST_RESCUE_S and lateral < _BACK_M and heading < _BACK_RAD:
            self._rescue_from_s = None
        return self._expert or self._rescue_from_s is not None

    def _is_stuck(self, t_s: float, acceleration_mps2: float, speed_mps: float) -> bool:
        if speed_mps > _STANDSTILL_MPS or acceleration_mps2 <= 0.0:
            self._stuck_from_s = None
            return False
        if self._stuck_from_s is None:
            self._stuck_from_s = t_s
        return t_s - self._stuck_from_s > _STUCK_S
