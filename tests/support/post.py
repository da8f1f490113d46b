"""A simulation's publisher without sockets."""

from __future__ import annotations


class Post:
    """A publisher that counts the messages of each stream.

    Attributes:
        subscribed: streams that somebody listens to.
        sent: messages of each stream.
    """

    def __init__(self) -> None:
        self.subscribed: set[int] = set()
        self.sent: dict[int, int] = {}

    def publish(self, stream_id: int, message: bytes) -> None:
        assert len(message) > 4
        self.sent[stream_id] = self.sent.get(stream_id, 0) + 1

    def has_subscribers(self, stream_id: int) -> bool:
        return stream_id in self.subscribed

    def expect_subscriber(self, stream_id: int) -> None: ...

    def close_stream(self, stream_id: int) -> None: ...
