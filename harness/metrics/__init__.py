"""Measurements of episodes: a value with its unit and count, or the reason why there is none."""

from harness.metrics.aggregate import AggregateMetrics, aggregate
from harness.metrics.episode import EpisodeMetrics, infractions_of, measure_episode, route_completion_pct
from harness.metrics.measurement import Measurement

__all__ = [
    "AggregateMetrics",
    "EpisodeMetrics",
    "Measurement",
    "aggregate",
    "infractions_of",
    "measure_episode",
    "route_completion_pct",
]
