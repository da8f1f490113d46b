"""Starts and ends `python -m simulator` for tests."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
READY_TIMEOUT_S = 600.0
"""The first start on a machine compiles kernels."""

_OTHER_PORTS = 5
"""Somebody else may take a port between the moment it was found free and the server's start."""

REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True)
class Endpoint:
    """Address of a server under test."""

    host: str
    port: int


@dataclass(frozen=True)
class Headless:
    """A running headless server.

    Attributes:
        process: the server.
        endpoint: where it listens.
        ready_line: what it said when it was ready.
    """

    process: subprocess.Popen[str]
    endpoint: Endpoint
    ready_line: str

    def stop(self) -> int:
        """End it as a supervisor would; returns its exit code."""
        self.process.terminate()
        try:
            return self.process.wait(timeout=20.0)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()


def free_port() -> int:
    """A port that is free now, as is the one after it."""
    for _ in range(100):
        with contextlib.ExitStack() as stack:
            first = stack.enter_context(socket.socket())
            first.bind((HOST, 0))
            port = int(first.getsockname()[1])
            second = stack.enter_context(socket.socket())
            with contextlib.suppress(OSError, OverflowError):
                second.bind((HOST, port + 1))
                return port
    raise RuntimeError("no two free ports in a row on this machine")


def command(port: int, *options: str) -> list[str]:
    """How to start a server."""
    return [sys.executable, "-m", "simulator", "--port", str(port), *options]


def spawn(port: int, *options: str) -> subprocess.Popen[str]:
    """Start a server without waiting for it."""
    return subprocess.Popen(
        command(port, *options),
        cwd=REPOSITORY,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def wait_until_ready(process: subprocess.Popen[str], port: int) -> Headless:
    """Wait for the ready line.

    Raises:
        RuntimeError: the server ended first, or took too long.
    """
    assert process.stdout is not None
    watchdog = threading.Timer(READY_TIMEOUT_S, process.kill)
    watchdog.start()
    line = process.stdout.readline()
    watchdog.cancel()
    if not line.startswith("ready:"):
        process.kill()
        _, errors = process.communicate()
        raise RuntimeError(f"no ready line but {line!r}; stderr: {errors[-2000:]}")
    _drain(process)
    return Headless(process, Endpoint(HOST, port), line.strip())


def start(*options: str) -> Headless:
    """Start a server on free ports and wait until it is ready.

    Raises:
        RuntimeError: it ended first, or took too long.
    """
    for _ in range(_OTHER_PORTS):
        port = free_port()
        try:
            return wait_until_ready(spawn(port, "--exit-with-parent", *options), port)
        except RuntimeError as error:
            if "Address already in use" not in str(error):
                raise
            taken = error
    raise taken


@contextlib.contextmanager
def running(*options: str) -> Iterator[Headless]:
    """A server for the length of a block."""
    server = start(*options)
    try:
        yield server
    finally:
        server.stop()


def _drain(process: subprocess.Popen[str]) -> None:
    """Read what the server logs, so that a full pipe never blocks it; pytest shows it with a failed test."""

    def copy() -> None:
        assert process.stderr is not None
        with process.stderr as stream:
            for line in stream:
                sys.stderr.write(line)

    threading.Thread(target=copy, daemon=True).start()
    assert process.stdout is not None
    process.stdout.close()
