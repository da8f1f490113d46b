"""TriangleStore: all triangles of a world in one place, for cameras and for laser scanners.

Static meshes are cut into blocks by place once; what moves is drawn from templates, each object by its pose.
Every block or object has coordinates of its own, so that float32 stays exact to some micrometres in a town of
any size.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator.render.labels import PALETTE_SIZE
from simulator.render.mesh import Mesh, cross, joined
from simulator.render.patterns import LINE_WIDTH

BLOCK_M = 24.0
"""Side of a block of static triangles."""

_MOST_IN_BLOCK = 256


class Triangles(NamedTuple):
    """Columns of the store; N triangles, A of them patterned.

    Attributes:
        corners: (N, 3, 3) float32 m, in the object's frame.
        plane: (N, 4) float32 outward unit normal and its product with corner 0.
        rgb: (N, 3) float32.
        looks: (N, 4) uint8: label, material, layer, slot + 1.
        instance: (N,) int32.
        chart: (N,) int32 row of `charts`, or -1.
        charts: (A, 12) float32: u, v, w as linear functions of the place: three factors and a constant.
        chart_pattern: (A,) int32 row of `pattern_first`.
        pattern_first: (P + 1,) int32.
        lines: (L, LINE_WIDTH) float32.
    """

    corners: NDArray[np.float32]
    plane: NDArray[np.float32]
    rgb: NDArray[np.float32]
    looks: NDArray[np.uint8]
    instance: NDArray[np.int32]
    chart: NDArray[np.int32]
    charts: NDArray[np.float32]
    chart_pattern: NDArray[np.int32]
    pattern_first: NDArray[np.int32]
    lines: NDArray[np.float32]


class Objects(NamedTuple):
    """What is drawn: M blocks, templates or things that move.

    Attributes:
        rotation: (M, 3, 3) float64, object to world.
        origin: (M, 3) float64 m.
        ball: (M, 4) float32 centre in the object's frame and radius.
        span: (M, 2) int32 first triangle and number of triangles.
        instance: (M,) int32, added to the triangles' own.
        palette: (M,) int32 row of `palettes`.
        palettes: (K, PALETTE_SIZE, 4) float32 linear colour and glow.
    """

    rotation: NDArray[np.float64]
    origin: NDArray[np.float64]
    ball: NDArray[np.float32]
    span: NDArray[np.int32]
    instance: NDArray[np.int32]
    palette: NDArray[np.int32]
    palettes: NDArray[np.float32]


class Drawn(NamedTuple):
    """Objects drawn from templates; see `Objects` for the columns, `palette` counts rows of `palettes`."""

    keys: list[str]
    rotation: NDArray[np.float64]
    origin: NDArray[np.float64]
    instance: NDArray[np.int32]
    palette: NDArray[np.int32]
    palettes: NDArray[np.float32]


class Template(NamedTuple):
    """A mesh in the store that objects are drawn from."""

    span: tuple[int, int]
    ball: tuple[float, float, float, float]


class TriangleStore:
    """See the module docstring. Filled once, then read only.

    Attributes:
        triangles: the columns.
        blocks: the static part, ready to be drawn.
        templates: by the key they were added with.
    """

    def __init__(
        self,
        static: Mesh,
        templates: Iterable[tuple[str, Mesh]],
        pattern_first: NDArray[np.int32],
        lines: NDArray[np.float32],
    ) -> None:
        """Fill the store.

        Args:
            static: in world coordinates.
            templates: keys and meshes, each in its own frame.
            pattern_first: see `PatternBook.tables`.
            lines: see there.
        """
        order, spans, origins = _blocks(static)
        meshes = [static.chosen(order)]
        local = [meshes[0].corners - np.repeat(origins, spans[:, 1], axis=0)[:, None]]
        first, self.templates = len(static), {}
        for key, mesh in templates:
            clean = mesh.cleaned()
            meshes.append(clean)
            local.append(clean.corners)
            self.templates[key] = Template((first, len(clean)), _ball(clean.corners))
            first += len(clean)
        self.triangles = _columns(joined(meshes), np.concatenate(local), pattern_first, lines)
        count = len(spans)
        balls = np.array([_ball(local[0][a : a + n]) for a, n in spans], np.float32).reshape(-1, 4)
        self.blocks = Objects(
            np.broadcast_to(np.eye(3), (count, 3, 3)).copy(),
            origins,
            balls,
            spans.astype(np.int32),
            np.zeros(count, np.int32),
            np.zeros(count, np.int32),
            np.zeros((1, PALETTE_SIZE, 4), np.float32),
        )

    @classmethod
    def of(cls, triangles: Triangles, blocks: Objects, templates: dict[str, Template]) -> TriangleStore:
        """A store of the columns of another one, as they are."""
        store = cls.__new__(cls)
        store.triangles, store.blocks, store.templates = triangles, blocks, templates
        return store

    def nbytes(self) -> int:
        """Memory of all columns."""
        return sum(column.nbytes for column in (*self.triangles, *self.blocks))

    def objects(self, *drawn: Drawn) -> Objects:
        """The static blocks together with objects drawn from templates.

        Raises:
            KeyError: there is no template of such a key.
        """
        own = self.blocks
        chosen = [self.templates[key] for part in drawn for key in part.keys]
        palettes, first = [own.palette], 1
        for part in drawn:
            palettes.append((part.palette + first).astype(np.int32))
            first += len(part.palettes)
        return Objects(
            np.concatenate([own.rotation, *(np.reshape(part.rotation, (-1, 3, 3)) for part in drawn)]),
            np.concatenate([own.origin, *(np.reshape(part.origin, (-1, 3)) for part in drawn)]),
            np.concatenate([own.ball, np.array([t.ball for t in chosen], np.float32).reshape(-1, 4)]),
            np.concatenate([own.span, np.array([t.span for t in chosen], np.int32).reshape(-1, 2)]),
            np.concatenate([own.instance, *(np.asarray(part.instance, np.int32) for part in drawn)]),
            np.concatenate(palettes),
            np.concatenate([own.palettes, *(np.asarray(part.palettes, np.float32) for part in drawn)]),
        )

    def world_triangles(self, objects: Objects) -> NDArray[np.float64]:
        """(N, 3, 3) every triangle of the objects in the world, object after object: for checks."""
        parts = []
        for rotation, origin, (first, count) in zip(
            objects.rotation, objects.origin, objects.span, strict=True
        ):
            corners = self.triangles.corners[first : first + count].astype(np.float64)
            parts.append(corners @ rotation.T + origin)
        return np.concatenate(parts)


def _blocks(
    mesh: Mesh,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Order of the triangles, (B, 2) first and number of each block, and (B, 3) their origins."""
    middle = mesh.corners.mean(axis=1)
    cell = np.floor(middle[:, :2] / BLOCK_M).astype(np.int64)
    key = (cell[:, 0] - cell[:, 0].min(initial=0)) * 65536 + (cell[:, 1] - cell[:, 1].min(initial=0))
    size = np.ptp(mesh.corners, axis=1).max(axis=1) > BLOCK_M / 2.0  # large ones apart: they widen the ball
    order = np.lexsort((np.arange(len(mesh)), size, key))
    sorted_key = key[order] * 2 + size[order]
    borders = np.concatenate([[0], np.flatnonzero(np.diff(sorted_key)) + 1, [len(mesh)]])
    spans, origins = [], []
    for a, b in itertools.pairwise(borders):
        for first in range(int(a), int(b), _MOST_IN_BLOCK):
            count = min(_MOST_IN_BLOCK, int(b) - first)
            spans.append((first, count))
            origins.append(middle[order[first : first + count]].mean(axis=0).round(1))
    return order, np.array(spans, np.int64).reshape(-1, 2), np.array(origins, np.float64).reshape(-1, 3)


