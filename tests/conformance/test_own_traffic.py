"""Equal seeds give equal worlds, bit for bit: a hundred vehicles of our own drivers, separate processes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.headless import REPOSITORY, Endpoint, Headless

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.timeout(900)]

VEHICLES, TICKS = 100, 5000


def begin(server: Endpoint, seed: int, ticks: int = TICKS) -> subprocess.Popen[str]:
    """Start `tests.support.own_traffic` as a process of its own."""
    arguments = (server.host, server.port, "Town01", VEHICLES, ticks, seed)
    return subprocess.Popen(
        [sys.executable, "-m", "tests.support.own_traffic", *map(str, arguments)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    )


def result(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What it printed."""
    output, _ = process.communicate()
    assert process.returncode == 0
    found: dict[str, Any] = json.loads(output.strip().splitlines()[-1])
    return found


def test_equal_seeds_give_equal_snapshots(start_server: Callable[..., Headless]) -> None:
    """Two servers and two clients, side by side so that they disturb each other's timing."""
    running = [begin(start_server().endpoint, seed=3) for _ in range(2)]
    first, second = (result(process) for process in running)
    assert first == second
    assert (first["vehicles"], first["ticks"]) == (VEHICLES, TICKS)
    assert first["moved"] > VEHICLES // 2


def test_another_seed_gives_another_world(start_server: Callable[..., Headless]) -> None:
    server = start_server().endpoint
    first, second = (result(begin(server, seed, ticks=20)) for seed in (3, 4))
    assert first["hash"] != second["hash"]
