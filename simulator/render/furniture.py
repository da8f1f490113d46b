"""What stands beside the roads: `mesh_of(kind, half, seed)`.

Every mesh fills its box: half sizes about (0, 0, half z), so that the origin is on the ground. The x axis
points to the road, y along it. The same arguments give the same mesh.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from simulator.render.buildings import building
from simulator.render.labels import Label, Material
from simulator.render.mesh import Mesh, Rgb, joined, make_mesh
from simulator.render.shapes import ball, box, rod

Half = tuple[float, float, float]

_BARK_RGB: Rgb = (0.09, 0.06, 0.04)
_STEEL_RGB: Rgb = (0.30, 0.31, 0.32)
_WOOD_RGB: Rgb = (0.20, 0.11, 0.05)
_CONCRETE_RGB: Rgb = (0.32, 0.31, 0.29)
_LAMP_RGB: Rgb = (0.7, 0.68, 0.6)
_LEAVES: tuple[Rgb, ...] = (
    (0.045, 0.085, 0.022),
    (0.06, 0.10, 0.025),
    (0.085, 0.10, 0.03),
    (0.035, 0.07, 0.03),
)
_CROWN_FROM = 0.33
_FIR_CHANCE = 0.22


def mesh_of(kind: str, half: Half, seed: int) -> Mesh:
    """The mesh of a thing.

    Args:
        kind: one of `KINDS`.
        half: half sizes of its box, m.
        seed: chooses colours and details.

    Raises:
        ValueError: there is no such kind.
    """
    if kind not in KINDS:
        raise ValueError(f"no mesh for kind {kind!r}; there are {', '.join(sorted(KINDS))}")
    return KINDS[kind](half, np.random.default_rng(seed & 0x7FFFFFFF))


def _tree(half: Half, rng: np.random.Generator) -> Mesh:
    hx, hy, hz = half
    tall = 2.0 * hz
    leaves = np.array(_LEAVES[int(rng.integers(len(_LEAVES)))]) * rng.uniform(0.8, 1.25)
    trunk = make_mesh(
        rod((0.0, 0.0, -0.3), (0.0, 0.0, 0.55 * tall), 0.15, 6, 0.09), _BARK_RGB, Label.VEGETATION
    )
    parts = [trunk]
    if rng.random() < _FIR_CHANCE:
        for low, high, wide in ((0.16, 0.58, 1.0), (0.40, 0.80, 0.72), (0.64, 1.0, 0.45)):
            cone = rod((0.0, 0.0, low * tall), (0.0, 0.0, high * tall), wide, 7, 0.02)
            parts.append(_crown(cone * np.array([hx, hy, 1.0]), leaves * 0.8, rng))
        return joined(parts)
    middle = (1.0 + _CROWN_FROM) / 2.0 * tall
    half_crown = (1.0 - _CROWN_FROM) / 2.0 * tall
    parts.append(_crown(ball((0.0, 0.0, middle), (hx, hy, half_crown), 4, 7), leaves, rng))
    for turn in rng.uniform(0.0, 2.0 * np.pi) + np.array([0.0, 2.1, 4.2]):
        size = rng.uniform(0.45, 0.6)
        x, y = np.cos(turn) * hx * (1.0 - size), np.sin(turn) * hy * (1.0 - size)
        z = middle + rng.uniform(-0.45, 0.2) * half_crown
        blob = ball((float(x), float(y), float(z)), (size * hx, size * hy, size * half_crown), 3, 6)
        parts.append(_crown(blob, leaves * rng.uniform(0.85, 1.15), rng))
    return joined(parts)


def _crown(triangles: NDArray[np.float64], rgb: NDArray[np.float64], rng: np.random.Generator) -> Mesh:
    """Leaves: every triangle has a shade of its own."""
    shades = rgb * rng.uniform(0.82, 1.18, (len(triangles), 1))
    return make_mesh(triangles, shades.astype(np.float32), Label.VEGETATION, Material.FOLIAGE)


def _street_light(half: Half, rng: np.random.Generator) -> Mesh:
    del rng
    hx, _, hz = half
    foot, head, tall = -hx + 0.09, hx, 2.0 * hz
    label = Label.POLES
    return joined(
        [
            make_mesh(rod((foot, 0.0, -0.3), (foot, 0.0, 0.6), 0.11, 8), _STEEL_RGB, label),
            make_mesh(rod((foot, 0.0, 0.0), (foot, 0.0, tall - 0.5), 0.075, 8, 0.05), _STEEL_RGB, label),
            make_mesh(
                rod((foot, 0.0, tall - 0.5), (head - 0.5, 0.0, tall - 0.06), 0.045, 6), _STEEL_RGB, label
            ),
            make_mesh(box((head - 0.3, 0.0, tall - 0.06), (0.3, 0.11, 0.06), (0.8, 0.7)), _STEEL_RGB, label),
            make_mesh(
                box((head - 0.3, 0.0, tall - 0.13), (0.26, 0.10, 0.02)), _LAMP_RGB, label, Material.LAMP
            ),
        ]
    )


def _guard_rail(half: Half, rng: np.random.Generator) -> Mesh:
    del rng
    hx, hy, hz = half
    tall, label = 2.0 * hz, Label.GUARD_RAIL
    parts = []
    for low, high, out in ((0.50, 0.66, 1.0), (0.66, 0.76, 0.35), (0.76, 0.98, 1.0)):
        band = box((hx * (out - 0.6), 0.0, (low + high) / 2.0 * tall), (0.02, hy, (high - low) / 2.0 * tall))
        parts.append(make_mesh(band, (0.42, 0.43, 0.44), label))
    for k in range(max(int(hy), 1)):
        y = (2.0 * (k + 0.5) / max(int(hy), 1) - 1.0) * hy
        parts.append(
            make_mesh(box((-0.4 * hx, y, 0.47 * tall), (0.04, 0.06, 0.50 * tall)), _STEEL_RGB, label)
        )
    return joined(parts)


def _fence(half: Half, rng: np.random.Generator) -> Mesh:
    hx, hy, hz = half
    tall, label = 2.0 * hz, Label.FENCES
    rgb = (_WOOD_RGB, (0.5, 0.5, 0.48), (0.06, 0.09, 0.07))[int(rng.integers(3))]
    parts = [
        make_mesh(box((0.0, 0.0, share * tall), (0.3 * hx, hy, 0.04)), rgb, label) for share in (0.25, 0.82)
    ]
    count = max(int(2.0 * hy / 0.28), 2)
    for k in range(count):
        y = -hy + (k + 0.5) * 2.0 * hy / count
        parts.append(make_mesh(box((0.0, y, hz), (0.5 * hx, 0.07, hz)), rgb, label))
    return joined(parts)


def _wall(half: Half, rng: np.random.Generator) -> Mesh:
    hx, hy, hz = half
    rgb = np.array(_CONCRETE_RGB) * rng.uniform(0.7, 1.1) * np.array([1.0, rng.uniform(0.85, 1.0), 0.85])
    color = (float(rgb[0]), float(rgb[1]), float(rgb[2]))
    return joined(
        [
            make_mesh(box((0.0, 0.0, hz - 0.05), (0.85 * hx, hy, hz)), color, Label.WALLS),
            make_mesh(box((0.0, 0.0, 2.0 * hz - 0.04), (hx, hy, 0.04)), _CONCRETE_RGB, Label.WALLS),
        ]
    )


def _bus_stop(half: Half, rng: np.random.Generator) -> Mesh:
    del rng
    hx, hy, hz = half
    tall, label, glass = 2.0 * hz, Label.STATIC, (0.03, 0.04, 0.045)
    parts = [
        make_mesh(box((0.0, 0.0, tall - 0.05), (hx, hy, 0.05)), _STEEL_RGB, label),
        make_mesh(box((-hx + 0.03, 0.0, 0.55 * tall), (0.02, hy, 0.36 * tall)), glass, label, Material.GLASS),
        make_mesh(box((-0.2 * hx, 0.0, 0.45), (0.2, 0.7 * hy, 0.04)), _WOOD_RGB, label),
        make_mesh(box((0.0, hy - 0.05, 0.5 * tall), (0.7 * hx, 0.05, 0.4 * tall)), (0.5, 0.1, 0.06), label),
    ]
    posts = [(x, y) for x in (-hx + 0.05, hx - 0.05) for y in (-hy + 0.05, hy - 0.05)]
    parts += [make_mesh(rod((x, y, 0.0), (x, y, tall), 0.04, 5), _STEEL_RGB, label) for x, y in posts]
    return joined(parts)


def _bench(half: Half, rng: np.random.Generator) -> Mesh:
    del rng
    hx, hy, hz = half
    label = Label.STATIC
    parts = [
        make_mesh(box((0.2 * hx, 0.0, 0.92 * hz), (0.75 * hx, hy, 0.03)), _WOOD_RGB, label),
        make_mesh(box((-0.8 * hx, 0.0, 1.6 * hz), (0.03, hy, 0.4 * hz)), _WOOD_RGB, label),
    ]
    parts += [
        make_mesh(box((0.0, y, 0.45 * hz), (0.8 * hx, 0.03, 0.45 * hz)), _STEEL_RGB, label)
        for y in (-0.8 * hy, 0.8 * hy)
    ]
    return joined(parts)


def _chest(rgb: Rgb, face: Rgb, label: Label) -> Callable[[Half, np.random.Generator], Mesh]:
    """A box of one colour with a panel towards the road."""

    def make(half: Half, rng: np.random.Generator) -> Mesh:
        hx, hy, hz = half
        shade = rng.uniform(0.8, 1.15)
        color = (rgb[0] * shade, rgb[1] * shade, rgb[2] * shade)
        body = make_mesh(box((-0.01, 0.0, hz), (hx - 0.01, hy, hz), (0.96, 0.96)), color, label)
        panel = make_mesh(box((hx - 0.02, 0.0, 1.15 * hz), (0.02, 0.8 * hy, 0.6 * hz)), face, label)
        return joined([body, panel])

    return make


def _plant_pot(half: Half, rng: np.random.Generator) -> Mesh:
    hx, hy, hz = half
    pot = make_mesh(box((0.0, 0.0, 0.6 * hz), (hx, hy, 0.6 * hz)), _CONCRETE_RGB, Label.STATIC)
    green = ball((0.0, 0.0, 1.3 * hz), (0.85 * hx, 0.9 * hy, 0.7 * hz), 3, 7)
    return joined([pot, _crown(green, np.array(_LEAVES[1]), rng)])


def _kiosk(half: Half, rng: np.random.Generator) -> Mesh:
    hx, hy, hz = half
    tall, label = 2.0 * hz, Label.STATIC
    roof = ((0.35, 0.04, 0.04), (0.04, 0.16, 0.08), (0.05, 0.1, 0.3))[int(rng.integers(3))]
    return joined(
        [
            make_mesh(
                box((0.0, 0.0, 0.44 * tall), (0.85 * hx, 0.85 * hy, 0.44 * tall)), (0.45, 0.43, 0.38), label
            ),
            make_mesh(
                box((0.85 * hx, 0.0, 0.58 * tall), (0.02, 0.6 * hy, 0.16 * tall)),
                (0.02, 0.02, 0.02),
                label,
                Material.GLASS,
            ),
            make_mesh(box((0.0, 0.0, 0.94 * tall), (hx, hy, 0.06 * tall), (0.6, 0.6)), roof, label),
        ]
    )


KINDS: MappingProxyType[str, Callable[[Half, np.random.Generator], Mesh]] = MappingProxyType(
    {
        "building": building,
        "tree": _tree,
        "street_light": _street_light,
        "guard_rail": _guard_rail,
        "fence": _fence,
        "wall": _wall,
        "bus_stop": _bus_stop,
        "bench": _bench,
        "bin": _chest((0.05, 0.12, 0.07), (0.02, 0.02, 0.02), Label.DYNAMIC),
        "mailbox": _chest((0.05, 0.10, 0.32), (0.5, 0.5, 0.5), Label.STATIC),
        "vending_machine": _chest((0.42, 0.05, 0.05), (0.30, 0.34, 0.38), Label.STATIC),
        "plant_pot": _plant_pot,
        "advertisement": _chest((0.08, 0.08, 0.09), (0.55, 0.48, 0.30), Label.STATIC),
        "kiosk": _kiosk,
    }
)
"""Kinds of things and how they are made."""
