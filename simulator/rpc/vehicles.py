"""Methods about vehicles: control, physics, lamps."""

from __future__ import annotations

from dataclasses import astuple

from simulator.rpc.appearance import checked, vehicle
from simulator.rpc.table import Method, value, void
from simulator.simulation import Simulation
from simulator.wire.arguments import (
    array,
    array_of,
    flag,
    number,
    point,
    signed,
    unsigned,
    vector,
)
from simulator.wire.rpc import Value
from simulator.world.ackermann import AckermannControl, AckermannGains
from simulator.world.physics_control import GearControl, PhysicsControl, WheelControl
from simulator.world.telemetry import telemetry
from simulator.world.vehicles import VehicleControl


def vehicle_control(wire: Value) -> VehicleControl:
    """Throttle, steer, brake, hand brake, reverse, manual gear shift, gear.

    Raises:
        BadArgumentError: wrong types, NaN or infinite.
    """
    throttle, steer, brake, hand_brake, reverse, manual_gear_shift, gear, *_ = array(wire, 7)
    return (
        number(throttle),
        number(steer),
        number(brake),
        flag(hand_brake),
        flag(reverse),
        flag(manual_gear_shift),
        signed(gear),
    )


def apply_control_to_vehicle(simulation: Simulation, actor_id: int, control: VehicleControl) -> None:
    """Controls hold until others come."""
    simulation.world.vehicles.apply_control(actor_id, control)
    simulation.ackermann.leave(actor_id)


# ---- Ackermann control


def ackermann_control(wire: Value) -> AckermannControl:
    """Steer (rad), steer speed, speed (m/s), acceleration, jerk.

    Raises:
        BadArgumentError: wrong types, NaN or infinite.
    """
    return AckermannControl(*(number(field) for field in array(wire, 5)[:5]))


def ackermann_gains(wire: Value) -> AckermannGains:
    """Gains of the speed and of the acceleration controller.

    Raises:
        BadArgumentError: wrong types, NaN or infinite.
    """
    return AckermannGains(*(number(field) for field in array(wire, 6)[:6]))


def apply_ackermann_control(simulation: Simulation, actor_id: int, control: AckermannControl) -> None:
    """Holds until another one, or a plain control, comes."""
    simulation.ackermann.take(actor_id, control)


def get_ackermann_settings(simulation: Simulation, actor_id: int) -> list[float]:
    """Gains of a vehicle's controllers."""
    return list(astuple(simulation.ackermann.gains(actor_id)))


def apply_ackermann_settings(simulation: Simulation, actor_id: int, gains: AckermannGains) -> None:
    """Change them."""
    simulation.ackermann.set_gains(actor_id, gains)


# ---- physics


def physics_control(wire: Value) -> PhysicsControl:
    """A `VehiclePhysicsControl`.

    Raises:
        BadArgumentError: wrong types.
    """
    fields = array(wire, 17)
    return PhysicsControl(
        torque_curve=array_of(point, fields[0]),
        max_rpm=number(fields[1]),
        moi=number(fields[2]),
        damping_full_throttle=number(fields[3]),
        damping_zero_engaged=number(fields[4]),
        damping_zero_disengaged=number(fields[5]),
        use_automatic_gearbox=flag(fields[6]),
        gear_switch_time_s=number(fields[7]),
        clutch_strength=number(fields[8]),
        final_ratio=number(fields[9]),
        forward_gears=array_of(_gear, fields[10]),
        mass_kg=number(fields[11]),
        drag_coefficient=number(fields[12]),
        center_of_mass=vector(fields[13]),
        steering_curve=array_of(point, fields[14]),
        wheels=array_of(_wheel, fields[15]),
        use_sweep_wheel_collision=flag(fields[16]),
    )


def _gear(wire: Value) -> GearControl:
    ratio, down_ratio, up_ratio, *_ = array(wire, 3)
    return GearControl(number(ratio), number(down_ratio), number(up_ratio))


def _wheel(wire: Value) -> WheelControl:
    fields = array(wire, 10)
    return WheelControl(
        tire_friction=number(fields[0]),
        damping_rate=number(fields[1]),
        max_steer_angle_deg=number(fields[2]),
        radius_cm=number(fields[3]),
        max_brake_torque_nm=number(fields[4]),
        max_handbrake_torque_nm=number(fields[5]),
        lat_stiff_max_load=number(fields[6]),
        lat_stiff_value=number(fields[7]),
        long_stiff_value=number(fields[8]),
        position_cm=vector(fields[9]),
    )


