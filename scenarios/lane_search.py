"""Shortest drivable way between two lane points: Dijkstra over segments, with lane changes at a cost."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from scenarios.lane_graph import LaneGraph

CHANGE_COST_M = 5.0
"""What a lane change costs, as metres of driving: enough to avoid idle ones, too little to prefer a
detour."""

FORBIDDEN_CHANGE_COST_M = 50.0
"""What it costs where no marking allows it, or inside a junction. Route files ask for such changes (Longest6
in Town06), and CARLA's planner grants them; the price keeps them rarer than lawful ones, and shorter than a
detour."""

CHANGE_ROOM_POINTS = 3
"""Least number of points (about metres) that a lane change takes."""

_BACK_TOLERANCE_POINTS = 2
"""Two matches of one place may differ by the sampling step; driving round the block is not the answer."""


class Link(Enum):
    """How one span of a way leads into the next."""

    FOLLOW = "follow"
    CHANGE_LEFT = "left"
    CHANGE_RIGHT = "right"


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of one segment.

    Attributes:
        segment: index into the graph's segments.
        first, last: offsets of its first and last point within the segment, first <= last. Where a lane
            change leads out, `last` is where it begins; where one leads in, `first` is the earliest place to
        be in lane. link: how the span before leads into this one.
    """

    segment: int
    first: int
    last: int
    link: Link


@dataclass(frozen=True, slots=True)
class Way:
    """A way between two lane points: its spans in order, and its cost in metres."""

    spans: tuple[Span, ...]
    cost_m: float


@dataclass(frozen=True, slots=True)
class _Arrival:
    """How the search came to be in a segment at an offset."""

    segment: int
    offset: int
    link: Link
    leave: int
    before: _Arrival | None


def shortest_ways(graph: LaneGraph, source: int, targets: Sequence[int]) -> tuple[Way | None, ...]:
    """Find the shortest way from one lane point to each of several.

    Args:
        graph: the town.
        source: index of a lane point.
        targets: indices of lane points.

    Returns:
        One way per target, None where there is none.
    """
    offset_of = _offsets(graph, [source, *targets])
    ways: list[Way | None] = [None] * len(targets)
    start = _Arrival(int(graph.segment_of[source]), offset_of[0], Link.FOLLOW, 0, None)
    queue: list[tuple[float, int, _Arrival]] = [(0.0, 0, start)]
    settled: set[tuple[int, int]] = set()
    pushed = 0
    while queue:
        cost_m, _, here = heapq.heappop(queue)
        if all(way is not None and way.cost_m <= cost_m for way in ways):
            break
        if (here.segment, here.offset) in settled:
            continue
        settled.add((here.segment, here.offset))
        for i, target in enumerate(targets):
            way = _finish(graph, here, cost_m, int(graph.segment_of[target]), offset_of[i + 1])
            best = ways[i]
            if way is not None and (best is None or way.cost_m < best.cost_m):
                ways[i] = way
        for extra_m, arrival in _expand(graph, here):
            pushed += 1
            heapq.heappush(queue, (cost_m + extra_m, pushed, arrival))
    return tuple(ways)


def _offsets(graph: LaneGraph, points: Sequence[int]) -> list[int]:
    return [int(point - graph.segment_start[graph.segment_of[point]]) for point in points]


def _finish(graph: LaneGraph, here: _Arrival, cost_m: float, segment: int, offset: int) -> Way | None:
    slack = _BACK_TOLERANCE_POINTS if here.before is None else 0
    if here.segment != segment or offset < here.offset - slack:
        return None
    offset = max(offset, here.offset)
    spans = [Span(segment, here.offset, offset, here.link)]
    arrival = here
    while arrival.before is not None:
        before = arrival.before
        spans.append(Span(before.segment, before.offset, arrival.leave, before.link))
        arrival = before
    return Way(tuple(reversed(spans)), cost_m + _metres(graph, here, offset))


def _expand(graph: LaneGraph, here: _Arrival) -> list[tuple[float, _Arrival]]:
    points = graph.points(here.segment)
    last = points.stop - points.start - 1
    result = [
        (_metres(graph, here, last), _Arrival(segment, 0, Link.FOLLOW, last, here))
        for segment in graph.successors[here.segment]
    ]
    for side, link in enumerate((Link.CHANGE_LEFT, Link.CHANGE_RIGHT)):
        segment = int(graph.beside[here.segment, side])
        if segment < 0:
            continue
        room = min(last, int(graph.segment_start[segment + 1] - graph.segment_start[segment]) - 1)
        allowed = graph.may_change[points.start + here.offset : points.stop, side]
        leaves = {here.offset: FORBIDDEN_CHANGE_COST_M}
        if allowed.any():
            leaves[here.offset + int(allowed.argmax())] = CHANGE_COST_M
        for leave, cost_m in leaves.items():
            # Lanes of one section are sampled at the same places, so offsets carry over.
            arrive = leave + CHANGE_ROOM_POINTS
            if arrive <= room:
                extra_m = _metres(graph, here, leave) + CHANGE_ROOM_POINTS + cost_m
                result.append((extra_m, _Arrival(segment, arrive, link, leave, here)))
    return result


def _metres(graph: LaneGraph, here: _Arrival, offset: int) -> float:
    start = int(graph.segment_start[here.segment])
    return float(graph.distance_m[start + offset] - graph.distance_m[start + here.offset])
