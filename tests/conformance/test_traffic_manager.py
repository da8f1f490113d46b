"""The client's own traffic manager in synchronous mode."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import carla
import pytest

from tests.support.headless import REPOSITORY, Endpoint, free_port

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.xdist_group("traffic-manager")]

HANG_S = 280.0
"""No measure of speed: the client waits for ever when it has missed its wake-up."""


def drive(server: Endpoint, vehicles: int, ticks: int) -> dict[str, Any]:
    """Run `tests.support.tm_drive` in a process of its own."""
    arguments = (server.host, server.port, free_port(), vehicles, ticks)
    ended = subprocess.run(
        [sys.executable, "-m", "tests.support.tm_drive", *map(str, arguments)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=HANG_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    answer: dict[str, Any] = json.loads(ended.stdout.strip().splitlines()[-1])
    return answer


def test_traffic_drives_for_thousands_of_ticks(server: Endpoint) -> None:
    """Without the server's watchdog most such runs hang; the server's log counts its pokes."""
    done = drive(server, vehicles=20, ticks=8000)
    assert done["ticks"] == 8000
    assert done["vehicles"] == 20
    assert done["moved"] >= 15


def test_equal_runs_are_equal(server: Endpoint) -> None:
    first, second = (drive(server, vehicles=20, ticks=1500) for _ in range(2))
    assert first == second


def test_registration_is_visible_to_other_clients_and_ends_with_its_client(
    server: Endpoint, client: carla.Client
) -> None:
    """A client that was killed must not keep its port: the next one on that port would wait for it."""
    port = free_port()
    drive_once = [sys.executable, "-c", _REGISTER, server.host, str(server.port), str(port)]
    for _ in range(2):
        ended = subprocess.run(
            drive_once, cwd=REPOSITORY, capture_output=True, text=True, timeout=HANG_S, check=False
        )
        assert ended.returncode == 0, ended.stderr[-2000:]
        assert ended.stdout.strip().endswith(f"{port}")
    assert client.get_trafficmanager(port).get_port() == port


_REGISTER = """
import os, sys, carla
client = carla.Client(sys.argv[1], int(sys.argv[2]), 1)
client.set_timeout(60.0)
print(client.get_trafficmanager(int(sys.argv[3])).get_port(), flush=True)
os._exit(0)  # as if it were killed: nothing is unregistered
"""
