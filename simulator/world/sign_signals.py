"""Stop and yield signs: which vehicles are told to wait at one.

As in CARLA, a sign tells the state of a traffic light, red, without naming a light. CARLA's traffic manager
lets such vehicles stop and enter the junction one after the other.
"""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

from simulator.wire.layouts import TrafficLightState
from simulator.world.actors import ActorKind
from simulator.world.landmarks import SignalPlan
from simulator.world.sign_zones import SQUARE

STOP_S = 2.0
"""How long a vehicle is told to stop at least, from the entry into the volume; CARLA's."""

STANDS_S = 5.0
"""Who has stood on a crossing lane for so long crosses no more: it waits for something itself."""

SIGN = np.dtype(
    [
        ("actor_id", "i8"),
        ("stops", "i8"),  # 1 for a stop sign, 0 for a yield sign
        # trigger volume: centre, direction of travel, half sizes
        ("x", "f8"),
        ("y", "f8"),
        ("z", "f8"),
        ("travel_cos", "f8"),
        ("travel_sin", "f8"),
        ("half", "f8"),
        ("half_height", "f8"),
        # what it watches: rows of the squares, and a circle around them
        ("first", "i8"),
        ("end", "i8"),
        ("around_x", "f8"),
        ("around_y", "f8"),
        ("reach", "f8"),
    ]
)
"""One stop or yield sign."""

_RED = int(TrafficLightState.RED)
_VEHICLE = int(ActorKind.VEHICLE)
_STANDS_MPS = 0.1
_LEVEL_M = 3.0  # a vehicle on a bridge above the crossing lane does not cross


class SignSignals:
    """All stop and yield signs of a world."""

    def __init__(
        self, plans: tuple[SignalPlan, ...], watched: tuple[NDArray[np.void], ...], first_id: int
    ) -> None:
        """Take those of the signs that tell vehicles something.

        Args:
            plans: signs of any kind; their actors are numbered from `first_id` in this order.
            watched: (N,) SQUARE for each of them.
            first_id: actor id of the first sign.
        """
        kinds = ("traffic.stop", "traffic.yield")
        chosen = [n for n, plan in enumerate(plans) if plan.blueprint_id in kinds and plan.lanes]
        self.signs = np.zeros(len(chosen), SIGN)
        self.squares = np.concatenate([np.zeros(0, SQUARE), *(watched[n] for n in chosen)])
        first = 0
        for sign, number in zip(self.signs, chosen, strict=True):
            _place(sign, plans[number], watched[number])
            sign["actor_id"], sign["first"], sign["end"] = (
                first_id + number,
                first,
                first + len(watched[number]),
            )
            first = int(sign["end"])

    def mark_vehicles(self, bodies: NDArray[np.void], dt_s: float) -> None:
        """Tell vehicles in the volume of a sign to wait; those at a traffic light listen to the light.

        At a stop sign one waits for `STOP_S`, and at both while another vehicle crosses. In CARLA a vehicle
        on a crossing lane counts for as long as it is there, so that a jam holds up those whose way is free;
        here it counts no more when it has stood for `STANDS_S`. CARLA gives way early when such a vehicle
        leaves within the two seconds, and a vehicle that left the volume while it was told red keeps that
        until another sign or light tells it something; not here.

        Args:
            bodies: (N,) BODY, already told of their traffic lights.
            dt_s: since the last call.
        """
        _mark(self.signs, self.squares, bodies, float(dt_s))


def _place(sign: np.void, plan: SignalPlan, watched: NDArray[np.void]) -> None:
    x, y, z, _, yaw_deg, _ = plan.transform
    c, s = math.cos(math.radians(yaw_deg)), math.sin(math.radians(yaw_deg))
    center, extent = plan.box.center, plan.box.extent
    sign["stops"] = plan.blueprint_id == "traffic.stop"
    sign["x"] = x + c * center[0] - s * center[1]
    sign["y"] = y + s * center[0] + c * center[1]
    sign["z"] = z + center[2]
    sign["travel_cos"], sign["travel_sin"] = s, -c  # the local x axis is right of the direction of travel
    sign["half"], sign["half_height"] = extent[0], extent[2]
    if len(watched):
        low_x, high_x = watched["x"].min(), watched["x"].max()
        low_y, high_y = watched["y"].min(), watched["y"].max()
        sign["around_x"], sign["around_y"] = (low_x + high_x) / 2.0, (low_y + high_y) / 2.0
        corner = math.sqrt(2.0) * float(watched["half"].max())
        sign["reach"] = math.hypot(high_x - low_x, high_y - low_y) / 2.0 + corner


