"""What the bodies of vehicles have in common: lofted hulls, panes, lamps, wheels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from simulator.render.labels import Label, Material, Slot
from simulator.render.mesh import Mesh, Rgb, cross, fan, joined, make_mesh
from simulator.render.shapes import box, loft, ring

GLASS_RGB = (0.02, 0.025, 0.03)
DARK_RGB = (0.02, 0.02, 0.022)
TYRE_RGB = (0.018, 0.018, 0.018)
RIM_RGB = (0.36, 0.37, 0.39)
PLATE_RGB = (0.7, 0.7, 0.66)

BODY_SHARE = 0.98
"""Of the half width of a car's box: what its body takes without its mirrors."""

Station = tuple[float, float, float, float]
"""x, lower z, upper z, half width of a hull at one place, m."""


def hull(
    stations: Sequence[Station], label: Label, slot: int = Slot.BODY, rgb: Rgb = (0.4, 0.4, 0.4)
) -> Mesh:
    """A body with bevelled sides through sections from front to back."""
    rings = []
    for x, low, high, half in stations:
        tall = high - low
        outline = np.array(
            [
                (-0.975 * half, low),
                (-0.985 * half, low + 0.22 * tall),
                (-half, low + 0.55 * tall),
                (-0.985 * half, low + 0.90 * tall),
                (-0.93 * half, high),
                (0.93 * half, high),
                (0.985 * half, low + 0.90 * tall),
                (half, low + 0.55 * tall),
                (0.985 * half, low + 0.22 * tall),
                (0.975 * half, low),
            ]
        )
        rings.append(np.column_stack([np.full(len(outline), x), outline]))
    return make_mesh(loft(rings), rgb, label, Material.PAINT, slot=slot)


def pane(
    corners: Sequence[tuple[float, float, float]], out: tuple[float, float, float], label: Label
) -> Mesh:
    """A window: a convex polygon that is seen from the side that `out` points to."""
    return make_mesh(facing(np.array(corners, float), out), GLASS_RGB, label, Material.GLASS)


def patch(
    corners: Sequence[tuple[float, float, float]],
    out: tuple[float, float, float],
    label: Label,
    rgb: Rgb,
    slot: int = Slot.NONE,
    material: Material = Material.PLAIN,
) -> Mesh:
    """A flat convex polygon on a body."""
    return make_mesh(facing(np.array(corners, float), out), rgb, label, material, slot=slot)


def facing(points: NDArray[np.float64], out: Sequence[float]) -> NDArray[np.float64]:
    """Triangles of a convex polygon whose normals point along `out`."""
    triangles = fan(points)
    normals = cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    wrong = normals @ np.array(out) < 0.0
    return np.where(wrong[:, None, None], triangles[:, ::-1], triangles)


def block(
    center: tuple[float, float, float],
    half: tuple[float, float, float],
    label: Label,
    rgb: Rgb,
    slot: int = Slot.NONE,
    material: Material = Material.PLAIN,
) -> Mesh:
    """A box."""
    return make_mesh(box(center, half), rgb, label, material, slot=slot)


def inset(
    quad: Sequence[tuple[float, float, float]],
    low: tuple[float, float],
    high: tuple[float, float],
    off: float,
    out: tuple[float, float, float],
    label: Label,
) -> Mesh:
    """A window within a quad face, a little in front of it.

    Args:
        quad: lower front, lower back, upper back, upper front corner.
        low: shares from front to back and from below to above where it begins.
        high: where it ends.
        off: m in front of the face.
        out: where the face looks to.
        label: of the vehicle.
    """
    a, b, c, d = (np.array(p, float) for p in quad)
    step = np.array(out) / np.linalg.norm(out) * off

    def at(u: float, v: float) -> tuple[float, float, float]:
        p = (a * (1.0 - u) + b * u) * (1.0 - v) + (d * (1.0 - u) + c * u) * v + step
        return (float(p[0]), float(p[1]), float(p[2]))

    corners = [at(low[0], low[1]), at(high[0], low[1]), at(high[0], high[1]), at(low[0], high[1])]
    return pane(corners, out, label)


def lamps(
    label: Label,
    x: tuple[float, float],
    half: float,
    z: float,
    size: tuple[float, float],
    parts: Sequence[tuple[int, float, float]],
) -> Mesh:
    """Lamps on both sides, let into a face across the vehicle.

    Args:
        label: of the vehicle.
        x: where their glass begins and ends, m.
        half: half width of the vehicle there.
        z: their middle.
        size: half width and half height of the whole cluster.
        parts: palette row, and the shares of the cluster from the inner to the outer side that it takes.
    """
    made = []
    inner = half - 2.0 * size[0]
    depth = abs(x[1] - x[0]) / 2.0
    for slot, begin, end in parts:
        middle, wide = inner + size[0] * (begin + end), size[0] * (end - begin)
        for side in (-1.0, 1.0):
            sides = (Slot.LEFT, Slot.RIGHT)[int(side > 0)] if slot == Slot.LEFT else slot
            center = ((x[0] + x[1]) / 2.0, side * middle, z)
            made.append(
                block(center, (depth, wide, size[1]), label, (0.5, 0.5, 0.5), int(sides), Material.LAMP)
            )
    return joined(made)


def wheel(radius: float, width: float, label: Label, *, spokes: int = 4) -> Mesh:
    """A wheel about its own centre, its axle along y. Spokes make it visible that it turns."""
    count = 4 * spokes
    half = width / 2.0
    shoulder = [ring((0.0, y, 0.0), r, count, axis=1) for y, r in ((-half, radius), (half, radius))]
    parts = [make_mesh(loft(shoulder), TYRE_RGB, label)]
    for side in (-1.0, 1.0):
        y = side * (half + 0.004)
        rim = ring((0.0, y, 0.0), 0.66 * radius, count, axis=1)
        for k in range(count):
            bright = k % 4 < 2
            corner = np.stack([np.array([0.0, y, 0.0]), rim[k], rim[(k + 1) % count]])
            parts.append(make_mesh(facing(corner, (0.0, side, 0.0)), RIM_RGB if bright else DARK_RGB, label))
    return joined(parts)


def arch(x: float, y: float, z: float, radius: float, label: Label) -> Mesh:
    """The dark opening above a wheel, on both sides of a body."""
    angle = np.linspace(0.0, np.pi, 9)
    parts = []
    for side in (-1.0, 1.0):
        points = np.column_stack(
            [x + radius * np.cos(angle), np.full(9, side * y), z + radius * np.sin(angle)]
        )
        parts.append(make_mesh(facing(points, (0.0, side, 0.0)), DARK_RGB, label))
    return joined(parts)
