"""Timings as ratios in one run: `python -m harness.bench` (make bench).

1. From the start of a fresh server to its first tick.
2. The bare client: N vehicles that get changed controls in every tick, and nothing else.
3. A hundred vehicles in traffic, against other simulators with a hundred vehicles.
4. The client's own traffic manager.
5. What the harness adds to a tick.

Rates on a busy machine say little; ratios hold better, because everything is measured in the same minutes.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from harness.bench import bare, comparison, loops, traffic_manager
from harness.client.session import Session
from harness.config import DriveConfig, MachineConfig, PolicyConfig
from harness.processes import thread_pool_environment
from harness.servers.embedded import EmbeddedServer
from scenarios.suites import suite

_STARTS = 3


def _server(folder: Path, first_port: int, dt_s: float) -> EmbeddedServer:
    return EmbeddedServer(
        folder / "logs",
        first_port=first_port,
        dt_s=dt_s,
        start_deadline_s=MachineConfig().start_deadline_s,
        environment=thread_pool_environment(1),
    )


def _session(server: EmbeddedServer, dt_s: float) -> Session:
    machine = MachineConfig()
    return Session(
        server.endpoint,
        is_alive=server.is_alive,
        dt_s=dt_s,
        tick_deadline_s=machine.tick_deadline_s,
        request_deadline_s=machine.request_deadline_s,
    )


def _memory_mib(server: EmbeddedServer) -> float | None:
    """Resident memory of a server; None where the system has no /proc."""
    status = Path(f"/proc/{server.process_group}/status")
    if not status.exists():
        return None
    for line in status.read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024.0
    return None


def _processor_s(server: EmbeddedServer) -> float | None:
    """Processor time that a server has used; None where the system has no /proc."""
    stat = Path(f"/proc/{server.process_group}/stat")
    if not stat.exists():
        return None
    user, system = stat.read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _start_lines(folder: Path, first_port: int, dt_s: float) -> list[str]:
    """Time fresh servers from their start to the first tick of a client."""
    times = []
    for _ in range(_STARTS):
        began_s = time.perf_counter()
        with _server(folder, first_port, dt_s) as server:
            session = _session(server, dt_s)
            session.tick()
            times.append(time.perf_counter() - began_s)
            memory_mib, processor_s = _memory_mib(server), _processor_s(server)
            session.release()
    each = ", ".join(f"{one:.2f}" for one in times)
    lines = [
        f"Fresh server, start to first tick (kernels cached): {statistics.median(times):.2f} s ({each})",
    ]
    if processor_s is not None:
        lines.append(f"of which processor time of the server: {processor_s:.2f} s")
    if memory_mib is not None:
        lines.append(f"resident memory then: {memory_mib:.0f} MiB")
    return lines


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m harness.bench")
    parser.add_argument("--suite", default="longest6-town01", help="its first route is driven")
    parser.add_argument("--policy", default="expert", help="must answer controls (default: %(default)s)")
    parser.add_argument("--bare-vehicles", type=int, nargs="*", default=[1, 20, 100, 500])
    parser.add_argument("--tm-vehicles", type=int, nargs="*", default=[20, 50, 100], help="on autopilot")
    parser.add_argument("--vehicles", type=int, nargs="*", default=[0, 40], help="background vehicles")
    parser.add_argument("--ticks", type=int, default=400, help="to time, per way of sending")
    parser.add_argument("--rounds", type=int, default=2, help="how often the two loops alternate")
    parser.add_argument("--first-port", type=int, default=21000, help="of the embedded server")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print, part by part."""
    options = _parser().parse_args(arguments)
    route = suite(options.suite).routes[0]
    dt_s = DriveConfig(suites=(options.suite,), policies=(PolicyConfig(name=options.policy),)).dt_s
    with tempfile.TemporaryDirectory(prefix="drivegate-bench-") as name:
        folder = Path(name)
        _show(_start_lines(folder, options.first_port, dt_s))
        with _server(folder, options.first_port, dt_s) as server:
            session = _session(server, dt_s)
            _show(
                bare.lines_of(
                    [
                        bare.measure_bare(
                            session,
                            route.town,
                            vehicles=count,
                            ticks=options.ticks,
                            memory_mib=lambda: _memory_mib(server),
                        )
                        for count in options.bare_vehicles
                    ]
                )
            )

            def ours_now() -> comparison.OurRate:
                return comparison.measure_ours(
                    session, route, ticks=options.ticks, server_processor_s=lambda: _processor_s(server)
                )

            ours = [ours_now()]
            peers = [rate for peer in comparison.PEERS for rate in comparison.measure_peer(*peer)]
            ours.append(ours_now())
            _show(comparison.lines_of(ours, peers))
            _show(
                loops.lines_of(
                    [
                        loops.measure_harness(
                            session,
                            route,
                            options.policy,
                            vehicles=count,
                            rounds=options.rounds,
                            folder=folder,
                        )
                        for count in options.vehicles
                    ]
                )
            )
            session.release()
            _show(
                traffic_manager.lines_of(
                    [
                        traffic_manager.measure(
                            server.endpoint,
                            tm_port=server.endpoint.port + 5,
                            vehicles=count,
                            ticks=options.ticks,
                        )
                        for count in options.tm_vehicles
                    ]
                )
            )
    return 0


def _show(lines: Sequence[str]) -> None:
    print(*lines, "", sep="\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
