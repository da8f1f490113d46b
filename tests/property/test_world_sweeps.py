"""Swept spheres against walking along the way in small steps."""

from __future__ import annotations

import math

import carla
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from simulator.scene.objects import SOLID
from simulator.world.actors import ActorKind, Box
from simulator.world.bodies import new_body
from simulator.world.sweeps import Hit, Sweep, first_hit

NOTHING = np.zeros(0, SOLID)
STEP_M = 0.01

coordinate = st.floats(-8.0, 8.0)
angle = st.floats(-180.0, 180.0)
tilt = st.floats(-60.0, 60.0)
half_size = st.floats(0.1, 3.0)


def body(
    actor_id: int, x: float, *, y: float = 0.0, kind: ActorKind = ActorKind.VEHICLE, half: float = 1.0
) -> NDArray[np.void]:
    table = new_body(kind, Box((0.0, 0.0, 0.0), (half, half, half)), (x, y, 0.0, 0.0, 0.0, 0.0))
    table["actor_id"] = actor_id
    return table


def ahead(length_m: float = 20.0, radius_m: float = 0.5, **options: object) -> Sweep:
    return Sweep((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), length_m, radius_m, **options)  # type: ignore[arg-type]


@given(coordinate, coordinate, coordinate, tilt, angle, tilt, half_size, half_size, half_size, angle, tilt)
def test_a_hit_is_where_small_steps_first_touch(
    x: float,
    y: float,
    z: float,
    pitch: float,
    yaw: float,
    roll: float,
    half_x: float,
    half_y: float,
    half_z: float,
    heading: float,
    climb: float,
) -> None:
    center = (0.3, -0.2, 0.4)
    table = new_body(ActorKind.PROP, Box(center, (half_x, half_y, half_z)), (x, y, z, pitch, yaw, roll))
    forward = carla.Rotation(climb, heading, 0.0).get_forward_vector()
    length_m, radius_m = 12.0, 0.5
    hit = first_hit(
        table, NOTHING, Sweep((0.0, 0.0, 0.0), (forward.x, forward.y, forward.z), length_m, radius_m)
    )

    to_body = np.array(
        carla.Transform(carla.Location(x, y, z), carla.Rotation(pitch, yaw, roll)).get_inverse_matrix()
    )
    way = np.arange(0.0, length_m + STEP_M, STEP_M)
    points = np.outer(way, [forward.x, forward.y, forward.z])
    local = points @ to_body[:3, :3].T + to_body[:3, 3] - center
    gaps = np.linalg.norm(np.maximum(np.abs(local) - [half_x, half_y, half_z], 0.0), axis=1) - radius_m
    if hit is None:
        assert gaps.min() > -1e-4
    else:
        touched = way[gaps <= 1e-4]
        grazing = gaps.min() > -1e-2
        assert grazing or len(touched) > 0
        if len(touched) and not grazing:
            assert hit.distance_m == pytest.approx(touched[0], abs=2.0 * STEP_M)


def test_the_nearest_wins_and_the_distance_is_that_of_the_centre() -> None:
    bodies = np.concatenate([body(1, 12.0), body(2, 6.0), body(3, 9.0)])
    assert first_hit(bodies, NOTHING, ahead()) == Hit(2, pytest.approx(6.0 - 1.0 - 0.5))


def test_what_touches_at_the_start_is_at_distance_zero() -> None:
    assert first_hit(body(1, 1.2), NOTHING, ahead()) == Hit(1, 0.0)


@pytest.mark.parametrize(("y", "is_hit"), [(1.49, True), (1.51, False), (-1.49, True), (-1.51, False)])
def test_the_radius_widens_the_way(y: float, is_hit: bool) -> None:
    assert (first_hit(body(1, 6.0, y=y), NOTHING, ahead()) is not None) == is_hit


@pytest.mark.parametrize(("length_m", "is_hit"), [(4.51, True), (4.49, False)])
def test_the_way_ends(length_m: float, is_hit: bool) -> None:
    assert (first_hit(body(1, 6.0), NOTHING, ahead(length_m)) is not None) == is_hit


def test_nothing_behind_counts() -> None:
    assert first_hit(body(1, -6.0), NOTHING, ahead()) is None


def test_the_ignored_and_those_without_collisions_are_passed_through() -> None:
    ghost = body(2, 8.0)
    ghost["collides"] = 0
    bodies = np.concatenate([body(1, 6.0), ghost, body(3, 10.0)])
    assert first_hit(bodies, NOTHING, ahead(ignored_id=1)) == Hit(3, pytest.approx(8.5))


def test_only_dynamic_passes_props_and_poles() -> None:
    bodies = np.concatenate([body(1, 6.0, kind=ActorKind.PROP), body(2, 14.0, kind=ActorKind.WALKER)])
    pole = np.zeros(1, SOLID)
    pole["object"], pole["collides"], pole["kind"], pole["x"] = 7, 1, ActorKind.PROP, 4.0
    pole["extent_x"] = pole["extent_y"] = pole["extent_z"] = 0.1
    assert first_hit(bodies, pole, ahead()) == Hit(0, pytest.approx(3.4), 7)
    assert first_hit(bodies, NOTHING, ahead()) == Hit(1, pytest.approx(4.5))
    assert first_hit(bodies, pole, ahead(only_dynamic=True)) == Hit(2, pytest.approx(12.5))


def test_a_turned_box_is_met_at_its_corner() -> None:
    table = new_body(
        ActorKind.VEHICLE, Box((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)), (6.0, 0.0, 0.0, 0.0, 45.0, 0.0)
    )
    hit = first_hit(table, NOTHING, ahead(radius_m=0.0))
    assert hit is not None
    assert hit.distance_m == pytest.approx(6.0 - math.sqrt(2.0), abs=1e-6)
