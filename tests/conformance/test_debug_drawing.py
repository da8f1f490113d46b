"""`world.debug` draws into rgb cameras, for as long as it was told, and into nothing else."""

from __future__ import annotations

from collections.abc import Callable

import carla
import numpy as np
import pytest

from tests.support.mailbox import Mailbox, attach
from tests.support.pictures import pixels, project

pytestmark = pytest.mark.server

SIZE = {"image_size_x": "320", "image_size_y": "192"}
AT = carla.Transform(carla.Location(x=2.5, z=1.6))
PINK = carla.Color(255, 0, 255)


@pytest.fixture
def camera(world: carla.World, car: carla.Vehicle) -> Mailbox:
    car.set_simulate_physics(False)
    world.set_weather(carla.WeatherParameters.ClearNoon)
    return Mailbox(attach(world, car, "sensor.camera.rgb", at=AT, **SIZE))


def place(car: carla.Actor, x: float, y: float = 0.0, z: float = 1.0) -> carla.Location:
    return car.get_transform().transform(carla.Location(x=x, y=y, z=z))


def pink(image: object) -> np.ndarray:
    blue, green, red, _ = np.moveaxis(pixels(image).astype(int), -1, 0)
    return np.asarray((blue > 240) & (red > 240) & (green < 30))


def shot(world: carla.World, camera: Mailbox) -> carla.Image:
    return camera.wait_for_frame(world.tick())  # type: ignore[return-value]


Draw = Callable[[carla.World, carla.Actor, float], None]


def point(world: carla.World, car: carla.Actor, life_time: float) -> None:
    world.debug.draw_point(place(car, 10.0), 0.1, PINK, life_time)


def line(world: carla.World, car: carla.Actor, life_time: float) -> None:
    world.debug.draw_line(place(car, 10.0, -2.0), place(car, 10.0, 2.0), 0.1, PINK, life_time)


def arrow(world: carla.World, car: carla.Actor, life_time: float) -> None:
    world.debug.draw_arrow(place(car, 10.0, -2.0), place(car, 10.0, 2.0), 0.1, 0.5, PINK, life_time)


def box(world: carla.World, car: carla.Actor, life_time: float) -> None:
    bounds = carla.BoundingBox(place(car, 12.0), carla.Vector3D(1.0, 1.0, 1.0))
    world.debug.draw_box(bounds, car.get_transform().rotation, 0.08, PINK, life_time)


def string(world: carla.World, car: carla.Actor, life_time: float) -> None:
    world.debug.draw_string(place(car, 10.0), "Ego 42", False, PINK, life_time)


@pytest.mark.parametrize("draw", [point, line, arrow, box, string])
def test_shapes_are_seen_where_they_are(
    world: carla.World, car: carla.Vehicle, camera: Mailbox, draw: Draw
) -> None:
    assert not pink(shot(world, camera)).any()
    draw(world, car, 0.0)
    image = shot(world, camera)
    rows, columns = np.nonzero(pink(image))
    assert len(rows) > 25
    middle = place(car, 12.0 if draw is box else 10.0)
    u, v, _ = project(image, np.array([[middle.x, middle.y, middle.z]]))[0]
    if draw is string:  # it begins there
        assert u - 2.0 < columns.min() < u + 4.0
        assert v - 14.0 < rows.min() < rows.max() < v + 2.0
    else:
        assert (columns.min() + columns.max() + 1) / 2.0 == pytest.approx(u, abs=2.0)
        assert (rows.min() + rows.max() + 1) / 2.0 == pytest.approx(v, abs=6.0)
    if draw is line:
        ends = np.array([[p.x, p.y, p.z] for p in (place(car, 10.0, -2.0), place(car, 10.0, 2.0))])
        seen = project(image, ends)
        assert columns.min() == pytest.approx(seen[0, 0], abs=4.0)
        assert columns.max() == pytest.approx(seen[1, 0], abs=4.0)
        assert rows.max() - rows.min() + 1 == pytest.approx(160.0 * 0.1 / seen[0, 2], abs=1.5)


