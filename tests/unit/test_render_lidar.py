"""The LiDAR and the depth camera against Embree on the same triangles."""

from __future__ import annotations

import math

import numpy as np
import pytest
from embreex import rtcore_scene
from embreex.mesh_construction import TriangleMesh

from simulator.render.camera import Camera, view_matrix
from simulator.render.labels import Label
from simulator.render.lidar import directions, scan
from simulator.render.light import Weather, make_light
from simulator.render.poses import rotation_matrices
from tests.support.render_town import Stage, stage


def traced(scene: Stage, origin: np.ndarray, rays: np.ndarray) -> np.ndarray:
    """Distances along unit rays, 0 where nothing is hit; faces count from their outer side only."""
    triangles = scene.store.world_triangles(scene.objects) - origin
    embree = rtcore_scene.EmbreeScene()
    TriangleMesh(embree, np.ascontiguousarray(triangles, np.float32))
    normal = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    d = np.ascontiguousarray(rays.reshape(-1, 3), np.float32)
    start = np.zeros_like(d)
    distance, alive = np.zeros(len(d)), np.arange(len(d))
    for _ in range(8):  # through the backs of faces
        found = embree.run(start[alive], d[alive], query="INTERSECT", output=1)
        hit = found["primID"] >= 0
        alive, prim, t = alive[hit], found["primID"][hit], found["tfar"][hit].astype(np.float64)
        front = np.einsum("ij,ij->i", normal[prim], d[alive].astype(np.float64)) < 0.0
        total = distance[alive] + t
        distance[alive] = np.where(front, -total, total + 1e-3)
        start[alive] = (d[alive] * distance[alive][:, None]).astype(np.float32)
        alive = alive[~front]
        if not len(alive):
            break
    return np.where(distance < 0.0, -distance, 0.0).reshape(rays.shape[:-1])


@pytest.mark.parametrize("name", ["Town01", "Town02", "Town04", "Town06", "Town07", "Town10HD"])
def test_ranges_agree_with_embree(name: str) -> None:
    """99.9 % within 2 cm, also for a tilted sensor, and the same directions hit something."""
    scene = stage(name, 60, seed=5)
    azimuth = (np.arange(512) + 0.5) * (2.0 * np.pi / 512)
    elevation = np.radians(np.linspace(-25.0, 10.0, 32))
    for number, tilt in ((3, (0.0, 0.0)), (20, (4.0, -3.0))):
        x, y, z, pitch, yaw, _ = scene.transforms[number]
        pose = (x, y, z + 5.0, pitch + tilt[0], yaw, tilt[1])
        ours = scan(scene.store, scene.objects, pose, azimuth, elevation, 100.0)
        rays = directions(azimuth, elevation) @ rotation_matrices(np.array(pose[3:])).T
        theirs = traced(scene, np.array(pose[:3]), rays)
        theirs[theirs > 100.0] = 0.0
        both = (ours.range_m > 0.0) & (theirs > 0.0)
        assert both.mean() > 0.5
        same = ((ours.range_m > 0.0) == (theirs > 0.0)).mean()
        near = (np.abs(ours.range_m - theirs)[both] < 0.02).mean()
        print(f"{name}: {near:.3%} of {both.sum()} ranges within 2 cm, {same:.3%} hit or miss alike")
        assert same >= 0.999
        assert near >= 0.999
        assert ours.range_m[both].std() > 1.0
        assert (ours.cosine[both] > 0.0).all()
        assert (ours.cosine[both] <= 1.0).all()
        assert len(np.unique(ours.label[both])) >= 3


def test_depth_agrees_with_embree() -> None:
    """Without the small advantage that paint has over the road below it, which the test allows for."""
    scene = stage("Town10HD", 60, seed=6)
    camera = Camera(320, 192, 90.0)
    x, y, z, _, yaw, _ = scene.transforms[4]
    pose = (x, y, z + 3.5, -8.0, yaw, 2.0)
    frame = camera.render(scene.store, scene.objects, pose, make_light(Weather()))
    view = view_matrix(pose)
    u, v = np.meshgrid(
        (np.arange(320) + 0.5 - 160) / camera.lens[0], (np.arange(192) + 0.5 - 96) / camera.lens[1]
    )
    rays = np.stack([u, v, np.ones_like(u)], axis=-1)
    length = np.linalg.norm(rays, axis=-1)
    theirs = traced(scene, np.array(pose[:3]), (rays / length[..., None]) @ view[:3]) / length
    hit = (theirs > 0.0) & (theirs < 300.0) & (frame.depth < 1000.0)
    assert hit.mean() > 0.4
    error = np.abs(frame.depth - theirs)[hit]
    assert (error < 0.02 + 0.003 * theirs[hit]).mean() >= 0.998


def test_wrong_directions_are_refused() -> None:
    scene = stage("Town10HD", 0)
    pose = (0.0, 0.0, 2.0, 0.0, 0.0, 0.0)
    good = np.linspace(0.0, 1.0, 8)
    for azimuth, elevation in (
        (good[::-1], good),
        (good, good[::-1]),
        (good * 7.0, good),
        (good, good * 1.5),
    ):
        with pytest.raises(ValueError, match="must ascend"):
            scan(scene.store, scene.objects, pose, azimuth, elevation, 50.0)
    assert math.isclose(float(np.linalg.norm(directions(good, good), axis=-1).min()), 1.0, rel_tol=1e-12)


def test_paint_has_its_own_label() -> None:
    """Rays that end on a marking say so, where the camera at the same place sees paint."""
    scene = stage("Town10HD", 0)
    x, y, z, _, yaw, _ = scene.town.spawn_points[40]
    pose = (x, y, z + 4.0, 0.0, yaw, 0.0)
    azimuth, elevation = np.radians(np.linspace(-35.0, 35.0, 701)), np.radians(np.linspace(-40.0, -12.0, 64))
    points = scan(scene.store, scene.objects, pose, azimuth, elevation, 100.0)
    camera = Camera(1280, 960, 90.0)
    frame = camera.render(scene.store, scene.objects, (*pose[:3], -20.0, yaw, 0.0), make_light(Weather()))
    d = directions(azimuth, elevation)
    turn = rotation_matrices(np.array([-20.0, 0.0, 0.0]))
    seen = d @ turn  # forward, right, up of the camera
    u = (camera.lens[0] * seen[..., 1] / seen[..., 0] + camera.lens[2]).astype(int)
    v = (camera.lens[1] * -seen[..., 2] / seen[..., 0] + camera.lens[3]).astype(int)
    theirs = frame.label[v, u]
    paint = points.label == Label.ROAD_LINES
    assert 0.002 < paint.mean() < 0.5
    assert (points.label == theirs).mean() >= 0.98
    assert (theirs[paint] == Label.ROAD_LINES).mean() >= 0.85
