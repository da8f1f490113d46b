"""What the sensors without rays say: when, and whether it is physically right."""

from __future__ import annotations

import math

import carla
import pytest

from tests.support.carla_client import DELTA_S, go_synchronous
from tests.support.mailbox import Mailbox, attach

pytestmark = pytest.mark.server

TICK_MS = round(1000 * DELTA_S)
TICKS = 300


def due_ticks(period_ms: int, ticks: int) -> list[int]:
    """Numbers of the ticks in which a sensor measures that is spawned before tick 0."""
    found, due_ms = [], 0
    for tick in range(ticks):
        if tick * TICK_MS >= due_ms:
            found.append(tick)
            due_ms = max(due_ms + period_ms, tick * TICK_MS)
    return found


def test_every_sensor_delivers_one_message_for_every_due_frame(
    world: carla.World, car: carla.Vehicle
) -> None:
    other = attach(world, car, "sensor.other.imu")  # a sensor without listener changes nothing
    wall = car.get_transform()
    wall.location += 8.0 * wall.get_forward_vector()
    wall.location.z += 0.3
    world.spawn_actor(world.get_blueprint_library().find("vehicle.audi.tt"), wall)
    periods_ms = {
        "sensor.other.imu": (0, 20, 50, 100, 120, 333, 1000),
        "sensor.other.gnss": (0, 70, 250),
        "sensor.other.obstacle": (0, 100, 170),
    }
    boxes: list[tuple[int, Mailbox]] = []
    for name, periods in periods_ms.items():
        for period_ms in periods:
            parent = None if name.endswith("gnss") and period_ms == 70 else car
            extra = {"distance": "10.0"} if name.endswith("obstacle") else {}
            sensor = attach(world, parent, name, sensor_tick=str(period_ms / 1000.0), **extra)
            boxes.append((period_ms, Mailbox(sensor)))
    frames = [world.tick() for _ in range(TICKS)]
    start_s = world.get_snapshot().timestamp.elapsed_seconds - (TICKS - 1) * DELTA_S
    for period_ms, box in boxes:
        expected = due_ticks(period_ms, TICKS)
        box.wait_for_count(len(expected))
        assert [message.frame for message in box.messages] == [frames[k] for k in expected], period_ms  # type: ignore[attr-defined]
        stamps = [message.timestamp for message in box.messages]  # type: ignore[attr-defined]
        assert stamps == pytest.approx([start_s + k * DELTA_S for k in expected], abs=1e-6)
    assert other.is_alive


# ---- inertial


def test_at_rest_only_gravity_is_felt(world: carla.World, car: carla.Vehicle) -> None:
    upright = Mailbox(attach(world, car, "sensor.other.imu"))
    rolled = carla.Transform(carla.Location(z=1.0), carla.Rotation(roll=90.0))  # right side down
    lying = Mailbox(attach(world, car, "sensor.other.imu", at=rolled))
    for _ in range(20):
        frame = world.tick()
    one, two = upright.wait_for_frame(frame), lying.wait_for_frame(frame)
    assert isinstance(one, carla.IMUMeasurement)
    assert isinstance(two, carla.IMUMeasurement)
    slope = 0.15
    felt = one.accelerometer
    assert (felt.x, felt.y, felt.z) == pytest.approx((0.0, 0.0, 9.81), abs=slope)
    felt = two.accelerometer  # its right axis points down: the ground pushes to its left
    assert (felt.x, felt.y, felt.z) == pytest.approx((0.0, -9.81, 0.0), abs=slope)
    assert one.gyroscope.length() == pytest.approx(0.0, abs=1e-3)


@pytest.mark.parametrize("steer", [0.3, -0.3])
def test_in_a_steady_turn_it_feels_the_turn(world: carla.World, car: carla.Vehicle, steer: float) -> None:
    box = Mailbox(attach(world, car, "sensor.other.imu"))
    backwards = carla.Transform(carla.Location(z=1.0), carla.Rotation(yaw=180.0, roll=180.0))
    upside_down = Mailbox(attach(world, car, "sensor.other.imu", at=backwards))
    speed_mps = 5.0
    car.enable_constant_velocity(carla.Vector3D(x=speed_mps))
    car.apply_control(carla.VehicleControl(steer=steer))
    before = 0.0
    for _ in range(40):
        before = car.get_transform().rotation.yaw
        frame = world.tick()
    turned = math.radians((car.get_transform().rotation.yaw - before + 180.0) % 360.0 - 180.0) / DELTA_S
    measured, flipped = box.wait_for_frame(frame), upside_down.wait_for_frame(frame)
    assert isinstance(measured, carla.IMUMeasurement)
    assert isinstance(flipped, carla.IMUMeasurement)
    assert turned * steer > 0.0  # to the right is a growing yaw
    assert measured.gyroscope.z == pytest.approx(turned, rel=0.05)
    assert flipped.gyroscope.z == pytest.approx(-turned, rel=0.05)
    assert measured.accelerometer.y == pytest.approx(speed_mps * turned, rel=0.25)  # towards the centre
    assert flipped.accelerometer.z == pytest.approx(-9.81, abs=0.5)


@pytest.mark.parametrize(
    ("yaw", "compass"), [(-90.0, 0.0), (0.0, 0.5), (90.0, 1.0), (180.0, 1.5), (45.0, 0.75)]
)
def test_the_compass_is_zero_in_the_north_and_grows_clockwise(
    world: carla.World, yaw: float, compass: float
) -> None:
    at = carla.Transform(carla.Location(x=10.0, z=5.0), carla.Rotation(yaw=yaw))
    box = Mailbox(attach(world, None, "sensor.other.imu", at=at))
    measured = box.wait_for_frame(world.tick())
    assert isinstance(measured, carla.IMUMeasurement)
    difference = measured.compass - compass * math.pi
    assert math.remainder(difference, math.tau) == pytest.approx(0.0, abs=1e-4)
    assert measured.accelerometer.z == pytest.approx(9.81, abs=1e-3)


