"""Connections: sockets that never block, RPC peers that take turns, subscribers of streams.

What a peer does not take waits in its own queue; what a peer asks for waits until its turn comes. So nobody
waits for anybody else, whatever bytes arrive.
"""

from __future__ import annotations

import logging
import selectors
import socket
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator

from simulator.rpc.table import Dispatcher
from simulator.tm_watchdog import TmWatchdog
from simulator.wire.rpc import MAX_REQUEST_BYTES, MalformedRequestError, Request, RequestDecoder
from simulator.wire.streams import MalformedSubscriptionError, SubscriptionDecoder

logger = logging.getLogger(__name__)

MAX_BACKLOG_BYTES = 64 * 1024 * 1024
"""A peer that leaves so much unread, and more messages than `MAX_BACKLOG_MESSAGES`, is disconnected: dropping
messages would break synchronous mode."""

MAX_UNREAD_REPLY_BYTES = 1024 * 1024
"""A client that leaves more of its replies unread gets no further call answered until it has read them."""

MAX_UNFINISHED_BYTES = 2 * MAX_REQUEST_BYTES
"""Parts of requests that all connections together may leave unfinished; beyond, the largest is closed."""

MAX_AWAITED_MESSAGES = 64
"""Messages kept for a subscriber between its request for the token and its connection."""

MAX_AWAITED_SUBSCRIBERS = 8
"""Subscribers of one stream that are waited for at the same time."""

MAX_BACKLOG_MESSAGES = 32
"""Messages that wait for a slow subscriber in asynchronous mode; the oldest are dropped. So many large images
may wait in synchronous mode, whatever their size."""

READ_BYTES = 1 << 16

TURN_S = 0.005
"""How long one client's calls are answered before the next client's. A single call is never interrupted."""


class Connection(ABC):
    """A non-blocking socket with a queue of what it could not send yet."""

    def __init__(self, sock: socket.socket, selector: selectors.BaseSelector) -> None:
        self._socket = sock
        self._selector = selector
        self._queue: deque[memoryview] = deque()
        self._queued_bytes = 0
        self._head_is_partial = False
        self._reads = True
        self._watched = selectors.EVENT_READ
        self.is_open = True
        selector.register(sock, selectors.EVENT_READ, self)

    def on_event(self, events: int) -> None:
        """Serve what the selector reported."""
        if self.is_open and events & selectors.EVENT_WRITE:
            self._flush()
        if self.is_open and self._reads and events & selectors.EVENT_READ:
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
            self._watch()
        if drop_oldest:
            self._drop_oldest()
        if self._queued_bytes > MAX_BACKLOG_BYTES and len(self._queue) > MAX_BACKLOG_MESSAGES:
            logger.warning("disconnecting a client that leaves %d bytes unread", self._queued_bytes)
            self.close()

    def close(self) -> None:
        """Forget the socket and everybody who knows of it."""
        if self.is_open:
            self.is_open = False
            if self._watched:
                self._selector.unregister(self._socket)
            self._socket.close()
            self._queue.clear()
            self._closed()

    @abstractmethod
    def _received(self, data: bytes) -> None:
        """The peer sent something."""

    @abstractmethod
    def _closed(self) -> None:
        """The socket is forgotten."""

    @abstractmethod
    def _sent_all(self) -> None:
        """The queue has become empty."""

    def _read_on(self, wanted: bool) -> None:
        """Go on reading what the peer sends, or leave it to the kernel for now."""
        if self.is_open and wanted != self._reads:
            self._reads = wanted
            self._watch()

    def _watch(self) -> None:
        wanted = (selectors.EVENT_READ if self._reads else 0) | (selectors.EVENT_WRITE if self._queue else 0)
        if wanted == self._watched:
            return
        if not wanted:
            self._selector.unregister(self._socket)
        elif not self._watched:
            self._selector.register(self._socket, wanted, self)
        else:
            self._selector.modify(self._socket, wanted, self)
        self._watched = wanted

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
        self._watch()
        self._sent_all()

    def _drop_oldest(self) -> None:
        # A message whose first bytes are on their way must be finished, or the stream falls out of step.
        first = 1 if self._head_is_partial else 0
        while len(self._queue) - first > MAX_BACKLOG_MESSAGES:
            self._queued_bytes -= len(self._queue[first])
            del self._queue[first]


