"""The versions of the driving score: penalties as data, one entry per version.

Source: leaderboard/utils/statistics_manager.py of the CARLA Leaderboard, branches leaderboard-2.0 and
leaderboard-2.1. The two differ in the penalty only. Leaderboard 1.0 is not here although its product is
that of 2.0 without the newer kinds: its criteria judge differently (1.3 m beside the lane, another stop
rule), so a number under its name would lie.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from harness.events import EventType


class ScoreVersion(StrEnum):
    """Which rules a score follows; every number that is reported carries it."""

    LB2_0 = "lb2_0"
    LB2_1 = "lb2_1"

    @property
    def score_name(self) -> str:
        """Name of the driving score under these rules, "ds_lb2_1"."""
        return f"ds_{self.value}"


class Combination(StrEnum):
    """How the penalties of infractions combine."""

    PRODUCT = "product"
    """The product of one factor per infraction."""

    INVERSE_SUM = "inverse_sum"
    """1 / (1 + the sum of one addend per infraction)."""


@dataclass(frozen=True, slots=True)
class ScoreRules:
    """Rules of one version.

    Attributes:
        combination: how penalties combine.
        penalties: kind of infraction -> factor or addend of each. A kind that is not here costs nothing by
            itself: deviation, blocked and timeout cost the rest of the route, and outside lanes multiplies by
            the share of the driven route that was inside them, in every version and beside the combination.
        not_judged: infractions of this version that no criterion looks for yet, by the Leaderboard's keys. A
            score is comparable with a published one only where these cannot occur (no scenarios, no
            background traffic).
    """

    combination: Combination
    penalties: Mapping[EventType, float]
    not_judged: tuple[str, ...]


_NOT_JUDGED = ("scenario_timeouts", "yield_emergency_vehicle_infractions", "min_speed_infractions")

RULES: Mapping[ScoreVersion, ScoreRules] = MappingProxyType(
    {
        ScoreVersion.LB2_0: ScoreRules(
            Combination.PRODUCT,
            MappingProxyType(
                {
                    EventType.COLLISION_PEDESTRIAN: 0.5,
                    EventType.COLLISION_VEHICLE: 0.6,
                    EventType.COLLISION_STATIC: 0.65,
                    EventType.RED_LIGHT: 0.7,
                    EventType.STOP_SIGN: 0.8,
                }
            ),
            _NOT_JUDGED,
        ),
        ScoreVersion.LB2_1: ScoreRules(
            Combination.INVERSE_SUM,
            MappingProxyType(
                {
                    EventType.COLLISION_PEDESTRIAN: 1.0,
                    EventType.COLLISION_VEHICLE: 0.7,
                    EventType.COLLISION_STATIC: 0.6,
                    EventType.RED_LIGHT: 0.4,
                    EventType.STOP_SIGN: 0.25,
                }
            ),
            _NOT_JUDGED,
        ),
    }
)


def penalty(rules: ScoreRules, counts: Mapping[EventType, int], outside_lanes_pct: float) -> float:
    """The factor on route completion, in [0, 1], unrounded.

    Args:
        rules: of a version.
        counts: kind of infraction -> how often. The order of infractions in time plays no part.
        outside_lanes_pct: share of the driven route outside the route's lanes, 0..100.
    """
    inside = 1.0 - outside_lanes_pct / 100
    if rules.combination is Combination.PRODUCT:
        factor = 1.0
        for kind, each in rules.penalties.items():
            factor *= each ** counts.get(kind, 0)
        return inside * factor
    return inside / (1.0 + sum(each * counts.get(kind, 0) for kind, each in rules.penalties.items()))
