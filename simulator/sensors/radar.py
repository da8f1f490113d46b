"""`sensor.other.radar`: what comes and goes, and how fast.

Rays and angles are CARLA's (`ARadar::SendLineTraces`): in each tick `points_per_second * delta` rays, their
ends spread over the ellipse of both angles at `range`, denser in the middle. The speed is that of the target
relative to the radar along the ray, negative when they come closer.
"""

from __future__ import annotations

from simulator.render.radar import Radar
from simulator.sensors.interface import Mounting, Observation, number_of, number_within, pose_of
from simulator.wire.layouts import SensorType
from simulator.world.actors import Vector

MAX_RAYS = 1_000_000
"""Of one tick."""


class RadarSensor:
    """One message in every due tick. Payload: velocity m/s, azimuth rad, altitude rad, depth m by detection.

    The radar's own velocity is how far it came since its last message, as in CARLA, so that it holds for a
    radar at the side of a car that turns. Before the first message it is the parent's.
    """

    type = SensorType.RADAR

    def __init__(self, mounting: Mounting) -> None:
        attributes = mounting.attributes
        self._rays_per_s = number_within(attributes, "points_per_second", 0.0, 1e9)
        self._radar = Radar(
            number_within(attributes, "horizontal_fov", 0.0, 170.0),
            number_within(attributes, "vertical_fov", 0.0, 170.0),
            number_within(attributes, "range", 0.0, 10_000.0),
            int(number_of(attributes, "noise_seed")) % 2**32,
        )
        self._before: tuple[float, Vector] | None = None

    def measure(self, observation: Observation) -> tuple[bytes, ...]:
        """See `Sensor.measure`."""
        pose = pose_of(observation.own_state)
        velocity = self._velocity(observation, pose[:3])
        # A thousandth of a ray: 0.05 s as a sum of floats must not cost one.
        count = min(int(self._rays_per_s * observation.delta_s + 1e-3), MAX_RAYS)
        found = observation.sight().detect(self._radar, pose, count, velocity, observation.ignored_ids)
        return (found.tobytes(),)

    def _velocity(self, observation: Observation, place: Vector) -> Vector:
        before, self._before = self._before, (observation.now_s, place)
        if before is None or observation.now_s <= before[0]:
            if observation.parent_state is None:
                return (0.0, 0.0, 0.0)
            x, y, z = observation.parent_state["velocity"].tolist()
            return (x, y, z)
        passed_s = observation.now_s - before[0]
        x, y, z = ((now - old) / passed_s for now, old in zip(place, before[1], strict=True))
        return (x, y, z)
