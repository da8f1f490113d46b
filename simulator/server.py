"""Server: the listeners, the clock and the process around a `Simulation`.

One thread, one `selectors` loop. It serves the RPC listener (port N), the streaming listener (port N + 1)
and, in asynchronous mode, the clock. What comes after a socket was accepted is in `simulator.connections`.
"""

from __future__ import annotations

import errno
import logging
import os
import resource
import selectors
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from simulator.clock import AsynchronousClock
from simulator.connections import RpcConnection, Turns
from simulator.rpc.table import Dispatcher
from simulator.simulation import Simulation
from simulator.sockets import Connection
from simulator.subscribers import StreamConnection, Streams
from simulator.tm_watchdog import TmWatchdog

logger = logging.getLogger(__name__)

MAX_CONNECTIONS = 512
"""Connections beyond these are closed at once: file descriptors are finite."""

SPARE_DESCRIPTORS = 32
"""Kept for listeners, logs and map files where the process may have fewer than `MAX_CONNECTIONS` files."""

PARENT_POLL_S = 0.5
"""How often to look for the parent where the kernel cannot tell of its end."""


class PortInUseError(OSError):
    """A port of the server is taken."""

    def __init__(self, host: str, port: int, reason: OSError) -> None:
        super().__init__(reason.errno, f"cannot listen on {host}:{port}: {reason.strerror}")
        self.port = port


class Server:
    """The two listeners and the loop."""

    def __init__(self, host: str, port: int) -> None:
        """Reserve both ports; clients cannot connect before `run`.

        Raises:
            PortInUseError: one of them is taken.
        """
        self.streams = Streams()
        self._address = (host, port)
        self._sockets: list[socket.socket] = []
        try:
            for number in (port, port + 1):
                self._sockets.append(_bind(host, number))
        except PortInUseError:
            self.close()
            raise
        self._selector = selectors.DefaultSelector()
        self._turns = Turns()
        self._stopping = False

    def run(
        self,
        simulation: Simulation,
        dispatcher: Dispatcher,
        *,
        ready: Callable[[], None],
        parent_pid: int | None = None,
    ) -> None:
        """Serve clients until a signal asks to stop or the parent process has gone.

        Args:
            simulation: what is served.
            dispatcher: answers its calls.
            ready: called when clients can connect.
            parent_pid: process whose end ends the server, or None.

        Raises:
            PortInUseError: somebody else began to listen on one of the ports.
        """
        rpc, stream = self._sockets
        watchdog = TmWatchdog(self._selector, simulation)
        self._listen(
            rpc,
            lambda sock: RpcConnection(sock, self._selector, dispatcher, self._turns, self.streams, watchdog),
        )
        self._listen(stream, lambda sock: StreamConnection(sock, self._selector, self.streams))
        with self._stop_on_signals():
            poll = self._watch(parent_pid)
            ready()
            self._loop(simulation, poll, watchdog)

    def close(self) -> None:
        """Give the ports back."""
        for sock in self._sockets:
            sock.close()

    def _loop(self, simulation: Simulation, poll: Callable[[], float | None], watchdog: TmWatchdog) -> None:
        clock = AsynchronousClock(time.monotonic())
        while not self._stopping:
            waits_s = (poll(), watchdog.poll())
            wait_s = min((one_s for one_s in waits_s if one_s is not None), default=None)
            settings = simulation.settings
            self.streams.may_drop = not settings.synchronous_mode
            now_s = time.monotonic()
            if settings.synchronous_mode:
                clock.pause(now_s)
            else:
                delta_s = clock.due(now_s, settings, is_watched=simulation.is_watched)
                if delta_s is not None:
                    self._tick(simulation, delta_s)
                remaining_s = clock.remaining_s(time.monotonic())
                wait_s = remaining_s if wait_s is None else min(wait_s, remaining_s)
            for key, events in self._selector.select(0.0 if self._turns.waiting else wait_s):
                key.data.on_event(events)
            self._turns.take()

    @staticmethod
    def _tick(simulation: Simulation, delta_s: float) -> None:
        """A tick of the clock. Where a client ticks it is told of a failure; here there is nobody to tell."""
        try:
            simulation.tick(delta_s)
        except Exception:
            logger.exception("a tick failed")

    def _listen(self, listener: socket.socket, connect: Callable[[socket.socket], Connection]) -> None:
        try:
            listener.listen(64)
        except OSError as error:
            host, port = listener.getsockname()[:2]
            raise PortInUseError(host, port, error) from None
        self._selector.register(listener, selectors.EVENT_READ, _Acceptor(listener, self._selector, connect))

    @contextmanager
    def _stop_on_signals(self) -> Iterator[None]:
        """SIGTERM and SIGINT wake the loop and end it."""
        reader, writer = socket.socketpair()
        reader.setblocking(False)
        writer.setblocking(False)
        self._selector.register(reader, selectors.EVENT_READ, _Stop(self._stop))
        signal.set_wakeup_fd(writer.fileno())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        yield
        signal.set_wakeup_fd(-1)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._stop()

    def _stop(self) -> None:
        self._stopping = True

    def _watch(self, parent_pid: int | None) -> Callable[[], float | None]:
        """Stop when a process ends. Returns a function that looks for it and says when to look again."""
        if parent_pid is None or self._wake_at_end_of(parent_pid):
            return lambda: None

        def look() -> float:
            if not _is_alive(parent_pid):
                self._stop()
            return PARENT_POLL_S

        return look

    def _wake_at_end_of(self, pid: int) -> bool:
        """Let the kernel wake the loop when a process ends; False where it has no descriptor for that."""
        try:
            descriptor = os.pidfd_open(pid)
        except (AttributeError, OSError):
            return False
        self._selector.register(descriptor, selectors.EVENT_READ, _Stop(self._stop))
        return True


class _Acceptor:
    """Takes new connections of one listener."""

    def __init__(
        self,
        listener: socket.socket,
        selector: selectors.BaseSelector,
        connect: Callable[[socket.socket], Connection],
    ) -> None:
        self._listener = listener
        self._selector = selector
        self._connect = connect
        self._limit = connection_limit()

    def on_event(self, _events: int) -> None:
        """Accept one connection."""
        try:
            sock, _ = self._listener.accept()
        except OSError:  # it was gone before it was accepted
            return
        if len(self._selector.get_map()) > self._limit:
            logger.warning("closing a new connection: there are %d already", self._limit)
            sock.close()
            return
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # A peer whose machine vanished never closes: the kernel finds out, and its descriptor comes back.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._connect(sock)


def connection_limit() -> int:
    """How many connections this process can hold and still open files."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MAX_CONNECTIONS
    return max(1, min(MAX_CONNECTIONS, soft - SPARE_DESCRIPTORS))


class _Stop:
    """Ends the loop when its descriptor becomes readable."""

    def __init__(self, stop: Callable[[], None]) -> None:
        self._stop = stop

    def on_event(self, _events: int) -> None:
        """Stop."""
        self._stop()


def _bind(host: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setblocking(False)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise PortInUseError(host, port, error) from None
    return sock


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError as error:
        return error.errno == errno.EPERM
    return True
