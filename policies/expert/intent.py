"""Intent: the way that the expert means to go from where it is, as a teacher's label.

The rules of one tick are rolled forward over a car that turns and accelerates as asked: towards the path,
along it, as fast as the rules allow, with everybody ahead keeping their speed and every light its colour.
What the expert then really drives differs: lights change, others brake, somebody else steers. A label must
not know that, for nobody who sees only the present could; and from a place beside the path the label leads
back, also when another policy has driven there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from policies.control.lateral import PathTracking, tracking_curvature
from policies.expert.path import STEP_M, LocalPath
from policies.sensor_bundle import EgoState, Float

INTENT_STEPS = 64
INTENT_STEP_S = 0.1
_SHARPEST_RADPM = 0.25
"""About the tightest circle of the vehicle (wheelbase 2.9 m, wheels turned by 36 degrees)."""

_STEER_PREVIEW_S = 0.12

Rule = Callable[[float, float, float], float]
"""(m travelled, speed m/s, s passed) -> wanted acceleration m/s²."""


@dataclass(frozen=True, slots=True)
class Intent:
    """Where the expert means to be, in the ego frame of now.

    Attributes:
        position_in_ego: (64, 2) m, rear axle, 0.1 s to 6.4 s ahead.
        yaw_in_ego_rad: (64,).
    """

    position_in_ego: Float
    yaw_in_ego_rad: Float


def roll_intent(
    path: LocalPath,
    ego: EgoState,
    rules: Sequence[Rule],
    tracking: PathTracking,
    hardest_brake_mps2: float,
) -> Intent:
    """Drive the rules of a tick forward.

    Args:
        path: of the tick.
        ego: of the tick.
        rules: the lowest acceleration of all wins.
        tracking: gains of the path tracker.
        hardest_brake_mps2: bound.
    """
    line = _Line(path)
    x, y = (float(value) for value in ego.position_in_map[:2])
    yaw, speed, gone_m = ego.yaw_in_map_rad, max(ego.speed_mps, 0.0), 0.0
    poses = np.empty((INTENT_STEPS, 3))
    for step in range(INTENT_STEPS):
        wanted = min(rule(gone_m, speed, step * INTENT_STEP_S) for rule in rules)
        after = max(speed + max(wanted, -hardest_brake_mps2) * INTENT_STEP_S, 0.0)
        arc_m = 0.5 * (speed + after) * INTENT_STEP_S
        lateral_m, heading = line.errors(x, y, yaw)
        curvature = tracking_curvature(
            tracking,
            speed_mps=speed,
            path_curvature=line.curvature_ahead(speed * _STEER_PREVIEW_S),
            lateral_error_m=lateral_m,
            heading_error_rad=heading,
        )
        turn = min(max(curvature, -_SHARPEST_RADPM), _SHARPEST_RADPM) * arc_m
        x += arc_m * math.cos(yaw + 0.5 * turn)
        y += arc_m * math.sin(yaw + 0.5 * turn)
        yaw, speed, gone_m = yaw + turn, after, gone_m + arc_m
        poses[step] = x, y, yaw
    c, s = math.cos(ego.yaw_in_map_rad), math.sin(ego.yaw_in_map_rad)
    return Intent(
        (poses[:, :2] - ego.position_in_map[:2]) @ np.array([[c, -s], [s, c]]),
        poses[:, 2] - ego.yaw_in_map_rad,
    )


class _Line:
    """A path as plain lists, with the place that a car moving along it is at."""

    def __init__(self, path: LocalPath) -> None:
        count = int((path.offset_m + 120.0) / STEP_M)
        self._points: list[list[float]] = path.points[:count].tolist()
        self._yaws: list[float] = path.yaws[:count].tolist()
        self._bends: list[float] = path.curvature[:count].tolist()
        self._place = min(int(path.offset_m / STEP_M + 0.5), len(self._points) - 1)

    def errors(self, x: float, y: float, yaw: float) -> tuple[float, float]:
        """Move to the place nearest to a pose; return how far left of it the pose is and heads."""
        last = len(self._points) - 1
        while self._place < last and self._distance2(self._place + 1, x, y) <= self._distance2(
            self._place, x, y
        ):
            self._place += 1
        k = self._place
        along_yaw, bend = self._yaws[k], self._bends[k]
        dx, dy = x - self._points[k][0], y - self._points[k][1]
        c, s = math.cos(along_yaw), math.sin(along_yaw)
        along = dx * c + dy * s
        heading = math.remainder(yaw - along_yaw - bend * along, 2.0 * math.pi)
        return -dx * s + dy * c - 0.5 * bend * along * along, heading

    def curvature_ahead(self, distance_m: float) -> float:
        """Curvature a little ahead of the place."""
        return self._bends[min(self._place + int(distance_m / STEP_M + 0.5), len(self._bends) - 1)]

    def _distance2(self, place: int, x: float, y: float) -> float:
        px, py = self._points[place]
        return (px - x) ** 2 + (py - y) ** 2
