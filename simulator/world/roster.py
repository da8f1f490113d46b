"""Roster: which actors live, and the tables that hold them: snapshot rows, bodies, attachments."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulator.wire.layouts import (
    ACTOR_STATE,
    LIGHT_UNION,
    SIGN_UNION,
    VEHICLE_UNION,
    WALKER_UNION,
    ActorLiveState,
)
from simulator.world.actors import Actor, ActorKind, Transform
from simulator.world.bodies import BODY, pose_of
from simulator.world.errors import UnknownActorError
from simulator.world.snapshot import ATTACHMENT
from simulator.world.spring_arms import hang, straight_yaw


class Roster:
    """Live actors in the order of their coming, one snapshot row each.

    Rows, bodies and attachments are kept dense: what leaves makes the others move up. Arrays are replaced
    whenever that happens, so nobody may keep them.

    Attributes:
        actors: by id.
        states: (N,) ACTOR_STATE.
        bodies: (M,) BODY of those that have one.
        attached: (K,) ATTACHMENT, parents before children.
        vehicles, walkers, lights, signs: `states` seen as the four unions.
        last_id: the highest that was given away.
    """

    def __init__(self, last_id: int = 0) -> None:
        self.actors: dict[int, Actor] = {}
        self.states: NDArray[np.void] = np.zeros(0, ACTOR_STATE)
        self.bodies: NDArray[np.void] = np.zeros(0, BODY)
        self.attached: NDArray[np.void] = np.zeros(0, ATTACHMENT)
        self._children: list[int] = []  # ids, in the order of `attached`
        self.last_id = last_id
        self._link()

    def next_id(self) -> int:
        """An id that no actor of this world has had."""
        self.last_id += 1
        return self.last_id

    def add(self, actor: Actor, transform: Transform, body: NDArray[np.void] | None = None) -> None:
        """Let an actor live.

        Args:
            actor: with an id from `next_id`.
            transform: of the actor in the world.
            body: (1,) BODY, if it has one.
        """
        actor.row = len(self.states)
        row = np.zeros(1, ACTOR_STATE)
        row["id"], row["actor_state"] = actor.id, int(ActorLiveState.ACTIVE)
        row["location"], row["rotation"] = transform[:3], transform[3:]
        self.states = np.concatenate([self.states, row])
        if body is not None:
            actor.body = len(self.bodies)
            body["actor_id"], body["row"] = actor.id, actor.row
            self.bodies = np.concatenate([self.bodies, body])
        self.actors[actor.id] = actor
        self._link()

    def remove(self, actor_ids: set[int]) -> None:
        """Let actors go."""
        gone = [self.actors.pop(actor_id) for actor_id in actor_ids]
        self.states = np.delete(self.states, [actor.row for actor in gone])
        self.bodies = np.delete(self.bodies, [actor.body for actor in gone if actor.body >= 0])
        body = 0
        for row, actor in enumerate(self.actors.values()):
            actor.row = row
            if actor.body >= 0:
                actor.body = body
                self.bodies["row"][body] = row
                body += 1
        self._link()

    def get(self, actor_id: int) -> Actor:
        """A live actor.

        Raises:
            UnknownActorError: there is none with this id.
        """
        actor = self.actors.get(actor_id)
        if actor is None:
            raise UnknownActorError(actor_id)
        return actor

    def transform(self, actor_id: int) -> Transform:
        """Where an actor is now.

        Raises:
            UnknownActorError: there is none with this id.
        """
        actor = self.get(actor_id)
        if actor.body >= 0:
            return pose_of(self.bodies[actor.body])
        state = self.states[actor.row]
        x, y, z = (float(value) for value in state["location"])
        pitch, yaw, roll = (float(value) for value in state["rotation"])
        return (x, y, z, pitch, yaw, roll)

    def family(self, actor_id: int) -> set[int]:
        """An actor and everything attached to it, directly or not."""
        found = {actor_id}
        for actor in self.actors.values():  # parents come before their children
            if actor.parent_id in found:
                found.add(actor.id)
        return found

    def relink(self) -> None:
        """Take over a changed relative transform."""
        self._link()

    def _link(self) -> None:
        """Rebuild what depends on row numbers."""
        self.vehicles = self._view(VEHICLE_UNION)
        self.walkers = self._view(WALKER_UNION)
        self.lights = self._view(LIGHT_UNION)
        self.signs = self._view(SIGN_UNION)
        trailing = dict(zip(self._children, self.attached["trailing_yaw"].tolist(), strict=True))
        children = [actor for actor in self.actors.values() if actor.relative is not None]
        self._children = [actor.id for actor in children]
        self.attached = np.zeros(len(children), ATTACHMENT)
        for link, actor in zip(self.attached, children, strict=True):
            relative = actor.relative or (0.0,) * 6
            link["row"], link["body"] = actor.row, actor.body
            link["parent_row"] = self.actors[actor.parent_id].row
            hang(link, relative, actor.attachment)
            if actor.id not in trailing:
                parent = self.states[link["parent_row"]]
                pose = (*parent["location"].tolist(), *parent["rotation"].tolist())
                trailing[actor.id] = straight_yaw(link, pose)
            link["trailing_yaw"] = trailing[actor.id]

    def _view(self, union: np.dtype[np.void]) -> NDArray[np.void]:
        return self.states["u"].view(union)[:, 0]

    def of_kind(self, kind: ActorKind) -> tuple[Actor, ...]:
        """Live actors of one kind."""
        return tuple(actor for actor in self.actors.values() if actor.kind is kind)
