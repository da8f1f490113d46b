"""Mesh: a triangle soup with what each triangle looks like and what it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.render.labels import Label, Material, Slot

Rgb = tuple[float, float, float]
"""Linear reflectance, 0 to 1."""

_LEAST_AREA_M2 = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """Triangles in a frame of their own; x forward, y right, z up, m.

    Attributes:
        corners: (N, 3, 3) float64. The cross product of the edges 0-1 and 0-2 points outwards.
        rgb: (N, 3) float32 linear reflectance.
        label: (N,) uint8, `Label`.
        material: (N,) uint8, `Material`.
        slot: (N,) int8, `Slot`: row of the object's palette that replaces `rgb`, or -1.
        layer: (N,) uint8; of surfaces at the same place the one of the highest layer is seen.
        pattern: (N,) int32, row of a pattern table that `uvw` is meant for, or -1.
        uvw: (N, 3, 3) float32 pattern coordinates of each corner.
        instance: (N,) int32, 0 for what is no object of its own.
    """

    corners: NDArray[np.float64]
    rgb: NDArray[np.float32]
    label: NDArray[np.uint8]
    material: NDArray[np.uint8]
    slot: NDArray[np.int8]
    layer: NDArray[np.uint8]
    pattern: NDArray[np.int32]
    uvw: NDArray[np.float32]
    instance: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.corners)

    def moved(self, rotation: NDArray[np.float64], offset: NDArray[np.float64]) -> Mesh:
        """The same mesh after `rotation` (3, 3) and then `offset` (3,)."""
        return replace(self, corners=self.corners @ rotation.T + offset)

    def at(self, x: float, y: float, z: float, yaw_rad: float = 0.0) -> Mesh:
        """The same mesh turned about the vertical and then moved."""
        c, s = np.cos(yaw_rad), np.sin(yaw_rad)
        turn = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
        return self.moved(turn, np.array([x, y, z]))

    def scaled(self, x: float, y: float, z: float) -> Mesh:
        """The same mesh, stretched along its axes by positive factors."""
        return replace(self, corners=self.corners * np.array([x, y, z]))

    def mirrored(self) -> Mesh:
        """The mirror image in y, with outward normals."""
        return replace(self, corners=(self.corners * np.array([1.0, -1.0, 1.0]))[:, ::-1])

    def as_instance(self, number: int) -> Mesh:
        """The same mesh as one object with an instance number."""
        return replace(self, instance=np.full(len(self), number, np.int32))

    def normals(self) -> NDArray[np.float64]:
        """(N, 3) outward unit vectors."""
        cross = _cross(self.corners)
        return np.asarray(cross / np.linalg.norm(cross, axis=1, keepdims=True))

    def cleaned(self) -> Mesh:
        """Without triangles that have no area."""
        return self.chosen(np.linalg.norm(_cross(self.corners), axis=1) > 2.0 * _LEAST_AREA_M2)

    def chosen(self, which: NDArray[np.bool_] | NDArray[np.int64]) -> Mesh:
        """Some of the triangles."""
        return Mesh(**{name: getattr(self, name)[which] for name in self.__slots__})


def cross(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 3) cross products of (N, 3) vectors: `np.cross` without its overhead."""
    ax, ay, az = a[:, 0], a[:, 1], a[:, 2]
    bx, by, bz = b[:, 0], b[:, 1], b[:, 2]
    return np.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], axis=1)


def _cross(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    return cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])


def make_mesh(
    corners: NDArray[np.float64],
    rgb: Rgb | NDArray[Any],
    label: Label,
    material: Material = Material.PLAIN,
    *,
    slot: int = Slot.NONE,
    layer: int = 1,
    pattern: int | NDArray[np.int32] = -1,
    uvw: NDArray[Any] | None = None,
) -> Mesh:
    """A mesh with one look for all triangles.

    Args:
        corners: (N, 3, 3).
        rgb: one colour, or (N, 3).
        label: what it is.
        material: how it answers light.
        slot: palette row instead of `rgb`.
        layer: see `Mesh`.
        pattern: one row, or (N,).
        uvw: (N, 3, 3) if there is a pattern.
    """
    count = len(corners)
    return Mesh(
        corners=np.ascontiguousarray(corners, np.float64).reshape(-1, 3, 3),
        rgb=np.ascontiguousarray(np.broadcast_to(np.asarray(rgb, np.float32), (count, 3))),
        label=np.full(count, int(label), np.uint8),
        material=np.full(count, int(material), np.uint8),
        slot=np.full(count, int(slot), np.int8),
        layer=np.full(count, layer, np.uint8),
        pattern=np.ascontiguousarray(np.broadcast_to(np.asarray(pattern, np.int32), (count,))),
        uvw=np.zeros((count, 3, 3), np.float32) if uvw is None else np.asarray(uvw, np.float32),
        instance=np.zeros(count, np.int32),
    )


def joined(meshes: Iterable[Mesh]) -> Mesh:
    """One mesh of many; an empty one of none."""
    found = list(meshes)
    if not found:
        return make_mesh(np.zeros((0, 3, 3)), (0.0, 0.0, 0.0), Label.NONE)
    names = Mesh.__slots__
    return Mesh(**{name: np.concatenate([getattr(one, name) for one in found]) for name in names})


def upward(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 3, 3) corners in the order whose normals point up."""
    down = _cross(corners)[:, 2] < 0.0
    return np.where(down[:, None, None], corners[:, ::-1], corners)


def outward(
    corners: NDArray[np.float64], inside: Sequence[float] | NDArray[np.float64]
) -> NDArray[np.float64]:
    """(N, 3, 3) corners of a star-shaped body in the order whose normals point away from `inside`."""
    away = corners.mean(axis=1) - np.asarray(inside)
    wrong = np.einsum("ij,ij->i", _cross(corners), away) < 0.0
    return np.where(wrong[:, None, None], corners[:, ::-1], corners)


def quads(
    a: NDArray[np.float64], b: NDArray[np.float64], c: NDArray[np.float64], d: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(2 N, 3, 3) triangles of N quads with corners a, b, c, d in turn, each (N, K)."""
    return np.stack([np.stack([a, b, c], axis=1), np.stack([a, c, d], axis=1)], axis=1).reshape(
        -1, 3, a.shape[-1]
    )


def fan(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N - 2, 3, 3) triangles of a convex polygon of N points."""
    first = np.broadcast_to(points[0], (len(points) - 2, 3))
    return np.stack([first, points[1:-1], points[2:]], axis=1)


def divided(triangles: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """(n * n * N, 3, 3) every one of N triangles as n * n alike ones; neighbours stay without cracks."""
    i, j = (k.ravel() for k in np.meshgrid(np.arange(n), np.arange(n), indexing="ij"))
    up, down = i + j < n, i + j < n - 1
    first = np.stack([np.stack([i + a, j + b], axis=1)[up] for a, b in ((0, 0), (1, 0), (0, 1))], axis=1)
    second = np.stack([np.stack([i + a, j + b], axis=1)[down] for a, b in ((1, 0), (1, 1), (0, 1))], axis=1)
    shares = np.concatenate([first, second]) / n
    a, b, c = triangles[:, None, None, 0], triangles[:, None, None, 1], triangles[:, None, None, 2]
    made = a + shares[..., :1] * (b - a) + shares[..., 1:] * (c - a)
    return np.asarray(made.reshape(-1, 3, triangles.shape[-1]))
