"""Actors: ids, spawning, attaching, snapshot rows, and the same bytes for the same calls."""

from __future__ import annotations

import math

import carla
import numpy as np
import pytest

from simulator.wire.layouts import ACTOR_STATE, VEHICLE_UNION, WALKER_UNION
from simulator.world.actors import Actor, ActorKind, Transform
from simulator.world.errors import (
    NotFiniteError,
    SpawnCollisionError,
    UnknownActorError,
    UnknownParentError,
    WrongActorKindError,
)
from simulator.world.town import Town
from simulator.world.warm_up import warm_up
from simulator.world.world import World

DT_S = 0.05


@pytest.fixture
def world() -> World:
    return World(Town.load("Town01"), seed=0)


def spawn(world: World, model: str, pose: Transform, parent: Actor | None = None) -> Actor:
    return world.spawn(world.library[model], (), pose, parent.id if parent else 0)


def at(world: World, index: int) -> Transform:
    return world.town.spawn_points[index]


def test_the_town_comes_first_and_the_spectator_always_exists(world: World) -> None:
    kinds = [actor.kind for actor in world.actors.values()]
    assert kinds == [ActorKind.TRAFFIC_LIGHT] * 36 + [ActorKind.TRAFFIC_SIGN] * 22 + [ActorKind.SPECTATOR]
    assert list(world.actors) == list(range(1, 60))
    assert world.spectator_id == 59
    assert not world.destroy(world.spectator_id)
    assert not world.destroy(1)


def test_rows_follow_the_actors_and_their_bytes_read_back(world: World) -> None:
    car = spawn(world, "vehicle.tesla.model3", at(world, 3))
    walker = spawn(world, "walker.pedestrian.0001", (5000.0, 0.0, 1.0, 0.0, 0.0, 0.0))
    world.vehicles.apply_control(car.id, (0.25, -0.5, 0.75, True, False, True, 3))
    world.apply_walker_control(walker.id, (0.0, 2.0, 0.0), 1.5, False)
    world.tick(DT_S)
    body = world.states.tobytes()
    assert len(body) == 119 * len(world.actors)
    back = np.frombuffer(body, ACTOR_STATE)
    assert back["id"].tolist() == list(world.actors)
    assert back["actor_state"].tolist() == [1] * len(back)
    vehicle = back["u"].view(VEHICLE_UNION)[car.row, 0]
    assert [vehicle[name] for name in ("throttle", "steer", "brake")] == [0.25, -0.5, 0.75]
    flags = [vehicle[name] for name in ("hand_brake", "reverse", "manual_gear_shift", "gear")]
    assert flags == [1, 0, 1, 3]
    assert vehicle["speed_limit"] == 30.0
    assert vehicle["failure_state"] == 0
    person = back["u"].view(WALKER_UNION)[walker.row, 0]
    assert [person[name] for name in ("direction_x", "direction_y", "speed")] == [0.0, 1.0, 1.5]


def test_the_place_of_a_new_actor_is_known_before_the_first_tick(world: World) -> None:
    car = spawn(world, "vehicle.tesla.model3", at(world, 3))
    assert world.transform(car.id) == pytest.approx(at(world, 3))
    assert world.states["location"][car.row].tolist() == pytest.approx(at(world, 3)[:3], rel=1e-6)


def test_a_taken_place_is_refused_in_carlas_words(world: World) -> None:
    first = spawn(world, "vehicle.tesla.model3", at(world, 0))
    before = list(world.actors)
    with pytest.raises(
        SpawnCollisionError, match=r"^Spawn failed because of collision at spawn position$"
    ) as caught:
        spawn(world, "vehicle.audi.tt", at(world, 0))
    assert caught.value.blocker_id == first.id
    assert list(world.actors) == before
    spawn(world, "vehicle.audi.tt", at(world, 1))


def test_every_spawn_point_of_a_town_can_be_used_at_once() -> None:
    for name in ("Town01", "Town10HD"):
        world = World(Town.load(name), seed=0)
        for pose in world.town.spawn_points:
            spawn(world, "vehicle.lincoln.mkz_2020", pose)
        assert world.tick(DT_S) == ()


