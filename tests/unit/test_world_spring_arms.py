"""Attachments: rigid ones, and spring arms that trail."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from simulator.wire.layouts import AttachmentType
from simulator.world.actors import Actor
from simulator.world.town import Town
from simulator.world.world import World

DT_S = 0.05
BEHIND = (-6.0, 0.0, 4.5, 10.0, 0.0, 0.0)
"""7.5 m from the origin of the car; looks 10° above it."""

ARMS = (AttachmentType.SPRING_ARM, AttachmentType.SPRING_ARM_GHOST)


@pytest.fixture
def world() -> World:
    return World(Town.load("Town01"), seed=0)


@pytest.fixture
def car(world: World) -> Actor:
    """A car that stands, held by nothing but its place."""
    x, y, z, *_ = world.town.spawn_points[0]
    car = world.spawn(world.library["vehicle.lincoln.mkz_2020"], (), (x, y, z, 0.0, 30.0, 0.0))
    world.set_simulate_physics(car.id, False)
    world.tick(DT_S)
    return car


def hang(world: World, car: Actor, attachment: AttachmentType, relative: tuple[float, ...] = BEHIND) -> Actor:
    camera = world.library["sensor.other.imu"]
    return world.spawn(camera, (), relative, car.id, attachment)  # type: ignore[arg-type]


def turn(world: World, car: Actor, degrees: float) -> None:
    x, y, z, pitch, yaw, roll = world.transform(car.id)
    world.set_transform(car.id, (x, y, z, pitch, yaw + degrees, roll))


def offset(world: World, car: Actor, child: Actor) -> np.ndarray:
    return np.array(world.transform(child.id)[:3]) - np.array(world.transform(car.id)[:3])


@pytest.mark.parametrize(("attachment", "lift_m"), [*zip(ARMS, (0.3, 0.0), strict=True)])
def test_an_arm_at_rest_ends_where_the_child_was_put_and_looks_at_the_car(
    world: World, car: Actor, attachment: AttachmentType, lift_m: float
) -> None:
    child = hang(world, car, attachment)
    c, s = math.cos(math.radians(30.0)), math.sin(math.radians(30.0))
    expected = [-6.0 * c, -6.0 * s, 4.5 + lift_m]
    looks_down = -math.degrees(math.atan2(4.5, 6.0)) + 10.0
    for _ in range(3):
        assert offset(world, car, child) == pytest.approx(expected, abs=1e-3)
        assert world.transform(child.id)[3:] == pytest.approx((looks_down, 30.0, 0.0), abs=1e-3)
        world.tick(DT_S)


@pytest.mark.parametrize("attachment", ARMS)
def test_an_arm_trails_a_turn_and_catches_up(world: World, car: Actor, attachment: AttachmentType) -> None:
    child = hang(world, car, attachment)
    world.tick(DT_S)
    turn(world, car, 40.0)
    lags = []
    for _ in range(40):
        world.tick(DT_S)
        lags.append(world.transform(car.id)[4] - world.transform(child.id)[4])
    assert 20.0 < lags[0] < 40.0
    assert all(after < before for before, after in itertools.pairwise(lags))
    # Unreal's substeps: in each of three, 8/60 of the way to a target that comes nearer by thirds.
    share = 8.0 / 60.0
    left = 1.0 - share * ((1.0 - share) ** 2 / 3.0 + (1.0 - share) * 2.0 / 3.0 + 1.0)
    assert lags[0] == pytest.approx(40.0 * left, abs=1e-3)
    assert lags[10] / lags[9] == pytest.approx(left, rel=1e-3)
    assert lags[-1] == pytest.approx(0.0, abs=0.01)


def test_a_rigid_attachment_does_not_trail(world: World, car: Actor) -> None:
    child = hang(world, car, AttachmentType.RIGID)
    turn(world, car, 40.0)
    world.tick(DT_S)
    assert world.transform(child.id)[3:] == pytest.approx((10.0, 70.0, 0.0), abs=1e-3)


@pytest.mark.parametrize("attachment", ARMS)
def test_an_arm_takes_the_short_way_round(world: World, car: Actor, attachment: AttachmentType) -> None:
    turn(world, car, 145.0)  # to 175°
    world.tick(DT_S)
    child = hang(world, car, attachment)
    turn(world, car, 10.0)  # to -175°
    world.tick(DT_S)
    yaw = world.transform(child.id)[4]
    assert yaw > 175.0 or yaw < -175.0


@pytest.mark.parametrize("attachment", ARMS)
def test_an_arm_keeps_its_pitch_and_roll_when_the_car_leans(
    world: World, car: Actor, attachment: AttachmentType
) -> None:
    child = hang(world, car, attachment)
    before = world.transform(child.id)
    x, y, z, _, yaw, _ = world.transform(car.id)
    world.set_transform(car.id, (x, y, z, 20.0, yaw, 15.0))
    for _ in range(60):
        world.tick(DT_S)
    after = world.transform(child.id)
    assert (after[3], after[5]) == pytest.approx((before[3], before[5]), abs=1e-3)
    assert after[2] == pytest.approx(before[2], abs=1e-3)


def test_an_arm_remembers_its_place_when_others_come_and_go(world: World, car: Actor) -> None:
    passing = hang(world, car, AttachmentType.RIGID)
    child = hang(world, car, AttachmentType.SPRING_ARM_GHOST)
    world.tick(DT_S)
    turn(world, car, 40.0)
    world.tick(DT_S)
    lag = world.transform(car.id)[4] - world.transform(child.id)[4]
    world.destroy(passing.id)
    hang(world, car, AttachmentType.RIGID)
    world.tick(DT_S)
    assert 0.0 < world.transform(car.id)[4] - world.transform(child.id)[4] < lag


def test_an_arm_without_length_sits_at_the_origin(world: World, car: Actor) -> None:
    child = hang(world, car, AttachmentType.SPRING_ARM_GHOST, (0.0,) * 6)
    world.tick(DT_S)
    assert offset(world, car, child) == pytest.approx([0.0, 0.0, 0.0], abs=1e-6)
    assert world.transform(child.id)[4] == pytest.approx(30.0, abs=1e-3)
