"""Red lights and stop signs. The ego is 5 m long: its tail reaches from 2.0 m to 3.5 m behind its origin."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from harness.criteria import CriterionError
from harness.criteria.red_light import RedLight
from harness.criteria.stop_sign import StopSign
from harness.events import Event, EventType
from harness.facts import StopSignFacts, TickFacts, TrafficLightFacts
from tests.support.facts_builder import (
    EGO_HALF_LENGTH_M,
    lane_facts,
    light_at,
    renumber,
    stop_line_at,
    stop_sign_at,
    tick_facts,
)

RED, YELLOW, GREEN, OFF, UNKNOWN = range(5)


def runs(ticks: list[TickFacts], *lights: TrafficLightFacts) -> list[tuple[int, str]]:
    """When which light is reported."""
    criterion = RedLight(lights, EGO_HALF_LENGTH_M)
    events: list[Event] = []
    for tick in renumber(ticks):
        criterion.update(tick, events)
    return ids(events, EventType.RED_LIGHT)


def ids(events: list[Event], kind: EventType) -> list[tuple[int, str]]:
    assert {event.type for event in events} <= {kind}
    return [(event.tick, str(event.values["opendrive_id"])) for event in events]


@pytest.mark.parametrize(
    ("x", "is_run"), [(51.99, False), (52.0, True), (53.0, True), (53.5, True), (53.51, False)]
)
def test_a_light_is_run_when_the_tail_touches_the_line(x: float, is_run: bool) -> None:
    # The line is at 50 m. The front at 52.5 m may stand beyond it: only the tail counts.
    assert runs([tick_facts(0, x, light_states=[RED])], light_at(50.0)) == [(0, "7")] * is_run


@pytest.mark.parametrize("state", [YELLOW, GREEN, OFF, UNKNOWN])
def test_only_red_counts(state: int) -> None:
    assert runs([tick_facts(0, 52.5, light_states=[state])], light_at(50.0)) == []


def test_a_state_that_carla_does_not_know_cannot_be_judged() -> None:
    with pytest.raises(CriterionError, match="state 7"):
        runs([tick_facts(0, 52.5, light_states=[7])], light_at(50.0))


@pytest.mark.parametrize(("y", "is_run"), [(2.4, True), (2.5, False)])
def test_the_line_reaches_six_tenths_of_the_lane_to_each_side(y: float, is_run: bool) -> None:
    # 0.6 * 4 m = 2.4 m
    assert runs([tick_facts(0, 52.5, y, light_states=[RED])], light_at(50.0)) == [(0, "7")] * is_run


@pytest.mark.parametrize(("distance_m", "is_run"), [(15.0, True), (15.01, False)])
def test_a_light_farther_than_fifteen_metres_is_not_looked_at(distance_m: float, is_run: bool) -> None:
    # Its line is here all the same; the centre of its trigger volume is what counts.
    light = light_at(52.5 + distance_m, lines=(stop_line_at(50.0),))
    assert runs([tick_facts(0, 52.5, light_states=[RED])], light) == [(0, "7")] * is_run


@pytest.mark.parametrize("change", [{"tail_road_id": 2}, {"tail_lane_id": 1}])
def test_the_tail_must_be_on_the_lane_of_the_line(change: dict[str, int]) -> None:
    ticks = [tick_facts(0, 52.5, light_states=[RED], lane=lane_facts(52.5, **change))]
    assert runs(ticks, light_at(50.0)) == []


def test_a_line_of_the_opposite_direction_does_not_count() -> None:
    light = light_at(50.0, lines=(stop_line_at(50.0, yaw_deg=180.0),))
    assert runs([tick_facts(0, 52.5, light_states=[RED])], light) == []


def test_any_line_of_the_light_counts_once() -> None:
    light = light_at(50.0, lines=(stop_line_at(50.0, lane_id=-2), stop_line_at(50.0), stop_line_at(50.5)))
    assert runs([tick_facts(0, 52.5, light_states=[RED])], light) == [(0, "7")]


def test_the_same_light_in_a_row_counts_once() -> None:
    crossing = [tick_facts(0, x, light_states=[RED]) for x in (52.0, 53.0, 60.0, 52.5)]
    assert runs(crossing, light_at(50.0)) == [(0, "7")]


def test_the_same_light_counts_again_after_another() -> None:
    ticks = [tick_facts(0, x, light_states=[RED, RED]) for x in (52.0, 102.0, 52.5)]
    assert runs(ticks, light_at(50.0, "a"), light_at(100.0, "b")) == [(0, "a"), (1, "b"), (2, "a")]


def test_after_a_report_the_next_lights_are_measured_from_the_reported_one() -> None:
    # Two lights for one line. The first stands 20 m away from the trigger of the second, which is beside
    # the ego: in the tick that reports the first the second is out of sight. It is reported in the next,
    # and as it is then the last one, the first is reported again in the one after.
    far = light_at(50.0, "a")
    far = type(far)(far.opendrive_id, (50.0, 20.0, 0.0), far.trigger_center, far.stop_lines)
    ticks = [tick_facts(0, x, light_states=[RED, RED]) for x in (52.0, 52.4, 52.8)]
    assert runs(ticks, far, light_at(50.0, "b")) == [(0, "a"), (1, "b"), (2, "a")]
    # With the first one near, both are reported in the same tick.
    assert runs(ticks[:1], light_at(50.0, "a"), light_at(50.0, "b")) == [(0, "a"), (0, "b")]


SIGN_X = 50.0
"""The sign's box reaches from 48.8 to 51.2 m (half length 1 m, times 1.2); it is found from 46 m on (4 m)."""


