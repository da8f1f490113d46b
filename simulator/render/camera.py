"""Camera: a pinhole that looks into the store. One pass gives colour, depth, labels and instances."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.render.light import Light
from simulator.render.poses import rotation_matrices
from simulator.render.project import PARTS, RECORD, cull, project
from simulator.render.shade import FAR_M, shade
from simulator.render.smooth import smooth
from simulator.render.store import Objects, TriangleStore
from simulator.render.visibility import BAND, sort_into_bands

NEAR_M = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture.

    Attributes:
        bgra: (H, W, 4) uint8, as on CARLA's wire.
        depth: (H, W) float32 m along the camera's axis; 1000 for the sky.
        label: (H, W) uint8 city object label.
        instance: (H, W) int32, 0 for what is no object.
        records: (H, W) int32 visible record, for whoever needs more of a pixel.
    """

    bgra: NDArray[np.uint8]
    depth: NDArray[np.float32]
    label: NDArray[np.uint8]
    instance: NDArray[np.int32]
    records: NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Shade:
    """The sun's view, see `simulator.render.shadow`.

    Attributes:
        depth: (S, S) float32, the greater the nearer to the sun; (1, 1) for none.
        place: (3, 4) float64, from the world to its pixels and its depth.
    """

    depth: NDArray[np.float32]
    place: NDArray[np.float64]


NO_SHADE = Shade(np.zeros((1, 1), np.float32), np.zeros((3, 4)))
NO_LAMPS = np.zeros((0, 11), np.float32)


class Camera:
    """A camera of fixed size and angle. Keeps its buffers; one thread may use it at a time."""

    def __init__(self, width: int, height: int, fov_deg: float) -> None:
        """Prepare buffers.

        Args:
            width: pixels.
            height: pixels.
            fov_deg: horizontal angle of view.
        """
        self.width, self.height = width, height
        self.lens = pinhole(width, height, fov_deg)
        self._raw = np.zeros((height, width, 4), np.uint8)
        self._scratch = Scratch((height + BAND - 1) // BAND)

    def render(
        self,
        store: TriangleStore,
        objects: Objects,
        pose: tuple[float, float, float, float, float, float],
        light: Light,
        shadow: Shade = NO_SHADE,
        lamps: NDArray[np.float32] = NO_LAMPS,
    ) -> Frame:
        """The picture from a pose: x, y, z m, pitch, yaw, roll deg, as a CARLA transform.

        Args:
            store: triangles.
            objects: what is drawn of them.
            pose: the camera looks along its x axis.
            light: of the weather.
            shadow: the sun's view, if there are shadows.
            lamps: (L, 11) float32: place in the world, colour, direction, cosine of the cone or -2, square of
                the reach in m².
        """
        view = view_matrix(pose)
        s = self._scratch
        s.find(store, objects, view, self.lens, (self.width, self.height), NEAR_M, FAR_M, 0)
        frame = Frame(
            np.empty((self.height, self.width, 4), np.uint8),
            np.empty((self.height, self.width), np.float32),
            np.empty((self.height, self.width), np.uint8),
            np.empty((self.height, self.width), np.int32),
            np.empty((self.height, self.width), np.int32),
        )
        place = shadow.place.copy()
        place[:, 3] += place[:, :3] @ view[3]
        near_lamps = lamps.copy()
        near_lamps[:, :3] = lamps[:, :3].astype(np.float64) - view[3]
        shade(
            store.triangles, objects, s.eyes, s.seen, s.rf, s.ri, s.start, s.members,
            view.astype(np.float32), self.lens.astype(np.float32), light, shadow.depth,
            place.astype(np.float32), near_lamps, self._raw, frame.depth, frame.label, frame.instance,
            frame.records,
        )  # fmt: skip
        smooth(
            s.rf, self._raw, self._raw.view(np.uint32)[:, :, 0], frame.depth, frame.records,
            frame.bgra.view(np.uint32)[:, :, 0],
        )  # fmt: skip
        return frame

    def records_of(self) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Of the latest picture: the objects in view, and each record's integers; see `cull`, `project`."""
        return self._scratch.seen, self._scratch.ri


def pinhole(width: int, height: int, fov_deg: float) -> NDArray[np.float64]:
    """(4,) focal lengths and centre in pixels; the angle is the horizontal one."""
    focal = width / 2.0 / math.tan(math.radians(fov_deg) / 2.0)
    return np.array([focal, focal, width / 2.0, height / 2.0])


def view_matrix(pose: tuple[float, float, float, float, float, float]) -> NDArray[np.float64]:
    """(4, 3): right, down and forward of a camera in the world, and its place."""
    x, y, z, pitch, yaw, roll = pose
    forward, right, up = rotation_matrices(np.array([pitch, yaw, roll])).T
    return np.stack([right, -up, forward, np.array([x, y, z])])


class Scratch:
    """Buffers of projection and sorting. They grow as scenes demand."""

    def __init__(self, bands: int) -> None:
        self._bands = bands
        self.start = np.zeros(bands + 1, np.int64)
        self.members = np.zeros(4096, np.int32)
        self.counts = np.zeros(PARTS, np.int64)
        self.views = np.zeros((0, 3, 4), np.float32)
        self.eyes = np.zeros((0, 4), np.float32)
        self.seen = np.zeros((0, 2), np.int64)
        self.rf = np.zeros((0, RECORD), np.float32)
        self.ri = np.zeros((0, 4), np.int32)

    def find(
        self,
        store: TriangleStore,
        objects: Objects,
        view: NDArray[np.float64],
        lens: NDArray[np.float64],
        size: tuple[int, int],
        near: float,
        far: float,
        flat: int,
    ) -> None:
        """Fill the buffers with the records of a view, see `cull` and `project`."""
        if len(self.views) < len(objects.origin):
            room = len(objects.origin) + 256
            self.views = np.zeros((room, 3, 4), np.float32)
            self.eyes, self.seen = np.zeros((room, 4), np.float32), np.zeros((room, 2), np.int64)
        visible, total = cull(objects, view, lens, far, flat, self.views, self.eyes, self.seen)
        if len(self.rf) < 2 * total + PARTS:
            room = int(2.5 * total) + 1024
            self.rf, self.ri = np.zeros((room, RECORD), np.float32), np.zeros((room, 4), np.int32)
        project(
            store.triangles, objects, self.views, self.eyes, self.seen, visible, total,
            lens.astype(np.float32), np.array(size, np.float32), np.float32(near), flat,
            self.rf, self.ri, self.counts,
        )  # fmt: skip
        while True:
            need = sort_into_bands(self.ri, total, self.counts, self._bands, self.start, self.members)
            if need <= len(self.members):
                return
            self.members = np.zeros(int(need * 1.5), np.int32)
