"""Geometry of the criteria against shapely, and the hash grid against a plain search."""

from __future__ import annotations

import math

import numpy as np
import shapely
from hypothesis import given
from hypothesis import strategies as st

from harness.criteria.geometry import NearbyIndex, along_yaw, distance_m, dot, forward_vector, segments_touch
from harness.criteria.route_table import RouteTable
from scenarios.route import DenseRoute

# Quarters make touching, collinear and degenerate segments common, and are exact in floats.
QUARTERS = st.integers(-12, 12).map(lambda n: n / 4)
SEGMENTS = st.tuples(QUARTERS, QUARTERS, QUARTERS, QUARTERS)
METRES = st.floats(-500, 500)
POINTS = st.tuples(METRES, METRES, st.floats(-5, 5))
ANGLES_DEG = st.floats(-360, 360)


@given(SEGMENTS, SEGMENTS)
def test_segments_touch_where_shapely_says_so(first: tuple, second: tuple) -> None:
    lines = [shapely.LineString([(ax, ay), (bx, by)]) for ax, ay, bx, by in (first, second)]
    assert segments_touch(first, second) == (not lines[0].intersection(lines[1]).is_empty)


@given(SEGMENTS, SEGMENTS)
def test_touching_does_not_depend_on_order_or_direction(first: tuple, second: tuple) -> None:
    answer = segments_touch(first, second)
    assert segments_touch(second, first) == answer
    assert segments_touch((*first[2:], *first[:2]), second) == answer


@given(st.lists(POINTS, max_size=30), POINTS, st.sampled_from([4.0, 15.0]))
def test_nobody_nearby_is_missed(points: list, place: tuple, radius_m: float) -> None:
    found = NearbyIndex(points, radius_m).near(place)
    assert list(found) == sorted(set(found))
    assert {n for n, p in enumerate(points) if distance_m(p, place) <= radius_m} <= set(found)


@given(ANGLES_DEG, ANGLES_DEG, ANGLES_DEG)
def test_forward_is_a_unit_vector_along_yaw_and_pitch(pitch: float, yaw: float, roll: float) -> None:
    x, y, z = forward_vector((pitch, yaw, roll))
    assert math.isclose(math.hypot(x, y, z), 1.0)
    assert math.isclose(z, math.sin(math.radians(pitch)), abs_tol=1e-12)


@given(POINTS, st.floats(-20, 20), ANGLES_DEG)
def test_along_yaw_is_along_the_level_forward_vector(
    location: tuple, forward_m: float, yaw_deg: float
) -> None:
    x, y = along_yaw(location, forward_m, yaw_deg)
    fx, fy, _ = forward_vector((0.0, yaw_deg, 0.0))
    assert math.isclose(x, location[0] + forward_m * fx, abs_tol=1e-9)
    assert math.isclose(y, location[1] + forward_m * fy, abs_tol=1e-9)


@given(POINTS, POINTS)
def test_distance_and_product_are_those_of_space(a: tuple, b: tuple) -> None:
    assert math.isclose(distance_m(a, b), math.dist(a, b), abs_tol=1e-12)
    assert math.isclose(dot(a, b), math.fsum(p * q for p, q in zip(a, b, strict=True)), abs_tol=1e-9)


@given(POINTS, POINTS, st.floats(-30, 30), ANGLES_DEG)
def test_a_point_is_passed_when_the_ego_is_on_the_far_side_of_it(
    point: tuple, ego: tuple, pitch_deg: float, yaw_deg: float
) -> None:
    route = DenseRoute(
        location=np.array([point, point]),
        rotation_deg=np.array([[pitch_deg, yaw_deg, 0.0]] * 2),
        options=np.zeros(2, np.int64),
        distance_m=np.array([0.0, 1.0]),
    )
    pitch, yaw = np.radians([pitch_deg, yaw_deg])
    forward = np.array([np.cos(pitch) * np.cos(yaw), np.cos(pitch) * np.sin(yaw), np.sin(pitch)])
    beyond_m = float((np.array(ego) - np.array(point)) @ forward)
    table = RouteTable.from_route(route)
    if abs(beyond_m) > 1e-9:
        assert table.is_passed(1, ego) == (beyond_m > 0.0)
        assert table.last_passed(0, 5, ego) == int(beyond_m > 0.0)
