"""highway-env: 100 kinematic-bicycle vehicles on its four-lane highway.

Two loads: its own traffic (IDM and MOBIL drivers in the simulator, one ego), which is what `vehicles_count`
asks for, and a hundred vehicles that the caller controls (continuous throttle and steering, no drivers),
which does less. Observations are its default of five vehicles per observer.
"""

from __future__ import annotations

import importlib
import math
from importlib import metadata
from typing import Any

from harness.bench.peers.timing import DT_S, VEHICLES, rate_hz, tell

_IDLE = 1  # of its meta-actions
_RATES = {"simulation_frequency": round(1.0 / DT_S), "policy_frequency": round(1.0 / DT_S)}


def _make(config: dict[str, Any]) -> Any:
    gymnasium = importlib.import_module("gymnasium")
    importlib.import_module("highway_env")
    environment = gymnasium.make("highway-v0", config={**_RATES, "duration": 10**9, **config})
    environment.reset(seed=1)
    return environment.unwrapped


def main() -> None:
    """Measure and tell."""
    traffic = _make({"vehicles_count": VEHICLES - 1})
    traffic_hz = rate_hz(lambda: traffic.step(_IDLE))
    controlled = _make(
        {
            "vehicles_count": 0,
            "controlled_vehicles": VEHICLES,
            "action": {"type": "MultiAgentAction", "action_config": {"type": "ContinuousAction"}},
        }
    )
    tick = 0

    def control() -> None:
        nonlocal tick
        tick += 1
        action = (0.1 * math.sin(0.1 * tick), 0.01 * math.sin(0.03 * tick))
        controlled.step(tuple(action for _ in range(VEHICLES)))

    rates = {"its own traffic": traffic_hz, "all controlled, no drivers": rate_hz(control)}
    speeds = [float(vehicle.speed) for vehicle in traffic.road.vehicles]
    tell(metadata.version("highway-env"), rates, speeds)


if __name__ == "__main__":
    main()
