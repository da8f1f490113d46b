"""`python -m simulator --port 2000 --town Town01`: the headless CARLA server as a program."""

from __future__ import annotations

import argparse
import errno
import gc
import logging
import os
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from types import FrameType

import numba

from simulator.allocator import keep_freed_memory
from simulator.render.warm_up import warm_up as warm_up_cameras
from simulator.rpc.episode import CARLA_VERSION
from simulator.rpc.table import Dispatcher
from simulator.rpc_methods import METHODS
from simulator.sensors.pixels import warm_up as warm_up_pixels
from simulator.sensors.stage import stage_of
from simulator.server import PortInUseError, Server
from simulator.simulation import Simulation
from simulator.wire.control_batch import NO_CONTROLS, read_control_batch
from simulator.world.blueprints import default_library
from simulator.world.errors import UnknownTownError
from simulator.world.town import Town, packaged_towns
from simulator.world.warm_up import warm_up

EXIT_OK = 0
EXIT_USAGE = 2

CACHE_VARIABLE = "DRIVEGATE_TOWNS"
"""Of the environment: the default of `--cache`."""

MAX_MESSAGES_OF_A_KIND = 50
"""Log lines from the same statement, at most."""


def main(arguments: list[str] | None = None) -> int:
    """Run the server until it is told to stop.

    Returns:
        Exit code: 0 after SIGTERM or SIGINT, 2 when it could not start as asked.
    """
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=options.log_level.upper(), format="%(levelname)s %(name)s: %(message)s")
    for handler in logging.getLogger().handlers:
        handler.addFilter(_Cap())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    _limit_threads(options.threads)
    if options.warm_up is not None:
        return _warm_up(options.warm_up, options.cache)
    keep_freed_memory()
    gc.disable()  # what is loaded now stays for good, and need not be looked through again and again
    try:
        town = Town.load(options.town)
        server = Server(options.host, options.port)
    except (UnknownTownError, PortInUseError) as error:
        return _fail(error)
    try:
        compile_kernels()
        simulation = Simulation(
            town,
            seed=options.seed,
            publisher=server.streams,
            stream_port=options.port + 1,
            camera_noise=options.camera_noise,
            shelf=options.cache,
        )
        gc.freeze()
        gc.enable()
        server.run(
            simulation,
            Dispatcher(
                simulation, METHODS, None if options.log_calls is None else _CallLog(options.log_calls)
            ),
            ready=lambda: _announce(options.host, options.port, town.name),
            parent_pid=options.exit_with_parent,
        )
    except PortInUseError as error:
        return _fail(error)
    finally:
        server.close()
    return EXIT_OK


def compile_kernels() -> None:
    """Compile all that a tick needs, cameras included, or load it from the cache."""
    read_control_batch(NO_CONTROLS)
    warm_up()
    warm_up_cameras()
    warm_up_pixels()


def _warm_up(towns: list[str], shelf: Path) -> int:
    """Compile everything and build the triangles of some towns, so that no later start has to."""
    began_s = time.monotonic()
    compile_kernels()
    print(f"kernels: {time.monotonic() - began_s:.1f} s", flush=True)
    names = packaged_towns() if "all" in towns else towns
    for number, name in enumerate(names, start=1):
        began_s = time.monotonic()
        try:
            stage_of(Town.load(name), default_library(), shelf)
        except UnknownTownError as error:
            return _fail(error)
        print(f"{name} ({number} of {len(names)}): {time.monotonic() - began_s:.1f} s", flush=True)
    return EXIT_OK


def _default_cache() -> Path:
    """Where the environment says, beside the kernels where they have a place, or in the user's cache."""
    named, kernels = os.environ.get(CACHE_VARIABLE), os.environ.get("NUMBA_CACHE_DIR")
    if named:
        return Path(named)
    if kernels:
        return Path(kernels) / "towns"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "drivegate" / "towns"


def _limit_threads(threads: int | None) -> None:
    """Let the kernels of cameras and LiDARs use so many threads, and no processor while they wait."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # read when the first of them starts
    if threads is not None:
        numba.set_num_threads(min(threads, numba.get_num_threads()))


class _CallLog:
    """Appends the name of each remote method that clients call to a file, at its first call."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, name: str) -> None:
        with self._path.open("a", encoding="utf-8") as log:
            log.write(f"{name}\n")


class _Cap(logging.Filter):
    """Lets each kind of message through so often, then no more.

    Hostile clients can provoke messages without end, and a pipe that nobody reads stops who writes into it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._seen: Counter[str] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        self._seen[record.msg] += 1
        if self._seen[record.msg] == MAX_MESSAGES_OF_A_KIND:
            record.msg = f"{record.msg} (further messages of this kind are not shown)"
        return self._seen[record.msg] <= MAX_MESSAGES_OF_A_KIND


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="carla-headless",
        description=f"A headless server that speaks CARLA {CARLA_VERSION}'s protocol. Runs on a CPU.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=_port, default=2000, help="RPC port; streams use the next one (default: 2000)"
    )
    parser.add_argument("--town", default="Town01", help="map to begin with (default: %(default)s)")
    parser.add_argument(
        "--seed", type=int, default=0, help="of the world's random numbers (default: %(default)s)"
    )
    parser.add_argument(
        "--exit-with-parent",
        nargs="?",
        type=int,
        const=os.getppid(),
        metavar="PID",
        help="stop when this process ends, even if it was killed (default PID: the parent process)",
    )
    parser.add_argument(
        "--log-calls", type=Path, metavar="FILE", help="append the name of each method that clients call"
    )
    parser.add_argument(
        "--threads", type=_count, metavar="N", help="most threads that draw (default: one per processor)"
    )
    parser.add_argument(
        "--camera-noise",
        type=_grey_levels,
        default=0.0,
        metavar="SIGMA",
        help="standard deviation of the seeded noise of rgb cameras, in grey levels (default: none)",
    )
    parser.add_argument(
        "--cache",
        type=Path,
        default=_default_cache(),
        metavar="DIR",
        help="where triangles of towns are kept once they were built, up to 60 MB a town;"
        f" may be read-only (default: %(default)s; {CACHE_VARIABLE} in the environment changes it)",
    )
    parser.add_argument(
        "--warm-up",
        nargs="*",
        metavar="TOWN",
        help="compile everything and build the triangles of these towns (`all`: every one), then exit",
    )
    parser.add_argument(
        "--log-level", default="warning", choices=("debug", "info", "warning", "error"), help="of stderr"
    )
    return parser


def _port(text: str) -> int:
    port = int(text)
    if not 0 < port < 65535:
        raise argparse.ArgumentTypeError(f"{port} is not between 1 and 65534")
    return port


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError(f"{count} is not 1 or more")
    return count


def _grey_levels(text: str) -> float:
    sigma = float(text)
    if not 0.0 <= sigma <= 255.0:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 255")
    return sigma


def _announce(host: str, port: int, town: str) -> None:
    print(
        f"ready: CARLA {CARLA_VERSION} protocol on {host}:{port}, streaming {port + 1}, map {town}",
        flush=True,
    )


def _fail(error: Exception) -> int:
    remedy = ""
    if isinstance(error, PortInUseError) and error.errno == errno.EADDRINUSE:
        remedy = f"; choose another with --port, or stop what uses it (`ss -ltnp 'sport = :{error.port}'`)"
    text = error.strerror if isinstance(error, PortInUseError) else str(error)
    print(f"error: {text}{remedy}", file=sys.stderr, flush=True)
    return EXIT_USAGE


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(EXIT_OK)


if __name__ == "__main__":
    sys.exit(main())
