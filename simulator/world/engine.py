"""What an engine and its gearbox can push with, at every speed, from a client's PhysicsControl."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from simulator.world.physics_control import PhysicsControl

_IDLE_RPM = 900.0
"""The clutch slips rather than let the engine turn slower."""


def wheel_forces_n(
    physics: PhysicsControl, wheel_radius_m: float, speeds_mps: NDArray[np.float64], gear: int = 0
) -> NDArray[np.float64]:
    """Push of the driven wheels at full throttle, at each speed.

    0 where the engine would turn faster than its highest speed.

    Args:
        physics: engine and gears.
        wheel_radius_m: of the driven wheels.
        speeds_mps: of the vehicle.
        gear: from 1, the last one if there are fewer; 0 for the one that pushes hardest at each speed.
    """
    if not physics.torque_curve or wheel_radius_m <= 0.0:
        return np.zeros_like(speeds_mps)
    curve = sorted(physics.torque_curve)
    curve_rpm = [rpm for rpm, _ in curve]
    curve_nm = [max(torque, 0.0) for _, torque in curve]
    best = np.zeros_like(speeds_mps)
    gears = physics.forward_gears
    chosen = gears[gear - 1 : gear] or gears[-1:] if gear > 0 else gears
    for one in chosen:
        ratio = one.ratio * physics.final_ratio
        rpm = speeds_mps / wheel_radius_m * ratio * 60.0 / math.tau
        torque = np.interp(np.maximum(rpm, min(_IDLE_RPM, physics.max_rpm)), curve_rpm, curve_nm)
        best = np.maximum(best, np.where(rpm <= physics.max_rpm, torque * ratio / wheel_radius_m, 0.0))
    return best
