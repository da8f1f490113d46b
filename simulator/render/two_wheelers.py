"""Bicycles and motorcycles with their riders."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulator.render.coachwork import DARK_RGB, RIM_RGB, block, patch
from simulator.render.labels import Label, Material, Slot
from simulator.render.mesh import Mesh, joined, make_mesh
from simulator.render.people import rider_mesh
from simulator.render.shapes import ball, box, rod

Half = tuple[float, float, float]

_BAGS = ((0.05, 0.05, 0.055), (0.32, 0.07, 0.03), (0.05, 0.12, 0.20), (0.20, 0.16, 0.07))


def bicycle_mesh(half: Half, axles: tuple[float, float], radius: float, number: int) -> Mesh:
    """Frame and rider; the wheels are apart. `number` chooses the rider's clothes."""
    label = Label.BICYCLE
    front, rear = axles
    tall = 2.0 * half[2]
    crank = (rear + 0.43 * (front - rear), 0.0, 0.29)
    seat = (crank[0] - 0.17, 0.0, min(0.95, 0.52 * tall))
    head = (front - 0.16, 0.0, 0.86)
    bar = (front - 0.14, 0.0, 1.02)
    tube = 0.02

    def frame(a: tuple[float, float, float], b: tuple[float, float, float], r: float = tube) -> Mesh:
        return make_mesh(rod(a, b, r, 5), (0.3, 0.3, 0.3), label, Material.PAINT, slot=Slot.BODY)

    parts = [
        frame(crank, (seat[0], 0.0, seat[2] - 0.04)),
        frame((seat[0] + 0.03, 0.0, seat[2] - 0.16), (head[0], 0.0, head[2] - 0.04)),
        frame(crank, (head[0] + 0.02, 0.0, head[2] - 0.14)),
        frame(head, bar),
    ]
    for side in (-0.045, 0.045):
        parts.append(frame((rear, side, radius), (seat[0], side / 2.0, seat[2] - 0.2), 0.013))
        parts.append(frame((rear, side, radius), (crank[0], side, crank[2]), 0.013))
        parts.append(frame((front, side, radius), (head[0] + 0.02, side, head[2] - 0.12), 0.015))
    wide = min(half[1], 0.33)
    parts.append(
        make_mesh(rod((bar[0], -half[1], bar[2]), (bar[0], half[1], bar[2]), 0.017, 5), DARK_RGB, label)
    )
    parts.append(block((seat[0] - 0.03, 0.0, seat[2]), (0.13, 0.07, 0.03), label, DARK_RGB))
    parts.append(
        make_mesh(rod((crank[0], -0.05, crank[2]), (crank[0], 0.05, crank[2]), 0.09, 10), RIM_RGB, label)
    )
    parts.append(
        block(
            (bar[0] + 0.05, 0.0, bar[2] - 0.06),
            (0.03, 0.03, 0.03),
            label,
            (0.5, 0.5, 0.5),
            Slot.HEAD,
            Material.LAMP,
        )
    )
    parts.append(
        block(
            (seat[0] - 0.18, 0.0, seat[2] - 0.08),
            (0.02, 0.03, 0.025),
            label,
            (0.5, 0.1, 0.1),
            Slot.BRAKE,
            Material.LAMP,
        )
    )
    parts.append(_luggage(half, axles, radius, label, number))
    rider = rider_mesh(
        number, (seat[0], 0.0, seat[2] + 0.06), (bar[0], wide, bar[2] + 0.03), crank, tall, helmet=True
    )
    return joined([*parts, rider])


