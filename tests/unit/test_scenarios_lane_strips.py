"""Lane strips: thinned, but within a hand's breadth of the lanes; cut off where nobody looks."""

from __future__ import annotations

import numpy as np
import pytest
from shapely import LineString, Point

from scenarios.lane_graph import LaneGraph
from scenarios.lane_strips import Border, LaneStrips
from tests.support.kinematic_town import town_map

TOWNS = ("Town01", "Town04", "Town10HD")
TOLERANCE_M = 0.05


@pytest.fixture(scope="module", params=TOWNS)
def town(request: pytest.FixtureRequest) -> tuple[LaneGraph, LaneStrips]:
    graph = LaneGraph.from_map(town_map(request.param))
    return graph, LaneStrips.of(graph)


def test_thinned_borders_stay_beside_the_lanes(town: tuple[LaneGraph, LaneStrips]) -> None:
    graph, strips = town
    assert len(strips.left_in_world) < 0.5 * len(graph.location)
    for segment in range(0, graph.segment_count, 7):
        piece = slice(strips.start[segment], strips.start[segment + 1])
        points = graph.points(segment)
        middle = graph.location[points, :2]
        for border in (strips.left_in_world[piece], strips.right_in_world[piece]):
            line = LineString(border)
            off = [line.distance(Point(place)) for place in middle]
            assert np.abs(np.array(off) - 0.5 * graph.width_m[points]).max() < 2.5 * TOLERANCE_M + 0.1


def test_left_is_left(town: tuple[LaneGraph, LaneStrips]) -> None:
    graph, strips = town
    first = strips.start[:-1]
    yaw = np.radians(graph.rotation_deg[graph.segment_start[:-1], 1])
    across = strips.right_in_world[first] - strips.left_in_world[first]
    to_the_right = across[:, 1] * np.cos(yaw) - across[:, 0] * np.sin(yaw)  # y to the right of x
    np.testing.assert_allclose(to_the_right, graph.width_m[graph.segment_start[:-1]], atol=1e-6)


def test_borders_know_what_is_beyond(town: tuple[LaneGraph, LaneStrips]) -> None:
    graph, strips = town
    assert ((strips.right == Border.SAME_WAY) == (graph.beside[:, 1] >= 0)).all()
    assert (strips.right != Border.OTHER_WAY).all()
    assert (strips.left == Border.OTHER_WAY).any()
    oncoming = np.flatnonzero(strips.left == Border.OTHER_WAY)
    assert (np.abs(graph.lane_id[oncoming]) == 1).all()


def test_only_what_is_near_a_route_is_kept(town: tuple[LaneGraph, LaneStrips]) -> None:
    graph, strips = town
    route = graph.location[graph.points(0)]
    near = strips.near(route, 50.0)
    assert 0 < len(near.left) <= len(strips.left) + len(near.left)
    assert (np.diff(near.start) >= 2).all()
    assert near.start[-1] == len(near.left_in_world) == len(near.right_in_world)
    middle = 0.5 * (near.left_in_world + near.right_in_world)
    distance = np.linalg.norm(middle[:, None] - route[None, :, :2], axis=2).min(axis=1)
    assert distance.max() < 60.0
    # Nothing near is lost: every lane point within the radius has a strip point within the longest step.
    inside = np.linalg.norm(graph.location[:, None, :2] - route[None, :, :2], axis=2).min(axis=1) < 40.0
    lost = np.linalg.norm(graph.location[inside][:, None, :2] - middle[None], axis=2).min(axis=1)
    assert lost.max() < 16.0
    assert strips.near(route + 1e5, 50.0).start.tolist() == [0]
