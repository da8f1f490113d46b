"""Route -> DenseRoute: key points matched to lanes and joined along them, with a command per point.

What agrees with CARLA's GlobalRoutePlanner (PythonAPI `agents/navigation/global_route_planner.py`, 0.9.16):
points about 1 m apart on lane centres; LEFT, RIGHT or STRAIGHT on every point inside a junction, decided once
per passage from the heading before it and the heading at its end (STRAIGHT below 35 degrees, then by the side
on which the other branches leave); CHANGELANE* on the points of a lane change; LANEFOLLOW on the rest.

What differs, on purpose:
- Among lanes that are about equally near, a key point is matched by the way through all key points. In
  junctions, where lanes lie on top of each other, the nearest lane alone sends the official planner round the
  block (measured: Longest6 routes 18, 20 and 23 become 9, 52 and 27 % longer). Elsewhere the nearest lane
  counts.
- The command of a junction does not restart at a key point inside it.
- A lane change is drawn out: up to 30 m from one centre line to the other (less where the section or the next
  key point leaves less), where the official planner jumps one lane width within 5 m. So the route has no
  lateral jump and can be driven as it stands. It may change lanes sooner or later than the official one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from scenarios.lane_graph import LaneGraph, LaneMatch
from scenarios.lane_search import Link, Way, shortest_ways
from scenarios.route import DenseRoute, Float, RoadOption, Route

MAX_OFF_ROAD_M = 4.0
"""A key point farther than this from every driving lane's centre is a mistake in the route file."""

_STRAIGHT_BELOW_RAD = math.radians(35.0)
_CHANGE_POINTS = 30
_MATCH_SLACK_M = 1.0
_MATCH_WEIGHT = 50.0
"""Metres of driving that a metre of distance from the key point is worth."""

_OPTION_OF_LINK = {
    Link.CHANGE_LEFT: RoadOption.CHANGELANELEFT,
    Link.CHANGE_RIGHT: RoadOption.CHANGELANERIGHT,
}


class RouteError(ValueError):
    """A route cannot be traced over its town's lanes.

    Attributes:
        source: file of the route.
        route_id: its id.
        keypoint: 0-based index of the key point at fault.
        distance_m: how far that key point is off the road, or None if it is on it but cannot be reached.
    """

    def __init__(
        self, route: Route, keypoint: int, problem: str, remedy: str, distance_m: float | None
    ) -> None:
        place = ", ".join(f"{value:.2f}" for value in route.keypoints[keypoint])
        super().__init__(
            f"{route.source}, route {route.id}, key point {keypoint} ({place}) in {route.town}: {problem};"
            f" {remedy}"
        )
        self.source = route.source
        self.route_id = route.id
        self.keypoint = keypoint
        self.distance_m = distance_m


@dataclass(frozen=True, slots=True)
class _Choice:
    """The best way so far that ends at one match of a key point."""

    match: LaneMatch
    cost_m: float
    ways: tuple[Way, ...]


def trace_route(graph: LaneGraph, route: Route) -> DenseRoute:
    """Join a route's key points along the lanes of its town.

    Args:
        graph: lanes of the route's town.
        route: the sparse route.

    Returns:
        Points about 1 m apart (0.5 to 1.6 m), starting and ending at the lane points nearest to the first and
        the last key point.

    Raises:
        RouteError: a key point is off the road, or cannot be reached from the one before it.
    """
    choices = [_Choice(match, _MATCH_WEIGHT * match.distance_m, ()) for match in _matches(graph, route, 0)]
    for i in range(1, len(route.keypoints)):
        choices = _advance(graph, route, i, choices)
    best = min(choices, key=lambda choice: choice.cost_m)
    dense = _draw(graph, [stretch for way in best.ways for stretch in _stretches(way)])
    if dense is None:
        remedy = "move it ahead along the lane"
        raise RouteError(route, len(route.keypoints) - 1, "the route has no length", remedy, None)
    return dense


def _matches(graph: LaneGraph, route: Route, keypoint: int) -> tuple[LaneMatch, ...]:
    matches = graph.near(route.keypoints[keypoint], 4.0 * MAX_OFF_ROAD_M)
    if not matches or matches[0].distance_m > MAX_OFF_ROAD_M:
        nearest_m = matches[0].distance_m if matches else math.inf
        far = f"{nearest_m:.1f} m" if matches else f"more than {4.0 * MAX_OFF_ROAD_M:.0f} m"
        problem = f"is {far} from the nearest driving lane (at most {MAX_OFF_ROAD_M:g} m is taken as on it)"
        raise RouteError(route, keypoint, problem, "move it onto a lane, or check the town", nearest_m)
    limit_m = min(matches[0].distance_m + _MATCH_SLACK_M, MAX_OFF_ROAD_M)
    return tuple(match for match in matches if match.distance_m <= limit_m)


