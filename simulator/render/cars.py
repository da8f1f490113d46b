"""Cars and vans: saloon, hatchback, estate-like off-roader, van, fitted to a blueprint's box."""

from __future__ import annotations

import numpy as np

from simulator.render.coachwork import (
    BODY_SHARE,
    DARK_RGB,
    PLATE_RGB,
    Station,
    arch,
    block,
    facing,
    hull,
    inset,
    lamps,
    patch,
)
from simulator.render.labels import Label, Material, Slot
from simulator.render.mesh import Mesh, joined, make_mesh

Profile = tuple[tuple[float, ...], ...]

# Shares of the half length (x, 1 is the front bumper) and of the height (z). The hull from front to back: x,
# lower z, upper z, share of the half width; then the cabin: lower front, upper front, upper and lower back.
_SALOON: tuple[Profile, tuple[float, ...], float] = (
    ((1.0, 0.07, 0.54, 0.97), (0.97, 0.06, 0.60, 0.99), (0.80, 0.08, 0.66, 1.0), (0.36, 0.08, 0.69, 1.0),
     (-0.66, 0.08, 0.73, 1.0), (-0.96, 0.07, 0.73, 0.99), (-1.0, 0.07, 0.71, 0.975)),
    (0.54, 0.22, -0.66, -0.92), 0.67,
)  # fmt: skip
_HATCH: tuple[Profile, tuple[float, ...], float] = (
    ((1.0, 0.07, 0.56, 0.97), (0.97, 0.06, 0.62, 0.99), (0.80, 0.08, 0.67, 1.0), (0.44, 0.08, 0.69, 1.0),
     (-0.60, 0.08, 0.69, 1.0), (-0.96, 0.07, 0.68, 0.99), (-1.0, 0.07, 0.66, 0.975)),
    (0.60, 0.26, -0.88, -0.98), 0.66,
)  # fmt: skip
_OFFROAD: tuple[Profile, tuple[float, ...], float] = (
    ((1.0, 0.08, 0.60, 0.98), (0.97, 0.07, 0.64, 0.995), (0.80, 0.11, 0.65, 1.0), (0.36, 0.11, 0.66, 1.0),
     (-0.60, 0.11, 0.66, 1.0), (-0.96, 0.08, 0.65, 0.995), (-1.0, 0.08, 0.62, 0.98)),
    (0.54, 0.44, -0.95, -0.985), 0.64,
)  # fmt: skip
_VAN: tuple[Profile, tuple[float, ...], float] = (
    ((1.0, 0.07, 0.44, 0.985), (0.98, 0.06, 0.48, 1.0), (0.80, 0.08, 0.49, 1.0), (0.50, 0.08, 0.50, 1.0),
     (-0.60, 0.08, 0.50, 1.0), (-0.98, 0.06, 0.50, 0.995), (-1.0, 0.07, 0.48, 0.985)),
    (0.97, 0.85, -0.985, -0.995), 0.47,
)  # fmt: skip
_SMALL_HALF_M, _TALL_HALF_M = 2.15, 0.88


