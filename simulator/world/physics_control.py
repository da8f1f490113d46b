"""PhysicsControl: a vehicle's physical parameters as clients read and write them (CARLA's 17 fields)."""

from __future__ import annotations

from dataclasses import dataclass

from simulator.world.actors import Vector

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class GearControl:
    """One forward gear.

    Attributes:
        ratio: gear ratio.
        down_ratio, up_ratio: of the maximum engine speed, where the gearbox shifts.
    """

    ratio: float
    down_ratio: float
    up_ratio: float


@dataclass(frozen=True, slots=True)
class WheelControl:
    """One wheel, in the order front left, front right, rear left, rear right.

    Attributes:
        tire_friction: multiplier of grip; CARLA's cars have 3.5.
        damping_rate: kg·m²/s.
        max_steer_angle_deg: 0 on wheels that do not steer.
        radius_cm: of the wheel.
        max_brake_torque_nm, max_handbrake_torque_nm: 0 on wheels without that brake.
        lat_stiff_value: how hard the tyre pushes across per slip angle; CARLA's cars have 17.
        lat_stiff_max_load, long_stiff_value: PhysX tyre parameters; kept, not used.
        position_cm: wheel centre in the world, cm (CARLA's unit here).
    """

    tire_friction: float
    damping_rate: float
    max_steer_angle_deg: float
    radius_cm: float
    max_brake_torque_nm: float
    max_handbrake_torque_nm: float
    lat_stiff_max_load: float
    lat_stiff_value: float
    long_stiff_value: float
    position_cm: Vector


@dataclass(frozen=True, slots=True)
class PhysicsControl:
    """CARLA's `VehiclePhysicsControl`, field by field in wire order.

    Attributes:
        torque_curve: (engine speed 1/min, torque N·m) points.
        max_rpm: 1/min.
        moi: of the engine, kg·m².
        damping_full_throttle, damping_zero_engaged, damping_zero_disengaged: kg·m²/s.
        use_automatic_gearbox: whether gears shift by themselves.
        gear_switch_time_s: duration of a shift.
        clutch_strength: kg·m²/s.
        final_ratio: of the differential.
        forward_gears: from first gear up.
        mass_kg: of the whole vehicle.
        drag_coefficient: of the body.
        center_of_mass: offset in the actor's frame, m.
        steering_curve: (speed km/h, factor) points.
        wheels: see `WheelControl`.
        use_sweep_wheel_collision: kept, not used.
    """

    torque_curve: tuple[Point, ...]
    max_rpm: float
    moi: float
    damping_full_throttle: float
    damping_zero_engaged: float
    damping_zero_disengaged: float
    use_automatic_gearbox: bool
    gear_switch_time_s: float
    clutch_strength: float
    final_ratio: float
    forward_gears: tuple[GearControl, ...]
    mass_kg: float
    drag_coefficient: float
    center_of_mass: Vector
    steering_curve: tuple[Point, ...]
    wheels: tuple[WheelControl, ...]
    use_sweep_wheel_collision: bool
