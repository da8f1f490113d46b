"""Criteria about progress along the route: completion, deviation, blocked, timeout."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.criteria import CriterionError
from harness.events import EventType
from tests.support.facts_builder import (
    episode_facts,
    hit,
    judge,
    kinds,
    renumber,
    route_through,
    straight_route,
    tick_facts,
)


def test_completion_is_the_share_of_the_last_point_passed() -> None:
    # At x = k + 0.5 point k is passed, so at 37.5 of 100 m it is 37 %.
    _, criteria = judge(episode_facts(), [tick_facts(k, k + 0.5) for k in range(38)])
    assert criteria.route_completion_pct == 37.0
    assert criteria.ending is None


def test_a_point_is_passed_only_strictly() -> None:
    _, criteria = judge(episode_facts(), [tick_facts(0, 1.0)])
    assert criteria.route_completion_pct == 0.0


def test_completion_looks_at_two_more_points_per_tick() -> None:
    ticks = [tick_facts(0, 10.5), tick_facts(1, 10.5)]
    _, after_one = judge(episode_facts(), ticks[:1])
    _, after_two = judge(episode_facts(), ticks)
    assert (after_one.route_completion_pct, after_two.route_completion_pct) == (2.0, 4.0)


def test_a_point_that_is_not_passed_does_not_hold_up_the_next() -> None:
    route = straight_route(100)
    route.rotation_deg[1, 1] = 180.0  # from the front its forward vector points back at the ego
    _, criteria = judge(episode_facts(route), [tick_facts(0, 2.5)])
    assert criteria.route_completion_pct == 2.0


def test_height_takes_part_in_passing_a_point() -> None:
    route = straight_route(100)
    route.rotation_deg[:, 0] = 30.0  # forward = (0.866, 0, 0.5)
    # At x = 1.5 and z = -1: 0.866 * 0.5 - 0.5 < 0 for point 1, 0.866 * 1.5 - 0.5 > 0 for point 0.
    _, criteria = judge(episode_facts(route), [tick_facts(0, 1.5, z=-1.0)])
    assert criteria.route_completion_pct == 0.0


@pytest.mark.parametrize(
    ("point_m", "completes"),
    [
        (990.04, False),  # 99.004 % is rounded to 99.0, and 99.0 > 99 is false
        (990.06, True),  # 99.006 % is rounded to 99.01
    ],
)
def test_the_goal_test_reads_the_rounded_percentage(point_m: float, completes: bool) -> None:
    route = route_through([(0.0, 0.0, 0.0), (point_m, 0.0, 0.0), (1000.0, 0.0, 0.0)])
    events, _ = judge(episode_facts(route), [tick_facts(0, point_m + 0.01)])
    assert (EventType.ROUTE_COMPLETED in [event.type for event in events]) is completes


def test_the_goal_must_be_nearer_than_ten_metres() -> None:
    route = straight_route(10)
    # Past all points but 10 m beside the goal: 100 % driven, not completed.
    ticks = [tick_facts(k, 2 * k + 0.5, 10.0) for k in range(6)]
    events, criteria = judge(episode_facts(route), ticks)
    assert (events, criteria.route_completion_pct, criteria.ending) == ([], 100.0, None)
    assert judge(episode_facts(route), [*ticks, tick_facts(6, 10.0, 10.0)])[0] == []
    events, _ = judge(episode_facts(route), [*ticks, tick_facts(6, 10.1, 9.9)])
    assert kinds(events) == [(6, EventType.ROUTE_COMPLETED)]


def test_the_goal_ends_the_route_one_tick_later_and_that_tick_is_judged() -> None:
    route = straight_route(10)
    ticks = [tick_facts(k, 2 * k + 0.5) for k in range(6)]
    events, criteria = judge(episode_facts(route), ticks)
    assert kinds(events) == [(5, EventType.ROUTE_COMPLETED)]
    assert criteria.ending is None
    late = criteria.update(tick_facts(6, 10.6, collisions=(hit(0),)))
    assert kinds(late) == [(6, EventType.COLLISION_VEHICLE)]
    assert criteria.ending is EventType.ROUTE_COMPLETED
    assert criteria.route_completion_pct == 100.0


def test_the_last_event_tells_how_much_was_driven() -> None:
    _, criteria = judge(episode_facts(), [tick_facts(k, k + 0.5) for k in range(38)])
    (event,) = criteria.finish()
    assert (event.tick, event.type, event.values) == (
        37,
        EventType.ROUTE_COMPLETION,
        {"route_completion_pct": 37.0},
    )


@pytest.mark.parametrize(("y", "leaves"), [(29.99, False), (30.0, True)])
def test_thirty_metres_beside_the_route_end_it(y: float, leaves: bool) -> None:
    events, criteria = judge(episode_facts(), [tick_facts(0, 0.0, y)])
    assert kinds(events) == ([(0, EventType.ROUTE_DEVIATION)] if leaves else [])
    assert criteria.ending is (EventType.ROUTE_DEVIATION if leaves else None)


def test_deviation_is_measured_from_the_route_wherever_it_lies() -> None:
    facts = episode_facts(route_through([(100.0 + x, 200.0, 0.0) for x in range(11)]))
    assert judge(facts, [tick_facts(0, 100.0, 171.0)])[0] == []
    assert kinds(judge(facts, [tick_facts(0, 100.0, 170.0)])[0]) == [(0, EventType.ROUTE_DEVIATION)]


def test_height_does_not_count_as_deviation() -> None:
    events, _ = judge(episode_facts(), [tick_facts(0, 0.0, 0.0, 50.0)])
    assert events == []


@pytest.mark.parametrize(("y", "last_tick"), [(15.0, 31), (14.99, None)])
def test_more_than_thirty_percent_beside_the_route_end_it(y: float, last_tick: int | None) -> None:
    # One metre per tick from 15 m on: 30 of 100 m are not more than 30 %, 31 are.
    events, _ = judge(
        episode_facts(), [tick_facts(k, float(k), y) for k in range(last_tick + 1 if last_tick else 60)]
    )
    assert kinds(events) == ([] if last_tick is None else [(last_tick, EventType.ROUTE_DEVIATION)])


def test_of_two_points_equally_near_the_later_counts() -> None:
    # Half-way between k and k + 1 the index is k + 1: the 31st metre is booked one tick sooner than above.
    events, _ = judge(episode_facts(), [tick_facts(k, k + 0.5, 20.0) for k in range(31)])
    assert kinds(events) == [(30, EventType.ROUTE_DEVIATION)]


def test_the_route_is_looked_for_only_five_points_ahead() -> None:
    # 36 m ahead of the start: the nearest of points 0 to 5 is 31 m away, although the ego stands on point 36.
    events, _ = judge(episode_facts(), [tick_facts(0, 36.0)])
    assert kinds(events) == [(0, EventType.ROUTE_DEVIATION)]
    events, _ = judge(episode_facts(), [tick_facts(0, 34.9)])
    assert events == []


def standing(count: int, speed_mps: float = 0.0) -> list:
    return [tick_facts(k, speed_mps=speed_mps, dt_s=1.0) for k in range(count)]


def test_blocked_after_more_than_180_seconds() -> None:
    facts = episode_facts(dt_s=1.0)
    # The first tick counts as moving; 180 s later is not more than 180 s.
    events, _ = judge(facts, standing(181))
    assert events == []
    events, criteria = judge(facts, standing(182))
    assert kinds(events) == [(181, EventType.BLOCKED)]
    assert criteria.ending is EventType.BLOCKED


def test_a_tenth_of_a_metre_per_second_is_moving() -> None:
    events, _ = judge(episode_facts(dt_s=1.0), standing(250, 0.1))
    assert events == []


def test_speed_has_two_components() -> None:
    # sqrt(0.08^2 + 0.08^2) = 0.113 m/s
    ticks = [tick_facts(k, velocity_mps=(0.08, -0.08, 0.0), dt_s=1.0) for k in range(250)]
    assert judge(episode_facts(dt_s=1.0), ticks)[0] == []


def test_any_movement_starts_the_blocked_clock_again() -> None:
    ticks = standing(300)
    ticks[150] = tick_facts(150, speed_mps=0.2, dt_s=1.0)
    events, _ = judge(episode_facts(dt_s=1.0), ticks)
    assert events == []


def test_falling_is_standing() -> None:
    # ScenarioRunner's speed is planar.
    ticks = [tick_facts(k, velocity_mps=(0.0, 0.0, -9.0), dt_s=1.0) for k in range(182)]
    events, _ = judge(episode_facts(dt_s=1.0), ticks)
    assert kinds(events) == [(181, EventType.BLOCKED)]


def test_timeout_without_progress_after_more_than_300_seconds() -> None:
    # Behind the first point nothing is passed; speed keeps the blocked rule quiet.
    ticks = [tick_facts(k, -1.0, speed_mps=1.0, dt_s=1.0) for k in range(302)]
    events, criteria = judge(episode_facts(dt_s=1.0), ticks)
    assert kinds(events) == [(301, EventType.ROUTE_TIMEOUT)]
    assert criteria.ending is EventType.ROUTE_TIMEOUT


def test_progress_buys_time_at_a_tenth_of_the_limit_in_force() -> None:
    # 3 points of the window in one tick at 30 km/h: 3 m / (30 / 3.6 * 0.1 m/s) = 3.6 s, so 304 s is the
    # first over. A limit of 3 km/h before and after does not count.
    ticks = [tick_facts(k, 3.5 if k else -1.0, speed_mps=1.0, dt_s=1.0) for k in range(305)]
    limits = [30.0 if k == 1 else 3.0 for k in range(305)]
    # From tick 2 on there is no further point: the route ends at 3 m, 12 m short of nothing left to pass.
    route = route_through([(float(x), 0.0, 0.0) for x in (0, 1, 2, 3, 200)])
    ticks = [
        replace(tick, ego=replace(tick.ego, speed_limit_kmh=limit))
        for tick, limit in zip(ticks, limits, strict=True)
    ]
    events, _ = judge(episode_facts(route, dt_s=1.0), ticks)
    assert kinds(events) == [(304, EventType.ROUTE_TIMEOUT)]
    assert events[0].values["budget_s"] == pytest.approx(303.6)


def test_progress_adds_up() -> None:
    # 1 m and then 2 m at 30 km/h: 1.2 s + 2.4 s.
    route = route_through([(float(x), 0.0, 0.0) for x in (0, 1, 3, 200)])
    positions = [-1.0, 1.5, *[3.5] * 303]
    ticks = [tick_facts(k, x, speed_mps=1.0, dt_s=1.0) for k, x in enumerate(positions)]
    events, _ = judge(episode_facts(route, dt_s=1.0), ticks)
    assert kinds(events) == [(304, EventType.ROUTE_TIMEOUT)]
    assert events[0].values["budget_s"] == pytest.approx(303.6)


def test_progress_of_a_tick_is_booked_before_its_time_is_checked() -> None:
    route = route_through([(float(x), 0.0, 0.0) for x in (0, 1, 200)])
    ticks = [tick_facts(k, -1.0, speed_mps=1.0, dt_s=1.0) for k in range(301)]
    # 1 m at 30 km/h buys 1.2 s, just in time for 301 > 301.2 to be false.
    ticks.append(tick_facts(301, 1.5, speed_mps=1.0, dt_s=1.0))
    events, _ = judge(episode_facts(route, dt_s=1.0), ticks)
    assert events == []


def test_a_speed_limit_of_zero_cannot_be_judged() -> None:
    with pytest.raises(CriterionError, match="speed limit"):
        judge(episode_facts(), [tick_facts(0, 1.5, speed_limit_kmh=0.0)])
    # Without progress nobody asks for it.
    judge(episode_facts(), [tick_facts(0, 0.5, speed_limit_kmh=0.0)])


def test_everything_that_ends_a_route_in_one_tick_is_reported_and_the_official_status_wins() -> None:
    facts = episode_facts(dt_s=1.0)
    ticks = [tick_facts(k, -1.0, speed_mps=1.0, dt_s=1.0) for k in range(121)]
    ticks += [tick_facts(k, -1.0, speed_mps=0.0, dt_s=1.0) for k in range(121, 301)]
    # Standing since tick 120: 181 s at tick 301, which is also the first tick over 300 s, and 31 m away.
    ticks.append(tick_facts(301, -31.0, speed_mps=0.0, dt_s=1.0))
    events, criteria = judge(facts, ticks)
    assert kinds(events) == [
        (301, EventType.ROUTE_DEVIATION),
        (301, EventType.BLOCKED),
        (301, EventType.ROUTE_TIMEOUT),
    ]
    assert criteria.ending is EventType.BLOCKED


def test_completion_wins_over_another_ending_of_the_same_tick() -> None:
    route = straight_route(10)
    ticks = [tick_facts(k, 2 * k + 0.5) for k in range(6)]
    _, criteria = judge(episode_facts(route), ticks)
    late = criteria.update(tick_facts(6, 10.0, 40.0))
    assert kinds(late) == [(6, EventType.ROUTE_DEVIATION)]
    assert criteria.ending is EventType.ROUTE_COMPLETED


def test_routes_may_repeat_a_point() -> None:
    """Segments of a traced route share their ends."""
    points = [(0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (1.0, 0.0, 0.0), (2.0, 0.0, 0.0)]
    ticks = renumber([tick_facts(0, x) for x in (0.5, 1.5, 2.1)])
    events, _ = judge(episode_facts(route_through(points)), ticks)
    assert kinds(events) == [(2, EventType.ROUTE_COMPLETED)]
    assert np.all(np.diff(route_through(points).distance_m) >= 0)
