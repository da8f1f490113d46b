"""Tokens, subscriptions, message framing and packed layouts."""

from __future__ import annotations

import struct
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.wire.layouts import (
    ACTOR_STATE,
    LIGHT_UNION,
    SENSOR_HEADER,
    SIGN_UNION,
    VEHICLE_UNION,
    WALKER_UNION,
    WORLD_HEADER,
    SensorType,
    SimulationState,
    pack_snapshot,
)
from simulator.wire.streams import (
    MalformedSubscriptionError,
    MalformedTokenError,
    SubscriptionDecoder,
    Token,
    frame_message,
)

u32 = st.integers(0, 2**32 - 1)


@given(u32, st.integers(0, 2**16 - 1))
def test_token_round_trip(stream_id: int, port: int) -> None:
    data = Token(stream_id, port).encode()
    assert len(data) == 24
    assert struct.unpack_from("<IHBB", data) == (stream_id, port, 1, 0)
    assert Token.decode(data) == Token(stream_id, port)


@given(st.binary(max_size=40))
def test_other_bytes_are_no_token_or_read_back(data: bytes) -> None:
    try:
        token = Token.decode(data)
    except MalformedTokenError:
        return
    assert token.encode()[:8] == data[:8]


@given(u32, st.lists(st.integers(0, 4), max_size=3))
def test_subscription_survives_fragmentation(stream_id: int, places: list[int]) -> None:
    data = struct.pack("<I", stream_id)
    edges = [0, *sorted(places), 4]
    decoder = SubscriptionDecoder()
    answers = [decoder.feed(data[a:b]) for a, b in pairwise(edges) if a != b]
    assert answers[-1] == stream_id
    assert set(answers[:-1]) <= {None}


@given(st.binary(min_size=5, max_size=50))
def test_more_than_a_number_is_no_subscription(data: bytes) -> None:
    with pytest.raises(MalformedSubscriptionError):
        SubscriptionDecoder().feed(data)


@given(st.lists(st.binary(max_size=30), min_size=1, max_size=4))
def test_framed_message_starts_with_its_length(parts: list[bytes]) -> None:
    message = frame_message(*parts)
    assert struct.unpack_from("<I", message) == (len(message) - 4,)
    assert message[4:] == b"".join(parts)


def test_sizes_are_those_of_the_client() -> None:
    assert ACTOR_STATE.itemsize == 119
    assert SENSOR_HEADER.size == 48
    assert WORLD_HEADER.size == 36
    assert {union.itemsize for union in (VEHICLE_UNION, WALKER_UNION, LIGHT_UNION, SIGN_UNION)} == {54}


def field_offsets(dtype: np.dtype[np.void]) -> dict[str, int]:
    assert dtype.fields is not None
    return {name: dtype.fields[name][1] for name in dtype.fields}


def test_offsets_are_those_of_the_client() -> None:
    assert field_offsets(ACTOR_STATE) == {
        "id": 0,
        "actor_state": 4,
        "location": 5,
        "rotation": 17,
        "velocity": 29,
        "angular_velocity": 41,
        "acceleration": 53,
        "u": 65,
    }
    vehicle = field_offsets(VEHICLE_UNION)
    assert (vehicle["gear"], vehicle["speed_limit"], vehicle["traffic_light_id"]) == (15, 19, 25)
    assert vehicle["failure_state"] == 29
    light = field_offsets(LIGHT_UNION)
    assert (light["green_time"], light["pole_index"], light["state"]) == (32, 48, 53)


@given(u32, st.floats(0, 1e6), st.integers(0, 20))
def test_snapshot_reads_back(frame: int, timestamp_s: float, count: int) -> None:
    states = np.zeros(count, ACTOR_STATE)
    states["id"] = np.arange(count) + 1
    data = pack_snapshot(frame, timestamp_s, 7, 1.5, 0.05, SimulationState.MAP_CHANGE, states)
    assert len(data) == 48 + 36 + 119 * count
    assert SENSOR_HEADER.unpack_from(data)[:3] == (SensorType.WORLD_OBSERVER, frame, timestamp_s)
    assert WORLD_HEADER.unpack_from(data, 48)[0] == 7
    assert WORLD_HEADER.unpack_from(data, 48)[6] == 1
    assert np.array_equal(np.frombuffer(data, ACTOR_STATE, offset=84), states)
