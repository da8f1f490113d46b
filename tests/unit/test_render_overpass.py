"""Town04's overpass has no holes: from above and from below there is road where the map has road."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulator.render.camera import Camera
from simulator.render.labels import Label
from simulator.render.light import Weather, make_light
from simulator.world.town import Town
from tests.support.render_town import store_of

LIGHT = make_light(Weather())
PAVED = (int(Label.ROADS), int(Label.ROAD_LINES))
APART_M = 4.0
"""Between two roads of which one leads over the other."""


def crossings(town: Town) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(N, 3) centres of lanes on a bridge above another lane, and (N, 3) the centres below them."""
    place = town.lanes.location
    upper, lower = [], []
    for row in range(len(place)):
        flat = np.hypot(*(place[:, :2] - place[row, :2]).T)
        below = np.flatnonzero((flat < 3.0) & (place[row, 2] - place[:, 2] > APART_M))
        if len(below):
            upper.append(place[row])
            lower.append(place[below[0]])
    return np.array(upper), np.array(lower)


def test_the_overpass_has_no_holes() -> None:
    town, store = Town.load("Town04"), store_of("Town04")
    upper, lower = crossings(town)
    assert len(upper) > 20
    camera = Camera(9, 9, 20.0)
    rng = np.random.default_rng(3)
    for top, bottom in zip(upper, lower, strict=True):
        x, y = top[:2] + rng.uniform(-1.2, 1.2, 2)  # within the lane
        ground = float(town.roads.query(x, y, top[2])["ground_z"])
        down = camera.render(store, store.blocks, (x, y, ground + 3.0, -90.0, 0.0, 0.0), LIGHT)
        assert np.isin(down.label, PAVED).all()
        assert np.abs(down.depth - 3.0).max() < 0.15  # a slope within the picture
        assert abs(float(down.depth[4, 4]) - 3.0) < 0.02
        # From the lane below one sees the underside of the slab, not the sky, and the lane under one's feet.
        up = camera.render(store, store.blocks, (x, y, bottom[2] + 1.6, 90.0, 0.0, 0.0), LIGHT)
        assert (up.depth < ground - bottom[2]).all()
        below = camera.render(store, store.blocks, (*bottom[:2], bottom[2] + 1.6, -90.0, 0.0, 0.0), LIGHT)
        assert np.isin(below.label, PAVED).all()
        assert abs(float(below.depth[4, 4]) - 1.6) < 0.02
