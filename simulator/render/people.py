"""People: walkers made of parts that swing, and riders who sit still."""

from __future__ import annotations

import numpy as np

from simulator.render.labels import Label
from simulator.render.mesh import Mesh, Rgb, joined, make_mesh
from simulator.render.shapes import Point, ball, box, rod

SKINS: tuple[Rgb, ...] = ((0.55, 0.36, 0.25), (0.34, 0.20, 0.12), (0.13, 0.07, 0.045))
CLOTHES: tuple[Rgb, ...] = (
    (0.30, 0.04, 0.04), (0.04, 0.09, 0.28), (0.35, 0.34, 0.30), (0.05, 0.05, 0.055), (0.06, 0.18, 0.09),
    (0.42, 0.28, 0.05), (0.20, 0.06, 0.22), (0.12, 0.22, 0.30),
)  # fmt: skip
HIP, SHOULDER = 0.50, 0.80
"""Heights of the joints, as shares of the body's height."""


def _look(number: int) -> tuple[Rgb, Rgb, Rgb, Rgb]:
    """Skin, shirt, trousers and hair of a person."""
    rng = np.random.default_rng(number)
    skin = SKINS[int(rng.integers(len(SKINS)))]
    shirt, trousers = (CLOTHES[int(k)] for k in rng.choice(len(CLOTHES), 2, replace=False))
    hair = ((0.03, 0.02, 0.015), (0.10, 0.05, 0.02), (0.25, 0.18, 0.08), (0.3, 0.3, 0.3))[
        int(rng.integers(4))
    ]
    return skin, shirt, trousers, hair


def walker_parts(number: int, half: tuple[float, float, float]) -> dict[str, Mesh]:
    """Trunk, arm and leg of a walker.

    The trunk's origin is on the ground below its middle; arm and leg hang down from their own origin.

    Args:
        number: chooses skin and clothes.
        half: half sizes of its box, m.
    """
    skin, shirt, trousers, hair = _look(number)
    tall = 2.0 * half[2]
    wide = min(half[1], 0.16 * tall)
    label = Label.PEDESTRIANS
    trunk = [
        make_mesh(
            box((0.0, 0.0, 0.655 * tall), (0.065 * tall, 0.62 * wide, 0.165 * tall), (1.1, 1.25)),
            shirt,
            label,
        ),
        make_mesh(box((0.0, 0.0, 0.50 * tall), (0.06 * tall, 0.60 * wide, 0.035 * tall)), trousers, label),
        make_mesh(rod((0.0, 0.0, 0.80 * tall), (0.0, 0.0, 0.87 * tall), 0.03 * tall), skin, label),
        make_mesh(
            ball((0.008 * tall, 0.0, 0.925 * tall), (0.058 * tall, 0.048 * tall, 0.072 * tall)), skin, label
        ),
        make_mesh(
            ball((-0.012 * tall, 0.0, 0.94 * tall), (0.058 * tall, 0.053 * tall, 0.062 * tall)), hair, label
        ),
    ]
    arm = [
        make_mesh(rod((0.0, 0.0, 0.01 * tall), (0.005, 0.0, -0.17 * tall), 0.028 * tall), shirt, label),
        make_mesh(
            rod((0.005, 0.0, -0.17 * tall), (0.03 * tall, 0.0, -0.34 * tall), 0.021 * tall), skin, label
        ),
    ]
    leg = [
        make_mesh(
            rod((0.0, 0.0, 0.02 * tall), (0.01 * tall, 0.0, -0.25 * tall), 0.046 * tall, 6, 0.034 * tall),
            trousers,
            label,
        ),
        make_mesh(
            rod((0.01 * tall, 0.0, -0.25 * tall), (0.0, 0.0, -0.465 * tall), 0.033 * tall, 6, 0.025 * tall),
            trousers,
            label,
        ),
        make_mesh(
            box((0.025 * tall, 0.0, -(HIP - 0.018) * tall), (0.065 * tall, 0.025 * tall, 0.018 * tall)),
            (0.03, 0.03, 0.03),
            label,
        ),
    ]
    return {"trunk": joined(trunk), "arm": joined(arm), "leg": joined(leg)}


def rider_mesh(number: int, seat: Point, bar: Point, pedal: Point, tall: float, *, helmet: bool) -> Mesh:
    """Somebody on a two-wheeler, in its frame.

    Args:
        number: chooses clothes.
        seat: where the hips are, m.
        bar: the middle of the handlebar.
        pedal: the middle between the feet.
        tall: height of the top of the head above the ground.
        helmet: whether the head is covered.
    """
    skin, shirt, trousers, hair = _look(number)
    label = Label.RIDER
    sx, _, sz = seat
    head_r = 0.115
    neck = (sx + 0.22 * (bar[0] - sx) + 0.08, 0.0, tall - 2.1 * head_r)
    parts = [
        make_mesh(rod((sx, 0.0, sz), (neck[0], 0.0, neck[2] - 0.04), 0.15, 8, 0.17), shirt, label),
        make_mesh(ball((neck[0] + 0.05, 0.0, tall - head_r), (head_r, 0.09, head_r)), skin, label),
        make_mesh(
            ball((neck[0] + 0.03, 0.0, tall - 0.95 * head_r), (head_r * 1.05, 0.105, head_r * 0.94)),
            shirt if helmet else hair,
            label,
        ),
    ]
    for side in (-1.0, 1.0):
        shoulder = (neck[0], side * 0.19, neck[2] - 0.06)
        hand = (bar[0], side * 0.25, bar[2])
        elbow = ((shoulder[0] + hand[0]) / 2.0 - 0.03, side * 0.27, (shoulder[2] + hand[2]) / 2.0 - 0.10)
        knee = (sx + 0.62 * (pedal[0] - sx) + 0.26, side * 0.13, (sz + pedal[2]) / 2.0 + 0.12)
        foot = (pedal[0] + 0.02, side * 0.12, pedal[2] + side * 0.08)
        parts += [
            make_mesh(rod(shoulder, elbow, 0.055), shirt, label),
            make_mesh(rod(elbow, hand, 0.042), skin, label),
            make_mesh(rod((sx, side * 0.09, sz), knee, 0.085, 6, 0.06), trousers, label),
            make_mesh(rod(knee, foot, 0.058, 6, 0.045), trousers, label),
            make_mesh(
                box((foot[0] + 0.06, foot[1], foot[2] - 0.02), (0.13, 0.045, 0.035)),
                (0.02, 0.02, 0.02),
                label,
            ),
        ]
    return joined(parts)