@numba.njit(cache=True, fastmath=False)
def _mark(signs, squares, bodies, dt_s):  # type: ignore[no-untyped-def]
    for i in range(bodies.shape[0]):
        if bodies[i].kind == _VEHICLE:
            _enter(signs, bodies[i], dt_s)
            stands = math.hypot(bodies[i].vx, bodies[i].vy) < _STANDS_MPS
            bodies[i].stands_s = bodies[i].stands_s + dt_s if stands else 0.0
    for i in range(bodies.shape[0]):
        body = bodies[i]
        if body.in_sign_row < 0 or body.in_light_id > 0 or body.kind != _VEHICLE:
            continue
        sign = signs[body.in_sign_row]
        stops = sign.stops == 1 and body.in_sign_s < STOP_S
        if stops or _is_crossed(sign, body.in_sign_row, squares, bodies):
            body.light_state = _RED


@numba.njit(cache=True, fastmath=False)
def _enter(signs, body, dt_s):  # type: ignore[no-untyped-def]
    """Note in whose volume a vehicle is, and for how long it has been there."""
    row = -1
    for k in range(signs.shape[0]):
        if _touches(body, signs[k]):
            row = k
            break
    if row != body.in_sign_row:
        body.in_sign_row, body.in_sign_s = row, 0.0
    else:
        body.in_sign_s += dt_s


@numba.njit(cache=True, fastmath=False)
def _touches(body, sign):  # type: ignore[no-untyped-def]
    """Whether a vehicle's box meets a sign's trigger volume while it heads the governed way."""
    dx, dy = body.x - sign.x, body.y - sign.y
    reach = 2.0 * sign.half + body.extent_x + body.extent_y
    if abs(dx) > reach or abs(dy) > reach or abs(body.z - sign.z) > sign.half_height + 1.0:
        return False
    c, s = math.cos(body.yaw), math.sin(body.yaw)
    facing = c * sign.travel_cos + s * sign.travel_sin
    if facing <= 0.0:
        return False
    turned = abs(c * sign.travel_sin - s * sign.travel_cos)
    dx += c * body.box_x - s * body.box_y
    dy += s * body.box_x + c * body.box_y
    along = abs(dx * sign.travel_cos + dy * sign.travel_sin)
    across = abs(-dx * sign.travel_sin + dy * sign.travel_cos)
    # Across, the middle of the vehicle counts: one in the next lane is not at this sign.
    return across <= sign.half and along <= sign.half + body.extent_x * facing + body.extent_y * turned


@numba.njit(cache=True, fastmath=False)
def _is_crossed(sign, row, squares, bodies):  # type: ignore[no-untyped-def]
    """Whether a vehicle that does not wait at the same sign crosses, or has only just come to a stand."""
    for i in range(bodies.shape[0]):
        other = bodies[i]
        if other.kind != _VEHICLE or other.in_sign_row == row or other.stands_s >= STANDS_S:
            continue
        room = sign.reach + other.extent_x + other.extent_y
        if abs(other.x - sign.around_x) > room or abs(other.y - sign.around_y) > room:
            continue
        for k in range(sign.first, sign.end):
            if _covers(squares[k], other):
                return True
    return False


@numba.njit(cache=True, fastmath=False)
def _covers(square, body):  # type: ignore[no-untyped-def]
    """Whether a square and a body's box overlap: no axis of either keeps them apart."""
    c, s = math.cos(body.yaw), math.sin(body.yaw)
    dx = body.x + c * body.box_x - s * body.box_y - square.x
    dy = body.y + s * body.box_x + c * body.box_y - square.y
    same = abs(c * square.cos + s * square.sin)
    turned = abs(c * square.sin - s * square.cos)
    span = square.half * (same + turned)
    return (
        abs(body.z - square.z) <= _LEVEL_M
        and abs(dx * c + dy * s) <= body.extent_x + span
        and abs(-dx * s + dy * c) <= body.extent_y + span
        and abs(dx * square.cos + dy * square.sin)
        <= square.half + body.extent_x * same + body.extent_y * turned
        and abs(-dx * square.sin + dy * square.cos)
        <= square.half + body.extent_x * turned + body.extent_y * same
    )
