"""`sensor_tick` over long runs."""

from __future__ import annotations

import itertools

import pytest

from simulator.sensors.schedule import Schedule


def due(period_s: float, delta_s: float, ticks: int) -> list[int]:
    schedule, now_s, found = Schedule(period_s), 0.0, []
    for tick in range(ticks):
        now_s += delta_s
        if schedule.is_due(now_s, delta_s):
            found.append(tick)
    return found


@pytest.mark.parametrize(
    ("period_s", "delta_s", "gap"),
    [(0.2, 0.05, 4), (0.3, 0.1, 3), (0.07, 0.01, 7), (0.0, 0.05, 1), (0.02, 0.05, 1)],
)
def test_no_tick_is_missed_by_rounding(period_s: float, delta_s: float, gap: int) -> None:
    """A tolerance of 1e-9 s slips a few times in such a run."""
    ticks = due(period_s, delta_s, 400_000)
    assert ticks[0] == 0
    assert {after - before for before, after in itertools.pairwise(ticks)} == {gap}


def test_a_period_between_ticks_is_kept_on_average() -> None:
    ticks = due(0.12, 0.05, 12_001)
    assert {after - before for before, after in itertools.pairwise(ticks)} == {2, 3}
    assert len(ticks) == 12_000 * 0.05 / 0.12 + 1
