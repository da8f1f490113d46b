"""LaneGraph: a town's driving lanes as NumPy tables, pulled once from a `carla.Map`.

CARLA's frame: left-handed, x forward, y right, z up, metres, degrees. A *segment* is one lane of one
OpenDRIVE lane section; its points run in driving direction from its very beginning to its very end, 1 m apart
along the road's reference line (the last step is shorter).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from scenarios.route import Float

Int = NDArray[np.int64]
Bool = NDArray[np.bool_]

_STEP_M = 1.0
_CELL_M = 4.0
_CHANGE_RIGHT, _CHANGE_LEFT = 1, 2
"""Bits of `carla.LaneChange`: NONE 0, Right 1, Left 2, Both 3."""


class Vector3Like(Protocol):
    """A `carla.Location`."""

    x: float
    y: float
    z: float


class RotationLike(Protocol):
    """A `carla.Rotation`, degrees."""

    pitch: float
    yaw: float
    roll: float


class TransformLike(Protocol):
    """A `carla.Transform`."""

    @property
    def location(self) -> Vector3Like:
        """Metres."""
        ...

    @property
    def rotation(self) -> RotationLike:
        """Degrees."""
        ...


class WaypointLike(Protocol):
    """The part of `carla.Waypoint` that the graph reads."""

    @property
    def transform(self) -> TransformLike:
        """Lane centre and driving direction."""
        ...

    @property
    def road_id(self) -> int:
        """OpenDRIVE road."""
        ...

    @property
    def section_id(self) -> int:
        """Lane section within the road."""
        ...

    @property
    def lane_id(self) -> int:
        """OpenDRIVE lane; its sign tells the driving direction."""
        ...

    @property
    def s(self) -> float:
        """Metres along the road's reference line."""
        ...

    @property
    def lane_width(self) -> float:
        """Metres."""
        ...

    @property
    def is_junction(self) -> bool:
        """Whether the road belongs to a junction."""
        ...

    @property
    def junction_id(self) -> int:
        """The junction, or -1."""
        ...

    @property
    def lane_change(self) -> object:
        """`carla.LaneChange`; converts to its bits with `int`."""
        ...

    def next_until_lane_end(self, distance: float) -> Sequence[WaypointLike]:
        """Points ahead on the same lane, the last one at its very end."""
        ...


class MapLike(Protocol):
    """The part of `carla.Map` that the graph reads."""

    def get_topology(self) -> Sequence[tuple[WaypointLike, WaypointLike]]:
        """(beginning of a lane, beginning of a lane that it leads into), driving lanes only."""
        ...


@dataclass(frozen=True, slots=True)
class LaneMatch:
    """A lane point near a location.

    Attributes:
        point: index into the point tables.
        distance_m: 3-D distance from the location to that point.
    """

    point: int
    distance_m: float


