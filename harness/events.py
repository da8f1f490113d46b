"""Event: what a criterion saw, as numbers. Sentences are made in reports only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

EventValues = Mapping[str, float | int | str]


class EventType(StrEnum):
    """What can happen to an episode; the values are the Leaderboard's keys where it has one."""

    COLLISION_PEDESTRIAN = "collisions_pedestrian"
    COLLISION_VEHICLE = "collisions_vehicle"
    COLLISION_STATIC = "collisions_layout"
    RED_LIGHT = "red_light"
    STOP_SIGN = "stop_infraction"
    OUTSIDE_ROUTE_LANES = "outside_route_lanes"
    ROUTE_DEVIATION = "route_dev"
    BLOCKED = "vehicle_blocked"
    ROUTE_TIMEOUT = "route_timeout"
    ROUTE_COMPLETED = "route_completed"
    ROUTE_COMPLETION = "route_completion"
    """No finding but the final account: how much of the route was driven. The last event of every episode."""


@dataclass(frozen=True, slots=True)
class Event:
    """One finding of a criterion.

    Attributes:
        tick: when.
        type: what.
        values: numbers and ids that describe it; keys carry their unit.
    """

    tick: int
    type: EventType
    values: EventValues
