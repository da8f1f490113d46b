"""Measurements of episodes: a value with its unit and count, or the reason why there is none."""

from harness.metrics.aggregate import AggregateMetrics, aggregate
from harness.metrics.catalogue import CATALOGUE, Direction, Kind, MetricSpec, Missing
from harness.metrics.episode import EpisodeMetrics, infractions_of, measure_episode, route_completion_pct
from harness.metrics.measurement import Measurement

__all__ = [
    "CATALOGUE",
    "AggregateMetrics",
    "Direction",
    "EpisodeMetrics",
    "Kind",
    "Measurement",
    "MetricSpec",
    "Missing",
    "aggregate",
    "infractions_of",
    "measure_episode",
    "route_completion_pct",
]
