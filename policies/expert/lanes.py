"""LaneTables: the town's lanes as flat arrays with a grid for look-ups, built once per episode."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from policies.interface import LaneMap
from policies.sensor_bundle import Float, Int

CELL_M = 5.0
"""Side of a grid cell; a look-up reads 3 x 3 cells, so it reaches at least this far."""


class LaneTables(NamedTuple):
    """Lanes in the map frame; a named tuple because compiled code takes it as one argument.

    Attributes:
        points: (P, 2) m, lane centres.
        yaws: (P,) rad.
        segment_of: (P,) segment of each point.
        segment_start: (S + 1,) first point of each segment.
        in_junction: (S,) 0 or 1.
        left, right: (S,) segment of the neighbouring lane in the same direction, or -1.
        successor_start, successors: successors of segment s are successors[successor_start[s]:...[s + 1]].
        grid_origin: (2,) m, lower corner.
        grid_shape: (2,) columns, rows.
        cell_start, cell_points: points of cell c are cell_points[cell_start[c]:cell_start[c + 1]].
    """

    points: Float
    yaws: Float
    segment_of: Int
    segment_start: Int
    in_junction: Int
    left: Int
    right: Int
    successor_start: Int
    successors: Int
    grid_origin: Float
    grid_shape: Int
    cell_start: Int
    cell_points: Int


def build_lane_tables(lane_map: LaneMap) -> LaneTables:
    """Flatten a lane map and sort its points into a grid."""
    points = np.ascontiguousarray(lane_map.points_in_map[:, :2], dtype=np.float64)
    segment_start = np.asarray(lane_map.segment_start, dtype=np.int64)
    segment_of = np.repeat(np.arange(len(segment_start) - 1), np.diff(segment_start))
    counts = [len(following) for following in lane_map.successors]
    flat = [segment for following in lane_map.successors for segment in following]
    origin = points.min(axis=0)
    columns, rows = (int(n) for n in (points.max(axis=0) - origin) // CELL_M + 1)
    place = ((points - origin) // CELL_M).astype(np.int64)
    cell = place[:, 1] * columns + place[:, 0]
    per_cell = np.bincount(cell, minlength=columns * rows)
    return LaneTables(
        points=points,
        yaws=np.ascontiguousarray(lane_map.yaw_in_map_rad, dtype=np.float64),
        segment_of=segment_of.astype(np.int64),
        segment_start=segment_start,
        in_junction=np.asarray(lane_map.in_junction, dtype=np.int64),
        left=np.asarray(lane_map.left, dtype=np.int64),
        right=np.asarray(lane_map.right, dtype=np.int64),
        successor_start=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        successors=np.asarray(flat, dtype=np.int64),
        grid_origin=origin,
        grid_shape=np.array([columns, rows], dtype=np.int64),
        cell_start=np.concatenate([[0], np.cumsum(per_cell)]).astype(np.int64),
        cell_points=np.argsort(cell, kind="stable").astype(np.int64),
    )


def side_of_lane(lanes: LaneTables, point: Float, segment: int) -> float:
    """Return how far a (2,) point is to the left of a lane's centre line, m."""
    of_lane = slice(int(lanes.segment_start[segment]), int(lanes.segment_start[segment + 1]))
    offset = point - lanes.points[of_lane]
    nearest = int((offset**2).sum(axis=1).argmin())
    yaw = float(lanes.yaws[of_lane][nearest])
    return float(-offset[nearest, 0] * math.sin(yaw) + offset[nearest, 1] * math.cos(yaw))
