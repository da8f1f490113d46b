"""The set of criteria fails closed: facts that cannot be judged are errors, never passes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from harness.criteria import CriteriaSet, CriterionError
from harness.facts import EpisodeFacts, TickFacts
from tests.support.facts_builder import (
    episode_facts,
    hit,
    judge,
    lane_facts,
    light_at,
    route_through,
    stop_sign_at,
    tick_facts,
)

NAN = math.nan


def with_ego(**changes: object) -> TickFacts:
    tick = tick_facts(0)
    return replace(tick, ego=replace(tick.ego, **changes))


@pytest.mark.parametrize(
    "tick",
    [
        with_ego(location=(NAN, 0.0, 0.0)),
        with_ego(location=(0.0, math.inf, 0.0)),
        with_ego(rotation_deg=(0.0, NAN, 0.0)),
        with_ego(velocity_mps=(0.0, 0.0, NAN)),
        with_ego(speed_limit_kmh=NAN),
        tick_facts(0, lane=lane_facts(location=(0.0, NAN, 0.0))),
        tick_facts(0, lane=lane_facts(rotation_deg=(0.0, NAN, 0.0))),
        tick_facts(0, lane=lane_facts(lane_width_m=NAN)),
        tick_facts(0, lane=lane_facts(parking_width_m=NAN)),
        tick_facts(0, lane=lane_facts(parking_distance_m=NAN)),
        tick_facts(0, lane=lane_facts(ahead=((0.0, 0.0, 0.0), (NAN, 0.0, 0.0)))),
        tick_facts(0, collisions=(replace(hit(0), impulse=(NAN, 0.0, 0.0)),)),
        replace(tick_facts(0), t_s=NAN),
    ],
)
def test_numbers_that_are_not_finite_are_errors(tick: TickFacts) -> None:
    with pytest.raises(CriterionError, match="tick 0"):
        judge(episode_facts(), [tick])


def test_a_town_without_parking_lanes_is_fine() -> None:
    judge(episode_facts(), [tick_facts(0, lane=lane_facts(parking_distance_m=math.inf))])


@pytest.mark.parametrize("numbers", [(1,), (0, 2), (0, 0), (0, 1, 0), (-1,)])
def test_a_gap_or_repetition_is_an_error(numbers: tuple[int, ...]) -> None:
    with pytest.raises(CriterionError, match="expected tick"):
        judge(episode_facts(), [tick_facts(number) for number in numbers])


def test_time_must_be_that_of_the_tick() -> None:
    with pytest.raises(CriterionError, match="t_s"):
        judge(episode_facts(), [tick_facts(0), replace(tick_facts(1), t_s=0.1)])


@pytest.mark.parametrize("states", [(), (0, 0)])
def test_every_light_must_have_a_state(states: tuple[int, ...]) -> None:
    with pytest.raises(CriterionError, match="light"):
        judge(episode_facts(lights=(light_at(50.0),)), [tick_facts(0, light_states=states)])


def broken_route(**changes: object) -> EpisodeFacts:
    facts = episode_facts()
    return replace(facts, route=replace(facts.route, **changes))


@pytest.mark.parametrize(
    "make",
    [
        lambda: episode_facts(dt_s=0.0),
        lambda: episode_facts(dt_s=NAN),
        lambda: broken_route(location=np.full((101, 3), NAN)),
        lambda: broken_route(distance_m=np.zeros(101)),
        lambda: broken_route(distance_m=np.linspace(100.0, 0.0, 101)),
        lambda: broken_route(distance_m=np.arange(100.0)),
        lambda: broken_route(rotation_deg=np.zeros((101, 2))),
        lambda: broken_route(rotation_deg=np.full((101, 3), NAN)),
        lambda: episode_facts(route_through([(0.0, 0.0, 0.0)])),
        lambda: replace(episode_facts(), ego_extent=(NAN, 1.0, 1.0)),
        lambda: replace(episode_facts(), ego_extent=(0.0, 1.0, 1.0)),
        lambda: episode_facts(lights=(replace(light_at(1.0), trigger_center=(NAN, 0.0, 0.0)),)),
        lambda: episode_facts(stop_signs=(replace(stop_sign_at(1.0), trigger_extent=(NAN, 0.0, 0.0)),)),
    ],
)
def test_facts_of_an_episode_that_make_no_sense_are_errors(make: Callable[[], EpisodeFacts]) -> None:
    with pytest.raises(CriterionError, match="episode facts"):
        CriteriaSet(make())


def test_two_points_are_a_route() -> None:
    judge(episode_facts(route_through([(0.0, 0.0, 0.0), (1.0, 0.0, 0.0)])), [tick_facts(0)])


def test_after_an_error_the_set_answers_only_errors() -> None:
    criteria = CriteriaSet(episode_facts())
    with pytest.raises(CriterionError):
        criteria.update(tick_facts(5))
    with pytest.raises(CriterionError, match="could not be judged"):
        criteria.update(tick_facts(0))
    with pytest.raises(CriterionError, match="could not be judged"):
        criteria.finish()


def test_nothing_comes_after_the_end() -> None:
    _, criteria = judge(episode_facts(), [tick_facts(0, 0.0, 40.0)])
    with pytest.raises(CriterionError, match="route_dev"):
        criteria.update(tick_facts(1))


def test_finish_comes_once() -> None:
    _, criteria = judge(episode_facts(), [tick_facts(0)])
    criteria.finish()
    with pytest.raises(CriterionError, match="finished"):
        criteria.finish()


def test_a_policy_may_fail_before_the_first_tick() -> None:
    (event,) = CriteriaSet(episode_facts()).finish()
    assert (event.tick, event.values) == (0, {"route_completion_pct": 0.0})
