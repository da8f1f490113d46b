"""Blueprints, spawning, destroying, teleporting, batches."""

from __future__ import annotations

import carla
import pytest

pytestmark = pytest.mark.server


def near(a: carla.Location, b: carla.Location, tolerance_m: float) -> bool:
    return bool(a.distance(b) <= tolerance_m)


def test_library_knows_its_vehicles(world: carla.World) -> None:
    library = world.get_blueprint_library()
    cars = [one for one in library.filter("vehicle.*") if one.get_attribute("base_type") == "car"]
    assert len(cars) >= 20
    model3 = library.find("vehicle.tesla.model3")
    assert int(model3.get_attribute("number_of_wheels")) == 4
    assert model3.has_attribute("color")
    assert len(library.filter("walker.pedestrian.*")) > 40
    assert library.find("sensor.other.collision")


def test_spawned_actor_is_where_it_was_put_and_has_its_attributes(
    world: carla.World, spawn_points: list[carla.Transform]
) -> None:
    blueprint = world.get_blueprint_library().find("vehicle.tesla.model3")
    blueprint.set_attribute("role_name", "hero")
    actor = world.spawn_actor(blueprint, spawn_points[3])
    world.tick()
    assert actor.type_id == "vehicle.tesla.model3"
    assert actor.attributes["role_name"] == "hero"
    assert actor.attributes["number_of_wheels"] == "4"
    assert near(actor.get_location(), spawn_points[3].location, 0.6)
    assert actor.bounding_box.extent.x == pytest.approx(2.396, abs=0.01)
    assert list(actor.semantic_tags) == [14]
    assert actor.id in [one.id for one in world.get_actors()]


def test_a_taken_place_is_refused_with_carlas_words(
    world: carla.World, spawn_points: list[carla.Transform]
) -> None:
    blueprint = world.get_blueprint_library().find("vehicle.tesla.model3")
    world.spawn_actor(blueprint, spawn_points[0])
    with pytest.raises(RuntimeError, match="Spawn failed because of collision at spawn position"):
        world.spawn_actor(blueprint, spawn_points[0])
    assert world.try_spawn_actor(blueprint, spawn_points[0]) is None


def test_destroyed_actor_is_gone_and_its_place_free(
    world: carla.World, car: carla.Vehicle, spawn_points: list[carla.Transform]
) -> None:
    actor_id = car.id
    assert car.destroy()
    world.tick()
    assert actor_id not in [one.id for one in world.get_actors()]
    assert world.spawn_actor(world.get_blueprint_library().find("vehicle.audi.tt"), spawn_points[0])


def test_ids_begin_anew_in_every_episode(client: carla.Client, world: carla.World) -> None:
    def first_id(here: carla.World) -> int:
        blueprint = here.get_blueprint_library().find("vehicle.audi.tt")
        return int(here.spawn_actor(blueprint, here.get_map().get_spawn_points()[0]).id)

    before = first_id(world)
    assert first_id(client.load_world("Town01", reset_settings=False)) == before


def test_set_transform_moves_at_the_next_tick(world: carla.World, car: carla.Vehicle) -> None:
    target = world.get_map().get_spawn_points()[10]
    car.set_transform(target)
    world.tick()
    assert near(car.get_location(), target.location, 0.6)
    turned = abs(car.get_transform().rotation.yaw - target.rotation.yaw) % 360.0
    assert min(turned, 360.0 - turned) < 1.0


def test_child_follows_its_parent_and_goes_with_it(world: carla.World, car: carla.Vehicle) -> None:
    blueprint = world.get_blueprint_library().find("sensor.other.collision")
    sensor = world.spawn_actor(blueprint, carla.Transform(carla.Location(x=1.0, z=2.0)), attach_to=car)
    world.tick()
    assert sensor.parent.id == car.id
    expected = car.get_transform().transform(carla.Location(x=1.0, z=2.0))
    assert near(sensor.get_location(), expected, 0.01)
    sensor_id = sensor.id
    car.destroy()
    world.tick()
    assert sensor_id not in [one.id for one in world.get_actors()]


def test_unknown_parent_is_refused(client: carla.Client, world: carla.World, car: carla.Vehicle) -> None:
    blueprint = world.get_blueprint_library().find("sensor.other.collision")
    command = carla.command.SpawnActor(blueprint, carla.Transform(), 999_999)
    (answer,) = client.apply_batch_sync([command], False)
    assert answer.has_error()


