"""Optical flow, normals, events and radar agree with the motion and the geometry of the world."""

from __future__ import annotations

import hashlib

import numba
import numpy as np
import pytest

from simulator.render.camera import Camera, view_matrix
from simulator.render.cast import Cast, Motion
from simulator.render.events import EventCamera, EventSettings
from simulator.render.labels import Label
from simulator.render.light import Weather, make_light
from simulator.render.motion import flow_of, normals_of
from simulator.render.poses import rotation_matrices
from simulator.render.radar import Radar
from simulator.render.store import Objects
from tests.support.render_town import Stage, stage
from tests.unit.test_render_lidar import traced

LIGHT = make_light(Weather())
SIZE = (320, 192)


def moved(scene: Stage, ahead_m: float, turn_deg: float) -> Objects:
    """The vehicles of a stage, each driven on and turned."""
    transforms = scene.transforms.copy()
    forward = rotation_matrices(transforms[:, 3:])[:, :, 0]
    transforms[:, :3] += ahead_m * forward
    transforms[:, 4] += turn_deg
    motion = Motion.standing(transforms)
    return scene.store.objects(Cast(scene.store, scene.players).drawn(motion))


def view_at(scene: Stage) -> tuple[float, float, float, float, float, float]:
    """Behind and above a vehicle that others are ahead of."""
    best, most = (0.0,) * 6, -1
    for x, y, z, _, yaw, _ in scene.transforms:
        c, s = np.cos(np.radians(yaw)), np.sin(np.radians(yaw))
        pose = (float(x - 9.0 * c), float(y - 9.0 * s), float(z + 3.5), -10.0, float(yaw), 0.0)
        frame = Camera(80, 48, 90.0).render(scene.store, scene.objects, pose, LIGHT)
        seen = int(((frame.instance >= 100) & (frame.instance < 200)).sum())
        if most < seen < 0.3 * frame.depth.size and frame.depth.min() > 3.0:
            best, most = pose, seen
    return best


def two_frames() -> tuple[Stage, list[np.ndarray], np.ndarray, tuple]:
    """Flow between two frames, and what checks need of them."""
    scene = stage("Town10HD", 40, seed=11)
    pose0 = view_at(scene)
    x, y, z, pitch, yaw, _ = pose0
    c, s = np.cos(np.radians(yaw)), np.sin(np.radians(yaw))
    pose1 = (x + 0.8 * c, y + 0.8 * s, z + 0.03, pitch + 0.3, yaw + 1.1, 0.4)
    before, now = moved(scene, 0.0, 0.0), moved(scene, 0.6, 2.0)
    camera = Camera(*SIZE, 90.0)
    first = camera.render(scene.store, before, pose0, LIGHT)
    second = camera.render(scene.store, now, pose1, LIGHT)
    flow = flow_of(camera, second, pose1, now, pose0, before)
    return scene, [first, second], flow, (pose0, pose1, before, now)


def test_flow_warps_one_frame_onto_the_next() -> None:
    _, (first, second), flow, _ = two_frames()
    width, height = SIZE
    v, u = np.mgrid[0:height, 0:width] + 0.5
    u0, v0 = u - flow[..., 0] * width / 2.0, v + flow[..., 1] * height / 2.0
    inside = (u0 >= 1) & (v0 >= 1) & (u0 < width - 1) & (v0 < height - 1)
    column, row = np.floor(u0[inside]).astype(int), np.floor(v0[inside]).astype(int)
    warped, target = first.bgra[row, column, :3].astype(int), second.bgra[inside][:, :3].astype(int)
    still = first.bgra[inside][:, :3].astype(int)
    assert inside.mean() > 0.7
    assert (first.label[row, column] == second.label[inside]).mean() >= 0.95
    assert (first.instance[row, column] == second.instance[inside]).mean() >= 0.95
    off, unmoved = np.abs(warped - target).mean(), np.abs(still - target).mean()
    print(f"warped pictures differ by {off:.1f} grey levels, unwarped ones by {unmoved:.1f}")
    assert off < 0.6 * unmoved
    moving = (second.instance[inside] >= 100) & (second.instance[inside] < 200)
    assert moving.sum() > 150
    assert (first.instance[row, column] == second.instance[inside])[moving].mean() >= 0.85


