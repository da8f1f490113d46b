"""Walls along the borders of roads, which CARLA puts up in worlds that clients generate from OpenDRIVE texts.

They stand on the outer edges of a road's outermost lanes, of whatever type, and not in junctions, where roads
run into one another. As in CARLA, they keep a vehicle that misses a bend from leaving the road.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import carla

from simulator.world.actors import Box, Transform

STEP_M = 1.9
"""Length of a piece of a wall: a broken line that is less than 5 cm off an arc of 10 m radius."""

MAX_HEIGHT_M = 100.0
"""Walls are not built any higher."""

MAX_WIDTH_M = 10.0
"""Roads are not widened by more."""

_HALF_THICKNESS_M = 0.1
_MAX_LANES = 64  # beside one another; only a map that contradicts itself has more

_Point = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class WallSpec:
    """How walls are to be.

    Attributes:
        height_m: above the road; 0 for none.
        setback_m: from the edge of the outermost lane to the wall.
    """

    height_m: float
    setback_m: float


@dataclass(frozen=True, slots=True)
class Wall:
    """A piece of a wall.

    Attributes:
        transform: on the ground in the middle of the piece, along it.
        box: in its frame.
    """

    transform: Transform
    box: Box


NO_WALLS = WallSpec(0.0, 0.0)


def build_walls(map_: carla.Map, spec: WallSpec) -> tuple[Wall, ...]:
    """The walls of a map, road by road."""
    if spec.height_m <= 0.0:
        return ()
    edges: dict[tuple[int, int, bool], dict[float, _Point]] = {}
    for point in map_.generate_waypoints(STEP_M):
        if point.is_junction:
            continue
        for with_road, place in _edges(point, spec.setback_m):
            edge = edges.setdefault((point.road_id, point.section_id, with_road), {})
            edge.setdefault(round(point.s, 3), place)
    walls: list[Wall] = []
    for key in sorted(edges):
        line = [edges[key][s_m] for s_m in sorted(edges[key])]
        pieces = [_piece(a, b, spec.height_m) for a, b in itertools.pairwise(line)]
        walls += [piece for piece in pieces if piece is not None]
    return tuple(walls)


def _edges(point: carla.Waypoint, setback_m: float) -> list[tuple[bool, _Point]]:
    """Both edges of the road beside a lane point; true for the side on the right of the reference line."""
    with_road = point.lane_id < 0
    right = _outermost(point, to_the_right=True)
    left = _outermost(point, to_the_right=False)
    if left.lane_id * point.lane_id < 0:  # traffic comes towards us there: its right is our left
        other = _border(_outermost(left, to_the_right=True), 1.0, setback_m)
    else:
        other = _border(left, -1.0, setback_m)
    return [(with_road, _border(right, 1.0, setback_m)), (not with_road, other)]


def _outermost(point: carla.Waypoint, *, to_the_right: bool) -> carla.Waypoint:
    """The last lane point on a side; to the left, the first one of the traffic that comes towards us."""
    for _ in range(_MAX_LANES):
        beside = point.get_right_lane() if to_the_right else point.get_left_lane()
        if beside is None or beside.road_id != point.road_id:
            return point
        if beside.lane_id * point.lane_id < 0:
            return point if to_the_right else beside
        point = beside
    return point


def _border(point: carla.Waypoint, side: float, setback_m: float) -> _Point:
    """The edge of a lane: on its right for a side of 1, on its left for -1."""
    pose = point.transform
    yaw = math.radians(pose.rotation.yaw)
    away_m = side * (point.lane_width / 2.0 + setback_m + _HALF_THICKNESS_M)
    return (
        pose.location.x - math.sin(yaw) * away_m,
        pose.location.y + math.cos(yaw) * away_m,
        pose.location.z,
    )


def _piece(begin: _Point, end: _Point, height_m: float) -> Wall | None:
    """A wall between two points; None where they are the same, or too far apart to belong together."""
    dx, dy, dz = (b - a for a, b in zip(begin, end, strict=True))
    length_m = math.hypot(dx, dy)
    if not 1e-3 < length_m <= 2.0 * STEP_M:
        return None
    middle = tuple((a + b) / 2.0 for a, b in zip(begin, end, strict=True))
    low_m = abs(dz) / 2.0  # boxes do not tilt: on a slope they reach down to the lower end
    return Wall(
        (middle[0], middle[1], middle[2], 0.0, math.degrees(math.atan2(dy, dx)), 0.0),
        Box(
            (0.0, 0.0, (height_m - low_m) / 2.0),
            (length_m / 2.0, _HALF_THICKNESS_M, (height_m + low_m) / 2.0),
        ),
    )
