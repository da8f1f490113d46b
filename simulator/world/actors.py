"""Actor: what the world knows about one live thing besides its motion."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

Vector = tuple[float, float, float]

Transform = tuple[float, float, float, float, float, float]
"""x, y, z in metres, then pitch, yaw, roll in degrees: CARLA's frame and the order on the wire."""

AttributeValue = tuple[str, int, str]
"""id, type (1 bool, 2 int, 3 float, 4 string, 5 rgb), value: as in a blueprint."""


class ActorKind(IntEnum):
    """What an actor is to the simulation."""

    OTHER = 0
    VEHICLE = 1
    WALKER = 2
    PROP = 3
    SENSOR = 4
    TRAFFIC_LIGHT = 5
    TRAFFIC_SIGN = 6
    SPECTATOR = 7


@dataclass(frozen=True, slots=True)
class Box:
    """An oriented box in its actor's frame.

    Attributes:
        center: m.
        extent: half sizes, m.
        rotation: pitch, yaw, roll, deg.
    """

    center: Vector
    extent: Vector
    rotation: Vector = (0.0, 0.0, 0.0)


@dataclass(slots=True)
class Actor:
    """One live actor.

    Attributes:
        id: unique within the world, counted from 1.
        parent_id: actor that it is attached to, 0 for none.
        blueprint_id: "vehicle.lincoln.mkz_2020".
        uid: of the blueprint.
        attributes: as spawned.
        box: bounding box; of a light or a sign the trigger volume, as CARLA sends it.
        semantic_tags: CARLA's object labels, one byte each.
        kind: see `ActorKind`.
        row: its row in `World.states`; changes when others are spawned or destroyed.
        body: its row in the body table, -1 when it has no body of its own (sensors, lights, the spectator).
        attachment: CARLA's number, see `layouts.AttachmentType`; 0 without a parent.
        relative: transform in the parent's frame, None without a parent.
        opendrive_id: signal id of a light or a sign, else "".
    """

    id: int
    parent_id: int
    blueprint_id: str
    uid: int
    attributes: tuple[AttributeValue, ...]
    box: Box
    semantic_tags: bytes
    kind: ActorKind
    row: int = -1
    body: int = -1
    attachment: int = 0
    relative: Transform | None = None
    opendrive_id: str = ""


@dataclass(frozen=True, slots=True)
class Collision:
    """One contact of one actor during a tick. Each contact is reported once for either side.

    Attributes:
        actor_id: who is told.
        other_id: whom it touched; 0 is the level itself.
        normal_impulse: sum over the tick of what the contact did to `actor_id`, N·s, world axes.
        thing: the object of the scene, where the other is the level; -1 for none.
    """

    actor_id: int
    other_id: int
    normal_impulse: Vector
    thing: int = -1
