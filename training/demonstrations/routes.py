"""Random routes over a town: short, through many junctions, every lane about equally often."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scenarios.lane_graph import LaneGraph
from scenarios.planner import RouteError, trace_route
from scenarios.route import Route
from scenarios.weathers import keyframes

_SPACING_M = 40.0
_MARGIN_M = 3.0
_SHORTEST_SHARE = 0.5
_DETOUR_SHARE = 1.25
_TRIES_PER_ROUTE = 50


class RouteDrawError(ValueError):
    """A town has too few lanes for routes of this length."""


def draw_routes(
    graph: LaneGraph, town: str, count: int, length_m: float, weathers: Sequence[str], seed: int
) -> tuple[Route, ...]:
    """Draw routes by walks along the lanes that prefer turns taken seldom so far.

    Args:
        graph: of the town.
        town: its name.
        count: of routes; the i-th is the same however many are drawn.
        length_m: about how long each is.
        weathers: names of `scenarios.weathers`, taken in turn.
        seed: of all of them.

    Raises:
        RouteDrawError: no walk is long enough.
    """
    rng = np.random.default_rng([seed, *town.encode()])
    visits = np.zeros(graph.segment_count)
    routes: list[Route] = []
    for _ in range(count * _TRIES_PER_ROUTE):
        if len(routes) == count:
            break
        walk = _walk(graph, rng, visits, length_m)
        start_share = float(rng.uniform(0.1, 0.7))
        number = len(routes)
        route = Route(
            id=f"{town}-{seed}-{number:04d}",
            town=town,
            keypoints=_keypoints(graph, walk, start_share, length_m),
            weather=keyframes(weathers[number % len(weathers)]),
            scenarios=(),
            source="drawn",
        )
        if not _is_good(graph, route, length_m):
            continue
        visits[walk] += 1.0
        routes.append(route)
    if len(routes) < count:
        raise RouteDrawError(
            f"{town} gave {len(routes)} of {count} routes of {length_m:g} m: ask for shorter ones"
            " (--route-length)"
        )
    return tuple(routes)


def _walk(graph: LaneGraph, rng: np.random.Generator, visits: np.ndarray, length_m: float) -> list[int]:
    """Segments of a walk: it begins outside junctions and ends there."""
    starts = np.flatnonzero(~graph.in_junction & (graph.length_m > 2.0 * _MARGIN_M))
    weights = graph.length_m[starts] / (1.0 + visits[starts]) ** 2
    here = int(rng.choice(starts, p=weights / weights.sum()))
    walk, gone_m = [here], 0.5 * float(graph.length_m[here])
    while gone_m < length_m or graph.in_junction[here]:
        following = graph.successors[here]
        if not following:
            break
        share = 1.0 / (1.0 + visits[list(following)]) ** 2
        here = int(following[int(rng.choice(len(following), p=share / share.sum()))])
        walk.append(here)
        gone_m += float(graph.length_m[here])
    while walk and graph.in_junction[walk[-1]]:
        walk.pop()
    return walk


def _keypoints(graph: LaneGraph, walk: list[int], start_share: float, length_m: float) -> np.ndarray:
    """Points on the lanes of a walk, none in a junction; it begins at a share of the first lane."""
    points: list[np.ndarray] = []
    gone_m = 0.0
    for order, segment in enumerate(walk):
        if graph.in_junction[segment]:
            gone_m += float(graph.length_m[segment])
            continue
        here = graph.points(segment)
        along = graph.distance_m[here]
        begin = start_share * float(along[-1]) if order == 0 else min(_MARGIN_M, 0.5 * float(along[-1]))
        end = max(float(along[-1]) - _MARGIN_M, begin)
        if gone_m + end - begin > length_m:
            end = max(min(begin + length_m - gone_m, end), begin)
        at_m = np.arange(begin, end + 1e-6, _SPACING_M)
        if end - at_m[-1] > _MARGIN_M:
            at_m = np.append(at_m, end)
        points += [graph.location[here][int(np.argmin(np.abs(along - m)))] for m in at_m]
        gone_m += end - begin
        if gone_m >= length_m:
            break
    return np.array(points).reshape(-1, 3)


def _is_good(graph: LaneGraph, route: Route, length_m: float) -> bool:
    """Whether it can be traced without detours and is long enough."""
    if len(route.keypoints) < 2:
        return False
    try:
        traced_m = trace_route(graph, route).length_m
    except RouteError:
        return False
    return _SHORTEST_SHARE * length_m <= traced_m <= _DETOUR_SHARE * length_m + 60.0
