"""Blocked: the ego stands for too long."""

from __future__ import annotations

from harness.events import Event, EventType
from harness.facts import TickFacts

MIN_SPEED_MPS = 0.1
MAX_TIME_S = 180.0


class Blocked:
    """Ends the route when the planar speed stayed below 0.1 m/s for more than 180 s.

    Source: ActorBlockedTest of ScenarioRunner (branch leaderboard-2.0), as RouteScenario sets it up.

    The first tick always counts as moving: the original has no earlier time to compare with.
    """

    __slots__ = ("_dt_s", "_moving_tick")

    def __init__(self, dt_s: float) -> None:
        self._dt_s = dt_s
        self._moving_tick: int | None = None

    def update(self, tick: TickFacts, speed_mps: float, out: list[Event]) -> bool:
        """Report BLOCKED and answer True when the route ends here."""
        if self._moving_tick is None or speed_mps >= MIN_SPEED_MPS:
            self._moving_tick = tick.tick
            return False
        # Counted in ticks: a difference of two rounded times would fire one tick sooner or later along the
        # episode.
        standing_s = (tick.tick - self._moving_tick) * self._dt_s
        if standing_s <= MAX_TIME_S:
            return False
        x, y, z = tick.ego.location
        values = {"standing_s": standing_s, "x_m": x, "y_m": y, "z_m": z}
        out.append(Event(tick.tick, EventType.BLOCKED, values))
        return True
