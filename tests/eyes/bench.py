"""The drawing part of `make bench`: `python -m tests.eyes.bench`.

One town, sixty vehicles that move in every frame, all in one run:

1. our kernels against Embree's primary rays with NumPy shading, processor time of all threads per frame;
2. the bare kernels against the real client, which ticks the world and waits for every message;
3. closed loops: a client that gets its pictures and scans and answers with a control, ticks per second.

The bare kernels do all that a server does for a frame: pose what moves, shadows, pictures, bytes of messages.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import carla
import numpy as np
from numpy.typing import NDArray

from simulator.render.camera import Camera, view_matrix
from simulator.render.cast import Cast, Motion, Player
from simulator.render.lidar import directions, scan
from simulator.render.light import Weather, make_light
from simulator.render.poses import rotation_matrices
from simulator.render.shadow import SunView
from simulator.render.store import Objects
from simulator.sensors.pixels import depth_pixels, instance_pixels, label_pixels
from simulator.sensors.stage import Stage
from simulator.world.blueprints import default_library
from simulator.world.town import Town
from tests.eyes.embree import EmbreeTown
from tests.support import headless
from tests.support.carla_client import DELTA_S, connect, go_asynchronous, go_synchronous
from tests.support.mailbox import Mailbox, attach, close_all

TOWN, VEHICLES = "Town10HD", 60
SMALL, LARGE, WIDE = (640, 384), (1280, 720), (900, 256)
CHANNELS, AZIMUTHS, RANGE_M = 64, 1024, 100.0
FOV_DEG = 90.0
RING_DEG = tuple(60.0 * k for k in range(6))
EYE_M, ROOF_M = 2.2, 2.6
WANTED_SPEEDUP, WANTED_SHARE, WANTED_HZ = 3.0, 0.7, 10.0
KINDS = ("rgb", "depth", "semantic_segmentation", "instance_segmentation")

Sensor = tuple[str, carla.Transform, dict[str, str]]
"""Blueprint, place on its vehicle, attributes."""

_WARM_FRAMES = 4
_STEP_M = 0.35  # per frame, as at 25 km/h


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one frame, medians: processor time of all threads, and the clock on the wall."""

    processor_s: float
    wall_s: float


def cost_of(frame: Callable[[int], object], frames: int) -> Cost:
    """Time a function of the frame's number."""
    spent: list[tuple[float, float]] = []
    for number in range(_WARM_FRAMES + frames):
        processor_s, wall_s = time.process_time(), time.perf_counter()
        frame(number)
        spent.append((time.process_time() - processor_s, time.perf_counter() - wall_s))
    processor, wall = zip(*spent[_WARM_FRAMES:], strict=True)
    return Cost(statistics.median(processor), statistics.median(wall))


class Bare:
    """Our kernels in this process, on the same town, places and vehicles as the client's."""

    def __init__(self) -> None:
        self.town = Town.load(TOWN)
        library = default_library()
        stage = Stage(self.town, library)
        self.store, self._heads = stage.store, stage.heads
        models = sorted((b for b in library if b.vehicle is not None), key=lambda b: b.id)
        places = np.array(self.town.spawn_points)[chosen_places(len(self.town.spawn_points))]
        self._players = [Player(100 + k, models[k % len(models)]) for k in range(len(places))]
        self._places = places
        self._cast = Cast(self.store, self._players)
        self._light = make_light(Weather())
        self._sun = SunView()
        self._cameras = {size: Camera(*size, FOV_DEG) for size in (SMALL, LARGE, WIDE)}
        self.eye = (*self._places[0, :2], self._places[0, 2] + EYE_M)
        self.yaw_deg = float(self._places[0, 4])
        self.azimuth = (np.arange(AZIMUTHS) + 0.5) * (2.0 * np.pi / AZIMUTHS) - np.pi
        self.elevation = np.radians(np.linspace(-30.0, 10.0, CHANNELS))
        self._unit = directions(self.azimuth, self.elevation).astype(np.float32)

    def objects(self, number: int) -> Objects:
        """Everything in a frame: every vehicle has gone a step further."""
        now = self._places.copy()
        gone = _STEP_M * (number % 40)
        now[1:, 0] += gone * np.cos(np.radians(now[1:, 4]))
        now[1:, 1] += gone * np.sin(np.radians(now[1:, 4]))
        lights = np.arange(len(self.town.lights))
        return self.store.objects(
            self._cast.drawn(Motion.standing(now)), self._heads.drawn(lights % 3, lights + 5000)
        )

    def pose(self, turn_deg: float = 0.0) -> tuple[float, float, float, float, float, float]:
        """Of a camera on the first vehicle's place."""
        return (*self.eye, -4.0, self.yaw_deg + turn_deg, 0.0)

    def pictures(self, number: int, size: tuple[int, int], turns: Sequence[float], kinds: int = 4) -> None:
        """All kinds, or colour alone, from each direction."""
        objects = self.objects(number)
        shade = self._sun.look(self.store, objects, self.eye, self._light.sun)
        for turn in turns:
            frame = self._cameras[size].render(self.store, objects, self.pose(turn), self._light, shade)
            if kinds == len(KINDS):
                depth_pixels(frame.depth)
                label_pixels(frame.label)
                instance_pixels(frame.label, frame.instance)

    def scan(self, number: int) -> None:
        """One turn of the LiDAR."""
        objects = self.objects(number)
        seat = (*self.eye[:2], self.eye[2] + ROOF_M - EYE_M, 0.0, self.yaw_deg, 0.0)
        reach = scan(self.store, objects, seat, self.azimuth, self.elevation, RANGE_M).range_m
        hit = reach > 0.0
        points = np.empty((int(hit.sum()), 4), "<f4")
        points[:, :3] = self._unit[hit] * reach[hit][:, None]
        points[:, 3] = np.exp(-0.004 * reach[hit].astype(np.float64))
        points.tobytes()


