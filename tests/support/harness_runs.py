"""Runs of `drivegate` as a user starts them: real processes, real servers, and a look at who is alive."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tests.support.odd_policies import HOLD_VARIABLE

T = TypeVar("T")

REPOSITORY = Path(__file__).parents[2]
PATIENCE_S = 120.0
"""How long to wait for something that must happen; only reached when it does not."""

_ROUTE = """<routes><route id="{id}" town="Town01"><waypoints>
<position x="{x0}" y="{y0}" z="0"/><position x="{x1}" y="{y1}" z="0"/></waypoints></route></routes>"""


@dataclass(frozen=True)
class Finished:
    """A command that has ended."""

    code: int
    out: str
    err: str


def command(*arguments: str) -> list[str]:
    """The command line as `drivegate` runs it."""
    return [sys.executable, "-m", "harness.cli", *arguments]


def drivegate(*arguments: str, timeout_s: float = PATIENCE_S, folder: Path = REPOSITORY) -> Finished:
    """Run a command in a folder to its end."""
    done = subprocess.run(
        command(*arguments),
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    return Finished(done.returncode, done.stdout, done.stderr)


def _hear_interrupts() -> None:
    """Tests that a script runs in the background ignore Ctrl-C, and their children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextlib.contextmanager
def started(*arguments: str, hold: Path | None = None) -> Iterator[subprocess.Popen[str]]:
    """A command that runs for the length of a block, in a process group of its own.

    Args:
        arguments: of `drivegate`.
        hold: file that keeps the policy `Held` in mid-episode until the test removes it.
    """
    if hold is not None:
        hold.touch()
    process = subprocess.Popen(
        command(*arguments),
        cwd=REPOSITORY,
        env=os.environ | ({} if hold is None else {HOLD_VARIABLE: str(hold)}),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=_hear_interrupts,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20.0)
            process.kill()
        process.communicate()


def wait_for(what: str, look: Callable[[], T | None], patience_s: float = PATIENCE_S) -> T:
    """Look until there is something (polling: the processes of a test cannot call back)."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError(f"{what}: not within {patience_s:g} s")


def processes() -> dict[int, tuple[int, str]]:
    """Who is alive: pid -> (parent's pid, command line). Zombies do not count."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError, IndexError):
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if state != "Z":
                    found[int(entry.name)] = (int(parent), line)
    return found


def children(pid: int, containing: str) -> list[int]:
    """Living children of a process whose command line contains a text."""
    return [child for child, (parent, line) in processes().items() if parent == pid and containing in line]


def workers_of(process: subprocess.Popen[str]) -> list[int]:
    """Worker processes of a running `drivegate`."""
    return children(process.pid, "spawn_main")


def servers_of(process: subprocess.Popen[str]) -> list[int]:
    """Servers of its workers."""
    return [server for worker in workers_of(process) for server in children(worker, "-m simulator")]


def is_alive(pid: int) -> bool:
    """Whether a process lives."""
    return pid in processes()


def kill(pid: int) -> None:
    """`kill -9`; somebody may have been faster."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def infra_log(run: Path) -> list[dict[str, object]]:
    """The infrastructure faults of a run."""
    path = run / "infra.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def outcomes(run: Path) -> dict[str, str]:
    """Outcome of every attempt with an end marker: "policy/0-r0/attempt-0" -> outcome."""
    root = run / "episodes"
    return {
        str(path.parent.relative_to(root)): json.loads(path.read_text())["outcome"]
        for path in sorted(root.glob("*/*/*/outcome.json"))
    }


def scored_records(run: Path) -> dict[str, tuple[bytes, bytes, bytes]]:
    """What must be the same in equal runs: episode -> ticks, events, actors of its attempt that counts."""
    found = {}
    for path in sorted((run / "episodes").glob("*/*/*/outcome.json")):
        if json.loads(path.read_text())["outcome"] != "infra_fault":
            folder = path.parent
            episode = str(folder.parent.relative_to(run / "episodes"))
            assert episode not in found, f"{episode} counts twice"
            found[episode] = (
                (folder / "ticks.arrow").read_bytes(),
                (folder / "events.jsonl").read_bytes(),
                (folder / "actors.jsonl").read_bytes(),
            )
    return found


def is_driving(run: Path, ticks_bytes: int = 1) -> bool:
    """Whether an episode is past its first batch of ticks."""
    for path in run.glob("episodes/*/*/*/ticks.arrow"):
        if not (path.parent / "outcome.json").exists() and path.stat().st_size > ticks_bytes:
            return True
    return False


def route_file(path: Path, *ids: str, start: tuple[float, float], end: tuple[float, float]) -> Path:
    """Write a route file for Town01 with the same short stretch under several ids."""
    one = _ROUTE.format(id="{id}", x0=start[0], y0=start[1], x1=end[0], y1=end[1])
    body = one.removeprefix("<routes>").removesuffix("</routes>")
    path.write_text("<routes>" + "".join(body.format(id=name) for name in ids) + "</routes>")
    return path


def free_block(count: int = 10) -> int:
    """First of so many ports in a row that are free now."""
    for first in range(22000, 22900, count):
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for port in range(first, first + count):
                stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first
    raise RuntimeError("no free block of ports on this machine")
