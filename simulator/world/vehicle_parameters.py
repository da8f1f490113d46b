"""From a blueprint's mechanics and a client's PhysicsControl to the numbers that the vehicle model uses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from simulator.world.actors import Transform, Vector
from simulator.world.blueprints import VehicleSpec
from simulator.world.bodies import CURVE_POINTS, PULL_POINTS
from simulator.world.engine import wheel_forces_n
from simulator.world.physics_control import GearControl, PhysicsControl, Point, WheelControl
from simulator.world.vehicle_dynamics import (
    FRONT_STIFFNESS,
    FULL_BRAKE_MPS2,
    HAND_BRAKE_MPS2,
    REAR_STIFFNESS,
    REFERENCE_DRAG_PER_M,
)

_STRUGGLE = 0.2
"""Share of the highest speed over which the push fades to nothing."""

_LOCK_RATIO = 39.6 / 70.0
"""Wheel angle at full steer over the blueprint's steering lock. CARLA gives its cars 70 degrees, but the
curvature that the Lincoln MKZ reaches (0.269 1/m at full steer) belongs to 39.6 degrees of its single-track
model."""

_LOCK_WHEELBASE_M = 2.84
"""The Lincoln's. Longer vehicles turn their wheels farther and reach the same curvature, our choice: CARLA
gives buses and trucks 70 degrees too, and its traffic manager steers them round corners of 5 m radius like
cars. With the Lincoln's angle they ran wide there and stood in front of the oncoming traffic."""

_STEERING_CURVE: tuple[Point, ...] = ((0.0, 1.0), (20.0, 0.9), (60.0, 0.8), (120.0, 0.7))
_FACTOR_MAX = 1.5  # of the default curve's; keeps the wheels short of a right angle
_TIRE_FRICTION = 3.5
_GRIP = 2.2  # friction 3.5 lets CARLA's cars corner far above 1 g, and its traffic manager counts on it
_LATERAL_STIFFNESS = 17.0
_STIFFNESS_SHARES = (0.02, 10.0)  # of the default's that tyres may have
_DRAG_COEFFICIENT = 0.3
_TORQUE_CURVE: tuple[Point, ...] = ((0.0, 400.0), (1890.0, 500.0), (5729.0, 400.0))
_GEARS = (3.5, 2.1, 1.4, 1.0, 0.8, 0.6)
_SHIFTS = (0.5, 0.65)  # down and up, of the highest engine speed
_FINAL_RATIO = 4.0
_BODY_LENGTH_SHARE = 0.85  # of the box, when estimating the moment of inertia


def default_physics(spec: VehicleSpec, pose: Transform) -> PhysicsControl:
    """What a client reads from a vehicle that nobody has changed.

    Args:
        spec: mechanics of the blueprint.
        pose: of the vehicle, because CARLA gives wheel positions in the world.
    """
    brake_torque = FULL_BRAKE_MPS2 * spec.mass_kg * spec.wheel_radius_m / 4.0 * spec.power.brake
    wheels = tuple(
        WheelControl(
            tire_friction=_TIRE_FRICTION,
            damping_rate=0.25,
            max_steer_angle_deg=spec.max_steer_deg if front else 0.0,
            radius_cm=100.0 * spec.wheel_radius_m,
            max_brake_torque_nm=brake_torque,
            max_handbrake_torque_nm=0.0 if front else 2.0 * brake_torque,
            lat_stiff_max_load=2.0,
            lat_stiff_value=_LATERAL_STIFFNESS,
            long_stiff_value=1000.0,
            position_cm=_wheel_position_cm(spec, pose, front, side),
        )
        for front in (True, False)
        for side in (-1.0, 1.0)
    )
    return PhysicsControl(
        torque_curve=_TORQUE_CURVE,
        max_rpm=_TORQUE_CURVE[-1][0],
        moi=1.0,
        damping_full_throttle=0.15,
        damping_zero_engaged=2.0,
        damping_zero_disengaged=0.35,
        use_automatic_gearbox=True,
        gear_switch_time_s=0.5,
        clutch_strength=10.0,
        final_ratio=_FINAL_RATIO,
        forward_gears=tuple(GearControl(ratio, *_SHIFTS) for ratio in _GEARS),
        mass_kg=spec.mass_kg,
        drag_coefficient=_DRAG_COEFFICIENT,
        center_of_mass=(0.0, 0.0, 0.0),
        steering_curve=_STEERING_CURVE,
        wheels=wheels,
        use_sweep_wheel_collision=False,
    )


