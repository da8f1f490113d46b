"""From bodies and lights to the rows of the world snapshot, field by field in the wire's own layout."""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

from simulator.world.actors import ActorKind, Transform

_VEHICLE = int(ActorKind.VEHICLE)
_WALKER = int(ActorKind.WALKER)
_SHIFT_UP_KMH = np.array([15.0, 30.0, 50.0, 75.0, 105.0])

ATTACHMENT = np.dtype(
    [
        ("row", "i8"),  # in the states
        ("parent_row", "i8"),
        ("body", "i8"),  # -1 for none
        ("location", "f8", (3,)),  # m, in the parent's frame
        ("rotation", "f8", (3,)),  # deg, in the parent's frame; of an arm, at its end
        ("arm", "i8"),  # 1 when it hangs on a spring arm
        ("arm_m", "f8"),
        ("arm_pitch", "f8"),  # deg, kept level with the world
        ("arm_yaw", "f8"),  # deg, in the parent's frame
        ("arm_lift_m", "f8"),  # of the arm's origin above the parent's
        ("trailing_yaw", "f8"),  # deg, in the world: where the arm points now
    ]
)
"""Something that follows its parent."""

_ARM_SPEED_PER_S = 8.0
_ARM_STEP_S = 1.0 / 60.0
"""How fast CARLA's spring arms turn after their parent, and the longest step in which they do."""


def write_bodies(
    bodies: NDArray[np.void],
    states: NDArray[np.void],
    vehicles: NDArray[np.void],
    walkers: NDArray[np.void],
    dt_s: float,
) -> None:
    """Write every body into its row and remember its motion for the next tick's accelerations.

    Args:
        bodies: (N,) BODY.
        states: (M,) ACTOR_STATE.
        vehicles: (M,) view of the states' unions as VEHICLE_UNION.
        walkers: the same as WALKER_UNION.
        dt_s: length of the tick.
    """
    _write_bodies(bodies, states, vehicles, walkers, float(dt_s))


def write_attached(
    attached: NDArray[np.void], bodies: NDArray[np.void], states: NDArray[np.void], dt_s: float
) -> None:
    """Move everything that is attached, parents before their children.

    Args:
        attached: (K,) ATTACHMENT.
        bodies: (N,) BODY; an attached body is moved along.
        states: (M,) ACTOR_STATE with the parents already written.
        dt_s: length of the tick, for spring arms.
    """
    _write_attached(attached, bodies, states, float(dt_s))


def compose(parent: Transform, relative: Transform) -> Transform:
    """The world transform of something at `relative` in the frame of `parent`."""
    pose = np.zeros(6)
    _compose(np.array(parent[:3]), np.array(parent[3:]), np.array(relative[:3]), np.array(relative[3:]), pose)
    x, y, z, pitch, yaw, roll = (float(value) for value in pose)
    return (x, y, z, pitch, yaw, roll)


@numba.njit(cache=True, fastmath=False)
def _degrees(angle):  # type: ignore[no-untyped-def]
    """Radians to degrees in [-180, 180)."""
    return (math.degrees(angle) + 180.0) % 360.0 - 180.0


@numba.njit(cache=True, fastmath=False)
def _gear(body):  # type: ignore[no-untyped-def]
    if body.reverse == 1:
        return -1
    if body.manual == 1:
        return body.manual_gear
    kmh = 3.6 * math.hypot(body.vx, body.vy)
    gear = 1
    for limit in _SHIFT_UP_KMH:
        if kmh > limit:
            gear += 1
    return gear if kmh > 0.1 or body.throttle > 0.0 else 0


@numba.njit(cache=True, fastmath=False)
def _write_bodies(bodies, states, vehicles, walkers, dt_s):  # type: ignore[no-untyped-def]
    for i in range(bodies.shape[0]):
        body = bodies[i]
        if body.attached == 1:
            continue
        state = states[body.row]
        state.location[0] = body.x
        state.location[1] = body.y
        state.location[2] = body.z
        state.rotation[0] = _degrees(body.pitch)
        state.rotation[1] = _degrees(body.yaw)
        state.rotation[2] = _degrees(body.roll)
        state.velocity[0] = body.vx
        state.velocity[1] = body.vy
        state.velocity[2] = body.vz
        state.acceleration[0] = (body.vx - body.last_vx) / dt_s
        state.acceleration[1] = (body.vy - body.last_vy) / dt_s
        state.acceleration[2] = (body.vz - body.last_vz) / dt_s
        # A rotation about x lifts the right side, one about y drops the nose: both against CARLA's angles.
        about_x = -(body.roll - body.last_roll) / dt_s
        about_y = -(body.pitch - body.last_pitch) / dt_s
        c, s = math.cos(body.yaw), math.sin(body.yaw)
        state.angular_velocity[0] = math.degrees(c * about_x - s * about_y)
        state.angular_velocity[1] = math.degrees(s * about_x + c * about_y)
        state.angular_velocity[2] = math.degrees(body.yaw_rate)
        body.last_vx, body.last_vy, body.last_vz = body.vx, body.vy, body.vz
        body.last_pitch, body.last_roll = body.pitch, body.roll
        body.force_x, body.force_y, body.force_z, body.torque_z = 0.0, 0.0, 0.0, 0.0
        if body.kind == _VEHICLE:
            vehicle = vehicles[body.row]
            vehicle.throttle = body.throttle
            vehicle.steer = body.steer
            vehicle.brake = body.brake
            vehicle.hand_brake = body.hand_brake
            vehicle.reverse = body.reverse
            vehicle.manual_gear_shift = body.manual
            vehicle.gear = _gear(body)
            vehicle.speed_limit = body.limit_kmh
            vehicle.traffic_light_state = body.light_state
            vehicle.has_traffic_light = 1 if body.light_id > 0 else 0
            vehicle.traffic_light_id = body.light_id
        elif body.kind == _WALKER:
            walker = walkers[body.row]
            walker.direction_x = body.walk_x
            walker.direction_y = body.walk_y
            walker.direction_z = body.walk_z
            walker.speed = body.walk_mps
            walker.jump = body.jump