def stops(ticks: list[TickFacts], *signs: StopSignFacts) -> list[tuple[int, str]]:
    """When which stop sign is reported."""
    criterion = StopSign(signs or (stop_sign_at(SIGN_X),))
    events: list[Event] = []
    for tick in renumber(ticks):
        vx, vy, _ = tick.ego.velocity_mps
        criterion.update(tick, math.hypot(vx, vy), events)
    return ids(events, EventType.STOP_SIGN)


def past(*speeds_mps: float) -> list[TickFacts]:
    """Find the sign at 47 m, be inside at 49 and 50 m, leave at 52 m."""
    return [
        tick_facts(0, x, speed_mps=speed)
        for x, speed in zip((47.0, 49.0, 50.0, 52.0), speeds_mps, strict=True)
    ]


@pytest.mark.parametrize(
    ("speeds_mps", "is_run"),
    [
        ((5, 5, 5, 5), True),
        ((5, 0.09, 5, 5), False),
        ((5, 0.1, 5, 5), True),  # slower than 0.1
        ((0, 5, 5, 5), True),  # the tick that finds the sign does not look at the speed
        ((5, 5, 5, 0), False),  # the tick that leaves it does, before it judges
    ],
)
def test_stopping_between_finding_and_leaving(speeds_mps: tuple[float, ...], is_run: bool) -> None:
    assert stops(past(*speeds_mps)) == [(3, "9")] * is_run


@pytest.mark.parametrize(("x", "is_inside"), [(51.19, True), (51.21, False)])
def test_the_box_is_scaled_by_a_fifth(x: float, is_inside: bool) -> None:
    ticks = [tick_facts(0, 50.0), tick_facts(0, x)]
    assert stops(ticks) == ([] if is_inside else [(1, "9")])


@pytest.mark.parametrize(("dx", "dy", "is_inside"), [(1.2, 0, False), (0, 1.2, False), (1.1, 1.1, True)])
def test_the_edge_of_the_box_is_outside(dx: float, dy: float, is_inside: bool) -> None:
    ticks = [tick_facts(0, x, y, lane=lane_facts(x, y)) for x, y in ((0.0, 0.0), (dx, dy), (9.0, 0.0))]
    assert stops(ticks, stop_sign_at(0.0)) == [(2 if is_inside else 1, "9")]


