"""libsumo: 100 vehicles of SUMO's default car-following model on a generated town with traffic lights.

Two loads: `step` alone, and what our client does in its call: one value set per vehicle before the step, and
every vehicle's position read after it.
"""

from __future__ import annotations

import importlib
import os
import random
import subprocess
import tempfile
from importlib import metadata
from pathlib import Path

from harness.bench.peers.timing import DT_S, VEHICLES, rate_hz, tell

_WARM_STEPS = 600
_LOOPS = 50
_EDGES = 6


def main() -> None:
    """Measure and tell."""
    libsumo = importlib.import_module("libsumo")
    home = Path(importlib.import_module("sumo").SUMO_HOME)
    with tempfile.TemporaryDirectory(prefix="drivegate-sumo-") as folder:
        town = Path(folder) / "town.net.xml"
        options = ["--grid", "--grid.number=5", "--grid.length=200", "--tls.guess", "-o", str(town)]
        subprocess.run(  # noqa: S603 - SUMO's own program
            [str(home / "bin" / "netgenerate"), *options],
            check=True,
            capture_output=True,
            env=os.environ | {"SUMO_HOME": str(home)},
        )
        libsumo.start(
            [
                "sumo",
                "-n",
                str(town),
                "--step-length",
                str(DT_S),
                "--no-warnings",
                "--no-step-log",
                "--seed",
                "1",
            ]
        )
    rng = random.Random(1)
    edges = sorted(edge for edge in libsumo.edge.getIDList() if not edge.startswith(":"))
    for number in range(VEHICLES):
        way: tuple[str, ...] = ()
        while len(way) < _EDGES:
            way = tuple(libsumo.simulation.findRoute(*rng.sample(edges, 2)).edges)
        back = tuple(libsumo.simulation.findRoute(way[-1], way[0]).edges)
        libsumo.route.add(f"route{number}", (way + back[1:-1]) * _LOOPS)
        libsumo.vehicle.add(
            f"vehicle{number}", f"route{number}", departPos="random_free", departSpeed="0", departLane="best"
        )
    for _ in range(_WARM_STEPS):
        libsumo.simulation.step()
    vehicles = libsumo.vehicle.getIDList()
    tick = 0

    def control() -> None:
        nonlocal tick
        tick += 1
        for vehicle in vehicles:
            libsumo.vehicle.setSpeedFactor(vehicle, 0.9 + 0.001 * (tick % 100))
        libsumo.simulation.step()
        for vehicle in vehicles:
            libsumo.vehicle.getPosition(vehicle)

    rates = {
        "set one value each, step, read positions": rate_hz(control),
        "step alone": rate_hz(libsumo.simulation.step),
    }
    tell(
        metadata.version("libsumo"), rates, [float(libsumo.vehicle.getSpeed(vehicle)) for vehicle in vehicles]
    )


if __name__ == "__main__":
    main()
