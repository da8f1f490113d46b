"""Lorries, pick-ups and buses."""

from __future__ import annotations

import numpy as np

from simulator.render.coachwork import DARK_RGB, PLATE_RGB, arch, block, hull, inset, lamps, pane, patch
from simulator.render.labels import Label, Material, Slot
from simulator.render.mesh import Mesh, Rgb, joined, make_mesh
from simulator.render.shapes import box, prism

Half = tuple[float, float, float]


def lorry_mesh(
    half: Half, axles: tuple[float, float], radius: float, load: Rgb, *, beacons: bool = False
) -> Mesh:
    """A cab with a box behind it; `load` is the colour of the box."""
    hx, hy, hz = half
    tall, label = 2.0 * hz, Label.TRUCK
    floor = radius * 1.35
    wide = hy * 0.96
    cab = 0.36 * hx
    roof = tall * (0.93 if beacons else 0.95)
    parts = [
        hull(
            [
                (hx, 0.16, 0.52 * tall, 0.98 * wide),
                (0.97 * hx, 0.16, 0.58 * tall, wide),
                (hx - cab, 0.4, 0.58 * tall, wide),
            ],
            label,
        ),
        make_mesh(
            box(
                (hx - 0.5 * cab - 0.02 * hx, 0.0, (0.55 * tall + roof) / 2.0),
                (0.5 * cab - 0.02 * hx, 0.96 * wide, (roof - 0.55 * tall) / 2.0),
                (0.9, 0.95),
            ),
            (0.4, 0.4, 0.4),
            label,
            Material.PAINT,
            slot=Slot.BODY,
        ),
        block(
            ((-hx + hx - cab) / 2.0, 0.0, floor * 0.75),
            (hx - cab / 2.0 - 0.03, 0.42 * wide, floor * 0.22),
            label,
            DARK_RGB,
        ),
        block(
            ((-hx + hx - cab - 0.1) / 2.0, 0.0, (floor + tall) / 2.0),
            (
                (2.0 * hx - cab - 0.1) / 2.0,
                hy if not beacons else wide,
                (tall - floor) / 2.0 - (0.04 * tall if beacons else 0.0),
            ),
            label,
            load,
            Slot.NONE,
            Material.PAINT,
        ),
    ]
    parts += _guards(hx, wide, cab, floor, axles, radius, label)
    front = hx - 0.01
    parts.append(
        pane(
            [
                (front - 0.02, -0.86 * wide, 0.60 * tall),
                (front - 0.02, 0.86 * wide, 0.60 * tall),
                (hx - 0.06 * cab - 0.03, 0.82 * wide, roof * 0.97),
                (hx - 0.06 * cab - 0.03, -0.82 * wide, roof * 0.97),
            ],
            (1.0, 0.0, 0.1),
            label,
        )
    )
    for side in (-1.0, 1.0):
        y = side * (0.96 * wide + 0.015)
        parts.append(
            pane(
                [
                    (hx - 0.12 * cab, y, 0.60 * tall),
                    (hx - 0.75 * cab, y, 0.60 * tall),
                    (hx - 0.75 * cab, y * 0.97, roof * 0.95),
                    (hx - 0.2 * cab, y * 0.97, roof * 0.95),
                ],
                (0.0, side, 0.0),
                label,
            )
        )
        parts.append(
            block((hx - 0.08 * cab, side * (hy - 0.08), 0.72 * tall), (0.06, 0.08, 0.2), label, DARK_RGB)
        )
    parts += [arch(x, wide * 1.01, radius, radius * 1.15, label) for x in axles]
    parts.append(
        patch(
            [
                (hx + 0.0, y, z * tall)
                for y, z in ((-0.6 * wide, 0.28), (0.6 * wide, 0.28), (0.6 * wide, 0.46), (-0.6 * wide, 0.46))
            ],
            (1.0, 0.0, 0.0),
            label,
            DARK_RGB,
        )
    )
    parts.append(
        lamps(
            label,
            (hx - 0.1, hx + 0.004),
            0.88 * wide,
            0.22 * tall,
            (0.12 * wide, 0.09),
            ((Slot.HEAD, 0.0, 0.75), (Slot.LEFT, 0.75, 1.0)),
        )
    )
    parts.append(
        lamps(
            label,
            (-hx + 0.1, -hx - 0.004),
            0.95 * wide,
            floor + 0.12,
            (0.18 * wide, 0.09),
            ((Slot.REVERSE, 0.0, 0.22), (Slot.BRAKE, 0.22, 0.75), (Slot.LEFT, 0.75, 1.0)),
        )
    )
    parts.append(block((-hx + 0.01, 0.0, floor - 0.12), (0.01, 0.28, 0.06), label, PLATE_RGB))
    if beacons:
        for side, slot in ((-1.0, Slot.BEACON_RED), (1.0, Slot.BEACON_BLUE)):
            parts.append(
                block(
                    (hx - 0.5 * cab, side * 0.45 * wide, (roof + tall) / 2.0),
                    (0.15, 0.35 * wide, (tall - roof) / 2.0),
                    label,
                    (0.3, 0.3, 0.3),
                    slot,
                    Material.LAMP,
                )
            )
        for side in (-1.0, 1.0):
            y = side * (wide + 0.006)
            corners = [
                (hx - cab - 0.2, y, floor + 0.2),
                (-0.97 * hx, y, floor + 0.2),
                (-0.97 * hx, y, floor + 0.45),
                (hx - cab - 0.2, y, floor + 0.45),
            ]
            parts.append(patch(corners, (0.0, side, 0.0), label, (0.75, 0.75, 0.7)))
    return joined(parts)


