"""Metrics of several episodes together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.events import EventType
from harness.metrics.episode import INFRACTIONS, EpisodeMetrics
from harness.metrics.measurement import Measurement

MIN_DRIVEN_KM = 0.001


@dataclass(frozen=True, slots=True)
class AggregateMetrics:
    """What several episodes measured; each `n` counts the episodes that had the value.

    Attributes:
        route_completion: mean, %.
        driven: sum, km.
        infractions_per_km: per kind, a ratio of sums over all episodes; `outside_route_lanes` is an exception
            of the Leaderboard and stands in `outside_lanes`.
        outside_lanes: sum, km.
        duration: sum, simulated seconds.
        tick_rate: mean, 1/s.
        real_time_factor: mean.
    """

    route_completion: Measurement
    driven: Measurement
    infractions_per_km: Mapping[EventType, Measurement]
    outside_lanes: Measurement
    duration: Measurement
    tick_rate: Measurement
    real_time_factor: Measurement


def aggregate(episodes: Sequence[EpisodeMetrics]) -> AggregateMetrics:
    """Combine the metrics of episodes; those that were not measured take no part.

    Infractions per km are the sum of all counts over the sum of all kilometres (at least 0.001), as
    Leaderboard 2.0 computes them; 1.0 added up the ratios of the routes.
    """
    driven = _sum([episode.driven for episode in episodes], "km")
    return AggregateMetrics(
        route_completion=_mean([episode.route_completion for episode in episodes], "%"),
        driven=driven,
        infractions_per_km={
            kind: _per_km([episode.infractions[kind] for episode in episodes], driven)
            for kind in INFRACTIONS
            if kind is not EventType.OUTSIDE_ROUTE_LANES
        },
        outside_lanes=_sum([episode.outside_lanes for episode in episodes], "km"),
        duration=_sum([episode.duration for episode in episodes], "s"),
        tick_rate=_mean([episode.tick_rate for episode in episodes], "1/s"),
        real_time_factor=_mean([episode.real_time_factor for episode in episodes], ""),
    )


def _present(measurements: Sequence[Measurement]) -> list[float]:
    return [m.value for m in measurements if m.value is not None]


def _why(measurements: Sequence[Measurement]) -> str:
    """Why a combination is missing: the first reason among its parts."""
    return next((m.why_missing for m in measurements if m.why_missing is not None), "there are no episodes")


def _mean(measurements: Sequence[Measurement], unit: str) -> Measurement:
    return Measurement.mean(_present(measurements), unit, _why(measurements))


def _sum(measurements: Sequence[Measurement], unit: str) -> Measurement:
    values = _present(measurements)
    if not values:
        return Measurement.missing(unit, _why(measurements))
    return Measurement(math.fsum(values), unit, len(values))


def _per_km(counts: Sequence[Measurement], driven: Measurement) -> Measurement:
    total = _sum(counts, "")
    if total.value is None or driven.value is None:
        return Measurement.missing("1/km", _why(counts))
    return Measurement(total.value / max(driven.value, MIN_DRIVEN_KM), "1/km", total.n)
