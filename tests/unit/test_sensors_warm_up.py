"""What a start compiles is all that a server ever needs: no tick and no spawn compiles anything."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path

from numba.core.dispatcher import Dispatcher

from simulator.__main__ import compile_kernels
from simulator.sensors.registry import SENSORS
from simulator.simulation import Simulation
from simulator.wire.settings import EpisodeSettings
from simulator.world.town import Town
from tests.support.post import Post

NIGHT_RAIN = [30.0, 80.0, 80.0, 60.0, 10.0, -20.0, 10.0, 5.0, 0.2, 90.0, 1.0, 0.03, 0.0331, 0.0]
LONG = {"camera.dvs": (("use_log", 0, "false"),), "lidar.ray_cast": (("noise_stddev", 3, "0.1"),)}


def compiled() -> dict[str, set[str]]:
    """Every kernel of ours with the argument types that it is compiled for in this process."""
    found: dict[str, set[str]] = {}
    for one in gc.get_objects():
        if isinstance(one, Dispatcher) and one.py_func.__module__.startswith("simulator."):
            name = f"{one.py_func.__module__}.{one.py_func.__qualname__}"
            found.setdefault(name, set()).update(str(types) for types in one.signatures)
    return found


def drive_with_every_sensor() -> None:
    """Two vehicles, a walker and all sensors, by day and in a rainy night, on a town that must be built."""
    post = Post()
    simulation = Simulation(Town.load("Town02"), seed=0, publisher=post, stream_port=1, camera_noise=2.0)
    simulation.settings = EpisodeSettings(synchronous_mode=True, fixed_delta_s=0.05)
    places = simulation.world.town.spawn_points
    for model, place in (
        ("vehicle.audi.tt", 0),
        ("vehicle.carlamotors.firetruck", 1),
        ("walker.pedestrian.0001", 2),
    ):
        simulation.spawn(model, (), tuple(places[place]))
    x, y, z, _, yaw, _ = places[3]
    for kind in SENSORS:
        actor = simulation.spawn(
            kind, LONG.get(kind.removeprefix("sensor."), ()), (x, y, z + 1.5, 0.0, yaw, 0.0)
        )
        post.subscribed.add(simulation._mounted[actor.id].stream_id)
    simulation.tick()
    simulation.world.weather = NIGHT_RAIN
    for _ in range(3):
        simulation.tick()
    assert len(post.sent) >= len(SENSORS) - 2  # nothing was hit


def check() -> None:
    """Fail if anything is compiled after the start."""
    compile_kernels()
    before = compiled()
    assert sum(map(len, before.values())) > 40
    drive_with_every_sensor()
    later = {name: types - before.get(name, set()) for name, types in compiled().items()}
    late = {name: types for name, types in later.items() if types}
    assert not late, late


def test_nothing_is_compiled_after_the_start() -> None:
    script = "from tests.unit.test_sensors_warm_up import check; check()"
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
