"""Where the ego is along its route, and which lights and stop signs the route meets. CARLA's frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.facts import StopSignFacts, TrafficLightFacts, Vector
from scenarios.route import DenseRoute

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]

_WINDOW_POINTS = 25
_SAME_STOP_M = 8.0
_NEAR_LINE_M = 3.0
_SIDE_SHARE = 0.6  # of a lane's width; the share that RunningRedLightTest gives a stop line to each side
_HEADING_COSINE = 0.5
_STOP_BOX_SCALE = 1.2  # of RunningStopTest


class RouteProgress:
    """Follows a reference point of the ego along the route, never backwards.

    Args:
        route: at least two points.

    Attributes:
        index: the last route point passed.
        along_m: arc length from the route's start to the foot of the reference point.
    """

    def __init__(self, route: DenseRoute) -> None:
        self._location = route.location
        self._distance_m = route.distance_m
        step = np.gradient(route.location, axis=0)
        self._tangent = step / np.linalg.norm(step, axis=1, keepdims=True)
        self.index = 0
        self.along_m = 0.0

    def update(self, position_in_world: Float) -> None:
        """Move on to where the reference point is now.

        Args:
            position_in_world: (3,) m.
        """
        window = slice(self.index, self.index + _WINDOW_POINTS)
        offset = position_in_world - self._location[window]
        nearest = int(np.einsum("ij,ij->i", offset, offset).argmin())
        along = float(offset[nearest] @ self._tangent[self.index + nearest])
        if along < 0.0 and nearest > 0:
            nearest -= 1
            along = float(offset[nearest] @ self._tangent[self.index + nearest])
        self.index += nearest
        self.along_m = float(self._distance_m[self.index]) + along


@dataclass(frozen=True, slots=True)
class StopsOnRoute:
    """Places of a kind along the route, by increasing arc length.

    Attributes:
        along_m: (K,) arc length from the route's start.
        index: (K,) which light or sign, index into `EpisodeFacts`.
    """

    along_m: Float
    index: NDArray[np.int64]

    @classmethod
    def of(cls, found: list[tuple[float, int]]) -> StopsOnRoute:
        """Sort, and keep the first of several places of one light or sign that lie close together."""
        kept: list[tuple[float, int]] = []
        for along_m, index in sorted(found):
            same = (k for k in reversed(kept) if k[1] == index)
            last = next(same, None)
            if last is None or along_m - last[0] > _SAME_STOP_M:
                kept.append((along_m, index))
        return cls(
            np.array([k[0] for k in kept], dtype=np.float64), np.array([k[1] for k in kept], dtype=np.int64)
        )

    def between(self, start_m: float, end_m: float) -> list[tuple[float, int]]:
        """Return (arc length, index) of the places in a stretch of the route."""
        first, last = np.searchsorted(self.along_m, (start_m, end_m))
        return list(zip(self.along_m[first:last].tolist(), self.index[first:last].tolist(), strict=True))


def lights_on_route(route: DenseRoute, lights: tuple[TrafficLightFacts, ...]) -> StopsOnRoute:
    """Find the stop lines that the route crosses in their lane's direction."""
    forward = _forward(route.rotation_deg)
    found: list[tuple[float, int]] = []
    for index, light in enumerate(lights):
        for line in light.stop_lines:
            offset = np.asarray(line.location) - route.location
            along = np.einsum("ij,ij->i", offset, forward)
            side = np.linalg.norm(offset - along[:, None] * forward, axis=1)
            heading = forward @ _forward(np.asarray([line.rotation_deg]))[0]
            crosses = (
                (np.abs(along) < _NEAR_LINE_M)
                & (side < _SIDE_SHARE * line.lane_width_m)
                & (heading > _HEADING_COSINE)
            )
            found += _one_per_run(crosses, np.abs(along), route.distance_m + along, index)
    return StopsOnRoute.of(found)


def stop_signs_on_route(route: DenseRoute, signs: tuple[StopSignFacts, ...]) -> StopsOnRoute:
    """Find the stop signs in whose trigger volume the route runs.

    Each is placed where the route is abreast of the volume's centre. The volume is taken along the world's
    axes and scaled as `RunningStopTest` does.
    """
    found: list[tuple[float, int]] = []
    for index, sign in enumerate(signs):
        offset = route.location - np.asarray(sign.trigger_center)
        half: Vector = sign.trigger_extent
        inside = (np.abs(offset[:, 0]) < _STOP_BOX_SCALE * half[0]) & (
            np.abs(offset[:, 1]) < _STOP_BOX_SCALE * half[1]
        )
        found += _one_per_run(inside, np.linalg.norm(offset, axis=1), route.distance_m, index)
    return StopsOnRoute.of(found)


def _one_per_run(hits: Bool, cost: Float, along_m: Float, index: int) -> list[tuple[float, int]]:
    """Of each run of neighbouring hits take the one of least cost."""
    points = np.flatnonzero(hits)
    if not len(points):
        return []
    runs = np.split(points, np.flatnonzero(np.diff(points) > 1) + 1)
    return [(float(along_m[run[cost[run].argmin()]]), index) for run in runs]


def _forward(rotation_deg: Float) -> Float:
    """Return (N, 3) forward vectors of (N, 3) rotations (pitch, yaw, roll)."""
    pitch, yaw = np.deg2rad(rotation_deg[:, 0]), np.deg2rad(rotation_deg[:, 1])
    return np.stack([np.cos(pitch) * np.cos(yaw), np.cos(pitch) * np.sin(yaw), np.sin(pitch)], axis=1)