def test_spectator_moves(world: carla.World) -> None:
    pose = carla.Transform(carla.Location(10.0, 20.0, 30.0), carla.Rotation(pitch=-45.0, yaw=90.0))
    world.get_spectator().set_transform(pose)
    world.tick()
    assert near(world.get_spectator().get_location(), pose.location, 0.01)
    assert world.get_spectator().get_transform().rotation.pitch == pytest.approx(-45.0, abs=0.1)


def test_props_and_walkers_can_be_spawned(world: carla.World, spawn_points: list[carla.Transform]) -> None:
    library = world.get_blueprint_library()
    place = spawn_points[5]
    walker = world.spawn_actor(library.find("walker.pedestrian.0001"), carla.Transform(place.location))
    cone = world.spawn_actor(
        library.find("static.prop.constructioncone"),
        carla.Transform(spawn_points[6].location),
    )
    world.tick()
    assert walker.bounding_box.extent.z == pytest.approx(0.93, abs=0.01)
    assert {walker.id, cone.id} <= {one.id for one in world.get_actors()}


def test_walker_walks(world: carla.World, spawn_points: list[carla.Transform]) -> None:
    library = world.get_blueprint_library()
    start = carla.Transform(spawn_points[5].location + carla.Location(z=0.6))
    walker = world.spawn_actor(library.find("walker.pedestrian.0001"), start)
    for _ in range(10):
        world.tick()
    before = walker.get_location()
    walker.apply_control(carla.WalkerControl(carla.Vector3D(1.0, 0.0, 0.0), 1.5))
    for _ in range(20):
        world.tick()
    moved = walker.get_location() - before
    assert moved.x == pytest.approx(1.5, abs=0.3)
    assert abs(moved.y) < 0.1


def test_batch_answers_each_command(client: carla.Client, world: carla.World) -> None:
    blueprint = world.get_blueprint_library().find("vehicle.audi.tt")
    places = world.get_map().get_spawn_points()
    spawn = carla.command.SpawnActor
    answers = client.apply_batch_sync([spawn(blueprint, places[i]) for i in (1, 1, 2)], True)
    assert [answer.has_error() for answer in answers] == [False, True, False]
    assert "collision" in answers[1].error
    ids = [answers[0].actor_id, answers[2].actor_id]
    assert set(ids) <= {one.id for one in world.get_actors()}
    gone = client.apply_batch_sync([carla.command.DestroyActor(one) for one in (*ids, 999_999)], True)
    assert [answer.has_error() for answer in gone] == [False, False, True]
    assert not set(ids) & {one.id for one in world.get_actors()}


def test_commands_after_a_spawn_act_on_the_new_actor(client: carla.Client, world: carla.World) -> None:
    blueprint = world.get_blueprint_library().find("vehicle.audi.tt")
    place = world.get_map().get_spawn_points()[1]
    control = carla.VehicleControl(throttle=1.0)
    command = carla.command.SpawnActor(blueprint, place).then(
        carla.command.ApplyVehicleControl(carla.command.FutureActor, control)
    )
    (answer,) = client.apply_batch_sync([command], True)
    for _ in range(40):
        world.tick()
    assert world.get_actor(answer.actor_id).get_location().distance(place.location) > 3.0


def test_every_command_that_needs_an_actor_reports_a_missing_one(
    client: carla.Client, world: carla.World
) -> None:
    c = carla.command
    nothing = carla.Vector3D()
    commands = [
        c.ApplyVehicleControl(999_999, carla.VehicleControl()),
        c.ApplyTransform(999_999, carla.Transform()),
        c.ApplyTargetVelocity(999_999, nothing),
        c.ApplyTargetAngularVelocity(999_999, nothing),
        c.ApplyImpulse(999_999, nothing),
        c.ApplyForce(999_999, nothing),
        c.ApplyAngularImpulse(999_999, nothing),
        c.ApplyTorque(999_999, nothing),
        c.SetSimulatePhysics(999_999, True),
        c.SetEnableGravity(999_999, True),
        c.SetVehicleLightState(999_999, carla.VehicleLightState.NONE),
        c.ApplyWalkerControl(999_999, carla.WalkerControl()),
        c.ApplyWalkerState(999_999, carla.Transform(), 1.0),
    ]
    answers = client.apply_batch_sync(commands, False)
    assert [answer.has_error() for answer in answers] == [True] * len(commands)
