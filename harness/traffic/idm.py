"""Car following: the Intelligent Driver Model, with a brake that makes sure.

IDM: Treiber, Hennecke, Helbing, "Congested traffic states in empirical observations and microscopic
simulations", Physical Review E 62 (2000), equations 3 and 4.
"""

from __future__ import annotations

import math

from harness.traffic.compiled import part

COMFORT_BRAKE_MPS2 = 2.0
HARD_BRAKE_MPS2 = 6.0
"""What a driver can rely on from its own car."""

LEADER_BRAKE_MPS2 = 8.0
"""The hardest that a car ahead is expected to brake."""

REACTION_S = 0.15
"""Until the brakes bite: two ticks and some."""

_STANDSTILL_GAP_M = 2.0
_LEAST_GAP_M = 0.5


@part
def free_acceleration(speed_mps: float, wanted_mps: float, accel_mps2: float) -> float:
    """Acceleration on a free road; at most a comfortable braking where the car is too fast."""
    if wanted_mps <= 0.1:
        return -COMFORT_BRAKE_MPS2
    if speed_mps > wanted_mps:
        # The published term brakes with the fourth power; this is its slope at the wanted speed, bounded.
        return max(-COMFORT_BRAKE_MPS2 * 1.5, 4.0 * accel_mps2 * (1.0 - speed_mps / wanted_mps))
    return accel_mps2 * (1.0 - (speed_mps / wanted_mps) ** 4)


@part
def follow_acceleration(
    speed_mps: float,
    gap_m: float,
    leader_mps: float,
    accel_mps2: float,
    headway_s: float,
) -> float:
    """The share of the car ahead in the acceleration (to be added to the free one).

    Args:
        speed_mps: own speed.
        gap_m: bumper to bumper; below zero when they touch.
        leader_mps: speed of the car ahead along the own path.
        accel_mps2: the driver's acceleration from a standstill.
        headway_s: the time gap that it keeps.
    """
    closing = speed_mps * (speed_mps - leader_mps) / (2.0 * math.sqrt(accel_mps2 * COMFORT_BRAKE_MPS2))
    wanted_gap = _STANDSTILL_GAP_M + max(0.0, speed_mps * headway_s + closing)
    return -accel_mps2 * (wanted_gap / max(gap_m, 0.1)) ** 2


@part
def sure_brake(speed_mps: float, gap_m: float, leader_mps: float) -> float:
    """Braking without which the car could hit the one ahead if that brakes hard now; 0 if there is none.

    The gap must hold the way until the brakes bite and the difference of the two stopping distances. As long
    as the car ahead brakes no harder than `LEADER_BRAKE_MPS2` and the own brakes give `HARD_BRAKE_MPS2`,
    braking at once whenever this says so keeps the gap above zero.
    """
    room = gap_m - _LEAST_GAP_M + leader_mps * leader_mps / (2.0 * LEADER_BRAKE_MPS2)
    needed = speed_mps * REACTION_S + speed_mps * speed_mps / (2.0 * HARD_BRAKE_MPS2)
    if needed <= room or speed_mps <= 0.0:
        return 0.0
    brake = speed_mps * speed_mps / (2.0 * max(room - speed_mps * REACTION_S, 0.05))
    return -min(max(brake, HARD_BRAKE_MPS2), 1.3 * HARD_BRAKE_MPS2)


@part
def acceleration(
    speed_mps: float,
    wanted_mps: float,
    gap_m: float,
    leader_mps: float,
    accel_mps2: float,
    headway_s: float,
) -> float:
    """What the driver wants to do about the road and the car ahead (an infinite gap: nobody)."""
    wish = free_acceleration(speed_mps, wanted_mps, accel_mps2)
    if gap_m < math.inf:
        wish += follow_acceleration(speed_mps, gap_m, leader_mps, accel_mps2, headway_s)
        wish = min(wish, free_acceleration(speed_mps, wanted_mps, accel_mps2))
        sure = sure_brake(speed_mps, gap_m, leader_mps)
        if sure < 0.0:
            return min(max(wish, -1.3 * HARD_BRAKE_MPS2), sure)
    return max(wish, -HARD_BRAKE_MPS2)
