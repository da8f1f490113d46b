"""Properties of the frame crossing, checked against CARLA's own matrix and by finite differences."""

from __future__ import annotations

import math

import carla
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from policies import frames
from policies.plan import Control
from policies.sensor_bundle import Float

coordinates = st.floats(-1e4, 1e4, allow_nan=False)
points = st.tuples(coordinates, coordinates, coordinates)
rates_degps = st.tuples(*[st.floats(-60.0, 60.0, allow_nan=False)] * 3)
rotations_deg = st.tuples(st.floats(-80.0, 80.0), st.floats(-180.0, 180.0), st.floats(-80.0, 80.0))
offsets = st.tuples(st.floats(-3.0, 3.0), st.floats(-1.0, 1.0), st.floats(-1.0, 1.0))


def carla_matrix(location: tuple[float, ...], rotation_deg: tuple[float, ...]) -> Float:
    pitch, yaw, roll = rotation_deg
    transform = carla.Transform(carla.Location(*location), carla.Rotation(pitch=pitch, yaw=yaw, roll=roll))
    return np.array(transform.get_matrix())


def cross_left_handed_rotation(angular_velocity_radps: Float, matrix: Float, dt_s: float) -> Float:
    """Advance a rotation by the component-wise rule d(axis)/dt = w x axis, as the physics engine does."""
    return matrix + dt_s * np.cross(angular_velocity_radps, matrix.T).T


@given(points)
def test_mirroring_twice_gives_the_vector_back(vector: tuple[float, ...]) -> None:
    assert_allclose(frames.mirror_vectors(frames.mirror_vectors(vector)), vector)
    assert_allclose(frames.mirror_angular_velocity(frames.mirror_angular_velocity(vector)), vector)


@given(rotations_deg)
def test_angles_round_trip(rotation_deg: tuple[float, ...]) -> None:
    there = frames.rotation_to_roll_pitch_yaw(rotation_deg)
    assert_allclose(frames.roll_pitch_yaw_to_rotation(there), rotation_deg, atol=1e-12)


@given(rotations_deg)
def test_our_angles_give_carlas_matrix_mirrored(rotation_deg: tuple[float, ...]) -> None:
    mirror = np.diag([1.0, -1.0, 1.0])
    expected = mirror @ carla_matrix((0, 0, 0), rotation_deg)[:3, :3] @ mirror
    ours = frames.rotation_matrix(*frames.rotation_to_roll_pitch_yaw(rotation_deg))
    assert_allclose(ours, expected, atol=2e-6)  # the wheel computes in float32


@given(points, rotations_deg, st.lists(points, min_size=1, max_size=5), offsets)
def test_world_and_ego_points_round_trip(
    location: tuple[float, ...],
    rotation_deg: tuple[float, float, float],
    world_points: list[tuple[float, ...]],
    axle: tuple[float, ...],
) -> None:
    pose = frames.EgoPose.from_actor(location, rotation_deg, axle)
    in_world = np.array(world_points)
    in_ego = pose.world_to_ego(in_world)
    assert in_ego.shape == in_world.shape
    assert_allclose(pose.ego_to_world(in_ego), in_world, atol=1e-7)
    vectors = pose.rotate_world_to_ego(in_world)
    assert_allclose(pose.rotate_ego_to_world(vectors), in_world, atol=1e-7)
    assert_allclose(np.linalg.norm(vectors, axis=-1), np.linalg.norm(in_world, axis=-1), atol=1e-7)


@given(st.floats(-500, 500), st.floats(-500, 500), rotations_deg, offsets)
def test_rear_axle_point_is_the_origin(
    x: float, y: float, rotation_deg: tuple[float, float, float], axle: tuple[float, ...]
) -> None:
    matrix = carla_matrix((x, y, 1.0), rotation_deg)
    axle_in_world = (matrix @ np.array([*axle, 1.0]))[:3]
    pose = frames.EgoPose.from_actor((x, y, 1.0), rotation_deg, axle)
    assert_allclose(pose.world_to_ego(axle_in_world), 0.0, atol=1e-3)


