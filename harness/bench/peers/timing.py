"""How every peer is timed, and how it tells."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable

VEHICLES = 100
DT_S = 0.05
"""Simulated time of a step, the same for everybody."""

MEASURE_S = 4.0
_FEWEST_STEPS = 10
_MOVING_MPS = 1.0


def rate_hz(step: Callable[[], object]) -> float:
    """Steps per second of processor time, median, over `MEASURE_S` of wall clock and at least a few steps.

    Processor time and not wall clock, in the peers' favour: each is one process, whose long steps a busy
    machine interrupts. On a machine with nothing else to do the two are the same.
    """
    times: list[float] = []
    end_s = time.perf_counter() + MEASURE_S
    while time.perf_counter() < end_s or len(times) < _FEWEST_STEPS:
        began_s = time.process_time()
        step()
        times.append(time.process_time() - began_s)
    return 1.0 / statistics.median(times)


def moving(speeds_mps: list[float]) -> int:
    """How many move."""
    return sum(speed > _MOVING_MPS for speed in speeds_mps)


def tell(version: str, rates_hz: dict[str, float], speeds_mps: list[float]) -> None:
    """Print the result."""
    told = {
        "version": version,
        "rates_hz": rates_hz,
        "vehicles": len(speeds_mps),
        "moving": moving(speeds_mps),
    }
    print(json.dumps(told), flush=True)
