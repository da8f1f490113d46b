"""Pytest plugin: fixtures that give any project a CARLA server of its own, without a GPU.

`carla_server` (one process per session), `carla_client` and `carla_world` (clean for every test). Nothing
here costs a run that does not use them: `carla` is imported inside the fixtures, the server's modules never,
and no fixture is used by itself. The guide is docs/testing-with-drivegate.md. Only this file knows pytest.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import carla

HOST = "127.0.0.1"

READY_TIMEOUT_S = 600.0
"""Until the server must be ready; its first start on a machine compiles kernels."""

STOP_TIMEOUT_S = 20.0

START_ATTEMPTS = 5
"""Somebody else may take a port between the moment it was found free and the server's start."""

_MARKER = "carla(town=..., delta_s=...): map and simulated seconds per tick of this test's carla_world"
_MARKER_NAMES = {"town", "delta_s"}
_LEAVES_BY_ITSELF = ("vehicle.*", "walker.*", "controller.*", "sensor.*", "static.prop.*")


class CarlaServerError(RuntimeError):
    """The headless server did not start, or has ended during the tests."""


@dataclass(frozen=True)
class CarlaServer:
    """A running headless server.

    Attributes:
        host: where it listens.
        port: of its RPC channel; streams use the next one.
        process: the server.
        log: what it wrote to its standard error.
    """

    host: str
    port: int
    process: subprocess.Popen[str]
    log: Path

    def check(self) -> None:
        """See that it still runs.

        Raises:
            CarlaServerError: it has ended.
        """
        code = self.process.poll()
        if code is not None:
            text = f"the CARLA server has ended with code {code}. {self.log}:\n{_tail(self.log)}"
            raise CarlaServerError(text)

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The settings, for pytest's own configuration file."""
    parser.addini("carla_town", "map of carla_world where no marker names one", default="Town01")
    parser.addini("carla_seed", "seed of the server's random numbers", default="0")
    parser.addini("carla_delta_s", "simulated seconds per tick of carla_world", default="0.05")
    parser.addini("carla_timeout_s", "how long a call of the client may take", default="60")


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known, for `--strict-markers`."""
    config.addinivalue_line("markers", _MARKER)


@pytest.fixture(scope="session")
def carla_server(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[CarlaServer]:
    """A headless CARLA server of this session's own, in its own process, on free ports.

    Under pytest-xdist every worker has one. It ends with the session, even if pytest is killed.
    """
    log = tmp_path_factory.mktemp("carla") / "server.log"
    server = _start(str(pytestconfig.getini("carla_town")), _number(pytestconfig, "carla_seed", int), log)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def carla_client(carla_server: CarlaServer, pytestconfig: pytest.Config) -> carla.Client:
    """The unmodified client, connected."""
    import carla

    client = carla.Client(carla_server.host, carla_server.port)
    client.set_timeout(_number(pytestconfig, "carla_timeout_s", float))
    return client


@pytest.fixture
def carla_world(
    carla_client: carla.Client,
    carla_server: CarlaServer,
    pytestconfig: pytest.Config,
    request: pytest.FixtureRequest,
) -> Iterator[carla.World]:
    """A freshly loaded world in synchronous mode, ticked once; what the test leaves in it is destroyed.

    Nothing of an earlier test shows: actor ids, lights, weather, settings and the clock begin anew.
    """
    carla_server.check()
    wanted = _marker(request)
    world = carla_client.load_world(str(wanted.get("town", pytestconfig.getini("carla_town"))))
    _go_synchronous(world, float(wanted.get("delta_s", _number(pytestconfig, "carla_delta_s", float))))
    world.tick()
    yield world
    carla_server.check()
    _clean(carla_client)


def _marker(request: pytest.FixtureRequest) -> dict[str, Any]:
    marker = request.node.get_closest_marker("carla")
    if marker is None:
        return {}
    if marker.args or not _MARKER_NAMES.issuperset(marker.kwargs):
        raise pytest.UsageError(f"{request.node.nodeid}: a marker is written {_MARKER}")
    return dict(marker.kwargs)


def _number(config: pytest.Config, name: str, kind: type[int] | type[float]) -> Any:
    text = str(config.getini(name))
    try:
        return kind(text)
    except ValueError:
        raise pytest.UsageError(f"{name} = {text!r} in pytest's configuration is no number") from None


def _go_synchronous(world: carla.World, delta_s: float | None) -> None:
    settings = world.get_settings()
    settings.synchronous_mode = delta_s is not None
    settings.fixed_delta_seconds = delta_s
    world.apply_settings(settings)


def _clean(client: carla.Client) -> None:
    """Destroy what a test left. It may have changed the settings, or loaded another map, so ask anew."""
    import carla

    world = client.get_world()
    _go_synchronous(world, 0.05)
    world.tick()  # actors show from the tick after their spawning on
    actors = world.get_actors()
    left = {actor.id: actor for pattern in _LEAVES_BY_ITSELF for actor in actors.filter(pattern)}
    for actor in left.values():
        if isinstance(actor, carla.Sensor) and actor.is_listening:
            actor.stop()
    client.apply_batch_sync([carla.command.DestroyActor(actor_id) for actor_id in left], True)
    _go_synchronous(world, None)


def _start(town: str, seed: int, log: Path) -> CarlaServer:
    program = [sys.executable, "-m", "simulator", "--exit-with-parent", str(os.getpid())]
    for attempt in range(START_ATTEMPTS):
        port = _free_port()
        with log.open("w") as stream:
            process = subprocess.Popen(  # noqa: S603 - our own program, no shell
                [*program, "--port", str(port), "--town", town, "--seed", str(seed)],
                cwd=Path(__file__).parents[1],  # `-m` finds this simulator, whatever the tests call theirs
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stream,
                text=True,
            )
        if _is_ready(process):
            return CarlaServer(HOST, port, process, log)
        if "cannot listen" not in log.read_text() or attempt == START_ATTEMPTS - 1:
            break
    raise CarlaServerError(f"the CARLA server did not start:\n{_tail(log)}")


def _is_ready(process: subprocess.Popen[str]) -> bool:
    """Wait for the line that says so; if none comes the process has ended afterwards."""
    watchdog = threading.Timer(READY_TIMEOUT_S, process.kill)
    watchdog.start()
    with contextlib.ExitStack() as stack:
        output = process.stdout
        ready = output is not None and stack.enter_context(output).readline().startswith("ready:")
    watchdog.cancel()
    watchdog.join()
    if not ready:
        process.kill()
        process.wait()
    return ready


def _free_port() -> int:
    """A port that is free now, as is the one after it."""
    for _ in range(100):
        with socket.socket() as first, socket.socket() as second:
            first.bind((HOST, 0))
            port = int(first.getsockname()[1])
            with contextlib.suppress(OSError, OverflowError):
                second.bind((HOST, port + 1))
                return port
    raise CarlaServerError("no two free ports in a row on this machine")


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:].strip()