class Rays:
    """The same with Embree."""

    def __init__(self, bare: Bare) -> None:
        self._bare = bare
        self._town = EmbreeTown(bare.store, np.array(bare.eye))
        self._fans = {size: self._fan(*size) for size in (SMALL, LARGE)}
        flat = (
            directions(bare.azimuth, bare.elevation) @ rotation_matrices(np.array([0.0, bare.yaw_deg, 0.0])).T
        )
        self._turn = np.ascontiguousarray(flat.reshape(-1, 3), np.float32)

    @staticmethod
    def _fan(width: int, height: int) -> NDArray[np.float64]:
        """(N, 3) right, down, forward of every pixel."""
        focal = width / 2.0 / math.tan(math.radians(FOV_DEG) / 2.0)
        v, u = np.mgrid[0:height, 0:width] + 0.5
        rays = np.stack([(u - width / 2.0) / focal, (v - height / 2.0) / focal, np.ones_like(u)], axis=-1)
        return rays.reshape(-1, 3) / np.linalg.norm(rays, axis=-1).reshape(-1, 1)

    def pictures(self, number: int, size: tuple[int, int], turns: Sequence[float]) -> None:
        """Colour, depth, label and instance from each direction."""
        objects = self._bare.objects(number)
        fan = self._fans[size]
        for turn in turns:
            rays = np.ascontiguousarray(fan @ view_matrix(self._bare.pose(turn))[:3], np.float32)
            found = self._town.picture(objects, np.array(self._bare.eye), rays, fan[:, 2].astype(np.float32))
            if found[0].std() < 1.0:
                raise RuntimeError("Embree's picture is constant: the comparison is worth nothing")

    def scan(self, number: int) -> None:
        """One turn of the LiDAR: distances only."""
        self._town.trace(self._bare.objects(number), np.array(self._bare.eye), self._turn)


def chosen_places(count: int) -> NDArray[np.int64]:
    """Which spawn points have vehicles, the first one the viewer's."""
    return np.random.default_rng(1).permutation(count)[:VEHICLES]


class Client:
    """The real client at a server of ours."""

    def __init__(self, world: carla.World, server_pid: int) -> None:
        self._world, self._server_pid = world, server_pid
        models = sorted(world.get_blueprint_library().filter("vehicle.*"), key=lambda model: model.id)
        places = world.get_map().get_spawn_points()
        self._vehicles: list[carla.Vehicle] = []
        for number, place in enumerate(chosen_places(len(places)).tolist()):
            actor = world.try_spawn_actor(models[number % len(models)], places[place])
            if actor is not None:
                self._vehicles.append(actor)
        self._ego = self._vehicles[0]
        self._eye = places[int(chosen_places(len(places))[0])]

    def rate(self, sensors: Sequence[Sensor], frames: int, *, ride: bool) -> Cost:
        """Of a tick until every message is there; the viewer rides on a vehicle, or stands.

        The processor time is the mean of server and client together.
        """
        boxes = [
            Mailbox(
                attach(
                    self._world,
                    self._ego if ride else None,
                    name,
                    at=at if ride else self._standing(at),
                    **more,
                )
            )
            for name, at, more in sensors
        ]
        for vehicle in self._vehicles[1:]:
            vehicle.apply_control(carla.VehicleControl(throttle=0.4))
        client_s = []
        for number in range(_WARM_FRAMES + frames):
            if number == _WARM_FRAMES:
                before_s = self._processor_s()
            began_s = time.perf_counter()
            self._ego.apply_control(carla.VehicleControl(throttle=0.3, steer=0.05 * math.sin(0.1 * number)))
            frame = self._world.tick()
            for box in boxes:
                message = box.wait_for_frame(frame)
                np.frombuffer(message.raw_data, np.uint8)  # type: ignore[attr-defined]
                box.messages.clear()
            client_s.append(time.perf_counter() - began_s)
        spent_s = (self._processor_s() - before_s) / frames
        close_all()
        return Cost(spent_s, statistics.median(client_s[_WARM_FRAMES:]))

    def _processor_s(self) -> float:
        """Of server and client since they began."""
        words = Path(f"/proc/{self._server_pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK") + time.process_time()

    def _standing(self, at: carla.Transform) -> carla.Transform:
        place, turn = self._eye.location, self._eye.rotation.yaw + at.rotation.yaw
        return carla.Transform(
            carla.Location(place.x, place.y, place.z + at.location.z),
            carla.Rotation(at.rotation.pitch, turn, 0.0),
        )


