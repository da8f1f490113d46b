"""Connecting, maps and episodes."""

from __future__ import annotations

import time

import carla
import pytest

from tests.support.carla_client import connect
from tests.support.headless import Endpoint

pytestmark = pytest.mark.server


def map_name(world: carla.World) -> str:
    return str(world.get_map().name).rsplit("/", 1)[-1]


def test_versions_agree(client: carla.Client) -> None:
    assert client.get_server_version() == client.get_client_version() == "0.9.16"


def test_maps_are_listed_with_their_path(client: carla.Client) -> None:
    maps = client.get_available_maps()
    assert "/Game/Carla/Maps/Town01" in maps
    assert "/Game/Carla/Maps/Town02" in maps


@pytest.mark.parametrize("name", ["Town02", "/Game/Carla/Maps/Town02", "Carla/Maps/Town02"])
def test_a_map_loads_with_and_without_path(client: carla.Client, name: str) -> None:
    assert map_name(client.load_world(name)) == "Town02"


def test_the_layered_twin_of_a_town_is_the_same_town_by_another_name(client: carla.Client) -> None:
    plain = client.load_world("Town10HD").get_map()
    assert map_name(client.load_world("Town10HD_Opt")) == "Town10HD_Opt"
    layered = client.get_world().get_map()
    assert layered.to_opendrive() == plain.to_opendrive()
    assert [str(point) for point in layered.get_spawn_points()] == [
        str(point) for point in plain.get_spawn_points()
    ]


def test_map_text_and_spawn_points_belong_together(world: carla.World) -> None:
    town = world.get_map()
    assert len(town.get_spawn_points()) > 50
    for spawn_point in town.get_spawn_points():
        lane_point = town.get_waypoint(spawn_point.location, project_to_road=True)
        assert lane_point.lane_type == carla.LaneType.Driving
        assert lane_point.transform.location.distance(spawn_point.location) < 2.0


def test_loading_starts_a_new_episode_with_no_vehicles(
    client: carla.Client, world: carla.World, car: carla.Vehicle
) -> None:
    old_id, old_frame = world.id, world.get_snapshot().frame
    assert len(world.get_actors().filter("vehicle.*")) == 1
    again = client.load_world("Town01")
    snapshot = again.wait_for_tick()
    assert again.id != old_id
    assert snapshot.frame > old_frame
    assert len(again.get_actors().filter("vehicle.*")) == 0


def test_loading_goes_back_to_asynchronous_mode(client: carla.Client, world: carla.World) -> None:
    assert world.get_settings().synchronous_mode
    again = client.load_world("Town01")
    assert not again.get_settings().synchronous_mode
    assert again.get_settings().fixed_delta_seconds is None


def test_loading_keeps_the_settings_when_asked(client: carla.Client, world: carla.World) -> None:
    again = client.load_world("Town02", reset_settings=False)
    assert again.get_settings().synchronous_mode
    assert again.get_settings().fixed_delta_seconds == pytest.approx(0.05)
    assert again.tick() == again.get_snapshot().frame


def test_reload_world_keeps_the_map(client: carla.Client, world: carla.World) -> None:
    assert map_name(client.reload_world()) == "Town01"


def test_unknown_map_is_an_error_and_leaves_the_episode(client: carla.Client, world: carla.World) -> None:
    with pytest.raises(RuntimeError):
        client.load_world("Town99")
    assert world.tick() == world.get_snapshot().frame


def test_two_clients_see_the_same_episode(server: Endpoint, world: carla.World, car: carla.Vehicle) -> None:
    other = connect(server).get_world()
    frame = world.tick()
    deadline_s = time.monotonic() + 20.0
    while other.get_snapshot().frame < frame:
        assert time.monotonic() < deadline_s, "the second client got no snapshot"
    assert other.get_snapshot().frame == frame
    assert other.id == world.id
    seen = other.get_actor(car.id)
    assert seen.type_id == car.type_id
    assert seen.get_transform().location.distance(car.get_transform().location) < 1e-3


def test_second_client_follows_a_map_change(
    server: Endpoint, client: carla.Client, world: carla.World
) -> None:
    other = connect(server)
    other.get_world()
    client.load_world("Town02")
    assert map_name(other.get_world()) == "Town02"


ROAD = """<?xml version="1.0" standalone="yes"?>
<OpenDRIVE>
  <header revMajor="1" revMinor="4" name="" version="1" date="" north="50" south="-50" east="300" west="0">
    <geoReference><![CDATA[+proj=tmerc +lat_0=0 +lon_0=0]]></geoReference>
  </header>
  <road name="straight" length="300.0" id="1" junction="-1">
    <link/>
    <planView><geometry s="0" x="0" y="0" hdg="0" length="300.0"><line/></geometry></planView>
    <elevationProfile><elevation s="0" a="0" b="0" c="0" d="0"/></elevationProfile>
    <lanes>
      <laneOffset s="0" a="0" b="0" c="0" d="0"/>
      <laneSection s="0">
        <left>
          <lane id="1" type="driving" level="false"><width sOffset="0" a="3.5" b="0" c="0" d="0"/></lane>
        </left>
        <center><lane id="0" type="none" level="false"/></center>
        <right>
          <lane id="-1" type="driving" level="false"><width sOffset="0" a="3.5" b="0" c="0" d="0"/></lane>
        </right>
      </laneSection>
    </lanes>
  </road>
</OpenDRIVE>
"""


def test_generated_world_has_the_roads_of_its_text(client: carla.Client) -> None:
    world = client.generate_opendrive_world(ROAD)
    assert map_name(world) == "OpenDriveMap"
    lane_point = world.get_map().get_waypoint(carla.Location(150.0, 2.0, 0.0))
    assert lane_point.road_id == 1
    assert lane_point.transform.location.y == pytest.approx(1.75, abs=0.05)


def test_missing_recordings_are_told_in_carlas_words(client: carla.Client, world: carla.World) -> None:
    expected = "File none.log not found on server"
    assert client.show_recorder_file_info("none.log", False).strip() == expected
    assert client.show_recorder_collisions("none.log", "a", "a").strip() == expected
    assert client.show_recorder_actors_blocked("none.log", 30.0, 10.0).strip() == expected
    assert client.replay_file("none.log", 0.0, 0.0, 0).strip() == expected
    assert world.tick() == world.get_snapshot().frame
