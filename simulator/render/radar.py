"""Radar: scattered rays into the store, with the speed at which each target comes or goes.

A radar's rays cross a rectangle as those of a camera do, but anywhere in it. So the triangles are projected
and sorted as for a picture, and each ray is tested against the records of its own band of rows.
"""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

from simulator.render.camera import NEAR_M, Scratch, view_matrix
from simulator.render.project import OPTIONS
from simulator.render.store import Objects, TriangleStore
from simulator.render.visibility import BAND

DETECTION = np.dtype([("velocity", "<f4"), ("azimuth", "<f4"), ("altitude", "<f4"), ("depth", "<f4")])
"""One target as on the wire: m/s, positive when it goes away; rad to the right; rad upwards; m."""

_SIZE = 2048


class Radar:
    """A radar of fixed angles and range. Keeps its buffers and its generator."""

    def __init__(
        self, horizontal_fov_deg: float, vertical_fov_deg: float, range_m: float, seed: int = 0
    ) -> None:
        """Prepare buffers.

        Args:
            horizontal_fov_deg: below 180.
            vertical_fov_deg: below 180.
            range_m: how far ahead a target may be.
            seed: of the rays.
        """
        self._half = np.tan(np.radians([horizontal_fov_deg, vertical_fov_deg]) / 2.0)
        focal = _SIZE / 2.0 / np.maximum(self._half, 1e-6)
        self._lens = np.array([focal[0], focal[1], _SIZE / 2.0, _SIZE / 2.0])
        self._range_m, self._rng = range_m, np.random.default_rng(seed)
        self._scratch = Scratch(_SIZE // BAND)

    def rays(self, count: int) -> NDArray[np.float64]:
        """(count, 2) right and up per metre ahead, drawn anew: denser in the middle, as CARLA's."""
        radius, angle = self._rng.uniform(size=count), self._rng.uniform(0.0, 2.0 * math.pi, count)
        return np.asarray(radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1) * self._half)

    def look(
        self,
        store: TriangleStore,
        objects: Objects,
        pose: tuple[float, float, float, float, float, float],
        rays: NDArray[np.float64],
        velocity_mps: NDArray[np.float64],
        own_velocity_mps: tuple[float, float, float],
    ) -> NDArray[np.void]:
        """A DETECTION for every ray that meets something, in the order of the rays.

        Args:
            store: triangles.
            objects: what is seen of them, without the radar's own vehicle.
            pose: x, y, z m, pitch, yaw, roll deg.
            rays: from `rays`.
            velocity_mps: (M, 3) of every object in the world, see `Cast.per_part`; blocks stand still.
            own_velocity_mps: of the radar in the world.
        """
        view, s = view_matrix(pose), self._scratch
        s.find(store, objects, view, self._lens, (_SIZE, _SIZE), NEAR_M, self._range_m, 0)
        spots = np.stack(
            [
                rays[:, 0] * self._lens[0] + self._lens[2],
                -rays[:, 1] * self._lens[1] + self._lens[3],
            ],
            axis=1,
        )
        depth, hit = np.zeros(len(rays)), np.full(len(rays), -1, np.int64)
        _trace(s.rf, s.ri, s.seen, s.start, s.members, spots, depth, hit)
        met = np.flatnonzero((hit >= 0) & (depth <= self._range_m))
        right, up = rays[met, 0], rays[met, 1]
        length = np.sqrt(1.0 + right * right + up * up)
        ahead = (view[2] + right[:, None] * view[0] - up[:, None] * view[1]) / length[:, None]
        relative = velocity_mps[hit[met]] - np.array(own_velocity_mps)
        found = np.zeros(len(met), DETECTION)
        found["velocity"] = np.einsum("ij,ij->i", relative, ahead)
        found["azimuth"], found["altitude"] = np.arctan(right), np.arcsin(up / length)
        found["depth"] = depth[met] * length
        return found


@numba.njit(parallel=True, **OPTIONS)
def _trace(rf, ri, seen, start, members, spots, depth, hit):  # type: ignore[no-untyped-def]
    """The nearest record at each spot of the picture: its depth along the axis and its object."""
    for n in numba.prange(spots.shape[0]):
        x, y = spots[n, 0], spots[n, 1]
        row = min(max(int(y), 0), _SIZE - 1)
        near = 0.0
        for entry in range(start[row // BAND], start[row // BAND + 1]):
            k = members[entry]
            q = rf[k]
            a = (float(q[2]) - q[0]) * (y - q[1]) - (float(q[3]) - q[1]) * (x - q[0])
            b = (float(q[4]) - q[2]) * (y - q[3]) - (float(q[5]) - q[3]) * (x - q[2])
            c = (float(q[0]) - q[4]) * (y - q[5]) - (float(q[1]) - q[5]) * (x - q[4])
            if (a < 0.0 or b < 0.0 or c < 0.0) and (a > 0.0 or b > 0.0 or c > 0.0):
                continue
            w = q[6] * x + q[7] * y + q[8]
            if w * q[9] > near:
                near = w * q[9]
                depth[n], hit[n] = 1.0 / w, seen[ri[k, 3], 0]
