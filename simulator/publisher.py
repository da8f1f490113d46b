"""Publisher: where a simulation sends the messages of its streams."""

from __future__ import annotations

from typing import Protocol


class Publisher(Protocol):
    """Where messages of streams go."""

    def publish(self, stream_id: int, message: bytes) -> None:
        """Send a framed message to every subscriber of the stream, without waiting."""
        ...

    def has_subscribers(self, stream_id: int) -> bool:
        """Whether anybody would get a message of the stream."""
        ...

    def expect_subscriber(self, stream_id: int) -> None:
        """Keep messages of the stream for a client that is about to subscribe."""
        ...

    def close_stream(self, stream_id: int) -> None:
        """The stream will send nothing any more."""
        ...
