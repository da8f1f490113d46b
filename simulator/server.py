"""Server: the sockets, the clock and the process around a `Simulation`. Only it and its watchdog are impure.

One thread, one `selectors` loop. It serves the RPC listener (port N), the streaming listener (port N + 1)
and, in asynchronous mode, the clock. Sockets never block; what a peer does not take waits in its own queue.
"""

from __future__ import annotations

import errno
import logging
import os
import selectors
import signal
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from simulator.rpc.table import Dispatcher
from simulator.simulation import Simulation
from simulator.tm_watchdog import TmWatchdog
from simulator.wire.rpc import MalformedRequestError, RequestDecoder
from simulator.wire.streams import MalformedSubscriptionError, SubscriptionDecoder

logger = logging.getLogger(__name__)

MAX_CONNECTIONS = 512
"""Connections beyond these are closed at once: file descriptors are finite."""

MAX_BACKLOG_BYTES = 64 * 1024 * 1024
"""A peer that leaves so much unread is disconnected: dropping messages would break synchronous mode."""

MAX_AWAITED_MESSAGES = 64
"""Messages kept for a subscriber between its request for the token and its connection."""

MAX_AWAITED_SUBSCRIBERS = 8
"""Subscribers of one stream that are waited for at the same time."""

MAX_BACKLOG_MESSAGES = 32
"""Messages that wait for a slow subscriber in asynchronous mode; the oldest are dropped."""

READ_BYTES = 1 << 16

PARENT_POLL_S = 0.5
"""How often to look for the parent where the kernel cannot tell of its end."""


class PortInUseError(OSError):
    """A port of the server is taken."""

    def __init__(self, host: str, port: int, reason: OSError) -> None:
        super().__init__(reason.errno, f"cannot listen on {host}:{port}: {reason.strerror}")
        self.port = port