def camera(kind: str, size: tuple[int, int], turn_deg: float = 0.0) -> Sensor:
    """A sensor of `Client.rate`."""
    at = carla.Transform(carla.Location(z=EYE_M), carla.Rotation(pitch=-4.0, yaw=turn_deg))
    more = {"image_size_x": str(size[0]), "image_size_y": str(size[1]), "fov": str(FOV_DEG)}
    return (f"sensor.camera.{kind}", at, more)


def lidar() -> Sensor:
    """A sensor of `Client.rate`: one turn in every tick."""
    turns_hz = 1.0 / DELTA_S
    more = {
        "channels": str(CHANNELS),
        "range": str(RANGE_M),
        "rotation_frequency": str(turns_hz),
        "points_per_second": str(int(CHANNELS * AZIMUTHS * turns_hz)),
        "upper_fov": "10",
        "lower_fov": "-30",
        "dropoff_general_rate": "0",
        "dropoff_zero_intensity": "0",
    }
    return ("sensor.lidar.ray_cast", carla.Transform(carla.Location(z=ROOF_M)), more)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.eyes.bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--frames", type=int, default=20, help="to time, per line (default: %(default)s)")
    options = parser.parse_args(arguments)
    frames = options.frames
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # as the server does: idle threads take no processor
    bare = Bare()
    rays = Rays(bare)
    loads: dict[str, tuple[Callable[[int], object], Callable[[int], object], list[Sensor]]] = {
        "four kinds 640x384": (
            lambda n: bare.pictures(n, SMALL, (0.0,)),
            lambda n: rays.pictures(n, SMALL, (0.0,)),
            [camera(kind, SMALL) for kind in KINDS],
        ),
        "four kinds 1280x720": (
            lambda n: bare.pictures(n, LARGE, (0.0,)),
            lambda n: rays.pictures(n, LARGE, (0.0,)),
            [camera(kind, LARGE) for kind in KINDS],
        ),
        "six cameras 640x384": (
            lambda n: bare.pictures(n, SMALL, RING_DEG, 1),
            lambda n: rays.pictures(n, SMALL, RING_DEG),
            [camera("rgb", SMALL, turn) for turn in RING_DEG],
        ),
        "LiDAR 64x1024": (bare.scan, rays.scan, [lidar()]),
    }
    print(f"Drawing {TOWN} with {VEHICLES} moving vehicles: ours against Embree's rays with NumPy shading")
    print("load                    ours ms   Embree ms   ratio (processor time of a frame)", flush=True)
    wall_s = {}
    for name, (ours, theirs, _) in loads.items():
        mine, other = cost_of(ours, frames), cost_of(theirs, max(frames // 4, 3))
        wall_s[name] = mine.wall_s
        print(
            f"{name:22s} {1e3 * mine.processor_s:8.1f}   {1e3 * other.processor_s:9.1f}"
            f"   {other.processor_s / mine.processor_s:5.1f}   wanted {WANTED_SPEEDUP:g}",
            flush=True,
        )
    with headless.running("--town", TOWN) as server:
        world = connect(server.endpoint).get_world()
        go_synchronous(world)
        client = Client(world, server.process.pid)
        print("\nThe same through the real client: tick, draw, send, receive (wall clock)")
        print("load                    bare /s   client /s   share", flush=True)
        for name, (ours, _, sensors) in loads.items():
            before_s = cost_of(ours, frames).wall_s
            through_s = client.rate(sensors, frames, ride=False).wall_s
            bare_s = statistics.median([before_s, cost_of(ours, frames).wall_s])
            print(
                f"{name:22s} {1 / bare_s:8.1f}   {1 / through_s:9.1f}   {bare_s / through_s:5.2f}"
                f"   wanted {WANTED_SHARE:g}",
                flush=True,
            )
        print("\nClosed loop, sensors on a driving vehicle; processor time of server and client together")
        print("rig                                  ticks/s   processor ms of a tick")
        rigs = {
            "1 camera 900x256": [camera("rgb", WIDE)],
            "6 cameras 640x384 + LiDAR 64x1024": [
                *(camera("rgb", SMALL, turn) for turn in RING_DEG),
                lidar(),
            ],
        }
        for name, sensors in rigs.items():
            cost = client.rate(sensors, frames, ride=True)
            print(
                f"{name:36s} {1.0 / cost.wall_s:7.1f}   {1e3 * cost.processor_s:7.1f}"
                f"   wanted {WANTED_HZ:g} ticks/s on two idle processors",
                flush=True,
            )
        go_asynchronous(world)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
