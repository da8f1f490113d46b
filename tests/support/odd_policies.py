"""Policies that misbehave, each in one way."""

from __future__ import annotations

import math
import os
import sys
import time
from pathlib import Path

import numpy as np

from policies.interface import CameraSpec, EpisodeContext, LidarSpec, RouteSpec, SensorSpec
from policies.plan import Control, Plan
from policies.sensor_bundle import SensorBundle

FAULT_TICK = 5

HOLD_TICK = 300
HOLD_VARIABLE = "DRIVEGATE_TEST_HOLD"
"""Names the file that keeps `Held` in mid-episode as long as it exists."""


class _Odd:
    """Brakes until `FAULT_TICK`, then misbehaves."""

    def sensors(self) -> tuple[SensorSpec, ...]:
        return (RouteSpec(horizon_m=10.0),)

    def reset(self, context: EpisodeContext) -> None:
        pass

    def step(self, bundle: SensorBundle) -> Plan | Control:
        if bundle.tick >= FAULT_TICK:
            return self.misbehave()
        return Control(throttle=0.0, steer=0.0, brake=1.0)

    def misbehave(self) -> Plan | Control:
        raise AssertionError("this policy misbehaves elsewhere, or not at all")

    def close(self) -> None:
        pass


class Raises(_Odd):
    def misbehave(self) -> Control:
        raise KeyError("no such feature")


class Leaves(_Odd):
    def misbehave(self) -> Control:
        sys.exit(3)


class NotANumber(_Odd):
    def misbehave(self) -> Control:
        return Control(throttle=math.nan, steer=0.0, brake=0.0)


class OutOfRange(_Odd):
    def misbehave(self) -> Control:
        return Control(throttle=0.5, steer=-1.01, brake=0.0)


class BrokenPlan(_Odd):
    def misbehave(self) -> Plan:
        return Plan(t_s=np.array([0.5, 0.5]), position_in_ego=np.zeros((2, 2)))


class AnswersNothing(_Odd):
    def misbehave(self) -> Control:
        return None  # type: ignore[return-value]


class RaisesInReset(_Odd):
    def reset(self, context: EpisodeContext) -> None:
        if context.dt_s > 0.0:
            raise RuntimeError("no weights")


class CannotBeMade(_Odd):
    def __init__(self) -> None:
        raise MemoryError("too large")


class Sensitive(_Odd):
    """Asks for the sensors of no car."""

    def sensors(self) -> tuple[SensorSpec, ...]:
        raise ValueError("no sensors today")


class Peeks(_Odd):
    """Did not ask for ground truth and tells whether it got some."""

    def reset(self, context: EpisodeContext) -> None:
        self.sees_lanes = context.lane_map is not None

    def step(self, bundle: SensorBundle) -> Control:
        self.sees_others = bundle.privileged is not None
        super().step(bundle)
        return Control(throttle=0.0, steer=0.0, brake=1.0)

    def misbehave(self) -> Control:
        raise RuntimeError(f"lanes {self.sees_lanes}, others {self.sees_others}")


class Held(_Odd):
    """Brakes, and keeps every episode from going on while a file exists, so that a test can strike in it."""

    def step(self, bundle: SensorBundle) -> Control:
        hold = os.environ.get(HOLD_VARIABLE)
        while bundle.tick == HOLD_TICK and hold and Path(hold).exists():
            time.sleep(0.005)
        return Control(throttle=0.0, steer=0.0, brake=1.0)


class Planner(_Odd):
    """Well-behaved: follows its route by a plan, at walking pace."""

    def sensors(self) -> tuple[SensorSpec, ...]:
        return (RouteSpec(horizon_m=30.0),)

    def step(self, bundle: SensorBundle) -> Plan:
        route = bundle.route
        # Drive on at the end: whoever plans to stop there never gets past it.
        beyond = route.points_in_ego[-1] + [10.0, 0.0, 0.0]
        points = np.vstack((route.points_in_ego, beyond))
        distance = np.append(route.distances_m, route.distances_m[-1] + 10.0)
        t_s = np.arange(1, 5) * 0.5
        positions = np.stack([np.interp(3.0 * t_s, distance, points[:, axis]) for axis in (0, 1)], axis=1)
        return Plan(t_s=t_s, position_in_ego=positions)


class Looks(Planner):
    """Well-behaved: drives as `Planner` does, and complains about pictures that are not as it asked."""

    def __init__(self) -> None:
        self._last: np.ndarray[tuple[int, ...], np.dtype[np.uint8]] = np.zeros(0, np.uint8)

    def sensors(self) -> tuple[SensorSpec, ...]:
        lidar = LidarSpec("top", channels=16, points_per_second=16 * 180 * 20)
        return (*super().sensors(), CameraSpec("front", 160, 96, 80.0), lidar)

    def step(self, bundle: SensorBundle) -> Plan:
        image, scan = bundle.views.images["front"].rgb, bundle.views.scans["top"].points_in_ego
        if image.shape != (96, 160, 3) or image.std() < 5.0 or len(scan) < 1000:
            raise AssertionError(f"{image.shape}, {image.std()}, {len(scan)}")
        if bundle.ego.speed_mps > 1.0 and np.array_equal(image, self._last):
            raise AssertionError("the picture stands still while the car moves")
        self._last = image
        return super().step(bundle)
