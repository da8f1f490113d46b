"""What an engine and its gearbox can push with, at every speed, from a client's PhysicsControl."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from simulator.world.physics_control import PhysicsControl

_IDLE_RPM = 900.0
"""The clutch slips rather than let the engine turn slower."""


def wheel_forces_n(
    physics: PhysicsControl, wheel_radius_m: float, speeds_mps: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Push of the driven wheels at full throttle, at each speed, in the gear that pushes hardest there.

    0 where every gear would turn the engine faster than its highest speed.
    """
    if not physics.torque_curve or wheel_radius_m <= 0.0:
        return np.zeros_like(speeds_mps)
    curve = sorted(physics.torque_curve)
    curve_rpm = [rpm for rpm, _ in curve]
    curve_nm = [max(torque, 0.0) for _, torque in curve]
    best = np.zeros_like(speeds_mps)
    for gear in physics.forward_gears:
        ratio = gear.ratio * physics.final_ratio
        rpm = speeds_mps / wheel_radius_m * ratio * 60.0 / math.tau
        torque = np.interp(np.maximum(rpm, min(_IDLE_RPM, physics.max_rpm)), curve_rpm, curve_nm)
        best = np.maximum(best, np.where(rpm <= physics.max_rpm, torque * ratio / wheel_radius_m, 0.0))
    return best
