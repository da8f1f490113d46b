"""The probe tells a CARLA 0.9.16 from everything else, in words that help."""

from __future__ import annotations

import socket

import pytest

from harness.errors import NotCarlaError, ServerStartError, ServerVersionError
from harness.servers.base import Endpoint
from harness.servers.probe import check_version, server_version
from tests.support.strange_servers import HOST, OLD_SERVER_REPLY, answering, version_reply


def test_the_version_is_read() -> None:
    with answering(version_reply("0.9.16")) as port:
        assert server_version(Endpoint(HOST, port), 5.0) == "0.9.16"


def test_another_version_is_named_with_ours() -> None:
    with answering(version_reply("0.9.15")) as port, pytest.raises(ServerVersionError) as error:
        check_version(Endpoint(HOST, port), "0.9.16", 5.0)
    assert "0.9.15" in str(error.value)
    assert "0.9.16" in str(error.value)


def test_a_port_that_says_nothing_is_no_carla() -> None:
    with answering(None) as port, pytest.raises(NotCarlaError, match="said nothing"):
        server_version(Endpoint(HOST, port), 0.3)


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        bytes(range(256)) * 8,
        b"\xc1",  # a byte that MessagePack never uses
        b"\xdd\xff\xff\xff\xff",  # an array of four billion elements
        version_reply("0.9.16")[:-1] + b"\xa6",
        OLD_SERVER_REPLY,
    ],
    ids=["http", "ssh", "noise", "reserved", "huge", "torn", "refuses"],
)
def test_garbage_is_no_carla(reply: bytes) -> None:
    with answering(reply) as port, pytest.raises(NotCarlaError) as error:
        server_version(Endpoint(HOST, port), 0.5)
    assert str(port) in str(error.value)


def test_a_closed_port_is_a_server_that_is_not_there() -> None:
    with socket.socket() as unused:
        unused.bind((HOST, 0))
        port = unused.getsockname()[1]
        with pytest.raises(ServerStartError, match="Nobody answers") as error:
            server_version(Endpoint(HOST, port), 1.0)
    assert not isinstance(error.value, NotCarlaError)