@numba.njit(cache=True, fastmath=False)
def _axes(rotation):  # type: ignore[no-untyped-def]
    """Forward, right and up of a rotation (pitch, yaw, roll in degrees), as Unreal defines them."""
    pitch, yaw, roll = math.radians(rotation[0]), math.radians(rotation[1]), math.radians(rotation[2])
    cp, sp = math.cos(pitch), math.sin(pitch)
    cy, sy = math.cos(yaw), math.sin(yaw)
    cr, sr = math.cos(roll), math.sin(roll)
    forward = (cp * cy, cp * sy, sp)
    right = (cy * sp * sr - sy * cr, sy * sp * sr + cy * cr, -cp * sr)
    up = (-cy * sp * cr - sy * sr, -sy * sp * cr + cy * sr, cp * cr)
    return forward, right, up


@numba.njit(cache=True, fastmath=False)
def _rotate(axes, v):  # type: ignore[no-untyped-def]
    f, r, u = axes
    return (
        f[0] * v[0] + r[0] * v[1] + u[0] * v[2],
        f[1] * v[0] + r[1] * v[1] + u[1] * v[2],
        f[2] * v[0] + r[2] * v[1] + u[2] * v[2],
    )


@numba.njit(cache=True, fastmath=False)
def _compose(location, rotation, relative_location, relative_rotation, pose):  # type: ignore[no-untyped-def]
    axes = _axes(rotation)
    offset = _rotate(axes, relative_location)
    for k in range(3):
        pose[k] = location[k] + offset[k]
    inner = _axes(relative_rotation)
    forward, right, up = _rotate(axes, inner[0]), _rotate(axes, inner[1]), _rotate(axes, inner[2])
    level = math.hypot(forward[0], forward[1])
    pose[3] = math.degrees(math.atan2(forward[2], level))
    if level > 1e-9:
        pose[4] = math.degrees(math.atan2(forward[1], forward[0]))
        pose[5] = math.degrees(math.atan2(-right[2], up[2]))
    else:  # straight up or down: yaw and roll are one angle, given to the yaw
        pose[4] = math.degrees(math.atan2(-right[0], right[1]))
        pose[5] = 0.0


@numba.njit(cache=True, fastmath=False)
def _trail(now, wanted, dt_s):  # type: ignore[no-untyped-def]
    """An arm's yaw after a tick in which the yaw that it wants turned steadily; all in degrees."""
    if dt_s <= 0.0:
        return now
    rate = ((wanted - now + 180.0) % 360.0 - 180.0) / dt_s
    target = now
    left_s = dt_s
    while left_s > 1e-4:
        step_s = min(_ARM_STEP_S, left_s)
        target += rate * step_s
        left_s -= step_s
        now += (target - now) * min(1.0, step_s * _ARM_SPEED_PER_S)
    return (now + 180.0) % 360.0 - 180.0


@numba.njit(cache=True, fastmath=False)
def _swing(link, parent, dt_s, pose):  # type: ignore[no-untyped-def]
    """Pose at the end of a spring arm: it keeps its pitch, has no roll, and its yaw trails the parent's."""
    zero = np.zeros(3)
    arm = np.zeros(3)
    arm[0], arm[1] = link.arm_pitch, link.arm_yaw
    _compose(parent.location, parent.rotation, zero, arm, pose)
    link.trailing_yaw = _trail(link.trailing_yaw, pose[4], dt_s)
    arm[1] = link.trailing_yaw
    forward = _axes(arm)[0]
    end = np.empty(3)
    for k in range(3):
        end[k] = parent.location[k] - link.arm_m * forward[k]
    end[2] += link.arm_lift_m
    _compose(end, arm, zero, link.rotation, pose)


@numba.njit(cache=True, fastmath=False)
def _write_attached(attached, bodies, states, dt_s):  # type: ignore[no-untyped-def]
    pose = np.empty(6)
    for i in range(attached.shape[0]):
        link = attached[i]
        state, parent = states[link.row], states[link.parent_row]
        if link.arm == 1:
            _swing(link, parent, dt_s, pose)
        else:
            _compose(parent.location, parent.rotation, link.location, link.rotation, pose)
        for k in range(3):
            state.location[k] = pose[k]
            state.rotation[k] = pose[3 + k]
            state.velocity[k] = parent.velocity[k]
            state.angular_velocity[k] = parent.angular_velocity[k]
            state.acceleration[k] = parent.acceleration[k]
        if link.body >= 0:
            body = bodies[link.body]
            body.x, body.y, body.z = pose[0], pose[1], pose[2]
            body.pitch, body.yaw = math.radians(pose[3]), math.radians(pose[4])
            body.roll = math.radians(pose[5])
            body.vx, body.vy, body.vz = parent.velocity[0], parent.velocity[1], parent.velocity[2]
