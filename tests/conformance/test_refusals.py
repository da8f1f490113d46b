"""What clients are told when something cannot be: CARLA's own words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import carla
import pytest

from tests.support.headless import Endpoint
from tests.support.hostile import Peer, error_text

pytestmark = pytest.mark.server

GONE = 999_999
NOT_FOUND = "Actor could not be found in the registry"
MISMATCH = "Actor does not match the expected type"


def responding(method: str, response: str, actor_id: int) -> str:
    return f"Responding error from function {method}: {response}.  Actor Id: {actor_id}"


@pytest.fixture
def peer(server: Endpoint, world: carla.World) -> Iterator[Peer]:
    """Calls by hand, for what the client refuses to send; in the episode of the test."""
    with Peer(server) as made:
        yield made


def test_a_taken_place_is_told_in_carlas_words(world: carla.World, car: carla.Vehicle) -> None:
    blueprint = world.get_blueprint_library().find("vehicle.audi.tt")
    with pytest.raises(RuntimeError, match=r"^Spawn failed because of collision at spawn position$"):
        world.spawn_actor(blueprint, car.get_transform())
    assert world.try_spawn_actor(blueprint, car.get_transform()) is None


def test_an_unknown_blueprint_is_told_in_carlas_words(peer: Peer) -> None:
    answer = peer.call("spawn_actor", [0, "vehicle.no.such", []], [[0.0, 0.0, 5.0], [0.0, 0.0, 0.0]])
    assert error_text(answer) == "Spawn failed because of invalid actor description"


def test_an_unknown_parent_is_told_in_carlas_words(client: carla.Client, world: carla.World) -> None:
    blueprint = world.get_blueprint_library().find("sensor.other.imu")
    command = carla.command.SpawnActor(blueprint, carla.Transform(), GONE)
    (answer,) = client.apply_batch_sync([command], False)
    assert answer.error == "unable to attach actor: parent actor not found"


def test_a_vehicle_that_another_client_destroyed_is_not_found(
    client: carla.Client, world: carla.World, car: carla.Vehicle
) -> None:
    client.apply_batch_sync([carla.command.DestroyActor(car.id)], False)
    with pytest.raises(RuntimeError, match=responding("get_physics_control", NOT_FOUND, car.id)):
        car.get_physics_control()
    assert not car.destroy()


def test_a_missing_map_is_told_in_carlas_words(client: carla.Client, world: carla.World) -> None:
    with pytest.raises(RuntimeError, match=r"^Map 'Town99' not found$"):
        client.load_world("Town99")


def test_batch_commands_are_told_under_the_name_of_their_method(
    client: carla.Client, world: carla.World, car: carla.Vehicle
) -> None:
    c = carla.command
    nothing = carla.Vector3D()
    light = world.get_actors().filter("traffic.traffic_light")[0]
    commands: dict[str, Any] = {
        responding("apply_control_to_vehicle", NOT_FOUND, GONE): c.ApplyVehicleControl(
            GONE, carla.VehicleControl()
        ),
        responding("apply_control_to_vehicle", MISMATCH, light.id): c.ApplyVehicleControl(
            light.id, carla.VehicleControl()
        ),
        responding("apply_control_to_walker", MISMATCH, car.id): c.ApplyWalkerControl(
            car.id, carla.WalkerControl()
        ),
        responding("set_walker_state", NOT_FOUND, GONE): c.ApplyWalkerState(GONE, carla.Transform(), 1.0),
        responding("add_actor_impulse", "unknown error", light.id): c.ApplyImpulse(light.id, nothing),
        responding("set_actor_autopilot", MISMATCH, light.id): c.SetAutopilot(light.id, False),
        "unable to destroy actor: not found": c.DestroyActor(GONE),
    }
    answers = client.apply_batch_sync(list(commands.values()), False)
    assert [answer.error for answer in answers] == list(commands)


def test_vehicle_methods_on_a_walker_do_not_match(world: carla.World, peer: Peer) -> None:
    place = world.get_map().get_spawn_points()[5]
    walker = world.spawn_actor(world.get_blueprint_library().find("walker.pedestrian.0001"), place)
    for method, *more in (
        ("get_telemetry_data",),
        ("get_physics_control",),
        ("get_vehicle_light_state",),
        ("get_wheel_steer_angle", 0),
        ("get_ackermann_controller_settings",),
        ("open_vehicle_door", 0),
        ("enable_carsim", ""),
        ("show_vehicle_debug_telemetry", True),
    ):
        assert error_text(peer.call(method, walker.id, *more)) == responding(method, MISMATCH, walker.id)
        assert error_text(peer.call(method, GONE, *more)) == responding(method, NOT_FOUND, GONE)


def test_light_methods_on_a_car_have_words_of_their_own(peer: Peer, car: carla.Vehicle) -> None:
    told = {
        method: error_text(peer.call(method, actor_id))
        for method, actor_id in (("get_group_traffic_lights", car.id), ("get_light_boxes", car.id))
    }
    assert told == {
        "get_group_traffic_lights": "unable to get group traffic lights: actor is not a traffic light",
        "get_light_boxes": responding("get_light_boxes", "Actor is not a traffic light", car.id),
    }
    gone = error_text(peer.call("get_group_traffic_lights", GONE))
    assert gone == "unable to get group traffic lights: actor not found"


@pytest.mark.own_server
def test_actors_of_the_town_stay(world: carla.World) -> None:
    light = world.get_actors().filter("traffic.traffic_light")[0]
    assert not light.destroy()
    world.tick()
    assert world.get_actor(light.id) is not None


def test_bounding_box_of_nobody_is_empty(peer: Peer) -> None:
    """No error, in CARLA too: a client's traffic manager would abort on one."""
    assert peer.call("get_actor_bounding_box", GONE)[0][0] == 1
