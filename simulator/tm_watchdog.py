"""Wakes a client's traffic manager that missed its wake-up. Part of the server's one loop: no thread.

In synchronous mode the client's main thread notifies the traffic manager's worker after each tick and waits
for it; the 0.9.16 client notifies without the lock that the worker waits under, so that a notification can be
lost (CARLA issue 9172). Both threads then wait for ever. From outside this looks like a `tick_cue` after
which the worker's `apply_batch` never comes while the whole connection stays silent.

The cure is to switch the traffic manager out of synchronous mode and back over its own RPC port: switching
out repeats the notification. Switching back must be done before the woken worker looks at the mode again, or
it would run a cycle too many. The worker cannot get that far without answers of this server, so they are
held back until the traffic manager has confirmed the second switch. A poke thus leads to exactly the cycle
that was lost. A poke of a traffic manager that was only slow would lead to a cycle too many, so the watchdog
doubts itself where worker or machine seem busy; see docs/decisions/0006-traffic-manager-watchdog.md.
"""

from __future__ import annotations

import logging
import selectors
import socket
import time
from collections.abc import Callable
from typing import Protocol

import msgpack

from simulator.simulation import Simulation
from simulator.tm_handover import Caller, TmHandover
from simulator.wire.rpc import Request

logger = logging.getLogger(__name__)

SILENCE_S = 0.2
"""How long a client must be silent after a tick before its traffic manager is poked; doubles with each poke
that did not help. Wall clock, but it decides only about clients that hang."""

AWAKE_SILENCE_S = 2.0
"""The same when the client has sent something since the tick: most likely its worker, which then is awake."""

LOOK_S = 0.05
LATE_S = 0.02
"""The watchdog looks every `LOOK_S`. A look that comes `LATE_S` too late tells of a busy machine, on which
the client may wait for a processor rather than for a wake-up: the silence is measured anew."""

PATIENCE_S = 5.0
"""After so much silence a busy machine is no excuse any more."""

ANSWER_S = 2.0
"""How long a poked traffic manager may take to answer."""

_OUT_AND_BACK = (False, True)
_REGISTER, _TICK, _BATCH = "add_traffic_manager_running", "tick_cue", "apply_batch"
_LOAD = "load_new_episode"
_BEFORE_SLEEP = "get_episode_settings"  # what the worker asks for last, perhaps only after the next tick


class RpcPeer(Caller, Protocol):
    """The connection of a client, as the watchdog sees it."""

    @property
    def host(self) -> str:
        """Address of the client: where its traffic manager listens, whatever it announced."""
        ...

    def hold(self) -> None:
        """Keep what the client sends and answer it later."""
        ...

    def release(self) -> None:
        """Answer what was kept, and the rest as it comes."""
        ...


class _Watch:
    """What is known of one client with traffic managers.

    Attributes:
        ports: of its traffic managers. The client steps them in this order, sorted, one after the other.
        heard_s: when it last sent anything, or was poked.
        quiet_s: since when it has been silent without an excuse.
        look_s: when the next look at it is due.
        batches: batches since the last tick, or None before the first and when none follows: the client makes
            the first tick of an episode without its traffic managers.
        is_loading: it has loaded a map and not ticked since.
        followers: most batches that ever followed a tick: how many of the traffic managers are synchronous.
        silence_s: what it is allowed after the last tick.
        poke: the poke under way.
    """

    def __init__(self) -> None:
        self.ports: list[int] = []
        self.heard_s = self.quiet_s = self.look_s = 0.0
        self.batches: int | None = None
        self.is_loading = False
        self.followers = 0
        self.silence_s = SILENCE_S
        self.poke: _Poke | None = None

    def heard(self, method: str, now_s: float) -> None:
        """The client sent a request."""
        self.restart(now_s)
        if method == _TICK:
            self.batches = None if self.is_loading else 0
            self.is_loading = False
            self.silence_s = SILENCE_S
        elif method == _LOAD:
            self.batches, self.is_loading = None, True
        elif method == _BATCH and self.batches is not None:
            self.batches += 1
            self.followers = max(self.followers, self.batches)
        elif method != _BEFORE_SLEEP:
            self.silence_s = max(self.silence_s, AWAKE_SILENCE_S)

    def restart(self, now_s: float) -> None:
        """Silence begins now."""
        self.heard_s = self.quiet_s = now_s
        self.look_s = now_s + LOOK_S

    def rest_s(self, now_s: float) -> float:
        """Look: how much longer it may be silent; 0 or less when it is time to poke."""
        if now_s > self.look_s + LATE_S and now_s < self.heard_s + PATIENCE_S:
            self.quiet_s = now_s
        self.look_s = now_s + LOOK_S
        return self.quiet_s + self.silence_s - now_s

    def missing(self) -> int | None:
        """Port of the traffic manager whose batch has not come yet, if there should be one."""
        if self.batches is None or self.batches >= min(self.followers, len(self.ports)):
            return None
        return self.ports[self.batches]