@pytest.mark.parametrize("draw", [line, string])
def test_life_time_is_simulated_time(
    world: carla.World, car: carla.Vehicle, camera: Mailbox, draw: Draw
) -> None:
    """A tick is 0.05 s: 0.2 s are four pictures, the default one picture."""
    shot(world, camera)
    draw(world, car, 0.2)
    assert [pink(shot(world, camera)).any() for _ in range(6)] == [True] * 4 + [False] * 2
    draw(world, car, -1.0)
    assert [pink(shot(world, camera)).any() for _ in range(3)] == [True, False, False]
    draw(world, car, 0.0)
    assert all(pink(shot(world, camera)).any() for _ in range(40))


def test_shapes_and_words_are_wiped_off(world: carla.World, car: carla.Vehicle, camera: Mailbox) -> None:
    line(world, car, 0.0)
    world.debug.draw_string(place(car, 10.0, z=1.8), "above", False, PINK, 0.0)
    both = pink(shot(world, camera)).sum()
    world.debug.clear_debug_shape()
    words = pink(shot(world, camera)).sum()
    assert 20 < words < both - 20
    world.debug.clear_debug_string()
    assert not pink(shot(world, camera)).any()


def test_other_sensors_see_no_shapes(world: carla.World, car: carla.Vehicle, camera: Mailbox) -> None:
    kinds = ("depth", "semantic_segmentation", "instance_segmentation", "normals")
    others = [Mailbox(attach(world, car, f"sensor.camera.{kind}", at=AT, **SIZE)) for kind in kinds]
    others.append(Mailbox(attach(world, car, "sensor.lidar.ray_cast_semantic", rotation_frequency="20")))
    frame = world.tick()
    before = [bytes(other.wait_for_frame(frame).raw_data) for other in others]  # type: ignore[attr-defined]
    for draw in (point, line, arrow, box, string):
        draw(world, car, 0.0)
    frame = world.tick()
    assert pink(camera.wait_for_frame(frame)).sum() > 200
    after = [bytes(other.wait_for_frame(frame).raw_data) for other in others]  # type: ignore[attr-defined]
    assert before == after


def test_what_is_nearer_hides_shapes(world: carla.World, car: carla.Vehicle, camera: Mailbox) -> None:
    blueprint = world.get_blueprint_library().find("vehicle.carlamotors.firetruck")
    rotation = car.get_transform().rotation
    shot(world, camera)
    world.debug.draw_line(place(car, 25.0, -1.0, 1.2), place(car, 25.0, 1.0, 1.2), 0.5, PINK, 0.0)
    assert pink(shot(world, camera)).sum() > 10
    truck = world.spawn_actor(blueprint, carla.Transform(place(car, 14.0, 0.0, 0.3), rotation))
    assert pink(shot(world, camera)).sum() == 0
    truck.destroy()
    assert pink(shot(world, camera)).sum() > 10


def test_shapes_go_with_their_episode(
    client: carla.Client, world: carla.World, car: carla.Vehicle, camera: Mailbox
) -> None:
    line(world, car, 0.0)
    assert pink(shot(world, camera)).any()
    camera.close()
    world = client.reload_world(False)
    car = world.spawn_actor(
        world.get_blueprint_library().find("vehicle.lincoln.mkz_2020"), world.get_map().get_spawn_points()[0]
    )
    again = Mailbox(attach(world, car, "sensor.camera.rgb", at=AT, **SIZE))
    assert not pink(shot(world, again)).any()


def test_screens_that_nobody_looks_at_take_their_shapes(
    world: carla.World, car: carla.Vehicle, camera: Mailbox
) -> None:
    world.debug.draw_hud_line(place(car, 10.0, -2.0), place(car, 10.0, 2.0), 0.1, PINK, 0.0)
    world.debug.draw_hud_point(place(car, 10.0), 0.1, PINK, 0.0)
    assert not pink(shot(world, camera)).any()
