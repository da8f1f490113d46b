"""What the drivers know about their town: lanes to drive on, lights at their ends, crossings that conflict.

A *crossing* is a segment inside a junction; crossings are numbered 0..J-1 in the order of their segments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.facts import TrafficLightFacts
from scenarios.lane_graph import LaneGraph

Bool = NDArray[np.bool_]
Int = NDArray[np.int64]
Float = NDArray[np.float64]

_CONFLICT_M = 2.6
"""Crossings whose centre lines come closer than this cannot be used at once: a car's width and some room."""

_LEVEL_M = 3.0
"""Lanes farther apart in height are on different levels (Town04 has a flyover)."""

_LIGHT_MATCH_M = 4.0


@dataclass(frozen=True, slots=True, eq=False)
class TrafficNetwork:
    """The town as the drivers see it; S segments, J crossings.

    Attributes:
        graph: the lanes.
        drivable: (S,) whether one can drive on for ever from here; the others end somewhere.
        crossing_of: (S,) number of the crossing that a segment is, or -1.
        conflicts: (J, J) symmetric: crossings that must not be used at the same time. Crossings that begin at
            the same lane do not conflict: their users follow one another into them.
        light_of: (S,) light that governs the segment's end, or -1.
        stop_offset: (S,) offset of the stop line's point within the segment; meaningful where there is a
            light.
    """

    graph: LaneGraph
    drivable: Bool
    crossing_of: Int
    conflicts: Bool
    light_of: Int
    stop_offset: Int

    @classmethod
    def build(cls, graph: LaneGraph, lights: Sequence[TrafficLightFacts]) -> TrafficNetwork:
        """Work out the tables of a town; about 0.3 s for the largest here.

        Args:
            graph: lanes of the town.
            lights: their order defines the order of the light states that the drivers are given.
        """
        crossing_of = np.full(graph.segment_count, -1, dtype=np.int64)
        crossings = np.flatnonzero(graph.in_junction)
        crossing_of[crossings] = np.arange(len(crossings))
        light_of, stop_offset = _lights(graph, lights)
        return cls(graph, _drivable(graph), crossing_of, _conflicts(graph, crossings), light_of, stop_offset)


def _drivable(graph: LaneGraph) -> Bool:
    drivable = np.ones(graph.segment_count, dtype=np.bool_)
    changed = True
    while changed:
        changed = False
        for segment in np.flatnonzero(drivable):
            if not any(drivable[other] for other in graph.successors[segment]):
                drivable[segment] = False
                changed = True
    return drivable


def _lights(graph: LaneGraph, lights: Sequence[TrafficLightFacts]) -> tuple[Int, Int]:
    light_of = np.full(graph.segment_count, -1, dtype=np.int64)
    stop_offset = np.zeros(graph.segment_count, dtype=np.int64)
    for number, light in enumerate(lights):
        for line in light.stop_lines:
            for match in graph.near(line.location, _LIGHT_MATCH_M):
                segment = int(graph.segment_of[match.point])
                same = graph.road_id[segment] == line.road_id and graph.lane_id[segment] == line.lane_id
                if same and not graph.in_junction[segment]:
                    light_of[segment] = number
                    stop_offset[segment] = match.point - graph.segment_start[segment]
                    break
    return light_of, stop_offset


def _conflicts(graph: LaneGraph, crossings: Int) -> Bool:
    conflicts = np.zeros((len(crossings), len(crossings)), dtype=np.bool_)
    places = [graph.location[graph.points(int(segment))] for segment in crossings]
    low = np.array([place.min(axis=0) for place in places]).reshape(-1, 3) - _CONFLICT_M
    high = np.array([place.max(axis=0) for place in places]).reshape(-1, 3)
    for i, segment in enumerate(crossings):
        near = ((low[i] <= high[i + 1 :]) & (low[i + 1 :] <= high[i])).all(axis=1)
        for j in np.flatnonzero(near) + i + 1:
            if set(graph.predecessors[segment]) & set(graph.predecessors[crossings[j]]):
                continue
            apart = places[i][:, None] - places[j][None]
            level = np.abs(apart[..., 2]) < _LEVEL_M
            close = apart[..., 0] ** 2 + apart[..., 1] ** 2 < _CONFLICT_M**2
            consecutive = (
                int(crossings[j]) in graph.successors[segment]
                or int(segment) in (graph.successors[crossings[j]])
            )
            conflicts[i, j] = conflicts[j, i] = bool((level & close).any()) and not consecutive
    return conflicts
