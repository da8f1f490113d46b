"""The server under test: our own by default, any CARLA 0.9.16 with `--carla-server host:port`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import carla
import pytest
from hypothesis import settings

from tests.support import headless, method_coverage
from tests.support.carla_client import connect
from tests.support.headless import Endpoint, Headless

# No deadline: a busy machine is no defect. Derandomised: a red run can be repeated, here and in CI.
settings.register_profile("drivegate", deadline=None, derandomize=True)
settings.load_profile("drivegate")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--carla-server",
        metavar="HOST:PORT",
        help="run the conformance tests against this CARLA instead of our own headless server",
    )


def pytest_configure(config: pytest.Config) -> None:
    """A whole run of the conformance tests fails when it leaves a remote method out."""
    config.pluginmanager.register(method_coverage)


def _given_endpoint(config: pytest.Config) -> Endpoint | None:
    option = config.getoption("--carla-server")
    if option is None:
        return None
    host, _, port = str(option).rpartition(":")
    if not host or not port.isdigit():
        raise pytest.UsageError(f"--carla-server {option}: expected HOST:PORT")
    return Endpoint(host, int(port))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On somebody else's server, leave out what is about ours, or starts one of its own."""
    if config.getoption("--carla-server") is None:
        return
    for item in items:
        if item.get_closest_marker("own_server") is not None:
            item.add_marker(pytest.mark.skip(reason="about our own server"))
        elif "server" not in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.skip(reason="starts a server of its own"))


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> Iterator[Endpoint]:
    """A server that the tests of a session share. Each test makes its own episode in it."""
    endpoint = _given_endpoint(request.config)
    if endpoint is not None:
        yield endpoint
        return
    with headless.running(*method_coverage.server_options()) as started:
        yield started.endpoint


@pytest.fixture
def start_server(request: pytest.FixtureRequest) -> Iterator[Callable[..., Headless]]:
    """Starts servers of a test's own: `start_server("--town", "Town02")`."""
    started: list[Headless] = []
    # Only conformance tests count for the coverage of the remote methods.
    counted = method_coverage.server_options() if "conformance" in request.path.parts else ()

    def start(*options: str) -> Headless:
        started.append(headless.start(*counted, *options))
        return started[-1]

    yield start
    for one in started:
        one.stop()


@pytest.fixture
def client(server: Endpoint) -> carla.Client:
    """A client of the shared server."""
    return connect(server)
