"""Route completion: how much of the route is driven, and whether its end is reached."""

from __future__ import annotations

from harness.criteria.geometry import distance_m
from harness.criteria.route_table import RouteTable
from harness.events import Event, EventType
from harness.facts import TickFacts

WINDOW_POINTS = 2
"""How many points beyond the current one are looked at per tick."""
GOAL_RADIUS_M = 10.0
COMPLETION_THRESHOLD_PCT = 99.0


class RouteCompletion:
    """Share of the route whose points are passed, by arc length, rounded to two digits.

    Source: RouteCompletionTest of ScenarioRunner (branch leaderboard-2.0).

    Two habits of the original decide real scores and are kept. The goal test reads the *rounded* percentage
    and asks for more than 99, so 99.004 % does not complete. And the goal is noticed in one tick but
    reported to the tree in the next, so one more tick is driven and judged by all criteria; `CriteriaSet`
    sees to that.
    """

    __slots__ = (
        "_goal",
        "_index",
        "_last_tick",
        "_percentages",
        "_route",
        "is_complete",
        "route_completion_pct",
    )

    def __init__(self, route: RouteTable) -> None:
        self._route = route
        total_m = route.distances_m[-1]
        self._percentages = tuple(d / total_m * 100 for d in route.distances_m)
        self._goal = route.locations[-1]
        self._index = 0
        self._last_tick = 0
        self.route_completion_pct = 0.0
        self.is_complete = False

    def update(self, tick: TickFacts, out: list[Event]) -> None:
        """Advance along the route; report ROUTE_COMPLETED once."""
        self._last_tick = tick.tick
        if self.is_complete:
            return
        location = tick.ego.location
        index = self._route.last_passed(self._index, self._index + WINDOW_POINTS, location)
        if index != self._index:
            self._index = index
            # Index 0 is 0 % whether passed or not, so only a change of index can change the percentage.
            self.route_completion_pct = round(self._percentages[index], 2)
        if self.route_completion_pct > COMPLETION_THRESHOLD_PCT:
            goal_distance_m = distance_m(location, self._goal)
            if goal_distance_m < GOAL_RADIUS_M:
                self.is_complete = True
                values = {"driven_pct": self.route_completion_pct, "goal_distance_m": goal_distance_m}
                self.route_completion_pct = 100.0
                out.append(Event(tick.tick, EventType.ROUTE_COMPLETED, values))

    def finish(self) -> Event:
        """The final account, given for every episode."""
        values = {"route_completion_pct": self.route_completion_pct}
        return Event(self._last_tick, EventType.ROUTE_COMPLETION, values)
