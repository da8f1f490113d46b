"""PlanTracker: a policy's Plan -> Control, by the recipe that the published waypoint agents share."""

from __future__ import annotations

import numpy as np

from policies.control.presets import ControllerPreset, preset
from policies.plan import Control, Plan
from policies.sensor_bundle import EgoState

DEFAULT_PRESET = "tfpp"
_SPEED_FROM_S, _SPEED_TO_S = 0.5, 1.0
"""The plan's speed is its travel between these two times (TransFuser: twice the step from 0.5 s to 1 s)."""

_STANDSTILL_MPS = 0.1


class PlanTracker:
    """Tracks plans with one steering and one speed controller.

    Per tick: desired speed from the plan, steering towards an aim point on it, brake rule, throttle.
    While the car stands on its brake, or the plan lies behind its centre, the steering controller is not
    fed and the last command is kept: the angle to such an aim point means nothing and would wind up the
    integrator.
    """

    def __init__(
        self, center_from_rear_axle_m: float, controllers: ControllerPreset | str = DEFAULT_PRESET
    ) -> None:
        """Build the controllers.

        Args:
            center_from_rear_axle_m: of the vehicle; published gains are for the vehicle's centre.
            controllers: a preset, or its name.

        Raises:
            UnknownPresetError: no preset has this name.
        """
        chosen = preset(controllers) if isinstance(controllers, str) else controllers
        self._center_m = center_from_rear_axle_m
        self._speed_limit_mps = chosen.desired_speed_limit_mps
        self._steering = chosen.make_steering()
        self._speed = chosen.make_speed()
        self._last_steer = 0.0

    def reset(self) -> None:
        """Forget the last episode."""
        self._steering.reset()
        self._speed.reset()
        self._last_steer = 0.0

    def step(self, plan: Plan, ego: EgoState) -> Control:
        """Return the control for this tick; `plan` and `ego` are of the same tick."""
        desired_mps = min(desired_speed_mps(plan), self._speed_limit_mps)
        speed_mps = max(ego.speed_mps, 0.0)
        pedals = self._speed.step(desired_mps, speed_mps)
        path = plan.position_in_ego - np.array([self._center_m, 0.0])
        ahead = path[path[:, 0] > 0.0]
        stands = pedals.brake > 0.0 and speed_mps <= _STANDSTILL_MPS
        if len(ahead) and not stands:
            self._last_steer = self._steering.step(ahead, speed_mps, desired_mps)
        return Control(throttle=pedals.throttle, steer=self._last_steer, brake=pedals.brake)


def desired_speed_mps(plan: Plan) -> float:
    """Return the speed that a plan asks for: its travel between 0.5 s and 1 s, in m/s.

    A plan that ends earlier is measured over its last half second or, if shorter still, over its whole
    length. The present position (time 0, the origin) counts as part of the plan.
    """
    t_s = np.concatenate([[0.0], plan.t_s])
    positions = np.vstack([np.zeros((1, 2)), plan.position_in_ego])
    end_s = min(_SPEED_TO_S, float(t_s[-1]))
    start_s = max(end_s - (_SPEED_TO_S - _SPEED_FROM_S), 0.0)
    at = [[np.interp(t, t_s, positions[:, axis]) for axis in (0, 1)] for t in (start_s, end_s)]
    return float(np.hypot(at[1][0] - at[0][0], at[1][1] - at[0][1]) / (end_s - start_s))
