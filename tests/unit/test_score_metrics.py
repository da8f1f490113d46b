"""Measurements: values with units and counts, and reasons where there is none."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from harness.events import Event, EventType
from harness.metrics import EpisodeMetrics, Measurement, aggregate, measure_episode
from harness.outcome import Outcome
from harness.record import CorruptRecordError, EpisodeTiming, read_episode
from tests.support.facts_builder import episode_facts, hit, route_through, tick_facts
from tests.support.records import drive_and_record


def measured(
    folder: Path,
    count: int,
    *,
    route_m: float = 100.0,
    hits: int = 0,
    timing: EpisodeTiming | None = None,
    fault: Outcome | None = None,
) -> EpisodeMetrics:
    """Metrics of a drive of `count` half-metre ticks over a straight route, with contacts every 10 m."""
    points = [(float(x), 0.0, 0.0) for x in range(100)] + [(route_m, 0.0, 0.0)]
    ticks = [
        tick_facts(
            k,
            0.5 * k + 0.25,
            speed_mps=4.0 if k % 2 else 6.0,
            collisions=(hit(-1, "static.road"),) if 1 <= k / 20 <= hits and k % 20 == 0 else (),
        )
        for k in range(count)
    ]
    drive_and_record(folder, episode_facts(route_through(points)), ticks, timing=timing, fault=fault)
    return measure_episode(read_episode(folder))


def test_an_episode(tmp_path: Path) -> None:
    metrics = measured(tmp_path / "a", 101, hits=2, timing=EpisodeTiming(0.5))
    # The last tick is at 50.25 m: point 50 of 100 m. 101 ticks of 0.05 s.
    assert metrics.route_completion == Measurement(50.0, "%", 1)
    assert metrics.driven == Measurement(0.05, "km", 1)
    assert metrics.infractions[EventType.COLLISION_STATIC] == Measurement(2, "", 1)
    assert metrics.infractions[EventType.RED_LIGHT] == Measurement(0, "", 1)
    assert metrics.outside_lanes == Measurement(0.0, "km", 1)
    assert metrics.duration.value == pytest.approx(5.05)
    # 51 ticks at 6 and 50 at 4 m/s.
    assert metrics.driving["mean_speed"].value == pytest.approx((51 * 6 + 50 * 4) / 101)
    assert metrics.driving["mean_speed"].n == 101
    assert metrics.tick_rate.value == pytest.approx(202.0)
    assert metrics.real_time_factor.value == pytest.approx(10.1)


def test_times_that_were_not_recorded_are_missing_not_zero(tmp_path: Path) -> None:
    metrics = measured(tmp_path / "a", 5)
    assert metrics.tick_rate.value is None
    assert "wall-clock" in str(metrics.tick_rate.why_missing)
    assert metrics.real_time_factor.value is None
    zero = measured(tmp_path / "b", 5, timing=EpisodeTiming(0.0))
    assert zero.tick_rate.value is None


def test_an_infrastructure_fault_measures_nothing(tmp_path: Path) -> None:
    metrics = measured(tmp_path / "a", 50, hits=1, fault=Outcome.INFRA_FAULT)
    for value in (metrics.route_completion, metrics.driven, metrics.duration, *metrics.driving.values()):
        assert value.value is None
        assert "the server died" in str(value.why_missing)
    assert all(count.value is None for count in metrics.infractions.values())


def test_an_episode_without_ticks_has_no_mean_speed(tmp_path: Path) -> None:
    metrics = measured(tmp_path / "a", 0)
    assert metrics.route_completion.value == 0.0
    assert metrics.driving["mean_speed"].value is None


def test_infractions_per_km_are_a_ratio_of_sums(tmp_path: Path) -> None:
    # 3 contacts on 0.05 km and none on 0.1 km (50 % of 200 m): 3 / 0.15 km = 20 per km.
    # The mean of the two ratios (60 and 0) would be 30, their sum (Leaderboard 1.0) 60.
    bumpy = measured(tmp_path / "a", 101, hits=3)
    smooth = replace(measured(tmp_path / "b", 101), driven=Measurement(0.1, "km", 1))
    total = aggregate([bumpy, smooth])
    assert total.driven.value == pytest.approx(0.15)
    assert total.infractions_per_km[EventType.COLLISION_STATIC].value == pytest.approx(20.0)
    assert total.infractions_per_km[EventType.COLLISION_STATIC].n == 2
    assert EventType.OUTSIDE_ROUTE_LANES not in total.infractions_per_km


def test_an_aggregate_leaves_out_what_was_not_measured(tmp_path: Path) -> None:
    good = measured(tmp_path / "a", 101, hits=1)
    lost = measured(tmp_path / "b", 101, hits=3, fault=Outcome.INFRA_FAULT)
    assert aggregate([good, lost]) == aggregate([good])
    nothing = aggregate([lost])
    assert nothing.infractions_per_km[EventType.COLLISION_STATIC].value is None
    assert nothing.driven.value is None
    assert aggregate([]).driven.why_missing == "there are no episodes"


def test_infractions_without_distance_are_divided_by_a_metre(tmp_path: Path) -> None:
    metrics = measured(tmp_path / "a", 0)
    crash = replace(metrics, infractions=dict.fromkeys(metrics.infractions, Measurement(1, "", 1)))
    assert aggregate([crash]).infractions_per_km[EventType.RED_LIGHT].value == 1000.0


def test_a_record_without_final_account_is_corrupt(tmp_path: Path) -> None:
    measured(tmp_path / "a", 5)
    record = read_episode(tmp_path / "a")
    for events in ((), record.events * 2):
        with pytest.raises(CorruptRecordError, match="route_completion"):
            measure_episode(replace(record, events=events))


def test_metres_outside_the_lanes_come_from_the_event(tmp_path: Path) -> None:
    measured(tmp_path / "a", 5)
    record = read_episode(tmp_path / "a")
    outside = Event(4, EventType.OUTSIDE_ROUTE_LANES, {"distance_m": 12.5, "percentage": 10.0})
    metrics = measure_episode(replace(record, events=(outside, *record.events)))
    assert metrics.outside_lanes.value == 0.0125
    assert aggregate([metrics, metrics]).outside_lanes.value == 0.025


@pytest.mark.parametrize(("value", "why"), [(None, None), (1.0, "both"), (math.nan, None), (math.inf, None)])
def test_a_measurement_is_a_finite_value_or_a_reason(value: float | None, why: str | None) -> None:
    with pytest.raises(ValueError, match="measurement"):
        Measurement(value, "km", 1, why)
