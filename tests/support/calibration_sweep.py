"""Random one-second drives within the published fit's range, driven by the fit and by our car."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from simulator.world.actors import Transform
from simulator.world.town import Town
from simulator.world.world import World
from tests.support import kinematic_fit as fit

CAR = "vehicle.lincoln.mkz_2020"
TICKS = 20
"""One second."""

SPEED_MAX_MPS = 28.0
SIDEWAYS_MAX_MPS2 = 4.0
HOLD_TICKS = 5
"""How long a control is held before the next is drawn."""

BRAKING_SHARE = 0.25
_SPACING_M = 100.0
_PER_ROW = 40
_OUTSIDE_M = 5000.0
_SETTLING_TICKS = 10


@dataclass(frozen=True)
class Drive:
    """One drive: start speed, one (throttle, steer, brake) per tick, and the fit's pose after every tick."""

    speed_mps: float
    controls: tuple[tuple[float, float, float], ...]
    poses: tuple[fit.Pose, ...]

    def with_throttle_scaled(self, factor: float) -> Drive:
        """The same drive with other throttles; the fit's poses stay."""
        controls = tuple((factor * throttle, steer, brake) for throttle, steer, brake in self.controls)
        return replace(self, controls=controls)


def drives(count: int, seed: int) -> list[Drive]:
    """`count` drives that stay within the range of the fit from their first tick to their last."""
    generator = random.Random(seed)
    found: list[Drive] = []
    while len(found) < count:
        drive = _draw(generator)
        if drive is not None:
            found.append(drive)
    return found


def _draw(generator: random.Random) -> Drive | None:
    """A random drive, or None when it would leave the fit's range."""
    start = generator.uniform(0.0, SPEED_MAX_MPS)
    pose = fit.Pose(0.0, 0.0, 0.0, start)
    controls: list[tuple[float, float, float]] = []
    poses: list[fit.Pose] = []
    throttle, steer, brake = 0.0, 0.0, False
    for tick in range(TICKS):
        if tick % HOLD_TICKS == 0:
            throttle = generator.uniform(fit.THROTTLE_MIN, 1.0)
            brake = generator.random() < BRAKING_SHARE and 3.6 * pose.speed_mps > fit.BRAKE_FROM_KMH
            steer = generator.uniform(-1.0, 1.0) * _steer_limit(pose.speed_mps)
        if brake and 3.6 * pose.speed_mps < fit.BRAKE_FROM_KMH:
            return None
        pose = fit.step(pose, throttle, steer, brake=brake)
        sideways = pose.speed_mps**2 * abs(fit.curvature_per_m(steer))
        if pose.speed_mps > SPEED_MAX_MPS or sideways > SIDEWAYS_MAX_MPS2:
            return None
        controls.append((0.0, steer, 1.0) if brake else (throttle, steer, 0.0))
        poses.append(pose)
    return Drive(start, tuple(controls), tuple(poses))


def _steer_limit(speed_mps: float) -> float:
    """Steering at which the fit corners with `SIDEWAYS_MAX_MPS2`, at most 1."""
    slip = math.asin(min(SIDEWAYS_MAX_MPS2 / max(speed_mps, 0.1) ** 2 * fit.REAR_M, 0.99))
    wheel = math.atan(math.tan(slip) * (fit.FRONT_M + fit.REAR_M) / fit.REAR_M)
    return min(wheel / fit.STEERING_GAIN_RAD, 1.0)


def drive_ours(plan: list[Drive]) -> NDArray[np.float64]:
    """(drives, TICKS, 2) positions of our car on every drive, m, from where it started, along its heading."""
    world, cars = _cars([drive.speed_mps for drive in plan])
    track = np.empty((len(plan), TICKS, 2))
    for tick in range(TICKS):
        for car, drive in zip(cars, plan, strict=True):
            throttle, steer, brake = drive.controls[tick]
            world.vehicles.apply_control(car, (throttle, steer, brake, False, False, False, 0))
        world.tick(fit.STEP_S)
        track[:, tick] = [world.transform(car)[:2] for car in cars]
    return track - np.array([_start(number)[:2] for number in range(len(plan))])[:, None, :]


def accelerations_mps2(speeds_kmh: NDArray[np.float64], throttle: float, brake: float) -> NDArray[np.float64]:
    """Change of our car's speed over one tick from each speed, once pedals have reached what was asked."""
    speeds_mps = speeds_kmh / 3.6
    world, cars = _cars(list(speeds_mps))
    for car in cars:
        world.vehicles.apply_control(car, (throttle, 0.0, brake, False, False, False, 0))
    for _ in range(_SETTLING_TICKS):
        for car, speed in zip(cars, speeds_mps, strict=True):
            world.set_target_velocity(car, (speed, 0.0, 0.0))
        world.tick(fit.STEP_S)
    after = np.array([world.states["velocity"][world.actor(car).row] for car in cars], np.float64)
    return (after[:, 0] - speeds_mps) / fit.STEP_S


def _cars(speeds_mps: list[float]) -> tuple[World, list[int]]:
    """One car per speed, on level ground outside Town01, far enough from each other; and their ids."""
    world = World(Town.load("Town01"), seed=0)
    blueprint = world.library[CAR]
    cars = [world.spawn(blueprint, (), _start(number)).id for number in range(len(speeds_mps))]
    for _ in range(_SETTLING_TICKS):
        world.tick(fit.STEP_S)
    for car, speed in zip(cars, speeds_mps, strict=True):
        world.set_target_velocity(car, (float(speed), 0.0, 0.0))
    return world, cars


def _start(number: int) -> Transform:
    return (
        _OUTSIDE_M + _SPACING_M * (number % _PER_ROW),
        _SPACING_M * (number // _PER_ROW),
        0.0,
        0.0,
        0.0,
        0.0,
    )


def errors_m(plan: list[Drive], track: NDArray[np.float64]) -> NDArray[np.float64]:
    """(drives, TICKS) distances between our car and the fit's."""
    fitted = np.array([[(pose.x, pose.y) for pose in drive.poses] for drive in plan])
    distances: NDArray[np.float64] = np.linalg.norm(track - fitted, axis=2)
    return distances
