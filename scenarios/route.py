"""Route: what one episode drives. CARLA's frame: left-handed, x forward, y right, z up, degrees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]


class RoadOption(IntEnum):
    """Command at a point of a dense route; names and values are those of CARLA's GlobalRoutePlanner."""

    VOID = -1
    LEFT = 1
    RIGHT = 2
    STRAIGHT = 3
    LANEFOLLOW = 4
    CHANGELANELEFT = 5
    CHANGELANERIGHT = 6


@dataclass(frozen=True, slots=True)
class WeatherKeyframe:
    """Weather at a share of the route.

    Attributes:
        route_percentage: 0..100.
        parameters: CARLA weather parameter name -> value, as in the file (only those that it names).
    """

    route_percentage: float
    parameters: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class ScenarioSpec:
    """A scenario placed on a route, as the route file describes it.

    Attributes:
        name: unique within the route.
        type: scenario class of ScenarioRunner.
        trigger_xyz_yaw: (x, y, z) m and yaw deg of the trigger point.
        parameters: remaining elements, element name -> its attributes.
    """

    name: str
    type: str
    trigger_xyz_yaw: tuple[float, float, float, float]
    parameters: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Route:
    """One route of a suite, as its file gives it (sparse key points).

    Attributes:
        id: unique within its file.
        town: map name without path, "Town01".
        keypoints: (K, 3) m, K >= 2.
        weather: at least one keyframe, by increasing percentage; empty when the file has none.
        scenarios: in file order.
        source: file name that it came from.
    """

    id: str
    town: str
    keypoints: Float
    weather: tuple[WeatherKeyframe, ...]
    scenarios: tuple[ScenarioSpec, ...]
    source: str


@dataclass(frozen=True, slots=True)
class DenseRoute:
    """A route traced over the map's lanes at 1 m steps.

    Attributes:
        location: (N, 3) m.
        rotation_deg: (N, 3) pitch, yaw, roll of the lane there.
        options: (N,) values of `RoadOption`.
        distance_m: (N,) arc length from the first point (3-D, point to point).
    """

    location: Float
    rotation_deg: Float
    options: NDArray[np.int64]
    distance_m: Float

    @property
    def length_m(self) -> float:
        """Arc length of the whole route."""
        return float(self.distance_m[-1])
