"""Comfort, conflicts, lane keeping and speed from ticks whose answer is known by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from harness.facts import OtherActors
from harness.metrics import CATALOGUE, Measurement, measure_episode
from harness.metrics.comfort import JERK_WINDOW, filtered_motion
from harness.metrics.conflicts import HORIZON_S, time_to_collision
from harness.metrics.driving import NAMES
from harness.record import EpisodeTiming, read_episode
from harness.record.tick_table import TickTable
from tests.support.facts_builder import DT_S, episode_facts, tick_facts
from tests.support.records import drive_and_record


def motion(speed: np.ndarray, yaw_rad: np.ndarray, dt_s: float = DT_S):
    velocity = np.stack([speed * np.cos(yaw_rad), speed * np.sin(yaw_rad), 0 * speed], axis=1)
    found = filtered_motion(velocity, np.degrees(yaw_rad), dt_s)
    assert found is not None
    return found


T = np.arange(0.0, 20.0, DT_S)


def test_a_steady_ramp_has_its_acceleration_and_no_jerk() -> None:
    found = motion(2.0 + 1.5 * T, np.full_like(T, 0.7))
    assert found.lon_acc_mps2 == pytest.approx(1.5)
    assert found.lat_acc_mps2 == pytest.approx(0.0, abs=1e-9)
    assert found.jerk_mps3 == pytest.approx(0.0, abs=1e-9)
    assert found.lon_jerk_mps3 == pytest.approx(0.0, abs=1e-9)
    assert found.is_comfortable().all()


def test_a_growing_acceleration_has_its_jerk() -> None:
    # v = 5 + t^2 / 4: acceleration t / 2, jerk 0.5.
    found = motion(5.0 + 0.25 * T**2, np.zeros_like(T))
    inner = slice(15, -15)
    assert found.lon_jerk_mps3[inner] == pytest.approx(0.5, abs=1e-6)
    assert found.jerk_mps3[inner] == pytest.approx(0.5, abs=1e-6)


def test_a_circle_has_speed_squared_over_radius_and_a_constant_yaw_rate() -> None:
    # 6 m/s on a radius of 12 m: 3 m/s^2 to the side, 0.5 rad/s; the yaw passes 180 degrees several times.
    found = motion(np.full_like(T, 6.0), 0.5 * T)
    inner = slice(10, -10)
    # A central difference over 2 h sees sin(w h) / (w h) of it.
    seen = math.sin(0.5 * 0.1) / (0.5 * 0.1)
    assert found.lat_acc_mps2[inner] == pytest.approx(3.0 * seen, rel=1e-3)
    assert found.lon_acc_mps2[inner] == pytest.approx(0.0, abs=1e-2)
    assert found.yaw_rate_radps == pytest.approx(0.5)
    assert found.yaw_acc_radps2 == pytest.approx(0.0, abs=1e-6)


def test_a_tightening_turn_has_its_yaw_acceleration() -> None:
    found = motion(np.full_like(T, 3.0), 0.15 * T**2)
    assert found.yaw_acc_radps2 == pytest.approx(0.3, abs=1e-6)
    assert found.yaw_rate_radps[50] == pytest.approx(0.3 * 5.0)


@pytest.mark.parametrize(
    ("speed", "yaw", "share"),
    [
        (
            30.0 - 4.2 * np.minimum(T, 5.0),
            0 * T,
            (0.6, 0.8),
        ),  # brakes at 4.2 for 5 of 20 s, jerks at both ends
        (2.0 + 2.5 * T, 0 * T, (0.0, 0.0)),
        (np.full_like(T, 10.0), 0.5 * T, (0.0, 0.0)),  # 5 m/s^2 to the side
        (np.full_like(T, 2.0), 1.0 * T, (0.0, 0.0)),  # 1 rad/s
        (np.full_like(T, 10.0), 0.4 * T, (1.0, 1.0)),  # 4 m/s^2 to the side
        (2.0 + 2.3 * T, 0 * T, (1.0, 1.0)),
    ],
)
def test_each_bound_of_comfort_counts(speed: np.ndarray, yaw: np.ndarray, share: tuple[float, float]) -> None:
    low, high = share
    assert low <= float(motion(speed, yaw).is_comfortable().mean()) <= high


def test_filters_need_their_window_at_ten_hertz() -> None:
    def velocity(count: int) -> np.ndarray:
        return np.tile([5.0, 0.0, 0.0], (count, 1))

    assert filtered_motion(velocity(2 * JERK_WINDOW - 2), np.zeros(2 * JERK_WINDOW - 2), 0.05) is None
    found = filtered_motion(velocity(2 * JERK_WINDOW - 1), np.zeros(2 * JERK_WINDOW - 1), 0.05)
    assert found is not None
    assert len(found.jerk_mps3) == JERK_WINDOW
    at_ten = filtered_motion(velocity(JERK_WINDOW), np.zeros(JERK_WINDOW), 0.1)
    assert at_ten is not None
    assert len(at_ten.jerk_mps3) == JERK_WINDOW


# -- time to collision


def table(
    ego_velocity=(10.0, 0.0, 0.0),
    ego_yaw: float = 0.0,
    other=(20.0, 0.0, 0.0),
    other_velocity=(0.0, 0.0, 0.0),
    other_yaw: float = 0.0,
) -> TickTable:
    """One tick with the ego in the origin and one other road user."""
    return TickTable(
        ego_location=np.zeros((1, 3)),
        ego_rotation_deg=np.array([[0.0, ego_yaw, 0.0]]),
        ego_velocity_mps=np.array([ego_velocity]),
        speed_limit_kmh=np.array([30.0]),
        others_tick=np.array([0]),
        others_index=np.array([1]),
        others_location=np.array([other]),
        others_yaw_deg=np.array([other_yaw]),
        others_velocity_mps=np.array([other_velocity]),
    )


EGO, EXTENTS = (2.5, 1.0, 0.8), ((9.0, 9.0, 9.0), (2.0, 0.5, 0.8))


def ttc(**given: object) -> float:
    return float(time_to_collision(table(**given), EGO, EXTENTS)[0])


def test_time_to_collision_is_gap_over_closing_speed() -> None:
    assert ttc() == pytest.approx((20.0 - 2.5 - 2.0) / 10.0)
    assert ttc(other_velocity=(4.0, 0.0, 0.0)) == pytest.approx(15.5 / 6.0)
    assert ttc(other_velocity=(-10.0, 0.0, 0.0)) == pytest.approx(15.5 / 20.0)
    assert ttc(other_yaw=90.0) == pytest.approx((20.0 - 2.5 - 0.5) / 10.0)


@pytest.mark.parametrize(
    "given",
    [
        {"other": (20.0, 1.6, 0.0)},  # beside: 1.0 + 0.5 is nearer
        {"other": (40.0, 0.0, 0.0)},  # beyond the horizon
        {"other_velocity": (12.0, 0.0, 0.0)},  # drives away
        {"ego_velocity": (0.0, 0.0, 0.0), "other_velocity": (-9.0, 0.0, 0.0)},  # the ego stands
        {"other": (-8.0, 0.0, 0.0), "other_velocity": (30.0, 0.0, 0.0)},  # comes from behind
        {"other": (20.0, 0.0, 4.0)},  # on a bridge
    ],
)
def test_no_conflict_is_the_horizon(given: dict[str, object]) -> None:
    assert ttc(**given) == HORIZON_S


def test_contact_is_no_time_at_all() -> None:
    assert ttc(other=(4.0, 0.5, 0.0)) == 0.0


def test_crossing_paths_meet_only_if_both_are_there() -> None:
    # The other one crosses from the right at 5 m/s and is in the ego's lane (|y| < 1 + 2) from 0.4 to 1.6 s,
    # the ego reaches it (x from 10 - 2.5 - 0.5) at 0.7 s.
    crossing = {"other": (10.0, -5.0, 0.0), "other_velocity": (0.0, 5.0, 0.0), "other_yaw": 90.0}
    assert ttc(**crossing) == pytest.approx(0.7)
    assert ttc(**crossing | {"other_velocity": (0.0, 20.0, 0.0)}) == HORIZON_S  # it is through by then


def test_turning_the_world_changes_nothing() -> None:
    for degrees in (0.0, 37.0, 181.0):
        c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))

        def turn(x: float, y: float, c: float = c, s: float = s) -> tuple[float, float, float]:
            return (c * x - s * y, s * x + c * y, 0.0)

        found = ttc(
            ego_velocity=turn(10.0, 0.0),
            ego_yaw=degrees,
            other=turn(12.0, -6.0),
            other_velocity=turn(0.0, 6.0),
            other_yaw=degrees + 70.0,
        )
        assert found == pytest.approx(
            ttc(other=(12.0, -6.0, 0.0), other_velocity=(0.0, 6.0, 0.0), other_yaw=70.0)
        )


# -- whole episodes


def others(x: float, y: float = 0.0) -> OtherActors:
    return OtherActors(
        index=np.array([0], np.int32),
        location=np.array([[x, y, 0.0]], np.float32),
        yaw_deg=np.zeros(1, np.float32),
        velocity_mps=np.zeros((1, 3), np.float32),
    )


def measure(folder: Path, ticks: list, timing: EpisodeTiming | None = None) -> dict[str, Measurement]:
    drive_and_record(folder, episode_facts(), ticks, timing=timing)
    return dict(measure_episode(read_episode(folder)).driving)


def test_an_episode_has_every_metric_in_its_unit(tmp_path: Path) -> None:
    drive = [tick_facts(k, 0.25 * k, 0.3, others=others(60.0)) for k in range(150)]
    found = measure(tmp_path / "a", drive, EpisodeTiming(1.0, {}, tuple(range(1000, 101_000, 1000))))
    assert set(found) == set(NAMES) <= set(CATALOGUE)
    assert all(found[name].unit == CATALOGUE[name].unit for name in NAMES)
    assert found["mean_speed"].value == found["cruise_speed"].value == 5.0
    assert found["lane_offset"].value == pytest.approx(0.3)
    assert found["comfort"].value == 100.0
    # Half lengths 2.5 and 2.0: the gap of 55.5 m shrinks by 0.25 m per tick to 18.25, at 5 m/s.
    assert found["min_ttc"].value == pytest.approx(HORIZON_S)
    assert found["policy_p50"].value == pytest.approx(50.5)
    assert found["policy_p99"].value == pytest.approx(99.01)


def test_time_in_conflict_is_counted_by_ticks(tmp_path: Path) -> None:
    drive = [tick_facts(k, 0.25 * k, others=others(20.0)) for k in range(60)]
    found = measure(tmp_path / "a", drive)
    # The gap 15.5 - 0.25 k is driven in at most 0.95 s (4.75 m) from k = 43: 17 ticks of 0.05 s.
    assert found["low_ttc"].value == pytest.approx(17 * DT_S)
    assert found["min_ttc"].value == pytest.approx((15.5 - 0.25 * 59) / 5.0)
    assert found["policy_p50"].value is None


def test_time_over_the_limit(tmp_path: Path) -> None:
    drive = [tick_facts(k, 0.25 * k, speed_mps=9.0 if k < 7 else 8.0) for k in range(20)]
    found = measure(tmp_path / "a", drive)  # 30 km/h are 8.33 m/s
    assert found["over_limit"].value == pytest.approx(7 * DT_S)
    assert found["cruise_speed"].value == 9.0
    assert found["comfort"].value is None
    assert "20 ticks are fewer" in str(found["comfort"].why_missing)
    unknown = measure(tmp_path / "b", [tick_facts(k, 0.25 * k, speed_limit_kmh=0.0) for k in range(5)])
    assert unknown["over_limit"].value is None


def test_without_ticks_everything_is_missing(tmp_path: Path) -> None:
    found = measure(tmp_path / "a", [])
    assert all(one.value is None for one in found.values())
