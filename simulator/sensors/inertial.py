"""`sensor.other.imu`: accelerometer, gyroscope and compass of the parent's motion."""

from __future__ import annotations

import math

import msgpack
import numpy as np
from numpy.typing import NDArray

from simulator.sensors.interface import Attributes, Mounting, Observation, rotation_matrix
from simulator.wire.layouts import SensorType

GRAVITY_MPS2 = 9.81
"""CARLA's own constant."""


def _vector(attributes: Attributes, prefix: str) -> NDArray[np.float64]:
    return np.array([float(attributes[f"{prefix}_{axis}"]) for axis in "xyz"])


class InertialSensor:
    """Payload: [acceleration m/s², angular velocity rad/s, compass rad], along the sensor's own axes.

    The accelerometer feels the reaction to gravity, as CARLA's does. The compass is 0 towards the north,
    which is -y in CARLA's world, and grows clockwise.
    """

    type = SensorType.IMU

    def __init__(self, mounting: Mounting) -> None:
        self._random = np.random.default_rng(int(mounting.attributes["noise_seed"]))
        self._acceleration_std = _vector(mounting.attributes, "noise_accel_stddev")
        self._gyro_std = _vector(mounting.attributes, "noise_gyro_stddev")
        self._gyro_bias = _vector(mounting.attributes, "noise_gyro_bias")

    def measure(self, observation: Observation) -> tuple[bytes, ...]:
        """See `Sensor.measure`."""
        body = observation.own_state if observation.parent_state is None else observation.parent_state
        world_to_sensor = rotation_matrix(observation.own_state["rotation"]).T
        felt = body["acceleration"].astype(np.float64) + np.array([0.0, 0.0, GRAVITY_MPS2])
        acceleration = world_to_sensor @ felt + self._random.normal(0.0, self._acceleration_std)
        turning = np.radians(body["angular_velocity"].astype(np.float64))
        gyro = world_to_sensor @ turning + self._gyro_bias + self._random.normal(0.0, self._gyro_std)
        compass = math.radians(float(observation.own_state["rotation"][1]) + 90.0) % math.tau
        return (bytes(msgpack.packb([acceleration.tolist(), gyro.tolist(), compass])),)
