"""The client's own traffic manager in synchronous mode."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

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
