"""LaneStrips: the lanes around a route as pairs of border lines, thinned, for pictures. CARLA's frame."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from scenarios.lane_graph import LaneGraph
from scenarios.route import Float

Bool = NDArray[np.bool_]
Int = NDArray[np.int64]

_TOLERANCE_M = 0.04
_LONGEST_STEP_M = 15.0
"""Kept so short that a strip can be cut off anywhere."""


class Border(IntEnum):
    """What runs along a side of a lane."""

    EDGE = 0
    """The end of the driving lanes."""

    SAME_WAY = 1
    """Another lane in the same direction."""

    OTHER_WAY = 2
    """A lane in the opposite direction."""


@dataclass(frozen=True, slots=True)
class LaneStrips:
    """S pieces of lane with P points.

    Attributes:
        start: (S + 1,) the points of strip s are start[s]:start[s + 1], at least two.
        left_in_world: (P, 2) m, left border in driving direction.
        right_in_world: (P, 2) m, right border.
        left, right: (S,) values of `Border`.
        in_junction: (S,) whether the strip crosses a junction.
    """

    start: Int
    left_in_world: Float
    right_in_world: Float
    left: NDArray[np.uint8]
    right: NDArray[np.uint8]
    in_junction: Bool

    @classmethod
    def of(cls, graph: LaneGraph) -> LaneStrips:
        """All lanes of a town, with fewer points where they are straight."""
        yaw = np.radians(graph.rotation_deg[:, 1])
        right_of_lane = np.stack([-np.sin(yaw), np.cos(yaw)], axis=1)  # y points to the right of x
        center = graph.location[:, :2]
        half = 0.5 * graph.width_m[:, None]
        left, right = center - half * right_of_lane, center + half * right_of_lane
        kept, counts = [], []
        for segment in range(graph.segment_count):
            points = graph.points(segment)
            corners = _corners(np.hstack([left[points], right[points]]), graph.distance_m[points])
            kept.append(points.start + corners)
            counts.append(len(corners))
        chosen = np.concatenate([np.empty(0, np.int64), *kept])
        sides = np.array([_sides(graph, segment) for segment in range(graph.segment_count)], np.uint8)
        return cls(
            start=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            left_in_world=left[chosen],
            right_in_world=right[chosen],
            left=sides.reshape(-1, 2)[:, 0],
            right=sides.reshape(-1, 2)[:, 1],
            in_junction=graph.in_junction.copy(),
        )

    def near(self, route: Float, radius_m: float) -> LaneStrips:
        """The pieces within a distance of a route's points.

        Args:
            route: (N, 2) or (N, 3) m.
            radius_m: in the plane.
        """
        middle = 0.5 * (self.left_in_world + self.right_in_world)
        reach_m = radius_m + 0.5 * _LONGEST_STEP_M
        distance, _ = cKDTree(route[:, :2]).query(middle, distance_upper_bound=reach_m)
        inside = np.isfinite(distance)
        starts: list[int] = [0]
        points: list[Int] = []
        strips: list[int] = []
        for strip in range(len(self.left)):
            first, last = int(self.start[strip]), int(self.start[strip + 1])
            for piece in _runs(inside[first:last]):
                points.append(first + piece)
                strips.append(strip)
                starts.append(starts[-1] + len(piece))
        chosen = np.concatenate([np.empty(0, np.int64), *points])
        return LaneStrips(
            start=np.array(starts, np.int64),
            left_in_world=self.left_in_world[chosen],
            right_in_world=self.right_in_world[chosen],
            left=self.left[strips],
            right=self.right[strips],
            in_junction=self.in_junction[strips],
        )


def _corners(lines: Float, distance_m: Float) -> Int:
    """Points that are needed for lines to stay within the tolerance (Ramer 1972, Douglas and Peucker 1973).

    Args:
        lines: (P, 2 L) that many polylines side by side; a point is kept or dropped in all of them.
        distance_m: (P,) along the lane.
    """
    last = len(lines) - 1
    kept = {0, last}
    open_pieces = [(0, last)]
    while open_pieces:
        first, end = open_pieces.pop()
        if end - first < 2:
            continue
        length_m = distance_m[end] - distance_m[first]
        share = (distance_m[first + 1 : end] - distance_m[first]) / (length_m or 1.0)
        chord = lines[first] + share[:, None] * (lines[end] - lines[first])
        # Compared at the same share of the way: stricter than the distance to the chord, and cheaper.
        off = np.abs(lines[first + 1 : end] - chord).max(axis=1)
        worst = int(np.argmax(off))
        if off[worst] > _TOLERANCE_M:
            middle = first + 1 + worst
        elif length_m > _LONGEST_STEP_M:
            middle = (first + end) // 2
        else:
            continue
        kept.add(middle)
        open_pieces += [(first, middle), (middle, end)]
    return np.array(sorted(kept), np.int64)


def _sides(graph: LaneGraph, segment: int) -> tuple[int, int]:
    """What runs along the left and the right of a segment."""
    found = [Border.SAME_WAY if beside >= 0 else Border.EDGE for beside in graph.beside[segment].tolist()]
    if found[0] is Border.EDGE and abs(int(graph.lane_id[segment])) == 1:
        facing = (
            (graph.road_id == graph.road_id[segment])
            & (graph.section_id == graph.section_id[segment])
            & (graph.lane_id == -graph.lane_id[segment])
        )
        if facing.any():
            found[0] = Border.OTHER_WAY
    return found[0], found[1]


def _runs(inside: Bool) -> list[Int]:
    """Indices of the runs of points that are inside, of at least two."""
    where = np.flatnonzero(inside)
    pieces = np.split(where, np.flatnonzero(np.diff(where) > 1) + 1)
    return [piece for piece in pieces if len(piece) > 1]
