"""Route timeout: the time budget that grows with progress."""

from __future__ import annotations

from harness.criteria.errors import CriterionError
from harness.criteria.route_table import RouteTable
from harness.events import Event, EventType
from harness.facts import TickFacts

WINDOW_POINTS = 3
BASE_BUDGET_S = 300.0
SPEED_PERCENTAGE = 10
"""Progress buys the time that it would take at this share of the speed limit."""


class RouteTimeout:
    """Ends the route when more time went by than 300 s plus what progress has bought.

    The limit is the one in force where the ego is when it passes a point; later changes do not count.
    Progress of a tick is booked before its time is checked. Source: RouteTimeoutBehavior of ScenarioRunner
    (branch leaderboard-2.0).

    Raises (update):
        CriterionError: progress under a speed limit that is not positive; the original divides by zero there.
    """

    __slots__ = ("_budget_s", "_dt_s", "_index", "_route")

    def __init__(self, route: RouteTable, dt_s: float) -> None:
        self._route = route
        self._dt_s = dt_s
        self._index = 0
        self._budget_s = BASE_BUDGET_S

    def update(self, tick: TickFacts, out: list[Event]) -> bool:
        """Report ROUTE_TIMEOUT and answer True when the route ends here."""
        index = self._route.last_passed(self._index, self._index + WINDOW_POINTS, tick.ego.location)
        if index > self._index:
            limit_kmh = tick.ego.speed_limit_kmh
            if limit_kmh <= 0.0:
                raise CriterionError(
                    tick.tick,
                    f"speed limit of the ego is {limit_kmh!r} km/h while it makes progress",
                    "the server must report the limit of the lane before the first tick",
                )
            distances_m = self._route.distances_m
            progress_m = distances_m[index] - distances_m[self._index]
            self._budget_s += progress_m / (limit_kmh / 3.6 * SPEED_PERCENTAGE / 100)
            self._index = index
        elapsed_s = tick.tick * self._dt_s
        if elapsed_s <= self._budget_s:
            return False
        values = {"elapsed_s": elapsed_s, "budget_s": self._budget_s}
        out.append(Event(tick.tick, EventType.ROUTE_TIMEOUT, values))
        return True
