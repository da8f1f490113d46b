"""Outside route lanes."""

from __future__ import annotations

import pytest

from harness.events import Event, EventType
from harness.facts import TickFacts
from tests.support.facts_builder import episode_facts, judge, lane_facts, route_through, tick_facts


def outside(ticks: list[TickFacts], route: object = None) -> Event | None:
    """The outside-lanes event of a drive, if there is one."""
    facts = episode_facts() if route is None else episode_facts(route)  # type: ignore[arg-type]
    found, criteria = judge(facts, ticks)
    assert found == []
    return next((e for e in criteria.finish() if e.type is EventType.OUTSIDE_ROUTE_LANES), None)


def drive(count: int, y: float = 0.0) -> list[TickFacts]:
    """A metre per tick; point k is passed in tick k."""
    return [tick_facts(k, k + 0.5, y, lane=lane_facts(k + 0.5)) for k in range(count)]


@pytest.mark.parametrize(("y", "is_outside"), [(2.5, False), (2.51, True), (-2.51, True)])
def test_outside_is_beyond_half_the_lane_and_half_a_metre(y: float, is_outside: bool) -> None:
    # Lane of 4 m: 2 + 0.5 m.
    event = outside(drive(11, y))
    assert (event is not None) is is_outside
    if event is not None:
        assert event.values == {"distance_m": 10.0, "percentage": 100.0}


def test_distance_to_the_lane_is_in_space() -> None:
    ticks = [tick_facts(k, k + 0.5, 0.0, 3.0) for k in range(11)]
    assert outside(ticks) is not None


def test_percentage_is_of_the_driven_part_and_grows_until_the_end() -> None:
    # Outside in ticks 11 to 20, so points 11 to 20 are 10 m; until tick 40, 40 m are driven: 25 %.
    ticks = [tick_facts(k, k + 0.5, 4.0 if 11 <= k <= 20 else 0.0) for k in range(41)]
    event = outside(ticks)
    assert event is not None
    assert event.values == {"distance_m": 10.0, "percentage": 25.0}
    assert event.tick == 40
    # Standing on does not date it later: nothing is passed.
    assert outside([*ticks, tick_facts(41, 40.6)]) == event


def test_a_step_is_booked_by_the_state_at_its_end() -> None:
    # Tick 0 outside passes nothing; tick 1 inside passes point 1.
    assert outside([tick_facts(0, 0.5, 4.0), tick_facts(1, 1.5, 0.0)]) is None


def test_a_step_over_points_is_booked_as_a_chord() -> None:
    # Point 1 looks backwards and is not passed: from point 0 to point 2 it is 2 m straight, 2.83 m along
    # the route.
    route = route_through([(0.0, 0.0, 0.0), (1.0, 1.0, 0.0), (2.0, 0.0, 0.0), (9.0, 0.0, 0.0)])
    route.rotation_deg[1, 1] = 180.0
    event = outside([tick_facts(0, 2.5, 3.0)], route)
    assert event is not None
    assert event.values["distance_m"] == 2.0


@pytest.mark.parametrize(
    ("parking_m", "width_m", "is_outside"),
    [
        (1.4, 2.0, False),  # the parking lane is nearer: 1.4 <= 1 + 0.5
        (1.5, 2.0, False),  # more than
        (1.6, 2.0, True),  # nearer and too far
        (3.1, 9.0, True),  # farther than the driving lane, which is too far itself
        (3.0, 6.0, False),  # equally far: the parking lane decides, 3 <= 3 + 0.5
    ],
)
def test_the_nearer_of_driving_and_parking_lane_decides(
    parking_m: float, width_m: float, is_outside: bool
) -> None:
    ticks = [
        tick_facts(
            k, k + 0.5, 3.0, lane=lane_facts(k + 0.5, parking_distance_m=parking_m, parking_width_m=width_m)
        )
        for k in range(4)
    ]
    assert (outside(ticks) is not None) is is_outside


def after_junction(ego_yaw_deg: float, lane_yaw_deg: float) -> list[TickFacts]:
    """One tick in a junction, then ten on a new road."""
    new = {"road_id": 2, "rotation_deg": (0.0, lane_yaw_deg, 0.0)}
    first = tick_facts(0, 0.5, lane=lane_facts(0.5, road_id=9, is_junction=True))
    return [first] + [
        tick_facts(k, k + 0.5, yaw_deg=ego_yaw_deg, lane=lane_facts(k + 0.5, **new)) for k in range(1, 11)
    ]


@pytest.mark.parametrize(
    ("ego_yaw_deg", "lane_yaw_deg", "is_wrong"),
    [
        (0.0, 180.0, True),
        (0.0, 120.0, True),
        (0.0, 119.0, False),
        (0.0, -120.0, True),
        (0.0, -119.0, False),
        (170.0, -170.0, False),
        (90.0, 90.0, False),
        (350.0, 180.0, True),
    ],
)
def test_after_a_junction_the_heading_decides(
    ego_yaw_deg: float, lane_yaw_deg: float, is_wrong: bool
) -> None:
    event = outside(after_junction(ego_yaw_deg, lane_yaw_deg))
    assert (event is not None) is is_wrong


def lanes_in_turn(*yaws_deg: float) -> list[TickFacts]:
    """Three metres on each of several lanes of one road."""
    return [
        tick_facts(
            k, k + 0.5, lane=lane_facts(k + 0.5, lane_id=k // 3, rotation_deg=(0.0, yaws_deg[k // 3], 0.0))
        )
        for k in range(3 * len(yaws_deg))
    ]


@pytest.mark.parametrize(
    ("yaws_deg", "wrong_m"),
    [
        ((0.0, 180.0), 3.0),  # over the line: points 3, 4, 5
        ((0.0, 180.0, 0.0), 3.0),  # and back again
        ((0.0, 150.0), 0.0),  # more than 150
        ((0.0, 151.0), 3.0),
        ((0.0, 209.0), 3.0),
        ((0.0, 210.0), 0.0),  # less than 210
        ((0.0, 90.0), 0.0),
        ((90.0, 90.0), 0.0),
    ],
)
def test_between_junctions_a_jump_of_the_lane_heading_toggles(
    yaws_deg: tuple[float, ...], wrong_m: float
) -> None:
    event = outside(lanes_in_turn(*yaws_deg))
    assert (0.0 if event is None else event.values["distance_m"]) == wrong_m


def test_a_wrong_start_is_not_noticed() -> None:
    """The original compares the first lane with itself, so the first metres against the traffic are free."""
    ticks = [
        tick_facts(k, k + 0.5, lane=lane_facts(k + 0.5, rotation_deg=(0.0, 180.0, 0.0))) for k in range(5)
    ]
    assert outside(ticks) is None


def test_a_junction_ends_the_wrong_lane() -> None:
    ticks = lanes_in_turn(0.0, 180.0)
    ticks += [
        tick_facts(k, k + 0.5, lane=lane_facts(k + 0.5, road_id=5, is_junction=True)) for k in range(6, 12)
    ]
    event = outside(ticks)
    assert event is not None
    # Points 3, 4, 5 of 11 passed in the end.
    assert event.values == {"distance_m": 3.0, "percentage": pytest.approx(300 / 11)}