@dataclass(frozen=True, slots=True, eq=False)
class LaneGraph:
    """Driving lanes of a town: P points in S segments.

    Attributes:
        location: (P, 3) m, lane centre.
        rotation_deg: (P, 3) pitch, yaw, roll of the lane in driving direction.
        width_m: (P,) lane width.
        s_m: (P,) OpenDRIVE s of the road.
        distance_m: (P,) arc length from the beginning of the point's segment.
        may_change: (P, 2) whether the markings allow a change to the left and to the right there.
        segment_of: (P,) segment of each point.
        segment_start: (S + 1,) the points of segment i are segment_start[i]:segment_start[i + 1].
        road_id, section_id, lane_id: (S,) OpenDRIVE ids.
        junction_id: (S,) the junction that the segment crosses, or -1.
        in_junction: (S,) whether it crosses one.
        length_m: (S,) arc length.
        successors, predecessors: per segment, the segments that it leads into and those that lead into it,
            without lane changes; increasing.
        left, right: (S,) the neighbouring segment of the same section and direction to which the markings
            allow a change somewhere, or -1; -1 for all segments in junctions.
        beside: (S, 2) the neighbouring segment to the left and to the right of the same section and
            direction, whatever the markings say, also in junctions; or -1.
    """

    location: Float
    rotation_deg: Float
    width_m: Float
    s_m: Float
    distance_m: Float
    may_change: Bool
    segment_of: Int
    segment_start: Int
    road_id: Int
    section_id: Int
    lane_id: Int
    junction_id: Int
    in_junction: Bool
    length_m: Float
    successors: tuple[tuple[int, ...], ...]
    predecessors: tuple[tuple[int, ...], ...]
    left: Int
    right: Int
    beside: Int
    _cells: _Cells

    @classmethod
    def from_map(cls, carla_map: MapLike) -> LaneGraph:
        """Pull the tables out of a `carla.Map`; 0.1 s for the largest town here (Town04, 33 km of lane)."""
        topology = carla_map.get_topology()
        beginnings = {_key(pair[0]): pair[0] for pair in topology}
        for _, end in topology:
            beginnings.setdefault(_key(end), end)  # a lane that leads nowhere appears only as an end
        keys = sorted(beginnings)
        index = {key: i for i, key in enumerate(keys)}
        links = {(index[_key(a)], index[_key(b)]) for a, b in topology}
        lanes = [_follow(beginnings[key]) for key in keys]
        for a, b in sorted(links):
            _end_at_next_section(lanes[a], lanes[b][0])
        return _assemble(keys, lanes, sorted(link for link in links if _touches(*(lanes[i] for i in link))))

    @property
    def segment_count(self) -> int:
        """Number of segments, S."""
        return len(self.road_id)

    def points(self, segment: int) -> slice:
        """The points of a segment, in driving direction."""
        return slice(int(self.segment_start[segment]), int(self.segment_start[segment + 1]))

    def near(self, location: Sequence[float] | Float, radius_m: float) -> tuple[LaneMatch, ...]:
        """The nearest point of every segment within a radius, nearest first.

        Args:
            location: (3,) m.
            radius_m: 3-D distance.
        """
        where = np.asarray(location, dtype=np.float64)
        points = self._cells.around(float(where[0]), float(where[1]), radius_m)
        distance = np.linalg.norm(self.location[points] - where, axis=1)
        order = np.lexsort((points, distance))
        order = order[distance[order] <= radius_m]
        _, first = np.unique(self.segment_of[points[order]], return_index=True)
        return tuple(LaneMatch(int(points[i]), float(distance[i])) for i in order[np.sort(first)])

    def nearest(
        self, location: Sequence[float] | Float, yaw_deg: float | None = None, radius_m: float = 10.0
    ) -> LaneMatch | None:
        """The lane point nearest to a location, or None if there is none within the radius.

        Args:
            location: (3,) m.
            yaw_deg: a heading hint: lanes that run another way count as farther, by 1 m per 15 degrees, so
                that a car is matched to the lane that it follows and not to one that crosses or opposes it.
            radius_m: 3-D distance.
        """
        matches = self.near(location, radius_m)
        if not matches:
            return None
        if yaw_deg is None:
            return matches[0]
        return min(matches, key=lambda match: match.distance_m + self._turn_deg(match.point, yaw_deg) / 15.0)

    def _turn_deg(self, point: int, yaw_deg: float) -> float:
        return abs((float(self.rotation_deg[point, 1]) - yaw_deg + 180.0) % 360.0 - 180.0)


@dataclass(frozen=True, slots=True, eq=False)
class _Cells:
    """Points sorted into square cells of the ground plane."""

    origin: tuple[int, int]
    shape: tuple[int, int]
    point: Int
    start: Int

    @classmethod
    def sort(cls, location: Float) -> _Cells:
        cell = np.floor(location[:, :2] / _CELL_M).astype(np.int64)
        low, high = cell.min(axis=0), cell.max(axis=0)
        shape = high - low + 1
        flat = (cell[:, 0] - low[0]) * shape[1] + (cell[:, 1] - low[1])
        start = np.concatenate(([0], np.cumsum(np.bincount(flat, minlength=int(shape[0] * shape[1])))))
        origin, size = (int(low[0]), int(low[1])), (int(shape[0]), int(shape[1]))
        return cls(origin, size, np.argsort(flat, kind="stable"), start)

    def around(self, x: float, y: float, radius_m: float) -> Int:
        """Points of all cells that touch the square around a place."""
        first, last = (
            (math.floor((x + d) / _CELL_M) - self.origin[0], math.floor((y + d) / _CELL_M) - self.origin[1])
            for d in (-radius_m, radius_m)
        )
        low, high = max(first[1], 0), min(last[1], self.shape[1] - 1)
        rows = range(max(first[0], 0), min(last[0], self.shape[0] - 1) + 1)
        if low > high or not rows:
            return np.empty(0, dtype=np.int64)
        row = [row * self.shape[1] for row in rows]
        parts = [self.point[self.start[base + low] : self.start[base + high + 1]] for base in row]
        return np.concatenate(parts)


def _key(waypoint: WaypointLike) -> tuple[int, int, int]:
    return waypoint.road_id, waypoint.section_id, waypoint.lane_id


def _follow(beginning: WaypointLike) -> list[WaypointLike]:
    return [beginning, *beginning.next_until_lane_end(_STEP_M)]


