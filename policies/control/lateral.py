"""Steering controllers: a path in the ego frame -> curvature or steering command (positive to the left)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from policies.control.actuators import curvature_to_steer
from policies.control.pid import PidGains, WindowedPid
from policies.sensor_bundle import Float

LookAhead = Callable[[float, float], float]
"""(measured speed, desired speed) in m/s -> distance to the aim point in m."""


class SteeringController(Protocol):
    """Turns a path into a steering command, once per tick."""

    def reset(self) -> None:
        """Forget the past."""
        ...

    def step(self, path: Float, speed_mps: float, desired_speed_mps: float) -> float:
        """Answer one tick.

        Args:
            path: (N, 2) m, points ahead, nearest first; the vehicle's reference point is the origin.
            speed_mps: measured.
            desired_speed_mps: what the plan asks for.

        Returns:
            Steering command in [-1, 1], positive to the left.
        """
        ...


def aim_point(path: Float, distance_m: float) -> tuple[float, float]:
    """Return the point where the path first is `distance_m` away from the origin.

    The path is taken to begin at the origin and is interpolated linearly; if it ends nearer, its end is
    returned.

    Args:
        path: (N, 2) m, N >= 1.
        distance_m: > 0.
    """
    ranges = np.hypot(path[:, 0], path[:, 1])
    beyond = np.flatnonzero(ranges >= distance_m)
    if len(beyond) == 0:
        return float(path[-1, 0]), float(path[-1, 1])
    index = int(beyond[0])
    start = path[index - 1] if index > 0 else np.zeros(2)
    step = path[index] - start
    # |start + u step| = distance, for the u in [0, 1] that leads outwards.
    a, b = float(step @ step), float(start @ step)
    c = float(start @ start) - distance_m**2
    u = (-b + math.sqrt(max(b * b - a * c, 0.0))) / a
    return float(start[0] + u * step[0]), float(start[1] + u * step[1])


def transfuser_look_ahead(_speed_mps: float, desired_speed_mps: float) -> float:
    """TF++ (carla_garage team_code/config.py): 2.25 m below 5.5 m/s desired, else 3 m."""
    return 2.25 if desired_speed_mps < 5.5 else 3.0


def tcp_look_ahead(_speed_mps: float, _desired_speed_mps: float) -> float:
    """TCP: 4 m."""
    return 4.0


def pdm_lite_look_ahead(speed_mps: float, _desired_speed_mps: float) -> float:
    """PDM-Lite: 0.9755 v + 1.915 points (v in km/h, 10 points per metre), clipped to 24..105 points."""
    return min(max(0.9755 * speed_mps * 3.6 + 1.915, 24.0), 105.0) / 10.0


def proportional_look_ahead(speed_mps: float, _desired_speed_mps: float) -> float:
    """alpamayo-carla: 0.4 s of travel, clipped to 4..12 m."""
    return min(max(0.4 * speed_mps, 4.0), 12.0)


class SteerPid:
    """PID on the angle to the aim point; the error is degrees / 90, as in TransFuser and its descendants."""

    def __init__(self, gains: PidGains, look_ahead: LookAhead) -> None:
        self._pid = WindowedPid(gains)
        self._look_ahead = look_ahead

    def reset(self) -> None:
        """Forget the past."""
        self._pid.reset()

    def step(self, path: Float, speed_mps: float, desired_speed_mps: float) -> float:
        """Answer one tick; see `SteeringController`."""
        x, y = aim_point(path, self._look_ahead(speed_mps, desired_speed_mps))
        error = math.degrees(math.atan2(y, x)) / 90.0
        return min(max(self._pid.step(error), -1.0), 1.0)


class PurePursuit:
    """Steer on the circle through the aim point, for a path given from the rear axle: kappa = 2 y / l²."""

    def __init__(self, look_ahead: LookAhead = proportional_look_ahead) -> None:
        self._look_ahead = look_ahead

    def reset(self) -> None:
        """Do nothing: this controller has no memory."""

    def step(self, path: Float, speed_mps: float, desired_speed_mps: float) -> float:
        """Answer one tick; see `SteeringController`."""
        x, y = aim_point(path, self._look_ahead(speed_mps, desired_speed_mps))
        squared = x * x + y * y
        if squared < 1e-6:
            return 0.0
        return curvature_to_steer(2.0 * y / squared)


@dataclass(frozen=True, slots=True)
class PathTracking:
    """Feed-forward and feedback gains of `tracking_curvature`.

    Attributes:
        time_constant_s: the feedback length is this times the speed.
        shortest_m, longest_m: bounds of the feedback length.
        damping: of the closed loop; 1 is critical.
    """

    time_constant_s: float = 0.55
    shortest_m: float = 2.5
    longest_m: float = 9.0
    damping: float = 1.0


def tracking_curvature(
    gains: PathTracking,
    *,
    speed_mps: float,
    path_curvature: float,
    lateral_error_m: float,
    heading_error_rad: float,
) -> float:
    """Return the curvature that brings the rear axle onto a path, 1/m, positive to the left.

    With e the distance to the left of the path and h the heading to the left of it, the rear axle of a
    rolling car obeys de/ds = sin h, dh/ds = kappa - kappa_path. The feedback -e/l² - 2 d h/l makes both
    errors decay over the length l with damping d.

    Args:
        gains: see there.
        speed_mps: measured; longer feedback when fast.
        path_curvature: of the path a little ahead (feed-forward), 1/m.
        lateral_error_m: e.
        heading_error_rad: h.
    """
    length_m = min(max(gains.time_constant_s * speed_mps, gains.shortest_m), gains.longest_m)
    error = min(max(lateral_error_m, -length_m), length_m)  # beyond, head straight for the path
    return path_curvature - error / length_m**2 - 2.0 * gains.damping * math.sin(heading_error_rad) / length_m
