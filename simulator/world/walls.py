"""Walls along the borders of roads, which CARLA puts up in worlds that clients generate from OpenDRIVE texts.

They stand on the outer edges of a road's outermost lanes, of whatever type, and not in junctions, where roads
run into one another. As in CARLA, they keep a vehicle that misses a bend from leaving the road.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import carla
import numpy as np
from numpy.typing import NDArray

from simulator.scene.objects import OBJECT, Kind

STEP_M = 1.9
"""Length of a piece of a wall: a broken line that is less than 5 cm off an arc of 10 m radius."""

MAX_HEIGHT_M = 100.0
"""Walls are not built any higher."""

MAX_WIDTH_M = 10.0
"""Roads are not widened by more."""

_HALF_THICKNESS_M = 0.1
_SAME_M = 1e-3
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


NO_WALLS = WallSpec(0.0, 0.0)


def build_walls(map_: carla.Map, spec: WallSpec) -> NDArray[np.void]:
    """(N,) OBJECT of the walls of a map, road by road."""
    edges: dict[tuple[int, int, bool], dict[float, _Point]] = {}
    for point in map_.generate_waypoints(STEP_M) if spec.height_m > 0.0 else ():
        if point.is_junction:
            continue
        for is_right, place in _edges(point, spec.setback_m):
            edge = edges.setdefault((point.road_id, point.section_id, is_right), {})
            edge.setdefault(round(point.s, 3), place)
    walls = [np.zeros(0, OBJECT)]
    for key in sorted(edges):
        line = np.array([edges[key][s_m] for s_m in sorted(edges[key])])
        walls.append(_pieces(line, spec.height_m, is_right=key[2]))
    return np.concatenate(walls)


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


def _pieces(line: NDArray[np.float64], height_m: float, *, is_right: bool) -> NDArray[np.void]:
    """(N,) OBJECT of the wall along (M, 3) points, with gaps where points do not belong together."""
    along = np.diff(line, axis=0)
    length_m = np.hypot(along[:, 0], along[:, 1])
    kept = (length_m > _SAME_M) & (length_m <= 2.0 * STEP_M)
    along, length_m = along[kept], length_m[kept]
    rows = np.zeros(len(along), OBJECT)
    rows["kind"] = int(Kind.WALL)
    rows["x"], rows["y"], rows["z"] = (0.5 * (line[:-1] + line[1:])[kept]).T
    # Objects look towards their road.
    rows["yaw"] = np.arctan2(along[:, 1], along[:, 0]) + (-0.5 if is_right else 0.5) * math.pi
    rows["half_x"], rows["half_y"] = _HALF_THICKNESS_M, 0.5 * length_m
    low_m = 0.5 * np.abs(along[:, 2])  # boxes do not tilt: on a slope they reach down to the lower end
    rows["box_z"], rows["half_z"] = 0.5 * (height_m - low_m), 0.5 * (height_m + low_m)
    return rows
