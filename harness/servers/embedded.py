"""Our own headless CARLA server as a child process.

The harness starts it, asks whether it is ready, and ends it. It is started by name (`python -m simulator`)
and never imported. It leads its own process group, so that a Ctrl-C at the terminal reaches the harness
alone, and it dies with the harness, whatever kills that.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from harness.errors import PortTakenError, ServerStartError
from harness.processes import end_group
from harness.servers.base import Endpoint, Evidence, ServerKind
from harness.servers.logs import tail, unused
from harness.servers.ports import HOST, free_blocks, none_free
from harness.servers.readiness import make_sure_it_is_ready

_READY_LINE = "ready"
_POLL_S = 0.02
_END_GRACE_S = 1.0
_DYING_S = 0.5


class EmbeddedServer:
    """A `python -m simulator` process.

    Args:
        log_folder: where its output goes, one file per start.
        first_port: first block of ten ports to try.
        town: that it loads at start, None for its default.
        dt_s: simulated time of a tick.
        start_deadline_s: from start to ready (the first start on a machine may compile kernels).
        environment: added to its environment (thread pools).

    Raises:
        ServerStartError: on entering: it ended, did not become ready in time, or no ports were free.
    """

    kind = ServerKind.EMBEDDED
    simulator = "embedded"

    def __init__(
        self,
        log_folder: Path,
        *,
        first_port: int,
        town: str | None = None,
        dt_s: float,
        start_deadline_s: float,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._log_folder = log_folder
        self._first_port = first_port
        self._town = town
        self._dt_s = dt_s
        self._start_deadline_s = start_deadline_s
        self._environment = dict(environment or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._endpoint: Endpoint | None = None
        self._log_path: Path | None = None

    @property
    def endpoint(self) -> Endpoint:
        """Where it is; known once it has been started."""
        if self._endpoint is None:
            raise ServerStartError("The embedded server has not been started yet.")
        return self._endpoint

    @property
    def process_group(self) -> int | None:
        """Its process group."""
        return None if self._process is None else self._process.pid

    def is_alive(self) -> bool:
        """Whether its process runs."""
        return self._process is not None and self._process.poll() is None

    def evidence(self) -> Evidence:
        """Exit code or signal, and the end of its log."""
        return_code = None if self._process is None else self._process.poll()
        endpoint = self._endpoint or Endpoint(HOST, self._first_port)
        return Evidence.of_exit(endpoint, return_code, tail(self._log_path))

    def __enter__(self) -> Self:
        deadline = time.monotonic() + self._start_deadline_s
        try:
            for port in free_blocks(self._first_port):
                self._start(port)
                try:
                    self._wait_until_ready(deadline)
                except PortTakenError:
                    self._end()
                    continue
                return self
        except BaseException:
            self._end()
            raise
        raise ServerStartError(none_free(self._first_port))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _start(self, port: int) -> None:
        self._endpoint = Endpoint(HOST, port)
        self._log_folder.mkdir(parents=True, exist_ok=True)
        self._log_path = unused(self._log_folder, f"server-{port}")
        command = [sys.executable, "-m", "simulator", "--port", str(port)]
        command += ["--exit-with-parent", str(os.getpid())]
        if self._town is not None:
            command += ["--town", self._town]
        with self._log_path.open("xb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own program, no shell
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | self._environment,
                start_new_session=True,
            )

    def _wait_until_ready(self, deadline: float) -> None:
        """Wait for the process to say that the ports are its own, then ask it.

        Its ready line comes first because a stranger at the same address could answer too while our process
        is still on its way to find the ports taken.

        Raises:
            PortTakenError: the process ended because somebody else took its ports.
            ServerStartError: it ended otherwise, or was not ready in time.
        """
        while not any(line.startswith(_READY_LINE) for line in tail(self._log_path)):
            if not self.is_alive():
                raise self._ended_early()
            if time.monotonic() > deadline:
                raise ServerStartError(
                    f"The embedded server at {self.endpoint} was not ready after"
                    f" {self._start_deadline_s:g} s. Its last words: {self._last_words()}"
                )
            time.sleep(_POLL_S)
        left_s = max(deadline - time.monotonic(), 1.0)
        try:
            make_sure_it_is_ready(self.endpoint, is_alive=self.is_alive, dt_s=self._dt_s, deadline_s=left_s)
        except ServerStartError:
            if self._has_ended():
                raise self._ended_early() from None
            raise

    def _has_ended(self) -> bool:
        """Whether the process ends; its sockets are closed a moment before its end can be seen."""
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_DYING_S)
        return not self.is_alive()

    def _ended_early(self) -> ServerStartError:
        words = self._last_words()
        if "in use" in words:
            return PortTakenError(f"Ports from {self.endpoint.port} on are in use.")
        evidence = self.evidence()
        how = evidence.signal_name or f"exit code {evidence.exit_code}"
        return ServerStartError(
            f"The embedded server ended before it was ready ({how}). Its last words: {words}"
        )

    def _last_words(self) -> str:
        return " | ".join(tail(self._log_path)[-5:]) or "none"

    def _end(self) -> None:
        if self._process is not None:
            end_group(self._process, _END_GRACE_S)
