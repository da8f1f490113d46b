"""docker/ready.sh, the health check of our images, against servers that are and are not ready."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from pathlib import Path

import msgpack
import pytest

from harness.servers.embedded import EmbeddedServer
from tests.support import harness_runs as runs

_SCRIPT = runs.REPOSITORY / "docker" / "ready.sh"


def _ask(port: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(_SCRIPT)],
        env=os.environ | {"CARLA_RPC_PORT": str(port)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.server
@pytest.mark.own_server
def test_a_server_is_ready_and_a_client_in_synchronous_mode_is_not_disturbed(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path, first_port=runs.free_block(), dt_s=0.05, start_deadline_s=180.0) as server:
        done = _ask(server.endpoint.port)
        assert done.returncode == 0, done.stderr
    assert _ask(server.endpoint.port).returncode != 0


def _serve_once(listener: socket.socket, replies: list[bytes]) -> None:
    for reply in replies:
        connection, _ = listener.accept()
        with connection:
            connection.recv(256)
            connection.sendall(reply)


@pytest.mark.parametrize(
    ("replies", "asked"),
    [
        ([b"HTTP/1.1 400 Bad Request\r\n\r\n"], "version"),
        # The port is open and the version answered, but no map is loaded: CARLA refuses by [0, [message]].
        (
            [
                msgpack.packb([1, 1, None, [[1, "0.9.16"]]]),
                msgpack.packb([1, 1, None, [[0, ["episode not ready"]]]]),
            ],
            "get_map_info",
        ),
    ],
)
def test_half_a_server_is_not_ready(replies: list[bytes], asked: str) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        thread = threading.Thread(target=_serve_once, args=(listener, replies), daemon=True)
        thread.start()
        done = _ask(listener.getsockname()[1])
        thread.join()
    assert done.returncode == 1
    assert f"not ready: {asked}" in done.stderr


def test_silence_is_not_ready() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        done = _ask(listener.getsockname()[1])
    assert done.returncode != 0
