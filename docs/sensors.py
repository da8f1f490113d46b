"""Load every town with all its seeing sensors and write time and memory: the table of `sensors.md`.

Starts a server for each town, twice: with an empty cache of triangles and with a full one. The times are wall
time, and mean something on an idle machine only.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import carla

PAGE = Path(__file__).resolve().parent / "sensors.md"
BEGIN, END = "<!-- towns: begin -->", "<!-- towns: end -->"

CAMERAS = ["rgb", "depth", "semantic_segmentation", "instance_segmentation", "normals", "optical_flow", "dvs"]
SENSORS = (
    *(f"sensor.camera.{kind}" for kind in CAMERAS),
    *("sensor.lidar.ray_cast", "sensor.lidar.ray_cast_semantic", "sensor.other.radar"),
)
TICKS = 20
WAIT_S = 120.0


class Row(NamedTuple):
    """What one start of a server cost.

    Attributes:
        load_s: `load_world` and the spawn of the first camera, as its client sees them.
        spawn_s: of these, the spawn.
        peak_mb: memory of the server at its highest, after `TICKS` ticks of all sensors.
    """

    load_s: float
    spawn_s: float
    peak_mb: float


def measure(town: str, cache: Path) -> Row:
    """Load a town on a fresh server, with all sensors on a car."""
    with _server(cache) as (port, pid):
        client = carla.Client("127.0.0.1", port)
        client.set_timeout(WAIT_S)
        client.get_world()
        began_s = time.perf_counter()
        world = client.load_world(town)
        settings = world.get_settings()
        settings.synchronous_mode, settings.fixed_delta_seconds = True, 0.05
        world.apply_settings(settings)
        library = world.get_blueprint_library()
        spot = world.get_map().get_spawn_points()[0]
        loaded_s = time.perf_counter()
        camera = world.spawn_actor(library.find("sensor.camera.rgb"), spot)
        done_s = time.perf_counter()
        car = world.spawn_actor(library.find("vehicle.tesla.model3"), spot)
        at, sensors, came = carla.Transform(carla.Location(x=2.5, z=1.5)), [camera], threading.Semaphore(0)
        for name in SENSORS:
            sensors.append(world.spawn_actor(library.find(name), at, attach_to=car))
            sensors[-1].listen(lambda _message: came.release())
        for _ in range(TICKS):
            world.tick()
        for _ in range(TICKS * (len(SENSORS) - 1)):  # the event camera may have nothing to say
            if not came.acquire(timeout=WAIT_S):
                raise TimeoutError(f"a sensor of {town} sent nothing")
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
        peak_kb = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
        for sensor in sensors:
            sensor.destroy()
        return Row(done_s - began_s, done_s - loaded_s, peak_kb / 1024.0)


@contextlib.contextmanager
def _server(cache: Path) -> Iterator[tuple[int, int]]:
    """A server that has drawn nothing yet: its port and process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "simulator", "--port", str(port), "--cache", str(cache)]
    with subprocess.Popen(  # noqa: S603 - our own program
        [*command, "--town", "Town02"], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            if process.stdout is None or not process.stdout.readline().startswith("ready"):
                raise RuntimeError(f"the server on port {port} did not start")
            yield port, process.pid
        finally:
            process.terminate()


def table(towns: list[str]) -> str:
    """The rows of all towns."""
    lines = [
        "| town | built: load | its first camera | from the cache: load | its first camera"
        " | built: peak memory | from the cache |",
        "|---|---|---|---|---|---|---|",
    ]
    for town in towns:
        with tempfile.TemporaryDirectory() as cache:
            cold, warm = measure(town, Path(cache)), measure(town, Path(cache))
        lines.append(
            f"| {town} | {cold.load_s:.1f} s | {cold.spawn_s:.1f} s | {warm.load_s:.1f} s |"
            f" {warm.spawn_s:.2f} s | {cold.peak_mb:.0f} MB | {warm.peak_mb:.0f} MB |"
        )
        print(lines[-1], flush=True)
    return "\n".join(lines)


def main() -> None:
    """Measure and rewrite the page."""
    towns = ["Town01", "Town02", "Town04", "Town06", "Town07", "Town10HD"]
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{table(towns)}\n{END}{rest.split(END)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main()
