"""The catalogue: what each metric is called, its unit, which way is better, and what its absence means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Kind(StrEnum):
    """What one episode contributes; decides which statistics fit."""

    MEAN = "mean"
    """A number; a campaign's value is the mean over routes of the mean over repeats."""

    SHARE = "share"
    """Yes or no; a campaign's value is the share of episodes with yes."""

    RATE = "rate"
    """A count over the kilometres driven; a campaign's value is all counts over all kilometres."""


class Direction(StrEnum):
    """Which way is better."""

    HIGHER = "higher"
    LOWER = "lower"
    UNCHANGED = "unchanged"
    """Neither way is better as such; a change in either direction is one that somebody must have wanted."""


class Missing(StrEnum):
    """What it means that an episode has no value."""

    INVALID = "invalid"
    """Every scored episode has it; without it the comparison is not valid."""

    UNDECIDED = "undecided"
    """It may be missing for good reasons (no other road user, too short a drive). An episode without it on
    both
    sides is left out; one without it on one side only leaves the metric undecided, because leaving it out
    would hide exactly the episodes that changed most."""


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """One metric.

    Attributes:
        name: as in rules and reports.
        unit: of the campaign's value, "" for a pure number.
        kind, direction, missing: see there.
        meaning: one line for people.
    """

    name: str
    unit: str
    kind: Kind
    direction: Direction
    missing: Missing
    meaning: str


_H, _L, _SAME = Direction.HIGHER, Direction.LOWER, Direction.UNCHANGED
_MUST, _MAY = Missing.INVALID, Missing.UNDECIDED

_SPECS = (
    MetricSpec("driving_score", "", Kind.MEAN, _H, _MUST, "route completion times penalty, 0..100"),
    MetricSpec("route_completion", "%", Kind.MEAN, _H, _MUST, "share of the route that was driven"),
    MetricSpec("success", "", Kind.SHARE, _H, _MUST, "route completed without any infraction"),
    MetricSpec("collisions", "1/km", Kind.RATE, _L, _MUST, "collisions with anything"),
    MetricSpec("red_lights", "1/km", Kind.RATE, _L, _MUST, "red lights run"),
    MetricSpec("stop_signs", "1/km", Kind.RATE, _L, _MUST, "stop signs run"),
    MetricSpec("outside_lanes", "m", Kind.MEAN, _L, _MUST, "driven outside the route's lanes"),
    MetricSpec("lane_offset", "m", Kind.MEAN, _L, _MAY, "mean distance to the middle of the route's lane"),
    MetricSpec("mean_speed", "m/s", Kind.MEAN, _SAME, _MAY, "mean over the episode"),
    MetricSpec("cruise_speed", "m/s", Kind.MEAN, _SAME, _MAY, "exceeded in a tenth of the time"),
    MetricSpec("over_limit", "s", Kind.MEAN, _L, _MAY, "time above the speed limit"),
    MetricSpec("min_ttc", "s", Kind.MEAN, _H, _MAY, "smallest time to collision, at most 3 s"),
    MetricSpec("low_ttc", "s", Kind.MEAN, _L, _MAY, "time with a time to collision of at most 0.95 s"),
    MetricSpec("comfort", "%", Kind.MEAN, _H, _MAY, "share of time inside nuPlan's six comfort bounds"),
    MetricSpec("max_acceleration", "m/s²", Kind.MEAN, _L, _MAY, "strongest forward acceleration"),
    MetricSpec("max_braking", "m/s²", Kind.MEAN, _L, _MAY, "strongest deceleration"),
    MetricSpec("max_lateral_acceleration", "m/s²", Kind.MEAN, _L, _MAY, "strongest, either side"),
    MetricSpec("max_jerk", "m/s³", Kind.MEAN, _L, _MAY, "strongest change of the acceleration's amount"),
    MetricSpec("max_longitudinal_jerk", "m/s³", Kind.MEAN, _L, _MAY, "strongest change of the acceleration"),
    MetricSpec("max_yaw_rate", "rad/s", Kind.MEAN, _L, _MAY, "fastest turn, either side"),
    MetricSpec("max_yaw_acceleration", "rad/s²", Kind.MEAN, _L, _MAY, "strongest change of the yaw rate"),
    MetricSpec("policy_p50", "ms", Kind.MEAN, _L, _MAY, "median wall-clock time of a policy step"),
    MetricSpec("policy_p99", "ms", Kind.MEAN, _L, _MAY, "99th percentile of it"),
)

CATALOGUE: Mapping[str, MetricSpec] = MappingProxyType({spec.name: spec for spec in _SPECS})
"""All metrics by name, in the order of reports."""
