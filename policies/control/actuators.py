"""(curvature, acceleration) -> CARLA's steer, throttle and brake.

Constants are the fits to CARLA's Lincoln MKZ 2020 that PDM-Lite uses (autonomousvision, leaderboard 2; the
bicycle goes back to World on Rails). Their form: wheel angle = gain * steer, slip = atan(Lr / (Lf + Lr) *
tan(wheel angle)), yaw rate = v / Lr * sin(slip); the throttle polynomial gives the speed in km/h one tick
of 0.05 s later.
"""

from __future__ import annotations

import math

FRONT_M = -0.0908
"""Distance from the fit's reference point to the front axle (negative: the fit is empirical)."""

REAR_M = 1.4178
"""Distance from the fit's reference point to the rear axle."""

STEERING_GAIN_RAD = 0.3685
"""Wheel angle at full steering command."""

FULL_BRAKE_MPS2 = 8.0
"""Deceleration of a full brake at town speeds (7.3 to 9.3 m/s² between 30 and 100 km/h in the fit)."""

_TICK_S = 0.05
_THROTTLE = (0.963873, 4.3754e-4, -0.380193, 1.7495, 0.0916787, -0.0705462, -1.05996e-3, 6.71079e-4)
_IDLE_THROTTLE = 0.3
"""Below it the fitted car does not accelerate."""


def curvature_to_steer(curvature: float) -> float:
    """Return the steering command in [-1, 1] for a curvature in 1/m; both positive to the left.

    Inverts the bicycle of this module: slip = asin(kappa Lr), steer = atan(tan(slip) (Lf + Lr) / Lr) / gain.
    """
    slip = math.asin(min(max(curvature * REAR_M, -0.99), 0.99))
    wheel_angle = math.atan(math.tan(slip) * (FRONT_M + REAR_M) / REAR_M)
    return min(max(wheel_angle / STEERING_GAIN_RAD, -1.0), 1.0)


def steer_to_curvature(steer: float) -> float:
    """Return the curvature in 1/m for a steering command in [-1, 1]; both positive to the left."""
    wheel_angle = STEERING_GAIN_RAD * steer
    slip = math.atan(REAR_M / (FRONT_M + REAR_M) * math.tan(wheel_angle))
    return math.sin(slip) / REAR_M


def throttle_acceleration(speed_mps: float, throttle: float) -> float:
    """Return the fitted acceleration in m/s² for a throttle in [0.3, 1] at a speed."""
    v, t = speed_mps * 3.6, throttle
    features = (v, v * v, t, t * t, v * t, v * t * t, v * v * t, v * v * t * t)
    after = sum(weight * feature for weight, feature in zip(_THROTTLE, features, strict=True))
    return (after - v) / 3.6 / _TICK_S


def acceleration_to_pedals(acceleration_mps2: float, speed_mps: float) -> tuple[float, float]:
    """Return (throttle, brake) for a wanted acceleration at a speed.

    Throttle is found by solving the fitted polynomial, a quadratic in the throttle; what the lowest useful
    throttle overshoots is coasting. Braking is linear in the pedal.
    """
    v = speed_mps * 3.6
    wanted = v + acceleration_mps2 * _TICK_S * 3.6
    w = _THROTTLE
    constant = w[0] * v + w[1] * v * v - wanted
    linear = w[2] + w[4] * v + w[6] * v * v
    square = w[3] + w[5] * v + w[7] * v * v
    discriminant = linear * linear - 4.0 * square * constant
    if discriminant < 0.0:
        throttle = 0.0 if square > 0.0 else 1.0  # wanted lies below or above all that the fit reaches
    elif linear > 0.0:  # both forms are the rising branch; this one also holds where `square` vanishes
        throttle = -2.0 * constant / (linear + math.sqrt(discriminant))
    else:
        throttle = (-linear + math.sqrt(discriminant)) / (2.0 * square)
    if throttle >= _IDLE_THROTTLE:
        return min(throttle, 1.0), 0.0
    if acceleration_mps2 >= 0.0:
        return (_IDLE_THROTTLE if acceleration_mps2 > 0.0 else 0.0), 0.0
    return 0.0, min(-acceleration_mps2 / FULL_BRAKE_MPS2, 1.0)
