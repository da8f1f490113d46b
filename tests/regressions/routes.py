"""Routes drawn by chance: nobody tuned the expert, the margins or the gate for them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import carla
import numpy as np

from scenarios.lane_graph import LaneGraph
from scenarios.planner import RouteError, trace_route
from scenarios.route import Route
from tests.support.kinematic_town import town_map

LENGTH_M = (300.0, 600.0)
KEYPOINT_EVERY_M = 30.0
"""So dense that there is one way only to join them."""

_MOST_DRAWS = 400
_DETOUR = 1.1


def draw_suite(path: Path, towns: Sequence[str], per_town: int, seed: int) -> Path:
    """Write a route file with so many drawn routes in each town; returns its path.

    Raises:
        RuntimeError: a town has too few ways to drive.
    """
    rng = np.random.default_rng(seed)
    routes = [route for town in towns for route in draw_routes(town, per_town, rng)]
    path.write_text("<routes>\n" + "\n".join(map(_element, routes)) + "\n</routes>\n")
    return path


def draw_routes(town: str, count: int, rng: np.random.Generator) -> list[Route]:
    """Draw routes: a start by chance, a way by chance at every fork.

    A route is kept if it crosses a junction, and if the planner goes the way that was drawn.
    """
    world_map = town_map(town)
    graph = LaneGraph.from_map(world_map)
    starts = world_map.generate_waypoints(20.0)
    found: list[Route] = []
    for _ in range(_MOST_DRAWS):
        start = starts[int(rng.integers(len(starts)))]
        points = _walk(start, float(rng.uniform(*LENGTH_M)), rng)
        if len(points) < 2:
            continue
        keypoints = np.array([[p.x, p.y, p.z] for p in (point.transform.location for point in points)])
        route = Route(f"{town}-{len(found) + 1}", town, keypoints, (), (), "drawn")
        if _is_drivable(route, graph):
            found.append(route)
            if len(found) == count:
                return found
    raise RuntimeError(f"{town}: only {len(found)} of {count} routes in {_MOST_DRAWS} draws")


def _walk(start: carla.Waypoint, length_m: float, rng: np.random.Generator) -> list[carla.Waypoint]:
    """Follow the lanes; empty if a road ends, if it begins or ends in a junction, or crosses none."""
    points, junctions = [start], 0
    for _ in range(round(length_m / KEYPOINT_EVERY_M)):
        following = points[-1].next(KEYPOINT_EVERY_M)
        if not following:
            return []
        points.append(following[int(rng.integers(len(following)))])
        junctions += points[-1].is_junction
    whole = junctions and not start.is_junction and not points[-1].is_junction
    return points if whole else []


def _is_drivable(route: Route, graph: LaneGraph) -> bool:
    try:
        length_m = trace_route(graph, route).length_m
    except RouteError:
        return False
    drawn_m = KEYPOINT_EVERY_M * (len(route.keypoints) - 1)
    return drawn_m / _DETOUR < length_m < drawn_m * _DETOUR


def _element(route: Route) -> str:
    positions = "".join(f'<position x="{x:.3f}" y="{y:.3f}" z="{z:.3f}"/>' for x, y, z in route.keypoints)
    return f'<route id="{route.id}" town="{route.town}"><waypoints>{positions}</waypoints></route>'
