"""Lane changes that the route asks for: when to begin one, and how it bends the path."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from policies.sensor_bundle import Float

SHORTEST_M = 10.0
_DURATION_S = 3.2
"""For a lane of 3.5 m the smooth step then has a lateral acceleration of 6 * 3.5 / 3.2² = 2.1 m/s² at
most."""

_LEAST_SPEED_MPS = 4.0


def comfortable_length_m(speed_mps: float) -> float:
    """Return how long a lane change should be at a speed."""
    return max(_DURATION_S * speed_mps, SHORTEST_M)


def speed_for_length_mps(length_m: float) -> float:
    """Return the speed at which a lane change of this length is comfortable, with a lower bound to get on."""
    return max(length_m / _DURATION_S, _LEAST_SPEED_MPS)


@dataclass(slots=True)
class LaneChange:
    """One sideways move of the route, and the sideways move that the ego makes of it.

    The route moves from lane to lane where its planner put it; the ego holds the old lane until there is
    a gap and then follows a smooth step of its own.

    Attributes:
        begin_m: station where the route begins to move.
        stations, sides: where the route was seen, and how far (m, left positive) from the old lane's centre.
        deadline_m: station by which the new lane must be reached, inf while unknown.
        start_m, length_m: the ego's own step; start is inf until it is committed.
    """

    begin_m: float
    stations: list[float] = field(default_factory=list)
    sides: list[float] = field(default_factory=list)
    deadline_m: float = math.inf
    start_m: float = math.inf
    length_m: float = SHORTEST_M

    @property
    def side_m(self) -> float:
        """The whole move, m, positive to the left."""
        return self.sides[-1] if self.sides else 0.0

    @property
    def is_committed(self) -> bool:
        """Whether the ego's own step has a place."""
        return math.isfinite(self.start_m)

    @property
    def end_m(self) -> float:
        """Station where the ego's own step ends."""
        return self.start_m + self.length_m

    def see(self, station_m: float, side_m: float) -> None:
        """Take in one more point of the route's move."""
        self.stations.append(station_m)
        self.sides.append(side_m)

    def commit(self, station_m: float, length_m: float) -> None:
        """Place the ego's own step."""
        self.start_m = station_m
        self.length_m = length_m

    def offset_m(self, station_m: Float) -> Float:
        """Return (N,) how far to the left of the route the ego's path is at (N,) stations."""
        route = np.interp(station_m, self.stations, self.sides, left=0.0)
        if not self.is_committed:
            return np.asarray(-route)
        u = np.clip((station_m - self.start_m) / self.length_m, 0.0, 1.0)
        return np.asarray(self.side_m * u * u * (3.0 - 2.0 * u) - route)


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A vehicle in a lane that the ego wants to cross or enter.

    Attributes:
        id: of the actor.
        ahead_m: bumper to bumper; positive ahead of the ego, negative behind it, 0 when abreast.
        speed_mps: along the path.
    """

    id: int
    ahead_m: float
    speed_mps: float


def blocking_neighbour(neighbours: list[Neighbour], speed_mps: float) -> Neighbour | None:
    """Return a vehicle that makes the gap too small, the nearest one, or None if the way is free.

    Ahead, the ego must be able to fall back with 2.5 m/s²; behind, the other with 1.5 m/s², after a
    reaction time of 0.7 s.
    """
    worst: Neighbour | None = None
    for neighbour in neighbours:
        if neighbour.ahead_m > 0.0:
            closing = max(speed_mps - neighbour.speed_mps, 0.0)
            needed_m = 2.0 + 0.3 * speed_mps + closing * 0.5 + closing**2 / 5.0
        else:
            closing = max(neighbour.speed_mps - speed_mps, 0.0)
            needed_m = 2.5 + 0.3 * neighbour.speed_mps + closing * 0.7 + closing**2 / 3.0
        nearer = worst is None or abs(neighbour.ahead_m) < abs(worst.ahead_m)
        if abs(neighbour.ahead_m) < needed_m and nearer:
            worst = neighbour
    return worst