# ---- satellite


@pytest.mark.parametrize(("x", "y", "z"), [(100.0, 200.0, 3.0), (-350.0, -820.5, -7.25), (0.0, 0.0, 0.0)])
def test_a_fix_is_what_the_clients_map_says(world: carla.World, x: float, y: float, z: float) -> None:
    place = carla.Location(x, y, z)
    box = Mailbox(attach(world, None, "sensor.other.gnss", at=carla.Transform(place)))
    fix = box.wait_for_frame(world.tick())
    expected = world.get_map().transform_to_geolocation(place)
    assert isinstance(fix, carla.GnssMeasurement)
    assert fix.latitude == pytest.approx(expected.latitude, abs=1e-9)
    assert fix.longitude == pytest.approx(expected.longitude, abs=1e-9)
    assert fix.altitude == pytest.approx(expected.altitude, abs=1e-6)
    assert fix.transform.location.distance(place) == pytest.approx(0.0, abs=1e-3)


def test_noise_repeats_with_its_seed(client: carla.Client) -> None:
    def fixes(seed: str) -> list[float]:
        world = client.load_world("Town01")
        go_synchronous(world)
        box = Mailbox(attach(world, None, "sensor.other.gnss", noise_lat_stddev="0.001", noise_seed=seed))
        for _ in range(10):
            world.tick()
        box.wait_for_count(10)
        box.close()
        return [message.latitude for message in box.messages]  # type: ignore[attr-defined]

    first = fixes("4")
    assert len(set(first)) == 10
    assert fixes("4") == first
    assert set(fixes("5")).isdisjoint(first)


# ---- obstacle


def ahead_of(car: carla.Vehicle, distance_m: float) -> carla.Transform:
    place = car.get_transform()
    place.location += distance_m * place.get_forward_vector()
    place.location.z += 0.3
    return place


def test_an_obstacle_is_named_with_its_distance(world: carla.World, car: carla.Vehicle) -> None:
    other = world.spawn_actor(world.get_blueprint_library().find("vehicle.audi.tt"), ahead_of(car, 15.0))
    sensors = {
        d: attach(world, car, "sensor.other.obstacle", distance=str(d), hit_radius="0.3") for d in (10, 20)
    }
    boxes = {d: Mailbox(sensor) for d, sensor in sensors.items()}
    for _ in range(20):
        frame = world.tick()
    event = boxes[20].wait_for_frame(frame)
    assert isinstance(event, carla.ObstacleDetectionEvent)
    assert event.actor.id == sensors[20].id
    assert event.other_actor.id == other.id
    gap = sensors[20].get_location().distance(other.get_location()) - other.bounding_box.extent.x - 0.3
    assert event.distance == pytest.approx(gap, abs=0.3)  # centres of boxes are not quite those of actors
    assert boxes[10].messages == []


def test_only_dynamics_looks_past_props(world: carla.World, car: carla.Vehicle) -> None:
    library = world.get_blueprint_library()
    prop = world.spawn_actor(library.find("static.prop.container"), ahead_of(car, 12.0))
    walker = world.spawn_actor(library.find("walker.pedestrian.0001"), ahead_of(car, 25.0))
    low = carla.Transform(carla.Location(z=0.8))
    every = Mailbox(attach(world, car, "sensor.other.obstacle", at=low, distance="40.0"))
    moving = Mailbox(
        attach(world, car, "sensor.other.obstacle", at=low, distance="40.0", only_dynamics="true")
    )
    frame = world.tick()
    seen, seen_moving = every.wait_for_frame(frame), moving.wait_for_frame(frame)
    assert isinstance(seen, carla.ObstacleDetectionEvent)
    assert isinstance(seen_moving, carla.ObstacleDetectionEvent)
    assert seen.other_actor.id == prop.id
    assert seen_moving.other_actor.id == walker.id
    assert seen.distance < seen_moving.distance


# ---- attachment


def test_a_spring_arm_trails_and_a_rigid_mount_does_not(world: carla.World, car: carla.Vehicle) -> None:
    behind = carla.Transform(carla.Location(x=-6.0, z=4.5), carla.Rotation(pitch=8.0))
    kinds = carla.AttachmentType
    rigid, arm, ghost = (
        attach(world, car, "sensor.other.gnss", at=behind, how=how)
        for how in (kinds.Rigid, kinds.SpringArm, kinds.SpringArmGhost)
    )
    world.tick()
    assert ghost.get_location().distance(rigid.get_location()) < 0.2
    assert arm.get_location().z == pytest.approx(ghost.get_location().z + 0.3, abs=1e-3)
    looks_down = -math.degrees(math.atan2(4.5, 6.0)) + 8.0
    assert ghost.get_transform().rotation.pitch == pytest.approx(looks_down, abs=0.1)
    car.enable_constant_velocity(carla.Vector3D(x=5.0))
    car.apply_control(carla.VehicleControl(steer=0.5))
    for _ in range(40):
        world.tick()
    yaw = car.get_transform().rotation.yaw

    def lag(sensor: carla.Actor) -> float:
        return math.remainder(yaw - sensor.get_transform().rotation.yaw, 360.0)

    assert lag(rigid) == pytest.approx(0.0, abs=0.1)
    assert lag(ghost) > 2.0
    assert lag(arm) == pytest.approx(lag(ghost), abs=0.01)
