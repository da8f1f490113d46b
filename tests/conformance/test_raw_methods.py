"""Methods that Python cannot reach through the client, called by hand: C++ clients, say, call them.

Each of these has no binding in the wheel, or one that sends another method, or one that the client answers
itself.
"""

from __future__ import annotations

from collections.abc import Iterator

import carla
import pytest

from tests.support.headless import Endpoint
from tests.support.hostile import Peer, error_text

pytestmark = [pytest.mark.server, pytest.mark.own_server]

OK = [[False]]


@pytest.fixture
def peer(server: Endpoint, world: carla.World) -> Iterator[Peer]:
    """Calls by hand in the episode of the test."""
    with Peer(server) as made:
        yield made


def test_dead_walkers_disappear_after_ten_seconds(world: carla.World, peer: Peer) -> None:
    """Sent by the client's walker navigation only."""
    place = world.get_map().get_spawn_points()[5]
    walker = world.spawn_actor(world.get_blueprint_library().find("walker.pedestrian.0001"), place)
    world.tick()
    assert peer.call("set_actor_dead", walker.id) == OK
    for _ in range(199):
        world.tick()
    assert world.get_snapshot().has_actor(walker.id)
    for _ in range(3):
        world.tick()
    assert not world.get_snapshot().has_actor(walker.id)


def test_only_walkers_die(peer: Peer, car: carla.Vehicle) -> None:
    assert "Actor does not match the expected type" in error_text(peer.call("set_actor_dead", car.id))


def test_autopilot_is_the_clients_affair(world: carla.World, peer: Peer, car: carla.Vehicle) -> None:
    """`Vehicle.set_autopilot` starts a traffic manager; what it sends to the server is this."""
    before = car.get_location()
    assert peer.call("set_actor_autopilot", car.id, True) == OK
    for _ in range(20):
        world.tick()
    assert car.get_location().distance(before) < 0.01


def test_one_light_freezes(world: carla.World, peer: Peer) -> None:
    """`TrafficLight.freeze` of the 0.9.16 client freezes all of them."""
    lights = list(world.get_actors().filter("traffic.traffic_light"))
    assert peer.call("freeze_traffic_light", lights[0].id, True) == OK
    world.tick()
    frozen = {light.id for light in lights if light.is_frozen()}
    assert frozen == {light.id for light in lights[0].get_group_traffic_lights()}
    peer.call("freeze_traffic_light", lights[0].id, False)


def test_a_torque_turns_a_car(world: carla.World, peer: Peer, car: carla.Vehicle) -> None:
    """`Actor.add_torque` of the 0.9.16 client sends `add_actor_angular_impulse`."""
    car.apply_control(carla.VehicleControl(throttle=0.6))
    for _ in range(60):  # tyres hold a car that stands
        world.tick()
    assert peer.call("add_actor_torque", car.id, [0.0, 0.0, -4_000_000.0]) == OK
    world.tick()
    assert -90.0 < car.get_angular_velocity().z < -2.0  # a twentieth of what an impulse would do


def test_gbuffers_need_a_camera(peer: Peer, car: carla.Vehicle) -> None:
    """Sent for cameras only."""
    wrong = f"Actor does not match the expected type.  Actor Id: {car.id}"
    for method, *more in (("enable_gbuffers", True), ("are_gbuffers_enabled",), ("get_gbuffer_token", 0)):
        assert error_text(peer.call(method, car.id, *more)).endswith(wrong)


def test_only_v2x_sensors_send(peer: Peer, car: carla.Vehicle) -> None:
    """The client sends for those only, and this version refuses to spawn them."""
    wrong = f"Actor does not match the expected type.  Actor Id: {car.id}"
    assert error_text(peer.call("send", car.id, "hello")).endswith(wrong)


@pytest.mark.parametrize("what", ["impulse", "force"])
def test_a_push_beside_the_centre_turns_too(
    world: carla.World, peer: Peer, car: carla.Vehicle, what: str
) -> None:
    """The Python module binds the pushes at the centre only. Pushed at its front, a car turns that way."""
    car.apply_control(carla.VehicleControl(throttle=0.6))
    for _ in range(60):
        world.tick()
    pose = car.get_transform()
    front, right = pose.transform(carla.Location(x=2.0)), pose.get_right_vector()
    size = 3_000.0 / (0.05 if what == "force" else 1.0)
    push, at = [right.x * size, right.y * size, 0.0], [front.x, front.y, front.z]
    assert peer.call(f"add_actor_{what}_at_location", car.id, push, at) == OK
    world.tick()
    assert car.get_angular_velocity().z > 1.0


def test_lights_change_in_a_batch(world: carla.World, peer: Peer) -> None:
    """The Python module has no binding of `SetTrafficLightState`, command 21."""
    light = world.get_actors().filter("traffic.traffic_light")[0]
    for state in (carla.TrafficLightState.Green, carla.TrafficLightState.Yellow):
        assert peer.call("apply_batch", [[[21, [light.id, int(state)]]]], False) == [[[1, light.id]]]
        world.tick()
        assert light.state == state


def test_no_street_lights_are_updated(peer: Peer) -> None:
    """The client sends lights that changed, and nothing when there are none."""
    assert peer.call("update_lights_state", "parity", [], False) == OK


def test_console_knows_no_command(peer: Peer) -> None:
    assert peer.call("console_command", "stat fps") == [[1, False]]
    assert peer.call("apply_batch", [[[20, ["stat fps"]]]], False) == [[[1, 0]]]


def test_there_is_no_navigation_mesh(peer: Peer) -> None:
    """The client asks for the file "Nav" instead."""
    assert peer.call("get_navigation_mesh") == [[1, b""]]


def test_traffic_managers_are_found_by_their_port(peer: Peer) -> None:
    """The client's traffic manager is told of itself; another client's asks for it."""
    port = 47_001
    assert peer.call("is_traffic_manager_running", port) == [[1, False]]
    assert peer.call("get_traffic_manager_running", port) == [[1, ["", 0]]]
    assert peer.call("add_traffic_manager_running", ["127.0.0.1", port]) == [[1, True]]
    assert peer.call("add_traffic_manager_running", ["127.0.0.1", port]) == [[1, False]]
    assert peer.call("get_traffic_manager_running", port) == [[1, ["127.0.0.1", port]]]
    assert peer.call("destroy_traffic_manager", port) == [[1, True]]
    assert peer.call("destroy_traffic_manager", port) == [[1, False]]
