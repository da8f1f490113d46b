"""The streaming channel: tokens that tell clients where a stream is, subscriptions, message framing."""

from __future__ import annotations

import struct
from typing import NamedTuple

_TOKEN = struct.Struct("<IHBB16s")
_U32 = struct.Struct("<I")

_PROTOCOL_TCP = 1
_ADDRESS_UNSET = 0

TOKEN_SIZE = _TOKEN.size
"""Bytes of a token: 24."""

SUBSCRIPTION_SIZE = _U32.size
"""Bytes that a client sends on a stream connection, once: the number of the stream."""

MAX_MESSAGE_BYTES = 0xFFFF_FFFF


class MalformedSubscriptionError(ValueError):
    """A client sent more than the number of a stream."""


class MalformedTokenError(ValueError):
    """Bytes that are no token of this server."""


class Token(NamedTuple):
    """Where a stream can be had.

    The address is left unset: the client then uses the host that it connected to for RPC, which is right
    behind a tunnel or a container's port mapping too.

    Attributes:
        stream_id: number of the stream.
        port: TCP port of the streaming listener.
    """

    stream_id: int
    port: int

    def encode(self) -> bytes:
        """The 24 bytes of the token."""
        return _TOKEN.pack(self.stream_id, self.port, _PROTOCOL_TCP, _ADDRESS_UNSET, bytes(16))

    @classmethod
    def decode(cls, data: bytes) -> Token:
        """The token in 24 bytes.

        Raises:
            MalformedTokenError: another length, protocol or address type.
        """
        if len(data) != TOKEN_SIZE:
            raise MalformedTokenError(f"a token has {TOKEN_SIZE} bytes, got {len(data)}")
        stream_id, port, protocol, address_type, _ = _TOKEN.unpack(data)
        if protocol != _PROTOCOL_TCP or address_type != _ADDRESS_UNSET:
            raise MalformedTokenError(f"protocol {protocol}, address type {address_type}")
        return cls(stream_id, port)


class SubscriptionDecoder:
    """Collects the one number that a client sends on a stream connection."""

    def __init__(self) -> None:
        self._data = b""

    def feed(self, data: bytes) -> int | None:
        """The stream's number once all of it is there, else None.

        Raises:
            MalformedSubscriptionError: bytes after the number.
        """
        self._data += data
        if len(self._data) > SUBSCRIPTION_SIZE:
            raise MalformedSubscriptionError(f"{len(self._data)} bytes instead of {SUBSCRIPTION_SIZE}")
        if len(self._data) < SUBSCRIPTION_SIZE:
            return None
        (stream_id,) = _U32.unpack(self._data)
        return int(stream_id)


def frame_message(*parts: bytes) -> bytes:
    """A message as it goes over a stream connection: its length, then its parts one after the other."""
    return b"".join((_U32.pack(sum(map(len, parts))), *parts))