def _guards(
    hx: float,
    wide: float,
    cab: float,
    floor: float,
    axles: tuple[float, float],
    radius: float,
    label: Label,
) -> list[Mesh]:
    """What keeps others from getting below a lorry: bar and mud flaps behind, panels between the axles."""
    low, flap = 0.16, 0.02
    begin, end = axles[1] + 1.3 * radius, min(axles[0] - 1.3 * radius, hx - cab)
    parts = [
        block((-hx + 0.06, 0.0, 0.55 * floor), (0.05, 0.97 * wide, 0.11 * floor), label, DARK_RGB),
    ]
    for side in (-1.0, 1.0):
        parts.append(
            block(
                (-hx + 0.14, side * 0.74 * wide, (low + floor) / 2.0),
                (flap, 0.22 * wide, (floor - low) / 2.0),
                label,
                DARK_RGB,
            )
        )
        if end > begin:
            center = ((begin + end) / 2.0, side * 0.97 * wide, (2.0 * low + floor) / 2.0)
            half = ((end - begin) / 2.0, 0.02, (floor - 2.0 * low) / 2.0)
            parts.append(block(center, half, label, (0.25, 0.25, 0.26)))
    return parts


def wedge_mesh(half: Half, axles: tuple[float, float], radius: float) -> Mesh:
    """The angular pick-up: one ridge from the bonnet over the roof down to the tail."""
    hx, hy, hz = half
    tall, label, wide = 2.0 * hz, Label.TRUCK, hy * 0.97
    low = 0.2 * tall
    side_view = np.array([(1.0, 0.07), (0.99, 0.60), (0.05, 1.0), (-1.0, 0.78), (-1.0, 0.08)]) * (hx, tall)
    rings = [np.column_stack([side_view[:, 0], np.full(5, y), side_view[:, 1]]) for y in (-wide, wide)]
    rings[0][2, 1], rings[1][2, 1] = -0.86 * wide, 0.86 * wide
    parts = [make_mesh(prism(rings[0], rings[1]), (0.46, 0.47, 0.49), label, Material.PAINT)]
    parts.append(block((0.0, 0.0, low * 1.2), (0.95 * hx, 0.9 * wide, low * 0.4), label, DARK_RGB))
    a, b, c = (0.80 * hx, 0.605 * tall), (0.16 * hx, 0.975 * tall), (0.95, 0.0)
    parts.append(
        pane(
            [
                (a[0], -0.84 * wide, a[1] + 0.055),
                (a[0], 0.84 * wide, a[1] + 0.055),
                (b[0], 0.74 * wide, b[1] + 0.02),
                (b[0], -0.74 * wide, b[1] + 0.02),
            ],
            (0.5, 0.0, 1.0),
            label,
        )
    )
    for side in (-1.0, 1.0):
        points = [
            (0.45 * hx, side * wide * 0.975, 0.63 * tall),
            (-0.42 * hx, side * wide * 0.955, 0.65 * tall),
            (-0.3 * hx, side * wide * 0.87, 0.85 * tall),
            (0.1 * hx, side * wide * 0.83, 0.93 * tall),
        ]
        parts.append(pane([(x, y + side * 0.03, z) for x, y, z in points], (0.0, side, 0.3), label))
        parts.append(block((0.3 * hx, side * (hy - 0.08), 0.66 * tall), (0.06, 0.08, 0.05), label, DARK_RGB))
    parts += [arch(x, wide * 1.004, radius, radius * 1.15, label) for x in axles]
    parts.append(
        lamps(
            label,
            (0.9 * hx, 0.992 * hx),
            wide * c[0],
            0.45 * tall,
            (0.45 * wide, 0.02),
            ((Slot.HEAD, 0.0, 0.85), (Slot.LEFT, 0.85, 1.0)),
        )
    )
    parts.append(
        lamps(
            label,
            (-0.95 * hx, -1.002 * hx),
            wide * c[0],
            0.56 * tall,
            (0.45 * wide, 0.03),
            ((Slot.REVERSE, 0.0, 0.15), (Slot.BRAKE, 0.15, 0.8), (Slot.LEFT, 0.8, 1.0)),
        )
    )
    return joined(parts)


