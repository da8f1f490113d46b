"""Sensor mathematics against the client's own."""

from __future__ import annotations

import math

import carla
import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.sensors.inertial import InertialSensor
from simulator.sensors.interface import Mounting, Observation, rotation_matrix
from simulator.sensors.registry import CLIENT_SIDE_SENSORS, SENSORS, UnsupportedSensorError, check_supported
from simulator.wire.layouts import ACTOR_STATE
from simulator.world.actors import Actor, ActorKind, Box
from simulator.world.blueprints import default_library

angle = st.floats(-180.0, 180.0)


@given(st.floats(-89.0, 89.0), angle, angle)
def test_axes_are_those_of_the_client(pitch: float, yaw: float, roll: float) -> None:
    matrix = carla.Transform(carla.Location(), carla.Rotation(pitch, yaw, roll)).get_matrix()
    expected = np.array(matrix)[:3, :3]
    assert rotation_matrix(np.array([pitch, yaw, roll])) == pytest.approx(expected, abs=1e-4)


def mounting(blueprint_id: str, **attributes: str) -> Mounting:
    defaults = {a.id: a.value for a in default_library()[blueprint_id].attributes}
    box = Box((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
    actor = Actor(2, 1, blueprint_id, 1, (), box, b"\0", ActorKind.SENSOR)
    return Mounting(actor, defaults | attributes, lambda x, y, z: (x, y, z))


def measure(sensor: InertialSensor, yaw_deg: float) -> list[object]:
    states = np.zeros(2, ACTOR_STATE)
    states["rotation"][:, 1] = yaw_deg
    states["acceleration"][0] = (2.0, 0.0, 0.0)
    states["angular_velocity"][0] = (0.0, 0.0, 90.0)
    (payload,) = sensor.measure(Observation(states[1], states[0], (), lambda _: b""))
    result = msgpack.unpackb(payload)
    assert isinstance(result, list)
    return result


def test_inertial_sensor_turns_with_its_body() -> None:
    acceleration, gyro, compass = measure(InertialSensor(mounting("sensor.other.imu")), yaw_deg=90.0)
    # The body looks along +y; what pushes it along +x pushes it to its left, which is -y in its own frame.
    assert acceleration == pytest.approx([0.0, -2.0, 9.81], abs=1e-6)
    assert gyro == pytest.approx([0.0, 0.0, math.pi / 2], abs=1e-6)
    assert compass == pytest.approx(math.pi)


def test_noise_repeats_with_its_seed_and_differs_with_another() -> None:
    def noisy(seed: str) -> list[object]:
        sensor = InertialSensor(mounting("sensor.other.imu", noise_accel_stddev_x="1.0", noise_seed=seed))
        return [measure(sensor, 0.0) for _ in range(3)]

    assert noisy("7") == noisy("7")
    assert noisy("7") != noisy("8")


def test_every_sensor_is_delivered_or_refused_by_name() -> None:
    for blueprint in default_library():
        if not blueprint.id.startswith("sensor."):
            continue
        if blueprint.id in {*SENSORS, *CLIENT_SIDE_SENSORS}:
            check_supported(blueprint.id)
        else:
            with pytest.raises(UnsupportedSensorError, match=blueprint.id):
                check_supported(blueprint.id)
