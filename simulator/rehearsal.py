"""Rehearsal: a map that a client brings is read by a forked child first.

CARLA's own OpenDRIVE reader, which is native code, breaks on some texts: a lane section that begins behind
the end of its road is enough. It must not take the server, and everybody else's simulation, with it.
"""

from __future__ import annotations

import os
import re
import resource
import signal

from simulator.world.errors import OpenDriveError, WorldError
from simulator.world.town import Town
from simulator.world.walls import NO_WALLS, WallSpec

MAX_ROAD_M = 1_000_000.0
"""Longest road that is read at all: lanes are sampled along it."""

MAX_CPU_S = 60
"""What reading may cost, as the kernel counts it; the largest packaged town takes some seconds."""

MAX_MEMORY_BYTES = 8 << 30
"""Address space of the child."""

MAX_DESCRIPTORS = 4096
"""More than the server ever opens."""

_LENGTH = re.compile(r"""\blength\s*=\s*["']\s*([^"']*)["']""")
_READ, _REFUSED, _FAILED = 0, 1, 2


def rehearse(name: str, text: str, walls: WallSpec = NO_WALLS) -> None:
    """See that a map can be read, or is refused in good order, without an accident.

    Raises:
        OpenDriveError: reading it fails in a way that no reader foresaw.
    """
    for match in _LENGTH.finditer(text):
        if _is_too_long(match[1]):
            found = f"a length of {match[1][:40]} m; at most {MAX_ROAD_M:.0f} are read"
            raise OpenDriveError(name, "road", found)
    child = os.fork()
    if child == 0:
        _read_and_leave(name, text, walls)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        word = signal.Signals(os.WTERMSIG(status)).name
        raise OpenDriveError(name, "geometry", f"CARLA's reader breaks on it ({word})")
    if os.WEXITSTATUS(status) == _FAILED:
        raise OpenDriveError(name, "document", "its parts do not fit together")


def _is_too_long(text: str) -> bool:
    try:
        return not abs(float(text)) <= MAX_ROAD_M
    except ValueError:
        return False  # the reader says what is wrong with it


def _read_and_leave(name: str, text: str, walls: WallSpec) -> None:
    """What the child does: read the map and tell by the exit status; never return."""
    status = _FAILED
    try:
        _be_alone()
        Town.from_opendrive(name, text, walls)
        status = _READ
    except WorldError:
        status = _REFUSED
    finally:
        os._exit(status)


def _be_alone() -> None:
    """Let go of the server's sockets and messages, and take no more than a share of the machine."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    os.closerange(3, MAX_DESCRIPTORS)
    for number, wanted in ((resource.RLIMIT_CPU, MAX_CPU_S), (resource.RLIMIT_AS, MAX_MEMORY_BYTES)):
        _, hard = resource.getrlimit(number)
        resource.setrlimit(number, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))
