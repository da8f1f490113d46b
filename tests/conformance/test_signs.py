"""What a client is told at stop and yield signs."""

from __future__ import annotations

from collections.abc import Callable

import carla
import pytest

from tests.support.carla_client import DELTA_S, connect, go_synchronous
from tests.support.headless import Headless

pytestmark = pytest.mark.server


def in_volume(world: carla.World, sign: carla.TrafficSign) -> carla.Vehicle:
    """A car that stands in the middle of a sign's trigger volume, on the lane there."""
    center = sign.get_transform().transform(carla.Location(sign.trigger_volume.location))
    place = world.get_map().get_waypoint(center).transform
    place.location.z += 0.3
    blueprint = world.get_blueprint_library().find("vehicle.lincoln.mkz_2020")
    return world.spawn_actor(blueprint, place)


def told(world: carla.World, car: carla.Vehicle, ticks: int) -> list[carla.TrafficLightState]:
    """The state after each of so many ticks of `DELTA_S`, while no light is named."""
    seen = []
    for _ in range(ticks):
        world.tick()
        assert not car.is_at_traffic_light()
        seen.append(car.get_traffic_light_state())
    return seen


def test_signs_tell_a_light_state_without_a_light(start_server: Callable[..., Headless]) -> None:
    """At a stop sign red for two seconds, at a yield sign nothing on a free road, as in CARLA."""
    red, green = carla.TrafficLightState.Red, carla.TrafficLightState.Green
    client = connect(start_server().endpoint)
    world = client.load_world("Town07")
    go_synchronous(world)
    actors = world.get_actors()
    stop, give_way = (min(actors.filter(kind), key=lambda one: one.id) for kind in ("*.stop", "*.yield"))
    car = in_volume(world, stop)
    stop_ticks = round(2.0 / DELTA_S)
    states = told(world, car, stop_ticks + 10)
    assert states[:stop_ticks] == [red] * stop_ticks
    assert states[-5:] == [green] * 5
    car.destroy()
    car = in_volume(world, give_way)
    assert told(world, car, stop_ticks) == [green] * stop_ticks
