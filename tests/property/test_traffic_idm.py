"""Car following never touches the car ahead, whatever that does within its brakes."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.traffic.idm import (
    HARD_BRAKE_MPS2,
    LEADER_BRAKE_MPS2,
    acceleration,
    free_acceleration,
    sure_brake,
)

DT_S = 0.05
DELAY_TICKS = 1
traits = st.tuples(st.floats(1.4, 2.0), st.floats(1.2, 1.7))
leader_moves = st.lists(
    st.tuples(st.floats(-LEADER_BRAKE_MPS2, 3.0), st.integers(1, 60)), min_size=1, max_size=12
)


@settings(max_examples=300)
@given(
    traits,
    leader_moves,
    st.floats(0.0, 30.0),
    st.floats(0.0, 30.0),
    st.floats(0.0, 60.0),
    st.floats(5.0, 33.0),
)
def test_the_gap_stays_positive(
    trait: tuple[float, float],
    moves: list[tuple[float, int]],
    speed: float,
    leader: float,
    extra_gap: float,
    wanted: float,
) -> None:
    """From every state in which braking now suffices, with a tick of delay before the brakes act."""
    accel, headway = trait
    gap = 0.5 + extra_gap
    while sure_brake(speed, gap, leader) < 0.0:
        gap += 1.0
    pending = [0.0] * DELAY_TICKS
    for change, ticks in moves:
        for _ in range(ticks):
            pending.append(acceleration(speed, wanted, gap, leader, accel, headway))
            wish = pending.pop(0)
            new_speed = max(speed + wish * DT_S, 0.0)
            new_leader = min(max(leader + change * DT_S, 0.0), 40.0)
            gap += 0.5 * DT_S * (leader + new_leader - speed - new_speed)
            speed, leader = new_speed, new_leader
            assert gap > 0.0


@given(traits, st.floats(2.0, 33.0))
def test_a_free_road_is_driven_at_the_wanted_speed(trait: tuple[float, float], wanted: float) -> None:
    speed = 0.0
    for _ in range(int(60.0 / DT_S)):
        speed = max(speed + acceleration(speed, wanted, math.inf, 0.0, *trait) * DT_S, 0.0)
        assert speed <= wanted + 1e-6
    assert speed > 0.9 * wanted


@given(traits, st.floats(0.0, 30.0), st.floats(0.1, 100.0), st.floats(0.0, 30.0), st.floats(0.0, 33.0))
def test_a_car_ahead_never_speeds_one_up(
    trait: tuple[float, float], speed: float, gap: float, leader: float, wanted: float
) -> None:
    wish = acceleration(speed, wanted, gap, leader, *trait)
    assert wish <= free_acceleration(speed, wanted, trait[0])
    assert wish >= -1.3 * HARD_BRAKE_MPS2


@given(st.floats(0.0, 30.0), st.floats(0.1, 100.0), st.floats(0.0, 10.0), st.floats(0.0, 30.0))
def test_less_room_never_means_less_braking(speed: float, gap: float, more: float, leader: float) -> None:
    assert sure_brake(speed, gap, leader) <= sure_brake(speed, gap + more, leader) + 1e-9
