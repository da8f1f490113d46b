"""Vehicles that get a changed control in every tick and nothing else: the load of the bench's bare client."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Self

import carla

from harness.client.session import Session
from harness.errors import ServerAnswerError

_BLUEPRINT = "vehicle.lincoln.mkz_2020"
_APART_M = 9.0
_LIFT_M = 0.3


class ControlLoad:
    """Some vehicles at a server.

    Args:
        session: that they were spawned in; its `clear` destroys them.
        vehicles: to send controls to.
    """

    def __init__(self, session: Session, vehicles: Sequence[carla.Vehicle]) -> None:
        self._client = session.client
        self._vehicles = tuple(vehicles)
        self._ids = tuple(vehicle.id for vehicle in vehicles)

    @classmethod
    def spawn(cls, session: Session, lane_map: carla.Map, count: int) -> Self:
        """Spawn `count` vehicles at spawn points spread over the town, and on lanes where those are too few.

        Fewer are spawned where the town has no more room.

        Raises:
            ServerAnswerError: a place was taken.
        """
        points = lane_map.get_spawn_points()
        blueprint = session.blueprint(_BLUEPRINT)
        if count <= len(points):
            chosen = points[:: max(1, len(points) // count)][:count]
            return cls(session, [session.spawn(blueprint, point) for point in chosen])
        vehicles: list[carla.Vehicle] = []
        for place in lane_map.generate_waypoints(_APART_M):
            if place.is_junction or len(vehicles) == count:
                continue
            transform = place.transform
            transform.location.z += _LIFT_M
            with contextlib.suppress(ServerAnswerError):  # ends of two lanes can meet
                vehicles.append(session.spawn(blueprint, transform))
        return cls(session, vehicles)

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._vehicles)

    def apply_one_by_one(self, throttle: float, steer: float) -> None:
        """Send one request per vehicle."""
        control = carla.VehicleControl(throttle=throttle, steer=steer)
        for vehicle in self._vehicles:
            vehicle.apply_control(control)

    def apply_in_a_batch(self, throttle: float, steer: float) -> None:
        """Send one request for all."""
        control = carla.VehicleControl(throttle=throttle, steer=steer)
        self._client.apply_batch(
            [carla.command.ApplyVehicleControl(actor_id, control) for actor_id in self._ids]
        )
