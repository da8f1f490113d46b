"""The lane graph against the client's own map reader, on every shipped town."""

from __future__ import annotations

import carla
import numpy as np
import pytest

from scenarios.lane_graph import LaneGraph
from scenarios.lane_search import Link, shortest_ways
from tests.support.kinematic_town import town_map

TOWNS = ("Town01", "Town02", "Town04", "Town06", "Town07", "Town10HD")


@pytest.fixture(scope="module", params=TOWNS)
def town(request: pytest.FixtureRequest) -> tuple[carla.Map, LaneGraph]:
    lane_map = town_map(request.param)
    return lane_map, LaneGraph.from_map(lane_map)


def test_tables_are_consistent(town: tuple[carla.Map, LaneGraph]) -> None:
    _, graph = town
    assert graph.segment_start[-1] == len(graph.location) == len(graph.segment_of)
    np.testing.assert_array_equal(np.diff(graph.segment_of) >= 0, True)
    steps = np.linalg.norm(np.diff(graph.location, axis=0), axis=1)
    inside = np.diff(graph.segment_of) == 0
    assert steps[inside].max() < 1.6
    assert steps[inside].min() > 0.0
    np.testing.assert_allclose(np.diff(graph.distance_m)[inside], steps[inside], atol=1e-9)
    ends = graph.segment_start[1:] - 1
    np.testing.assert_allclose(graph.distance_m[ends], graph.length_m, atol=1e-9)


def test_points_run_in_driving_direction(town: tuple[carla.Map, LaneGraph]) -> None:
    _, graph = town
    step = np.diff(graph.location[:, :2], axis=0)
    inside = (np.diff(graph.segment_of) == 0) & (np.linalg.norm(step, axis=1) > 0.5)
    yaw = np.radians(graph.rotation_deg[:-1, 1])
    forward = step[:, 0] * np.cos(yaw) + step[:, 1] * np.sin(yaw)
    assert (forward[inside] > 0.9 * np.linalg.norm(step, axis=1)[inside]).all()


def test_successors_touch_and_predecessors_mirror_them(town: tuple[carla.Map, LaneGraph]) -> None:
    _, graph = town
    for segment, ways in enumerate(graph.successors):
        end = graph.location[graph.points(segment).stop - 1]
        for way in ways:
            assert np.linalg.norm(graph.location[graph.points(way).start] - end) < 1.0
            assert segment in graph.predecessors[way]
    links = sum(len(ways) for ways in graph.successors)
    assert links == sum(len(ways) for ways in graph.predecessors)


def test_neighbours_run_beside_in_the_same_direction(town: tuple[carla.Map, LaneGraph]) -> None:
    _, graph = town
    for side, sign in ((0, -1.0), (1, 1.0)):
        for segment in np.flatnonzero(graph.beside[:, side] >= 0):
            other = int(graph.beside[segment, side])
            assert graph.beside[other, 1 - side] == segment
            a, b = graph.points(int(segment)), graph.points(other)
            middle = min(a.stop - a.start, b.stop - b.start) // 2
            across = graph.location[b.start + middle] - graph.location[a.start + middle]
            yaw = np.radians(graph.rotation_deg[a.start + middle, 1])
            beside_m = float(-across[0] * np.sin(yaw) + across[1] * np.cos(yaw))
            assert beside_m * sign > 0.2, "CARLA's y axis points to the right"
    assert (graph.left[graph.in_junction] == -1).all()
    assert ((graph.left == -1) | (graph.left == graph.beside[:, 0])).all()
    assert ((graph.right == -1) | (graph.right == graph.beside[:, 1])).all()


def test_lane_changes_agree_with_the_client(town: tuple[carla.Map, LaneGraph]) -> None:
    lane_map, graph = town
    rng = np.random.default_rng(3)
    for point in rng.choice(len(graph.location), 200, replace=False):
        segment = int(graph.segment_of[point])
        lane_point = lane_map.get_waypoint_xodr(
            int(graph.road_id[segment]), int(graph.lane_id[segment]), float(graph.s_m[point])
        )
        if lane_point is None or lane_point.section_id != graph.section_id[segment] or lane_point.is_junction:
            continue
        left = lane_point.get_left_lane()
        can = bool(int(lane_point.lane_change) & int(carla.LaneChange.Left)) and left is not None
        can = can and left.lane_type == carla.LaneType.Driving and left.lane_id * lane_point.lane_id > 0
        assert bool(graph.may_change[point, 0]) == can


def test_nearest_agrees_with_the_client(town: tuple[carla.Map, LaneGraph]) -> None:
    lane_map, graph = town
    rng = np.random.default_rng(7)
    for point in rng.choice(len(graph.location), 200, replace=False):
        place = graph.location[point] + np.append(rng.normal(0.0, 1.0, 2), 0.0)
        truth = lane_map.get_waypoint(carla.Location(*place.tolist())).transform.location
        match = graph.nearest(place)
        assert match is not None
        assert match.distance_m <= np.linalg.norm(place - [truth.x, truth.y, truth.z]) + 0.8


def test_nearest_takes_the_hint() -> None:
    """On a straight two-way road the hint decides between the lane and the oncoming one."""
    graph = LaneGraph.from_map(town_map("Town01"))
    segment = int(np.argmax(graph.length_m))
    point = graph.points(segment).start + 100
    yaw = float(graph.rotation_deg[point, 1])
    along, against = (graph.nearest(graph.location[point], yaw + turn) for turn in (5.0, 175.0))
    assert along is not None
    assert against is not None
    assert along.point == point
    assert graph.lane_id[graph.segment_of[against.point]] == -graph.lane_id[segment]


def test_nearest_far_from_any_lane_is_none() -> None:
    graph = LaneGraph.from_map(town_map("Town02"))
    assert graph.nearest((1e5, 1e5, 0.0)) is None
    assert graph.near(graph.location[0] + [0.0, 0.0, 50.0], 10.0) == ()


def test_shortest_way_along_one_segment_is_its_arc() -> None:
    graph = LaneGraph.from_map(town_map("Town01"))
    segment = int(np.argmax(graph.length_m))
    points = graph.points(segment)
    (way,) = shortest_ways(graph, points.start, [points.stop - 1])
    assert way is not None
    assert len(way.spans) == 1
    assert way.cost_m == pytest.approx(graph.length_m[segment])


def test_shortest_way_back_goes_round_the_block() -> None:
    graph = LaneGraph.from_map(town_map("Town01"))
    segment = int(np.argmax(graph.length_m))
    points = graph.points(segment)
    (way,) = shortest_ways(graph, points.start + 20, [points.start + 10])
    assert way is not None
    assert way.cost_m > graph.length_m[segment]
    assert way.spans[0].segment == way.spans[-1].segment == segment
    for a, b in zip(way.spans, way.spans[1:], strict=False):
        assert b.link is Link.FOLLOW
        assert b.segment in graph.successors[a.segment]


def test_unreachable_is_none() -> None:
    graph = LaneGraph.from_map(town_map("Town06"))
    dead_ends = [segment for segment, ways in enumerate(graph.successors) if not ways]
    assert dead_ends, "Town06 has a lane that leads nowhere"
    source = graph.points(dead_ends[0]).stop - 1
    beside = set(graph.beside[dead_ends[0]].tolist())
    target = next(s for s in range(graph.segment_count) if s not in beside and s != dead_ends[0])
    (way,) = shortest_ways(graph, source, [graph.points(target).start])
    assert way is None
