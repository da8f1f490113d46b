"""Junctions are paved without cracks: no ground shows between the lanes that cross there."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.render.camera import Camera
from simulator.render.labels import Label
from simulator.render.light import Weather, make_light
from simulator.world.town import Town
from tests.support.render_town import store_of

VIEWS = 25
BEFORE_M, EYE_M, NEAR_M = 15.0, 1.8, 40.0
MOST = 60e-6
"""Share of pixels; soil and grass of their own edges were seen in 277 of a million in Town07."""


@pytest.mark.parametrize("name", ["Town04", "Town07", "Town10HD"])
def test_paving_has_no_specks(name: str) -> None:
    """From a driver's eye: single pixels of anything else with road on all four sides."""
    town, store = Town.load(name), store_of(name)
    camera, light = Camera(640, 360, 90.0), make_light(Weather())
    rng = np.random.default_rng(1)
    specks, paved, seen = 0, 0, set()
    for row in rng.choice(np.flatnonzero(town.lanes.is_junction), VIEWS):
        x, y, z = town.lanes.location[row]
        turn = float(town.lanes.yaw_rad[row])
        place = (x - BEFORE_M * np.cos(turn), y - BEFORE_M * np.sin(turn), z + EYE_M)
        frame = camera.render(store, store.blocks, (*place, -3.0, float(np.degrees(turn)), 0.0), light)
        road = np.isin(frame.label, (int(Label.ROADS), int(Label.ROAD_LINES)))
        around = road[:-2, 1:-1] & road[2:, 1:-1] & road[1:-1, :-2] & road[1:-1, 2:]
        specks += int((around & ~road[1:-1, 1:-1] & (frame.depth[1:-1, 1:-1] < NEAR_M)).sum())
        paved += int(road.sum())
        seen |= set(np.unique(frame.label).tolist())
    assert paved > 0.1 * VIEWS * 640 * 360
    assert len(seen) > 6
    assert specks < MOST * paved