def _advance(graph: LaneGraph, route: Route, keypoint: int, choices: list[_Choice]) -> list[_Choice]:
    """One step of the Viterbi search over the matches of the key points."""
    matches = _matches(graph, route, keypoint)
    targets = [match.point for match in matches]
    table = [shortest_ways(graph, choice.match.point, targets) for choice in choices]
    result = []
    for j, match in enumerate(matches):
        reached = [
            (choice.cost_m + way.cost_m, choice.ways, way)
            for choice, ways in zip(choices, table, strict=True)
            if (way := ways[j]) is not None
        ]
        if reached:
            cost_m, before, way = min(reached, key=lambda entry: entry[0])
            result.append(_Choice(match, cost_m + _MATCH_WEIGHT * match.distance_m, (*before, way)))
    if not result:
        problem = f"cannot be reached from key point {keypoint - 1} along the lanes"
        raise RouteError(route, keypoint, problem, "check its lane and driving direction", None)
    return result


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Points of one segment, or of a change from one segment to its neighbour.

    Attributes:
        segment: the segment, or the one that a lane change leads to.
        first, last: offsets of its first and last point.
        old: the segment that a lane change leaves; `segment` itself outside of a change.
        change: LANEFOLLOW, or the option of the lane change.
    """

    segment: int
    first: int
    last: int
    old: int
    change: RoadOption


def _stretches(way: Way) -> list[_Stretch]:
    """Lay out the lane changes of one way, so that each ends before the key point at the way's end."""
    result = []
    spans = way.spans
    i = 0
    while i < len(spans):
        end = i  # spans i..end lie in one section, joined by lane changes
        while end + 1 < len(spans) and spans[end + 1].link is not Link.FOLLOW:
            end += 1
        at, last = spans[i].last, spans[end].last
        result.append(_Stretch(spans[i].segment, spans[i].first, at, spans[i].segment, RoadOption.LANEFOLLOW))
        for old, new in zip(spans[i:end], spans[i + 1 : end + 1], strict=True):
            room = min(_CHANGE_POINTS, (last - spans[i].last) // (end - i))
            result.append(_Stretch(new.segment, at, at + room, old.segment, _OPTION_OF_LINK[new.link]))
            at += room
        if end > i:
            segment = spans[end].segment
            result.append(_Stretch(segment, at, last, segment, RoadOption.LANEFOLLOW))
        i = end + 1
    return result


def _draw(graph: LaneGraph, stretches: list[_Stretch]) -> DenseRoute | None:
    """Turn stretches into points; None if they are all one place."""
    options = _options(graph, stretches)
    drawn = [_points(graph, stretch) for stretch in stretches]
    location = np.concatenate([part[0] for part in drawn])
    keep = _thin(location)
    if len(keep) < 2:
        return None
    location = location[keep]
    steps = np.linalg.norm(np.diff(location, axis=0), axis=1)
    return DenseRoute(
        location=location,
        rotation_deg=np.concatenate([part[1] for part in drawn])[keep],
        options=np.repeat(np.array(options), [len(part[0]) for part in drawn])[keep],
        distance_m=np.concatenate(([0.0], np.cumsum(steps))),
    )


def _points(graph: LaneGraph, stretch: _Stretch) -> tuple[Float, Float]:
    """Location and rotation of a stretch's points; a lane change slides over with zero slope at both ends."""
    offsets = np.arange(stretch.first, stretch.last + 1)
    new = graph.points(stretch.segment).start + offsets
    if stretch.change is RoadOption.LANEFOLLOW:
        return graph.location[new], graph.rotation_deg[new]
    old = graph.points(stretch.old).start + offsets
    share = (offsets - stretch.first) / (stretch.last - stretch.first)
    blend = (share * share * (3.0 - 2.0 * share))[:, None]
    return (1.0 - blend) * graph.location[old] + blend * graph.location[new], graph.rotation_deg[new]


def _thin(location: Float) -> list[int]:
    """Drop points that stand closer than half a step behind the last kept one: segments share their ends."""
    keep = [0]
    for i in range(1, len(location)):
        if math.dist(location[i], location[keep[-1]]) >= 0.5:
            keep.append(i)
    if keep[-1] != len(location) - 1:
        keep[-1 if len(keep) > 1 else 0] = len(location) - 1
    return keep


def _options(graph: LaneGraph, stretches: list[_Stretch]) -> list[int]:
    """The command of every stretch: lane changes as they are, one decision per passage of a junction."""
    options = [int(stretch.change) for stretch in stretches]
    i = 0
    while i < len(stretches):
        if not graph.in_junction[stretches[i].segment]:
            i += 1
            continue
        end = i
        while end + 1 < len(stretches) and graph.in_junction[stretches[end + 1].segment]:
            end += 1
        decision = int(_turn(graph, [stretch.segment for stretch in stretches], i, end))
        for k in range(i, end + 1):
            if stretches[k].change is RoadOption.LANEFOLLOW:
                options[k] = decision
        i = end + 1
    return options


def _turn(graph: LaneGraph, segments: list[int], first: int, last: int) -> RoadOption:
    """Which way a passage through a junction turns, by the rule of the GlobalRoutePlanner.

    CARLA's z axis points up in a left-handed frame: a negative cross product is a turn to the left.
    """
    before = _forward(graph, graph.points(segments[first]).start)
    branches: list[int] = []
    if first > 0:
        incoming = segments[first - 1]
        before = _forward(graph, graph.points(incoming).stop - 1)
        branches = [other for other in graph.successors[incoming] if other != segments[first]]
    after = _forward(graph, graph.points(segments[last]).stop - 1)
    if math.acos(float(np.clip(before @ after, -1.0, 1.0))) < _STRAIGHT_BELOW_RAD:
        return RoadOption.STRAIGHT
    turn = float(np.cross(before, after)[2])
    others = [float(np.cross(before, _chord(graph, other))[2]) for other in branches] or [0.0]
    if turn < min(others):
        return RoadOption.LEFT
    if turn > max(others):
        return RoadOption.RIGHT
    return RoadOption.LEFT if turn < 0.0 else RoadOption.RIGHT


def _forward(graph: LaneGraph, point: int) -> Float:
    pitch, yaw = np.radians(graph.rotation_deg[point, :2])
    return np.array([math.cos(pitch) * math.cos(yaw), math.cos(pitch) * math.sin(yaw), math.sin(pitch)])


def _chord(graph: LaneGraph, segment: int) -> Float:
    points = graph.points(segment)
    chord = graph.location[points.stop - 1] - graph.location[points.start]
    return np.asarray(chord / max(float(np.linalg.norm(chord)), 1e-9))
