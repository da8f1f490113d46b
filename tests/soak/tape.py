"""What a soak run saw, tick by tick, in one compressed NumPy file; and how a client records it.

Recording judges nothing, so that a run can be judged again after a limit was made sharper.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import carla
import numpy as np
from numpy.typing import NDArray

from harness.client.landmarks import Landmarks

Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Cast:
    """Who takes part; vehicles first, then walkers.

    Attributes:
        town: map name.
        dt_s: simulated time between ticks.
        vehicles: how many of the actors are vehicles.
        type_ids: (N,) blueprint ids.
        box: (N, 5) half length, half width and half height of an actor's box, and its centre's x and z, m.
        lines: (L, 6) stop lines: x, y, z m, yaw rad, lane width m, row of the light.
        wall_s: what the run took, 0 before its end.
        left_out: ids of the kinds of vehicles that were not driven.
    """

    town: str
    dt_s: float
    vehicles: int
    type_ids: tuple[str, ...]
    box: tuple[tuple[float, ...], ...]
    lines: tuple[tuple[float, ...], ...]
    wall_s: float = 0.0
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Tape:
    """T ticks of N actors under K lights.

    Attributes:
        cast: see there.
        pose: (T, N, 4) float32: x, y, z m, yaw rad; NaN where the actor is gone.
        speed: (T, N) float32 m/s.
        told: (T, N) uint8: 4 * (at a light) + the state that the vehicle is told.
        lights: (T, K) uint8 states as the lights show them.
    """

    cast: Cast
    pose: NDArray[np.float32]
    speed: NDArray[np.float32]
    told: NDArray[np.uint8]
    lights: NDArray[np.uint8]

    def save(self, path: Path) -> None:
        """Write it."""
        np.savez_compressed(
            path,
            cast=np.array(json.dumps(asdict(self.cast))),
            pose=self.pose,
            speed=self.speed,
            told=self.told,
            lights=self.lights,
        )

    @classmethod
    def load(cls, path: Path) -> Tape:
        """Read it again."""
        with np.load(path, allow_pickle=False) as stored:
            raw = json.loads(str(stored["cast"]))
            for name in ("box", "lines"):
                raw[name] = tuple(tuple(row) for row in raw[name])
            for name in ("type_ids", "left_out"):
                raw[name] = tuple(raw.get(name, ()))
            cast = Cast(**raw)
            return cls(cast, stored["pose"], stored["speed"], stored["told"], stored["lights"])


def cast_of(
    town: str,
    dt_s: float,
    vehicles: Sequence[carla.Actor],
    walkers: Sequence[carla.Actor],
    landmarks: Landmarks,
    left_out: Sequence[str] = (),
) -> Cast:
    """Describe the actors and stop lines of a run."""
    boxes = [actor.bounding_box for actor in (*vehicles, *walkers)]
    lines = [
        (*line.location, np.radians(line.rotation_deg[1]), line.lane_width_m, float(row))
        for row, light in enumerate(landmarks.lights)
        for line in light.stop_lines
    ]
    return Cast(
        town=town,
        dt_s=dt_s,
        vehicles=len(vehicles),
        type_ids=tuple(actor.type_id for actor in (*vehicles, *walkers)),
        box=tuple((b.extent.x, b.extent.y, b.extent.z, b.location.x, b.location.z) for b in boxes),
        lines=tuple(tuple(float(value) for value in line) for line in lines),
        left_out=tuple(left_out),
    )


class Recorder:
    """Fills a tape; call `read` after every tick."""

    def __init__(
        self,
        world: carla.World,
        cast: Cast,
        actors: Sequence[carla.Actor],
        lights: Sequence[carla.TrafficLight],
        ticks: int,
    ) -> None:
        self.cast = cast
        self._world = world
        self._ids = [actor.id for actor in actors]
        self._vehicles = list(actors[: cast.vehicles])
        self._lights = list(lights)
        self._done = 0
        count = len(self._ids)
        self._pose = np.full((ticks, count, 4), np.nan, np.float32)
        self._speed = np.zeros((ticks, count), np.float32)
        self._told = np.zeros((ticks, count), np.uint8)
        self._shown = np.zeros((ticks, len(self._lights)), np.uint8)

    @property
    def pose(self) -> NDArray[np.float32]:
        """(N, 4) of the last tick."""
        return self._pose[self._done - 1]

    @property
    def speed(self) -> NDArray[np.float32]:
        """(N,) of the last tick."""
        return self._speed[self._done - 1]

    def read(self) -> None:
        """Write down the world's last snapshot."""
        snapshot = self._world.get_snapshot()
        pose, speed, told = self._pose[self._done], self._speed[self._done], self._told[self._done]
        for i, actor_id in enumerate(self._ids):
            seen = snapshot.find(actor_id)
            if seen is None:
                continue
            transform, velocity = seen.get_transform(), seen.get_velocity()
            place = transform.location
            pose[i] = (place.x, place.y, place.z, np.deg2rad(transform.rotation.yaw))
            speed[i] = velocity.length()
            if i < self.cast.vehicles:
                vehicle = self._vehicles[i]
                told[i] = 4 * vehicle.is_at_traffic_light() + int(vehicle.get_traffic_light_state())
        self._shown[self._done] = [int(light.get_state()) for light in self._lights]
        self._done += 1

    def tape(self, wall_s: float) -> Tape:
        """What has been recorded so far."""
        end = self._done
        cast = Cast(**{**asdict(self.cast), "wall_s": wall_s})
        return Tape(cast, self._pose[:end], self._speed[:end], self._told[:end], self._shown[:end])
