"""The road surface: heights on bridges and below them, slopes, and what happens beside the roads."""

from __future__ import annotations

import math

import carla
import numpy as np
import pytest

from simulator.world.town import Town
from simulator.world.world import World


def crossings(town: Town) -> list[tuple[float, float, float, float]]:
    """Places where one road passes over another: x, y, lower and upper height."""
    where = town.lanes.location
    found = []
    cells: dict[tuple[int, int], list[int]] = {}
    for i, (x, y, _) in enumerate(where):
        cells.setdefault((int(x // 2), int(y // 2)), []).append(i)
    for members in cells.values():
        heights = where[members, 2]
        if heights.max() - heights.min() > 4.0:
            low, high = members[int(np.argmin(heights))], members[int(np.argmax(heights))]
            found.append((where[low, 0], where[low, 1], where[low, 2], where[high, 2]))
    return found


def test_the_asker_decides_between_a_bridge_and_the_road_below() -> None:
    town = Town.load("Town04")
    places = crossings(town)
    assert len(places) > 10
    for x, y, low, high in places:
        assert town.roads.query(x, y, low + 0.5)["ground_z"] == pytest.approx(low, abs=0.4)
        assert town.roads.query(x, y, high + 0.5)["ground_z"] == pytest.approx(high, abs=0.4)
        assert town.roads.query(x, y, high + 30.0)["ground_z"] == pytest.approx(high, abs=0.4)


def test_cars_drive_on_the_bridge_and_below_it() -> None:
    town = Town.load("Town04")
    map_ = carla.Map("Town04", town.opendrive)
    x, y, low, high = crossings(town)[0]
    for height in (low, high):
        world = World(town, seed=0)
        start = map_.get_waypoint(carla.Location(x, y, height)).previous(30.0)[0].transform
        pose = (start.location.x, start.location.y, start.location.z + 0.3, 0.0, start.rotation.yaw, 0.0)
        car = world.spawn(world.library["vehicle.tesla.model3"], (), pose)
        world.enable_constant_velocity(car.id, (15.0, 0.0, 0.0))
        for _ in range(60):
            world.tick(0.05)
            at = world.transform(car.id)
            beneath = map_.get_waypoint(carla.Location(*at[:3]))
            assert at[2] == pytest.approx(beneath.transform.location.z, abs=0.45)


@pytest.mark.parametrize("name", ["Town01", "Town04", "Town07", "Town10HD"])
def test_heights_and_slopes_agree_with_the_lane_centres(name: str) -> None:
    town = Town.load(name)
    map_ = carla.Map(name, town.opendrive)
    heights, slopes = [], []
    for point in map_.generate_waypoints(7.3):
        at, rotation = point.transform.location, point.transform.rotation
        answer = town.roads.query(at.x, at.y, at.z + 0.2)
        yaw = math.radians(rotation.yaw)
        slope = answer["grade_x"] * math.cos(yaw) + answer["grade_y"] * math.sin(yaw)
        heights.append(abs(answer["ground_z"] - at.z))
        slopes.append(abs(slope - math.tan(math.radians(rotation.pitch))))
    assert np.quantile(heights, 0.99) < 0.05
    assert max(heights) < 0.4
    assert np.quantile(slopes, 0.99) < 0.03, "lanes of a junction rise differently at the same place"


def test_the_surface_has_no_steps_along_a_lane() -> None:
    town = Town.load("Town04")
    map_ = carla.Map("Town04", town.opendrive)
    steep = max(town.spawn_points, key=lambda p: p[3])
    point = map_.get_waypoint(carla.Location(*steep[:3]))
    last = None
    for _ in range(400):
        at = point.transform.location
        height = float(town.roads.query(at.x, at.y, at.z + 0.2)["ground_z"])
        if last is not None:
            assert abs(height - last) < 0.1 * 0.12
        last = height
        point = point.next(0.1)[0]


def test_beside_the_roads_the_ground_goes_on_level() -> None:
    town = Town.load("Town07")
    lows, highs = town.lanes.location.min(axis=0), town.lanes.location.max(axis=0)
    for x in np.linspace(lows[0] - 100.0, highs[0] + 100.0, 40):
        for y in np.linspace(lows[1] - 100.0, highs[1] + 100.0, 40):
            answer = town.roads.query(x, y, highs[2])
            nearest = np.hypot(*(town.lanes.location[:, :2] - (x, y)).T).min()
            assert answer["road_distance_m"] == pytest.approx(nearest, rel=0.45, abs=0.01)
            assert lows[2] - 0.5 < answer["ground_z"] < highs[2] + 0.5
            if nearest > 8.0:
                assert answer["grade_x"] == answer["grade_y"] == 0.0
