"""Embree with NumPy shading on the triangles of our own store: what the drawing part of the bench is held to.

As cheap as it can be and still answer the same questions: one ray per pixel, the town's tree built once and
that of what moves built anew for every frame, colour from the triangle's own with sun and sky, no texture, no
shadow, no smoothing.
"""

from __future__ import annotations

import numpy as np
from embreex import rtcore_scene
from embreex.mesh_construction import TriangleMesh
from numpy.typing import NDArray

from simulator.render.store import Objects, TriangleStore

_FAR_M = 1000.0
_SUN = np.array([0.5, 0.3, 0.81])


class EmbreeTown:
    """Rays into a town and what moves in it."""

    def __init__(self, store: TriangleStore, middle: NDArray[np.float64]) -> None:
        """Build the tree of what stands; places count from `middle`, since Embree has float32 only."""
        self._store, self._middle = store, middle
        self._blocks = len(store.blocks.origin)
        self._still = rtcore_scene.EmbreeScene()
        TriangleMesh(self._still, self._triangles(store.blocks, 0))
        self._normal, self._rgb, self._label, self._instance = self._looks(store.blocks, 0)

    def _triangles(self, objects: Objects, first: int) -> NDArray[np.float32]:
        corners = [
            self._store.triangles.corners[a : a + n] @ rotation.T.astype(np.float32)
            + (origin - self._middle).astype(np.float32)
            for rotation, origin, (a, n) in zip(
                objects.rotation[first:], objects.origin[first:], objects.span[first:], strict=True
            )
        ]
        return np.concatenate(corners)

    def _looks(self, objects: Objects, first: int) -> tuple[NDArray[np.float32], ...]:
        columns = self._store.triangles
        span = objects.span[first:]
        rows = np.concatenate([np.arange(a, a + n) for a, n in span])
        owner = np.repeat(np.arange(len(span)), span[:, 1])
        normal = np.einsum(
            "nij,nj->ni", objects.rotation[first:].astype(np.float32)[owner], columns.plane[rows, :3]
        )
        rgb, label = columns.rgb[rows], columns.looks[rows, 0].astype(np.float32)
        return normal, rgb, label, columns.instance[rows] + objects.instance[first:][owner]

    def trace(
        self, objects: Objects, eye: NDArray[np.float64], rays: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64], tuple[NDArray[np.float32], ...]]:
        """Distances of unit rays (N, 3), the triangle of each (-1: none), and the looks of all triangles."""
        moving = rtcore_scene.EmbreeScene()
        TriangleMesh(moving, self._triangles(objects, self._blocks))
        start = np.broadcast_to((eye - self._middle).astype(np.float32), rays.shape).copy()
        still = self._still.run(start, rays, query="INTERSECT", output=1)
        found = moving.run(start, rays, query="INTERSECT", output=1)
        hit, reach = still["primID"].astype(np.int64), still["tfar"]
        nearer = (found["primID"] >= 0) & ((found["tfar"] < reach) | (hit < 0))
        hit[nearer] = found["primID"][nearer] + len(self._label)
        reach = np.where(nearer, found["tfar"], reach)
        looks = self._looks(objects, self._blocks)
        mine = (self._normal, self._rgb, self._label, self._instance)
        return reach, hit, tuple(np.concatenate(pair) for pair in zip(mine, looks, strict=True))

    def picture(
        self,
        objects: Objects,
        eye: NDArray[np.float64],
        rays: NDArray[np.float32],
        along: NDArray[np.float32],
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.uint8], NDArray[np.int32]]:
        """Colour (N, 3), depth along the axis m, label, instance; `along`: cosine to the axis."""
        reach, hit, (normal, rgb, label, instance) = self.trace(objects, eye, rays)
        seen = hit >= 0
        row = np.where(seen, hit, 0)
        light = 0.35 + 0.65 * np.maximum(normal[row] @ _SUN.astype(np.float32), 0.0)
        colour = np.sqrt(np.clip(rgb[row] * light[:, None], 0.0, 1.0))
        colour[~seen] = (0.6, 0.75, 0.9)
        depth = np.where(seen, reach * along, np.float32(_FAR_M))
        return (
            (colour * 255.0).astype(np.uint8),
            depth,
            np.where(seen, label[row], 11).astype(np.uint8),
            np.where(seen, instance[row], 0).astype(np.int32),
        )
