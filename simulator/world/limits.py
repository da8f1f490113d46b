"""Limits: what keeps a world finite that clients push about with any number that fits into a message."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numba
import numpy as np
from numpy.typing import NDArray

from simulator.world.actors import Transform
from simulator.world.errors import NotFiniteError, OutsideWorldError

EDGE_M = 1_000_000.0
"""How far from the origin anything can be; snapshots carry 32-bit floats, which have 6 cm steps there."""

MAX_SPEED_MPS = 10_000.0
MAX_TURN_RADPS = 1_000.0

MAX_ACTORS = 10_000
"""Most actors of a world: a snapshot of 1.2 MB for every client and tick."""


def check_inside(actor_id: int, transform: Transform) -> None:
    """Refuse a place beyond the edge of the world.

    Raises:
        OutsideWorldError: a coordinate is beyond `EDGE_M`.
    """
    if any(abs(value) > EDGE_M for value in transform[:3]):
        raise OutsideWorldError(actor_id, EDGE_M)


def check_finite(actor_id: int, what: str, values: Iterable[float]) -> None:
    """Refuse numbers that would poison the world.

    Raises:
        NotFiniteError: one is NaN or infinite.
    """
    if not all(math.isfinite(value) for value in values):
        raise NotFiniteError(actor_id, what)


def contain(bodies: NDArray[np.void]) -> None:
    """Stop bodies at the edge of the world and cut velocities to what can be told; NaN becomes 0."""
    _contain(bodies)


@numba.njit(cache=True, fastmath=False)
def _within(value, limit):  # type: ignore[no-untyped-def]
    if math.isnan(value):
        return 0.0
    return min(max(value, -limit), limit)


@numba.njit(cache=True, fastmath=False)
def _contain(bodies):  # type: ignore[no-untyped-def]
    for i in range(bodies.shape[0]):
        body = bodies[i]
        fast = abs(body.vx) + abs(body.vy) + abs(body.vz) + abs(body.push_x) + abs(body.push_y)
        far = abs(body.x) + abs(body.y) + abs(body.z)
        turned = abs(body.yaw) + abs(body.pitch) + abs(body.roll)
        # Written so that NaN fails them too.
        if fast < MAX_SPEED_MPS and far < EDGE_M and turned < 1e9 and abs(body.yaw_rate) < MAX_TURN_RADPS:
            continue
        body.x, body.y, body.z = _within(body.x, EDGE_M), _within(body.y, EDGE_M), _within(body.z, EDGE_M)
        body.vx, body.vy = _within(body.vx, MAX_SPEED_MPS), _within(body.vy, MAX_SPEED_MPS)
        body.vz = _within(body.vz, MAX_SPEED_MPS)
        body.push_x = _within(body.push_x, MAX_SPEED_MPS)
        body.push_y = _within(body.push_y, MAX_SPEED_MPS)
        body.yaw_rate = _within(body.yaw_rate, MAX_TURN_RADPS)
        if not turned < 1e9:
            body.yaw, body.pitch, body.roll = 0.0, 0.0, 0.0
            body.last_pitch, body.last_roll = 0.0, 0.0
