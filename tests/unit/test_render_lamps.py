"""Night: headlights and street lights brighten the road before them, and lit lamps of signals can be told."""

from __future__ import annotations

import numpy as np

from simulator.render.camera import NO_SHADE, Camera
from simulator.render.cast import Cast, Motion, Player
from simulator.render.lamps import COLUMNS, MOST, headlights, nearest, street_lights
from simulator.render.light import Weather, make_light
from simulator.world.blueprints import default_library
from simulator.world.town import Town
from tests.support.render_town import standing, store_of

NIGHT = make_light(Weather(sun_altitude_deg=-30.0))


def test_headlights_light_the_road_ahead() -> None:
    town, store = Town.load("Town10HD"), store_of("Town10HD")
    place = standing(town, town.spawn_points[40])
    players = [Player(7, default_library()["vehicle.lincoln.mkz_2020"], (0.3, 0.3, 0.3))]
    x, y, z, pitch, yaw, _ = place
    ahead = 2.6 * np.array([np.cos(np.radians(yaw)), np.sin(np.radians(yaw))])  # before the car's own nose
    pose = (x + ahead[0], y + ahead[1], z + 1.7, pitch - 8.0, yaw, 0.0)
    pictures = []
    for flags in (0, 2):
        motion = Motion.standing(np.array([place]))
        motion.lights[:] = flags
        lamps = headlights(players, motion)
        assert lamps.shape == (int(flags == 2), COLUMNS)
        objects = store.objects(Cast(store, players).drawn(motion))
        frame = Camera(160, 96, 90.0).render(store, objects, pose, NIGHT, NO_SHADE, lamps)
        pictures.append(frame.bgra[60:80, 50:110, :3].mean())
    assert pictures[1] > pictures[0] + 20.0


def test_the_nearest_street_lights_count() -> None:
    places = np.column_stack([np.arange(100) * 10.0, np.zeros(100), np.full(100, 7.0)])
    lamps = nearest(street_lights(places), (500.0, 0.0, 0.0))
    assert lamps.shape == (MOST, COLUMNS)
    assert np.abs(lamps[:, 0] - 500.0).max() <= 10.0 * (MOST // 2)
    assert np.all(np.diff(lamps[:, 0]) > 0.0)
