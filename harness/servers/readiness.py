"""Is this server ready? Ask it: its version, its map, one tick."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version

from harness.client.session import Session
from harness.errors import InfraError, ServerStartError
from harness.servers.base import Endpoint
from harness.servers.probe import check_version

_PROBE_TIMEOUT_S = 5.0


def client_version() -> str:
    """Version of the installed carla client; a server must have the same."""
    return version("carla")


def make_sure_it_is_ready(
    endpoint: Endpoint, *, is_alive: Callable[[], bool], dt_s: float, deadline_s: float
) -> None:
    """Ask for the version, the map and one tick in synchronous mode.

    Raises:
        ServerStartError: one of them did not come; its subclasses tell "not a CARLA" and "another version".
    """
    check_version(endpoint, client_version(), _PROBE_TIMEOUT_S)
    try:
        session = Session(
            endpoint,
            is_alive=is_alive,
            dt_s=dt_s,
            tick_deadline_s=deadline_s,
            request_deadline_s=deadline_s,
        )
        session.request("send its map", session.world.get_map)
        session.tick()
    except InfraError as error:
        raise ServerStartError(f"The server at {endpoint} did not become ready. {error}") from error
