"""The published kinematic fit of CARLA's Lincoln MKZ 2020: the oracle that our own car is held against.

Facts from PDM-Lite (autonomousvision, Leaderboard 2), which goes back to World on Rails. The fit is empirical
and has traps, each of which `docs/calibration.md` shows: throttles below 0.3 are outside it; from about
90 km/h on more throttle gives less acceleration; full brakes below 30 km/h reach more than 2 g; tyres never
slip, so that curves above about 4 m/s² say nothing about a real car.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

STEP_S = 0.05
"""Time step that the polynomials were fitted for."""

FRONT_M = -0.0908
REAR_M = 1.4178
STEERING_GAIN_RAD = 0.3685
THROTTLE_MIN = 0.3
"""Least throttle that the fit covers."""

BRAKE_FROM_KMH = 30.0
"""Least speed at which the brake polynomial is believed."""

_THROTTLE = (0.963873, 4.3754e-4, -0.380193, 1.7495, 0.0916787, -0.0705462, -1.05996e-3, 6.71079e-4)
_BRAKE = (9.3171e-3, 8.20967e-2, -2.83832e-3, 5.06587e-5, -4.90357e-7, 2.44419e-9, -4.91382e-12)


@dataclass(frozen=True)
class Pose:
    """Where the fitted car is: m, rad (positive to the right, as CARLA's yaw), m/s."""

    x: float
    y: float
    yaw: float
    speed_mps: float


def throttle_mps2(kmh: float, throttle: float) -> float:
    """Acceleration that the throttle polynomial gives over one step."""
    v, t = kmh, throttle
    features = (v, v * v, t, t * t, v * t, v * t * t, v * v * t, v * v * t * t)
    after = sum(weight * feature for weight, feature in zip(_THROTTLE, features, strict=True))
    return (after - v) / 3.6 / STEP_S


def full_brake_mps2(kmh: float) -> float:
    """Acceleration (negative) that the brake polynomial gives over one step."""
    after = sum(weight * kmh**power for power, weight in enumerate(_BRAKE, start=1))
    return (after - kmh) / 3.6 / STEP_S


def curvature_per_m(steer: float) -> float:
    """Curvature of the fitted car's path, positive to the right."""
    return math.sin(_slip_rad(steer)) / REAR_M


def _slip_rad(steer: float) -> float:
    return math.atan(REAR_M / (FRONT_M + REAR_M) * math.tan(STEERING_GAIN_RAD * steer))


def step(pose: Pose, throttle: float, steer: float, *, brake: bool) -> Pose:
    """The fitted car one `STEP_S` later; throttle from `THROTTLE_MIN`, steer in ±1, full brakes or none."""
    kmh = 3.6 * pose.speed_mps
    acceleration = full_brake_mps2(kmh) if brake else throttle_mps2(kmh, throttle)
    slip = _slip_rad(steer)
    return Pose(
        x=pose.x + STEP_S * pose.speed_mps * math.cos(pose.yaw + slip),
        y=pose.y + STEP_S * pose.speed_mps * math.sin(pose.yaw + slip),
        yaw=pose.yaw + STEP_S * pose.speed_mps / REAR_M * math.sin(slip),
        speed_mps=max(0.0, pose.speed_mps + STEP_S * acceleration),
    )
