"""Cameras and LiDARs of policies: mounted and read in the ego's frame, of the tick that the bundle is of."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import carla
import numpy as np
import pytest

from harness.client.eyes import Eyes
from harness.client.rig import ego_geometry
from harness.client.session import Session
from harness.errors import PolicyFaultError
from harness.record import read_episode
from harness.servers.embedded import EmbeddedServer
from policies.interface import CameraKind, CameraSpec, LidarSpec, RadarSpec, RouteSpec
from tests.support import harness_runs as runs

pytestmark = pytest.mark.server

_DT_S = 0.05
_LEFT, _UP, _AHEAD = 4.0, 0.3, 12.0


@contextmanager
def ego_on_the_road(folder: Path) -> Iterator[tuple[Session, carla.Vehicle, carla.Transform]]:
    """A session of its own server, an ego in the middle of a lane of Town01, and that place."""
    with EmbeddedServer(folder, first_port=runs.free_block(), dt_s=_DT_S, start_deadline_s=180.0) as server:
        session = Session(
            server.endpoint,
            is_alive=server.is_alive,
            dt_s=_DT_S,
            tick_deadline_s=60.0,
            request_deadline_s=60.0,
        )
        lane_map = session.load("Town01")
        start = lane_map.get_waypoint(lane_map.get_spawn_points()[10].location).transform
        place, rotation = start.location, start.rotation
        ego = session.spawn_ego((place.x, place.y, place.z), (rotation.pitch, rotation.yaw, rotation.roll))
        yield session, ego, start
        session.clear()


def test_what_stands_on_the_left_is_seen_on_the_left(tmp_path: Path) -> None:
    """A magenta car ahead on the left: in the picture, in a picture to the left, and among the points."""
    with ego_on_the_road(tmp_path) as (session, ego, start):
        blueprint = session.blueprint("vehicle.audi.tt")
        blueprint.set_attribute("color", "255,0,255")
        place = carla.Transform(start.transform(carla.Location(_AHEAD, -_LEFT, _UP)), start.rotation)
        session.spawn(blueprint, place)
        session.settle(ego, 30)
        _, rear_axle = ego_geometry(ego)
        specs = (
            RouteSpec(),
            CameraSpec("front", 320, 200, 80.0, position_in_ego=(1.5, 0.0, 1.6)),
            CameraSpec(
                "turned", 200, 200, 40.0, (1.5, 0.0, 1.6), (0.0, math.radians(3.0), math.atan2(_LEFT, _AHEAD))
            ),
            CameraSpec("far", 320, 200, 80.0, position_in_ego=(1.5, 0.0, 1.6), kind=CameraKind.DEPTH),
            CameraSpec("what", 320, 200, 80.0, position_in_ego=(1.5, 0.0, 1.6), kind=CameraKind.SEMANTIC),
            LidarSpec("top", points_per_second=400_000, position_in_ego=(1.4, 0.0, 2.4)),
            RadarSpec("nose", horizontal_fov_deg=60.0, points_per_second=60_000),
        )
        eyes = Eyes(session, ego, specs, rear_axle)
        for _ in range(3):
            views = eyes.look(int(session.tick().frame))
        assert set(views.images) == {"front", "turned"}
        assert set(views.scans) == {"top"}
        assert set(views.depths) == {"far"}
        assert set(views.labels) == {"what"}
        assert set(views.detections) == {"nose"}
        center = np.array([_AHEAD - rear_axle[0], _LEFT, 0.7])
        for name, image in views.images.items():
            seen = (center - image.position_in_ego) @ image.rotation_camera_to_ego
            column = image.intrinsics[0, 2] - image.intrinsics[0, 0] * seen[1] / seen[0]
            row = image.intrinsics[1, 2] - image.intrinsics[1, 1] * seen[2] / seen[0]
            red, green, blue = np.moveaxis(image.rgb.astype(int), -1, 0)
            rows, columns = np.nonzero((red > 60) & (blue > 60) & (red > 2 * green) & (blue > 2 * green))
            assert len(rows) > 50, name
            width = image.intrinsics[0, 0] * 2.0 / seen[0]
            assert abs(np.median(columns) - column) < 0.35 * width, name
            assert abs(np.median(rows) - row) < 0.35 * width, name
        image, depth, label = views.images["front"], views.depths["far"], views.labels["what"]
        seen = (center - image.position_in_ego) @ image.rotation_camera_to_ego
        column = int(image.intrinsics[0, 2] - image.intrinsics[0, 0] * seen[1] / seen[0])
        row = int(image.intrinsics[1, 2] - image.intrinsics[1, 1] * seen[2] / seen[0])
        assert label.label[row, column] == 14
        assert label.label[row, 319 - column] != 14
        assert seen[0] - 2.3 < depth.depth_m[row, column] < seen[0]
        assert depth.depth_m.max() == pytest.approx(1000.0)
        assert (depth.intrinsics == image.intrinsics).all()
        radar = views.detections["nose"]
        assert np.abs(radar.range_rate_mps).max() < 0.05  # all stand still
        near_it = np.abs(radar.points_in_ego - center)
        assert ((near_it[:, 0] < 2.2) & (near_it[:, 1] < 1.1) & (radar.points_in_ego[:, 2] > 0.3)).sum() > 5
        on_the_right = np.abs(radar.points_in_ego - center * (1.0, -1.0, 1.0))
        assert not (
            (on_the_right[:, 0] < 2.2) & (on_the_right[:, 1] < 1.1) & (radar.points_in_ego[:, 2] > 0.3)
        ).any()
        points = views.scans["top"].points_in_ego
        near = points[(np.abs(points[:, 1]) < 1.5) & (points[:, 0] > 6.0) & (points[:, 0] < 10.0)]
        assert len(near) > 30
        assert np.abs(near[:, 2]).max() < 0.2  # the road
        box = np.abs(points - center)
        assert ((box[:, 0] < 2.2) & (box[:, 1] < 1.1) & (points[:, 2] > 0.3)).sum() > 25
        mirrored = np.abs(points - center * (1.0, -1.0, 1.0))
        on_the_right = (mirrored[:, 0] < 2.2) & (mirrored[:, 1] < 1.1) & (points[:, 2] > 0.3)
        assert on_the_right.sum() == 0
        with pytest.raises(PolicyFaultError, match="same name"):
            Eyes(session, ego, (LidarSpec("a"), LidarSpec("a")), rear_axle)


def test_a_radar_of_a_driving_ego_sees_the_world_come(tmp_path: Path) -> None:
    with ego_on_the_road(tmp_path) as (session, ego, _):
        session.settle(ego, 30)
        specs = (
            RadarSpec("nose"),
            RadarSpec("tail", roll_pitch_yaw_rad=(0.0, 0.0, math.pi), position_in_ego=(-1.5, 0.0, 0.8)),
        )
        eyes = Eyes(session, ego, specs, ego_geometry(ego)[1])
        ego.enable_constant_velocity(carla.Vector3D(9.0, 0.0, 0.0))
        for _ in range(5):
            views = eyes.look(int(session.tick().frame))
        for spec in specs:
            radar = views.detections[spec.name]
            ray = radar.points_in_ego - spec.position_in_ego
            expected = -9.0 * ray[:, 0] / np.linalg.norm(ray, axis=1)
            assert len(radar.range_rate_mps) > 50
            assert np.abs(radar.range_rate_mps - expected).max() < 0.2
            assert (np.sign(radar.range_rate_mps) == (-1.0 if spec.name == "nose" else 1.0)).all()


def test_a_policy_gets_the_pictures_that_it_asked_for(tmp_path: Path) -> None:
    route = runs.route_file(tmp_path / "short.xml", "1", start=(338.68, 176.0), end=(338.65, 150.0))
    done = runs.drivegate(
        *("run", "--suite", str(route), "--policy", "tests.support.odd_policies:Looks"),
        *("--out", str(tmp_path / "run"), "--set", f"machine.first_port={runs.free_block(40)}"),
        timeout_s=280.0,
    )
    assert done.code == 0, done.err
    (record,) = [read_episode(path) for path in (tmp_path / "run").glob("episodes/*/*/*")]
    assert record.outcome.value == "completed", record.reason
    assert not record.header.privileged


@pytest.mark.parametrize("numbers", [(0, 100, 90.0), (100, 5000, 90.0), (100, 100, 180.0)])
def test_a_camera_that_cannot_be_is_the_fault_of_who_asks(numbers: tuple[int, int, float]) -> None:
    with pytest.raises(ValueError, match="camera front"):
        CameraSpec("front", *numbers)


def test_a_radar_that_cannot_be_is_the_fault_of_who_asks() -> None:
    with pytest.raises(ValueError, match="radar nose"):
        RadarSpec("nose", horizontal_fov_deg=180.0)


def test_lights_take_the_times_of_a_run(tmp_path: Path) -> None:
    """`drive.light_times_s`: of all lights, and green is over when it says so."""
    from harness.client.landmarks import read_landmarks, set_light_times

    with ego_on_the_road(tmp_path) as (session, ego, _):
        landmarks = read_landmarks(session.actors(), session.world, session.world.get_map())
        assert len(landmarks.light_actors) > 10
        set_light_times(landmarks, (2.0, 1.0, 0.5))
        session.settle(ego, 5)
        times = {(a.get_green_time(), a.get_yellow_time(), a.get_red_time()) for a in landmarks.light_actors}
        assert times == {(2.0, 1.0, 0.5)}
        light = landmarks.light_actors[0]
        greens = []
        for _ in range(round(4 * 3.5 / _DT_S)):  # at most four approaches take turns
            session.tick()
            greens.append(light.get_state() is carla.TrafficLightState.Green)
        stretches = [sum(group) * _DT_S for value, group in itertools.groupby(greens) if value]
        assert stretches
        assert max(stretches) == pytest.approx(2.0, abs=0.11)
