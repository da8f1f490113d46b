"""How answers become comparable: what legitimately differs from server to server and run to run is taken out.

Each transformer has a name, which the report lists, so that nobody mistakes "equal" for "equal to the last
bit".
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import carla

DECIMALS = 3

TRANSFORMERS = {
    "rounded": f"numbers are rounded to {DECIMALS} decimals",
    "frames": "frame numbers count from the first one that was seen",
    "times": "simulated times count from the first one that was seen; platform times are left out",
    "ids": "actor ids are left out, or stand for the OpenDRIVE id or the type of their actor",
    "sorted": "what a server lists in an order of its own (blueprints, lights, maps) is sorted by name",
    "pixels": "what is drawn is left out: images, textures, materials",
}
"""Name -> what it does."""


def rounded(value: float) -> float | str:
    """A number to compare; not-a-number and infinities by name, as JSON has none."""
    if not math.isfinite(value):
        return str(value)
    return round(float(value), DECIMALS) + 0.0


def vector(value: carla.Vector3D) -> list[float | str]:
    """x, y, z."""
    return [rounded(value.x), rounded(value.y), rounded(value.z)]


def pose(value: carla.Transform) -> list[float | str]:
    """x, y, z, pitch, yaw, roll; angles in (-180, 180]."""
    angles = (value.rotation.pitch, value.rotation.yaw, value.rotation.roll)
    return vector(value.location) + [rounded(180.0 - (180.0 - angle) % 360.0) for angle in angles]


def box(value: carla.BoundingBox) -> dict[str, list[float | str]]:
    """Centre and half sizes."""
    return {"center": vector(value.location), "extent": vector(value.extent)}


def numbers(thing: object, names: Iterable[str]) -> dict[str, object]:
    """Attributes of a thing of the client: numbers rounded, vectors as lists."""
    found: dict[str, object] = {}
    for name in names:
        value = getattr(thing, name)
        if isinstance(value, bool | int | str):
            found[name] = value
        elif isinstance(value, float):
            found[name] = rounded(value)
        else:
            found[name] = vector(value)
    return found
