"""Same bits from one thread or two, and in another process."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np

from simulator.render.camera import Camera
from simulator.render.lidar import scan
from simulator.render.light import Weather, make_light
from simulator.render.shadow import SunView
from tests.support.render_town import stage


def digest() -> str:
    """Of a picture with shadows and of a scan, neither of which is constant."""
    scene = stage("Town10HD", 30, seed=8)
    light = make_light(Weather(wetness=60.0, precipitation_deposits=40.0, cloudiness=30.0))
    x, y, z, _, yaw, _ = scene.transforms[2]
    pose = (x, y, z + 2.5, -6.0, yaw, 0.0)
    shade = SunView().look(scene.store, scene.objects, pose[:3], light.sun)
    frame = Camera(320, 192, 90.0).render(scene.store, scene.objects, pose, light, shade)
    azimuth = (np.arange(256) + 0.5) * (2.0 * np.pi / 256)
    points = scan(scene.store, scene.objects, pose, azimuth, np.radians(np.linspace(-20.0, 5.0, 16)), 80.0)
    assert frame.bgra[:, :, :3].std() > 10.0
    assert frame.depth.std() > 10.0
    assert len(np.unique(frame.label)) >= 4
    assert len(np.unique(frame.instance)) >= 2
    assert points.range_m.std() > 1.0
    columns = (
        frame.bgra,
        frame.depth,
        frame.label,
        frame.instance,
        points.range_m,
        points.cosine,
        points.instance,
    )
    return hashlib.sha256(b"".join(np.ascontiguousarray(column).tobytes() for column in columns)).hexdigest()


def test_threads_do_not_matter() -> None:
    before = numba.get_num_threads()
    found = set()
    try:
        for threads in (1, min(2, before)):
            numba.set_num_threads(threads)
            found.add(digest())
    finally:
        numba.set_num_threads(before)
    assert len(found) == 1


def test_another_process_draws_the_same() -> None:
    script = "from tests.unit.test_render_determinism import digest; print(digest())"
    root = Path(__file__).resolve().parents[2]
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == digest()
