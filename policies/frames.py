"""The only crossing between CARLA's frame and the policy's frame (ISO 8855).

CARLA: left-handed, x forward, y right, z up, degrees, rotations as (pitch, yaw, roll), vehicle origin at the
actor's origin. Policy: right-handed, x forward, y left, z up, radians, rotations as (roll, pitch, yaw),
vehicle origin at the rear axle's centre projected on the ground. The map frame is CARLA's world, y negated.

Floats and arrays go in and come out; `carla` objects never do. Every function on arrays takes (..., 3) and
keeps the leading axes. Names follow `<thing>_in_<frame>`: `world` and `actor` are CARLA's frames, `map` and
`ego` are ISO 8855.

Three different sign rules, from one mirror F = diag(1, -1, 1):
  points and vectors   F v          (x, -y, z)
  Euler angles         (roll, -pitch, -yaw): CARLA's pitch is nose-up, its yaw clockwise, roll as ours
  angular velocity     det(F) F w   (-x, y, -z): a pseudo-vector, because w x r must mirror like a vector
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from policies.plan import Control
from policies.sensor_bundle import EgoState, Float

_MIRROR = np.array([1.0, -1.0, 1.0])
_PSEUDO_MIRROR = np.array([-1.0, 1.0, -1.0])


def wrap_angle_rad(angle_rad: float) -> float:
    """Return the same angle in [-pi, pi)."""
    return (angle_rad + math.pi) % (2.0 * math.pi) - math.pi


def wrap_angles_rad(angle_rad: Float) -> Float:
    """Return the same angles, any shape, in [-pi, pi)."""
    return np.asarray((angle_rad + math.pi) % (2.0 * math.pi) - math.pi)


def mirror_vectors(vectors: ArrayLike) -> Float:
    """Mirror points, velocities or accelerations between CARLA's axes and ISO 8855: (x, -y, z).

    Args:
        vectors: (..., 3), metres or any unit, in either frame.

    Returns:
        (..., 3) in the other frame. Applying it twice gives the input back.
    """
    return np.asarray(np.asarray(vectors, dtype=np.float64) * _MIRROR)


def mirror_angular_velocity(angular_velocity: ArrayLike) -> Float:
    """Mirror an angular velocity between CARLA's axes and ISO 8855: (-x, y, -z).

    Args:
        angular_velocity: (..., 3) in any unit. CARLA reports the physics engine's vector, for which the
            velocity of a point is the component-wise cross product w x r, also in its left-handed axes.

    Returns:
        (..., 3) in the other frame and the same unit. Applying it twice gives the input back.
    """
    return np.asarray(np.asarray(angular_velocity, dtype=np.float64) * _PSEUDO_MIRROR)


def yaw_to_map_rad(yaw_deg: ArrayLike) -> Float:
    """Return headings of the map frame (radians, counter-clockwise) for CARLA's yaw (degrees, clockwise)."""
    return np.asarray(-np.deg2rad(np.asarray(yaw_deg, dtype=np.float64)))


def yaw_to_world_deg(yaw_rad: ArrayLike) -> Float:
    """Return CARLA's yaw (degrees, clockwise) for headings of the map frame (radians, counter-clockwise)."""
    return np.asarray(-np.rad2deg(np.asarray(yaw_rad, dtype=np.float64)))


def rotation_to_roll_pitch_yaw(rotation_deg: ArrayLike) -> Float:
    """Return ISO 8855 angles for a CARLA rotation.

    Args:
        rotation_deg: (..., 3) pitch, yaw, roll in degrees, the order on CARLA's wire.

    Returns:
        (..., 3) roll, pitch, yaw in radians.
    """
    rotation_rad = np.deg2rad(np.asarray(rotation_deg, dtype=np.float64))
    return np.stack([rotation_rad[..., 2], -rotation_rad[..., 0], -rotation_rad[..., 1]], axis=-1)


