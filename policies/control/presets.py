"""Published controller settings by name, each with its source.

Values are read from the repositories named (see the reference pages of the project); all are for 20 ticks per
second and a reference point at the vehicle's centre.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from policies.control.lateral import (
    SteeringController,
    SteerPid,
    pdm_lite_look_ahead,
    tcp_look_ahead,
    transfuser_look_ahead,
)
from policies.control.longitudinal import (
    SpeedController,
    SpeedPid,
    SpeedPidSettings,
    SpeedRegression,
    SpeedRegressionSettings,
)
from policies.control.pid import PidGains


class UnknownPresetError(LookupError):
    """No controller preset has this name."""


@dataclass(frozen=True, slots=True)
class ControllerPreset:
    """A pair of controllers under one name.

    Attributes:
        name: how to ask for it.
        source: whose it is and where it was read.
        make_steering: builds a fresh steering controller.
        make_speed: builds a fresh speed controller.
        desired_speed_limit_mps: upper bound of the plan's speed.
    """

    name: str
    source: str
    make_steering: Callable[[], SteeringController]
    make_speed: Callable[[], SpeedController]
    desired_speed_limit_mps: float = float("inf")


def _pid_preset(
    name: str,
    source: str,
    turn: PidGains,
    speed: SpeedPidSettings,
    look_ahead: Callable[[float, float], float] = transfuser_look_ahead,
    desired_speed_limit_mps: float = float("inf"),
) -> ControllerPreset:
    return ControllerPreset(
        name, source, lambda: SteerPid(turn, look_ahead), lambda: SpeedPid(speed), desired_speed_limit_mps
    )


def _lav_look_ahead(_speed_mps: float, desired_speed_mps: float) -> float:
    """LAV aims at its fifth waypoint of 0.25 s spacing: 1.25 s of the desired travel, not under 2 m."""
    return max(1.25 * desired_speed_mps, 2.0)


def _interfuser_look_ahead(_speed_mps: float, desired_speed_mps: float) -> float:
    """InterFuser aims at the mean of its first two waypoints: 0.75 s of the desired travel, not under 1 m."""
    return max(0.75 * desired_speed_mps, 1.0)


_PDM_SPEED = SpeedRegressionSettings(
    weights=(1.199, -0.8058, 1.7108, 0.9219, 1.5565, -0.7013),
    brake_ratio=1.0313,
    full_throttle_error_kmh=1.89,
    minimum_target_mps=0.278,
)
_PDM_TURN = PidGains(3.118, 0.641, 1.378, 6)

PRESETS: tuple[ControllerPreset, ...] = (
    _pid_preset(
        "tfpp",
        "TransFuser++, carla_garage team_code/config.py and model.py",
        PidGains(1.25, 0.75, 0.3, 20),
        SpeedPidSettings(PidGains(5.0, 0.5, 1.0, 20), 0.25, 0.75),
    ),
    _pid_preset(
        "tcp",
        "TCP, trajectory branch",
        PidGains(0.75, 0.75, 0.3, 40),
        SpeedPidSettings(PidGains(5.0, 0.5, 1.0, 40), 0.25, 0.75),
        tcp_look_ahead,
    ),
    _pid_preset(
        "lav",
        "Learning from All Vehicles",
        PidGains(1.0, 0.5, 0.2, 40),
        SpeedPidSettings(PidGains(5.0, 0.5, 1.0, 40), 0.25, 0.8, brake_below_mps=0.2),
        _lav_look_ahead,
    ),
    _pid_preset(
        "interfuser",
        "InterFuser",
        PidGains(1.25, 0.75, 0.3, 40),
        SpeedPidSettings(PidGains(5.0, 0.5, 1.0, 40), 0.35, 0.75),
        _interfuser_look_ahead,
        desired_speed_limit_mps=5.0,
    ),
    ControllerPreset(
        "lead",
        "LEAD TFv6, route-based steering (window of the speed PID not published: that of TF++)",
        lambda: SteerPid(_PDM_TURN, pdm_lite_look_ahead),
        lambda: SpeedPid(SpeedPidSettings(PidGains(1.75, 1.0, 2.0, 20), 0.99, 1.0)),
    ),
    ControllerPreset(
        "pdm_lite",
        "PDM-Lite, leaderboard 2 starter of autonomousvision",
        lambda: SteerPid(_PDM_TURN, pdm_lite_look_ahead),
        lambda: SpeedRegression(_PDM_SPEED),
    ),
)


def preset(name: str) -> ControllerPreset:
    """Return the preset of this name.

    Raises:
        UnknownPresetError: there is none; the message lists those there are.
    """
    for candidate in PRESETS:
        if candidate.name == name:
            return candidate
    names = ", ".join(candidate.name for candidate in PRESETS)
    raise UnknownPresetError(f"no controller preset {name!r}; there are: {names}")
