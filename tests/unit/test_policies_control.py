"""Controllers: published forms, actuator inversion, and the plan tracker in a small closed loop."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from policies.control.actuators import (
    acceleration_to_pedals,
    curvature_to_steer,
    steer_to_curvature,
    throttle_acceleration,
)
from policies.control.lateral import (
    PathTracking,
    PurePursuit,
    SteerPid,
    aim_point,
    pdm_lite_look_ahead,
    proportional_look_ahead,
    tracking_curvature,
    transfuser_look_ahead,
)
from policies.control.longitudinal import SpeedPid, SpeedPidSettings
from policies.control.pid import PidGains, WindowedPid
from policies.control.plan_tracker import PlanTracker, desired_speed_mps
from policies.control.presets import PRESETS, UnknownPresetError, preset
from policies.plan import Plan
from policies.sensor_bundle import EgoState, Float

DT_S = 0.05
CENTER_M = 1.4


def ego_state(speed_mps: float) -> EgoState:
    return EgoState(
        speed_mps=speed_mps,
        velocity_in_ego=np.array([speed_mps, 0.0, 0.0]),
        acceleration_in_ego=np.zeros(3),
        yaw_rate_radps=0.0,
        steer=0.0,
        position_in_map=np.zeros(3),
        yaw_in_map_rad=0.0,
    )


def arc_plan(speed_mps: float, curvature: float) -> Plan:
    """Rear axle positions every 0.25 s for 2 s on a circle."""
    t_s = np.arange(1, 9) * 0.25
    s = speed_mps * t_s
    if abs(curvature) < 1e-9:
        return Plan(t_s, np.stack([s, np.zeros(8)], axis=1))
    xy = np.stack([np.sin(curvature * s), 1.0 - np.cos(curvature * s)], axis=1) / curvature
    return Plan(t_s, xy)


# -- actuators


@pytest.mark.parametrize(("steer", "curvature"), [(0.1, 0.0278), (0.5, 0.138), (1.0, 0.269)])
def test_steering_gives_the_published_curvatures(steer: float, curvature: float) -> None:
    assert_allclose(steer_to_curvature(steer), curvature, rtol=0.01)


@given(st.floats(-1.0, 1.0))
def test_steering_inversion_round_trips(steer: float) -> None:
    assert_allclose(curvature_to_steer(steer_to_curvature(steer)), steer, atol=1e-9)


@given(st.floats(-10.0, 10.0))
def test_steering_of_any_curvature_is_a_legal_command(curvature: float) -> None:
    steer = curvature_to_steer(curvature)
    assert -1.0 <= steer <= 1.0
    assert steer * curvature >= 0.0


@pytest.mark.parametrize(
    ("kmh", "full", "three_quarters"),
    [(0.0, 7.6, 3.9), (10, 6.8, 3.5), (30, 5.35, 2.8), (50, 4.1, 2.2), (70, 3.1, 1.7)],
)
def test_throttle_gives_the_published_accelerations(kmh: float, full: float, three_quarters: float) -> None:
    assert_allclose(throttle_acceleration(kmh / 3.6, 1.0), full, atol=0.1)
    assert_allclose(throttle_acceleration(kmh / 3.6, 0.75), three_quarters, atol=0.1)


@given(st.floats(0.0, 22.0), st.floats(0.35, 1.0))
def test_throttle_inversion_round_trips(speed_mps: float, throttle: float) -> None:
    """Up to 80 km/h; beyond, the fit falls with the throttle before it rises."""
    wanted = throttle_acceleration(speed_mps, throttle)
    got, brake = acceleration_to_pedals(wanted, speed_mps)
    if wanted > 0.0:
        assert brake == 0.0
        assert_allclose(got, throttle, atol=1e-6)


@given(st.floats(0.0, 40.0), st.floats(-12.0, 12.0))
def test_pedals_are_legal_and_never_both(speed_mps: float, wanted: float) -> None:
    throttle, brake = acceleration_to_pedals(wanted, speed_mps)
    assert 0.0 <= throttle <= 1.0
    assert 0.0 <= brake <= 1.0
    assert throttle == 0.0 or brake == 0.0
    assert wanted < 0.0 or brake == 0.0


# -- pid


def test_pid_is_proportional_plus_mean_plus_last_difference() -> None:
    pid = WindowedPid(PidGains(2.0, 10.0, 100.0, window_ticks=2))
    assert pid.step(1.0) == 2.0 + 10.0 * 1.0
    assert pid.step(3.0) == 6.0 + 10.0 * 2.0 + 100.0 * 2.0
    assert pid.step(5.0) == 10.0 + 10.0 * 4.0 + 100.0 * 2.0  # the 1.0 has left the window
    pid.reset()
    assert pid.step(1.0) == 12.0


def test_braking_does_not_feed_the_integrator() -> None:
    settings = SpeedPidSettings(PidGains(0.0, 1.0, 0.0, 20), 0.25, 0.75)
    waited, fresh = SpeedPid(settings), SpeedPid(settings)
    for _ in range(50):
        assert waited.step(0.0, 0.0).brake == 1.0
    assert waited.step(5.0, 4.9) == fresh.step(5.0, 4.9)


@pytest.mark.parametrize(
    ("target", "speed", "brakes"),
    [(0.39, 0.0, True), (0.41, 0.0, False), (5.0, 5.45, False), (5.0, 5.55, True)],
)
def test_brake_rule_of_transfuser(target: float, speed: float, brakes: bool) -> None:
    controller = preset("tfpp").make_speed()
    assert (controller.step(target, speed).brake == 1.0) is brakes


def test_pdm_lite_throttle_is_full_for_large_errors_and_falls_with_the_error() -> None:
    controller = preset("pdm_lite").make_speed()
    assert controller.step(10.0, 9.0).throttle == 1.0
    throttles = [controller.step(10.0, 10.0 - error / 3.6).throttle for error in (1.5, 1.0, 0.5, 0.1)]
    assert throttles == sorted(throttles, reverse=True)
    assert controller.step(10.0, 10.4).brake == 1.0


# -- lateral


@given(st.floats(1.0, 8.0), st.floats(-0.2, 0.2))
def test_aim_point_lies_on_the_path_at_its_distance(distance_m: float, slope: float) -> None:
    x = np.linspace(0.5, 20.0, 40)
    path = np.stack([x, slope * x], axis=1)
    ax, ay = aim_point(path, distance_m)
    assert_allclose(math.hypot(ax, ay), distance_m, atol=1e-9)
    assert_allclose(ay, slope * ax, atol=1e-9)


def test_aim_point_of_a_short_path_is_its_end() -> None:
    assert aim_point(np.array([[1.0, 0.5]]), 5.0) == (1.0, 0.5)


@given(st.floats(-0.15, 0.15), st.floats(1.0, 15.0))
def test_pure_pursuit_drives_the_circle_that_it_is_on(curvature: float, speed_mps: float) -> None:
    s = np.linspace(0.1, 15.0, 600)
    path = np.stack([np.sin(curvature * s), 1.0 - np.cos(curvature * s)], axis=1) / (curvature or 1.0)
    if abs(curvature) < 1e-6:
        return
    steer = PurePursuit(lambda _v, _d: 4.0).step(path, speed_mps, speed_mps)
    assert_allclose(steer_to_curvature(steer), curvature, atol=1e-3)


def test_published_look_aheads() -> None:
    assert transfuser_look_ahead(0.0, 5.4) == 2.25
    assert transfuser_look_ahead(0.0, 5.5) == 3.0
    assert pdm_lite_look_ahead(0.0, 0.0) == 2.4
    assert pdm_lite_look_ahead(10.0, 0.0) == pytest.approx((0.9755 * 36.0 + 1.915) / 10.0)
    assert pdm_lite_look_ahead(50.0, 0.0) == 10.5
    assert [proportional_look_ahead(v, 0.0) for v in (1.0, 20.0, 50.0)] == [4.0, 8.0, 12.0]


def test_steering_to_the_left_is_positive() -> None:
    path = np.array([[2.0, 0.5], [6.0, 2.0]])
    assert SteerPid(PidGains(1.0, 0.0, 0.0, 1), transfuser_look_ahead).step(path, 5.0, 5.0) > 0.0
    assert PurePursuit().step(path, 5.0, 5.0) > 0.0


@given(st.floats(2.0, 20.0), st.floats(-1.5, 1.5), st.floats(-0.4, 0.4), st.floats(-0.1, 0.1))
def test_tracking_converges(speed_mps: float, error_m: float, heading_rad: float, bend: float) -> None:
    gains = PathTracking()
    e, h = error_m, heading_rad
    for _ in range(800):
        kappa = tracking_curvature(
            gains, speed_mps=speed_mps, path_curvature=bend, lateral_error_m=e, heading_error_rad=h
        )
        e += 0.1 * math.sin(h)
        h += 0.1 * (kappa - bend)
    assert abs(e) < 0.05
    assert abs(h) < 0.05


# -- presets and tracker


def test_every_preset_names_its_source_and_unknown_ones_are_refused() -> None:
    assert all(entry.source for entry in PRESETS)
    assert len({entry.name for entry in PRESETS}) == len(PRESETS)
    with pytest.raises(UnknownPresetError, match="tfpp"):
        preset("tf++")


@given(st.floats(0.5, 15.0))
def test_desired_speed_is_that_of_the_plan(speed_mps: float) -> None:
    assert_allclose(desired_speed_mps(arc_plan(speed_mps, 0.0)), speed_mps)
    short = Plan(np.array([0.1, 0.3]), np.array([[0.1, 0.0], [0.3, 0.0]]) * speed_mps)
    assert_allclose(desired_speed_mps(short), speed_mps)


def follow(name: str, curvature: float, seconds: float, speed_mps: float = 4.0) -> tuple[float, float]:
    """Drive a bicycle by plans that always lie on one circle; return the last speed and yaw rate / speed."""
    tracker = PlanTracker(CENTER_M, name)
    speed, yaw, position = 0.0, 0.0, np.zeros(2)
    start = np.array([0.0, 1.0 / curvature]) if curvature else np.zeros(2)
    curvatures: list[float] = []
    for _ in range(round(seconds / DT_S)):
        control = tracker.step(_plan_on_circle(start, curvature, position, yaw, speed_mps), ego_state(speed))
        brake = control.brake * 8.0
        gain = throttle_acceleration(speed, control.throttle) if control.throttle >= 0.3 else -0.5
        speed = max(speed + DT_S * (gain - brake), 0.0)
        curvatures.append(steer_to_curvature(control.steer))
        yaw += speed * curvatures[-1] * DT_S
        position = position + speed * DT_S * np.array([math.cos(yaw), math.sin(yaw)])
    return speed, float(np.mean(curvatures[-40:]))


def _plan_on_circle(center: Float, curvature: float, position: Float, yaw: float, speed_mps: float) -> Plan:
    t_s = np.arange(1, 9) * 0.25
    c, s = math.cos(yaw), math.sin(yaw)
    if curvature:
        radial = position - center
        angle = math.atan2(radial[1], radial[0]) + curvature * speed_mps * t_s
        points = center + np.stack([np.cos(angle), np.sin(angle)], axis=1) / abs(curvature)
    else:
        points = np.stack([position[0] + speed_mps * t_s, np.zeros(8)], axis=1)
    offset = points - position
    return Plan(t_s, np.stack([offset @ (c, s), offset @ (-s, c)], axis=1))


@pytest.mark.parametrize("name", [entry.name for entry in PRESETS])
@pytest.mark.parametrize("curvature", [0.0, 0.04, -0.04])
def test_every_preset_drives_straight_and_round(name: str, curvature: float) -> None:
    speed, driven = follow(name, curvature, 20.0)
    assert speed == pytest.approx(4.0, abs=1.0)
    assert driven == pytest.approx(curvature, abs=0.015)


def test_a_plan_that_stands_is_braked_and_does_not_move_the_wheel() -> None:
    tracker = PlanTracker(CENTER_M)
    moving = tracker.step(arc_plan(4.0, 0.05), ego_state(4.0))
    standing = Plan(np.array([0.5, 1.0]), np.array([[0.01, 0.3], [0.01, 0.3]]))
    for _ in range(30):
        control = tracker.step(standing, ego_state(0.0))
        assert (control.throttle, control.brake) == (0.0, 1.0)
        assert control.steer == moving.steer


def test_reset_makes_the_tracker_forget() -> None:
    used, fresh = PlanTracker(CENTER_M), PlanTracker(CENTER_M)
    for _ in range(20):
        used.step(arc_plan(6.0, 0.1), ego_state(3.0))
    used.reset()
    assert used.step(arc_plan(5.0, -0.02), ego_state(4.5)) == fresh.step(arc_plan(5.0, -0.02), ego_state(4.5))
