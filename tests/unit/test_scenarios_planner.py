"""Dense routes: all shipped routes in the towns at hand, and the errors of unusable ones."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from scenarios.lane_graph import LaneGraph
from scenarios.planner import RouteError, trace_route
from scenarios.route import DenseRoute, RoadOption, Route
from scenarios.suites import suite
from tests.support.kinematic_town import town_map

ROUTES = {
    f"{name}-{route.id}": route
    for name in ("longest6", "longest6v2")
    for route in suite(f"{name}-available").routes
}
COMMANDS_OF_ROUTE_0 = ["LEFT", "STRAIGHT", "LEFT", "RIGHT", "RIGHT", "LEFT"]
"""Read off the route; CARLA's own planner gives the same sequence."""

CHANGES = (RoadOption.CHANGELANELEFT, RoadOption.CHANGELANERIGHT)


@pytest.fixture(scope="module")
def graphs() -> dict[str, LaneGraph]:
    return {town: LaneGraph.from_map(town_map(town)) for town in ("Town01", "Town02", "Town04", "Town06")}


@pytest.fixture(scope="module")
def dense(graphs: dict[str, LaneGraph]) -> dict[str, DenseRoute]:
    return {name: trace_route(graphs[route.town], route) for name, route in ROUTES.items()}


@pytest.mark.parametrize("name", ROUTES)
def test_steps(dense: dict[str, DenseRoute], name: str) -> None:
    route = dense[name]
    steps = np.linalg.norm(np.diff(route.location, axis=0), axis=1)
    np.testing.assert_allclose(np.diff(route.distance_m), steps, atol=1e-9)
    assert route.distance_m[0] == 0.0
    assert steps.min() >= 0.5
    changing = np.isin(route.options[1:], CHANGES)
    assert steps[~changing].max() < 1.6
    assert steps.max() < 2.0


@pytest.mark.parametrize("name", ROUTES)
def test_never_backwards(dense: dict[str, DenseRoute], name: str) -> None:
    route = dense[name]
    step = np.diff(route.location[:, :2], axis=0)
    yaw = np.radians(route.rotation_deg[:-1, 1])
    assert (step[:, 0] * np.cos(yaw) + step[:, 1] * np.sin(yaw)).min() > 0.4


@pytest.mark.parametrize("name", ROUTES)
def test_passes_every_key_point_in_order(dense: dict[str, DenseRoute], name: str) -> None:
    reached = _passages(dense[name], ROUTES[name])
    assert len(reached) == len(ROUTES[name].keypoints)


@pytest.mark.parametrize("name", sorted(set(ROUTES) - {"longest6-22", "longest6v2-22"}))
def test_no_way_round_the_block(dense: dict[str, DenseRoute], name: str) -> None:
    """Between two key points the route is hardly longer than the straight line (one bend at most)."""
    route = ROUTES[name]
    reached = _passages(dense[name], route)
    along = np.diff(dense[name].distance_m[reached])
    straight = np.linalg.norm(np.diff(route.keypoints, axis=0), axis=1)
    assert (along < 1.5 * straight + 30.0).all()
    assert dense[name].length_m < 1.12 * straight.sum()


@pytest.mark.parametrize("name", ["longest6-22", "longest6v2-22"])
def test_loops_that_the_file_asks_for(dense: dict[str, DenseRoute], name: str) -> None:
    """Key points 7, 8 and 10 of route 22 stand on the oncoming lane; CARLA's planner drives as far."""
    assert dense[name].length_m == pytest.approx(2586.0, abs=5.0)


def _passages(dense: DenseRoute, route: Route) -> list[int]:
    reached: list[int] = []
    at = 0
    for keypoint in route.keypoints:
        distance = np.linalg.norm(dense.location[at:] - keypoint, axis=1)
        within = np.flatnonzero(distance < 2.5)
        if not len(within):
            break
        nearest = int(within[0])
        while nearest + 1 < len(distance) and distance[nearest + 1] < distance[nearest]:
            nearest += 1
        at += nearest
        reached.append(at)
    return reached


def test_both_versions_of_longest6_give_the_same_routes(dense: dict[str, DenseRoute]) -> None:
    for route in suite("longest6-available").routes:
        a, b = dense[f"longest6-{route.id}"], dense[f"longest6v2-{route.id}"]
        np.testing.assert_allclose(a.location, b.location, atol=1e-6)
        np.testing.assert_array_equal(a.options, b.options)


def test_lengths_are_those_of_the_set(dense: dict[str, DenseRoute]) -> None:
    lengths = [route.length_m for route in dense.values()]
    assert min(lengths) > 650.0
    assert max(lengths) < 3000.0