def test_flow_of_a_vehicle_is_that_of_its_points() -> None:
    """Depth and rigid motion, worked out apart with matrices, give the same flow."""
    scene, (_, second), flow, (pose0, pose1, before, now) = two_frames()
    rows, columns = np.nonzero((second.instance >= 100) & (second.instance < 200))
    camera = Camera(*SIZE, 90.0)
    view0, view1 = view_matrix(pose0), view_matrix(pose1)
    u, v = columns + 0.5, rows + 0.5
    rays = np.stack(
        [(u - camera.lens[2]) / camera.lens[0], (v - camera.lens[3]) / camera.lens[1], np.ones_like(u)], 1
    )
    world = view1[3] + (rays * second.depth[rows, columns][:, None]) @ view1[:3]
    blocks, checked = len(scene.store.blocks.origin), 0
    number = second.instance[rows, columns]
    for k in np.unique(number):
        body = blocks + int(np.flatnonzero(now.instance[blocks:] == k)[0])  # wheels are steered alike here
        mine = number == k
        local = (world[mine] - now.origin[body]) @ now.rotation[body]
        old = local @ before.rotation[body].T + before.origin[body]
        seen = (old - view0[3]) @ view0[:3].T
        u0 = camera.lens[0] * seen[:, 0] / seen[:, 2] + camera.lens[2]
        v0 = camera.lens[1] * seen[:, 1] / seen[:, 2] + camera.lens[3]
        found = flow[rows[mine], columns[mine]]
        assert np.allclose(found[:, 0], (u[mine] - u0) * 2.0 / SIZE[0], atol=2e-4)
        assert np.allclose(found[:, 1], (v0 - v[mine]) * 2.0 / SIZE[1], atol=2e-4)
        checked += int(mine.sum())
    assert checked > 150


def test_flow_needs_the_same_objects() -> None:
    scene, (_, second), _, (pose0, pose1, _, now) = two_frames()
    with pytest.raises(ValueError, match="same objects"):
        flow_of(Camera(*SIZE, 90.0), second, pose1, now, pose0, scene.store.blocks)


def test_normals_are_those_of_the_depth() -> None:
    scene = stage("Town10HD", 40, seed=11)
    pose = view_at(scene)
    camera = Camera(*SIZE, 90.0)
    frame = camera.render(scene.store, scene.objects, pose, LIGHT)
    normals = normals_of(camera, frame, scene.store, scene.objects)
    road = frame.label == Label.ROADS
    assert road.mean() > 0.1
    assert (normals[road][:, 0] > 250).mean() > 0.95  # up is blue
    assert (np.abs(normals[road][:, 1:3].astype(int) - 128) < 12).mean() > 0.95
    sky = frame.label == Label.SKY
    assert (np.abs(normals[sky][:, :3].astype(int) - 128) <= 1).all()
    vector = normals[~sky][:, :3].astype(float) / 127.5 - 1.0
    assert np.abs(np.linalg.norm(vector, axis=1) - 1.0).max() < 0.02
    assert normals[..., :3].std() > 20.0


def picture(value: float, shape: tuple[int, int] = (4, 6)) -> np.ndarray:
    return np.full((*shape, 4), value, np.uint8)


def test_events_are_crossings_of_thresholds() -> None:
    """Linear brightness makes their number and times easy to tell."""
    camera = EventCamera(EventSettings(20.0, 40.0, use_log=False))
    assert len(camera.look(picture(50), 0.0)) == 0
    assert len(camera.look(picture(50), 0.1)) == 0
    up = camera.look(picture(115), 0.2)
    assert len(up) == 3 * 24
    assert up["pol"].all()
    assert np.allclose(sorted(set(up["t"])), [0.1e9 + 0.1e9 * k * 20.0 / 65.0 for k in (1, 2, 3)], atol=1e6)
    assert (np.diff(up["t"]) >= 0).all()
    down = camera.look(picture(20), 0.3)
    assert len(down) == 2 * 24  # from the last crossing at 110 to 70 and 30
    assert not down["pol"].any()
    assert camera.look(picture(20), 0.4).dtype.itemsize == 13


