"""Towns: lights, signs, spawn points and poles of every packaged map, judged by the OpenDRIVE text itself."""

from __future__ import annotations

import math
import re
from collections import Counter
from functools import cache
from xml.etree.ElementTree import Element

import carla
import numpy as np
import pytest
from defusedxml.ElementTree import fromstring

from simulator.world.errors import OpenDriveError, UnknownTownError
from simulator.world.landmarks import SignalPlan
from simulator.world.town import Town, available_towns

TOWNS = ("Town01", "Town02", "Town04", "Town06", "Town07", "Town10HD")
RoadLane = tuple[int, int]

LANES_BEFORE_A_SLIVER = {("Town07", "1021"): {(34, 1)}}
"""The junction's incoming road (33) is 13 mm long: nobody can stop there, so the road before it counts."""


@cache
def carla_map(name: str) -> carla.Map:
    return carla.Map(name, Town.load(name).opendrive)


@cache
def document(name: str) -> Element:
    root = fromstring(Town.load(name).opendrive)
    assert root is not None
    return root


def stop_lanes_by_scenario_runner(map_: carla.Map, plan: SignalPlan) -> set[RoadLane]:
    """Road and lane of the stop lines, found as ScenarioRunner's RunningRedLightTest describes it."""
    x, y, z, _, yaw_deg, _ = plan.transform
    actor = carla.Transform(carla.Location(x=x, y=y, z=z), carla.Rotation(yaw=yaw_deg))
    center = actor.transform(carla.Location(*plan.box.center))
    yaw, half = math.radians(yaw_deg), plan.box.extent[0]
    found: set[RoadLane] = set()
    for offset in np.arange(-0.9 * half, 0.9 * half, 1.0):
        sample = center + carla.Location(x=math.cos(yaw) * offset, y=math.sin(yaw) * offset)
        point = map_.get_waypoint(sample)
        while not point.is_intersection:
            ahead = point.next(0.5)[0]
            if ahead.is_intersection:
                break
            point = ahead
        found.add((point.road_id, point.lane_id))
    return found


def governed_lanes(root: Element, signal_id: str) -> set[RoadLane]:
    """Lanes that run into the lanes which the signal's references name, by the junctions' lane links."""
    links = [
        (
            int(c.attrib["connectingRoad"]),
            int(k.attrib["to"]),
            int(c.attrib["incomingRoad"]),
            int(k.attrib["from"]),
        )
        for c in root.iterfind("junction/connection")
        for k in c.iterfind("laneLink")
    ]
    found: set[RoadLane] = set()
    for road in root.iterfind("road"):
        for reference in road.iterfind("signals/signalReference"):
            if reference.attrib["id"] != signal_id:
                continue
            for validity in reference.iterfind("validity"):
                low, high = sorted((int(validity.attrib["fromLane"]), int(validity.attrib["toLane"])))
                found |= {
                    (incoming, start)
                    for connecting, end, incoming, start in links
                    if connecting == int(road.attrib["id"])
                    and low <= end <= high
                    and is_driving(root, incoming, start)
                }
    return found


@cache
def driving_lanes(root: Element) -> frozenset[RoadLane]:
    return frozenset(
        (int(road.attrib["id"]), int(lane.attrib["id"]))
        for road in root.iterfind("road")
        for lane in road.iter("lane")
        if lane.attrib["type"] == "driving"
    )


def is_driving(root: Element, road: int, lane: int) -> bool:
    return (road, lane) in driving_lanes(root)


def test_six_towns_are_packaged_and_known_by_both_of_their_names() -> None:
    assert available_towns() == tuple(sorted((*TOWNS, *(f"{town}_Opt" for town in TOWNS))))


def test_an_unknown_town_names_the_known_ones() -> None:
    with pytest.raises(UnknownTownError, match=r"Town99.*Town01.*Town10HD"):
        Town.load("Town99")