@given(points, st.floats(-180, 180))
def test_what_is_on_carlas_left_has_positive_y(location: tuple[float, ...], yaw_deg: float) -> None:
    pose = frames.EgoPose.from_actor(location, (0.0, yaw_deg, 0.0))
    yaw = math.radians(yaw_deg)
    forward, left = (
        np.array([math.cos(yaw), math.sin(yaw), 0.0]),
        np.array([math.sin(yaw), -math.cos(yaw), 0.0]),
    )
    point = np.array(location) + 3.0 * forward + 2.0 * left
    assert_allclose(pose.world_to_ego(point), [3.0, 2.0, 0.0], atol=1e-7)


@given(st.floats(3.0, 80.0), st.floats(0.05, 1.2), st.sampled_from([-1.0, 1.0]))
def test_an_arc_bends_to_the_side_of_its_yaw_rate(radius_m: float, angle_rad: float, side: float) -> None:
    """A circle to CARLA's left (side=+1): falling CARLA yaw, y > 0 and a positive yaw rate for the ego."""
    in_actor = np.array([radius_m * math.sin(angle_rad), -side * radius_m * (1 - math.cos(angle_rad)), 0.0])
    pose = frames.EgoPose.from_actor((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
    assert side * pose.world_to_ego(in_actor)[1] > 0.0
    yaw_deg_there = -side * math.degrees(angle_rad)
    assert side * float(pose.yaw_to_ego_rad(yaw_deg_there)) > 0.0
    yaw_rate_degps = yaw_deg_there / 1.0
    assert side * pose.angular_velocity_to_ego((0.0, 0.0, yaw_rate_degps))[2] > 0.0


@given(rotations_deg, rates_degps)
def test_angular_velocity_agrees_with_finite_differences_of_the_mirrored_attitude(
    rotation_deg: tuple[float, float, float], angular_velocity_degps: tuple[float, ...]
) -> None:
    """Rotate in CARLA's axes, mirror both attitudes, difference them: the body rates must be ours."""
    dt_s = 1e-5
    mirror = np.diag([1.0, -1.0, 1.0])
    iso = frames.EgoPose.from_actor((0, 0, 0), rotation_deg)
    before = mirror @ iso.rotation_ego_to_map @ mirror  # CARLA's matrix, in double precision
    after = cross_left_handed_rotation(np.deg2rad(angular_velocity_degps), before, dt_s)
    spin = iso.rotation_ego_to_map.T @ (mirror @ after @ mirror - iso.rotation_ego_to_map) / dt_s
    rates_from_attitude = [spin[2, 1], spin[0, 2], spin[1, 0]]
    assert_allclose(iso.angular_velocity_to_ego(angular_velocity_degps), rates_from_attitude, atol=1e-6)


def test_signs_of_single_rates_by_physical_sense() -> None:
    """Clockwise from above: negative yaw rate. CARLA's w_x > 0 lifts the right side: negative roll rate."""
    level = frames.EgoPose.from_actor((0, 0, 0), (0.0, 0.0, 0.0))
    assert_allclose(level.angular_velocity_to_ego((0, 0, 90.0)), [0, 0, -math.pi / 2])
    assert_allclose(level.angular_velocity_to_ego((90.0, 0, 0)), [-math.pi / 2, 0, 0])
    assert_allclose(
        level.angular_velocity_to_ego((0, 90.0, 0)), [0, math.pi / 2, 0]
    )  # nose goes down in both
    assert_allclose(frames.rotation_to_roll_pitch_yaw((10.0, 0, 0)), [0, -math.radians(10), 0])


@given(points, rotations_deg, points.map(lambda v: tuple(c / 500.0 for c in v)), rates_degps, offsets)
def test_rear_axle_velocity_agrees_with_finite_differences(
    location: tuple[float, ...],
    rotation_deg: tuple[float, float, float],
    velocity: tuple[float, ...],
    angular_velocity_degps: tuple[float, ...],
    axle: tuple[float, ...],
) -> None:
    dt_s = 1e-4
    mirror = np.diag([1.0, -1.0, 1.0])
    pose = frames.EgoPose.from_actor(location, rotation_deg, axle)
    state = frames.ego_state_from_actor(
        pose=pose,
        velocity_in_world=velocity,
        acceleration_in_world=(0.0, 0.0, 0.0),
        angular_velocity_degps=angular_velocity_degps,
        carla_steer=0.25,
        rear_axle_in_actor=axle,
    )
    attitude = mirror @ pose.rotation_ego_to_map @ mirror
    omega = np.deg2rad(angular_velocity_degps)
    ends = [
        np.asarray(location)
        + sign * dt_s * np.asarray(velocity)
        + cross_left_handed_rotation(omega, attitude, sign * dt_s) @ np.asarray(axle)
        for sign in (-1.0, 1.0)
    ]
    velocity_of_axle_in_world = (ends[1] - ends[0]) / (2 * dt_s)
    assert_allclose(state.velocity_in_ego, pose.rotate_world_to_ego(velocity_of_axle_in_world), atol=1e-4)
    assert state.speed_mps == state.velocity_in_ego[0]
    assert state.steer == -0.25


def test_rear_axle_of_a_turning_car_moves_along_the_car() -> None:
    """With a turn about a centre abreast of the rear axle, only the actor's origin slides sideways."""
    axle = (-1.4, 0.0, 0.0)
    pose = frames.EgoPose.from_actor((0, 0, 0), (0, 0, 0), axle)
    yaw_rate = 0.5  # to the left
    origin_velocity_in_world = (5.0, -yaw_rate * 1.4, 0.0)  # CARLA's y is to the right
    state = frames.ego_state_from_actor(
        pose=pose,
        velocity_in_world=origin_velocity_in_world,
        acceleration_in_world=(0.0, 0.0, 0.0),
        angular_velocity_degps=(0.0, 0.0, -math.degrees(yaw_rate)),
        carla_steer=-0.1,
        rear_axle_in_actor=axle,
    )
    assert_allclose(state.velocity_in_ego, [5.0, 0.0, 0.0], atol=1e-12)
    assert_allclose(state.yaw_rate_radps, yaw_rate)
    assert_allclose(state.acceleration_in_ego, [yaw_rate**2 * 1.4, 0.0, 0.0], atol=1e-12)
    assert state.steer > 0.0


@given(st.floats(-1.0, 1.0))
def test_steering_changes_sign_and_nothing_else_changes(steer: float) -> None:
    throttle, carla_steer, brake, reverse = frames.control_to_carla(Control(0.3, steer, 0.1, reverse=True))
    assert (throttle, carla_steer, brake, reverse) == (0.3, -steer, 0.1, True)
    assert math.copysign(1.0, frames.mirror_steer(0.0)) == 1.0


@given(st.floats(-1e3, 1e3))
def test_wrapped_angles_are_the_same_angle(angle_rad: float) -> None:
    wrapped = frames.wrap_angle_rad(angle_rad)
    assert -math.pi <= wrapped <= math.pi
    assert_allclose(
        [math.cos(wrapped), math.sin(wrapped)], [math.cos(angle_rad), math.sin(angle_rad)], atol=1e-9
    )
    in_array = float(frames.wrap_angles_rad(np.array([angle_rad]))[0])
    assert_allclose(math.remainder(in_array - wrapped, 2 * math.pi), 0.0, atol=1e-9)
    assert_allclose(frames.yaw_to_world_deg(frames.yaw_to_map_rad(angle_rad)), angle_rad, atol=1e-12)
