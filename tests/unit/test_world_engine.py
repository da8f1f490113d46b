"""Torque curve, engine speed and gears that a client sets, felt in how the car accelerates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from simulator.world.engine import wheel_forces_n
from simulator.world.physics_control import GearControl, PhysicsControl
from simulator.world.town import Town
from simulator.world.world import World

DT_S = 0.05
RESISTANCE_MPS2 = {80.0: 0.28, 180.0: 0.92}
"""Rolling and drag by speed in km/h, with the engine under full throttle."""


def push_mps2(
    kmh: float, change: Callable[[PhysicsControl], PhysicsControl], gear: int | None = None
) -> float:
    """Full-throttle acceleration at a speed, with changed parameters, in a gear that the driver holds."""
    world = World(Town.load("Town01"), seed=0)
    car = world.spawn(world.library["vehicle.lincoln.mkz_2020"], (), (5000.0, 0.0, 0.0, 0.0, 0.0, 0.0))
    world.vehicles.set_physics(car.id, change(world.vehicles.physics(car.id)))
    world.vehicles.apply_control(car.id, (1.0, 0.0, 0.0, False, False, gear is not None, gear or 0))
    for _ in range(10):
        world.set_target_velocity(car.id, (kmh / 3.6, 0.0, 0.0))
        world.tick(DT_S)
    after = float(world.states["velocity"][car.row][0])
    return (after - kmh / 3.6) / DT_S


def same(physics: PhysicsControl) -> PhysicsControl:
    return physics


def half_torque(physics: PhysicsControl) -> PhysicsControl:
    return replace(physics, torque_curve=tuple((rpm, 0.5 * nm) for rpm, nm in physics.torque_curve))


def first_gear_only(physics: PhysicsControl) -> PhysicsControl:
    return replace(physics, forward_gears=(GearControl(3.5, 0.5, 0.65),))


def top_gear_only(physics: PhysicsControl) -> PhysicsControl:
    return replace(physics, forward_gears=(GearControl(0.6, 0.5, 0.65),))


@pytest.mark.parametrize("kmh", [5.0, 30.0, 60.0])
def test_half_the_torque_pushes_half_as_hard(kmh: float) -> None:
    whole, half = push_mps2(kmh, same) + 0.3, push_mps2(kmh, half_torque) + 0.3
    assert half / whole == pytest.approx(0.5, abs=0.04)


def test_first_gear_pulls_away_and_then_the_engine_can_turn_no_faster() -> None:
    assert push_mps2(10.0, first_gear_only) == pytest.approx(push_mps2(10.0, same), rel=0.01)
    assert push_mps2(80.0, first_gear_only) == pytest.approx(-RESISTANCE_MPS2[80.0], abs=0.02)


def test_top_gear_alone_pulls_away_weakly_and_comes_into_its_own_at_speed() -> None:
    assert push_mps2(5.0, top_gear_only) < 0.25 * push_mps2(5.0, same)
    top, all_gears = (push_mps2(180.0, change) + RESISTANCE_MPS2[180.0] for change in (top_gear_only, same))
    assert 0.6 < top / all_gears < 0.8


def test_a_gear_that_the_driver_holds_is_the_only_one() -> None:
    assert push_mps2(10.0, same, gear=1) == pytest.approx(push_mps2(10.0, same), rel=0.01)
    assert push_mps2(80.0, same, gear=1) == pytest.approx(-RESISTANCE_MPS2[80.0], abs=0.02)
    assert push_mps2(5.0, same, gear=6) == pytest.approx(push_mps2(5.0, top_gear_only), rel=0.01)
    assert push_mps2(5.0, same, gear=9) == pytest.approx(push_mps2(5.0, same, gear=6))


def test_neutral_pushes_nowhere_and_gear_minus_one_pushes_back() -> None:
    assert -0.3 < push_mps2(30.0, same, gear=0) < 0.0
    assert push_mps2(0.0, same, gear=-1) < -1.0


def test_the_automatic_gearbox_comes_back() -> None:
    world = World(Town.load("Town01"), seed=0)
    car = world.spawn(world.library["vehicle.lincoln.mkz_2020"], (), (5000.0, 0.0, 0.0, 0.0, 0.0, 0.0))
    speeds = []
    for manual in (True, False):
        world.vehicles.apply_control(car.id, (1.0, 0.0, 0.0, False, False, manual, 6))
        world.set_target_velocity(car.id, (2.0, 0.0, 0.0))
        for _ in range(10):
            world.tick(DT_S)
        speeds.append(float(world.states["velocity"][car.row][0]))
    assert speeds[1] > 2.0 * (speeds[0] - 2.0) + 2.0


def test_parameters_set_while_a_gear_is_held_count_in_that_gear() -> None:
    world = World(Town.load("Town01"), seed=0)
    car = world.spawn(world.library["vehicle.lincoln.mkz_2020"], (), (5000.0, 0.0, 0.0, 0.0, 0.0, 0.0))
    world.vehicles.apply_control(car.id, (1.0, 0.0, 0.0, False, False, True, 1))
    world.vehicles.set_physics(car.id, half_torque(world.vehicles.physics(car.id)))
    for _ in range(10):
        world.set_target_velocity(car.id, (80.0 / 3.6, 0.0, 0.0))
        world.tick(DT_S)
    assert float(world.states["velocity"][car.row][0]) < 80.0 / 3.6


def test_forces_follow_the_lever_arms() -> None:
    """Torque times both ratios over the wheel's radius, in the gear that gives most."""
    world = World(Town.load("Town01"), seed=0)
    car = world.spawn(world.library["vehicle.lincoln.mkz_2020"], (), (5000.0, 0.0, 0.0, 0.0, 0.0, 0.0))
    flat = replace(
        world.vehicles.physics(car.id), torque_curve=((0.0, 300.0), (6000.0, 300.0)), max_rpm=6000.0
    )
    assert wheel_forces_n(flat, 0.3, np.array([1.0]))[0] == pytest.approx(300.0 * 3.5 * 4.0 / 0.3)
    assert wheel_forces_n(replace(flat, torque_curve=()), 0.3, np.array([1.0]))[0] == 0.0
    assert wheel_forces_n(flat, 0.3, np.array([200.0]))[0] == 0.0
