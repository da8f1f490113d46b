"""Boxes of vehicles as the client tells them, against their masks in its pictures; in full: `make eyes`."""

from __future__ import annotations

import carla
import numpy as np
import pytest

from tests.eyes.boxes import LEAST_IOU, judge_views, populate
from tests.support.carla_client import go_asynchronous

pytestmark = [pytest.mark.server, pytest.mark.slow]

VIEWS = 40


@pytest.mark.parametrize("town", ["Town02", "Town04"])
def test_projected_boxes_fit_the_masks_of_unoccluded_vehicles(client: carla.Client, town: str) -> None:
    world = client.load_world(town)
    vehicles = populate(world, seed=11)
    found = [one for view in judge_views(world, vehicles, VIEWS, seed=11) for one in view]
    go_asynchronous(world)
    assert len(found) >= 25
    assert len({one.type_id for one in found}) >= 8
    assert min(one.iou for one in found) >= LEAST_IOU
    assert np.median([one.iou for one in found]) >= 0.87