def at_pose(physics: PhysicsControl, spec: VehicleSpec, pose: Transform) -> PhysicsControl:
    """The same parameters with the wheels where they are now."""
    places = [(front, side) for front in (True, False) for side in (-1.0, 1.0)]
    wheels = tuple(
        replace(wheel, position_cm=_wheel_position_cm(spec, pose, front, side))
        for wheel, (front, side) in zip(physics.wheels, places, strict=True)
    )
    return replace(physics, wheels=wheels)


def _wheel_position_cm(spec: VehicleSpec, pose: Transform, front: bool, side: float) -> Vector:
    x, y, z, _, yaw_deg, _ = pose
    c, s = math.cos(math.radians(yaw_deg)), math.sin(math.radians(yaw_deg))
    ahead = spec.front_axle_x_m if front else spec.rear_axle_x_m
    right = side * spec.track_m / 2.0
    return (
        100.0 * (x + c * ahead - s * right),
        100.0 * (y + s * ahead + c * right),
        100.0 * (z + spec.wheel_radius_m),
    )


def set_parameters(body: np.void, spec: VehicleSpec, physics: PhysicsControl) -> None:
    """Write the model's parameters into a BODY.

    What counts: mass, drag, tyre friction, lateral stiffness, brakes, hand brake, steering lock, steering
    curve, centre of mass, and the push that torque curve, highest engine speed, gear ratios and final ratio
    give, in the gear that a driver holds, if one does. The remaining tyre and clutch numbers are kept for the
    client, but change nothing.
    """
    mass = max(physics.mass_kg, 1.0)
    length, width = 2.0 * spec.extent[0] * _BODY_LENGTH_SHARE, 2.0 * spec.extent[1]
    body["mass_kg"] = mass
    body["inertia"] = mass * (length * length + width * width) / 12.0
    body["com_x"] = min(max(physics.center_of_mass[0], 0.9 * spec.rear_axle_x_m), 0.9 * spec.front_axle_x_m)
    body["front_m"] = spec.front_axle_x_m - body["com_x"]
    body["rear_m"] = body["com_x"] - spec.rear_axle_x_m
    steered = [wheel for wheel in physics.wheels if wheel.max_steer_angle_deg > 0.0]
    lock_deg = max((wheel.max_steer_angle_deg for wheel in steered), default=0.0)
    longer = max(spec.wheelbase_m / _LOCK_WHEELBASE_M, 1.0)
    body["lock_tan"] = longer * math.tan(math.radians(min(_LOCK_RATIO * lock_deg, 80.0)))
    set_gear(body, spec, physics, int(body["manual_gear"]) if body["manual"] else 0)
    drag = physics.drag_coefficient / _DRAG_COEFFICIENT
    body["drag_per_m"] = REFERENCE_DRAG_PER_M * drag * spec.mass_kg / mass
    friction = [wheel.tire_friction for wheel in physics.wheels]
    body["grip"] = _GRIP * max(sum(friction) / len(friction), 0.01) / _TIRE_FRICTION if friction else _GRIP
    full_torque = FULL_BRAKE_MPS2 * mass * spec.wheel_radius_m
    body["brake_scale"] = sum(wheel.max_brake_torque_nm for wheel in physics.wheels) / full_torque
    body["hand_brake_mps2"] = (
        HAND_BRAKE_MPS2 * sum(wheel.max_handbrake_torque_nm for wheel in physics.wheels) / full_torque
    )
    body["front_stiffness"] = FRONT_STIFFNESS * _stiffness_share(physics.wheels[:2])
    body["rear_stiffness"] = REAR_STIFFNESS * _stiffness_share(physics.wheels[2:])
    _set_curve(body, physics.steering_curve)


