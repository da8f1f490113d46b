"""Same seed, same bytes: pictures and scans of two servers with one thread and with two."""

from __future__ import annotations

import hashlib

import carla
import pytest

from tests.support import headless
from tests.support.carla_client import connect, go_synchronous
from tests.support.mailbox import Mailbox, attach, close_all

pytestmark = pytest.mark.server

TICKS = 12
SENSORS = (
    ("sensor.camera.rgb", {"image_size_x": "320", "image_size_y": "192"}),
    ("sensor.camera.depth", {"image_size_x": "320", "image_size_y": "192"}),
    ("sensor.camera.instance_segmentation", {"image_size_x": "200", "image_size_y": "100", "fov": "60"}),
    ("sensor.lidar.ray_cast", {"noise_stddev": "0.1", "noise_seed": "5", "range": "50"}),
    ("sensor.lidar.ray_cast_semantic", {"channels": "16", "sensor_tick": "0.1"}),
)


def digests(*options: str) -> list[str]:
    """Of all messages of each sensor, after a drive at dusk among other cars."""
    with headless.running("--town", "Town02", "--seed", "7", *options) as server:
        world = connect(server.endpoint).get_world()
        go_synchronous(world)
        world.set_weather(carla.WeatherParameters.SoftRainSunset)
        world.tick()
        library, places = world.get_blueprint_library(), world.get_map().get_spawn_points()
        car = world.spawn_actor(library.find("vehicle.lincoln.mkz_2020"), places[0])
        models = library.filter("vehicle.*")
        for number, place in enumerate(places[1:20]):
            world.spawn_actor(models[number % len(models)], place)
        at = carla.Transform(carla.Location(z=2.2))
        boxes = [Mailbox(attach(world, car, name, at=at, **attributes)) for name, attributes in SENSORS]
        car.apply_control(carla.VehicleControl(throttle=0.7, steer=0.1))
        for _ in range(TICKS):
            world.tick()
        found = []
        for box, (_, attributes) in zip(boxes, SENSORS, strict=True):
            box.wait_for_count(TICKS // 2 if "sensor_tick" in attributes else TICKS)
            parts = [bytes(message.raw_data) for message in box.messages]  # type: ignore[attr-defined]
            assert len(set(parts)) == len(parts)  # it drove: no two are equal
            found.append(hashlib.sha256(b"".join(parts)).hexdigest())
        close_all()
    return found


def test_neither_the_process_nor_the_threads_matter() -> None:
    first = digests("--threads", "1")
    assert first == digests("--threads", "2")
    assert first == digests()
