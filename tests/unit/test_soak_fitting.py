"""Which vehicles fit into a town's lanes."""

from __future__ import annotations

import carla
import numpy as np
import pytest

from tests.soak.fitting import bends, fits, swept_width_m
from tests.support.kinematic_town import town_map


def box(half_length_m: float, half_width_m: float) -> carla.BoundingBox:
    return carla.BoundingBox(carla.Location(), carla.Vector3D(half_length_m, half_width_m, 1.0))


def test_on_a_straight_a_vehicle_needs_its_own_width() -> None:
    assert swept_width_m(4.0, 1.2, np.array([0.0]))[0] == pytest.approx(2.4, abs=1e-4)


def test_in_a_bend_its_outer_corner_and_its_inner_side_count() -> None:
    radius, length, width = 6.0, 4.2, 1.4
    # Points of the box in the frame of the bend, whose centre is the origin: no formula, only distances.
    across, along = np.meshgrid(np.linspace(-width, width, 281), np.linspace(-length, length, 841))
    distance = np.hypot(radius + across, along)
    swept = swept_width_m(length, width, np.array([1.0 / radius]))[0]
    assert swept == pytest.approx(distance.max() - distance.min(), abs=1e-3)


def test_town07s_tightest_bend_has_no_room_for_a_fire_engine() -> None:
    lanes = bends(town_map("Town07"))
    assert lanes[:, 0].max() == pytest.approx(1.0 / 4.5, rel=0.1)
    assert fits(box(1.9, 0.9), lanes)
    assert not fits(box(4.234, 1.4455), lanes)  # vehicle.carlamotors.firetruck
    assert fits(box(4.234, 1.4455), np.array([[0.0, 3.2]]))
