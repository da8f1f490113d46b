"""CARLA's light manager on the street lights of the scene."""

from __future__ import annotations

import time
from collections.abc import Callable

import carla
import pytest

from tests.support.carla_client import connect
from tests.support.headless import Endpoint

pytestmark = pytest.mark.server

PATIENCE_S = 20.0
NIGHT, NOON = (
    carla.WeatherParameters(sun_altitude_angle=-30.0),
    carla.WeatherParameters(sun_altitude_angle=60.0),
)


def tick_until(world: carla.World, happened: Callable[[], bool]) -> None:
    """Tick until the light manager, which asks the server in a thread of its own, knows.

    Raises:
        TimeoutError: it never does.
    """
    end_s = time.monotonic() + PATIENCE_S
    while not happened():
        if time.monotonic() > end_s:
            raise TimeoutError
        world.tick()


def test_lights_hang_beside_roads_in_the_street_group(world: carla.World) -> None:
    lights = world.get_lightmanager().get_all_lights(carla.LightGroup.Street)
    poles = {thing.name for thing in world.get_environment_objects(carla.CityObjectLabel.Poles)}
    assert len(lights) == sum("StreetLight" in name for name in poles) > 100
    assert not world.get_lightmanager().get_all_lights(carla.LightGroup.Building)
    for light in lights[::20]:
        road = world.get_map().get_waypoint(light.location, lane_type=carla.LaneType.Any)
        assert 5.0 < light.location.z - road.transform.location.z < 10.0
        assert light.location.distance(road.transform.location) < 12.0


def test_a_change_reaches_the_server_and_another_client(world: carla.World, server: Endpoint) -> None:
    manager = world.get_lightmanager()
    light = manager.get_all_lights()[3]
    assert not light.is_on
    light.turn_on()
    light.set_intensity(1234.0)
    light.set_color(carla.Color(10, 20, 30))
    for _ in range(3):
        world.tick()
    # The second client, its world and its lights must live for as long as one of them is looked at.
    other = connect(server)
    other_world = other.get_world()
    lights = other_world.get_lightmanager().get_all_lights()
    seen = next(one for one in lights if one.id == light.id)
    assert seen.is_on
    assert seen.intensity == pytest.approx(1234.0)
    assert (seen.color.r, seen.color.g, seen.color.b) == (10, 20, 30)


def test_changes_in_every_tick_do_not_stop_the_client(world: carla.World) -> None:
    lights = world.get_lightmanager().get_all_lights()[:10]
    for number in range(20):
        world.get_lightmanager().set_intensity(lights, 100.0 + number)
        world.tick()
    assert world.get_lightmanager().get_intensity(lights) == pytest.approx([119.0] * 10)


def test_lights_follow_the_sun_unless_told_otherwise(world: carla.World) -> None:
    manager = world.get_lightmanager()
    count = len(manager.get_all_lights())
    world.set_weather(NIGHT)
    tick_until(world, lambda: len(manager.get_turned_on_lights(carla.LightGroup.NONE)) == count)
    world.set_weather(NOON)
    tick_until(world, lambda: len(manager.get_turned_off_lights(carla.LightGroup.NONE)) == count)
    manager.set_day_night_cycle(False)
    world.set_weather(NIGHT)
    for _ in range(5):
        world.tick()
    assert len(manager.get_turned_off_lights(carla.LightGroup.NONE)) == count
    manager.set_day_night_cycle(True)
    world.set_weather(NIGHT)
    tick_until(world, lambda: len(manager.get_turned_on_lights(carla.LightGroup.NONE)) == count)