def motorcycle_mesh(half: Half, axles: tuple[float, float], radius: float, number: int) -> Mesh:
    """Body and rider; the wheels are apart."""
    label = Label.MOTORCYCLE
    front, rear = axles
    tall = 2.0 * half[2]
    middle = (front + rear) / 2.0
    seat = (middle - 0.28, 0.0, 0.50 * tall)
    bar = (front - 0.28, 0.0, 0.64 * tall)

    def painted(triangles: NDArray[np.float64]) -> Mesh:
        return make_mesh(triangles, (0.3, 0.3, 0.3), label, Material.PAINT, slot=Slot.BODY)

    parts = [
        painted(ball((middle + 0.12, 0.0, 0.50 * tall), (0.30, 0.17, 0.13))),
        make_mesh(
            box((middle - 0.02, 0.0, 0.32 * tall), (0.26, 0.15, 0.14), (0.9, 0.8)), (0.06, 0.06, 0.065), label
        ),
        make_mesh(box((seat[0] - 0.12, 0.0, seat[2] - 0.02), (0.36, 0.13, 0.05)), DARK_RGB, label),
        painted(rod((seat[0] - 0.30, 0.0, seat[2]), (-half[0], 0.0, seat[2] + 0.06), 0.10, 6, 0.07)),
        make_mesh(rod((bar[0], -half[1], bar[2]), (bar[0], half[1], bar[2]), 0.02, 5), DARK_RGB, label),
        painted(box((front - 0.12, 0.0, 0.55 * tall), (0.10, 0.14, 0.13), (0.6, 0.8))),
        painted(box((front, 0.0, 2.0 * radius + 0.02), (0.24, 0.07, 0.02))),
        make_mesh(
            rod((middle - 0.1, 0.17, 0.24 * tall), (rear - 0.1, 0.19, 0.28 * tall), 0.05, 8), RIM_RGB, label
        ),
    ]
    for side in (-0.10, 0.10):
        parts.append(
            make_mesh(rod((front, side, radius), (bar[0] + 0.02, side, bar[2]), 0.03, 6), RIM_RGB, label)
        )
        parts.append(
            make_mesh(rod((rear, side, radius), (middle, side, 0.30 * tall), 0.03, 6), DARK_RGB, label)
        )
        slot = Slot.LEFT if side < 0 else Slot.RIGHT
        parts.append(
            block(
                (front - 0.08, 2.2 * side, 0.56 * tall),
                (0.03, 0.03, 0.03),
                label,
                (0.6, 0.3, 0.05),
                slot,
                Material.LAMP,
            )
        )
        parts.append(
            block(
                (-half[0] + 0.12, 1.6 * side, seat[2]),
                (0.03, 0.03, 0.03),
                label,
                (0.6, 0.3, 0.05),
                slot,
                Material.LAMP,
            )
        )
    face = [
        (front - 0.015, y, z * tall) for y, z in ((-0.09, 0.50), (0.09, 0.50), (0.09, 0.60), (-0.09, 0.60))
    ]
    parts.append(patch(face, (1.0, 0.0, 0.0), label, (0.5, 0.5, 0.5), Slot.HEAD, Material.LAMP))
    tail = [
        (-half[0] - 0.002, y, seat[2] + z)
        for y, z in ((-0.07, 0.02), (0.07, 0.02), (0.07, 0.09), (-0.07, 0.09))
    ]
    parts.append(patch(tail, (-1.0, 0.0, 0.0), label, (0.5, 0.1, 0.1), Slot.BRAKE, Material.LAMP))
    parts.append(_luggage(half, axles, radius, label, number))
    pedal = (middle - 0.02, 0.0, 0.27 * tall)
    rider = rider_mesh(
        number, (seat[0] + 0.02, 0.0, seat[2] + 0.10), (bar[0], 0.25, bar[2] + 0.02), pedal, tall, helmet=True
    )
    return joined([*parts, rider])


def _luggage(half: Half, axles: tuple[float, float], radius: float, label: Label, number: int) -> Mesh:
    """A traveller's bags: beside both wheels, and a tall one on the rack behind the rider.

    Two-wheelers have boxes as wide as their handlebars from end to end; bags fill them.
    """
    front, rear = axles
    hx, hy, hz = half
    tall = 2.0 * hz
    rgb = _BAGS[number % len(_BAGS)]
    tyre = 0.05 if label == Label.BICYCLE else 0.09
    deep = (hy - 0.002 - tyre) / 2.0
    parts = []
    for begin, end, low, high in (
        (-hx, rear + 0.15 * hx, 0.12 * radius, 0.50 * tall),
        (front - 0.05 * hx, hx, 0.12 * radius, 0.46 * tall),
    ):
        size = ((end - begin) / 2.0, deep, (high - low) / 2.0)
        for side in (-1.0, 1.0):
            center = ((begin + end) / 2.0, side * (tyre + deep), (low + high) / 2.0)
            parts.append(make_mesh(box(center, size, (0.985, 0.985)), rgb, label))
    back = (-hx, -0.52 * hx)
    size = ((back[1] - back[0]) / 2.0, 0.60 * hy, 0.13 * tall)
    parts.append(
        make_mesh(box(((back[0] + back[1]) / 2.0, 0.0, 0.66 * tall), size, (0.96, 0.96)), rgb, label)
    )
    return joined(parts)
