"""RPC connections that take turns.

What a client asks for waits until its turn comes: nobody waits for anybody else, whatever bytes arrive.
"""

from __future__ import annotations

import logging
import selectors
import socket
import time
from collections.abc import Iterator

from simulator.rpc.table import Dispatcher
from simulator.sockets import Connection
from simulator.subscribers import Streams
from simulator.tm_watchdog import TmWatchdog
from simulator.wire.rpc import MAX_REQUEST_BYTES, MalformedRequestError, Request, RequestDecoder

logger = logging.getLogger(__name__)

MAX_UNREAD_REPLY_BYTES = 1024 * 1024
"""A client that leaves more of its replies unread gets no further call answered until it has read them."""

MAX_UNFINISHED_BYTES = 2 * MAX_REQUEST_BYTES
"""Parts of requests that all connections together may leave unfinished; beyond, the largest is closed."""

TURN_S = 0.005
"""How long one client's calls are answered before the next client's. A single call is never interrupted."""


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


def _peer_host(sock: socket.socket) -> str:
    try:
        return str(sock.getpeername()[0])
    except OSError:  # it was gone before it was accepted
        return ""