class TmWatchdog:
    """Watches the clients that registered traffic managers with this server."""

    def __init__(self, selector: selectors.BaseSelector, simulation: Simulation) -> None:
        self._selector = selector
        self._simulation = simulation
        self._watches: dict[RpcPeer, _Watch] = {}
        self._pokes = 0
        self._handover = TmHandover(simulation)

    def answer(self, peer: RpcPeer, request: Request, reply: bytes) -> None:
        """Send a reply, now or when the client's traffic managers have the map of a new episode."""
        watch = self._watches.get(peer)
        self._handover.answer(peer, request, reply, 0 if watch is None else len(watch.ports))

    def served(self, peer: RpcPeer, request: Request) -> None:
        """A request has been answered."""
        if request.method == _REGISTER:
            self._registered(peer)
        if self._watches:
            watch = self._watches.get(peer)
            if watch is not None:
                watch.heard(request.method, time.monotonic())

    def closed(self, peer: RpcPeer) -> None:
        """A client has gone, and its traffic managers with it."""
        self._handover.closed(peer)
        watch = self._watches.pop(peer, None)
        if watch is None:
            return
        if watch.poke is not None:
            watch.poke.end()
        for port in watch.ports:
            self._forget(port)

    def poll(self) -> float | None:
        """Poke where it is time to. Returns the seconds until the next look, or None."""
        if not self._watches:
            return None
        now_s = time.monotonic()
        looks_s = [self._look(peer, watch, now_s) for peer, watch in list(self._watches.items())]
        looks_s.append(self._handover.poll())
        return min((look_s for look_s in looks_s if look_s is not None), default=None)

    def _look(self, peer: RpcPeer, watch: _Watch, now_s: float) -> float | None:
        if watch.poke is not None:
            if now_s >= watch.poke.deadline_s:
                watch.poke.end("no answer")
                return 0.0
            return watch.poke.deadline_s - now_s
        registered = self._simulation.traffic_managers
        if not all(port in registered for port in watch.ports):  # shut down by their client
            watch.ports = [port for port in watch.ports if port in registered]
        port = watch.missing()
        if port is None or not self._simulation.settings.synchronous_mode:
            return None
        rest_s = watch.rest_s(now_s)
        if rest_s > 0.0:
            return min(rest_s, LOOK_S)
        self._poke(peer, watch, port, now_s)
        return ANSWER_S

    def _registered(self, peer: RpcPeer) -> None:
        registered = self._simulation.traffic_managers
        known = {port for watch in self._watches.values() for port in watch.ports if port in registered}
        ports = sorted(registered.keys() - known)
        if ports:  # the request was well formed, and the port was free
            watch = self._watches.setdefault(peer, _Watch())
            watch.ports = sorted([*watch.ports, *ports])

    def _poke(self, peer: RpcPeer, watch: _Watch, port: int, now_s: float) -> None:
        self._pokes += 1
        logger.warning(
            "traffic manager on %s:%d missed its wake-up at frame %d: poke %d of this server",
            peer.host,
            port,
            self._simulation.frame,
            self._pokes,
        )
        peer.hold()

        def ended(error: str, is_gone: bool) -> None:
            watch.poke = None
            watch.restart(time.monotonic())
            watch.silence_s *= 2.0
            if error:
                logger.warning("poking the traffic manager on %s:%d: %s", peer.host, port, error)
            if is_gone:
                self._forget(port)
            peer.release()

        watch.poke = _Poke(self._selector, (peer.host, port), now_s + ANSWER_S, ended)

    def _forget(self, port: int) -> None:
        if self._simulation.traffic_managers.pop(port, None) is not None:
            logger.info("forgetting the traffic manager on port %d: it is gone", port)


class _Poke:
    """One conversation with a traffic manager: out of synchronous mode, and back.

    Its RPC is plain rpclib: no metadata, results without envelope.
    """

    def __init__(
        self,
        selector: selectors.BaseSelector,
        address: tuple[str, int],
        deadline_s: float,
        ended: Callable[[str, bool], None],
    ) -> None:
        """Begin to connect.

        Args:
            selector: of the server's loop.
            address: of the traffic manager.
            deadline_s: monotonic time until which it may answer.
            ended: called once with what went wrong, or "", and whether nothing listens there any more.
        """
        self.deadline_s = deadline_s
        self._selector = selector
        self._ended = ended
        self._answered = 0
        self._unpacker = msgpack.Unpacker(max_buffer_size=1 << 16)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        self._selector.register(self._socket, selectors.EVENT_WRITE, self)
        self._socket.connect_ex(address)  # how it went is told by the next event

    def on_event(self, events: int) -> None:
        """Serve what the selector reported."""
        try:
            if events & selectors.EVENT_WRITE:
                code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if code:
                    raise OSError(code, "cannot connect")
                self._selector.modify(self._socket, selectors.EVENT_READ, self)
                self._switch()
            else:
                self._read()
        except BlockingIOError:
            return
        except ConnectionRefusedError:
            self.end("nothing listens there, so it is no longer registered", is_gone=True)
        except OSError as error:
            self.end(str(error))
        except (ValueError, msgpack.UnpackException) as error:  # whatever listens there, it is no rpclib
            self.end(f"strange answer: {error!r}")

    def end(self, error: str = "", *, is_gone: bool = False) -> None:
        """Close the connection; further events find nothing to do."""
        if self._socket.fileno() >= 0:
            self._selector.unregister(self._socket)
            self._socket.close()
            self._ended(error, is_gone)

    def _switch(self) -> None:
        mode = _OUT_AND_BACK[self._answered]
        self._socket.send(msgpack.packb([0, self._answered + 1, "set_synchronous_mode", [mode]]))

    def _read(self) -> None:
        data = self._socket.recv(4096)
        if not data:
            self.end("it closed the connection")
            return
        self._unpacker.feed(data)
        for _ in self._unpacker:
            self._answered += 1
            if self._answered == len(_OUT_AND_BACK):
                self.end()
                return
            self._switch()
