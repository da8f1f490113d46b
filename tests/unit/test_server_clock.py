"""When the world advances by itself."""

from __future__ import annotations

import pytest

from simulator.clock import FRAME_S, AsynchronousClock
from simulator.wire.settings import MIN_STEP_S, EpisodeSettings

VARIABLE = EpisodeSettings()
FIXED = EpisodeSettings(fixed_delta_s=0.02)


def test_variable_time_keeps_up_with_the_real_one() -> None:
    clock = AsynchronousClock(100.0)
    assert clock.due(100.0, VARIABLE, is_watched=True) == MIN_STEP_S
    assert clock.due(100.0 + FRAME_S / 2, VARIABLE, is_watched=True) is None
    assert clock.remaining_s(100.0 + FRAME_S / 2) == pytest.approx(FRAME_S / 2)
    assert clock.due(100.07, VARIABLE, is_watched=True) == pytest.approx(0.07)
    assert clock.due(100.10, VARIABLE, is_watched=True) == pytest.approx(0.03)


def test_after_a_pause_time_was_lost() -> None:
    clock = AsynchronousClock(0.0)
    assert clock.due(30.0, VARIABLE, is_watched=True) == pytest.approx(VARIABLE.longest_physics_s)
    assert clock.due(30.0, VARIABLE, is_watched=True) == MIN_STEP_S
    assert clock.due(30.0, VARIABLE, is_watched=True) is None


def test_fixed_time_runs_freely_while_somebody_watches() -> None:
    clock = AsynchronousClock(0.0)
    assert [clock.due(0.0, FIXED, is_watched=True) for _ in range(5)] == [0.02] * 5
    assert clock.remaining_s(0.0) == 0.0


def test_fixed_time_keeps_to_the_real_one_without_a_client() -> None:
    clock = AsynchronousClock(0.0)
    assert clock.due(0.0, FIXED, is_watched=False) == 0.02
    assert clock.due(0.01, FIXED, is_watched=False) is None
    assert clock.due(0.02, FIXED, is_watched=False) == 0.02


def test_a_client_that_ticked_leaves_no_debt() -> None:
    clock = AsynchronousClock(0.0)
    clock.pause(50.0)
    assert clock.due(50.0, VARIABLE, is_watched=True) == MIN_STEP_S
    assert clock.due(50.05, VARIABLE, is_watched=True) == pytest.approx(0.05)