def roll_pitch_yaw_to_rotation(roll_pitch_yaw_rad: ArrayLike) -> Float:
    """Return the CARLA rotation for ISO 8855 angles; the inverse of `rotation_to_roll_pitch_yaw`."""
    angles_deg = np.rad2deg(np.asarray(roll_pitch_yaw_rad, dtype=np.float64))
    return np.stack([-angles_deg[..., 1], -angles_deg[..., 2], angles_deg[..., 0]], axis=-1)


def rotation_matrix(roll_rad: float, pitch_rad: float, yaw_rad: float) -> Float:
    """Return the (3, 3) matrix Rz(yaw) Ry(pitch) Rx(roll) of ISO 8855 angles: local axes to parent axes."""
    cr, sr = math.cos(roll_rad), math.sin(roll_rad)
    cp, sp = math.cos(pitch_rad), math.sin(pitch_rad)
    cy, sy = math.cos(yaw_rad), math.sin(yaw_rad)
    return np.array(
        [
            [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
            [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
            [-sp, cp * sr, cp * cr],
        ]
    )


@dataclass(frozen=True, slots=True)
class EgoPose:
    """Where the ego frame (rear axle on the ground) is in the map frame.

    Attributes:
        position_in_map: (3,) m.
        rotation_ego_to_map: (3, 3) matrix.
        yaw_in_map_rad: heading in [-pi, pi), counter-clockwise from the map's x axis.
    """

    position_in_map: Float
    rotation_ego_to_map: Float
    yaw_in_map_rad: float

    @classmethod
    def from_actor(
        cls,
        location_in_world: ArrayLike,
        rotation_deg: Sequence[float],
        rear_axle_in_actor: ArrayLike = (0.0, 0.0, 0.0),
    ) -> EgoPose:
        """Build the ego pose from a CARLA actor transform.

        Args:
            location_in_world: (3,) m, the actor's origin.
            rotation_deg: pitch, yaw, roll.
            rear_axle_in_actor: (3,) m, the rear axle's ground point in the actor's axes (y to the right).
        """
        roll_rad, pitch_rad, yaw_rad = (float(angle) for angle in rotation_to_roll_pitch_yaw(rotation_deg))
        matrix = rotation_matrix(roll_rad, pitch_rad, yaw_rad)
        position = mirror_vectors(location_in_world) + matrix @ mirror_vectors(rear_axle_in_actor)
        return cls(position, matrix, wrap_angle_rad(yaw_rad))

    def map_to_ego(self, points_in_map: ArrayLike) -> Float:
        """Return (..., 3) points of the map frame in the ego frame."""
        difference = np.asarray(points_in_map, dtype=np.float64) - self.position_in_map
        return np.asarray(difference @ self.rotation_ego_to_map)

    def ego_to_map(self, points_in_ego: ArrayLike) -> Float:
        """Return (..., 3) points of the ego frame in the map frame."""
        points = np.asarray(points_in_ego, dtype=np.float64)
        return np.asarray(points @ self.rotation_ego_to_map.T + self.position_in_map)

    def world_to_ego(self, points_in_world: ArrayLike) -> Float:
        """Return (..., 3) points of CARLA's world in the ego frame."""
        return self.map_to_ego(mirror_vectors(points_in_world))

    def ego_to_world(self, points_in_ego: ArrayLike) -> Float:
        """Return (..., 3) points of the ego frame in CARLA's world."""
        return mirror_vectors(self.ego_to_map(points_in_ego))

    def rotate_world_to_ego(self, vectors_in_world: ArrayLike) -> Float:
        """Turn (..., 3) velocities or accelerations from CARLA's world axes to the ego's axes."""
        return np.asarray(mirror_vectors(vectors_in_world) @ self.rotation_ego_to_map)

    def rotate_ego_to_world(self, vectors_in_ego: ArrayLike) -> Float:
        """Turn (..., 3) velocities or accelerations from the ego's axes to CARLA's world axes."""
        return mirror_vectors(np.asarray(vectors_in_ego, dtype=np.float64) @ self.rotation_ego_to_map.T)

    def angular_velocity_to_ego(self, angular_velocity_degps: ArrayLike) -> Float:
        """Return (3,) rates in rad/s about the ego's axes for CARLA's deg/s about its world axes."""
        rates = np.deg2rad(mirror_angular_velocity(angular_velocity_degps))
        return np.asarray(rates @ self.rotation_ego_to_map)

    def yaw_to_ego_rad(self, yaw_deg: ArrayLike) -> Float:
        """Return headings relative to the ego's, rad in [-pi, pi), for CARLA's world yaw in degrees."""
        return wrap_angles_rad(yaw_to_map_rad(yaw_deg) - self.yaw_in_map_rad)


def _cross(a: Float, b: Float) -> Float:
    """Return a x b of two (3,) vectors; on single vectors `np.cross` takes 30 times as long."""
    ax, ay, az = a.tolist()
    bx, by, bz = b.tolist()
    return np.array([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx])


def shift_velocity(velocity: Float, angular_velocity_radps: Float, offset: Float) -> Float:
    """Return the velocity of another point of a rigid body: v + w x r.

    Args:
        velocity: (3,) m/s of the reference point.
        angular_velocity_radps: (3,) about the same axes.
        offset: (3,) m from the reference point to the other point, along the same axes.
    """
    return np.asarray(velocity + _cross(angular_velocity_radps, offset))


def shift_acceleration(acceleration: Float, angular_velocity_radps: Float, offset: Float) -> Float:
    """Return the acceleration of another point of a rigid body: a + w x (w x r).

    The term of the angular acceleration is left out: CARLA does not report it, and differencing would only
    add noise. Arguments as in `shift_velocity`, the acceleration in m/s².
    """
    centripetal = _cross(angular_velocity_radps, _cross(angular_velocity_radps, offset))
    return np.asarray(acceleration + centripetal)


def ego_state_from_actor(
    *,
    pose: EgoPose,
    velocity_in_world: ArrayLike,
    acceleration_in_world: ArrayLike,
    angular_velocity_degps: ArrayLike,
    carla_steer: float,
    rear_axle_in_actor: ArrayLike,
) -> EgoState:
    """Build the ego's own motion from what CARLA reports about its vehicle.

    Args:
        pose: from `EgoPose.from_actor` with the same rear axle.
        velocity_in_world: (3,) m/s of the actor's origin, world axes.
        acceleration_in_world: (3,) m/s² of the actor's origin, world axes.
        angular_velocity_degps: (3,) deg/s, world axes.
        carla_steer: the steering command in force, positive to the right.
        rear_axle_in_actor: (3,) m, the rear axle's ground point in the actor's axes.
    """
    offset_in_ego = mirror_vectors(rear_axle_in_actor)
    rates = pose.angular_velocity_to_ego(angular_velocity_degps)
    velocity = shift_velocity(pose.rotate_world_to_ego(velocity_in_world), rates, offset_in_ego)
    acceleration = shift_acceleration(pose.rotate_world_to_ego(acceleration_in_world), rates, offset_in_ego)
    return EgoState(
        speed_mps=float(velocity[0]),
        velocity_in_ego=velocity,
        acceleration_in_ego=acceleration,
        yaw_rate_radps=float(rates[2]),
        steer=mirror_steer(carla_steer),
        position_in_map=pose.position_in_map,
        yaw_in_map_rad=pose.yaw_in_map_rad,
    )


def mirror_steer(steer: float) -> float:
    """Return a steering command with the other sign: CARLA's is positive to the right, ours to the left."""
    return -steer if steer else 0.0  # never -0.0, which would show up as a difference between records


def control_to_carla(control: Control) -> tuple[float, float, float, bool]:
    """Return (throttle, steer, brake, reverse) as `carla.VehicleControl` wants them."""
    return control.throttle, mirror_steer(control.steer), control.brake, control.reverse
