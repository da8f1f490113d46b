"""Why the expert drives as it does, one value per tick, for reports and as a training label."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """The rule that bounded the acceleration in this tick."""

    CRUISE = "cruise"
    CURVE = "curve"
    FOLLOWING = "following"
    RED_LIGHT = "red_light"
    STOP_SIGN = "stop_sign"
    YIELD_VEHICLE = "yield_vehicle"
    YIELD_PEDESTRIAN = "yield_pedestrian"
    LANE_CHANGE = "lane_change"


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided in one tick.

    Attributes:
        reason: the rule that asked for the lowest acceleration.
        acceleration_mps2: what was asked for.
        curvature: of the path to steer, 1/m, positive to the left.
        culprit: id of the actor, light or sign behind the reason, or None.
        lateral_error_m: how far left of its path the ego was.
        heading_error_rad: how far left of its path the ego headed.
    """

    reason: Reason
    acceleration_mps2: float
    curvature: float
    culprit: int | None = None
    lateral_error_m: float = 0.0
    heading_error_rad: float = 0.0