def car_mesh(
    half: tuple[float, float, float],
    axles: tuple[float, float],
    radius: float,
    label: Label,
    *,
    van: bool = False,
    beacons: bool = False,
    stripe: tuple[float, float, float] | None = None,
) -> Mesh:
    """A body without wheels; origin on the ground below the middle of its box.

    Args:
        half: half sizes of the box, m.
        axles: x of the front and of the rear axle.
        radius: of the wheels.
        label: of the vehicle.
        van: one tall volume rather than a bonnet and a cabin.
        beacons: red and blue lights on the roof.
        stripe: colour of a band along the doors.
    """
    hx, hy, hz = half
    tall = 2.0 * hz
    shape = _VAN if van else _OFFROAD if hz > _TALL_HALF_M else _HATCH if hx < _SMALL_HALF_M else _SALOON
    profile, cabin, belt = shape
    wide = hy * BODY_SHARE  # the mirrors reach the box
    stations: list[Station] = [
        (x * hx, low * tall, high * tall, share * wide) for x, low, high, share in profile
    ]
    parts = [hull(stations, label)]
    roof = tall * (0.965 if beacons else 1.0)
    parts.append(_cabin(hx, wide, belt * tall, roof, cabin, label, van))
    parts += [arch(x, wide * 1.004, radius, radius * 1.14, label) for x in axles]
    front, rear = stations[1], stations[-2]
    z = (0.40 if van else 0.50) * tall
    nose = hx - 0.009 * hx
    parts.append(
        lamps(
            label,
            (0.95 * hx, 1.004 * hx),
            0.93 * wide,
            z * 0.93,
            (0.15 * wide, 0.04 * tall),
            ((Slot.HEAD, 0.0, 0.75), (Slot.LEFT, 0.75, 1.0)),
        )
    )
    lift = 1.0 if van else 1.06
    parts.append(
        lamps(
            label,
            (-0.95 * hx, -1.004 * hx),
            0.94 * wide,
            z * lift,
            (0.14 * wide, 0.045 * tall),
            ((Slot.REVERSE, 0.0, 0.22), (Slot.BRAKE, 0.22, 0.75), (Slot.LEFT, 0.75, 1.0)),
        )
    )
    parts.append(
        block((0.985 * front[0], 0.0, 0.22 * tall), (0.047 * hx, 0.60 * wide, 0.05 * tall), label, DARK_RGB)
    )
    parts.append(block((nose, 0.0, 0.72 * z), (0.012 * hx, 0.42 * wide, 0.03 * tall), label, DARK_RGB))
    parts.append(block((-hx * 0.998, 0.0, 0.62 * z), (0.008 * hx, 0.26, 0.055), label, PLATE_RGB))
    parts.append(block((rear[0], 0.0, 0.40 * z), (0.042 * hx, 0.8 * wide, 0.04 * tall), label, DARK_RGB))
    mirror_x = cabin[0] * hx * 0.82
    mirror = ((0.07, 0.09, 0.06), label, (0.3, 0.3, 0.3), Slot.BODY, Material.PAINT)
    parts += [block((mirror_x, side * (hy - 0.09), (belt + 0.06) * tall), *mirror) for side in (-1.0, 1.0)]
    if stripe is not None:
        low, high = 0.30 * tall, 0.42 * tall
        for side in (-1.0, 1.0):
            y = side * wide * 1.002
            corners = [(0.62 * hx, y, low), (-0.8 * hx, y, low), (-0.8 * hx, y, high), (0.62 * hx, y, high)]
            parts.append(patch(corners, (0.0, side, 0.0), label, stripe))
    if beacons:
        middle = (cabin[1] + cabin[2]) / 2.0 * hx if not van else 0.72 * hx
        for side, slot in ((-1.0, Slot.BEACON_RED), (1.0, Slot.BEACON_BLUE)):
            parts.append(
                block(
                    (middle, side * 0.36 * wide, (roof + tall) / 2.0),
                    (0.13, 0.34 * wide, (tall - roof) / 2.0),
                    label,
                    (0.3, 0.3, 0.3),
                    slot,
                    Material.LAMP,
                )
            )
    return joined(parts)


def _cabin(
    hx: float, wide: float, low: float, high: float, cabin: tuple[float, ...], label: Label, van: bool
) -> Mesh:
    """Roof, pillars and windows."""
    xs = [share * hx for share in cabin]
    yl, yh = 0.97 * wide, (0.95 if van else 0.91) * wide
    corner = {
        (end, level, side): (
            xs[end if level == 0 else (1 if end == 0 else 2)],
            side * (yl if level == 0 else yh),
            low if level == 0 else high,
        )
        for end in (0, 3)
        for level in (0, 1)
        for side in (-1.0, 1.0)
    }
    parts: list[Mesh] = []

    def skin(points: list[tuple[float, float, float]], out: tuple[float, float, float]) -> None:
        parts.append(
            make_mesh(facing(np.array(points), out), (0.4, 0.4, 0.4), label, Material.PAINT, slot=Slot.BODY)
        )

    skin([corner[e, 1, s] for e, s in ((0, -1.0), (0, 1.0), (3, 1.0), (3, -1.0))], (0.0, 0.0, 1.0))
    for end, out in ((0, (1.0, 0.0, 0.6)), (3, (-1.0, 0.0, 0.4))):
        quad = [corner[end, 0, -1.0], corner[end, 0, 1.0], corner[end, 1, 1.0], corner[end, 1, -1.0]]
        skin(quad, out)
        bottom = 0.45 if van and end == 3 else 0.06
        parts.append(inset(quad, (0.06, bottom), (0.94, 0.93), 0.012, out, label))
    for side in (-1.0, 1.0):
        quad = [corner[0, 0, side], corner[3, 0, side], corner[3, 1, side], corner[0, 1, side]]
        out = (0.0, side, 0.25)
        skin(quad, out)
        panes = ((0.08, 0.30),) if van else ((0.10, 0.50), (0.535, 0.88))
        for begin, end_share in panes:
            parts.append(inset(quad, (begin, 0.10), (end_share, 0.88), 0.012, out, label))
    return joined(parts)
