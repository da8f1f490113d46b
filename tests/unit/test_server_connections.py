"""Connections over real sockets: what is forgotten when a peer leaves."""

from __future__ import annotations

import selectors
import socket
import struct
from collections.abc import Iterator

import pytest

from simulator.subscribers import StreamConnection, Streams

SELDOM = 123_456
"""A stream that nobody publishes."""


@pytest.fixture
def selector() -> Iterator[selectors.BaseSelector]:
    with selectors.DefaultSelector() as one:
        yield one


def serve(selector: selectors.BaseSelector) -> None:
    for key, events in selector.select(10.0):
        key.data.on_event(events)


def test_a_subscriber_of_a_stream_that_never_sends_is_forgotten_when_it_leaves(
    selector: selectors.BaseSelector,
) -> None:
    streams = Streams()
    near, far = socket.socketpair()
    near.setblocking(False)
    StreamConnection(near, selector, streams)
    with far:
        far.sendall(struct.pack("<I", SELDOM))
        serve(selector)
        assert streams.has_subscribers(SELDOM)
    serve(selector)
    assert not streams.has_subscribers(SELDOM)
    assert not selector.get_map()


def test_one_subscriber_that_breaks_does_not_keep_a_message_from_the_next(
    selector: selectors.BaseSelector,
) -> None:
    streams = Streams()
    pairs = [socket.socketpair() for _ in range(3)]
    for near, far in pairs:
        near.setblocking(False)
        StreamConnection(near, selector, streams)
        far.sendall(struct.pack("<I", SELDOM))
    while selector.select(0):
        serve(selector)
    pairs[0][1].close()
    streams.publish(SELDOM, b"hello")
    for _, far in pairs[1:]:
        assert far.recv(5, socket.MSG_WAITALL) == b"hello"
        far.close()
    while selector.get_map():
        serve(selector)
    assert not streams.has_subscribers(SELDOM)
