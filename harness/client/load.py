"""Vehicles that get a changed control in every tick and nothing else: the load of the bench's bare client."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import carla

from harness.client.session import Session

_BLUEPRINT = "vehicle.lincoln.mkz_2020"


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
        """Spawn `count` vehicles at spawn points spread over the town.

        Raises:
            ServerAnswerError: a place was taken.
        """
        points = lane_map.get_spawn_points()
        blueprint = session.blueprint(_BLUEPRINT)
        chosen = points[:: max(1, len(points) // count)][:count]
        return cls(session, [session.spawn(blueprint, point) for point in chosen])

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
