"""CriteriaSet: all criteria of a route, fed one tick at a time."""

from __future__ import annotations

import math

from harness.criteria.blocked import Blocked
from harness.criteria.collisions import Collisions
from harness.criteria.errors import CriterionError
from harness.criteria.facts_check import check_episode_facts, check_tick_facts
from harness.criteria.outside_lanes import OutsideLanes
from harness.criteria.red_light import RedLight
from harness.criteria.route_completion import RouteCompletion
from harness.criteria.route_deviation import RouteDeviation
from harness.criteria.route_table import RouteTable
from harness.criteria.route_timeout import RouteTimeout
from harness.criteria.stop_sign import StopSign
from harness.events import Event, EventType
from harness.facts import EpisodeFacts, TickFacts


class CriteriaSet:
    """All criteria of an episode.

    Call `update` once per tick, in order and without gaps, until `ending` is set; then `finish`, once.
    `finish` may also come earlier (the policy failed) and then closes the criteria with what was driven so
    far.

    The order is that of RouteScenario's criteria tree (completion, outside lanes, collisions, red light,
    stop sign, deviation, blocked, and the timeout after them). All are run in every tick, also in the one
    that ends the route: a parallel node of py_trees ticks all its children before it looks at their
    answers. Likewise the goal ends the route one tick late, and an infraction in that extra tick counts.

    Args:
        facts: what does not change during the episode.

    Raises:
        CriterionError: the facts cannot be judged. After an error the set answers nothing but errors.
    """

    def __init__(self, facts: EpisodeFacts) -> None:
        check_episode_facts(facts)
        self._dt_s = facts.dt_s
        self._light_count = len(facts.lights)
        route = RouteTable.from_route(facts.route)
        self._completion = RouteCompletion(route)
        self._outside_lanes = OutsideLanes(route)
        self._collisions = Collisions(facts.dt_s)
        self._red_light = RedLight(facts.lights, facts.ego_extent[0])
        self._stop_sign = StopSign(facts.stop_signs)
        self._deviation = RouteDeviation(route)
        self._blocked = Blocked(facts.dt_s)
        self._timeout = RouteTimeout(route, facts.dt_s)
        self._next_tick = 0
        self._ending: EventType | None = None
        self._closed_by: str | None = None

    @property
    def ending(self) -> EventType | None:
        """ROUTE_COMPLETED, BLOCKED, ROUTE_DEVIATION or ROUTE_TIMEOUT once the route must end, else None.

        If several happen in one tick the answer is the one that the Leaderboard's status names: completion
        before blocked before deviation before timeout. All of them are in the events.
        """
        return self._ending

    @property
    def route_completion_pct(self) -> float:
        """Share of the route driven so far, 0..100."""
        return self._completion.route_completion_pct

    def update(self, tick: TickFacts) -> tuple[Event, ...]:
        """Judge one tick and report what happened in it.

        Raises:
            CriterionError: the tick is not the next one, cannot be judged, or comes after the end.
        """
        self._require_open(tick.tick)
        if self._ending is not None:
            raise CriterionError(tick.tick, f"the route ended by {self._ending}", "stop when `ending` is set")
        try:
            return self._judge(tick)
        except CriterionError:
            self._closed_by = "an earlier tick could not be judged"
            raise

    def finish(self) -> tuple[Event, ...]:
        """Close the criteria: the outside-lanes event if there is one, and always one ROUTE_COMPLETION event.

        Raises:
            CriterionError: called twice, or after an error.
        """
        self._require_open(self._next_tick)
        self._closed_by = "the criteria are finished"
        outside = self._outside_lanes.finish()
        completion = self._completion.finish()
        return (completion,) if outside is None else (outside, completion)

    def _require_open(self, tick: int) -> None:
        if self._closed_by is not None:
            raise CriterionError(tick, self._closed_by, "use a new CriteriaSet")

    def _judge(self, tick: TickFacts) -> tuple[Event, ...]:
        """Run every criterion over one tick."""
        check_tick_facts(tick, self._next_tick, self._dt_s, self._light_count)
        self._next_tick += 1
        # ScenarioRunner's speed is planar: a car that only falls stands still.
        vx, vy, _ = tick.ego.velocity_mps
        speed_mps = math.sqrt(vx * vx + vy * vy)
        out: list[Event] = []
        was_complete = self._completion.is_complete
        self._completion.update(tick, out)
        self._outside_lanes.update(tick)
        self._collisions.update(tick, speed_mps, out)
        self._red_light.update(tick, out)
        self._stop_sign.update(tick, speed_mps, out)
        has_left = self._deviation.update(tick, out)
        is_blocked = self._blocked.update(tick, speed_mps, out)
        is_late = self._timeout.update(tick, out)
        if was_complete or has_left or is_blocked or is_late:
            if self._completion.is_complete:
                self._ending = EventType.ROUTE_COMPLETED
            elif is_blocked:
                self._ending = EventType.BLOCKED
            elif has_left:
                self._ending = EventType.ROUTE_DEVIATION
            else:
                self._ending = EventType.ROUTE_TIMEOUT
        return tuple(out)
