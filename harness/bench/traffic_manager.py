"""The client's own traffic manager in synchronous mode: a program, as a client can hang as a whole.

`python -m harness.bench.traffic_manager HOST PORT TM_PORT VEHICLES TICKS` prints ticks per second.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import carla

from harness.servers.base import Endpoint

TOWN = "Town01"
_WARM_TICKS = 40
_LIMIT_S = 60.0
_DT_S = 0.05


@dataclass(frozen=True, slots=True)
class TrafficManagerRate:
    """Vehicles on autopilot and ticks per second, or why there are none."""

    vehicles: int
    rate_hz: float
    reason: str = ""


def measure(endpoint: Endpoint, *, tm_port: int, vehicles: int, ticks: int) -> TrafficManagerRate:
    """Run the program below.

    Args:
        endpoint: of a server that nobody else uses; left in asynchronous mode.
        tm_port: of the traffic manager.
        vehicles: on autopilot.
        ticks: to time.
    """
    words = [endpoint.host, endpoint.port, tm_port, vehicles, ticks]
    try:
        done = subprocess.run(  # noqa: S603 - our own program, no shell
            [sys.executable, "-m", "harness.bench.traffic_manager", *map(str, words)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return TrafficManagerRate(vehicles, 0.0, f"not done after {_LIMIT_S:g} s")
    if done.returncode:
        return TrafficManagerRate(vehicles, 0.0, (done.stderr.strip().splitlines() or ["no word"])[-1])
    count, rate_hz = done.stdout.split()
    return TrafficManagerRate(int(count), float(rate_hz))


def lines_of(rates: Sequence[TrafficManagerRate]) -> list[str]:
    """The results for people."""
    lines = ["The client's traffic manager, synchronous, ticks/s (median tick)", "vehicles   ticks/s"]
    lines += [f"{one.vehicles:8d}   " + (one.reason or f"{one.rate_hz:7.0f}") for one in rates]
    return lines


def _drive(endpoint: Endpoint, tm_port: int, vehicles: int, ticks: int) -> tuple[int, float]:
    client = carla.Client(endpoint.host, endpoint.port)
    client.set_timeout(20.0)
    world = client.load_world(TOWN)
    settings = world.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = True, _DT_S
    world.apply_settings(settings)
    manager = client.get_trafficmanager(tm_port)
    manager.set_synchronous_mode(True)
    manager.set_random_device_seed(1)
    blueprint = world.get_blueprint_library().find("vehicle.lincoln.mkz_2020")
    places = world.get_map().get_spawn_points()
    chosen = places[:: max(1, len(places) // vehicles)][:vehicles]
    autopilot = carla.command.SetAutopilot(carla.command.FutureActor, True, tm_port)
    answers = client.apply_batch_sync(
        [carla.command.SpawnActor(blueprint, place).then(autopilot) for place in chosen], True
    )
    times = []
    for _ in range(_WARM_TICKS + ticks):
        began_s = time.perf_counter()
        world.tick()
        times.append(time.perf_counter() - began_s)
    manager.set_synchronous_mode(False)
    settings.synchronous_mode, settings.fixed_delta_seconds = False, None
    world.apply_settings(settings)
    return sum(not answer.error for answer in answers), 1.0 / statistics.median(times[_WARM_TICKS:])


if __name__ == "__main__":
    host, *numbers = sys.argv[1:]
    port, tm, count, length = map(int, numbers)
    print(*_drive(Endpoint(host, port), tm, count, length), flush=True)
    os._exit(0)  # the manager's threads may still wait for a world that nobody ticks