def _ball(corners: NDArray[np.float64]) -> tuple[float, float, float, float]:
    points = corners.reshape(-1, 3)
    middle = (points.min(axis=0) + points.max(axis=0)) / 2.0
    radius = float(np.linalg.norm(points - middle, axis=1).max()) + 1e-3
    return (float(middle[0]), float(middle[1]), float(middle[2]), radius)


def _columns(
    mesh: Mesh,
    local: NDArray[np.float64],
    pattern_first: NDArray[np.int32],
    lines: NDArray[np.float32],
) -> Triangles:
    corners = np.ascontiguousarray(local, np.float32)
    exact = corners.astype(np.float64)
    a, e1, e2 = exact[:, 0], exact[:, 1] - exact[:, 0], exact[:, 2] - exact[:, 0]
    across = cross(e1, e2)
    square = np.maximum(np.einsum("ij,ij->i", across, across), 1e-30)
    normal = across / np.sqrt(square)[:, None]
    plane = np.concatenate([normal, np.einsum("ij,ij->i", normal, a)[:, None]], axis=1)
    looks = np.stack([mesh.label, mesh.material, mesh.layer, (mesh.slot + 1).astype(np.uint8)], axis=1)
    drawn = np.flatnonzero(mesh.pattern >= 0)
    chart = np.full(len(mesh), -1, np.int32)
    chart[drawn] = np.arange(len(drawn))
    # A linear function with given values at the corners: its gradient lies in the triangle's plane.
    along1 = cross(e2, across)[drawn] / square[drawn, None]
    along2 = cross(across, e1)[drawn] / square[drawn, None]
    uvw = mesh.uvw[drawn].astype(np.float64)
    charts = np.zeros((len(drawn), 12))
    for k in range(3):
        slope = (uvw[:, 1, k] - uvw[:, 0, k])[:, None] * along1 + (uvw[:, 2, k] - uvw[:, 0, k])[
            :, None
        ] * along2
        charts[:, 4 * k : 4 * k + 3] = slope
        charts[:, 4 * k + 3] = uvw[:, 0, k] - np.einsum("ij,ij->i", slope, a[drawn])
    return Triangles(
        corners,
        plane.astype(np.float32),
        np.ascontiguousarray(mesh.rgb, np.float32),
        np.ascontiguousarray(looks, np.uint8),
        mesh.instance.astype(np.int32),
        chart,
        charts.astype(np.float32),
        mesh.pattern[drawn].astype(np.int32),
        np.asarray(pattern_first, np.int32),
        np.asarray(lines, np.float32).reshape(-1, LINE_WIDTH),
    )
