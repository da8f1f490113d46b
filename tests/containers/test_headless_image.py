"""The headless image: who it runs as, what is in it, and whether "healthy" means ready."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from harness.servers.base import Endpoint
from harness.servers.engine import Engine, remove
from harness.servers.readiness import make_sure_it_is_ready
from tests.support import engine as docker
from tests.support import harness_runs as runs

pytestmark = [pytest.mark.docker, pytest.mark.timeout(900), pytest.mark.xdist_group("containers")]


@pytest.fixture
def container(engine: Engine, image: str) -> Iterator[tuple[Any, int]]:
    """A container as compose starts it: read-only, no capabilities; and its port."""
    port = runs.free_block(30)
    one = engine.client.containers.run(
        image,
        ["--host", "0.0.0.0", "--port", str(port)],  # noqa: S104
        detach=True,
        read_only=True,
        tmpfs={"/tmp": "size=256m,mode=1777"},  # noqa: S108
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        environment={"CARLA_RPC_PORT": str(port)},
        ports={f"{p}/tcp": ("127.0.0.1", p) for p in range(port, port + 3)},
        healthcheck={"interval": 1_000_000_000},
        mem_limit="4g",
    )
    try:
        yield one, port
    finally:
        remove(one)


def _health(container: Any) -> str:
    container.reload()
    return str(container.attrs["State"]["Health"]["Status"])


def test_it_says_what_it_is_and_runs_as_nobody_special(engine: Engine, image: str) -> None:
    found = engine.client.images.get(image)
    config = found.attrs["Config"]
    assert config["Labels"]["drivegate.server"] == "headless"
    assert config["User"] == "10001:10001"
    assert config["StopSignal"] == "SIGTERM"
    assert config["Healthcheck"]["Test"] == ["CMD", "ready.sh"]
    assert not config["Volumes"]


def test_no_secret_and_no_wheel_is_left_in_a_layer(engine: Engine, image: str) -> None:
    found = engine.client.images.get(image)
    told = json.dumps(found.history()) + json.dumps(found.attrs["Config"])
    for word in ("index-url", "PIP_CERT", "pip.conf", "password", "token", "find-links"):
        assert word.lower() not in told.lower()
    listing = engine.client.containers.run(
        image,
        ["-c", "find / -xdev \\( -name '*.whl' -o -name 'pip.conf' -o -name '.netrc' \\) 2>/dev/null; true"],
        entrypoint="sh",
        remove=True,
    )
    assert b"/wheels" not in listing
    assert b"pip.conf" not in listing
    assert b".netrc" not in listing


def test_healthy_means_ready_and_a_stopped_server_is_not(container: tuple[Any, int]) -> None:
    one, port = container
    runs.wait_for("healthy", lambda: _health(one) == "healthy")
    make_sure_it_is_ready(
        Endpoint("127.0.0.1", port), is_alive=lambda: True, dt_s=0.05, deadline_s=runs.PATIENCE_S
    )
    assert _health(one) == "healthy"
    pid = docker.host_pid(one)
    os.kill(pid, signal.SIGSTOP)
    runs.wait_for("unhealthy", lambda: _health(one) == "unhealthy")
    os.kill(pid, signal.SIGCONT)
    runs.wait_for("healthy again", lambda: _health(one) == "healthy")


def test_every_town_is_there_already(container: tuple[Any, int]) -> None:
    """With its triangles, for the user that serves; /tmp keeps none."""
    one, _ = container
    code = (
        "import pathlib, os, simulator.sensors.stage as stage;"
        "from simulator.world.town import Town, packaged_towns;"
        "from simulator.world.blueprints import default_library;"
        "stage.build_store = None;"  # whoever wants to build fails
        "shelf = pathlib.Path(os.environ['DRIVEGATE_TOWNS']);"
        "library = default_library();"
        "[print(stage.Stage(Town.load(n), library, shelf).store.nbytes()) for n in packaged_towns()]"
    )
    ended, said = one.exec_run(["env", "NUMBA_CACHE_DIR=/tmp/kernels", "python", "-c", code])
    assert ended == 0, said
    assert all(int(line) > 5_000_000 for line in said.split())
    assert len(said.split()) == 6
    _, made = one.exec_run("find /tmp -name '*.npy'")
    assert made == b""


def test_a_start_compiles_nothing_and_a_stop_is_an_orderly_end(container: tuple[Any, int]) -> None:
    one, _ = container
    runs.wait_for("ready", lambda: b"ready: CARLA" in one.logs())
    _, made = one.exec_run("find /tmp/kernels -newer /tmp/kernels/.copied -name '*.nbc'")
    assert made == b""
    _, kept = one.exec_run("find /tmp/kernels -name '*.nbc'")
    assert len(kept.splitlines()) > 50
    one.stop(timeout=20)
    one.reload()
    assert one.attrs["State"]["ExitCode"] == 0
