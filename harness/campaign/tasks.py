"""What goes to a worker and what comes back: plain values that can be sent to another process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.config import PolicyConfig
from harness.errors import InfraFaultKind
from harness.outcome import Outcome
from harness.servers.base import Evidence
from scenarios.route import Route


@dataclass(frozen=True, slots=True)
class EpisodeTask:
    """One attempt at an episode.

    Attributes:
        policy: who drives.
        route: where.
        suite, suite_sha256: what the run drives, for the record.
        repeat: 0-based.
        attempt: 0-based; later ones follow infrastructure faults.
        seed: of the episode.
        folder: for the record.
    """

    policy: PolicyConfig
    route: Route
    suite: str
    suite_sha256: str
    repeat: int
    attempt: int
    seed: int
    folder: Path


@dataclass(frozen=True, slots=True)
class EpisodeResult:
    """How an episode ended; everything else is in its record.

    Attributes:
        outcome: never INFRA_FAULT, see `Fault`.
        reason: in words.
        route_completion_pct: 0..100.
        ticks: driven.
        wall_s: from the first tick to the last.
    """

    outcome: Outcome
    reason: str
    route_completion_pct: float
    ticks: int
    wall_s: float


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an episode is.

    Attributes:
        tick: of the episode.
        route_completion_pct: 0..100.
        wall_s: since its first tick.
    """

    tick: int
    route_completion_pct: float
    wall_s: float


@dataclass(frozen=True, slots=True)
class Hello:
    """A worker is up, and can make the policies that it will be asked for."""


@dataclass(frozen=True, slots=True)
class ServerReady:
    """A worker's server is ready.

    Attributes:
        process_group: to be killed if the worker dies, None if the server is not ours.
        towns: that the server has.
    """

    process_group: int | None
    towns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """An episode was ended by the infrastructure; its server is given up.

    Attributes:
        kind: of fault.
        message: what happened.
        evidence: of the server, None if there was none.
        is_hopeless: another attempt would end the same way (wrong server at the address).
    """

    kind: InfraFaultKind
    message: str
    evidence: Evidence | None
    is_hopeless: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """The task cannot be driven: the input is wrong, and the user must change something."""

    message: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """The worker stopped because it was asked to."""


Message = Hello | ServerReady | Progress | EpisodeResult | Fault | Refused | Stopped
