"""Sensor: world state in, payloads out. No sockets, no frames of a stream, no clock."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from simulator.render.annotations import Annotations
from simulator.wire.layouts import Pose, SensorType
from simulator.world.actors import Actor, Collision, Vector
from simulator.world.sweeps import Hit, Sweep

if TYPE_CHECKING:
    from simulator.sensors.sight import Sight


@dataclass(frozen=True, slots=True)
class Observation:
    """What a sensor may look at after a tick.

    Attributes:
        own_state: () `ACTOR_STATE`, the sensor's own row.
        parent_state: () `ACTOR_STATE` of the actor that it is attached to, or None.
        collisions: of the tick, of all actors.
        actor_record: actor id -> its msgpack `Actor`; 0 is the level.
        now_s: simulated time.
        parent_center: centre of mass of the parent in the world, m; without one, the sensor's own place.
        first_hit: what a swept sphere meets first.
        thing_record: object of the scene -> its msgpack `Actor`.
        delta_s: length of the tick.
        sight: gives what cameras and LiDARs share.
        ignored_ids: vehicles that this sensor's rays pass through.
        annotations: gives what clients have drawn into the world.
    """

    own_state: np.void
    parent_state: np.void | None
    collisions: tuple[Collision, ...]
    actor_record: Callable[[int], bytes]
    now_s: float
    parent_center: Vector
    first_hit: Callable[[Sweep], Hit | None]
    thing_record: Callable[[int], bytes]
    delta_s: float
    sight: Callable[[], Sight]
    ignored_ids: frozenset[int] = frozenset()
    annotations: Callable[[], Annotations] = Annotations

    def record_of(self, actor_id: int, thing: int) -> bytes:
        """The msgpack `Actor` of an actor, or of an object of the scene where that is not -1."""
        return self.actor_record(actor_id) if thing < 0 else self.thing_record(thing)


class Sensor(Protocol):
    """One spawned sensor."""

    @property
    def type(self) -> SensorType:
        """Kind of message that it sends."""
        ...

    def measure(self, observation: Observation) -> tuple[bytes, ...]:
        """The payloads of this tick: none, one, or one per event."""
        ...


class BadAttributeError(ValueError):
    """An attribute of a sensor that is to be spawned is no number."""

    def __init__(self, name: str, value: str) -> None:
        super().__init__(f"attribute {name} must be a finite number, got {value!r}")


class AttributeRangeError(BadAttributeError):
    """An attribute of a sensor is a number that no such sensor has."""

    def __init__(self, name: str, value: str, low: float, high: float) -> None:
        ValueError.__init__(self, f"attribute {name} must be between {low:g} and {high:g}, got {value!r}")


Attributes = Mapping[str, str]
"""Attribute id -> value, all as text, defaults filled in."""


@dataclass(frozen=True, slots=True)
class Mounting:
    """Where and how a sensor is made.

    Attributes:
        actor: the sensor's own actor.
        attributes: see `Attributes`.
        geolocate: x, y, z in the world (m) -> latitude (deg), longitude (deg), altitude (m).
        grain: standard deviation of the noise of colour pictures, in grey levels.
        seed: of what is random and has no `noise_seed`.
    """

    actor: Actor
    attributes: Attributes
    geolocate: Callable[[float, float, float], tuple[float, float, float]]
    grain: float = 0.0
    seed: int = 0


def number_of(attributes: Attributes, name: str) -> float:
    """A float attribute.

    Raises:
        BadAttributeError: it is no finite number, which would poison every later measurement.
    """
    try:
        value = float(attributes[name])
    except ValueError:
        raise BadAttributeError(name, attributes[name]) from None
    if not math.isfinite(value):
        raise BadAttributeError(name, attributes[name])
    return value


def number_within(attributes: Attributes, name: str, low: float, high: float) -> float:
    """A float attribute between two numbers.

    Raises:
        BadAttributeError: it is no finite number, or beyond them.
    """
    value = number_of(attributes, name)
    if not low <= value <= high:
        raise AttributeRangeError(name, attributes[name], low, high)
    return value


def flag_of(attributes: Attributes, name: str) -> bool:
    """A boolean attribute: "true" or "1" in any case, as in CARLA."""
    return attributes[name].strip().lower() in ("true", "1")


def noise_generator(attributes: Attributes) -> np.random.Generator:
    """The generator of a sensor's noise, from its `noise_seed`; negative seeds count too, as in CARLA.

    Raises:
        BadAttributeError: the seed is no number.
    """
    return np.random.default_rng(int(number_of(attributes, "noise_seed")) % 2**32)


def pose_of(state: np.void) -> Pose:
    """Place and direction in a row of `ACTOR_STATE`."""
    x, y, z = state["location"].tolist()
    pitch, yaw, roll = state["rotation"].tolist()
    return (x, y, z, pitch, yaw, roll)


def rotation_matrix(rotation_deg: NDArray[np.floating]) -> NDArray[np.float64]:
    """(3, 3) matrix whose columns are an actor's x, y, z axes in the world.

    Args:
        rotation_deg: pitch, yaw, roll in CARLA's sense (yaw clockwise seen from above, pitch up, roll right).
    """
    pitch, yaw, roll = np.radians(np.asarray(rotation_deg, dtype=np.float64))
    cp, sp, cy, sy, cr, sr = (
        np.cos(pitch),
        np.sin(pitch),
        np.cos(yaw),
        np.sin(yaw),
        np.cos(roll),
        np.sin(roll),
    )
    return np.array(
        [
            [cp * cy, cy * sp * sr - sy * cr, -cy * sp * cr - sy * sr],
            [cp * sy, sy * sp * sr + cy * cr, -sy * sp * cr + cy * sr],
            [sp, -cp * sr, cp * cr],
        ]
    )
