"""Whose container is this, and does its owner still live?

A container outlives a harness that was killed. Each carries the name of its campaign's process, told apart
from any later process with the same number: boot of the machine, pid namespace, pid, start time. Only
containers whose owner is known to be dead are removed unasked.
"""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_NO_PROC = "-"
_START_TIME_FIELD = 19  # of /proc/PID/stat behind the command's bracket: proc(5), field 22


class OwnerState(StrEnum):
    """What is known about the owner of a container."""

    ALIVE = "alive"
    DEAD = "dead"
    ELSEWHERE = "elsewhere"
    """In another pid namespace (a container that uses the same engine): nobody can tell from here."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A process, named so that no later one is mistaken for it.

    Attributes:
        boot: id of the machine's boot (without /proc: the machine's name).
        namespace: of process numbers.
        pid: of the campaign.
        started: its start time in clock ticks since boot.
    """

    boot: str
    namespace: str
    pid: int
    started: str

    @classmethod
    def this_process(cls) -> Self:
        """The process that asks."""
        return cls(_boot(), _namespace(), os.getpid(), _started(os.getpid()) or _NO_PROC)

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read what `str` wrote; None if it is nothing of ours."""
        parts = text.split("/")
        if len(parts) != 4 or not parts[2].isdecimal():
            return None
        return cls(parts[0], parts[1], int(parts[2]), parts[3])

    def __str__(self) -> str:
        return f"{self.boot}/{self.namespace}/{self.pid}/{self.started}"

    def state(self) -> OwnerState:
        """Whether it lives, as far as can be told from here.

        The engine is on this machine, so another boot can only be an earlier one.
        """
        if self.boot != _boot():
            return OwnerState.DEAD
        if self.namespace != _namespace():
            return OwnerState.ELSEWHERE
        if self.started == _NO_PROC:
            return OwnerState.ALIVE if _exists(self.pid) else OwnerState.DEAD
        return OwnerState.ALIVE if _started(self.pid) == self.started else OwnerState.DEAD


def _boot() -> str:
    return _BOOT_ID.read_text().strip() if _BOOT_ID.exists() else platform.node().replace("/", "_")


def _namespace() -> str:
    try:
        return os.readlink("/proc/self/ns/pid").strip("pid:[]")
    except OSError:
        return _NO_PROC


def _started(pid: int) -> str | None:
    """Start time of a process, None if there is none (a zombie is none)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[_START_TIME_FIELD]


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