class RpcConnection(Connection):
    """One client's calls, answered in their order.

    While calls wait for their turn, or replies for the client to read them, nothing more is read: a client
    that sends faster than it is served is slowed down by TCP, and costs no memory.
    """

    def __init__(
        self,
        sock: socket.socket,
        selector: selectors.BaseSelector,
        dispatcher: Dispatcher,
        turns: Turns,
        streams: Streams,
        watchdog: TmWatchdog,
    ) -> None:
        super().__init__(sock, selector)
        self.host = _peer_host(sock)
        self._decoder = RequestDecoder()
        self._dispatcher = dispatcher
        self._turns = turns
        self._streams = streams
        self._requests: Iterator[Request] = iter(())
        self._next: Request | None = None
        self._watchdog = watchdog
        self._is_held = False

    @property
    def unfinished_bytes(self) -> int:
        """Bytes of a request that has not come to its end."""
        return self._decoder.unfinished_bytes

    def hold(self) -> None:
        """See `simulator.tm_watchdog.RpcPeer`."""
        self._is_held = True
        self._read_on(False)

    def release(self) -> None:
        """See `simulator.tm_watchdog.RpcPeer`."""
        self._is_held = False
        if self.is_open:
            self._go_on()

    def serve(self) -> None:
        """Answer what came in, as long as a turn lasts and the client reads."""
        end_s = time.monotonic() + TURN_S
        self._streams.asker = self
        while self.is_open and self._next is not None and self._may_answer and time.monotonic() < end_s:
            request = self._next
            self._watchdog.answer(self, request, self._dispatcher.reply(request))
            self._watchdog.served(self, request)
            self._fetch()
        self._streams.asker = None
        self._go_on()

    @property
    def _may_answer(self) -> bool:
        """Whether nothing keeps the next call from being answered."""
        return not self._is_held and self._queued_bytes <= MAX_UNREAD_REPLY_BYTES

    def _go_on(self) -> None:
        """Read on when all calls are answered; otherwise wait for the next turn."""
        self._read_on(self._next is None and self._may_answer)
        if self._next is not None and self._may_answer:
            self._turns.wait(self)

    def _received(self, data: bytes) -> None:
        self._requests = self._decoder.feed(data)
        self._fetch()
        if self._next is not None:
            self.serve()
        self._turns.limit_unfinished(self)

    def _sent_all(self) -> None:
        self._go_on()

    def _fetch(self) -> None:
        self._next = None
        if not self.is_open:
            return
        try:
            self._next = next(self._requests, None)
        except MalformedRequestError as error:
            logger.warning("closing an RPC connection: %s", ascii(str(error)))
            self.close()

    def _closed(self) -> None:
        self._next = None
        self._turns.forget(self)
        self._streams.forget_asker(self)
        self._watchdog.closed(self)


class Turns:
    """RPC connections whose calls wait, served one after the other; and what their unfinished requests cost.

    Attributes:
        waiting: whether any does.
    """

    def __init__(self) -> None:
        self._waiting: dict[RpcConnection, None] = {}
        self._unfinished: dict[RpcConnection, int] = {}

    @property
    def waiting(self) -> bool:
        """Whether any connection waits for its turn."""
        return bool(self._waiting)

    def wait(self, connection: RpcConnection) -> None:
        """Get in line."""
        self._waiting[connection] = None

    def take(self) -> None:
        """Give everybody who waits one turn."""
        waiting, self._waiting = self._waiting, {}
        for connection in waiting:
            connection.serve()

    def limit_unfinished(self, connection: RpcConnection) -> None:
        """Note how much of a request is there, and close the longest ones when there is too much in all."""
        size = connection.unfinished_bytes if connection.is_open else 0
        if not size:
            self._unfinished.pop(connection, None)
            return
        self._unfinished[connection] = size
        while sum(self._unfinished.values()) > MAX_UNFINISHED_BYTES:
            largest = max(self._unfinished, key=self._unfinished.__getitem__)
            logger.warning(
                "closing an RPC connection: %d bytes of an endless request", largest.unfinished_bytes
            )
            largest.close()

    def forget(self, connection: RpcConnection) -> None:
        """The connection is closed."""
        self._waiting.pop(connection, None)
        self._unfinished.pop(connection, None)


