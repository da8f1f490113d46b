"""The sun's view: which places near a camera it reaches.

The view is parallel, follows the camera in steps, and is aligned to its own pixels, so that shadows do not
swim. What stands still is drawn once per step; what moves is drawn on top of it every time.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from simulator.render.camera import Scratch, Shade
from simulator.render.project import OPTIONS
from simulator.render.store import Objects, TriangleStore
from simulator.render.visibility import BAND, fill_band

SIZE = 1024
REACH_M = 50.0
"""Half the side of the view."""

STEP_M = 8.0
"""Of the places that the view can be at: cameras within one step share it."""

_AWAY_M = 500.0
_NOTHING = -1e9


class SunView:
    """Shadows around one place. Keeps the static part of its last place and sun."""

    def __init__(self) -> None:
        self._scratch = Scratch((SIZE + BAND - 1) // BAND)
        self._still = np.zeros((SIZE, SIZE), np.float32)
        self._key: tuple[float, ...] = ()

    def look(
        self,
        store: TriangleStore,
        objects: Objects,
        place: tuple[float, float, float],
        sun: NDArray[np.float32],
    ) -> Shade:
        """Shadows for a camera.

        Args:
            store: triangles.
            objects: the store's blocks first, as `TriangleStore.objects` gives them.
            place: of the camera, m.
            sun: unit vector towards the sun.
        """
        center = np.floor(np.array(place) / STEP_M + 0.5) * STEP_M
        toward = sun.astype(np.float64)
        helper = np.array([0.0, 0.0, 1.0]) if abs(toward[2]) < 0.95 else np.array([1.0, 0.0, 0.0])
        right = np.cross(helper, toward)
        right /= np.linalg.norm(right)
        down = np.cross(toward, right)
        view = np.stack([right, down, -toward, center + _AWAY_M * toward])
        scale = SIZE / (2.0 * REACH_M)
        lens = np.array([scale, scale, SIZE / 2.0, SIZE / 2.0])
        blocks = len(store.blocks.origin)
        key = (*center, *toward)
        if key != self._key:
            self._still[:] = _NOTHING
            self._draw(store, _part(objects, slice(0, blocks)), view, lens, self._still)
            self._key = key
        depth = self._still.copy()
        if len(objects.origin) > blocks:
            self._draw(store, _part(objects, slice(blocks, None)), view, lens, depth)
        matrix = np.zeros((3, 4))
        matrix[0, :3], matrix[1, :3], matrix[2, :3] = scale * right, scale * down, toward
        matrix[:2, 3] = SIZE / 2.0 - 0.5 - matrix[:2, :3] @ view[3]
        matrix[2, 3] = -toward @ view[3]
        return Shade(depth, matrix)

    def _draw(
        self,
        store: TriangleStore,
        objects: Objects,
        view: NDArray[np.float64],
        lens: NDArray[np.float64],
        depth: NDArray[np.float32],
    ) -> None:
        s = self._scratch
        s.find(store, objects, view, lens, (SIZE, SIZE), -1e9, 2.0 * _AWAY_M, 1)
        _fill(s.rf, s.ri, s.start, s.members, depth)


def _part(objects: Objects, rows: slice) -> Objects:
    """Some of the objects, with all palettes."""
    return Objects(
        objects.rotation[rows],
        objects.origin[rows],
        objects.ball[rows],
        objects.span[rows],
        objects.instance[rows],
        objects.palette[rows],
        objects.palettes,
    )


@numba.njit(parallel=True, **OPTIONS)
def _fill(rf, ri, start, members, depth):  # type: ignore[no-untyped-def]
    height, width = depth.shape
    for band in numba.prange((height + BAND - 1) // BAND):
        y0, y1 = band * BAND, min(height, band * BAND + BAND)
        seen = np.empty(BAND * width, np.int32)
        flat = depth[y0:y1].reshape((y1 - y0) * width)
        fill_band(rf, ri, members, start[band], start[band + 1], y0, y1, width, flat, seen)
