"""`make soak`: the client's traffic manager drives a hundred vehicles through every town, and must behave.

    python -m tests.soak                          six towns, 10,000 ticks each, on servers of our own
    python -m tests.soak --town Town01 --ticks 2000
    python -m tests.soak --server host:2000 --town Town10HD    drive another CARLA 0.9.16

Every town gets a server of its own and a client process of its own. Prints a table, writes `soak.json` and
the tapes into `--out`, and ends with 1 where a limit is broken.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import queue
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import carla
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from scenarios.lane_graph import LaneGraph
from tests.soak.judge import STUCK_S, Findings, judge
from tests.soak.tape import Tape
from tests.support.carla_client import connect
from tests.support.headless import REPOSITORY, Endpoint, command, free_port

TOWNS = ("Town01", "Town02", "Town04", "Town06", "Town07", "Town10HD")
OFF_SHARE = 0.01
HANG_S = 120.0
"""Silence after which a client counts as hanging; loading a town and reading its map take a part of it."""

_POKE = re.compile(r"poke \d+ of this server")


@dataclass(frozen=True, slots=True)
class Row:
    """One town's line in the table and in `soak.json`.

    Attributes:
        town: map name.
        ended: "done", or how the client ended instead.
        ticks, vehicles, walkers: what was driven.
        ticks_per_s: of the client's loop.
        off_share: largest share of ticks that a vehicle spent off its lane; `off_type` names its blueprint.
        centre_share, centre_type: the same for being farther than the limit from the middle of its lane.
        off_vehicles: vehicles above the limit.
        overlaps: lasting overlaps of two boxes.
        crossings, red: of stop lines, and of those at red.
        contacts: beginnings of contacts of a vehicle with another, or with a walker.
        stuck: vehicles that stood for more than three minutes without a light to wait for.
        removed: vehicles that the traffic manager took away because they stood for too long.
        km: driven by all of them.
        pokes: of the server's watchdog, None on a server that is not ours.
        rss_mib: of the server at the end.
        left_out: kinds of vehicles that do not fit into the town's lanes, or were left out otherwise.
    """

    town: str
    ended: str
    ticks: int = 0
    vehicles: int = 0
    walkers: int = 0
    ticks_per_s: float = 0.0
    off_share: float = 0.0
    off_type: str = ""
    centre_share: float = 0.0
    centre_type: str = ""
    off_vehicles: int = 0
    overlaps: int = 0
    crossings: int = 0
    red: int = 0
    contacts: int = 0
    stuck: int = 0
    removed: int = 0
    km: float = 0.0
    pokes: int | None = None
    rss_mib: float | None = None
    left_out: tuple[str, ...] = ()

    def broken(self) -> tuple[str, ...]:
        """The limits that do not hold."""
        limits = {
            self.ended: self.ended != "done",
            f"{self.off_vehicles} vehicles off their lane": self.off_vehicles > 0,
            f"{self.overlaps} lasting overlaps": self.overlaps > 0,
            f"{self.red} red lights run": self.red > 0,
            f"{self.stuck} vehicles stuck": self.stuck > 0,
        }
        return tuple(name for name, is_broken in limits.items() if is_broken)


def row_of(tape: Tape, found: Findings, pokes: int | None, rss_mib: float | None) -> Row:
    """Sum up a run that came to its end."""
    cast = tape.cast
    worst, farthest = int(np.argmax(found.off_share)), int(np.argmax(found.centre_share))
    return Row(
        town=cast.town,
        ended="done",
        ticks=len(tape.pose),
        vehicles=cast.vehicles,
        walkers=len(cast.type_ids) - cast.vehicles,
        ticks_per_s=round(len(tape.pose) / cast.wall_s, 1),
        off_share=round(float(found.off_share[worst]), 4),
        off_type=cast.type_ids[worst],
        centre_share=round(float(found.centre_share[farthest]), 4),
        centre_type=cast.type_ids[farthest],
        off_vehicles=int((found.off_share > OFF_SHARE).sum()),
        overlaps=len(found.overlaps),
        crossings=len(found.crossings),
        red=len(found.red),
        contacts=len(found.contacts),
        stuck=int((found.stuck > STUCK_S).sum()),
        removed=len(found.removed),
        km=round(float(found.driven_m.sum()) / 1000.0, 1),
        pokes=pokes,
        rss_mib=rss_mib,
        left_out=cast.left_out,
    )


@dataclass(frozen=True, slots=True)
class _Server:
    """A server for one town.

    Attributes:
        endpoint: where it listens.
        pid: its process, None if it is not ours.
        log: what it writes, None if it is not ours.
    """

    endpoint: Endpoint
    pid: int | None = None
    log: Path | None = None

    def pokes(self) -> int | None:
        """How often its watchdog has woken a traffic manager."""
        return None if self.log is None else len(_POKE.findall(self.log.read_text()))

    def rss_mib(self) -> float | None:
        """Its resident memory, where the system tells."""
        status = Path(f"/proc/{self.pid}/status")
        if self.pid is None or not status.exists():
            return None
        found = re.search(r"VmRSS:\s+(\d+) kB", status.read_text())
        return None if found is None else round(int(found[1]) / 1024.0, 1)


@contextlib.contextmanager
def _own_server(log: Path) -> Iterator[_Server]:
    port = free_port()
    with log.open("w") as errors:
        process = subprocess.Popen(
            command(port, "--exit-with-parent"),
            cwd=REPOSITORY,
            text=True,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
        try:
            assert process.stdout is not None
            if not process.stdout.readline().startswith("ready:"):
                raise RuntimeError(f"the server did not start; see {log}")
            yield _Server(Endpoint("127.0.0.1", port), process.pid, log)
        finally:
            process.terminate()
            process.wait(timeout=20.0)


def _drive(server: Endpoint, town: str, options: argparse.Namespace, tape: Path, bar: Progress) -> str:
    """Let a client process drive a town; returns "done", or how it ended instead."""
    task = bar.add_task(town, total=options.ticks)
    arguments = ["--server", f"{server.host}:{server.port}", "--town", town, "--tape", str(tape)]
    for name in ("vehicles", "walkers", "ticks", "seed"):
        arguments += [f"--{name}", str(getattr(options, name))]
    if options.every_kind:
        arguments.append("--every-kind")
    errors = tape.with_suffix(".log")
    with errors.open("w") as log:
        client = subprocess.Popen(
            [sys.executable, "-m", "tests.soak.drive", *arguments],
            cwd=REPOSITORY,
            text=True,
            stdout=subprocess.PIPE,
            stderr=log,
        )
        said: queue.SimpleQueue[str | None] = queue.SimpleQueue()

        def listen() -> None:
            assert client.stdout is not None
            for line in client.stdout:
                said.put(line)
            said.put(None)

        threading.Thread(target=listen, daemon=True).start()
        try:
            while (line := said.get(timeout=HANG_S)) is not None:
                word, _, count = line.partition(" ")
                if word in ("tick", "done"):
                    bar.update(task, completed=int(count))
            code = client.wait(timeout=HANG_S)
        except (queue.Empty, subprocess.TimeoutExpired):
            return "the client hung"
        finally:
            client.kill()
            client.wait()
    return "done" if code == 0 else f"the client ended with {code}, see {errors}"


def soak(options: argparse.Namespace, bar: Progress) -> list[Row]:
    """Drive and judge every town that was asked for."""
    rows = []
    for town in options.town or TOWNS:
        tape_path = options.out / f"{town}.npz"
        with contextlib.ExitStack() as stack:
            if options.server:
                host, _, port = options.server.rpartition(":")
                server = _Server(Endpoint(host, int(port)))
            else:
                server = stack.enter_context(_own_server(options.out / f"{town}-server.log"))
            ended = _drive(server.endpoint, town, options, tape_path, bar)
            if ended == "done":
                graph = LaneGraph.from_map(_map_of(server.endpoint))
                tape = Tape.load(tape_path)
                row = row_of(tape, judge(tape, graph), server.pokes(), server.rss_mib())
            else:
                row = Row(town, ended, pokes=server.pokes(), rss_mib=server.rss_mib())
        rows.append(row)
    return rows


def _map_of(server: Endpoint) -> carla.Map:
    return connect(server).get_world().get_map()


def table_of(rows: Sequence[Row]) -> Table:
    """The rows for people."""
    table = Table(title="Traffic manager soak")
    for heading in (
        "town", "vehicles", "walkers", "ticks", "tick/s", "km", "off lane", "off centre", "overlaps",
        "lines crossed", "at red", "contacts", "stuck", "removed", "pokes", "RSS MiB", "verdict",
    ):  # fmt: skip
        table.add_column(heading, justify="left" if heading in ("town", "verdict") else "right")
    for row in rows:
        numbers = (
            row.vehicles, row.walkers, row.ticks, row.ticks_per_s, row.km, f"{row.off_share:.2%}",
            f"{row.centre_share:.2%}", row.overlaps, row.crossings, row.red, row.contacts, row.stuck,
            row.removed, "-" if row.pokes is None else row.pokes, "-" if row.rss_mib is None else row.rss_mib,
        )  # fmt: skip
        table.add_row(row.town, *map(str, numbers), "; ".join(row.broken()) or "holds")
    return table


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__.splitlines()[0])
    parser.add_argument("--town", action="append", help="may be repeated; all six without it")
    parser.add_argument(
        "--server", metavar="HOST:PORT", help="drive this CARLA instead of servers of our own"
    )
    parser.add_argument("--vehicles", type=int, default=100)
    parser.add_argument("--walkers", type=int, default=30)
    parser.add_argument("--ticks", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument(
        "--every-kind",
        action="store_true",
        help="also vehicles that do not fit into the lanes of a town's bends (see tests/soak/fitting.py)",
    )
    parser.add_argument("--out", type=Path, default=Path("runs/soak"))
    return parser.parse_args(arguments)


def main() -> int:
    """Run it."""
    options = parse()
    options.out.mkdir(parents=True, exist_ok=True)
    console = Console(width=None if sys.stdout.isatty() else 200)
    columns = (TextColumn("{task.description:9}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        rows = soak(options, bar)
    report = [{**asdict(row), "broken": row.broken()} for row in rows]
    (options.out / "soak.json").write_text(json.dumps(report, indent=2) + "\n")
    console.print(table_of(rows))
    for row in rows:
        if row.left_out:
            console.print(f"{row.town}, do not fit into its lanes: {', '.join(row.left_out)}")
    return 1 if any(row.broken() for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