def test_commands_in_a_small_town(dense: dict[str, DenseRoute]) -> None:
    """Town01 has one lane each way: turns happen in junctions and nowhere else."""
    route = dense["longest6-0"]
    runs = route.options[np.flatnonzero(np.diff(route.options, prepend=-9))]
    names = [RoadOption(int(option)).name for option in runs if option != RoadOption.LANEFOLLOW]
    assert names == COMMANDS_OF_ROUTE_0
    assert RoadOption.LANEFOLLOW in (route.options[0], route.options[-1])


def test_turns_follow_the_heading(dense: dict[str, DenseRoute]) -> None:
    """CARLA's yaw grows to the right: through a RIGHT the heading grows, through a LEFT it falls."""
    for route in dense.values():
        yaw = np.unwrap(np.radians(route.rotation_deg[:, 1]))
        edges = np.flatnonzero(np.diff(route.options, prepend=-9, append=-9))
        for begin, end in itertools.pairwise(edges):
            turned = np.degrees(yaw[min(end, len(yaw) - 1)] - yaw[begin])
            if route.options[begin] == RoadOption.STRAIGHT:
                assert abs(turned) < 40.0
            elif route.options[begin] == RoadOption.LEFT and begin > 0 and end < len(yaw):
                assert turned < 0.0
            elif route.options[begin] == RoadOption.RIGHT and begin > 0 and end < len(yaw):
                assert turned > 0.0


def test_lane_changes_slide_sideways(dense: dict[str, DenseRoute]) -> None:
    """A change moves a lane's width to the named side, in small steps."""
    for route in dense.values():
        edges = np.flatnonzero(np.diff(route.options, prepend=-9, append=-9))
        for begin, end in itertools.pairwise(edges):
            if route.options[begin] not in CHANGES or end - begin < 20 or end == len(route.options):
                continue
            shift = _sideways(route, begin, end)
            side = -1.0 if route.options[begin] == RoadOption.CHANGELANELEFT else 1.0
            assert shift * side > 2.5


def _sideways(route: DenseRoute, begin: int, end: int) -> float:
    step = np.diff(route.location[begin - 1 : end + 1, :2], axis=0)
    yaw = np.radians(route.rotation_deg[begin - 1 : end, 1])
    return float((-step[:, 0] * np.sin(yaw) + step[:, 1] * np.cos(yaw)).sum())


def test_key_point_off_the_road(graphs: dict[str, LaneGraph]) -> None:
    route = ROUTES["longest6-0"]
    moved = np.array(route.keypoints)
    moved[4] += [25.0, 0.0, 0.0]
    with pytest.raises(RouteError) as caught:
        trace_route(graphs["Town01"], replace(route, keypoints=moved))
    error = caught.value
    assert (error.source, error.route_id, error.keypoint) == ("longest6.xml", "0", 4)
    assert error.distance_m is not None
    assert error.distance_m > 4.0
    assert f"{error.distance_m:.1f} m" in str(error) or "more than" in str(error)


def test_wrong_town(graphs: dict[str, LaneGraph]) -> None:
    with pytest.raises(RouteError, match=r"key point \d+ .*check the town"):
        trace_route(graphs["Town06"], ROUTES["longest6-0"])


def test_height_counts(graphs: dict[str, LaneGraph]) -> None:
    route = ROUTES["longest6-0"]
    with pytest.raises(RouteError, match="key point 0 "):
        trace_route(graphs["Town01"], replace(route, keypoints=route.keypoints + np.array([0.0, 0.0, 6.0])))


def test_unreachable_key_point(graphs: dict[str, LaneGraph]) -> None:
    graph = graphs["Town06"]
    dead_end = next(segment for segment, ways in enumerate(graph.successors) if not ways)
    start = graph.location[graph.points(dead_end).stop - 1]
    beside = set(graph.beside[dead_end].tolist())
    far = next(
        graph.location[graph.points(s).start]
        for s in range(graph.segment_count)
        if s not in beside and np.linalg.norm(graph.location[graph.points(s).start] - start) > 300.0
    )
    keypoints = np.array([start, far])
    with pytest.raises(RouteError, match="cannot be reached from key point 0") as caught:
        trace_route(graph, replace(ROUTES["longest6-30"], keypoints=keypoints))
    assert (caught.value.keypoint, caught.value.distance_m) == (1, None)


def test_route_without_length(graphs: dict[str, LaneGraph]) -> None:
    route = ROUTES["longest6-0"]
    with pytest.raises(RouteError, match="no length"):
        trace_route(graphs["Town01"], replace(route, keypoints=route.keypoints[[0, 0]]))
