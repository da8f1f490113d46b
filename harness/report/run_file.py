"""What a report reads of run.json and infra.jsonl, written by a campaign; both may be of an older version."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter

from harness.gate.model import EpisodeKey
from harness.record.files import read_json, read_json_lines
from harness.record.run_folder import INFRA_LOG, RUN
from harness.report.model import Fault

_DEFAULTS: Mapping[str, object] = {"seed": 0, "traffic": 0, "dt_s": 0.05, "settle_ticks": 20}
"""Of `harness.config.DriveConfig`: what need not be said to drive an episode again."""


@dataclass(frozen=True, slots=True)
class _Policy:
    name: str
    args: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Drive:
    suites: tuple[str, ...]
    policies: tuple[_Policy, ...]
    repeats: int = 1
    seed: int = 0
    traffic: int = 0
    server: str = "embedded"
    dt_s: float = 0.05
    settle_ticks: int = 20


@dataclass(frozen=True, slots=True)
class _Machine:
    remote: str | None = None


@dataclass(frozen=True, slots=True)
class _Config:
    drive: _Drive
    machine: _Machine = field(default_factory=_Machine)


@dataclass(frozen=True, slots=True)
class RunFile:
    """run.json, as far as it is told here.

    Attributes:
        config: of the run, None if the file has none.
        suites: name -> content hash.
        versions: of the software.
    """

    schema_version: int
    config: _Config | None = None
    suites: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    def command(self, policy: str, route_id: str, repeat: int) -> str:
        """A shell command that drives one episode again, with the seeds that it had."""
        if self.config is None:
            return ""
        drive = self.config.drive
        words = ["drivegate", "run"]
        for suite in drive.suites:
            words += ["--suite", suite]
        words += ["--policy", policy]
        arguments = next((one.args for one in drive.policies if one.name == policy), {})
        for key, value in arguments.items():
            words += ["--policy-arg", f"{policy}.{key}={value}"]
        if drive.server != "embedded":
            words += ["--server", f"{drive.server}:{self.config.machine.remote or ''}".rstrip(":")]
        for name in ("traffic", "seed"):
            if getattr(drive, name) != _DEFAULTS[name]:
                words += [f"--{name}", str(getattr(drive, name))]
        for name in ("dt_s", "settle_ticks"):
            if getattr(drive, name) != _DEFAULTS[name]:
                words += ["--set", f"drive.{name}={getattr(drive, name)}"]
        words += ["--only", f"{route_id}-r{repeat}", "--out", f"runs/again-{route_id}-r{repeat}"]
        return shlex.join(words)

    def conditions(self) -> tuple[tuple[str, str], ...]:
        """What was driven, for people."""
        if self.config is None:
            return ()
        drive = self.config.drive
        return (
            ("Suite", ", ".join(f"{name} ({self.suites.get(name, '')[:12]})" for name in drive.suites)),
            ("Repeats", str(drive.repeats)),
            ("Background vehicles", str(drive.traffic)),
            ("Server", drive.server),
            ("Seed", str(drive.seed)),
            ("Tick", f"{drive.dt_s:g} s"),
        )


@dataclass(frozen=True, slots=True)
class _Evidence:
    endpoint: str = ""
    alive: bool = False
    exit_code: int | None = None
    signal_name: str | None = None
    log_tail: tuple[str, ...] = ()

    def in_words(self) -> str:
        """One line."""
        if self.signal_name is not None:
            how = f"ended by {self.signal_name}"
        elif self.exit_code is not None:
            how = f"ended with exit code {self.exit_code}"
        else:
            how = "still answered" if self.alive else "did not answer"
        return f"server {self.endpoint} {how}"


@dataclass(frozen=True, slots=True)
class _FaultLine:
    policy: str
    route_id: str
    repeat: int
    attempt: int = 0
    kind: str = "unknown"
    message: str = ""
    evidence: _Evidence | None = None
    will_retry: bool = False
    time: str = ""


_RUN_FILE = TypeAdapter(RunFile)
_FAULT_LINE = TypeAdapter(_FaultLine)


def read_run_file(run_folder: Path) -> RunFile:
    """Read run.json.

    Raises:
        CorruptRecordError: missing, or not of its shape.
        FutureRecordError: written by a later version.
    """
    return read_json(run_folder / RUN, _RUN_FILE)


def read_fault_log(run_folder: Path) -> tuple[Fault, ...]:
    """Read infra.jsonl, in its order; nothing if no fault happened.

    Raises:
        CorruptRecordError: a line is not of its shape.
    """
    path = run_folder / INFRA_LOG
    if not path.exists():
        return ()
    return tuple(
        Fault(
            policy=line.policy,
            key=EpisodeKey(line.route_id, line.repeat),
            attempt=line.attempt,
            kind=line.kind,
            message=line.message,
            evidence="" if line.evidence is None else line.evidence.in_words(),
            log_tail=() if line.evidence is None else line.evidence.log_tail,
            will_retry=line.will_retry,
            time=line.time,
        )
        for line in read_json_lines(path, _FAULT_LINE)
    )
