"""Following: the intelligent driver model on whoever stands or drives in the ego's way now."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from policies.expert.config import ExpertConfig
from policies.expert.kernels import first_contacts
from policies.expert.path import STEP_M
from policies.expert.scene import Scene
from policies.sensor_bundle import Float, Int

_CROSSING_COSINE = 0.6
_CROSSING_SPEED_MPS = 1.5


@dataclass(frozen=True, slots=True)
class Leader:
    """A road user in the ego's way.

    Attributes:
        row: in the scene.
        gap_m: how far the ego can go before its box touches the other's box where that is now.
        speed_mps: of the other along the ego's path; negative if it comes towards the ego.
    """

    row: int
    gap_m: float
    speed_mps: float


def idm_acceleration(
    config: ExpertConfig, speed_mps: float, gap_m: float, leader_mps: float, standstill_gap_m: float
) -> float:
    """Return the interaction part of the intelligent driver model plus its free part at full acceleration.

    Treiber, Hennecke, Helbing 2000: a (1 - (s* / s)²), s* = s0 + v T + v (v - v_l) / (2 sqrt(a b)).

    Args:
        config: a, b and T.
        speed_mps: of the ego.
        gap_m: bumper to bumper.
        leader_mps: speed of the leader.
        standstill_gap_m: s0.
    """
    a, b = config.acceleration_mps2, config.comfortable_brake_mps2
    approach = speed_mps * (speed_mps - leader_mps) / (2.0 * math.sqrt(a * b))
    wanted_m = standstill_gap_m + max(speed_mps * config.headway_s + approach, 0.0)
    model = a * (1.0 - (wanted_m / max(gap_m, 0.1)) ** 2)
    # The model over-reacts when the gap is short but nobody closes in; the laws of motion ask for less.
    closing = max(speed_mps - max(leader_mps, 0.0), 0.0)
    room_m = max(gap_m - 0.5 * standstill_gap_m, 0.1)
    needed = closing**2 / (2.0 * room_m)
    return max(model, -max(1.5 * needed, b))


def find_leaders(
    scene: Scene, boxes: Float, yaws: Float, ego_half: Float, offset_m: float, side_margin_m: float
) -> list[Leader]:
    """Return everybody in the ego's way, in scene order.

    Left out: who is beside or behind the ego's centre, and who is crossing fast enough to be judged by
    where it will be (`policies.expert.conflicts`).

    Args:
        scene: of this tick.
        boxes: (K, 4) ego boxes along the path.
        yaws: (K,) path headings.
        ego_half: (2,) half sizes of the ego.
        offset_m: from place 0 of the path to the ego.
        side_margin_m: kept free on each side.
    """
    contacts: Int = np.empty(len(scene.ids), dtype=np.int64)
    first_contacts(boxes, ego_half, side_margin_m, scene.poses, scene.halves, contacts)
    leaders = []
    for row in np.flatnonzero(contacts >= 0).tolist():
        k = int(contacts[row])
        c, s = math.cos(yaws[k]), math.sin(yaws[k])
        along = float(scene.velocities[row, 0] * c + scene.velocities[row, 1] * s)
        speed = float(scene.speeds[row])
        is_beside = k <= 1 and scene.ahead_m[row] < 0.5 * ego_half[0]
        is_crossing = speed > _CROSSING_SPEED_MPS and along < _CROSSING_COSINE * speed
        is_oncoming = along < -_CROSSING_COSINE * speed
        if not is_beside and (not is_crossing or (is_oncoming and not scene.is_walker[row])):
            leaders.append(Leader(row, max(k * STEP_M - offset_m, 0.0), along))
    return leaders
