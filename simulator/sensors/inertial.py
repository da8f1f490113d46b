"""`sensor.other.imu`: accelerometer, gyroscope and compass of the parent's motion."""

from __future__ import annotations

import math

import msgpack
import numpy as np
from numpy.typing import NDArray

from simulator.sensors.interface import Mounting, Observation, noise_generator, number_of, rotation_matrix
from simulator.wire.layouts import SensorType

GRAVITY_MPS2 = 9.81
"""CARLA's own constant."""


class InertialSensor:
    """Payload: [acceleration m/s², angular velocity rad/s, compass rad], along the sensor's own axes.

    The accelerometer feels the reaction to gravity, as CARLA's does, and what its place adds when the parent
    turns: a + α×r + ω×(ω×r), r from the parent's centre of mass. The angular acceleration α is the mean since
    the last measurement. The compass is 0 towards the north, which is -y in CARLA's world, and grows
    clockwise.
    """

    type = SensorType.IMU

    def __init__(self, mounting: Mounting) -> None:
        attributes = mounting.attributes

        def vector(prefix: str) -> NDArray[np.float64]:
            return np.array([number_of(attributes, f"{prefix}_{axis}") for axis in "xyz"])

        self._random = noise_generator(attributes)
        self._acceleration_std = np.abs(vector("noise_accel_stddev"))
        self._gyro_std = np.abs(vector("noise_gyro_stddev"))
        self._gyro_bias = vector("noise_gyro_bias")
        self._last: tuple[float, NDArray[np.float64]] | None = None  # time s, turning rad/s

    def measure(self, observation: Observation) -> tuple[bytes, ...]:
        """See `Sensor.measure`."""
        own = observation.own_state
        body = own if observation.parent_state is None else observation.parent_state
        turning = np.radians(body["angular_velocity"].astype(np.float64))
        arm = own["location"].astype(np.float64) - np.array(observation.parent_center)
        moving = body["acceleration"].astype(np.float64)
        moving = moving + np.cross(turning, np.cross(turning, arm))
        moving += np.cross(self._angular_acceleration(observation.now_s, turning), arm)
        world_to_sensor = rotation_matrix(own["rotation"]).T
        acceleration = world_to_sensor @ (moving + np.array([0.0, 0.0, GRAVITY_MPS2]))
        acceleration += self._random.normal(0.0, self._acceleration_std)
        gyro = world_to_sensor @ turning + self._gyro_bias + self._random.normal(0.0, self._gyro_std)
        compass = math.radians(float(own["rotation"][1]) + 90.0) % math.tau
        return (bytes(msgpack.packb([acceleration.tolist(), gyro.tolist(), compass])),)

    def _angular_acceleration(self, now_s: float, turning: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mean since the last measurement, rad/s²; zero at the first."""
        last, self._last = self._last, (now_s, turning)
        if last is None or now_s <= last[0]:
            return np.zeros(3)
        return (turning - last[1]) / (now_s - last[0])
