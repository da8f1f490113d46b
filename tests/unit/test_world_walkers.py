"""Walkers that vehicles run into: thrown, lying still for a while, then up and walking again."""

from __future__ import annotations

import math

import pytest

from simulator.world.actors import Actor
from simulator.world.collision_kernels import LYING_S
from simulator.world.town import Town
from simulator.world.world import World

DT_S = 0.05
WALKER_X_M = 5012.0


def car_and_walker(speed_mps: float) -> tuple[World, Actor, Actor]:
    """A car that comes from the west, and a walker 12 m ahead of it who goes north slowly."""
    world = World(Town.load("Town01"), seed=0)
    car = world.spawn(world.library["vehicle.lincoln.mkz_2020"], (), (5000.0, 0.0, 0.0, 0.0, 0.0, 0.0))
    walker = world.spawn(world.library["walker.pedestrian.0001"], (), (WALKER_X_M, 0.0, 1.0, 0.0, 0.0, 0.0))
    for _ in range(20):
        world.tick(DT_S)
    world.set_target_velocity(car.id, (speed_mps, 0.0, 0.0))
    return world, car, walker


def hit(world: World, car: Actor, walker: Actor) -> None:
    """Drive on until they touch, then brake."""
    for _ in range(200):
        if any({c.actor_id, c.other_id} == {car.id, walker.id} for c in world.tick(DT_S)):
            world.vehicles.apply_control(car.id, (0.0, 0.0, 1.0, False, False, False, 0))
            return
    pytest.fail("they never met")


def test_a_walker_that_is_hit_lies_still_ahead_of_the_car_and_gets_up() -> None:
    world, car, walker = car_and_walker(10.0)
    height = world.transform(walker.id)[2]
    hit(world, car, walker)
    world.apply_walker_control(walker.id, (0.0, 1.0, 0.0), 1.4, False)
    for _ in range(round(3.0 / DT_S)):
        world.tick(DT_S)
    lying = world.transform(walker.id)
    assert lying[0] > WALKER_X_M + 3.0
    assert lying[3] == pytest.approx(90.0, abs=1.0)
    assert lying[2] < height - 0.4
    assert world.transform(car.id)[0] < lying[0]
    world.tick(DT_S)
    assert world.transform(walker.id)[:2] == lying[:2]
    for _ in range(round((LYING_S + 3.0) / DT_S)):
        world.tick(DT_S)
    x, y, z, pitch, yaw, _ = world.transform(walker.id)
    assert (pitch, yaw) == (0.0, pytest.approx(90.0))
    assert z == pytest.approx(height, abs=1e-6)
    assert x == pytest.approx(lying[0], abs=1e-6)
    assert y > lying[1] + 1.0


def test_a_walker_that_is_only_brushed_stays_on_its_feet() -> None:
    world, car, walker = car_and_walker(10.0)
    for _ in range(20):
        world.set_target_velocity(car.id, (10.0, 0.0, 0.0))
        world.tick(DT_S)
        if world.transform(car.id)[0] > WALKER_X_M - 5.0:
            break
    world.enable_constant_velocity(car.id, (0.8, 0.0, 0.0))
    touched = False
    for _ in range(100):
        touched |= any(c.actor_id == walker.id for c in world.tick(DT_S))
    assert touched
    assert world.transform(walker.id)[3] == 0.0


def test_a_target_velocity_moves_a_walker_without_knocking_it_down() -> None:
    world, _, walker = car_and_walker(0.0)
    world.set_target_velocity(walker.id, (0.0, 4.0, 0.0))
    for _ in range(10):
        world.tick(DT_S)
    x, y, _, pitch, _, _ = world.transform(walker.id)
    assert math.hypot(x - WALKER_X_M, y) > 0.5
    assert pitch == 0.0