def _end_at_next_section(lane: list[WaypointLike], following: WaypointLike) -> None:
    """Cut a lane where the next lane section of its road begins.

    The client's `next_until_lane_end` runs on to the end of the road there (seen with 0.9.16 in Town04, 06
    and 07).
    """
    first = lane[0]
    same_road = following.road_id == first.road_id and following.section_id != first.section_id
    ahead = following.s - first.s if first.lane_id < 0 else first.s - following.s
    if not same_road or ahead < 0.0:
        return
    while len(lane) > 1 and abs(lane[-1].s - first.s) >= ahead:
        lane.pop()
    lane.append(following)


def _touches(lane: list[WaypointLike], following: list[WaypointLike]) -> bool:
    """Whether a link is more than a slip of the map: Town06 has a lane that claims to lead into itself."""
    a, b = lane[-1].transform.location, following[0].transform.location
    return math.dist((a.x, a.y, a.z), (b.x, b.y, b.z)) < 1.0


def _assemble(
    keys: list[tuple[int, int, int]], lanes: list[list[WaypointLike]], links: list[tuple[int, int]]
) -> LaneGraph:
    table = np.array([_row(waypoint) for lane in lanes for waypoint in lane])
    segment_of = np.repeat(np.arange(len(keys)), [len(lane) for lane in lanes])
    steps = np.linalg.norm(np.diff(table[:, :3], axis=0, prepend=table[:1, :3] + 1.0), axis=1)
    # The end of a lane that is a whole number of metres long comes twice.
    keep = (steps > 1e-3) | (np.diff(segment_of, prepend=-1) > 0)
    table, segment_of, steps = table[keep], segment_of[keep], steps[keep]
    location = table[:, :3]
    start = np.concatenate(([0], np.cumsum(np.bincount(segment_of, minlength=len(keys)))))
    total = np.cumsum(steps)
    ids = np.array(keys)
    junction_id = np.array([lane[0].junction_id if lane[0].is_junction else -1 for lane in lanes])
    changes = table[:, 8].astype(np.int64)
    may_change = np.stack(((changes & _CHANGE_LEFT) > 0, (changes & _CHANGE_RIGHT) > 0), axis=1)
    may_change &= (junction_id < 0)[segment_of][:, None]
    successors: list[list[int]] = [[] for _ in keys]
    predecessors: list[list[int]] = [[] for _ in keys]
    for a, b in links:
        successors[a].append(b)
        predecessors[b].append(a)
    beside = _beside(keys)
    # Without a neighbour of the same direction the marking is void: it would lead into oncoming traffic.
    may_change &= (beside >= 0)[segment_of]
    marked = np.logical_or.reduceat(may_change, start[:-1], axis=0)
    return LaneGraph(
        location=location,
        rotation_deg=table[:, 3:6],
        width_m=table[:, 6],
        s_m=table[:, 7],
        distance_m=total - total[start[:-1]][segment_of],
        may_change=may_change,
        segment_of=segment_of,
        segment_start=start,
        road_id=ids[:, 0],
        section_id=ids[:, 1],
        lane_id=ids[:, 2],
        junction_id=junction_id,
        in_junction=junction_id >= 0,
        length_m=total[start[1:] - 1] - total[start[:-1]],
        successors=tuple(tuple(row) for row in successors),
        predecessors=tuple(tuple(sorted(row)) for row in predecessors),
        left=np.where(marked[:, 0], beside[:, 0], -1),
        right=np.where(marked[:, 1], beside[:, 1], -1),
        beside=beside,
        _cells=_Cells.sort(location),
    )


def _row(waypoint: WaypointLike) -> tuple[float, ...]:
    transform = waypoint.transform
    location, rotation = transform.location, transform.rotation
    return (
        location.x,
        location.y,
        location.z,
        rotation.pitch,
        rotation.yaw,
        rotation.roll,
        waypoint.lane_width,
        waypoint.s,
        float(int(waypoint.lane_change)),  # type: ignore[call-overload]
    )


def _beside(keys: list[tuple[int, int, int]]) -> Int:
    """Segment to the left and to the right of each in its driving direction, -1 where there is none.

    OpenDRIVE numbers lanes outwards from the reference line, so the left neighbour of a lane in its own
    driving direction has the smaller absolute id.
    """
    index = {key: i for i, key in enumerate(keys)}
    result = np.full((len(keys), 2), -1, dtype=np.int64)
    for i, (road, section, lane) in enumerate(keys):
        for side, other in enumerate((abs(lane) - 1, abs(lane) + 1)):
            if other > 0:
                result[i, side] = index.get((road, section, int(math.copysign(other, lane))), -1)
    return result