def test_destroying_takes_the_children_along_and_ids_are_not_used_again(world: World) -> None:
    car = spawn(world, "vehicle.tesla.model3", at(world, 0))
    other = spawn(world, "vehicle.tesla.model3", at(world, 5))
    camera = spawn(world, "sensor.camera.rgb", (0.0,) * 6, car)
    deeper = spawn(world, "sensor.other.imu", (0.0,) * 6, camera)
    assert world.destroy(car.id)
    assert {car.id, camera.id, deeper.id}.isdisjoint(world.actors)
    assert not world.destroy(car.id)
    world.vehicles.apply_control(other.id, (1.0, 0.0, 0.0, False, False, False, 0))
    for _ in range(20):
        world.tick(DT_S)
    assert world.states["id"].tolist() == list(world.actors)
    moved = world.states[other.row]
    assert moved["id"] == other.id
    assert np.linalg.norm(moved["velocity"]) > 1.0
    assert spawn(world, "vehicle.audi.tt", at(world, 0)).id > deeper.id
    with pytest.raises(UnknownActorError, match=f"no actor has id {car.id}"):
        world.transform(car.id)


def test_ids_start_again_in_every_world() -> None:
    town = Town.load("Town01")
    ids = [spawn(World(town, seed=k), "vehicle.audi.tt", town.spawn_points[0]).id for k in range(2)]
    assert ids[0] == ids[1]


def test_a_parent_must_live(world: World) -> None:
    with pytest.raises(UnknownParentError, match="parent actor 4711 not found"):
        world.spawn(world.library["sensor.camera.rgb"], (), (0.0,) * 6, 4711)


@pytest.mark.parametrize("relative", [(1.5, -0.5, 2.4, 0.0, 0.0, 0.0), (-3.0, 0.2, 1.0, -15.0, 170.0, 5.0)])
def test_attached_actors_follow_as_carla_composes_transforms(relative: Transform) -> None:
    """Checked against the wheel's own Transform arithmetic, on a slope and in a turn."""
    world = World(Town.load("Town04"), seed=0)
    steepest = max(world.town.spawn_points, key=lambda p: abs(p[3]))
    car = spawn(world, "vehicle.tesla.model3", steepest)
    camera = spawn(world, "sensor.camera.rgb", relative, car)
    world.vehicles.apply_control(car.id, (0.6, 0.3, 0.0, False, False, False, 0))
    for _ in range(30):
        world.tick(DT_S)

    def pose(values: Transform) -> carla.Transform:
        x, y, z, pitch, yaw, roll = values
        return carla.Transform(carla.Location(x, y, z), carla.Rotation(pitch, yaw, roll))

    parent = pose(world.transform(car.id))
    found = pose(world.transform(camera.id))
    offset = parent.transform(carla.Location(*relative[:3]))
    assert found.location.distance(offset) < 1e-3
    matrix = np.array(parent.get_matrix()) @ np.array(pose((0.0, 0.0, 0.0, *relative[3:])).get_matrix())
    assert np.allclose(np.array(found.get_matrix())[:3, :3], matrix[:3, :3], atol=1e-4)
    row, mine = world.states[car.row], world.states[camera.row]
    assert mine["velocity"].tolist() == row["velocity"].tolist()


def test_teleports_move_cars_sensors_and_the_spectator(world: World) -> None:
    car = spawn(world, "vehicle.tesla.model3", at(world, 0))
    pose = (5000.0, -3.0, 0.0, 0.0, 30.0, 0.0)
    world.set_transform(car.id, pose)
    world.set_transform(world.spectator_id, (1.0, 2.0, 3.0, -10.0, 20.0, 0.0))
    world.tick(DT_S)
    assert world.transform(car.id) == pytest.approx(pose, abs=1e-6)
    assert world.transform(world.spectator_id) == pytest.approx((1.0, 2.0, 3.0, -10.0, 20.0, 0.0))
    world.set_location(car.id, (5100.0, 0.0, 0.0))
    world.tick(DT_S)
    assert world.transform(car.id) == pytest.approx((5100.0, 0.0, 0.0, 0.0, 30.0, 0.0), abs=1e-6)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_numbers_that_are_not_finite_change_nothing(world: World, bad: float) -> None:
    car = spawn(world, "vehicle.tesla.model3", at(world, 0))
    with pytest.raises(NotFiniteError, match=f"actor {car.id}"):
        world.vehicles.apply_control(car.id, (bad, 0.0, 0.0, False, False, False, 0))
    with pytest.raises(NotFiniteError):
        world.set_transform(car.id, (0.0, 0.0, bad, 0.0, 0.0, 0.0))
    with pytest.raises(NotFiniteError):
        world.set_target_velocity(car.id, (0.0, bad, 0.0))
    with pytest.raises(NotFiniteError):
        spawn(world, "vehicle.audi.tt", (bad, 0.0, 0.0, 0.0, 0.0, 0.0))
    for _ in range(3):
        world.tick(DT_S)
    assert np.isfinite(world.states["location"]).all()
    assert world.vehicles.control(car.id) == (0.0, 0.0, 0.0, False, False, False, 0)


