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


def test_traffic_goes_by_the_map_that_was_loaded_last(server: Endpoint) -> None:
    """A traffic manager that is older than the map, as in the Leaderboard; and the client has the map too."""
    done = run("tests.support.tm_new_map", server, "Town02", "Town01", "Town02", "Town02")
    assert done["maps"] == ["Town02", "Town01", "Town02", "Town02"]
    assert done["cars"] == [10] * 4
    assert max(done["beside their lane"]) < 0.05


def drive(server: Endpoint, vehicles: int, ticks: int) -> dict[str, Any]:
    """Run `tests.support.tm_drive`."""
    return run("tests.support.tm_drive", server, vehicles, ticks)


def run(program: str, server: Endpoint, *options: object) -> dict[str, Any]:
    """Run a program with a traffic manager in a process of its own."""
    arguments = (server.host, server.port, free_port(), *options)
    ended = subprocess.run(
        [sys.executable, "-m", program, *map(str, arguments)],
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
