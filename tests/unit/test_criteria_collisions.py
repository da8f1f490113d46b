"""Which collision messages count, and as what."""

from __future__ import annotations

import pytest

from harness.events import EventType
from harness.facts import TickFacts
from tests.support.facts_builder import episode_facts, hit, judge, kinds, straight_route, tick_facts

FACTS = episode_facts(straight_route(2000))
VEHICLE = EventType.COLLISION_VEHICLE


def drive(count: int, step_m: float, hits: dict[int, tuple[int, str]]) -> list[TickFacts]:
    """Ticks along x with a message in some of them."""
    return [tick_facts(k, k * step_m, collisions=(hit(*hits[k]),) if k in hits else ()) for k in range(count)]


@pytest.mark.parametrize(
    ("other_type", "kind"),
    [
        ("vehicle.audi.tt", VEHICLE),
        ("walker.pedestrian.0001", EventType.COLLISION_PEDESTRIAN),
        ("static.prop.streetbarrier", EventType.COLLISION_STATIC),
        ("traffic.traffic_light", EventType.COLLISION_STATIC),
        ("static.road", EventType.COLLISION_STATIC),
        ("static.sidewalk", None),
        ("sensor.other.collision", None),
    ],
)
def test_kind_follows_the_blueprint_id(other_type: str, kind: EventType | None) -> None:
    events, _ = judge(FACTS, drive(2, 0.2, {1: (4, other_type)}))
    assert [event.type for event in events] == ([] if kind is None else [kind])


@pytest.mark.parametrize(
    ("before_mps", "after_mps", "counts"), [(5.0, 0.0, True), (0.05, 5.0, False), (0.1, 0, True)]
)
def test_speed_is_that_of_the_tick_before(before_mps: float, after_mps: float, counts: bool) -> None:
    ticks = [tick_facts(0, speed_mps=before_mps), tick_facts(1, speed_mps=after_mps, collisions=(hit(0),))]
    events, _ = judge(FACTS, ticks)
    assert bool(events) is counts


def test_speed_is_planar() -> None:
    ticks = [tick_facts(0, velocity_mps=(0.0, 0.0, -9.0)), tick_facts(1, collisions=(hit(0),))]
    assert judge(FACTS, ticks)[0] == []


def test_nothing_counts_in_the_first_tick() -> None:
    assert judge(FACTS, [tick_facts(0, collisions=(hit(0),))])[0] == []


def test_messages_of_one_tick_are_one_collision() -> None:
    ticks = [tick_facts(0), tick_facts(1, 0.2, collisions=(hit(0), hit(1), hit(-1, "static.wall")))]
    events, _ = judge(FACTS, ticks)
    assert [event.values["other"] for event in events] == [0]


def test_the_event_carries_the_state_that_it_was_judged_by() -> None:
    ticks = [tick_facts(0, 1.5, speed_mps=3.0), tick_facts(1, 1.6, speed_mps=0.0, collisions=(hit(2),))]
    (event,) = judge(FACTS, ticks)[0]
    assert (event.tick, event.values["x_m"], event.values["speed_mps"]) == (1, 1.5, 3.0)


def test_within_five_metres_of_the_last_place_nothing_counts() -> None:
    # 0.25 m per tick. Hit in tick 1, placed at x = 0 (tick 0). At tick 20 the ego is exactly 5 m away,
    # which does not forget the place; at tick 21 it is 5.25 m away, which does. The message of tick 21 is
    # judged before that, with the place of tick 20; the one of tick 22 counts.
    for second, counts in ((21, False), (22, True)):
        events, _ = judge(FACTS, drive(30, 0.25, {1: (0, "vehicle.a"), second: (1, "vehicle.b")}))
        assert kinds(events) == [(1, VEHICLE)] + [(second, VEHICLE)] * counts


def test_a_place_once_left_is_forgotten() -> None:
    # 6 m away and back again: another actor at the old place counts.
    positions = [0.0, 0.0, 6.0, 0.0, 0.0]
    hits = {1: (hit(0),), 4: (hit(1),)}
    ticks = [tick_facts(k, x, collisions=hits.get(k, ())) for k, x in enumerate(positions)]
    assert kinds(judge(FACTS, ticks)[0]) == [(1, VEHICLE), (4, VEHICLE)]


def test_the_same_actor_counts_again_after_more_than_five_seconds() -> None:
    # 0.05 s per tick. Hit in tick 2 is clocked at tick 1. 100 ticks later (tick 101) it is 5.0 s, not more;
    # tick 102 forgets the actor, but after its messages were judged. So tick 102 does not count, tick 103
    # does.
    for second, counts in ((50, False), (102, False), (103, True)):
        events, _ = judge(FACTS, drive(110, 1.0, {2: (7, "vehicle.a"), second: (7, "vehicle.a")}))
        assert kinds(events) == [(2, VEHICLE)] + [(second, VEHICLE)] * counts


def test_another_actor_counts_at_once_elsewhere() -> None:
    events, _ = judge(FACTS, drive(20, 1.0, {2: (7, "vehicle.a"), 10: (8, "vehicle.a")}))
    assert kinds(events) == [(2, VEHICLE), (10, VEHICLE)]


def test_the_level_is_not_remembered_as_an_actor() -> None:
    events, _ = judge(FACTS, drive(20, 1.0, {2: (-1, "static.wall"), 10: (-1, "static.wall")}))
    assert kinds(events) == [(2, EventType.COLLISION_STATIC), (10, EventType.COLLISION_STATIC)]


def test_a_contact_with_the_level_restarts_the_five_seconds_of_the_last_actor() -> None:
    # The official criterion has one clock. Actor 7 at tick 2, wall at tick 60 (clocked at 59): actor 7 is
    # forgotten after tick 160 (101 ticks = 5.05 s), where without the wall it would be after tick 102.
    for third, counts in ((110, False), (160, False), (161, True)):
        hits = {2: (7, "vehicle.a"), 60: (-1, "static.wall"), third: (7, "vehicle.a")}
        events, _ = judge(FACTS, drive(170, 1.0, hits))
        assert kinds(events) == [(2, VEHICLE), (60, EventType.COLLISION_STATIC)] + [(third, VEHICLE)] * counts


def test_a_kerb_is_no_infraction_but_hides_what_follows_at_the_same_place() -> None:
    hits = {1: (-1, "static.sidewalk"), 5: (3, "vehicle.a")}
    assert judge(FACTS, drive(10, 0.25, hits))[0] == []
