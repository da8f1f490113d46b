"""Sensors that the server delivers."""

from __future__ import annotations

import math

import carla
import pytest

from tests.support.mailbox import Mailbox, attach

pytestmark = pytest.mark.server


def test_collision_names_the_other_actor(world: carla.World, car: carla.Vehicle) -> None:
    box = Mailbox(attach(world, car, "sensor.other.collision"))
    ahead = car.get_transform()
    ahead.location += ahead.get_forward_vector() * 10.0
    ahead.location.z += 0.2
    other = world.spawn_actor(world.get_blueprint_library().find("vehicle.audi.tt"), ahead)
    car.apply_control(carla.VehicleControl(throttle=1.0))
    for _ in range(100):
        world.tick()
        if box.messages:
            break
    box.wait(bool)
    event = box.messages[0]
    assert isinstance(event, carla.CollisionEvent)
    assert event.actor.id == car.id
    assert event.other_actor.id == other.id
    assert event.other_actor.type_id == "vehicle.audi.tt"
    assert event.normal_impulse.length() > 100.0
    assert event.frame <= world.get_snapshot().frame


def test_no_collision_no_message(world: carla.World, car: carla.Vehicle) -> None:
    box = Mailbox(attach(world, car, "sensor.other.collision"))
    for _ in range(50):
        world.tick()
    assert box.messages == []


def test_inertial_sensor_measures_every_tick(world: carla.World, car: carla.Vehicle) -> None:
    box = Mailbox(attach(world, car, "sensor.other.imu"))
    frames = [world.tick() for _ in range(20)]
    box.wait(lambda messages: len(messages) >= 20)
    assert [message.frame for message in box.messages[-20:]] == frames  # type: ignore[attr-defined]
    last = box.messages[-1]
    assert isinstance(last, carla.IMUMeasurement)
    assert last.accelerometer.z == pytest.approx(9.81, abs=0.5)
    heading = car.get_transform().get_forward_vector()
    assert math.cos(last.compass) == pytest.approx(-heading.y, abs=0.05)
    assert math.sin(last.compass) == pytest.approx(heading.x, abs=0.05)


def test_gnss_agrees_with_the_map(world: carla.World, car: carla.Vehicle) -> None:
    box = Mailbox(attach(world, car, "sensor.other.gnss"))
    world.tick()
    box.wait(bool)
    fix = box.messages[0]
    assert isinstance(fix, carla.GnssMeasurement)
    expected = world.get_map().transform_to_geolocation(fix.transform.location)
    assert fix.latitude == pytest.approx(expected.latitude, abs=1e-7)
    assert fix.longitude == pytest.approx(expected.longitude, abs=1e-7)
    assert fix.altitude == pytest.approx(expected.altitude, abs=1e-3)


def test_sensor_tick_thins_out_the_measurements(world: carla.World, car: carla.Vehicle) -> None:
    box = Mailbox(attach(world, car, "sensor.other.imu", sensor_tick="0.2"))
    for _ in range(40):
        world.tick()
    box.wait(lambda messages: len(messages) >= 9)
    gaps = [b.frame - a.frame for a, b in zip(box.messages, box.messages[1:], strict=False)]  # type: ignore[attr-defined]
    assert set(gaps) == {4}


def test_lane_invasion_fires_when_a_car_crosses_a_marking(world: carla.World, car: carla.Vehicle) -> None:
    box = Mailbox(attach(world, car, "sensor.other.lane_invasion"))
    car.enable_constant_velocity(carla.Vector3D(x=5.0))
    for _ in range(20):  # straight on, in the lane
        world.tick()
    assert box.messages == []
    car.apply_control(carla.VehicleControl(steer=-0.3))
    for _ in range(100):
        world.tick()
        if box.messages:
            break
    box.wait(bool)
    event = box.messages[0]
    assert isinstance(event, carla.LaneInvasionEvent)
    # Not `event.actor`: the 0.9.16 client gives events of its own making no episode to look the actor up in.
    assert event.crossed_lane_markings
    assert all(marking.type != carla.LaneMarkingType.NONE for marking in event.crossed_lane_markings)


def test_stopped_sensor_sends_nothing_more(world: carla.World, car: carla.Vehicle) -> None:
    sensor = attach(world, car, "sensor.other.imu")
    box = Mailbox(sensor)
    world.tick()
    box.wait(bool)
    sensor.stop()
    count = len(box.messages)
    for _ in range(10):
        world.tick()
    assert len(box.messages) == count
