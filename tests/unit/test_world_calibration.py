"""Our Lincoln MKZ against the published kinematic fit of CARLA's (tests/support/kinematic_fit.py)."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest

from simulator.world.town import Town
from simulator.world.world import World
from tests.support import kinematic_fit as fit
from tests.support.calibration_sweep import CAR, accelerations_mps2, drive_ours, drives, errors_m

DRIVES = 1000
MEAN_ERROR_MAX_M = 0.15
PEDAL_TOLERANCE = 0.1
CURVATURE_TOLERANCE = 0.05
LOW_SPEED_BRAKE_MPS2 = (7.5, 9.5)
"""Decided, not fitted: docs/decisions/0007-low-speed-brakes.md."""


@pytest.mark.parametrize("seed", [0, 1])
def test_random_seconds_end_where_the_fit_ends(seed: int) -> None:
    plan = drives(DRIVES, seed)
    speeds = np.array([drive.speed_mps for drive in plan])
    braking = sum(any(brake for _, _, brake in drive.controls) for drive in plan)
    assert (speeds.min() < 1.0, speeds.max() > 27.0, braking > DRIVES / 5) == (True, True, True)
    errors = errors_m(plan, drive_ours(plan))
    assert errors[:, -1].mean() <= MEAN_ERROR_MAX_M


def test_the_sweep_tells_a_weaker_engine_from_the_fit() -> None:
    """The figure above means something: a tenth less throttle does not reach it."""
    plan = drives(200, seed=2)
    weaker = [drive.with_throttle_scaled(0.9) for drive in plan]
    assert errors_m(plan, drive_ours(weaker))[:, -1].mean() > MEAN_ERROR_MAX_M


@pytest.mark.parametrize(("steer", "curvature_per_m"), [(0.1, 0.0278), (0.5, 0.138), (1.0, 0.269)])
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_curvature_at_low_speed(steer: float, curvature_per_m: float, sign: float) -> None:
    """A circle driven at 3 m/s, measured by how far it turns on its way."""
    assert fit.curvature_per_m(steer) == pytest.approx(curvature_per_m, rel=0.01)
    world = World(Town.load("Town01"), seed=0)
    car = world.spawn(world.library[CAR], (), (5000.0, 0.0, 0.0, 0.0, 0.0, 0.0))
    turned, way = 0.0, 0.0
    for tick in range(60):
        throttle = 0.5 if float(np.linalg.norm(world.states["velocity"][car.row])) < 3.0 else 0.0
        world.vehicles.apply_control(car.id, (throttle, sign * steer, 0.0, False, False, False, 0))
        before = world.transform(car.id)
        world.tick(fit.STEP_S)
        after = world.transform(car.id)
        if tick >= 20:
            turned += math.remainder(math.radians(after[4] - before[4]), math.tau)
            way += math.dist(after[:2], before[:2])
    assert way > 3.0
    assert turned / way == pytest.approx(sign * curvature_per_m, rel=CURVATURE_TOLERANCE)


def test_full_throttle_is_the_polynomial_from_0_to_100_kmh() -> None:
    speeds = np.arange(0.0, 101.0, 2.5)
    ours = accelerations_mps2(speeds, throttle=1.0, brake=0.0)
    expected = [fit.throttle_mps2(kmh, 1.0) for kmh in speeds]
    assert ours == pytest.approx(expected, rel=PEDAL_TOLERANCE)


def test_full_brake_is_the_polynomial_from_30_to_100_kmh() -> None:
    speeds = np.arange(30.0, 101.0, 2.0)
    ours = accelerations_mps2(speeds, throttle=0.0, brake=1.0)
    expected = [fit.full_brake_mps2(kmh) for kmh in speeds]
    assert ours == pytest.approx(expected, rel=PEDAL_TOLERANCE)


def test_full_brake_below_30_kmh_stays_what_it_is_at_30() -> None:
    ours = -accelerations_mps2(np.arange(5.0, 30.0, 2.5), throttle=0.0, brake=1.0)
    low, high = LOW_SPEED_BRAKE_MPS2
    assert low < ours.min() < ours.max() < high
    assert -fit.full_brake_mps2(10.0) > 2.0 * high, (
        "the fit no longer has the artefact that this decides about"
    )


@pytest.mark.parametrize("throttle", [0.3, 0.5, 0.7, 0.9])
def test_a_throttle_never_pushes_harder_at_a_higher_speed(throttle: float) -> None:
    ours = accelerations_mps2(np.arange(0.0, 181.0, 5.0), throttle=throttle, brake=0.0)
    assert np.diff(ours).max() < 0.05


@pytest.mark.parametrize("kmh", [0.0, 40.0, 90.0, 130.0])
def test_more_throttle_never_pushes_less(kmh: float) -> None:
    ours = [
        accelerations_mps2(np.array([kmh]), throttle=t, brake=0.0)[0] for t in (0.0, 0.2, 0.3, 0.45, 0.7, 1.0)
    ]
    assert ours == sorted(ours)


def test_the_page_in_docs_tells_these_figures() -> None:
    page = (Path(__file__).parents[2] / "docs/calibration.md").read_text()
    found = re.search(r"\| all \| (\d+) \| ([0-9.]+) \|", page)
    assert found, "the table of docs/calibration.md is missing: make docs"
    plan = drives(DRIVES, seed=0)
    mean = errors_m(plan, drive_ours(plan))[:, -1].mean()
    assert (int(found[1]), float(found[2])) == (DRIVES, pytest.approx(mean, abs=0.002)), "make docs"
