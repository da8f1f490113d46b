"""Simple bodies from which furniture and vehicles are put together: boxes, rods, discs, lofts, plates."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from simulator.render.mesh import cross, fan, outward, quads

Point = tuple[float, float, float]


def box(center: Point, half: Point, top_scale: tuple[float, float] = (1.0, 1.0)) -> NDArray[np.float64]:
    """(12, 3, 3): a box whose upper face is scaled in x and y."""
    return np.asarray(_unit_box(top_scale) * half + np.array(center))


@lru_cache
def _unit_box(top_scale: tuple[float, float]) -> NDArray[np.float64]:
    """(12, 3, 3): thousands of boxes differ by their sizes only."""
    signs = np.array([[x, y, z] for z in (-1, 1) for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))], float)
    signs[4:, 0] *= top_scale[0]
    signs[4:, 1] *= top_scale[1]
    return prism(signs[:4], signs[4:])


def prism(lower: NDArray[np.float64], upper: NDArray[np.float64]) -> NDArray[np.float64]:
    """The convex body between two polygons of N points each, with both ends."""
    return loft([lower, upper])


def loft(rings: Sequence[NDArray[np.float64]], *, caps: bool = True) -> NDArray[np.float64]:
    """A skin over rings of N points each; normals point away from the middle of each piece.

    Args:
        rings: (N, 3) each; every ring is convex.
        caps: whether both ends are closed.
    """
    parts = []
    for low, high in itertools.pairwise(rings):
        after_low, after_high = np.roll(low, -1, axis=0), np.roll(high, -1, axis=0)
        parts.append(
            outward(quads(low, after_low, after_high, high), np.concatenate([low, high]).mean(axis=0))
        )
    if caps:
        for end, other in ((rings[0], rings[1]), (rings[-1], rings[-2])):
            parts.append(outward(fan(end), other.mean(axis=0)))
    return np.concatenate(parts)


def ring(
    center: Point, radius: float | tuple[float, float], count: int, axis: int = 2
) -> NDArray[np.float64]:
    """(count, 3) points of a circle or an ellipse about the given axis."""
    rx, ry = radius if isinstance(radius, tuple) else (radius, radius)
    angle = (np.arange(count) + 0.5) * (2.0 * np.pi / count)
    points = np.zeros((count, 3))
    points[:, (axis + 1) % 3] = rx * np.cos(angle)
    points[:, (axis + 2) % 3] = ry * np.sin(angle)
    return np.asarray(points + np.array(center))


def rod(
    start: Point, end: Point, radius: float, count: int = 6, end_radius: float | None = None
) -> NDArray[np.float64]:
    """A tapering cylinder between two points."""
    a, b = np.array(start, float), np.array(end, float)
    along = (b - a) / np.linalg.norm(b - a)
    helper = np.array([1.0, 0.0, 0.0]) if abs(along[0]) < 0.8 else np.array([0.0, 1.0, 0.0])
    u = np.cross(along, helper)
    u /= np.linalg.norm(u)
    v = np.cross(along, u)
    angle = (np.arange(count) + 0.5) * (2.0 * np.pi / count)
    circle = np.outer(np.cos(angle), u) + np.outer(np.sin(angle), v)
    return prism(a + radius * circle, b + (radius if end_radius is None else end_radius) * circle)


def ball(center: Point, half: Point, rows: int = 4, count: int = 8) -> NDArray[np.float64]:
    """An ellipsoid of `rows` bands."""
    return np.asarray(_unit_ball(rows, count) * np.array(half) + np.array(center))


@lru_cache
def _unit_ball(rows: int, count: int) -> NDArray[np.float64]:
    rings = []
    for k in range(rows + 1):
        polar = np.pi * (0.06 + 0.88 * k / rows)
        rings.append(ring((0.0, 0.0, -np.cos(polar)), np.sin(polar), count))
    return loft(rings)


def plate(center: Point, right: Point, up: Point, outline: NDArray[np.float64]) -> NDArray[np.float64]:
    """A flat convex polygon in the plane of `right` and `up`, seen from the side of right x up turned about.

    The outward normal is `up` x `right` in our left-handed axes, which is where a reader stands for whom
    `right` is on the right.

    Args:
        center: its origin.
        right: unit vector.
        up: unit vector.
        outline: (N, 2) points as (right, up).
    """
    points = np.array(center) + outline[:, :1] * np.array(right) + outline[:, 1:] * np.array(up)
    triangles = fan(points)
    normal = np.cross(np.array(up), np.array(right))
    normals = cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    wrong = normals @ normal < 0.0
    return np.where(wrong[:, None, None], triangles[:, ::-1], triangles)


def rectangle(half_width: float, half_height: float) -> NDArray[np.float64]:
    """(4, 2) outline for `plate`."""
    return np.array(
        [
            [-half_width, -half_height],
            [half_width, -half_height],
            [half_width, half_height],
            [-half_width, half_height],
        ]
    )