def _stiffness_share(wheels: Sequence[WheelControl]) -> float:
    """Lateral stiffness of an axle relative to default tyres."""
    if not wheels:
        return 1.0
    share = sum(wheel.lat_stiff_value for wheel in wheels) / len(wheels) / _LATERAL_STIFFNESS
    return min(max(share, _STIFFNESS_SHARES[0]), _STIFFNESS_SHARES[1])


def set_gear(body: np.void, spec: VehicleSpec, physics: PhysicsControl, gear: int) -> None:
    """Let a BODY pull as its engine does in one gear.

    Args:
        body: of the vehicle, its mass already set.
        spec: its mechanics.
        physics: its engine and gears.
        gear: from 1 for a gear that the driver holds; 0 for the automatic gearbox. Reverse and neutral are
            the model's own affair.
    """
    body["pull"] = _pull(spec, physics, float(body["mass_kg"]), max(gear, 0))


def _pull(spec: VehicleSpec, physics: PhysicsControl, mass_kg: float, gear: int) -> NDArray[np.float64]:
    """Driving acceleration relative to the reference car: (PULL_POINTS,), every 10 km/h.

    The reference table was fitted to a car with the default engine and gears, so that only the ratio to those
    counts; where even those do not reach, neither does anything else.
    """
    speeds_mps = np.linspace(0.0, 10.0 * (PULL_POINTS - 1), PULL_POINTS, dtype=np.float64) / 3.6
    radius = spec.wheel_radius_m
    default = wheel_forces_n(_with_default_engine(physics), radius, speeds_mps)
    given = wheel_forces_n(physics, radius, speeds_mps, gear)
    share = np.divide(given, default, out=np.zeros(PULL_POINTS), where=default > 0.0)
    if math.isfinite(spec.power.top_kmh):
        left = 1.0 - 3.6 * speeds_mps / spec.power.top_kmh
        share = share * np.clip(left / _STRUGGLE, 0.0, 1.0)
    return spec.power.drive * spec.mass_kg / mass_kg * share


def _with_default_engine(physics: PhysicsControl) -> PhysicsControl:
    return replace(
        physics,
        torque_curve=_TORQUE_CURVE,
        max_rpm=_TORQUE_CURVE[-1][0],
        final_ratio=_FINAL_RATIO,
        forward_gears=tuple(GearControl(ratio, *_SHIFTS) for ratio in _GEARS),
    )


def _set_curve(body: np.void, curve: tuple[Point, ...]) -> None:
    """Write a steering curve as a share of the default one.

    The fit behind the steering gain was made with the default curve at work, at all speeds: to apply that
    curve once more would steer a fast car too little.
    """
    points = sorted(curve) or [(0.0, 1.0)]
    own_kmh, own = zip(*points, strict=True)
    default_kmh, default = zip(*_STEERING_CURVE, strict=True)
    kmh = sorted({*own_kmh[:CURVE_POINTS], *default_kmh[: CURVE_POINTS - len(points)]})[:CURVE_POINTS]
    kmh += [kmh[-1] + 1.0 + k for k in range(CURVE_POINTS - len(kmh))]
    share = np.interp(kmh, own_kmh, own) / np.interp(kmh, default_kmh, default)
    body["curve_kmh"] = kmh
    body["curve_factor"] = np.clip(share, 0.0, _FACTOR_MAX)


def wheel_steer_deg(body: np.void, spec: VehicleSpec, wheel: int) -> float:
    """Angle of one wheel by Ackermann's geometry, positive to the right.

    Args:
        body: the vehicle.
        spec: its mechanics.
        wheel: 0 front left, 1 front right, 2 rear left, 3 rear right.
    """
    tangent = float(body["wheel_tan"])
    if wheel >= 2 or abs(tangent) < 1e-9:
        return 0.0
    radius = spec.wheelbase_m / tangent
    side = -1.0 if wheel == 0 else 1.0
    return math.degrees(math.atan(spec.wheelbase_m / (radius - side * spec.track_m / 2.0)))
