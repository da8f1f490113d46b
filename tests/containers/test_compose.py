"""The compose file of our server: `up --wait` means ready, and `down` leaves nothing."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from harness.servers.base import Endpoint
from harness.servers.engine import Engine
from harness.servers.readiness import make_sure_it_is_ready
from tests.support import engine as docker
from tests.support import harness_runs as runs

pytestmark = [pytest.mark.docker, pytest.mark.timeout(900), pytest.mark.xdist_group("containers")]

FILE = runs.REPOSITORY / "docker/compose.headless.yaml"


def test_up_means_ready_and_down_leaves_nothing(engine: Engine, image: str) -> None:
    program = shutil.which("docker")
    if not program or subprocess.run([program, "compose", "version"], check=False).returncode != 0:
        pytest.skip("the compose plugin is not installed")
    port = runs.free_block(30)
    numbers = {"PORT": port, "STREAM_PORT": port + 1, "SECONDARY_PORT": port + 2}
    environment = os.environ | {"IMAGE": image} | {name: str(number) for name, number in numbers.items()}
    project = f"drivegate-test-{os.getpid()}"
    before = docker.inventory(engine)

    def compose(*words: str) -> None:
        command = [program, "compose", "--project-name", project, "--file", str(FILE), *words]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    try:
        compose("up", "--wait", "--wait-timeout", "300")
        make_sure_it_is_ready(
            Endpoint("127.0.0.1", port), is_alive=lambda: True, dt_s=0.05, deadline_s=runs.PATIENCE_S
        )
    finally:
        compose("down", "--volumes", "--timeout", "20")
    label = f"com.docker.compose.project={project}"
    assert engine.client.containers.list(all=True, filters={"label": label}) == []
    assert docker.left_behind(engine, before) == set()