@pytest.mark.parametrize("name", TOWNS)
def test_lights_are_found_at_exactly_the_lanes_they_govern(name: str) -> None:
    wrong = {}
    for plan in Town.load(name).lights:
        expected = governed_lanes(document(name), plan.opendrive_id)
        found = stop_lanes_by_scenario_runner(carla_map(name), plan)
        if found != expected or set(plan.lanes) != expected or not expected:
            wrong[plan.opendrive_id] = (sorted(expected), sorted(found), plan.lanes)
    assert wrong == {}


@pytest.mark.parametrize("name", TOWNS)
def test_trigger_volumes_lie_within_reach_of_the_stop_line(name: str) -> None:
    """ScenarioRunner looks at lights whose centre is within 15 m of a car that crosses the line."""
    for plan in Town.load(name).lights:
        half_x, half_y, half_z = plan.box.extent
        assert half_x >= 1.5
        assert half_y > 0.0
        assert half_z > 0.0
        assert math.hypot(half_x, half_y) < 12.0, plan.opendrive_id


@pytest.mark.parametrize("name", ["Town07", "Town10HD"])
def test_sign_boxes_lie_on_the_lanes_before_the_junction(name: str) -> None:
    signs = [sign for sign in Town.load(name).signs if "speed_limit" not in sign.blueprint_id]
    kinds = Counter(sign.blueprint_id for sign in signs)
    assert (
        kinds
        == {
            "Town07": {"traffic.stop": 19, "traffic.yield": 20},
            "Town10HD": {"traffic.stop": 3, "traffic.yield": 1},
        }[name]
    )
    for sign in signs:
        x, y, z, _, yaw_deg, _ = sign.transform
        actor = carla.Transform(carla.Location(x=x, y=y, z=z), carla.Rotation(yaw=yaw_deg))
        point = carla_map(name).get_waypoint(actor.transform(carla.Location(*sign.box.center)))
        while (point.road_id, point.lane_id) not in sign.lanes and not point.is_junction:
            (point,) = point.next(0.2)
        assert (point.road_id, point.lane_id) in sign.lanes, sign.opendrive_id
        expected = LANES_BEFORE_A_SLIVER.get((name, sign.opendrive_id)) or governed_lanes(
            document(name), sign.opendrive_id
        )
        assert set(sign.lanes) == expected
        assert sign.box.extent[0] == sign.box.extent[1], "the Leaderboard compares along the world's axes"
        ahead = point.next(2.0 * sign.box.extent[1] + 1.0)
        assert any(p.is_junction for p in ahead), sign.opendrive_id


def test_town01_has_twelve_junctions_of_three_lights() -> None:
    town = Town.load("Town01")
    assert [len(group.controllers) for group in town.light_groups] == [3] * 12
    assert sorted(i for g in town.light_groups for c in g.controllers for i in c) == list(range(36))


@pytest.mark.parametrize("name", TOWNS)
def test_groups_are_the_junctions_controllers_in_their_sequence(name: str) -> None:
    town, root = Town.load(name), document(name)
    lights = {s.attrib["id"] for s in root.iter("signal") if s.attrib["type"] == "1000001"}
    controllers: dict[str, set[str]] = {}
    for c in sorted(root.iterfind("controller"), key=lambda c: c.attrib["id"]):
        taken = set().union(*controllers.values())
        controllers[c.attrib["id"]] = ({k.attrib["signalId"] for k in c.iterfind("control")} & lights) - taken
    sequences = {
        int(j.attrib["id"]): [
            controllers[c.attrib["id"]]
            for c in sorted(j.iterfind("controller"), key=lambda c: int(c.attrib["sequence"]))
            if controllers[c.attrib["id"]]
        ]
        for j in root.iterfind("junction")
    }
    for group in town.light_groups:
        mine = [{town.lights[i].opendrive_id for i in members} for members in group.controllers]
        assert mine == sequences[group.junction_id]
    assert {g.junction_id for g in town.light_groups} == {j for j, turns in sequences.items() if turns}


