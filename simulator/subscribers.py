"""Subscribers of streams, and what is kept for those that are on their way."""

from __future__ import annotations

import logging
import selectors
import socket
from collections import deque

from simulator.sockets import MAX_BACKLOG_BYTES, Connection
from simulator.wire.streams import MalformedSubscriptionError, SubscriptionDecoder

logger = logging.getLogger(__name__)

MAX_AWAITED_MESSAGES = 64
"""Messages kept for a subscriber between its request for the token and its connection."""

MAX_AWAITED_SUBSCRIBERS = 8
"""Subscribers of one stream that are waited for at the same time."""


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

    def __init__(self, asker: Connection | None) -> None:
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
        self.asker: Connection | None = None

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
        """See `simulator.publisher.Publisher`."""
        awaited = self._awaited.setdefault(stream_id, [])
        awaited.append(_Awaited(self.asker))
        del awaited[:-MAX_AWAITED_SUBSCRIBERS]

    def forget_asker(self, asker: Connection) -> None:
        """A client has gone; what was kept for it would otherwise reach the next subscriber as stale news."""
        for stream_id, awaited in list(self._awaited.items()):
            awaited[:] = [one for one in awaited if one.asker is not asker]
            if not awaited:
                del self._awaited[stream_id]

    def publish(self, stream_id: int, message: bytes) -> None:
        """See `simulator.publisher.Publisher`."""
        # A copy: who cannot be sent to is closed, and leaves the list.
        for connection in tuple(self._subscribers.get(stream_id, ())):
            connection.send(message, drop_oldest=self.may_drop)
        for kept in self._awaited.get(stream_id, ()):
            kept.keep(message)

    def has_subscribers(self, stream_id: int) -> bool:
        """See `simulator.publisher.Publisher`."""
        return stream_id in self._subscribers or stream_id in self._awaited

    def close_stream(self, stream_id: int) -> None:
        """See `simulator.publisher.Publisher`; the connections stay until their clients close them."""
        self._subscribers.pop(stream_id, None)
        self._awaited.pop(stream_id, None)
