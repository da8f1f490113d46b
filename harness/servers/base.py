"""What the harness knows about a server: where it is, whether it lives, what it left behind."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Protocol, Self


class ServerKind(StrEnum):
    """How a server comes to be."""

    EMBEDDED = "embedded"
    REMOTE = "remote"
    DOCKER = "docker"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Address of a CARLA server's RPC port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What can be said about a server after a fault.

    Attributes:
        endpoint: where it was.
        alive: whether the process (or, for a remote server, the address) still answered.
        exit_code: of the process, None while it lives or when nobody knows.
        signal_name: "SIGKILL" and so on when a signal ended it.
        log_tail: the last lines that it wrote.
        diagnosis: what its log or its container says about the cause, with the remedy; None if nothing known.
    """

    endpoint: str
    alive: bool
    exit_code: int | None
    signal_name: str | None
    log_tail: tuple[str, ...]
    diagnosis: str | None = None

    @classmethod
    def of_exit(cls, endpoint: Endpoint, return_code: int | None, log_tail: tuple[str, ...]) -> Evidence:
        """Build the evidence from a return code as `subprocess` gives it (negative: minus the signal)."""
        by_signal = return_code is not None and return_code < 0
        return cls(
            endpoint=str(endpoint),
            alive=return_code is None,
            exit_code=None if by_signal else return_code,
            signal_name=signal.Signals(-return_code).name if by_signal and return_code is not None else None,
            log_tail=log_tail,
        )


class Server(Protocol):
    """A CARLA server, ready between `__enter__` and `__exit__`.

    Ready means that somebody asked: the version was answered, the map is loaded, one tick is done.
    """

    @property
    def kind(self) -> ServerKind:
        """How it came to be."""
        ...

    @property
    def simulator(self) -> str:
        """What simulates, for the record: two runs with the same word can be compared."""
        ...

    @property
    def endpoint(self) -> Endpoint:
        """Where it is."""
        ...

    @property
    def process_group(self) -> int | None:
        """Process group to kill if whoever holds this object dies, None for a server that is not ours."""
        ...

    def is_alive(self) -> bool:
        """Whether it can still answer, as far as can be told at once."""
        ...

    def evidence(self) -> Evidence:
        """What it left behind."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
