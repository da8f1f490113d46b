"""`sensor.other.obstacle`: a sphere swept ahead of the sensor, and what it meets first."""

from __future__ import annotations

import msgpack

from simulator.sensors.interface import Mounting, Observation, number_of, rotation_matrix
from simulator.wire.layouts import SensorType
from simulator.world.sweeps import Sweep


class ObstacleSensor:
    """One message in a tick with a hit: [Actor self, Actor other, distance m]; none without.

    As in CARLA, "self" is the sensor rather than its parent, the distance is how far the centre of the sphere
    came, and only the parent is passed through. The ground is no obstacle here; with CARLA's meshes it is one
    for a sphere that touches it.
    """

    type = SensorType.OBSTACLE

    def __init__(self, mounting: Mounting) -> None:
        self._id = mounting.actor.id
        self._parent_id = mounting.actor.parent_id
        self._length_m = max(0.0, number_of(mounting.attributes, "distance"))
        self._radius_m = max(0.0, number_of(mounting.attributes, "hit_radius"))
        self._only_dynamic = mounting.attributes["only_dynamics"].lower() == "true"

    def measure(self, observation: Observation) -> tuple[bytes, ...]:
        """See `Sensor.measure`."""
        x, y, z = observation.own_state["location"].tolist()
        ahead = rotation_matrix(observation.own_state["rotation"])[:, 0]
        hit = observation.first_hit(
            Sweep(
                start=(x, y, z),
                direction=(float(ahead[0]), float(ahead[1]), float(ahead[2])),
                length_m=self._length_m,
                radius_m=self._radius_m,
                ignored_id=self._parent_id,
                only_dynamic=self._only_dynamic,
            )
        )
        if hit is None:
            return ()
        own, other = observation.actor_record(self._id), observation.record_of(hit.actor_id, hit.thing)
        return (b"".join((b"\x93", own, other, msgpack.packb(hit.distance_m))),)
