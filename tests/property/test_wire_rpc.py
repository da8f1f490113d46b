"""The RPC codec against the client's own bytes, any fragmentation, and hostile input."""

from __future__ import annotations

from itertools import chain, pairwise

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.wire.rpc import (
    MAX_STRUCTURE_BYTES,
    VOID_RESULT,
    BatchItem,
    Encoded,
    MalformedRequestError,
    Request,
    RequestDecoder,
    batch_result,
    encode_reply,
    encode_rpc_error,
    error_result,
    value_result,
    void_error_result,
)

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.binary()
)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4), max_leaves=20)
requests = st.builds(
    Request,
    st.integers(0, 2**32 - 1),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.lists(values, max_size=5),
    st.booleans(),
)


def encode(request: Request) -> bytes:
    return msgpack.packb([0, request.id, request.method, [[request.is_asynchronous], *request.arguments]])


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


@given(st.lists(requests, max_size=5), st.lists(st.integers(0, 10_000), max_size=8))
def test_requests_survive_any_fragmentation(sent: list[Request], places: list[int]) -> None:
    decoder = RequestDecoder()
    data = b"".join(map(encode, sent))
    received = [request for piece in cut(data, places) for request in decoder.feed(piece)]
    assert received == sent


@given(st.binary(max_size=200))
def test_hostile_bytes_give_requests_or_the_typed_error(data: bytes) -> None:
    try:
        for request in RequestDecoder().feed(data):
            assert isinstance(request, Request)
    except MalformedRequestError:
        pass


@given(values)
def test_what_is_no_request_is_malformed(value: object) -> None:
    with pytest.raises(MalformedRequestError):
        list(RequestDecoder().feed(msgpack.packb(value)))


@pytest.mark.parametrize(
    "message",
    [
        [True, 1, "version", [[False]]],
        [0, True, "version", [[False]]],
        [0, -1, "version", [[False]]],
        [0, 2**32, "version", [[False]]],
        [0, 1, "version", []],
        [0, 1, "version", [[]]],
        [0, 1, "version", [False]],
        [1, 1, "version", [[False]]],
        [2, "version", [[False]]],
    ],
)
def test_near_requests_are_malformed(message: list[object]) -> None:
    with pytest.raises(MalformedRequestError):
        list(RequestDecoder().feed(msgpack.packb(message)))


def test_longest_request_is_limited() -> None:
    decoder = RequestDecoder(max_request_bytes=1000)
    big = encode(Request(1, "copy_opendrive_to_file", ["x" * 2000, []], False))
    with pytest.raises(MalformedRequestError, match="longer"):
        list(decoder.feed(big))


@given(st.integers(0, 2**32 - 1), st.integers(1, 70_000))
@settings(max_examples=4)
def test_a_long_text_is_no_structure(request_id: int, piece: int) -> None:
    """Every piece of a large map is taken, whatever it is cut into; the same size in arrays is not."""
    text = "x" * (MAX_STRUCTURE_BYTES + 100_000)
    sent = Request(request_id, "copy_opendrive_to_file", [text, []], False)
    data, decoder = encode(sent), RequestDecoder()
    first = piece % 50 + 1
    pieces = [data[:first], *(data[k : k + 65_536] for k in range(first, len(data), 65_536))]
    assert [request for one in pieces for request in decoder.feed(one)] == [sent]
    assert decoder.unfinished_bytes == 0


def test_a_long_structure_is_refused_before_it_is_all_there() -> None:
    arrays = b"\xdd\x00\x10\x00\x00" + b"\x90" * (1 << 20)
    data = b"\x94\x00\x01\xa7version\x9f\x91\xc2" + arrays * 14
    decoder = RequestDecoder()
    pieces = (data[start : start + 65_536] for start in range(0, len(data), 65_536))
    with pytest.raises(MalformedRequestError, match="structure"):
        list(chain.from_iterable(map(decoder.feed, pieces)))
    assert decoder.unfinished_bytes <= MAX_STRUCTURE_BYTES + 65_536


def test_array_that_promises_billions_of_items_is_refused() -> None:
    with pytest.raises(MalformedRequestError):
        list(RequestDecoder().feed(bytes.fromhex("dd ff ff ff ff")))


def test_maps_are_refused() -> None:
    with pytest.raises(MalformedRequestError):
        list(RequestDecoder().feed(msgpack.packb([0, 1, "version", [[False], {"a": 1}]])))


def test_bytes_of_the_real_client_decode() -> None:
    data = bytes.fromhex("94 00 01 a7 76657273696f6e 91 91 c2")
    assert list(RequestDecoder().feed(data)) == [Request(1, "version", [], False)]


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (encode_reply(1, value_result("0.9.16")), "94 01 01 c0 91 92 01 a6 302e392e3136"),
        (encode_reply(7, error_result("boom")), "94 01 07 c0 91 92 00 91 a4 626f6f6d"),
        (encode_reply(7, VOID_RESULT), "94 01 07 c0 91 91 c2"),
        (encode_reply(7, void_error_result("bad")), "94 01 07 c0 91 92 c3 91 a3 626164"),
    ],
)
def test_replies_are_the_bytes_that_the_real_client_takes(reply: bytes, expected: str) -> None:
    assert reply == bytes.fromhex(expected)


@given(values)
def test_encoded_values_are_spliced_unchanged(value: object) -> None:
    assert value_result(Encoded(msgpack.packb(value))) == value_result(value)


@given(st.integers(0, 2**32 - 1), values)
def test_reply_is_one_msgpack_object(request_id: int, value: object) -> None:
    assert msgpack.unpackb(encode_reply(request_id, value_result(value))) == [
        1,
        request_id,
        None,
        [[1, value]],
    ]


def test_batch_has_no_outer_envelope() -> None:
    items = [BatchItem(42), BatchItem(0, "no")]
    assert msgpack.unpackb(batch_result(items)) == [[[1, 42]], [[0, ["no"]]]]


def test_rpc_error_uses_the_error_slot() -> None:
    assert msgpack.unpackb(encode_rpc_error(3, "no such method")) == [1, 3, "no such method", None]
