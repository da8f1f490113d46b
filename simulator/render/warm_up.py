"""Compiles every kernel of this room, or loads it from the cache, on a scene of two boxes."""

from __future__ import annotations

import numpy as np

from simulator.render.annotations import Annotations, Text, annotate
from simulator.render.bloom import bloom
from simulator.render.camera import Camera, view_matrix
from simulator.render.events import EventCamera, EventSettings
from simulator.render.film import grain, rain
from simulator.render.junctions import find_gaps
from simulator.render.labels import PALETTE_SIZE, Label
from simulator.render.lamps import street_lights
from simulator.render.lidar import scan
from simulator.render.light import Weather, make_light
from simulator.render.mesh import make_mesh
from simulator.render.motion import aligned, flow_of, normals_of
from simulator.render.patterns import PatternBook
from simulator.render.radar import Radar
from simulator.render.shadow import SunView
from simulator.render.shapes import box
from simulator.render.store import Drawn, TriangleStore
from simulator.render.terrain import build_terrain


def warm_up() -> None:
    """Lay a little ground and paving, draw one small picture with all that goes into it, make one scan."""
    build_terrain(np.zeros((2, 5)), 0).mesh()
    find_gaps(np.zeros(2), np.full(2, 4.0), np.zeros((1, 3, 3)))
    mesh = make_mesh(box((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)), (0.5, 0.5, 0.5), Label.BUILDINGS)
    store = TriangleStore(mesh.at(6.0, 0.0, 0.0), [("box", mesh)], *PatternBook().tables())
    drawn = Drawn(
        ["box"],
        np.eye(3)[None],
        np.array([[9.0, 4.0, 0.0]]),
        np.ones(1, np.int32),
        np.zeros(1, np.int32),
        np.zeros((1, PALETTE_SIZE, 4), np.float32),
    )
    objects = store.objects(drawn)
    pose = (0.0, 0.0, 1.0, 0.0, 0.0, 0.0)
    light = make_light(Weather())
    shade = SunView().look(store, objects, pose[:3], light.sun)
    lamps = street_lights(np.array([[2.0, 0.0, 4.0]]))
    camera = Camera(32, 32, 90.0)
    frame = camera.render(store, objects, pose, light, shade, lamps)
    flow_of(camera, frame, pose, objects, pose, aligned(objects, objects))
    normals_of(camera, frame, store, objects)
    events = EventCamera(EventSettings())
    events.look(frame.bgra, 0.0)
    rain(frame.bgra, 50.0, 10.0, 0)
    frame.bgra[8:16, 8:16] = 255
    bloom(frame.bgra, 1.0)
    grain(frame.bgra, 2.0, 0, 0)
    words = Annotations(texts=(Text((6.0, 0.0, 1.0), "1", (255, 0, 0)),))
    annotate(frame.bgra, frame.depth, camera.lens, view_matrix(pose), words)
    events.look(frame.bgra, 0.1)
    radar = Radar(30.0, 30.0, 50.0)
    still = np.zeros((len(objects.origin), 3))
    radar.look(store, objects, pose, radar.rays(8), still, (0.0, 0.0, 0.0))
    scan(store, objects, pose, np.radians(np.arange(-4.0, 4.0)), np.radians(np.array([-2.0, 0.0])), 50.0)
