"""The bare client: a world with N vehicles that get changed controls in every tick, and nothing else."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.client.load import ControlLoad
from harness.client.session import Session

_WARM_TICKS = 50


@dataclass(frozen=True, slots=True)
class BareTimes:
    """Ticks per second of a bare client, medians over ticks.

    Attributes:
        vehicles: in the world.
        idle_hz: `world.tick()` alone.
        single_hz: with one `apply_control` per vehicle and tick.
        batch_hz: with one `apply_batch` per tick.
        memory_mib: of the server afterwards, resident; None where the system does not tell.
    """

    vehicles: int
    idle_hz: float
    single_hz: float
    batch_hz: float
    memory_mib: float | None


def measure_bare(
    session: Session, town: str, *, vehicles: int, ticks: int, memory_mib: Callable[[], float | None]
) -> BareTimes:
    """Time a client that does nothing but send controls and tick.

    Args:
        session: at an embedded server.
        town: to load.
        vehicles: to spawn.
        ticks: per way of sending.
        memory_mib: asks how much memory the server has.
    """
    lane_map = session.load(town)
    load = ControlLoad.spawn(session, lane_map, vehicles)

    def rate_hz(way: str) -> float:
        times = []
        for tick in range(_WARM_TICKS + ticks):
            throttle = 0.5 + 0.3 * math.sin(0.1 * tick)
            steer = 0.1 * math.sin(0.03 * tick)
            began_s = time.perf_counter()
            if way == "single":
                load.apply_one_by_one(throttle, steer)
            elif way == "batch":
                load.apply_in_a_batch(throttle, steer)
            session.tick()
            times.append(time.perf_counter() - began_s)
        return 1.0 / statistics.median(times[_WARM_TICKS:])

    idle_hz, single_hz, batch_hz = rate_hz("idle"), rate_hz("single"), rate_hz("batch")
    result = BareTimes(load.count, idle_hz, single_hz, batch_hz, memory_mib())
    session.clear()
    return result


def lines_of(bare: Sequence[BareTimes]) -> list[str]:
    """The results for people."""
    lines = [
        "Bare client, ticks/s (median tick)",
        "vehicles   tick alone   apply_control each   apply_batch   server memory",
    ]
    for b in bare:
        memory = "unknown" if b.memory_mib is None else f"{b.memory_mib:.0f} MiB"
        lines.append(
            f"{b.vehicles:8d}   {b.idle_hz:10.0f}   {b.single_hz:18.0f}   {b.batch_hz:11.0f}   {memory:>13}"
        )
    return lines