class _Connection:
    """A non-blocking socket with a queue of what it could not send yet."""

    def __init__(self, sock: socket.socket, selector: selectors.BaseSelector) -> None:
        self._socket = sock
        self._selector = selector
        self._queue: deque[memoryview] = deque()
        self._queued_bytes = 0
        self._head_is_partial = False
        self.is_open = True
        selector.register(sock, selectors.EVENT_READ, self)

    def on_event(self, events: int) -> None:
        """Serve what the selector reported."""
        if self.is_open and events & selectors.EVENT_WRITE:
            self._flush()
        if self.is_open and events & selectors.EVENT_READ:
            self._read()

    def send(self, data: bytes, *, drop_oldest: bool = False) -> None:
        """Send now what the socket takes and keep the rest.

        Args:
            data: a whole message.
            drop_oldest: throw waiting messages away when the peer is too slow, instead of disconnecting it.
        """
        if not self.is_open:
            return
        sent = 0
        if not self._queue:
            sent = self._try_send(memoryview(data))
            if not self.is_open or sent == len(data):
                return
        self._queue.append(memoryview(data)[sent:])
        self._queued_bytes += len(data) - sent
        if len(self._queue) == 1:
            self._head_is_partial = sent > 0
            self._selector.modify(self._socket, selectors.EVENT_READ | selectors.EVENT_WRITE, self)
        if drop_oldest:
            self._drop_oldest()
        if self._queued_bytes > MAX_BACKLOG_BYTES:
            logger.warning("disconnecting a client that leaves %d bytes unread", self._queued_bytes)
            self.close()

    def close(self) -> None:
        """Forget the socket."""
        if self.is_open:
            self.is_open = False
            self._selector.unregister(self._socket)
            self._socket.close()
            self._queue.clear()

    def _received(self, data: bytes) -> None:
        raise NotImplementedError

    def _read(self) -> None:
        try:
            data = self._socket.recv(READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if data:
            self._received(data)
        else:
            self.close()

    def _try_send(self, data: memoryview) -> int:
        try:
            return self._socket.send(data)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError:
            self.close()
            return 0

    def _flush(self) -> None:
        while self._queue:
            head = self._queue[0]
            sent = self._try_send(head)
            if not self.is_open:
                return
            self._queued_bytes -= sent
            if sent < len(head):
                self._queue[0] = head[sent:]
                self._head_is_partial = self._head_is_partial or sent > 0
                return
            self._queue.popleft()
            self._head_is_partial = False
        self._selector.modify(self._socket, selectors.EVENT_READ, self)

    def _drop_oldest(self) -> None:
        # A message whose first bytes are on their way must be finished, or the stream falls out of step.
        first = 1 if self._head_is_partial else 0
        while len(self._queue) - first > MAX_BACKLOG_MESSAGES:
            self._queued_bytes -= len(self._queue[first])
            del self._queue[first]


class _RpcConnection(_Connection):
    """One client's calls, answered in their order."""

    def __init__(
        self,
        sock: socket.socket,
        selector: selectors.BaseSelector,
        dispatcher: Dispatcher,
        watchdog: TmWatchdog,
    ) -> None:
        super().__init__(sock, selector)
        self.host = _peer_host(sock)
        self._decoder = RequestDecoder()
        self._dispatcher = dispatcher
        self._watchdog = watchdog
        self._held: list[bytes] | None = None

    def hold(self) -> None:
        """See `simulator.tm_watchdog.RpcPeer`."""
        self._held = []

    def release(self) -> None:
        """See `simulator.tm_watchdog.RpcPeer`."""
        held, self._held = b"".join(self._held or ()), None
        if self.is_open and held:
            self._received(held)

    def close(self) -> None:
        """Forget the socket, and the traffic managers of its client."""
        if self.is_open:
            super().close()
            self._watchdog.closed(self)

    def _received(self, data: bytes) -> None:
        if self._held is not None:
            self._held.append(data)
            return
        try:
            for request in self._decoder.feed(data):
                self.send(self._dispatcher.reply(request))
                self._watchdog.served(self, request)
        except MalformedRequestError as error:
            logger.warning("closing an RPC connection: %s", ascii(str(error)))
            self.close()


class _StreamConnection(_Connection):
    """One subscriber of one stream.

    A subscription to a stream that does not exist is kept and stays silent: the client would come back at
    once, again and again, if it were closed.
    """

    def __init__(
        self,
        sock: socket.socket,
        selector: selectors.BaseSelector,
        subscribed: Callable[[_StreamConnection, int], None],
    ) -> None:
        super().__init__(sock, selector)
        self._decoder = SubscriptionDecoder()
        self._subscribed = subscribed

    def _received(self, data: bytes) -> None:
        try:
            stream_id = self._decoder.feed(data)
        except MalformedSubscriptionError as error:
            logger.warning("closing a stream connection: %s", error)
            self.close()
            return
        if stream_id is not None:
            self._subscribed(self, stream_id)


class Streams:
    """Publisher over stream connections."""

    def __init__(self) -> None:
        self._subscribers: dict[int, list[_StreamConnection]] = {}
        self._awaited: dict[int, list[deque[bytes]]] = {}
        self.may_drop = True

    def subscribe(self, connection: _StreamConnection, stream_id: int) -> None:
        """From now on the connection gets the messages of the stream, and those that were kept for it."""
        self._subscribers.setdefault(stream_id, []).append(connection)
        awaited = self._awaited.get(stream_id)
        if awaited:
            for message in awaited.pop(0):
                connection.send(message)

    def expect_subscriber(self, stream_id: int) -> None:
        """See `simulator.simulation.Publisher`."""
        awaited = self._awaited.setdefault(stream_id, [])
        awaited.append(deque(maxlen=MAX_AWAITED_MESSAGES))
        del awaited[:-MAX_AWAITED_SUBSCRIBERS]

    def publish(self, stream_id: int, message: bytes) -> None:
        """See `simulator.simulation.Publisher`."""
        for connection in self._open(stream_id):
            connection.send(message, drop_oldest=self.may_drop)
        for kept in self._awaited.get(stream_id, ()):
            kept.append(message)

    def has_subscribers(self, stream_id: int) -> bool:
        """See `simulator.simulation.Publisher`."""
        return bool(self._open(stream_id) or self._awaited.get(stream_id))

    def close_stream(self, stream_id: int) -> None:
        """See `simulator.simulation.Publisher`; the connections stay until their clients close them."""
        self._subscribers.pop(stream_id, None)
        self._awaited.pop(stream_id, None)

    def _open(self, stream_id: int) -> list[_StreamConnection]:
        connections = self._subscribers.get(stream_id)
        if not connections:
            return []
        if not all(connection.is_open for connection in connections):
            connections = [connection for connection in connections if connection.is_open]
            self._subscribers[stream_id] = connections
        return connections


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
        self._connections = 0
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
        self._listen(rpc, lambda sock: _RpcConnection(sock, self._selector, dispatcher, watchdog))
        self._listen(stream, lambda sock: _StreamConnection(sock, self._selector, self.streams.subscribe))
        with self._stop_on_signals():
            poll = self._watch(parent_pid)
            ready()
            self._loop(simulation, poll, watchdog)

    def close(self) -> None:
        """Give the ports back."""
        for sock in self._sockets:
            sock.close()

    def _loop(self, simulation: Simulation, poll: Callable[[], float | None], watchdog: TmWatchdog) -> None:
        due_s = time.monotonic()
        while not self._stopping:
            waits_s = (poll(), watchdog.poll())
            wait_s = min((one_s for one_s in waits_s if one_s is not None), default=None)
            settings = simulation.settings
            self.streams.may_drop = not settings.synchronous_mode
            if not settings.synchronous_mode:
                now_s = time.monotonic()
                if now_s >= due_s:
                    simulation.tick()
                    # A clock that fell behind does not hurry: it goes on from now.
                    due_s = max(due_s + settings.delta_s, now_s)
                remaining_s = max(0.0, due_s - time.monotonic())
                wait_s = remaining_s if wait_s is None else min(wait_s, remaining_s)
            for key, events in self._selector.select(wait_s):
                key.data.on_event(events)

    def _listen(self, listener: socket.socket, connect: Callable[[socket.socket], _Connection]) -> None:
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
        connect: Callable[[socket.socket], _Connection],
    ) -> None:
        self._listener = listener
        self._selector = selector
        self._connect = connect

    def on_event(self, _events: int) -> None:
        """Accept one connection."""
        try:
            sock, _ = self._listener.accept()
        except OSError:  # it was gone before it was accepted
            return
        if len(self._selector.get_map()) > MAX_CONNECTIONS:
            logger.warning("closing a new connection: there are %d already", MAX_CONNECTIONS)
            sock.close()
            return
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connect(sock)


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


def _peer_host(sock: socket.socket) -> str:
    try:
        return str(sock.getpeername()[0])
    except OSError:  # it was gone before it was accepted
        return ""


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError as error:
        return error.errno == errno.EPERM
    return True
