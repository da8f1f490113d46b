"""Collisions: which messages of the collision sensor count, and as what."""

from __future__ import annotations

from harness.criteria.geometry import distance_m
from harness.events import Event, EventType, EventValues
from harness.facts import CollisionFact, TickFacts, Vector

SAME_PLACE_RADIUS_M = 5.0
SAME_ACTOR_TIME_S = 5.0
FAULT_SPEED_MPS = 0.1
LEVEL = -1
"""`CollisionFact.other` of the level itself (CARLA's actor id 0)."""


def collision_type(other_type: str) -> EventType | None:
    """What a collision with an actor of this blueprint id is booked as; None means counted without event.

    Sidewalks are the known case of None: touching a kerb starts the two waiting rules without an infraction.
    """
    if ("static" in other_type or "traffic" in other_type) and "sidewalk" not in other_type:
        return EventType.COLLISION_STATIC
    if "vehicle" in other_type:
        return EventType.COLLISION_VEHICLE
    if "walker" in other_type:
        return EventType.COLLISION_PEDESTRIAN
    return None


class Collisions:
    """Counts contacts, merging those that belong together.

    A message is ignored when it is about the actor of the last counted contact and at most 5 s went by,
    when the ego is at most 5 m from the place of the last counted contact, or when the ego is slower than
    0.1 m/s (planar speed). Source: CollisionTest of ScenarioRunner (branch leaderboard-2.0).

    Order inside a tick. The sensor's callback runs while the client waits for the tick, before location,
    speed and clock of this tick are buffered; so a message is judged by the state of the *previous* tick.
    That matters: it is the speed before the impact, where the speed of the same tick may already be 0 and
    would hide a crash into a wall. (The original races two threads here; this is the order that its threads
    take when the message leaves the server before the tick's snapshot, as it does.) In the first tick the
    buffered speed is 0, so nothing counts. Only after the messages do the two waiting rules expire, by the
    state of this tick.

    The level (CARLA's id 0) is never remembered as an actor. Yet a contact with it restarts the 5 s of the
    actor that is remembered, because the original keeps one clock for both.
    """

    __slots__ = ("_actor", "_actor_tick", "_buffered", "_buffered_speed_mps", "_dt_s", "_place")

    def __init__(self, dt_s: float) -> None:
        self._dt_s = dt_s
        self._actor: int | None = None
        self._actor_tick = 0
        self._place: Vector | None = None
        self._buffered: TickFacts | None = None
        self._buffered_speed_mps = 0.0

    def update(self, tick: TickFacts, speed_mps: float, out: list[Event]) -> None:
        """Judge the messages of a tick, then let the waiting rules expire."""
        if tick.collisions and self._buffered is not None:
            for message in tick.collisions:
                self._judge(message, tick.tick, self._buffered, out)
        if self._place is not None and distance_m(tick.ego.location, self._place) > SAME_PLACE_RADIUS_M:
            self._place = None
        if self._actor is not None and (tick.tick - self._actor_tick) * self._dt_s > SAME_ACTOR_TIME_S:
            self._actor = None
        self._buffered = tick
        self._buffered_speed_mps = speed_mps

    def _judge(self, message: CollisionFact, tick: int, before: TickFacts, out: list[Event]) -> None:
        """One message, by the state of the tick before it."""
        if self._actor is not None and self._actor == message.other:
            return
        place = before.ego.location
        if self._place is not None and distance_m(place, self._place) <= SAME_PLACE_RADIUS_M:
            return
        if self._buffered_speed_mps < FAULT_SPEED_MPS:
            return
        self._place = place
        self._actor_tick = before.tick
        if message.other != LEVEL:
            self._actor = message.other
        kind = collision_type(message.other_type)
        if kind is not None:
            ix, iy, iz = message.impulse
            values: EventValues = {
                "other": message.other,
                "other_type": message.other_type,
                "x_m": place[0],
                "y_m": place[1],
                "z_m": place[2],
                "speed_mps": self._buffered_speed_mps,
                "impulse_x_ns": ix,
                "impulse_y_ns": iy,
                "impulse_z_ns": iz,
            }
            out.append(Event(tick, kind, values))
