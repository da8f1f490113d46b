"""Driving lanes as a table of samples, from which surface, limits, spawn points and signals are made."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import carla
import numpy as np
from numpy.typing import NDArray

SPACING_M = 2.0
"""Distance between samples along a lane. Town roads bend less than 1 mm away from their chord within it."""

LaneKey = tuple[int, int, int]
"""road, section, lane: OpenDRIVE numbers."""


@dataclass(frozen=True, slots=True)
class LaneSamples:
    """Centres of all driving lanes, every `SPACING_M`; lane after lane, each in its driving direction.

    Attributes:
        location: (N, 3) m.
        yaw_rad: (N,) driving direction.
        pitch_rad: (N,) slope in driving direction, up is positive.
        width_m: (N,) of the lane.
        s_m: (N,) along the road's reference line.
        is_junction: (N,) bool.
        lane: (N,) index into `keys`.
        keys: road, section and lane of each lane.
        starts: (len(keys) + 1,) first sample of each lane, and N.
    """

    location: NDArray[np.float64]
    yaw_rad: NDArray[np.float64]
    pitch_rad: NDArray[np.float64]
    width_m: NDArray[np.float64]
    s_m: NDArray[np.float64]
    is_junction: NDArray[np.bool_]
    lane: NDArray[np.int64]
    keys: tuple[LaneKey, ...]
    starts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.lane)

    def tangent(self) -> NDArray[np.float64]:
        """(N, 2) unit vectors of the driving direction in the plane."""
        return np.stack([np.cos(self.yaw_rad), np.sin(self.yaw_rad)], axis=1)


def sample_lanes(map_: carla.Map) -> LaneSamples:
    """Samples of every driving lane of a map; no samples when it has none."""
    rows: list[tuple[LaneKey, tuple[float, ...]]] = []
    for point in map_.generate_waypoints(SPACING_M):
        transform = point.transform
        location, rotation = transform.location, transform.rotation
        key = (point.road_id, point.section_id, point.lane_id)
        rows.append(
            (
                key,
                (
                    location.x,
                    location.y,
                    location.z,
                    rotation.yaw,
                    (rotation.pitch + 180.0) % 360.0 - 180.0,
                    point.lane_width,
                    point.s,
                    float(point.is_junction),
                ),
            )
        )
    # A lane with a negative id runs with the reference line, one with a positive id against it.
    rows.sort(key=lambda row: (row[0], row[1][6] if row[0][2] < 0 else -row[1][6]))
    keys = tuple(key for key, _ in itertools.groupby(rows, key=lambda row: row[0]))
    index = {key: number for number, key in enumerate(keys)}
    lane = np.array([index[key] for key, _ in rows], dtype=np.int64)
    table = np.array([values for _, values in rows], dtype=np.float64).reshape(-1, 8)
    return LaneSamples(
        location=np.ascontiguousarray(table[:, 0:3]),
        yaw_rad=np.radians(table[:, 3]),
        pitch_rad=np.radians(table[:, 4]),
        width_m=np.ascontiguousarray(table[:, 5]),
        s_m=np.ascontiguousarray(table[:, 6]),
        is_junction=table[:, 7] > 0.5,
        lane=lane,
        keys=keys,
        starts=np.searchsorted(lane, np.arange(len(keys) + 1)),
    )
