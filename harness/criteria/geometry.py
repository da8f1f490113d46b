"""Geometry in plain floats: for a handful of numbers that is faster than arrays. CARLA's frame."""

from __future__ import annotations

import math
from collections.abc import Iterable

from harness.facts import Vector

Segment = tuple[float, float, float, float]
"""x and y of one end, then of the other, m."""


def forward_vector(rotation_deg: Vector) -> Vector:
    """Unit vector ahead of something rotated by (pitch, yaw, roll) degrees, as CARLA's get_forward_vector."""
    pitch = math.radians(rotation_deg[0])
    yaw = math.radians(rotation_deg[1])
    level = math.cos(pitch)
    return level * math.cos(yaw), level * math.sin(yaw), math.sin(pitch)


def dot(a: Vector, b: Vector) -> float:
    """Scalar product."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def distance_m(a: Vector, b: Vector) -> float:
    """Distance of two points in space."""
    dx, dy, dz = a[0] - b[0], a[1] - b[1], a[2] - b[2]
    return math.sqrt(dx * dx + dy * dy + dz * dz)


def along_yaw(location: Vector, forward_m: float, yaw_deg: float) -> tuple[float, float]:
    """The point `forward_m` ahead of a location in the direction of a yaw; z is dropped."""
    yaw = math.radians(yaw_deg)
    return location[0] + math.cos(yaw) * forward_m, location[1] + math.sin(yaw) * forward_m


def _side(ax: float, ay: float, bx: float, by: float, px: float, py: float) -> float:
    """Positive, zero or negative: on which side of the line from a to b the point p lies."""
    return (bx - ax) * (py - ay) - (by - ay) * (px - ax)


def segments_touch(first: Segment, second: Segment) -> bool:
    """Whether two closed segments share a point; touching ends and overlap count.

    A segment of length 0 touches nothing: that is how shapely, which the official criteria use, sees it.
    """
    ax, ay, bx, by = first
    cx, cy, dx, dy = second
    if (ax == bx and ay == by) or (cx == dx and cy == dy):
        return False
    side_a = _side(cx, cy, dx, dy, ax, ay)
    side_b = _side(cx, cy, dx, dy, bx, by)
    side_c = _side(ax, ay, bx, by, cx, cy)
    side_d = _side(ax, ay, bx, by, dx, dy)
    if (side_a < 0.0 < side_b or side_b < 0.0 < side_a) and (side_c < 0.0 < side_d or side_d < 0.0 < side_c):
        return True
    return (
        (side_a == 0.0 and _in_box(second, ax, ay))
        or (side_b == 0.0 and _in_box(second, bx, by))
        or (side_c == 0.0 and _in_box(first, cx, cy))
        or (side_d == 0.0 and _in_box(first, dx, dy))
    )


def _in_box(segment: Segment, px: float, py: float) -> bool:
    """Whether a point lies in the axis-aligned box around a segment."""
    ax, ay, bx, by = segment
    return min(ax, bx) <= px <= max(ax, bx) and min(ay, by) <= py <= max(ay, by)


class NearbyIndex:
    """Which of a fixed set of points may lie within a radius of a place; a superset, in the order given.

    A hash grid: each point is entered in its own cell and the eight around it, so that a question reads one
    cell.

    Args:
        points: (x, y, z) m; z is not looked at.
        radius_m: every point within it (in the plane, so also in space) is in the answer.
    """

    __slots__ = ("_cell_m", "_cells")

    def __init__(self, points: Iterable[Vector], radius_m: float) -> None:
        self._cell_m = radius_m
        cells: dict[tuple[int, int], list[int]] = {}
        for number, (x, y, _) in enumerate(points):
            column, row = math.floor(x / radius_m), math.floor(y / radius_m)
            for across in (column - 1, column, column + 1):
                for along in (row - 1, row, row + 1):
                    cells.setdefault((across, along), []).append(number)
        self._cells = {cell: tuple(numbers) for cell, numbers in cells.items()}

    def near(self, location: Vector) -> tuple[int, ...]:
        """Numbers of the points that may lie within the radius of a location, ascending."""
        cell_m = self._cell_m
        return self._cells.get((math.floor(location[0] / cell_m), math.floor(location[1] / cell_m)), ())
