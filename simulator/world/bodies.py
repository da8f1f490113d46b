"""The table of moving bodies: one record per vehicle, walker and prop, in float64.

Kernels receive the record array itself. Its layout is part of their compiled signature, so that a change of
this file can never meet a kernel that was compiled for another layout.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from simulator.world.actors import ActorKind, Box, Transform, Vector

CURVE_POINTS = 12
"""Points of a steering curve; shorter curves repeat their last point."""

PULL_POINTS = 20
"""From 0 to 190 km/h, where the reference car's acceleration ends."""

BODY = np.dtype(
    [
        # who
        ("actor_id", "i8"),
        ("kind", "i8"),  # ActorKind
        ("row", "i8"),  # in World.states
        # switches, 0 or 1
        ("simulates", "i8"),  # physics on; else moved only by transforms and target velocities
        ("gravity", "i8"),
        ("collides", "i8"),
        ("attached", "i8"),  # follows its parent
        ("holds_velocity", "i8"),  # constant velocity mode
        ("on_ground", "i8"),
        # pose of the actor's origin: m, rad
        ("x", "f8"),
        ("y", "f8"),
        ("z", "f8"),
        ("pitch", "f8"),
        ("yaw", "f8"),
        ("roll", "f8"),
        # motion of the centre of mass, world axes: m/s, rad/s
        ("vx", "f8"),
        ("vy", "f8"),
        ("vz", "f8"),
        ("yaw_rate", "f8"),
        ("held_x", "f8"),  # constant velocity, actor's axes, m/s
        ("held_y", "f8"),
        ("force_x", "f8"),  # N for the coming tick, world axes
        ("force_y", "f8"),
        ("force_z", "f8"),
        ("torque_z", "f8"),  # N·m
        # at the end of the previous tick, for accelerations and rates
        ("last_vx", "f8"),
        ("last_vy", "f8"),
        ("last_vz", "f8"),
        ("last_pitch", "f8"),
        ("last_roll", "f8"),
        # shape and mass
        ("box_x", "f8"),
        ("box_y", "f8"),
        ("box_z", "f8"),
        ("extent_x", "f8"),
        ("extent_y", "f8"),
        ("extent_z", "f8"),
        ("feet_m", "f8"),  # height of the origin above the ground when standing
        ("mass_kg", "f8"),
        ("inertia", "f8"),  # about the vertical, kg·m²
        ("com_x", "f8"),  # centre of mass ahead of the origin, m
        # ground below, as found at (ground_x, ground_y)
        ("ground_x", "f8"),
        ("ground_y", "f8"),
        ("ground_z", "f8"),
        ("grade_x", "f8"),
        ("grade_y", "f8"),
        ("limit_kmh", "f8"),
        ("road_distance_m", "f8"),
        # vehicle: control as applied, and what the actuators have reached
        ("throttle", "f8"),
        ("steer", "f8"),
        ("brake", "f8"),
        ("hand_brake", "i8"),
        ("reverse", "i8"),
        ("manual", "i8"),
        ("manual_gear", "i8"),
        ("throttle_now", "f8"),
        ("steer_now", "f8"),
        ("brake_now", "f8"),
        ("wheel_tan", "f8"),  # tangent of the single-track model's front wheel angle
        # vehicle: parameters
        ("front_m", "f8"),  # centre of mass to front axle
        ("rear_m", "f8"),  # rear axle to centre of mass
        ("lock_tan", "f8"),  # tangent of the wheel angle at full steer
        ("pull", "f8", (PULL_POINTS,)),  # share of the reference car's driving acceleration, every 10 km/h
        ("brake_scale", "f8"),
        ("hand_brake_mps2", "f8"),
        ("front_stiffness", "f8"),  # cornering stiffness over the axle's load, 1/rad
        ("rear_stiffness", "f8"),
        ("drag_per_m", "f8"),  # deceleration per (m/s)², 1/m
        ("grip", "f8"),  # friction coefficient of the tyres
        ("curve_kmh", "f8", (CURVE_POINTS,)),
        ("curve_factor", "f8", (CURVE_POINTS,)),
        # vehicle: the traffic light that it is at
        ("in_light_id", "i8"),  # whose trigger volume it touches, 0 for none
        ("light_id", "i8"),  # that it must wait at, 0 for none
        ("light_state", "i8"),
        # vehicle: the stop or yield sign whose trigger volume it touches
        ("in_sign_row", "i8"),  # among `SignSignals.signs`, -1 for none
        ("in_sign_s", "f8"),  # for how long
        ("stands_s", "f8"),  # for how long it has stood anywhere
        # walker: control as applied, and what a collision adds
        ("walk_x", "f8"),
        ("walk_y", "f8"),
        ("walk_z", "f8"),
        ("walk_mps", "f8"),
        ("jump", "i8"),
        ("push_x", "f8"),
        ("push_y", "f8"),
        ("down_s", "f8"),  # how long it will still lie where a vehicle has thrown it
    ]
)
"""One body. Angles in radians, CARLA's signs: yaw clockwise from above, pitch up, roll right side down."""

WALKER_MASS_KG = 75.0


def new_body(
    kind: ActorKind, box: Box, transform: Transform, mass_kg: float = WALKER_MASS_KG
) -> NDArray[np.void]:
    """A (1,) BODY at rest with the given box, pose and mass; vehicles still need their parameters."""
    table = np.zeros(1, BODY)
    body = table[0]
    body["kind"] = int(kind)
    body["simulates"] = body["gravity"] = body["collides"] = 1
    body["box_x"], body["box_y"], body["box_z"] = box.center
    body["extent_x"], body["extent_y"], body["extent_z"] = box.extent
    body["feet_m"] = max(0.0, box.extent[2] - box.center[2]) if kind is ActorKind.WALKER else 0.0
    body["mass_kg"] = mass_kg
    body["inertia"] = mass_kg * (box.extent[0] ** 2 + box.extent[1] ** 2) / 3.0
    place_body(body, transform)
    body["ground_x"] = math.inf  # never asked yet
    body["in_sign_row"] = -1
    return table


def place_body(body: np.void, transform: Transform) -> None:
    """Put a body somewhere, without changing its velocity."""
    x, y, z, pitch, yaw, roll = transform
    body["x"], body["y"], body["z"] = x, y, z
    body["pitch"], body["yaw"], body["roll"] = math.radians(pitch), math.radians(yaw), math.radians(roll)
    body["last_pitch"], body["last_roll"] = body["pitch"], body["roll"]
    body["on_ground"] = 0


def pose_of(body: np.void) -> Transform:
    """A body's pose in wire units."""
    return (
        float(body["x"]),
        float(body["y"]),
        float(body["z"]),
        math.degrees(body["pitch"]),
        (math.degrees(body["yaw"]) + 180.0) % 360.0 - 180.0,
        math.degrees(body["roll"]),
    )


def center_of_mass(body: np.void) -> Vector:
    """A body's centre of mass in the world, m."""
    ahead = float(body["com_x"])
    yaw = float(body["yaw"])
    return (
        float(body["x"]) + ahead * math.cos(yaw),
        float(body["y"]) + ahead * math.sin(yaw),
        float(body["z"]),
    )


def velocity_of(body: np.void) -> Vector:
    """A body's velocity in the world, m/s."""
    return (float(body["vx"]), float(body["vy"]), float(body["vz"]))
