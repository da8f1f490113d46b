"""A CARLA server that somebody else runs: the harness uses it and leaves it running."""

from __future__ import annotations

import socket
import time
from types import TracebackType
from typing import Self

from harness.servers.base import Endpoint, Evidence, ServerKind
from harness.servers.readiness import make_sure_it_is_ready

_LIFE_CHECK_EVERY_S = 1.0
_CONNECT_TIMEOUT_S = 2.0


class RemoteServer:
    """A server at a given address.

    Args:
        endpoint: its RPC port.
        dt_s: simulated time of a tick.
        start_deadline_s: how long the map and the first tick may take.

    Raises:
        ServerStartError: on entering: see `make_sure_it_is_ready`.
    """

    kind = ServerKind.REMOTE
    simulator = "remote"
    process_group: int | None = None

    def __init__(self, endpoint: Endpoint, *, dt_s: float, start_deadline_s: float) -> None:
        self.endpoint = endpoint
        self._dt_s = dt_s
        self._start_deadline_s = start_deadline_s
        self._alive = True
        self._checked_at_s = -float("inf")

    def is_alive(self) -> bool:
        """Whether the address still takes connections; asked for once a second at most."""
        now_s = time.monotonic()
        if now_s - self._checked_at_s >= _LIFE_CHECK_EVERY_S:
            self._checked_at_s = now_s
            try:
                address = (self.endpoint.host, self.endpoint.port)
                socket.create_connection(address, timeout=_CONNECT_TIMEOUT_S).close()
                self._alive = True
            except OSError:
                self._alive = False
        return self._alive

    def evidence(self) -> Evidence:
        """Only whether it answers: its process and its log are out of reach."""
        return Evidence(str(self.endpoint), self.is_alive(), None, None, ())

    def __enter__(self) -> Self:
        make_sure_it_is_ready(
            self.endpoint, is_alive=self.is_alive, dt_s=self._dt_s, deadline_s=self._start_deadline_s
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the server running."""