def test_refractory_pixels_are_silent() -> None:
    camera = EventCamera(EventSettings(20.0, 20.0, refractory_period_ns=int(40e6), use_log=False))
    camera.look(picture(50), 0.0)
    assert len(camera.look(picture(115), 0.1)) == 2 * 24  # at 31, (62) and 92 ms


def test_moving_scenes_make_events_of_both_signs() -> None:
    _, (first, second), _, _ = two_frames()
    found = []
    for _ in range(2):
        camera = EventCamera(EventSettings(sigma_positive_threshold=0.05), seed=3)
        camera.look(first.bgra, 1.0)
        found.append(camera.look(second.bgra, 1.1))
    assert 100 < len(found[0]) < 20 * SIZE[0] * SIZE[1]
    assert 0.1 < found[0]["pol"].mean() < 0.9
    assert found[0].tobytes() == found[1].tobytes()
    with pytest.raises(ValueError, match="positive"):
        EventCamera(EventSettings(positive_threshold=0.0))


def radar_look(scene: Stage, seed: int = 0) -> tuple[np.ndarray, tuple, np.ndarray, np.ndarray]:
    """Detections, the radar's pose, its rays and the velocity of every object."""
    pose = view_at(scene)
    radar = Radar(40.0, 20.0, 80.0, seed)
    rays = radar.rays(3000)
    cast, blocks = Cast(scene.store, scene.players), len(scene.store.blocks.origin)
    speed = 3.0 + np.arange(len(scene.players)) % 7
    forward = rotation_matrices(scene.transforms[:, 3:])[:, :, 0]
    velocity = np.zeros((len(scene.objects.origin), 3))
    parts = cast.per_part(speed[:, None] * forward)
    velocity[blocks : blocks + len(parts)] = parts
    return (
        radar.look(scene.store, scene.objects, pose, rays, velocity, (4.0, -2.0, 0.5)),
        pose,
        rays,
        velocity,
    )


def test_radar_agrees_with_embree_and_with_analytic_speed() -> None:
    scene = stage("Town10HD", 60, seed=5)
    found, pose, rays, velocity = radar_look(scene)
    view = view_matrix(pose)
    d = view[2] + rays[:, :1] * view[0] - rays[:, 1:] * view[1]
    length = np.linalg.norm(d, axis=1)
    theirs = traced(scene, np.array(pose[:3]), d / length[:, None])
    theirs[theirs > 80.0 * length] = 0.0
    assert abs(len(found) - (theirs > 0.0).sum()) <= 0.005 * len(rays)
    angles = np.stack([np.arctan(rays[:, 0]), np.arcsin(rays[:, 1] / length)], axis=1)
    at = {(round(float(a), 5), round(float(b), 5)): n for n, (a, b) in enumerate(angles)}
    ray = np.array([at[(round(float(f["azimuth"]), 5), round(float(f["altitude"]), 5))] for f in found])
    error = np.abs(found["depth"] - theirs[ray])
    assert (error < 0.02 + 0.0015 * theirs[ray]).mean() >= 0.99
    # Every speed is that of one of the objects along the ray; most of the world stands still.
    unit = d[ray] / length[ray][:, None]
    possible = np.unique(velocity, axis=0)
    speeds = (possible[None] - np.array([4.0, -2.0, 0.5])) @ unit[:, :, None]
    assert np.abs(speeds[:, :, 0] - found["velocity"][:, None]).min(axis=1).max() < 1e-4
    own = unit @ -np.array([4.0, -2.0, 0.5])
    other = np.abs(found["velocity"] - own) > 1e-3
    assert 0.003 < other.mean() < 0.9
    assert found["depth"].std() > 1.0


def test_motion_sensors_do_not_depend_on_threads() -> None:
    before, digests = numba.get_num_threads(), set()
    try:
        for threads in (1, min(2, before)):
            numba.set_num_threads(threads)
            scene, (_, second), flow, _ = two_frames()
            detections = radar_look(scene, 4)[0]
            digests.add(
                hashlib.sha256(flow.tobytes() + second.bgra.tobytes() + detections.tobytes()).digest()
            )
    finally:
        numba.set_num_threads(before)
    assert len(digests) == 1