def test_the_box_lies_around_the_sign_wherever_that_is() -> None:
    sign = replace(stop_sign_at(SIGN_X), trigger_center=(SIGN_X, 300.0, 0.0))
    ticks = [tick_facts(0, x, 300.0, lane=lane_facts(x, 300.0)) for x in (50.0, 60.0)]
    assert stops(ticks, sign) == [(1, "9")]


@pytest.mark.parametrize(("x", "is_found"), [(45.99, False), (46.0, True)])
def test_a_sign_is_found_within_four_metres(x: float, is_found: bool) -> None:
    # Points ahead reach the box from 44.8 m on, but the lane's centre must be near as well.
    ticks = [tick_facts(0, x), tick_facts(0, 60.0)]
    assert stops(ticks) == [(1, "9")] * is_found


def test_the_lane_centre_is_what_is_near_not_the_ego() -> None:
    ticks = [
        tick_facts(0, 50.0, 20.0, lane=lane_facts(50.0)),
        tick_facts(0, 60.0, 20.0, lane=lane_facts(60.0)),
    ]
    assert stops(ticks) == [(1, "9")]


@pytest.mark.parametrize(
    ("ticks", "is_found"),
    [
        ([tick_facts(0, 50.0, speed_mps=-0.18)], False),  # backwards
        ([tick_facts(0, 50.0, speed_mps=-0.17)], True),
        ([tick_facts(0, 50.0, yaw_deg=180.0, speed_mps=-5.0)], False),  # against the lane
        ([tick_facts(0, 50.0, yaw_deg=95.0, velocity_mps=(0.0, 5.0, 0.0))], True),  # cos 95 = -0.087
        ([tick_facts(0, 50.0, yaw_deg=100.0, velocity_mps=(0.0, 5.0, 0.0))], False),  # cos 100 = -0.174
    ],
)
def test_a_sign_is_not_found_backwards(ticks: list[TickFacts], is_found: bool) -> None:
    assert stops([*ticks, tick_facts(0, 60.0)]) == [(1, "9")] * is_found


def test_leaving_backwards_is_leaving() -> None:
    ticks = [tick_facts(0, 47.0), tick_facts(0, 45.0, speed_mps=-3.0)]
    assert stops(ticks) == [(1, "9")]


def test_the_same_sign_in_a_row_counts_once() -> None:
    assert stops(past(5, 5, 5, 5) + past(5, 5, 5, 5)) == [(3, "9")]


def test_the_same_sign_counts_again_after_another() -> None:
    other = [tick_facts(0, x) for x in (97.0, 99.0, 102.0)]
    ticks = past(5, 5, 5, 5) + other + past(5, 5, 5, 5)
    assert stops(ticks, stop_sign_at(SIGN_X, "a"), stop_sign_at(100.0, "b")) == [
        (3, "a"),
        (6, "b"),
        (10, "a"),
    ]


def test_a_stop_is_forgotten_when_the_sign_is_left() -> None:
    assert stops(past(5, 0, 5, 5) + past(5, 5, 5, 5)) == [(7, "9")]


def test_no_new_sign_is_looked_for_in_the_tick_that_leaves_one() -> None:
    # Straight from one sign's box into the other's and out again: the second was never found.
    ticks = [tick_facts(0, x) for x in (50.0, 100.0, 150.0)]
    assert stops(ticks, stop_sign_at(50.0, "a"), stop_sign_at(100.0, "b")) == [(1, "a")]


def test_beside_a_sign_the_points_ahead_must_be_given() -> None:
    with pytest.raises(CriterionError, match="stop sign 9"):
        stops([tick_facts(0, 50.0, lane=lane_facts(50.0, ahead=()))])
    assert stops([tick_facts(0, 40.0, lane=lane_facts(40.0, ahead=()))]) == []