def physics_to_wire(physics: PhysicsControl) -> list[object]:
    """The 17 fields of a `VehiclePhysicsControl`."""
    return [
        [list(entry) for entry in physics.torque_curve],
        physics.max_rpm,
        physics.moi,
        physics.damping_full_throttle,
        physics.damping_zero_engaged,
        physics.damping_zero_disengaged,
        physics.use_automatic_gearbox,
        physics.gear_switch_time_s,
        physics.clutch_strength,
        physics.final_ratio,
        [[gear.ratio, gear.down_ratio, gear.up_ratio] for gear in physics.forward_gears],
        physics.mass_kg,
        physics.drag_coefficient,
        list(physics.center_of_mass),
        [list(entry) for entry in physics.steering_curve],
        [_wheel_to_wire(wheel) for wheel in physics.wheels],
        physics.use_sweep_wheel_collision,
    ]


def _wheel_to_wire(wheel: WheelControl) -> list[object]:
    return [
        wheel.tire_friction,
        wheel.damping_rate,
        wheel.max_steer_angle_deg,
        wheel.radius_cm,
        wheel.max_brake_torque_nm,
        wheel.max_handbrake_torque_nm,
        wheel.lat_stiff_max_load,
        wheel.lat_stiff_value,
        wheel.long_stiff_value,
        list(wheel.position_cm),
    ]


def get_physics_control(simulation: Simulation, actor_id: int) -> list[object]:
    """Physical parameters of a vehicle."""
    return physics_to_wire(simulation.world.vehicles.physics(actor_id))


def apply_physics_control(simulation: Simulation, actor_id: int, physics: PhysicsControl) -> None:
    """Change them."""
    simulation.world.vehicles.set_physics(actor_id, physics)


def get_telemetry_data(simulation: Simulation, actor_id: int) -> list[object]:
    """Engine and wheels, derived from the motion of the last tick."""
    told = telemetry(simulation.world, actor_id)
    return [
        told.speed_mps,
        told.steer,
        told.throttle,
        told.brake,
        told.engine_rpm,
        told.gear,
        told.drag,
        [list(astuple(wheel)) for wheel in told.wheels],
    ]


# ---- lamps


def lamp_flags(wire: Value) -> int:
    """A `VehicleLightState`.

    Raises:
        BadArgumentError: wrong types.
    """
    return unsigned(array(wire, 1)[0])


def get_vehicle_light_state(simulation: Simulation, actor_id: int) -> list[int]:
    """Lamps that are on."""
    return [simulation.world.vehicles.lamps(actor_id)]


def set_vehicle_light_state(simulation: Simulation, actor_id: int, flags: int) -> None:
    """Switch lamps."""
    simulation.world.vehicles.set_lamps(actor_id, flags)


def get_vehicle_light_states(simulation: Simulation) -> list[list[int]]:
    """Lamps of every vehicle."""
    return [[actor_id, flags] for actor_id, flags in simulation.world.vehicles.all_lamps()]


METHODS: tuple[Method, ...] = (
    void("apply_control_to_vehicle", apply_control_to_vehicle, unsigned, vehicle_control),
    value("get_physics_control", get_physics_control, unsigned),
    void("apply_physics_control", apply_physics_control, unsigned, physics_control),
    value(
        "get_telemetry_data",
        get_telemetry_data,
        unsigned,
        note="derived from the motion: wheels do not slip lengthwise, loads do not wander",
    ),
    value("get_vehicle_light_state", get_vehicle_light_state, unsigned),
    void("set_vehicle_light_state", set_vehicle_light_state, unsigned, lamp_flags),
    value("get_vehicle_light_states", get_vehicle_light_states),
    checked(
        "set_actor_autopilot", vehicle, "the client's traffic manager drives; the server has nothing to do"
    ),
    void("apply_ackermann_control_to_vehicle", apply_ackermann_control, unsigned, ackermann_control),
    value("get_ackermann_controller_settings", get_ackermann_settings, unsigned),
    void("apply_ackermann_controller_settings", apply_ackermann_settings, unsigned, ackermann_gains),
)
