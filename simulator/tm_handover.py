"""Holds a client that loads a map back until its traffic managers have the map too. No thread, no socket.

At the first snapshot of a new episode the client's streaming thread fetches the map for the traffic managers.
Meanwhile the thread that loads the map looks every 50 ms whether the episode has changed, and may go on
before the map is there: `World.get_map` then answers the old one, because the client notes only once that the
map has changed, and the streaming thread has taken that note. In synchronous mode the loading thread's own
`tick_cue` makes the first snapshot. Its answer is therefore kept until the traffic managers have asked for
their files, which they do as soon as they have the map. In asynchronous mode the client waits by itself.
"""

from __future__ import annotations

import time
from typing import Protocol

from simulator.simulation import Simulation
from simulator.wire.rpc import Request

PATIENCE_S = 2.0
"""How long an answer is kept at most: a traffic manager that has hung never asks."""

_TICK, _FILES, _MANAGERS_FOLDER = "tick_cue", "get_required_files", "TM"


class Caller(Protocol):
    """The connection of a client."""

    def send(self, data: bytes) -> None:
        """Answer it."""
        ...


class TmHandover:
    """Keeps the answers to first ticks of an episode."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._episode_id = simulation.shown_episode_id
        self._kept: dict[Caller, tuple[bytes, int, float]] = {}  # answer, managers to come, deadline

    def answer(self, caller: Caller, request: Request, reply: bytes, managers: int) -> None:
        """Send a reply, or keep it for later.

        Args:
            caller: who asked.
            request: what it asked.
            reply: what it is to be told.
            managers: how many traffic managers it has.
        """
        is_first = self._simulation.shown_episode_id != self._episode_id
        self._episode_id = self._simulation.shown_episode_id
        if is_first and managers and request.method == _TICK:
            self._kept[caller] = (reply, managers, time.monotonic() + PATIENCE_S)
            return
        caller.send(reply)
        if caller in self._kept and request.method == _FILES and _MANAGERS_FOLDER in request.arguments:
            first_reply, missing, deadline_s = self._kept[caller]
            self._kept[caller] = (first_reply, missing - 1, deadline_s)
            if missing == 1:
                self._let_go(caller)

    def closed(self, caller: Caller) -> None:
        """A client has gone."""
        self._kept.pop(caller, None)

    def poll(self) -> float | None:
        """Send what was kept long enough. Returns the seconds until the next look, or None."""
        now_s = time.monotonic()
        for caller in [each for each, (_, _, deadline_s) in self._kept.items() if deadline_s <= now_s]:
            self._let_go(caller)
        return min((deadline_s - now_s for _, _, deadline_s in self._kept.values()), default=None)

    def _let_go(self, caller: Caller) -> None:
        reply, _, _ = self._kept.pop(caller)
        caller.send(reply)
