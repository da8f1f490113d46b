"""Worlds that clients generate from OpenDRIVE texts of their own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import carla
import pytest

from tests.support.carla_client import go_asynchronous, go_synchronous
from tests.support.mailbox import Mailbox, attach, close_all
from tests.support.opendrive_texts import HILL, LEFT_HAND, MANY_LANES, STRAIGHT, crossing

pytestmark = pytest.mark.server

Generate = Callable[..., carla.World]


@pytest.fixture
def generate(client: carla.Client) -> Iterator[Generate]:
    """Generates a world and ticks it once: `generate(text, wall_height=0.0)`."""
    worlds: list[carla.World] = []

    def make(text: str, **parameters: float) -> carla.World:
        worlds.append(
            client.generate_opendrive_world(text, carla.OpendriveGenerationParameters(**parameters))
        )
        go_synchronous(worlds[-1])
        worlds[-1].tick()
        return worlds[-1]

    yield make
    close_all()
    for world in worlds[-1:]:
        go_asynchronous(world)


def spawn_car(world: carla.World, place: carla.Transform) -> carla.Vehicle:
    car = world.spawn_actor(world.get_blueprint_library().find("vehicle.lincoln.mkz_2020"), place)
    for _ in range(20):
        world.tick()
    return car


def test_a_straight_road_can_be_driven(generate: Generate) -> None:
    world = generate(STRAIGHT)
    town = world.get_map()
    places = town.get_spawn_points()
    assert len(places) > 20
    assert {town.get_waypoint(place.location).lane_id for place in places} == {1, -1}
    car = spawn_car(world, places[0])
    before = car.get_transform()
    car.apply_control(carla.VehicleControl(throttle=0.6))
    for _ in range(60):
        world.tick()
    gone = car.get_location() - before.location
    ahead = before.get_forward_vector()
    assert gone.x * ahead.x + gone.y * ahead.y > 5.0
    assert car.get_speed_limit() == pytest.approx(70.0, abs=0.1)


def test_cars_stand_on_the_slope_of_a_hill(generate: Generate) -> None:
    world = generate(HILL)
    town = world.get_map()
    place = next(p for p in town.get_spawn_points() if town.get_waypoint(p.location).lane_id == -1)
    car = spawn_car(world, place)
    car.apply_control(carla.VehicleControl(hand_brake=True))
    for _ in range(10):
        world.tick()
    here = car.get_location()
    assert here.z == pytest.approx(2.0 + 0.08 * here.x, abs=0.1)
    assert car.get_transform().rotation.pitch == pytest.approx(4.57, abs=0.5)


def test_signals_of_a_junction_come_to_life(generate: Generate) -> None:
    world = generate(crossing())
    actors = world.get_actors()
    lights = list(actors.filter("traffic.traffic_light"))
    assert {light.get_opendrive_id() for light in lights} == {"101", "102"}
    assert {light.id for light in lights[0].get_group_traffic_lights()} == {light.id for light in lights}
    assert len({light.state for light in lights}) == 1  # one controller: green together
    states = set()
    for _ in range(400):
        world.tick()
        states.add(lights[0].state)
    assert states >= {carla.TrafficLightState.Green, carla.TrafficLightState.Yellow}
    (stop,) = actors.filter("traffic.stop")
    (give_way,) = actors.filter("traffic.yield")
    assert len(actors.filter("traffic.speed_limit.30")) == 1
    assert stop.trigger_volume.extent.x > 0.5
    assert give_way.trigger_volume.extent.x > 0.5
    # Each light stops the lane that comes to it from outside the junction.
    stopped = {light.get_opendrive_id(): light.get_stop_waypoints() for light in lights}
    assert {p.road_id for p in stopped["101"]} == {1}
    assert {p.road_id for p in stopped["102"]} == {2}


def test_a_car_meets_the_light_of_its_lane(generate: Generate) -> None:
    world = generate(crossing())
    lights = {light.get_opendrive_id(): light for light in world.get_actors().filter("traffic.traffic_light")}
    lights["101"].set_state(carla.TrafficLightState.Red)
    lane_point = world.get_map().get_waypoint_xodr(1, -1, 96.0)
    place = lane_point.transform
    place.location.z += 0.5
    car = spawn_car(world, place)
    assert car.is_at_traffic_light()
    assert car.get_traffic_light().id == lights["101"].id


def test_only_driving_lanes_have_spawn_points(generate: Generate) -> None:
    world = generate(MANY_LANES)
    town = world.get_map()
    lanes = {
        town.get_waypoint(p.location, lane_type=carla.LaneType.Any).lane_id for p in town.get_spawn_points()
    }
    assert lanes == {1, -1}
    kinds = {town.get_waypoint_xodr(1, number, 50.0).lane_type for number in (-3, -2, -1, 1, 2, 3)}
    assert kinds >= {carla.LaneType.Sidewalk, carla.LaneType.Biking, carla.LaneType.Parking}
    crosswalk = town.get_crosswalks()
    assert len(crosswalk) >= 4
    assert {round(corner.x) for corner in crosswalk} <= {98, 99, 101, 102}


def test_left_hand_traffic_is_read(generate: Generate) -> None:
    world = generate(LEFT_HAND)
    town = world.get_map()
    car = spawn_car(world, town.get_spawn_points()[0])
    lane_point = town.get_waypoint(car.get_location())
    yaw = abs((lane_point.transform.rotation.yaw - car.get_transform().rotation.yaw + 180.0) % 360.0 - 180.0)
    assert yaw < 1.0  # whatever way lanes run, cars face along theirs


def off_the_road(world: carla.World) -> tuple[carla.Vehicle, Mailbox]:
    """A car that stands across the road and accelerates towards its right border."""
    start = world.get_map().get_waypoint_xodr(1, -1, 150.0).transform
    start.location.z += 0.5
    start.location.y = 0.0
    start.rotation.yaw = 90.0
    car = spawn_car(world, start)
    box = Mailbox(attach(world, car, "sensor.other.collision"))
    car.apply_control(carla.VehicleControl(throttle=1.0))
    for _ in range(80):
        world.tick()
    return car, box


def test_walls_hold_cars_on_the_road(generate: Generate) -> None:
    world = generate(STRAIGHT, wall_height=1.0, additional_width=0.6)
    car, collisions = off_the_road(world)
    front = car.get_location().y + car.bounding_box.extent.x
    assert front == pytest.approx(3.5 + 0.6, abs=0.5)
    collisions.wait_for_count(1)
    assert all(event.other_actor.id == 0 for event in collisions.messages)  # type: ignore[attr-defined]


def test_without_walls_nothing_holds_them(generate: Generate) -> None:
    world = generate(STRAIGHT, wall_height=0.0)
    car, collisions = off_the_road(world)
    assert car.get_location().y > 10.0
    assert collisions.messages == []


def test_walls_leave_junctions_open(generate: Generate) -> None:
    world = generate(crossing(), wall_height=1.0)
    place = world.get_map().get_waypoint_xodr(1, -1, 60.0).transform
    place.location.z += 0.5
    car = spawn_car(world, place)
    car.apply_control(carla.VehicleControl(throttle=0.7))
    for _ in range(200):
        world.tick()
        if car.get_location().x > 40.0:
            break
    assert car.get_location().x > 40.0


BROKEN = {
    "nothing": "",
    "no xml": "this is no map",
    "cut off": STRAIGHT[: len(STRAIGHT) // 2],
    "no roads": STRAIGHT.split("<road")[0] + "</OpenDRIVE>",
    "no driving lane": STRAIGHT.replace('type="driving"', 'type="sidewalk"'),
    "no number": STRAIGHT.replace('length="300"', 'length="long"'),
    "no such signal": crossing().replace('signalId="101"', 'signalId="999"'),
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_a_broken_text_is_refused_and_the_old_world_stays(
    client: carla.Client, world: carla.World, text: str
) -> None:
    before = world.id
    with pytest.raises(RuntimeError, match=r"^opendrive could not be correctly parsed"):
        client.generate_opendrive_world(text)
    assert client.get_world().id == before
    assert world.tick() == world.get_snapshot().frame


def test_one_generated_world_follows_another(generate: Generate) -> None:
    ids = [generate(text).id for text in (STRAIGHT, HILL, STRAIGHT)]
    assert all(a != b for a, b in itertools.pairwise(ids))