def test_calls_for_the_wrong_kind_are_refused(world: World) -> None:
    walker = spawn(world, "walker.pedestrian.0001", (5000.0, 0.0, 1.0, 0.0, 0.0, 0.0))
    with pytest.raises(WrongActorKindError, match=r"walker.pedestrian.0001, not a vehicle"):
        world.vehicles.apply_control(walker.id, (1.0, 0.0, 0.0, False, False, False, 0))
    with pytest.raises(WrongActorKindError, match="thing with a body"):
        world.add_impulse(world.spectator_id, (1.0, 0.0, 0.0))


def test_walkers_walk_on_the_ground_and_face_their_way(world: World) -> None:
    walker = spawn(world, "walker.pedestrian.0001", (5000.0, 0.0, 3.0, 0.0, 0.0, 0.0))
    half_height = walker.box.extent[2]
    world.apply_walker_control(walker.id, (0.0, -3.0, 0.0), 1.4, False)
    for _ in range(40):
        world.tick(DT_S)
    x, y, z, _, yaw, _ = world.transform(walker.id)
    assert (x, y, z) == pytest.approx((5000.0, -2.8, half_height), abs=1e-6)
    assert yaw == pytest.approx(-90.0)
    assert np.linalg.norm(world.states["velocity"][walker.row]) == pytest.approx(1.4)


def drive(world: World) -> bytes:
    """A crowded drive with collisions, walkers, sensors, destruction and light changes."""
    cars = [spawn(world, "vehicle.tesla.model3", pose) for pose in world.town.spawn_points[:30]]
    walkers = [
        spawn(world, "walker.pedestrian.0002", (p[0], p[1], p[2] + 1.0, 0.0, 0.0, 0.0))
        for p in world.town.spawn_points[40:45]
    ]
    camera = spawn(world, "sensor.camera.rgb", (1.0, 0.0, 2.0, 0.0, 0.0, 0.0), cars[0])
    trace = []
    for tick in range(120):
        for number, car in enumerate(cars):
            steer = 0.3 * math.sin(0.1 * tick + number)
            world.vehicles.apply_control(car.id, (0.9, steer, 0.0, False, number % 7 == 0, False, 0))
        for walker in walkers:
            world.apply_walker_control(walker.id, (1.0, math.cos(tick), 0.0), 2.0, tick % 50 == 0)
        if tick == 60:
            world.destroy(camera.id)
            world.destroy(cars.pop().id)
        trace.append(world.states.tobytes() + repr(world.tick(DT_S)).encode())
    return b"".join(trace)


def test_the_same_calls_give_the_same_bytes() -> None:
    first = drive(World(Town.load("Town02"), seed=3))
    drive(World(Town.load("Town01"), seed=5))
    assert drive(World(Town.load("Town02"), seed=3)) == first


def test_a_fresh_reading_of_the_town_gives_the_same_bytes() -> None:
    packed = Town.load("Town02")
    assert drive(World(Town.from_opendrive("Town02", packed.opendrive, furnished=True), seed=3)) == drive(
        World(packed, seed=3)
    )


def test_warm_up_leaves_no_trace() -> None:
    first = drive(World(Town.load("Town02"), seed=3))
    warm_up()
    assert drive(World(Town.load("Town02"), seed=3)) == first


def test_lamps_are_kept_per_vehicle(world: World) -> None:
    a, b = spawn(world, "vehicle.tesla.model3", at(world, 0)), spawn(world, "vehicle.audi.tt", at(world, 5))
    world.vehicles.set_lamps(b.id, 9)
    assert world.vehicles.all_lamps() == ((a.id, 0), (b.id, 9))
    assert world.vehicles.lamps(b.id) == 9