def bus_mesh(half: Half, axles: tuple[float, float], radius: float, rgb: Rgb, band: Rgb) -> Mesh:
    """A coach: a long box with a row of windows."""
    hx, hy, hz = half
    tall, label, wide = 2.0 * hz, Label.BUS, hy * 0.95
    stations = [
        (hx, 0.07 * tall, 0.93 * tall, 0.96 * wide),
        (0.985 * hx, 0.06 * tall, 0.985 * tall, 0.99 * wide),
        (0.94 * hx, 0.06 * tall, tall, wide),
        (-0.97 * hx, 0.06 * tall, tall, wide),
        (-hx, 0.07 * tall, 0.97 * tall, 0.98 * wide),
    ]
    parts = [hull(stations, label, Slot.NONE, rgb)]
    parts.append(
        pane(
            [
                (hx + 0.012, y * wide, z * tall)
                for y, z in ((-0.82, 0.42), (0.82, 0.42), (0.80, 0.80), (-0.80, 0.80))
            ],
            (1.0, 0.0, 0.0),
            label,
        )
    )
    parts.append(
        pane(
            [
                (-hx - 0.004, y * wide, z * tall)
                for y, z in ((-0.75, 0.52), (0.75, 0.52), (0.72, 0.82), (-0.72, 0.82))
            ],
            (-1.0, 0.0, 0.0),
            label,
        )
    )
    count = 6
    for side in (-1.0, 1.0):
        quad = [
            (0.88 * hx, side * wide, 0.47 * tall),
            (-0.92 * hx, side * wide, 0.47 * tall),
            (-0.92 * hx, side * wide, 0.80 * tall),
            (0.88 * hx, side * wide, 0.80 * tall),
        ]
        parts += [
            inset(quad, ((k + 0.06) / count, 0.0), ((k + 0.94) / count, 1.0), 0.012, (0.0, side, 0.0), label)
            for k in range(count)
        ]
        y = side * (wide + 0.01)
        parts.append(
            patch(
                [
                    (0.88 * hx, y, 0.30 * tall),
                    (-0.92 * hx, y, 0.30 * tall),
                    (-0.92 * hx, y, 0.37 * tall),
                    (0.88 * hx, y, 0.37 * tall),
                ],
                (0.0, side, 0.0),
                label,
                band,
            )
        )
        parts.append(block((0.93 * hx, side * (hy - 0.1), 0.6 * tall), (0.08, 0.1, 0.24), label, DARK_RGB))
    parts += [arch(x, wide * 1.012, radius, radius * 1.15, label) for x in axles]
    parts.append(
        lamps(
            label,
            (hx - 0.1, hx + 0.004),
            0.84 * wide,
            0.22 * tall,
            (0.13 * wide, 0.1),
            ((Slot.HEAD, 0.0, 0.75), (Slot.LEFT, 0.75, 1.0)),
        )
    )
    parts.append(
        lamps(
            label,
            (-hx + 0.1, -hx - 0.004),
            0.90 * wide,
            0.30 * tall,
            (0.07 * wide, 0.3),
            ((Slot.REVERSE, 0.0, 0.22), (Slot.BRAKE, 0.22, 0.75), (Slot.LEFT, 0.75, 1.0)),
        )
    )
    parts.append(block((-hx, 0.0, 0.17 * tall), (0.01, 0.28, 0.06), label, PLATE_RGB))
    return joined(parts)
