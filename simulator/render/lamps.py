"""Lamps that light their surroundings: headlights and street lights, for cameras at night."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulator.render.cast import Motion, Player
from simulator.render.poses import rotation_matrices

COLUMNS = 11
"""Place m, colour, direction, cosine of the cone's half angle or -2 for all round, square of the reach m²."""

MOST = 24
"""Lamps of one picture; the nearest ones count."""

_LOW_BEAM, _HIGH_BEAM = 2, 4  # of CARLA's VehicleLightState
_HEAD_RGB = (420.0, 400.0, 350.0)
_HEAD_CONE_DEG, _HEAD_DOWN_DEG = 24.0, 2.5
_HEAD_REACH_M, _HIGH_REACH_M = 45.0, 80.0
_HEAD_ABOVE_M = 0.65
_STREET_RGB = (150.0, 122.0, 80.0)
_STREET_CONE_DEG, _STREET_REACH_M = 78.0, 26.0


def headlights(players: list[Player], motion: Motion) -> NDArray[np.float32]:
    """(L, COLUMNS) one beam for every vehicle whose low or high beam is on.

    Args:
        players: the actors of the cast.
        motion: how they stand, in the same order.
    """
    burning = (motion.lights & (_LOW_BEAM | _HIGH_BEAM)) != 0
    chosen = [k for k in np.flatnonzero(burning) if players[k].blueprint.vehicle is not None]
    made = np.zeros((len(chosen), COLUMNS), np.float32)
    if not chosen:
        return made
    rotation = rotation_matrices(motion.transform[chosen, 3:])
    boxes = [players[k].blueprint.box for k in chosen]
    nose = np.array([box[0][0] + box[1][0] + 0.05 if box is not None else 0.0 for box in boxes])
    forward, up = rotation[:, :, 0], rotation[:, :, 2]
    place = motion.transform[chosen, :3] + nose[:, None] * forward + _HEAD_ABOVE_M * up
    down = np.radians(_HEAD_DOWN_DEG)
    made[:, 0:3], made[:, 3:6] = place, _HEAD_RGB
    made[:, 6:9] = np.cos(down) * forward - np.sin(down) * up
    made[:, 9] = np.cos(np.radians(_HEAD_CONE_DEG))
    high = (motion.lights[chosen] & _HIGH_BEAM) != 0
    made[:, 10] = np.where(high, _HIGH_REACH_M, _HEAD_REACH_M) ** 2
    return made


def street_lights(places: NDArray[np.float64]) -> NDArray[np.float32]:
    """(L, COLUMNS) lamps that hang at (L, 3) places and shine downwards."""
    made = np.zeros((len(places), COLUMNS), np.float32)
    made[:, 0:3], made[:, 3:6] = places, _STREET_RGB
    made[:, 8] = -1.0
    made[:, 9] = np.cos(np.radians(_STREET_CONE_DEG))
    made[:, 10] = _STREET_REACH_M**2
    return made


def nearest(lamps: NDArray[np.float32], place: tuple[float, float, float]) -> NDArray[np.float32]:
    """The `MOST` lamps whose light can come nearest to a place, in their own order."""
    if len(lamps) <= MOST:
        return lamps
    lit = lamps[:, :3] + 8.0 * lamps[:, 6:9]
    distance = np.linalg.norm(lit - np.array(place, np.float32), axis=1)
    return np.asarray(lamps[np.sort(np.argsort(distance, kind="stable")[:MOST])])
