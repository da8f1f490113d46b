"""What a vehicle's engine and wheels do, derived from its motion.

Wheels of the vehicle model roll without longitudinal slip, and loads do not wander: what follows from motion,
mass and geometry is told, nothing else is invented.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from simulator.wire.layouts import VEHICLE_UNION
from simulator.world.errors import WrongActorKindError
from simulator.world.vehicle_dynamics import GRAVITY
from simulator.world.world import World


@dataclass(frozen=True, slots=True)
class WheelTelemetry:
    """One wheel; wire order.

    Attributes:
        tire_friction: as set.
        lat_slip_rad: angle between where it points and where it goes.
        long_slip: 0, wheels roll.
        omega_radps: of the wheel.
        load_n: at rest on level ground.
        normalized_load: 1.
        torque_nm: that its longitudinal force asks for.
        long_force_n, lat_force_n: its share of what accelerates the vehicle, by load.
        normalized_long_force, normalized_lat_force: the same over the load.
    """

    tire_friction: float
    lat_slip_rad: float
    long_slip: float
    omega_radps: float
    load_n: float
    normalized_load: float
    torque_nm: float
    long_force_n: float
    lat_force_n: float
    normalized_long_force: float
    normalized_lat_force: float


@dataclass(frozen=True, slots=True)
class Telemetry:
    """A vehicle; wire order.

    Attributes:
        speed_mps: over the ground, along the vehicle; negative backward.
        steer, throttle, brake: control in force.
        engine_rpm: of the wheels through gear and differential; 0 in neutral.
        gear: in force.
        drag: coefficient of the body.
        wheels: front left, front right, rear left, rear right.
    """

    speed_mps: float
    steer: float
    throttle: float
    brake: float
    engine_rpm: float
    gear: int
    drag: float
    wheels: tuple[WheelTelemetry, ...]


def telemetry(world: World, actor_id: int) -> Telemetry:
    """Of a vehicle, as the last tick left it.

    Raises:
        UnknownActorError, WrongActorKindError: there is no such vehicle.
    """
    physics = world.vehicles.physics(actor_id)
    actor = world.actor(actor_id)
    spec = world.library[actor.blueprint_id].vehicle
    if spec is None:
        raise WrongActorKindError(actor_id, actor.blueprint_id, "vehicle")
    state = world.states[actor.row]
    control = state["u"].view(VEHICLE_UNION)[0]
    yaw = math.radians(world.transform(actor_id)[4])
    along, across = _turned(state["velocity"].tolist(), yaw)
    accel_along, accel_across = _turned(state["acceleration"].tolist(), yaw)
    rate = math.radians(float(state["angular_velocity"][2]))
    wheels = []
    for number, wheel in enumerate(physics.wheels):
        is_front = number < 2
        ahead = spec.front_axle_x_m if is_front else spec.rear_axle_x_m
        right = spec.track_m / 2.0 * (1.0 if number % 2 else -1.0)
        steered = math.radians(world.vehicles.wheel_steer_angle(actor_id, number))
        vx, vy = along - rate * right, across + rate * ahead
        rolling = vx * math.cos(steered) + vy * math.sin(steered)
        sliding = -vx * math.sin(steered) + vy * math.cos(steered)
        share = (-spec.rear_axle_x_m if is_front else spec.front_axle_x_m) / spec.wheelbase_m / 2.0
        radius = wheel.radius_cm / 100.0
        long_force = share * physics.mass_kg * accel_along
        lat_force = share * physics.mass_kg * accel_across
        load = share * physics.mass_kg * GRAVITY
        wheels.append(
            WheelTelemetry(
                tire_friction=wheel.tire_friction,
                lat_slip_rad=math.atan2(sliding, abs(rolling)) if abs(rolling) > 0.1 else 0.0,
                long_slip=0.0,
                omega_radps=rolling / radius if radius > 0.0 else 0.0,
                load_n=load,
                normalized_load=1.0,
                torque_nm=long_force * radius,
                long_force_n=long_force,
                lat_force_n=lat_force,
                normalized_long_force=long_force / load,
                normalized_lat_force=lat_force / load,
            )
        )
    gear = int(control["gear"])
    ratios = [one.ratio for one in physics.forward_gears]
    ratio = 0.0 if gear == 0 or not ratios else ratios[min(abs(gear), len(ratios)) - 1]
    rear = [abs(one.omega_radps) for one in wheels[2:]] or [abs(one.omega_radps) for one in wheels]
    turning = sum(rear) / len(rear) if rear else 0.0
    return Telemetry(
        speed_mps=along,
        steer=float(control["steer"]),
        throttle=float(control["throttle"]),
        brake=float(control["brake"]),
        engine_rpm=min(turning * ratio * physics.final_ratio * 30.0 / math.pi, physics.max_rpm),
        gear=gear,
        drag=physics.drag_coefficient,
        wheels=tuple(wheels),
    )


def _turned(vector: list[float], yaw: float) -> tuple[float, float]:
    """Forward and right part of a vector of the world."""
    x, y, _ = vector
    return x * math.cos(yaw) + y * math.sin(yaw), -x * math.sin(yaw) + y * math.cos(yaw)
