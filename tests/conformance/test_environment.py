"""Weather and traffic lights."""

from __future__ import annotations

import carla
import pytest

from tests.support.carla_client import DELTA_S

pytestmark = pytest.mark.server

State = carla.TrafficLightState


def lights_of(world: carla.World) -> list[carla.TrafficLight]:
    return sorted(world.get_actors().filter("traffic.traffic_light*"), key=lambda light: light.id)


def test_weather_round_trip(world: carla.World) -> None:
    weather = carla.WeatherParameters(
        cloudiness=12.5, precipitation=50.0, sun_altitude_angle=-10.0, fog_density=3.0
    )
    world.set_weather(weather)
    world.tick()
    read = world.get_weather()
    assert read.cloudiness == pytest.approx(12.5)
    assert read.precipitation == pytest.approx(50.0)
    assert read.sun_altitude_angle == pytest.approx(-10.0)
    assert read.fog_density == pytest.approx(3.0)


def test_lights_carry_the_signal_ids_of_the_map(world: carla.World) -> None:
    lights = lights_of(world)
    assert len(lights) == 36
    signals = {mark.id for mark in world.get_map().get_all_landmarks_of_type("1000001")}
    assert {light.get_opendrive_id() for light in lights} <= signals
    assert world.get_traffic_light_from_opendrive_id(lights[0].get_opendrive_id()).id == lights[0].id


def test_lights_stand_where_their_stop_lines_are(world: carla.World) -> None:
    for light in lights_of(world):
        assert light.get_affected_lane_waypoints()
        nearest_m = min(
            light.get_transform().transform(light.trigger_volume.location).distance(point.transform.location)
            for point in light.get_stop_waypoints()
        )
        assert nearest_m < 15.0


def test_a_group_takes_turns(world: carla.World) -> None:
    light = lights_of(world)[0]
    group = light.get_group_traffic_lights()
    assert light.id in {one.id for one in group}
    assert len(group) >= 2
    for one in group:
        one.set_green_time(2.0)
        one.set_yellow_time(1.0)
        one.set_red_time(0.5)
    light.reset_group()
    green_ids = set()
    for _ in range(int(60.0 / DELTA_S)):
        world.tick()
        states = [one.get_state() for one in group]
        assert all(state in (State.Red, State.Yellow, State.Green) for state in states)
        green_ids |= {one.id for one in group if one.get_state() == State.Green}
    assert green_ids == {one.id for one in group}


def test_set_state_shows_at_the_next_tick(world: carla.World) -> None:
    light = lights_of(world)[0]
    light.freeze(True)
    for state in (State.Green, State.Yellow, State.Red, State.Off):
        light.set_state(state)
        world.tick()
        assert light.get_state() == state
    light.freeze(False)


def test_times_round_trip(world: carla.World) -> None:
    light = lights_of(world)[0]
    light.set_green_time(11.0)
    light.set_yellow_time(4.0)
    light.set_red_time(5.0)
    world.tick()
    assert (light.get_green_time(), light.get_yellow_time(), light.get_red_time()) == (11.0, 4.0, 5.0)


def test_frozen_lights_keep_their_state(world: carla.World) -> None:
    world.freeze_all_traffic_lights(True)
    world.tick()
    lights = lights_of(world)
    before = [light.get_state() for light in lights]
    for _ in range(int(30.0 / DELTA_S)):
        world.tick()
    assert [light.get_state() for light in lights] == before
    assert all(light.is_frozen() for light in lights)
    world.freeze_all_traffic_lights(False)
    world.tick()
    assert not any(light.is_frozen() for light in lights)


def test_car_at_a_red_light_knows_it(world: carla.World) -> None:
    light = next(one for one in lights_of(world) if one.get_stop_waypoints())
    stop = light.get_stop_waypoints()[0]
    pose = stop.transform
    pose.location.z += 0.3
    car = world.spawn_actor(world.get_blueprint_library().find("vehicle.lincoln.mkz_2020"), pose)
    world.freeze_all_traffic_lights(True)
    light.set_state(State.Red)
    for step_m in range(8):  # where exactly the trigger volume lies is the map's affair
        ahead = stop.next(0.1 + step_m)
        car.set_transform(carla.Transform(ahead[0].transform.location + carla.Location(z=0.3), pose.rotation))
        for _ in range(4):
            world.tick()
        if car.is_at_traffic_light():
            break
    assert car.is_at_traffic_light()
    assert car.get_traffic_light().id == light.id
    assert car.get_traffic_light_state() == State.Red


def test_empty_answers_are_well_typed(world: carla.World) -> None:
    assert list(world.get_environment_objects(carla.CityObjectLabel.Any)) is not None
    assert list(world.get_level_bbs(carla.CityObjectLabel.Any)) is not None
    assert list(world.get_names_of_all_objects()) is not None
    assert list(world.get_lightmanager().get_all_lights()) is not None
    assert list(world.cast_ray(carla.Location(0, 0, 10), carla.Location(0, 0, -10))) is not None
