"""`sensor.other.collision`: tells what its parent touched. Sends nothing in a tick without contact."""

from __future__ import annotations

import msgpack

from simulator.sensors.interface import Mounting, Observation
from simulator.wire.layouts import SensorType


class CollisionSensor:
    """One message per contact of the parent and tick: [Actor self, Actor other, impulse N·s]."""

    type = SensorType.COLLISION

    def __init__(self, mounting: Mounting) -> None:
        self._parent_id = mounting.actor.parent_id

    def measure(self, observation: Observation) -> tuple[bytes, ...]:
        """See `Sensor.measure`."""
        return tuple(
            b"".join(
                (
                    b"\x93",  # an array of three items; actors are cached as bytes
                    observation.actor_record(self._parent_id),
                    observation.record_of(collision.other_id, collision.thing),
                    msgpack.packb(collision.normal_impulse),
                )
            )
            for collision in observation.collisions
            if collision.actor_id == self._parent_id
        )
