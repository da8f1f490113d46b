"""LiDARs through the real client: where the points are, in which order, and what the attributes do."""

from __future__ import annotations

import math

import carla
import numpy as np
import pytest

from tests.support.mailbox import Mailbox, attach
from tests.support.pictures import in_world, points, semantic_points

pytestmark = pytest.mark.server

CAR, ROAD = 14, 1
ROOF = carla.Transform(carla.Location(z=2.4))
DENSE = {"channels": "32", "points_per_second": str(32 * 360 * 20), "rotation_frequency": "20", "range": "60"}
EXACT = {"dropoff_general_rate": "0", "dropoff_intensity_limit": "0", "dropoff_zero_intensity": "0"}


def test_points_lie_on_the_car_that_they_name(world: carla.World, car: carla.Vehicle) -> None:
    ahead = car.get_transform()
    ahead.location += 12.0 * ahead.get_forward_vector()
    ahead.location.z += 0.3
    other = world.spawn_actor(world.get_blueprint_library().find("vehicle.audi.tt"), ahead)
    box = Mailbox(attach(world, car, "sensor.lidar.ray_cast_semantic", at=ROOF, **DENSE))
    for _ in range(20):
        frame = world.tick()
    scan = box.wait_for_frame(frame)
    found = semantic_points(scan)
    mine = found[found["actor"] == other.id]
    assert len(mine) > 30
    assert set(np.unique(mine["label"])) == {CAR}
    assert ((mine["cosine"] >= 0.0) & (mine["cosine"] <= 1.0)).all()
    places = in_world(scan.transform, mine["place"])  # type: ignore[attr-defined]
    inverse = np.array(other.get_transform().get_inverse_matrix())
    local = places @ inverse[:3, :3].T + inverse[:3, 3]
    center, half = other.bounding_box.location, other.bounding_box.extent
    away = np.abs(local - (center.x, center.y, center.z)) - (half.x, half.y, half.z)
    assert away.max() < 0.05
    assert local[:, 0].min() < center.x - half.x + 0.5  # its rear is what we see
    ground = found[found["label"] == ROAD]
    assert len(ground) > 500
    heights = in_world(scan.transform, ground["place"])[:, 2]  # type: ignore[attr-defined]
    assert np.abs(np.median(heights) - car.get_location().z) < 0.15
    assert set(np.unique(found["actor"])).issuperset({0, other.id})


def test_lasers_and_angles_are_carlas(world: carla.World, car: carla.Vehicle) -> None:
    box = Mailbox(attach(world, car, "sensor.lidar.ray_cast_semantic", at=ROOF, **DENSE))
    scan = box.wait_for_frame(world.tick())
    assert isinstance(scan, carla.SemanticLidarMeasurement)
    assert scan.channels == 32
    counts = [scan.get_point_count(channel) for channel in range(32)]
    found = semantic_points(scan)
    assert sum(counts) == len(found)
    assert max(counts) <= 360
    place = found["place"].astype(np.float64)
    elevation = np.degrees(np.arctan2(place[:, 2], np.hypot(place[:, 0], place[:, 1])))
    expected = np.repeat(np.linspace(10.0, -30.0, 32), counts)  # the highest laser first
    assert np.abs(elevation - expected).max() < 0.01
    azimuth = np.degrees(np.arctan2(place[:, 1], place[:, 0]))
    low = azimuth[-counts[-1] :]  # the lowest laser meets the ground or the car everywhere
    assert len(low) == 360
    assert np.abs(low - np.arange(-180.0, 180.0)).max() < 0.01


def test_the_horizontal_angle_goes_on_between_ticks(world: carla.World, car: carla.Vehicle) -> None:
    partial = {
        "channels": "2",
        "points_per_second": str(2 * 90 * 20),
        "rotation_frequency": "5",
        "range": "80",
    }
    box = Mailbox(attach(world, car, "sensor.lidar.ray_cast_semantic", at=ROOF, upper_fov="-20", **partial))
    frames = [world.tick() for _ in range(9)]
    for k, frame in enumerate(frames):
        scan = box.wait_for_frame(frame)
        assert isinstance(scan, carla.SemanticLidarMeasurement)
        turned = (k + 1) * 90.0 % 360.0  # 5 turns per second, 0.05 s per tick
        assert math.degrees(scan.horizontal_angle) % 360.0 == pytest.approx(turned, abs=1e-3)
        place = semantic_points(scan)["place"][: scan.get_point_count(0)].astype(np.float64)
        azimuth = np.degrees(np.arctan2(place[:, 1], place[:, 0])) % 360.0
        expected = (k * 90.0 + np.arange(90.0) - 180.0) % 360.0
        assert len(azimuth) == 90
        assert np.abs((azimuth - expected + 180.0) % 360.0 - 180.0).max() < 0.01


def test_drop_off_attenuation_and_noise(world: carla.World, car: carla.Vehicle) -> None:
    def box(**attributes: str) -> Mailbox:
        chosen = {**DENSE, **EXACT, **attributes}
        return Mailbox(attach(world, car, "sensor.lidar.ray_cast", at=ROOF, **chosen))

    exact, lossy = box(), box(dropoff_general_rate="0.45")
    foggy = box(atmosphere_attenuation_rate="0.05")
    noisy, same = box(noise_stddev="0.2", noise_seed="3"), box(noise_stddev="0.2", noise_seed="3")
    weak = box(atmosphere_attenuation_rate="0.1", dropoff_intensity_limit="1.0", dropoff_zero_intensity="1.0")
    frame = world.tick()
    all_points = points(exact.wait_for_frame(frame))
    reach = np.linalg.norm(all_points[:, :3], axis=1)
    assert reach.max() <= 60.0
    assert np.abs(all_points[:, 3] - np.exp(-0.004 * reach)).max() < 1e-3
    assert len(points(lossy.wait_for_frame(frame))) / len(all_points) == pytest.approx(0.55, abs=0.03)
    assert np.abs(points(foggy.wait_for_frame(frame))[:, 3] - np.exp(-0.05 * reach)).max() < 1e-3
    moved = points(noisy.wait_for_frame(frame))
    along = np.linalg.norm(moved[:, :3], axis=1) - reach
    assert along.std() == pytest.approx(0.2, rel=0.1)
    assert np.linalg.norm(moved[:, :3] - all_points[:, :3], axis=1).std() < 0.3
    assert (moved == points(same.wait_for_frame(frame))).all()
    kept = np.linalg.norm(points(weak.wait_for_frame(frame))[:, :3], axis=1)
    share = len(kept) / len(reach)
    assert share == pytest.approx(np.exp(-0.1 * reach).mean(), abs=0.03)


def test_rays_pass_through_ignored_vehicles(world: carla.World, car: carla.Vehicle) -> None:
    box = Mailbox(attach(world, car, "sensor.lidar.ray_cast_semantic", at=ROOF, **DENSE))
    assert car.id in semantic_points(box.wait_for_frame(world.tick()))["actor"]
    box._sensor.set_ignored_vehicles([car.id])
    assert car.id not in semantic_points(box.wait_for_frame(world.tick()))["actor"]


def test_no_points_are_an_empty_message(world: carla.World, car: carla.Vehicle) -> None:
    box = Mailbox(attach(world, car, "sensor.lidar.ray_cast", points_per_second="10"))
    scan = box.wait_for_frame(world.tick())
    assert isinstance(scan, carla.LidarMeasurement)
    assert len(scan) == 0
    assert scan.channels == 32
