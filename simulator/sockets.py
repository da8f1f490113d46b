"""Sockets that never block: what a peer does not take waits in its own queue, and nobody waits for it."""

from __future__ import annotations

import logging
import selectors
import socket
from abc import ABC, abstractmethod
from collections import deque

logger = logging.getLogger(__name__)

MAX_BACKLOG_BYTES = 64 * 1024 * 1024
"""A peer that leaves so much unread, and more messages than `MAX_BACKLOG_MESSAGES`, is disconnected: dropping
messages would break synchronous mode."""

MAX_BACKLOG_MESSAGES = 32
"""Messages that wait for a slow subscriber in asynchronous mode; the oldest are dropped. So many large images
may wait in synchronous mode, whatever their size."""

READ_BYTES = 1 << 16


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
