"""Actors as clients are told of them: msgpack records, encoded once."""

from __future__ import annotations

from collections.abc import Callable, Container

import msgpack

from simulator.scene.objects import Label
from simulator.wire.rpc import Encoded
from simulator.world.actors import Box
from simulator.world.world import World

LEVEL_TYPE_ID = "static.unknown"
"""Type id of what belongs to the level and has no label, as the other side of a collision."""

LEVEL_TYPE_IDS = {
    Label.BUILDINGS: "static.building",
    Label.WALLS: "static.wall",
    Label.FENCES: "static.fence",
    Label.POLES: "static.pole",
    Label.VEGETATION: "static.vegetation",
    Label.CAR: "static.car",
    Label.STATIC: "static.static",
    Label.DYNAMIC: "static.dynamic",
    Label.GUARD_RAIL: "static.guardrail",
}
"""Type ids of things of the level: the label's name in lower case and in the singular, as in CARLA."""

NO_BOX = Box((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
"""Box of what has no body."""


class ActorRecords:
    """The msgpack `Actor`s of one episode."""

    def __init__(self, world: World, token_of: Callable[[int], bytes]) -> None:
        """Begin an episode.

        Args:
            world: of the episode.
            token_of: actor id -> token of its stream; empty if it has none.
        """
        self._world = world
        self._token_of = token_of
        self._actors: dict[int, bytes] = {}
        self._things: dict[int, bytes] = {}

    def of_actor(self, actor_id: int) -> bytes:
        """The msgpack `Actor` of a live actor, encoded once; 0 gives the level.

        Raises:
            UnknownActorError: no such actor.
        """
        record = self._actors.get(actor_id)
        if record is None:
            record = bytes(msgpack.packb(self._describe(actor_id)))
            self._actors[actor_id] = record
        return record

    def of_thing(self, thing: int) -> bytes:
        """The msgpack `Actor` that CARLA sends for an object of the level: id 0, its label as the type."""
        record = self._things.get(thing)
        if record is None:
            found = self._world.town.scene.objects[thing]
            label = int(found["label"])
            box = Box(
                (float(found["box_x"]), 0.0, float(found["box_z"])),
                (float(found["half_x"]), float(found["half_y"]), float(found["half_z"])),
            )
            type_id = LEVEL_TYPE_IDS.get(Label(label), LEVEL_TYPE_ID)
            actor = [0, 0, [0, type_id, []], box_to_wire(box, 0), bytes([label]), b""]
            record = bytes(msgpack.packb(actor))
            self._things[thing] = record
        return record

    def of_actors(self, actor_ids: list[int]) -> Encoded:
        """The records of those actors that are alive, as one msgpack array."""
        alive = self._world.actors
        records = [self.of_actor(actor_id) for actor_id in actor_ids if actor_id in alive]
        return Encoded(msgpack.Packer().pack_array_header(len(records)) + b"".join(records))

    def keep(self, alive: Container[int]) -> None:
        """Forget the actors that have gone."""
        self._actors = {key: record for key, record in self._actors.items() if key in alive}

    def _describe(self, actor_id: int) -> list[object]:
        if actor_id == 0:
            return [0, 0, [0, LEVEL_TYPE_ID, []], box_to_wire(NO_BOX, 0), b"\0", b""]
        actor = self._world.actor(actor_id)
        return [
            actor.id,
            actor.parent_id,
            [actor.uid, actor.blueprint_id, [list(attribute) for attribute in actor.attributes]],
            box_to_wire(actor.box, actor.id),
            actor.semantic_tags,
            self._token_of(actor_id),
        ]


def box_to_wire(box: Box, actor_id: int) -> list[object]:
    """A `BoundingBox`: centre, half sizes, rotation, actor."""
    return [list(box.center), list(box.extent), list(box.rotation), actor_id]
