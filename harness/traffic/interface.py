"""Background traffic as the session sees it. CARLA's frame: left-handed, metres, degrees.

The session spawns a `Traffic` before the first tick of an episode, calls `drive` once per tick with what it
has just read from that tick, and destroys it at the end. Nothing here imports `carla`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FleetState:
    """The background vehicles at one tick, one row each, in the order of `Traffic.actor_ids`.

    Attributes:
        location: (N, 3) m, actor origin.
        yaw_deg: (N,).
        velocity_mps: (N, 3) world axes.
    """

    location: Float
    yaw_deg: Float
    velocity_mps: Float


@dataclass(frozen=True, slots=True)
class RoadUsers:
    """Everybody else whom the background vehicles must not hit: the ego and the walkers, one row each.

    Attributes:
        location: (M, 3) m, centre of the box (the actor origin is near enough for cars and walkers).
        yaw_deg: (M,).
        velocity_mps: (M, 3) world axes.
        half_size_m: (M, 2) half length and half width of the box.
    """

    location: Float
    yaw_deg: Float
    velocity_mps: Float
    half_size_m: Float


@dataclass(frozen=True, slots=True)
class FleetControls:
    """One control per background vehicle; (N,) each, CARLA's signs (steer positive to the right)."""

    throttle: Float
    steer: Float
    brake: Float


@dataclass(frozen=True, slots=True)
class SpawnReport:
    """How many vehicles were asked for and how many found a place."""

    requested: int
    spawned: int


class Traffic(Protocol):
    """Background traffic of one episode."""

    @property
    def actor_ids(self) -> tuple[int, ...]:
        """The server's ids of the vehicles, in the order of every array given and returned."""
        ...

    @property
    def report(self) -> SpawnReport:
        """What came of the wish."""
        ...

    def decide(self, fleet: FleetState, others: RoadUsers, light_states: NDArray[np.uint8]) -> FleetControls:
        """Decide one control per vehicle. Call it once per tick: drivers remember.

        Args:
            fleet: the vehicles at this tick.
            others: the ego and the walkers at this tick.
            light_states: CARLA's numbers (0 red, 1 yellow, 2 green, 3 off, 4 unknown) in the order of the
                lights that the traffic was built with (`EpisodeFacts.lights`).
        """
        ...

    def send(self, controls: FleetControls) -> None:
        """Send the controls; they act in the next tick."""
        ...

    def destroy(self) -> None:
        """Remove the vehicles from the world."""
        ...
