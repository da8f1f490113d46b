"""Buildings: walls with rows of windows, a base, a flat or a pitched roof."""

from __future__ import annotations

import numpy as np

from simulator.render.labels import Label, Material
from simulator.render.mesh import Mesh, Rgb, joined, make_mesh, outward, quads
from simulator.render.shapes import box, prism

_WALLS: tuple[Rgb, ...] = (
    (0.38, 0.33, 0.27), (0.30, 0.15, 0.10), (0.45, 0.44, 0.41), (0.34, 0.27, 0.19), (0.26, 0.28, 0.30),
    (0.42, 0.37, 0.25), (0.22, 0.12, 0.09), (0.36, 0.38, 0.36),
)  # fmt: skip
_ROOFS: tuple[Rgb, ...] = ((0.20, 0.07, 0.05), (0.09, 0.09, 0.10), (0.16, 0.11, 0.08))
_FLAT_ROOF_RGB: Rgb = (0.13, 0.13, 0.13)
_WINDOW_M, _STOREY_M = 2.9, 3.2
_COTTAGE_M = 8.0  # lower buildings may have a pitched roof
_BASE_M = 0.5
_SUNK_M = 0.6  # below the ground, which may slope


def building(half: tuple[float, float, float], rng: np.random.Generator) -> Mesh:
    """A building that fills its box; its windows are drawn by the shader, see `Material.FACADE`."""
    hx, hy, hz = half
    tall = 2.0 * hz
    wall = np.array(_WALLS[int(rng.integers(len(_WALLS)))]) * rng.uniform(0.85, 1.15)
    pitched = tall < _COTTAGE_M and rng.random() < 0.75
    eaves = tall - min(0.32 * tall, 2.6) if pitched else tall - 0.8
    label = Label.BUILDINGS
    parts = [_walls(hx, hy, eaves, (float(wall[0]), float(wall[1]), float(wall[2])))]
    stone = wall * 0.55
    base = box((0.0, 0.0, (_BASE_M - _SUNK_M) / 2.0), (hx * 1.004, hy * 1.004, (_BASE_M + _SUNK_M) / 2.0))
    parts.append(make_mesh(base, (float(stone[0]), float(stone[1]), float(stone[2])), label))
    if pitched:
        roof = _ROOFS[int(rng.integers(len(_ROOFS)))]
        lower = np.array([[-hx, -hy, eaves], [hx, -hy, eaves], [hx, hy, eaves], [-hx, hy, eaves]])
        if hx > hy:
            upper = np.array([[-hx, -0.03, tall], [hx, -0.03, tall], [hx, 0.03, tall], [-hx, 0.03, tall]])
        else:
            upper = np.array([[-0.03, -hy, tall], [0.03, -hy, tall], [0.03, hy, tall], [-0.03, hy, tall]])
        parts.append(make_mesh(prism(lower, upper), roof, label))
    else:
        parts.append(
            make_mesh(box((0.0, 0.0, eaves - 0.1), (hx * 0.97, hy * 0.97, 0.1)), _FLAT_ROOF_RGB, label)
        )
        rim = wall * 0.8
        color = (float(rim[0]), float(rim[1]), float(rim[2]))
        for x, y, wide, deep in (
            (0.0, hy - 0.15, hx, 0.15),
            (0.0, 0.15 - hy, hx, 0.15),
            (hx - 0.15, 0.0, 0.15, hy),
            (0.15 - hx, 0.0, 0.15, hy),
        ):
            parts.append(make_mesh(box((x, y, tall - 0.4), (wide, deep, 0.4)), color, label))
        if tall > 12.0:
            size = (0.2 * hx, 0.25 * hy, 0.4)
            parts.append(make_mesh(box((0.1 * hx, -0.2 * hy, tall - 0.4), size), (0.25, 0.25, 0.25), label))
    return joined(parts)


def _walls(hx: float, hy: float, eaves: float, rgb: Rgb) -> Mesh:
    storeys = max(round((eaves - _BASE_M) / _STOREY_M), 1)
    corners, coordinates = [], []
    ring = np.array([[-hx, -hy], [hx, -hy], [hx, hy], [-hx, hy]])
    for k in range(4):
        a, b = ring[k], ring[(k + 1) % 4]
        windows = max(round(float(np.linalg.norm(b - a)) / _WINDOW_M), 1)
        corners.append([[*a, _BASE_M], [*b, _BASE_M], [*b, eaves], [*a, eaves]])
        coordinates.append([[0, 0, 0], [windows, 0, 0], [windows, storeys, 0], [0, storeys, 0]])
    both = np.concatenate([np.array(corners, float), np.array(coordinates, float)], axis=2)
    triangles = quads(both[:, 0], both[:, 1], both[:, 2], both[:, 3])
    flat = triangles[:, :, :3]
    turned = outward(flat, (0.0, 0.0, eaves / 2.0))
    wrong = (turned[:, 0] != flat[:, 0]).any(axis=1)
    uvw = np.where(wrong[:, None, None], triangles[:, ::-1, 3:], triangles[:, :, 3:])
    return make_mesh(turned, rgb, Label.BUILDINGS, Material.FACADE, pattern=0, uvw=uvw)