class StreamConnection(Connection):
    """One subscriber of one stream.

    A subscription to a stream that does not exist is kept and stays silent: the client would come back at
    once, again and again, if it were closed.
    """

    def __init__(self, sock: socket.socket, selector: selectors.BaseSelector, streams: Streams) -> None:
        super().__init__(sock, selector)
        self._decoder = SubscriptionDecoder()
        self._streams = streams
        self._stream_id: int | None = None

    def _received(self, data: bytes) -> None:
        try:
            stream_id = self._decoder.feed(data)
        except MalformedSubscriptionError as error:
            logger.warning("closing a stream connection: %s", error)
            self.close()
            return
        if stream_id is not None:
            self._stream_id = stream_id
            self._streams.subscribe(self, stream_id)

    def _sent_all(self) -> None:
        """A subscriber is owed nothing more until the next message."""

    def _closed(self) -> None:
        if self._stream_id is not None:
            self._streams.unsubscribe(self, self._stream_id)


class _Awaited:
    """What is kept for a subscriber that asked for a token and has not connected yet."""

    def __init__(self, asker: RpcConnection | None) -> None:
        self.asker = asker
        self.messages: deque[bytes] = deque(maxlen=MAX_AWAITED_MESSAGES)
        self._bytes = 0

    def keep(self, message: bytes) -> None:
        """Keep a message; the oldest go when there are too many, or when they take too much memory."""
        if len(self.messages) == MAX_AWAITED_MESSAGES:
            self._bytes -= len(self.messages[0])
        self.messages.append(message)
        self._bytes += len(message)
        while self._bytes > MAX_BACKLOG_BYTES and len(self.messages) > 1:
            self._bytes -= len(self.messages.popleft())


class Streams:
    """Publisher over stream connections.

    Attributes:
        may_drop: whether slow subscribers lose messages (asynchronous mode) or their connection.
        asker: the client whose call is being answered.
    """

    def __init__(self) -> None:
        self._subscribers: dict[int, list[StreamConnection]] = {}
        self._awaited: dict[int, list[_Awaited]] = {}
        self.may_drop = True
        self.asker: RpcConnection | None = None

    def subscribe(self, connection: StreamConnection, stream_id: int) -> None:
        """From now on the connection gets the messages of the stream, and those that were kept for it."""
        self._subscribers.setdefault(stream_id, []).append(connection)
        awaited = self._awaited.get(stream_id)
        if awaited:
            kept = awaited.pop(0)
            if not awaited:
                del self._awaited[stream_id]
            for message in kept.messages:
                connection.send(message)

    def unsubscribe(self, connection: StreamConnection, stream_id: int) -> None:
        """The connection is closed."""
        subscribers = self._subscribers.get(stream_id, [])
        if connection in subscribers:
            subscribers.remove(connection)
            if not subscribers:
                del self._subscribers[stream_id]

    def expect_subscriber(self, stream_id: int) -> None:
        """See `simulator.simulation.Publisher`."""
        awaited = self._awaited.setdefault(stream_id, [])
        awaited.append(_Awaited(self.asker))
        del awaited[:-MAX_AWAITED_SUBSCRIBERS]

    def forget_asker(self, asker: RpcConnection) -> None:
        """A client has gone; what was kept for it would otherwise reach the next subscriber as stale news."""
        for stream_id, awaited in list(self._awaited.items()):
            awaited[:] = [one for one in awaited if one.asker is not asker]
            if not awaited:
                del self._awaited[stream_id]

    def publish(self, stream_id: int, message: bytes) -> None:
        """See `simulator.simulation.Publisher`."""
        # A copy: who cannot be sent to is closed, and leaves the list.
        for connection in tuple(self._subscribers.get(stream_id, ())):
            connection.send(message, drop_oldest=self.may_drop)
        for kept in self._awaited.get(stream_id, ()):
            kept.keep(message)

    def has_subscribers(self, stream_id: int) -> bool:
        """See `simulator.simulation.Publisher`."""
        return stream_id in self._subscribers or stream_id in self._awaited

    def close_stream(self, stream_id: int) -> None:
        """See `simulator.simulation.Publisher`; the connections stay until their clients close them."""
        self._subscribers.pop(stream_id, None)
        self._awaited.pop(stream_id, None)


def _peer_host(sock: socket.socket) -> str:
    try:
        return str(sock.getpeername()[0])
    except OSError:  # it was gone before it was accepted
        return ""
