"""Which kinds of vehicles fit into a town's lanes.

A long vehicle sweeps more than its own width in a bend. One that needs more than its lane cannot keep out of
the way of what comes towards it, on any server: two of them meet in such a bend sooner or later. CARLA's
example `generate_traffic` knows `--safe` for this, which leaves out everything but cars; here a kind is left
out where geometry says that it does not fit.
"""

from __future__ import annotations

import carla
import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

_STEP_M = 1.0
_LEAST_WIDTH_M = 2.5
"""Lanes that open or close are narrower than that at one end; nobody drives there."""


def bends(town: carla.Map) -> Float:
    """(P, 2) curvature in 1/m and width in m of the driving lanes outside junctions, metre by metre."""
    rows = []
    for here in town.generate_waypoints(_STEP_M):
        following = here.next(_STEP_M)
        if not following or here.is_junction or here.lane_width < _LEAST_WIDTH_M:
            continue
        there = following[0]
        if there.road_id != here.road_id or there.lane_id != here.lane_id:
            continue
        distance = here.transform.location.distance(there.transform.location)
        turn = np.radians(there.transform.rotation.yaw - here.transform.rotation.yaw)
        rows.append((abs(np.angle(np.exp(1j * turn))) / max(distance, 1e-3), here.lane_width))
    return np.array(rows)


def swept_width_m(half_length_m: float, half_width_m: float, curvature_per_m: Float) -> Float:
    """Width of the ring that a box sweeps whose centre goes round a circle, tangentially.

    Outer front corner at sqrt((R + w)^2 + l^2), inner side at R - w.

    Args:
        half_length_m: of the box.
        half_width_m: of the box.
        curvature_per_m: (P,) 1 / R.

    Returns:
        (P,) m.
    """
    radius = 1.0 / np.maximum(curvature_per_m, 1e-6)
    outer = np.hypot(radius + half_width_m, half_length_m)
    return np.asarray(outer - np.maximum(radius - half_width_m, 0.0))


def fits(box: carla.BoundingBox, lanes: Float) -> bool:
    """Whether a vehicle with this box stays inside its lane when its centre keeps to the lane's middle.

    Args:
        box: of the vehicle.
        lanes: (P, 2) of `bends`.
    """
    return bool((swept_width_m(box.extent.x, box.extent.y, lanes[:, 0]) <= lanes[:, 1]).all())
