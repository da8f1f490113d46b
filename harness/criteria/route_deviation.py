"""Route deviation: the ego left the route for good."""

from __future__ import annotations

import math

from harness.criteria.route_table import RouteTable
from harness.events import Event, EventType
from harness.facts import TickFacts

WINDOW_POINTS = 5
MAX_DISTANCE_M = 30.0
SAFE_DISTANCE_M = 15.0
MAX_UNSAFE_PCT = 30.0


class RouteDeviation:
    """Ends the route at 30 m from it, or when more than 30 % of its length was driven 15 m or more beside it.

    The nearest of the current and the next five points counts (in the plane; of two equally near the later
    one), and the index never goes back. Source: InRouteTest of ScenarioRunner (branch leaderboard-2.0) with
    offroad_max 30.

    The share is of the whole route, not of the driven part, and grows only in a tick that moves the index;
    the metres of such a step are booked by the distance at its end.
    """

    __slots__ = ("_index", "_route", "_unsafe_m")

    def __init__(self, route: RouteTable) -> None:
        self._route = route
        self._index = 0
        self._unsafe_m = 0.0

    def update(self, tick: TickFacts, out: list[Event]) -> bool:
        """Advance; report ROUTE_DEVIATION and answer True when the route ends here."""
        x, y, _ = tick.ego.location
        locations = self._route.locations
        current = self._index
        nearest, shortest_sq = current, math.inf
        for index in range(current, min(current + WINDOW_POINTS + 1, len(locations))):
            px, py, _ = locations[index]
            dx, dy = x - px, y - py
            squared = dx * dx + dy * dy
            if squared <= shortest_sq:
                nearest, shortest_sq = index, squared
        shortest_m = math.sqrt(shortest_sq)
        has_left = shortest_m >= MAX_DISTANCE_M
        if nearest != current:
            self._index = nearest
            distances_m = self._route.distances_m
            if shortest_m >= SAFE_DISTANCE_M:
                self._unsafe_m += distances_m[nearest] - distances_m[current]
                has_left = has_left or 100 * self._unsafe_m / distances_m[-1] > MAX_UNSAFE_PCT
        if has_left:
            values = {
                "distance_m": shortest_m,
                "unsafe_m": self._unsafe_m,
                "x_m": x,
                "y_m": y,
                "z_m": tick.ego.location[2],
            }
            out.append(Event(tick.tick, EventType.ROUTE_DEVIATION, values))
        return has_left
