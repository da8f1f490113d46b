"""Props: which of them a push moves, what they weigh, and how they slide and fall."""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

from simulator.world.actors import ActorKind, Vector

LIGHT_KG = {
    "barrel": 15.0,
    "bike helmet": 0.4,
    "bin": 12.0,
    "box01": 8.0,
    "box02": 8.0,
    "box03": 8.0,
    "briefcase": 4.0,
    "chainbarrier": 12.0,
    "chainbarrierend": 6.0,
    "colacan": 0.05,
    "constructioncone": 3.0,
    "creasedbox01": 1.0,
    "creasedbox02": 1.0,
    "gardenlamp": 2.0,
    "gnome": 3.0,
    "guitarcase": 6.0,
    "haybale": 20.0,
    "haybalelb": 20.0,
    "motorhelmet": 1.5,
    "plantpot05": 5.0,
    "plantpot07": 8.0,
    "plantpot08": 8.0,
    "plasticbag": 1.0,
    "plasticchair": 3.0,
    "plastictable": 8.0,
    "purse": 1.0,
    "shoppingbag": 2.0,
    "shoppingcart": 20.0,
    "shoppingtrolley": 8.0,
    "streetbarrier": 18.0,
    "trafficcone01": 6.0,
    "trafficcone02": 4.0,
    "trashbag": 6.0,
    "trashcan01": 12.0,
    "trashcan02": 12.0,
    "trashcan03": 12.0,
    "trashcan04": 14.0,
    "trashcan05": 14.0,
    "travelcase": 12.0,
    "warningaccident": 8.0,
    "warningconstruction": 8.0,
    "wateringcan": 1.0,
}
"""Props that move when something hits them, kg: our estimates. All others are fixed until a client switches
their physics on."""

_PROP = int(ActorKind.PROP)
_GRAVITY = 9.81
_SLIDING_MPS2 = 5.0  # friction on the ground
_SLIDING_RADPS2 = 8.0
_DENSITY_KG_PER_M3 = 120.0  # of what is not in the table, by its box
_LEAST_KG = 20.0


def prop_mass_kg(blueprint_id: str, extent: Vector) -> tuple[float, bool]:
    """Mass of a prop, and whether it is loose from the start.

    Args:
        blueprint_id: "static.prop.bin".
        extent: half sizes of its box, m.
    """
    light = LIGHT_KG.get(blueprint_id.removeprefix("static.prop."))
    if light is not None:
        return light, True
    return max(_LEAST_KG, _DENSITY_KG_PER_M3 * 8.0 * math.prod(extent)), False


def advance_props(bodies: NDArray[np.void], substep_s: float, substeps: int) -> None:
    """Let every loose prop fall, slide and come to rest, by `substeps` steps of `substep_s`."""
    _advance_props(bodies, float(substep_s), int(substeps))


@numba.njit(cache=True, fastmath=False)
def _advance_props(bodies, h, substeps):  # type: ignore[no-untyped-def]
    for i in range(bodies.shape[0]):
        body = bodies[i]
        if body.kind == _PROP and body.simulates == 1 and body.attached == 0:
            for _ in range(substeps):
                _advance_prop(body, h)


@numba.njit(cache=True, fastmath=False)
def _advance_prop(body, h):  # type: ignore[no-untyped-def]
    body.vx += h * body.force_x / body.mass_kg
    body.vy += h * body.force_y / body.mass_kg
    body.vz += h * body.force_z / body.mass_kg
    body.yaw_rate += h * body.torque_z / body.inertia
    if body.on_ground == 1:
        pace = math.hypot(body.vx, body.vy)
        keep = max(0.0, 1.0 - h * _SLIDING_MPS2 / pace) if pace > 0.0 else 0.0
        body.vx *= keep
        body.vy *= keep
        turning = abs(body.yaw_rate)
        body.yaw_rate *= max(0.0, 1.0 - h * _SLIDING_RADPS2 / turning) if turning > 0.0 else 0.0
    body.x += h * body.vx
    body.y += h * body.vy
    body.yaw += h * body.yaw_rate
    if body.gravity == 1:
        body.vz -= h * _GRAVITY
    floor = body.ground_z + body.grade_x * (body.x - body.ground_x) + body.grade_y * (body.y - body.ground_y)
    floor += body.feet_m
    body.z += h * body.vz
    body.on_ground = 0
    if body.z <= floor:
        body.z, body.vz, body.on_ground = floor, 0.0, 1