@pytest.mark.parametrize("name", TOWNS)
def test_spawn_points_are_on_driving_lanes_outside_junctions(name: str) -> None:
    town = Town.load(name)
    assert len(town.spawn_points) >= 100
    for x, y, z, pitch, yaw, roll in town.spawn_points:
        point = carla_map(name).get_waypoint(carla.Location(x=x, y=y, z=z))
        at = point.transform.location
        right = point.transform.get_right_vector()
        assert abs((at.x - x) * right.x + (at.y - y) * right.y) < 0.01
        assert math.hypot(at.x - x, at.y - y) < 1.0, "CARLA's own answer is off by decimetres along bends"
        assert 0.3 <= z - at.z <= 0.6
        assert not point.is_junction
        assert math.cos(math.radians(point.transform.rotation.yaw - yaw)) > 0.999
        assert roll == 0.0
        assert abs(pitch) < 10.0


@pytest.mark.parametrize("name", TOWNS)
def test_spawn_points_leave_room_for_a_large_car_each(name: str) -> None:
    points = np.array(Town.load(name).spawn_points)
    yaw = np.radians(points[:, 4])
    for i in range(len(points)):
        dx, dy = (points[:, :2] - points[i, :2]).T
        ahead = np.abs(np.cos(yaw[i]) * dx + np.sin(yaw[i]) * dy)
        beside = np.abs(-np.sin(yaw[i]) * dx + np.cos(yaw[i]) * dy)
        same_level = np.abs(points[:, 2] - points[i, 2]) < 2.0
        overlap = same_level & (ahead < 5.5) & (beside < 2.2)
        overlap[i] = False
        assert not overlap.any(), f"{i} and {np.flatnonzero(overlap)}"


@pytest.mark.parametrize("name", TOWNS)
def test_poles_stand_beside_every_driving_lane(name: str) -> None:
    town = Town.load(name)
    dense = carla_map(name).generate_waypoints(0.5)
    lanes = np.array([(p.transform.location.x, p.transform.location.y, p.lane_width) for p in dense])
    height = np.array([p.transform.location.z for p in dense])
    with_pole = [plan for plan in (*town.lights, *town.signs) if plan.has_pole]
    assert len(with_pole) >= 0.9 * len(town.lights)
    for plan in with_pole:
        x, y, z = plan.transform[:3]
        near = np.abs(height - z) < 5.0
        distance = np.hypot(lanes[near, 0] - x, lanes[near, 1] - y) - lanes[near, 2] / 2.0
        assert distance.min() > 0.15, plan.opendrive_id


def test_the_same_name_gives_the_same_town() -> None:
    assert Town.load("Town02") is Town.load("Town02")


def test_text_and_package_give_the_same_town() -> None:
    packed = Town.load("Town02")
    again = Town.from_opendrive("Town02", packed.opendrive)
    assert again.spawn_points == packed.spawn_points
    assert again.lights == packed.lights
    assert again.roads.grid.samples.tobytes() == packed.roads.grid.samples.tobytes()


ROAD = """
<road name="r" length="100" id="{id}" junction="-1">
  <link/>{type}
  <planView><geometry s="0" x="0" y="{y}" hdg="0" length="100"><line/></geometry></planView>
  <elevationProfile/><lateralProfile/>
  <lanes><laneSection s="0"><center><lane id="0" type="none" level="false"/></center>
    <right><lane id="-1" type="{lane}" level="false"><link/>
      <width sOffset="0" a="3.5" b="0" c="0" d="0"/></lane></right></laneSection></lanes>
  <signals>{signals}</signals>
</road>"""


def opendrive(roads: str) -> str:
    return f'<?xml version="1.0"?><OpenDRIVE><header revMajor="1" revMinor="4"/>{roads}</OpenDRIVE>'


def road(
    number: int = 1, *, type_: str = "", signals: str = "", lane: str = "driving", y: float = 0.0
) -> str:
    return ROAD.format(id=number, type=type_, signals=signals, lane=lane, y=y)


