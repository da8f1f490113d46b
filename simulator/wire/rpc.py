"""The RPC channel: msgpack requests in, msgpack replies out. No sockets, no world.

A request is `[0, id, method, [[asynchronous], argument...]]`, a reply
`[1, id, error | nil, result]`; both follow each other without a length prefix. CARLA wraps results in one of
three envelopes:

* a value: `[[1, value]]`, or `[[0, [message]]]` for an error;
* nothing: `[[false]]`, or `[[true, [message]]]`;
* a batch: a bare array of values and errors.

The error slot of the reply is rpclib's own; the client treats it as a broken server, so it is used for
unknown methods only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from reprlib import Repr
from typing import NamedTuple, TypeAlias, cast

import msgpack

from simulator.wire.control_batch import ControlBatch, read_control_batch

Value: TypeAlias = "bool | int | float | str | bytes | list[Value] | ControlBatch | None"
"""Anything that a request can carry; a batch of nothing but vehicle controls is in columns already."""

MAX_REQUEST_BYTES = 64 * 1024 * 1024
"""Longest request; an OpenDRIVE file of a large town is about 30 MB."""

MAX_STRUCTURE_BYTES = 8 * 1024 * 1024
"""Longest request, not counting a long text that is its first argument. An empty array is one byte on the
wire and sixty in memory, so structure must be shorter than texts are."""

MAX_ARRAY_LENGTH = 1 << 20
"""Longest array in a request; a batch has some thousand commands."""

MAX_ERROR_LENGTH = 500
"""Longest error text: what a client sent may be in it, and must not come back in full."""

_MAX_U32 = 0xFFFF_FFFF

_HEAD_BYTES = 128
_LONG_TEXT = re.compile(
    rb"\x94\x00(?:[\x00-\x7f]|\xcc.|\xcd..|\xce....)(?:[\xa0-\xbf]|\xd9.)[a-z_]{1,64}"
    rb"[\x92-\x9f]\x91[\xc2\xc3][\xdb\xc6](....)",
    re.DOTALL,
)
"""Beginning of a request whose first argument is a text with a 32-bit length, which is the group."""


class MalformedRequestError(ValueError):
    """Bytes that are no CARLA request. The connection cannot be resynchronised: close it."""


class Request(NamedTuple):
    """One call of a client.

    Attributes:
        id: chosen by the client, repeated in the reply.
        method: remote name.
        arguments: after the metadata.
        is_asynchronous: the client will throw the reply away, but still counts on getting one.
    """

    id: int
    method: str
    arguments: list[Value]
    is_asynchronous: bool


class RequestDecoder:
    """Turns the byte stream of one connection into requests, however it is cut into pieces."""

    def __init__(self, max_request_bytes: int = MAX_REQUEST_BYTES) -> None:
        self._unpacker = msgpack.Unpacker(
            raw=False,
            unicode_errors="replace",
            max_buffer_size=max_request_bytes,
            max_array_len=MAX_ARRAY_LENGTH,
            max_map_len=0,
            max_ext_len=0,
        )
        self._fed_bytes = 0
        self._done_bytes = 0
        self._head = b""

    @property
    def unfinished_bytes(self) -> int:
        """Bytes that came since the last complete request."""
        return self._fed_bytes - self._done_bytes

    def feed(self, data: bytes) -> Iterator[Request]:
        """The requests that are complete now.

        Raises:
            MalformedRequestError: the bytes are no msgpack, no request, or too long.
        """
        if not self.unfinished_bytes:
            batch = read_control_batch(data)
            if batch is not None:
                yield Request(batch.id, "apply_batch", [batch.controls, batch.tick], batch.is_asynchronous)
                return
        try:
            self._unpacker.feed(data)
        except msgpack.BufferFull:
            raise MalformedRequestError("request is longer than this server accepts") from None
        self._fed_bytes += len(data)
        self._check_structure(data)
        while True:
            try:
                message = self._unpacker.unpack()
            except msgpack.OutOfData:
                if self.unfinished_bytes and not self._head:
                    self._head = data[-self.unfinished_bytes :][:_HEAD_BYTES]
                return
            except Exception as error:  # the unpacker raises many unrelated types on hostile input
                raise MalformedRequestError(f"not msgpack: {error!r}") from None
            self._done_bytes = int(self._unpacker.tell())
            self._head = b""
            yield _request(message)

    def _check_structure(self, data: bytes) -> None:
        """Refuse to go on with a request that is long and not for the sake of a text."""
        if not self._head:
            return
        if len(self._head) < _HEAD_BYTES:
            self._head += data[: _HEAD_BYTES - len(self._head)]
        if self.unfinished_bytes <= MAX_STRUCTURE_BYTES:
            return
        text = _LONG_TEXT.match(self._head)
        text_bytes = int.from_bytes(text[1], "big") if text else 0
        if self.unfinished_bytes - text_bytes > MAX_STRUCTURE_BYTES:
            raise MalformedRequestError("request has more structure than this server accepts")


def _request(message: object) -> Request:
    match message:
        case [0 as kind, int(request_id), str(method), [[bool(is_asynchronous), *_], *arguments]]:
            if isinstance(kind, bool) or isinstance(request_id, bool):
                raise MalformedRequestError("a boolean where a number belongs")
            if not 0 <= request_id <= _MAX_U32:
                raise MalformedRequestError(f"request id {request_id} is no 32-bit number")
            return Request(request_id, method, cast(list[Value], arguments), is_asynchronous)
        case _:
            raise MalformedRequestError(f"not a CARLA request: {shown(message)}")


def shown(value: object) -> str:
    """A value as error texts show it: short, however large or deeply nested it is."""
    return _SHORT.repr(value)[:120]


_SHORT = Repr()
_SHORT.maxlevel, _SHORT.maxlist, _SHORT.maxstring, _SHORT.maxother = 3, 4, 60, 60


class Encoded(NamedTuple):
    """A value that is msgpack already, so that what never changes is encoded once."""

    data: bytes


_REPLY_HEAD = bytes.fromhex("94 01")
_VALUE_HEAD = bytes.fromhex("91 92 01")
_NO_ERROR = bytes.fromhex("c0")

VOID_RESULT: bytes = msgpack.packb([[False]])
"""Result of a call that answers nothing and went well."""


def encode_value(value: object) -> bytes:
    """A bare msgpack value; an `Encoded` passes as it is."""
    return value.data if isinstance(value, Encoded) else bytes(msgpack.packb(value))


def value_result(value: object) -> bytes:
    """Envelope of a call that answers a value."""
    return _VALUE_HEAD + encode_value(value)


def error_result(message: str) -> bytes:
    """Envelope of a call that should have answered a value; the client raises RuntimeError(message)."""
    return bytes(msgpack.packb([[0, [message[:MAX_ERROR_LENGTH]]]]))


def void_error_result(message: str) -> bytes:
    """Envelope of a call that should have answered nothing."""
    return bytes(msgpack.packb([[True, [message[:MAX_ERROR_LENGTH]]]]))


class BatchItem(NamedTuple):
    """Answer to one command of a batch: the actor's id, or what went wrong."""

    actor_id: int
    error: str | None = None


def batch_result(items: list[BatchItem]) -> bytes:
    """Answer to a batch: no envelope around the array."""
    return bytes(
        msgpack.packb(
            [[[1, i.actor_id]] if i.error is None else [[0, [i.error[:MAX_ERROR_LENGTH]]]] for i in items]
        )
    )


def ids_result(actor_ids: list[int]) -> bytes:
    """`batch_result` of commands that all went well."""
    return bytes(msgpack.packb([((1, actor_id),) for actor_id in actor_ids]))


def encode_reply(request_id: int, result: bytes) -> bytes:
    """A whole reply around one of the results above."""
    return b"".join((_REPLY_HEAD, msgpack.packb(request_id), _NO_ERROR, result))


def encode_rpc_error(request_id: int, message: str) -> bytes:
    """A reply in rpclib's error slot: the method does not exist."""
    return bytes(msgpack.packb([1, request_id, message, None]))
