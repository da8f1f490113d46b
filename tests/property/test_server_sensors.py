"""Sensor mathematics against the client's own."""

from __future__ import annotations

import math
from collections.abc import Callable

import carla
import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from simulator.sensors.camera import ColourCamera, DepthCamera
from simulator.sensors.gnss import GnssSensor
from simulator.sensors.inertial import InertialSensor
from simulator.sensors.interface import BadAttributeError, Mounting, Observation, rotation_matrix
from simulator.sensors.lidar import Lidar, SemanticLidar
from simulator.sensors.obstacle import ObstacleSensor
from simulator.sensors.registry import CLIENT_SIDE_SENSORS, SENSORS, UnsupportedSensorError, check_supported
from simulator.sensors.sight import Sight
from simulator.wire.layouts import ACTOR_STATE
from simulator.world.actors import Actor, ActorKind, Box
from simulator.world.blueprints import default_library
from simulator.world.sweeps import Hit

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


def observation(states: NDArray[np.void], now_s: float = 0.0, hit: Hit | None = None) -> Observation:
    """What the sensor of the second row sees, attached to the actor of the first."""
    x, y, z = states["location"][0].tolist()
    return Observation(
        own_state=states[1],
        parent_state=states[0],
        collisions=(),
        actor_record=lambda actor_id: msgpack.packb(actor_id),
        thing_record=lambda thing: msgpack.packb(-thing),
        now_s=now_s,
        parent_center=(x, y, z),
        first_hit=lambda _: hit,
        delta_s=0.05,
        sight=_blind,
    )


def _blind() -> Sight:
    raise AssertionError("no sensor of this file looks at anything")


def measure(sensor: InertialSensor, yaw_deg: float) -> list[object]:
    states = np.zeros(2, ACTOR_STATE)
    states["rotation"][:, 1] = yaw_deg
    states["acceleration"][0] = (2.0, 0.0, 0.0)
    states["angular_velocity"][0] = (0.0, 0.0, 90.0)
    (payload,) = sensor.measure(observation(states))
    result = msgpack.unpackb(payload)
    assert isinstance(result, list)
    return result


def test_inertial_sensor_turns_with_its_body() -> None:
    acceleration, gyro, compass = measure(InertialSensor(mounting("sensor.other.imu")), yaw_deg=90.0)
    # The body looks along +y; what pushes it along +x pushes it to its left, which is -y in its own frame.
    assert acceleration == pytest.approx([0.0, -2.0, 9.81], abs=1e-6)
    assert gyro == pytest.approx([0.0, 0.0, math.pi / 2], abs=1e-6)
    assert compass == pytest.approx(math.pi)


@given(st.floats(-60.0, 60.0), angle, st.floats(-60.0, 60.0), st.floats(0.1, 5.0), st.floats(-2.0, 2.0))
def test_inertial_sensor_off_the_centre_feels_the_turning(
    pitch: float, yaw: float, roll: float, arm_m: float, rate_radps: float
) -> None:
    """Against differences of the motion: a body turns ever faster about its own vertical axis."""
    sensor = InertialSensor(mounting("sensor.other.imu"))
    spin_up_radps2, dt_s = 0.5, 1e-3
    axes = rotation_matrix(np.array([pitch, yaw, roll]))

    def place(t_s: float) -> np.ndarray:
        turned = rate_radps * t_s + 0.5 * spin_up_radps2 * t_s * t_s
        return axes @ np.array([arm_m * math.cos(turned), arm_m * math.sin(turned), 0.0])

    for t_s in (-dt_s, 0.0):
        states = np.zeros(2, ACTOR_STATE)
        states["rotation"][1] = (pitch, yaw, roll)  # the sensor is level with the body and does not turn
        states["location"][1] = place(t_s)
        states["angular_velocity"][0] = axes[:, 2] * math.degrees(rate_radps + spin_up_radps2 * t_s)
        (payload,) = sensor.measure(observation(states, now_s=1.0 + t_s))
    felt = axes @ np.array(msgpack.unpackb(payload)[0]) - np.array([0.0, 0.0, 9.81])
    differences = (place(dt_s) - 2.0 * place(0.0) + place(-dt_s)) / dt_s**2
    assert felt == pytest.approx(differences, abs=2e-2)
    turning = np.array(msgpack.unpackb(payload)[1])
    assert turning == pytest.approx([0.0, 0.0, rate_radps], abs=1e-4)


def test_bias_and_noise_of_a_satellite_fix_are_what_was_asked_for() -> None:
    sensor = GnssSensor(
        mounting(
            "sensor.other.gnss",
            noise_lat_bias="0.5",
            noise_alt_bias="-2.0",
            noise_alt_stddev="3.0",
            noise_seed="-5",
        )
    )
    states = np.zeros(2, ACTOR_STATE)
    states["location"][1] = (1.0, 2.0, 3.0)
    fixes = np.array([msgpack.unpackb(sensor.measure(observation(states))[0]) for _ in range(2000)])
    assert np.ptp(fixes[:, :2], axis=0) == pytest.approx([0.0, 0.0])
    assert fixes[0, :2] == pytest.approx([1.5, 2.0])
    assert fixes[:, 2].mean() == pytest.approx(1.0, abs=0.3)
    assert fixes[:, 2].std() == pytest.approx(3.0, rel=0.1)


@pytest.mark.parametrize(
    ("blueprint_id", "attribute", "make"),
    [
        ("sensor.other.imu", "noise_gyro_bias_x", InertialSensor),
        ("sensor.other.gnss", "noise_seed", GnssSensor),
        ("sensor.other.obstacle", "distance", ObstacleSensor),
        ("sensor.camera.rgb", "image_size_x", ColourCamera),
        ("sensor.camera.depth", "fov", DepthCamera),
        ("sensor.lidar.ray_cast", "points_per_second", Lidar),
        ("sensor.lidar.ray_cast_semantic", "channels", SemanticLidar),
    ],
)
@pytest.mark.parametrize("text", ["", "far", "nan", "inf"])
def test_an_attribute_that_is_no_number_is_refused_by_name(
    blueprint_id: str, attribute: str, make: Callable[[Mounting], object], text: str
) -> None:
    with pytest.raises(BadAttributeError, match=attribute):
        make(mounting(blueprint_id, **{attribute: text}))


@pytest.mark.parametrize(
    ("blueprint_id", "attribute", "make", "text"),
    [
        ("sensor.camera.rgb", "image_size_x", ColourCamera, "0"),
        ("sensor.camera.rgb", "image_size_y", ColourCamera, "100000"),
        ("sensor.camera.depth", "fov", DepthCamera, "180"),
        ("sensor.lidar.ray_cast", "channels", Lidar, "-1"),
        ("sensor.lidar.ray_cast", "range", Lidar, "1e9"),
        ("sensor.lidar.ray_cast_semantic", "horizontal_fov", SemanticLidar, "361"),
    ],
)
def test_an_attribute_that_no_such_sensor_has_is_refused_by_name(
    blueprint_id: str, attribute: str, make: Callable[[Mounting], object], text: str
) -> None:
    with pytest.raises(BadAttributeError, match=f"{attribute} must be between"):
        make(mounting(blueprint_id, **{attribute: text}))


def test_obstacle_message_names_the_sensor_the_other_and_the_distance() -> None:
    sensor = ObstacleSensor(mounting("sensor.other.obstacle"))
    states = np.zeros(2, ACTOR_STATE)
    (payload,) = sensor.measure(observation(states, hit=Hit(7, 1.25)))
    assert msgpack.unpackb(payload) == [2, 7, 1.25]
    assert sensor.measure(observation(states)) == ()


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