@pytest.mark.parametrize(
    ("text", "element"),
    [
        ("<OpenDRIVE", "document"),
        ("<html/>", "document"),
        ("<OpenDRIVE/>", "document"),
        (opendrive(road(lane="sidewalk")), "lanes"),
        (opendrive(road().replace('length="100" id', 'length="long" id')), "road 1"),
        (opendrive(road() + road()), "road 1"),
        (
            opendrive(road(signals='<signalReference id="77" s="1" t="0" orientation="+"/>')),
            "road 1 / signalReference 77",
        ),
        (
            opendrive(road(type_='<type s="0" type="town"><speed max="3" unit="knots"/></type>')),
            "road 1 / type / speed",
        ),
        (opendrive(re.sub("<planView>.*</planView>", "", road())), "road 1 / planView"),
        (opendrive(road().replace("<line/>", "")), "road 1 / planView / geometry"),
        (opendrive(re.sub("<laneSection.*</laneSection>", "", road(), flags=re.DOTALL)), "road 1 / lanes"),
        (opendrive(road().replace('length="100"', 'length="0"')), "geometry"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><OpenDRIVE>&b;</OpenDRIVE>', "document"),
    ],
)
def test_bad_opendrive_is_refused_with_the_element_that_is_wrong(text: str, element: str) -> None:
    with pytest.raises(OpenDriveError) as caught:
        Town.from_opendrive("Mine", text)
    assert caught.value.element == element
    assert "Mine" in str(caught.value)


def test_limits_come_from_the_road_its_signs_and_else_thirty() -> None:
    sign = (
        '<signal id="5" name="s" s="60" t="-4" zOffset="2" dynamic="no" orientation="+" type="274"'
        ' subtype="-1" value="50" unit="km/h" height="1" width="1" hOffset="0" pitch="0" roll="0"/>'
    )
    mph = '<type s="0" type="town"><speed max="25" unit="mph"/></type>'
    text = opendrive(road(1, type_=mph, signals=sign) + road(2, y=50.0))
    town = Town.from_opendrive("Mine", text)
    assert town.roads.query(20.0, 1.75, 0.0)["limit_kmh"] == pytest.approx(40.23, abs=0.01)
    assert town.roads.query(80.0, 1.75, 0.0)["limit_kmh"] == pytest.approx(50.0)
    assert town.roads.query(20.0, -48.25, 0.0)["limit_kmh"] == pytest.approx(30.0)
    (planned,) = town.signs
    assert planned.blueprint_id == "traffic.speed_limit.50"
    assert planned.lanes == ((1, -1),)


def test_junctions_keep_the_limit_of_the_way_in() -> None:
    """Town06 states its limits by road and has no speed sign."""
    town = Town.load("Town06")
    stated = {round(float(speed.get("max", "")) * 1.609344, 2) for speed in document("Town06").iter("speed")}
    found = {round(limit, 2) for limit in town.roads.grid.samples["limit_kmh"].tolist()}
    assert stated & found
    assert found - stated <= {30.0}


@pytest.mark.parametrize("name", TOWNS)
def test_speed_signs_are_those_that_every_client_reads(name: str) -> None:
    """The towns draw them as objects; the wheel's own reader makes landmarks of them."""
    of_client = {
        (mark.id, f"traffic.speed_limit.{round(mark.value)}")
        for mark in carla_map(name).get_all_landmarks_of_type("274")
    }
    signs = [sign for sign in Town.load(name).signs if "speed_limit" in sign.blueprint_id]
    assert {(sign.opendrive_id, sign.blueprint_id) for sign in signs} == of_client
    assert bool(signs) == (name in ("Town01", "Town02", "Town04", "Town07"))


@pytest.mark.parametrize(("t_m", "beyond_kmh"), [(-4.0, 30.0), (4.0, 25 * 1.609344)])
def test_a_speed_sign_holds_for_its_side_of_the_road(t_m: float, beyond_kmh: float) -> None:
    """The road states 25 mph; from a sign on its right (t < 0) on, the right lane may drive 30 km/h."""
    sign = f'<objects><object id="9" name="Speed_30" s="20" t="{t_m}" orientation="-" type="-1"/></objects>'
    mph = '<type s="0" type="town"><speed max="25" unit="mph"/></type>'
    town = Town.from_opendrive("Mine", opendrive(road(1, type_=mph).replace("</road>", sign + "</road>")))
    assert town.roads.query(10.0, 1.75, 0.0)["limit_kmh"] == pytest.approx(25 * 1.609344)
    assert town.roads.query(60.0, 1.75, 0.0)["limit_kmh"] == pytest.approx(beyond_kmh)
