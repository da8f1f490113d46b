"""Nothing is drawn unless a subscribed sensor is due, and nothing twice."""

from __future__ import annotations

import pytest

from simulator.simulation import Simulation
from simulator.wire.settings import EpisodeSettings
from simulator.world.town import Town
from tests.support.post import Post


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def simulation(post: Post) -> Simulation:
    made = Simulation(Town.load("Town02"), seed=0, publisher=post, stream_port=1)
    made.settings = EpisodeSettings(synchronous_mode=True, fixed_delta_s=0.05)
    return made


SIZE = (("image_size_x", 2, "64"), ("image_size_y", 2, "48"))


def mount(simulation: Simulation, kind: str, *more: tuple[str, int, str], x: float = 0.0) -> int:
    """Spawn a sensor and give its stream."""
    place = simulation.world.town.spawn_points[0]
    actor = simulation.spawn(
        f"sensor.{kind}", more, (place[0] + x, place[1], place[2] + 1.5, 0.0, place[4], 0.0)
    )
    return simulation._mounted[actor.id].stream_id


def drawn(simulation: Simulation, ticks: int) -> tuple[int, int]:
    """Pictures and scans of some ticks."""
    sight = simulation.sight()
    before = sight.pictures_drawn, sight.scans_made
    for _ in range(ticks):
        simulation.tick()
    return sight.pictures_drawn - before[0], sight.scans_made - before[1]


def test_nobody_looks_nothing_is_drawn(simulation: Simulation, post: Post) -> None:
    for kind in ("camera.rgb", "camera.optical_flow", "camera.dvs"):
        mount(simulation, kind, *SIZE)
    mount(simulation, "lidar.ray_cast")
    mount(simulation, "other.radar")
    assert drawn(simulation, 6) == (0, 0)
    assert post.sent == {}


def test_as_much_is_drawn_as_is_due(simulation: Simulation, post: Post) -> None:
    often = mount(simulation, "camera.rgb", *SIZE, ("sensor_tick", 3, "0.1"))
    post.subscribed = {often}
    assert drawn(simulation, 12) == (6, 0)
    radar = mount(simulation, "other.radar", ("sensor_tick", 3, "0.15"))
    lidar = mount(simulation, "lidar.ray_cast", ("points_per_second", 2, "2000"))
    post.subscribed = {radar, lidar}
    assert drawn(simulation, 12) == (0, 16)
    assert post.sent == {often: 6, radar: 4, lidar: 12}


def test_cameras_of_one_place_share_a_picture(simulation: Simulation, post: Post) -> None:
    kinds = (
        "rgb",
        "depth",
        "semantic_segmentation",
        "instance_segmentation",
        "normals",
        "optical_flow",
        "dvs",
    )
    post.subscribed = {mount(simulation, f"camera.{kind}", *SIZE) for kind in kinds}
    assert drawn(simulation, 5) == (5, 0)
    post.subscribed.add(mount(simulation, "camera.rgb", *SIZE, x=3.0))
    assert drawn(simulation, 5) == (10, 0)
