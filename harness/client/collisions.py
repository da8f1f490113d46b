"""Collision messages of the ego, handed over tick by tick.

They come on a connection of their own, so that nothing in CARLA's protocol says that those of tick n are here
when the snapshot of tick n is. What makes it so: the server writes the messages of a tick before its
snapshot, and the client has one I/O thread for all streams, which takes what came first, first. One message
per tick therefore is always in time. When a tick has one, more may be in the queue behind the snapshot;
`take` lets the I/O thread run until nothing comes any more. A message that is late all the same (a server
that writes in another order) is never lost: it is handed over with the next tick and counted.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import Protocol

from harness.facts import Vector

_QUIET_ROUNDS = 10
_ROUND_S = 1e-4


class _Vector3D(Protocol):
    x: float
    y: float
    z: float


class _Actor(Protocol):
    id: int
    type_id: str


class CollisionEvent(Protocol):
    """The part of `carla.CollisionEvent` that is read."""

    frame: int
    other_actor: _Actor
    normal_impulse: _Vector3D


@dataclass(frozen=True, slots=True)
class CollisionMessage:
    """One collision message.

    Attributes:
        frame: the server's frame counter at the tick in which it happened.
        other_id: the server's id of the other actor, 0 for the level.
        other_type: its blueprint id.
        impulse: normal impulse, N·s, world axes.
    """

    frame: int
    other_id: int
    other_type: str
    impulse: Vector


class CollisionLog:
    """Messages from the client's I/O thread, waiting for the tick that they belong to.

    Attributes:
        late_count: messages that came after the facts of their tick had been read.
    """

    def __init__(self) -> None:
        self.late_count = 0
        self._pending: deque[CollisionMessage] = deque()  # appended to in another thread: never replaced

    def on_message(self, event: CollisionEvent) -> None:
        """Take a message; called in the client's I/O thread."""
        impulse = event.normal_impulse
        other = event.other_actor
        message = CollisionMessage(event.frame, other.id, other.type_id, (impulse.x, impulse.y, impulse.z))
        self._pending.append(message)

    def take(self, frame: int) -> tuple[CollisionMessage, ...]:
        """Return the messages of a frame, in the server's order, after late ones of frames before it."""
        if not self._pending:
            return ()
        self._let_the_queue_drain()
        taken = []
        while self._pending and self._pending[0].frame <= frame:
            taken.append(self._pending.popleft())
        self.late_count += sum(message.frame < frame for message in taken)
        return tuple(taken)

    def discard(self, frame: int) -> None:
        """Forget the messages up to a frame: they happened before the episode began."""
        self.take(frame)
        self.late_count = 0

    def _let_the_queue_drain(self) -> None:
        """Give the I/O thread turns until it brings nothing more.

        Rounds are counted and not wall time, because under load both threads slow down.
        """
        quiet = 0
        while quiet < _QUIET_ROUNDS:
            before = len(self._pending)
            time.sleep(_ROUND_S)
            quiet = quiet + 1 if len(self._pending) == before else 0
