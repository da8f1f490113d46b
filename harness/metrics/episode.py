"""Metrics of one episode, read from its record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from harness.events import Event, EventType
from harness.metrics.driving import measure_driving, not_measured
from harness.metrics.measurement import Measurement
from harness.record import CorruptRecordError, EpisodeRecord
from harness.record.layout import EVENTS

INFRACTIONS = tuple(
    kind for kind in EventType if kind not in (EventType.ROUTE_COMPLETED, EventType.ROUTE_COMPLETION)
)
"""Everything that the Leaderboard counts as an infraction, the events that end a route included."""


@dataclass(frozen=True, slots=True)
class EpisodeMetrics:
    """What one episode measured. All of the driving is missing when the infrastructure failed.

    Attributes:
        route_completion: %.
        driven: km of route, route length times completion.
        infractions: count per kind.
        outside_lanes: km of route driven outside the route's lanes.
        duration: simulated seconds.
        driving: the metrics `harness.metrics.driving.NAMES`.
        tick_rate: ticks per second of wall-clock time.
        real_time_factor: simulated over wall-clock time.
    """

    route_completion: Measurement
    driven: Measurement
    infractions: Mapping[EventType, Measurement]
    outside_lanes: Measurement
    duration: Measurement
    driving: Mapping[str, Measurement]
    tick_rate: Measurement
    real_time_factor: Measurement


def route_completion_pct(record: EpisodeRecord) -> float:
    """Share of the route that was driven, 0..100, from the final account among the events.

    Raises:
        CorruptRecordError: a record has not exactly one such event.
    """
    found = [event for event in record.events if event.type is EventType.ROUTE_COMPLETION]
    if len(found) != 1:
        problem = f"has {len(found)} {EventType.ROUTE_COMPLETION} events, not 1"
        raise CorruptRecordError(record.folder / EVENTS, problem, "run the episode again")
    return float(found[0].values["route_completion_pct"])


def infractions_of(events: Iterable[Event]) -> dict[EventType, int]:
    """How often each kind of infraction happened; every kind is a key."""
    counts = Counter(event.type for event in events)
    return {kind: counts[kind] for kind in INFRACTIONS}


def measure_episode(record: EpisodeRecord) -> EpisodeMetrics:
    """Measure one episode.

    Raises:
        CorruptRecordError: the record contradicts itself.
    """
    if not record.outcome.is_scored:
        return _not_measured(f"{record.outcome}: {record.reason}")
    completion_pct = route_completion_pct(record)
    # As in the Leaderboard: the length is rounded to millimetres, and what counts is progress along the
    # route.
    driven_km = round(record.facts.route.length_m, 3) / 1000 * completion_pct / 100
    outside_m = sum(
        float(event.values["distance_m"])
        for event in record.events
        if event.type is EventType.OUTSIDE_ROUTE_LANES
    )
    duration_s = record.tick_count * record.facts.dt_s
    wall_s = None if record.timing is None else record.timing.wall_s
    return EpisodeMetrics(
        route_completion=Measurement(completion_pct, "%", 1),
        driven=Measurement(driven_km, "km", 1),
        infractions={
            kind: Measurement(count, "", 1) for kind, count in infractions_of(record.events).items()
        },
        outside_lanes=Measurement(outside_m / 1000, "km", 1),
        duration=Measurement(duration_s, "s", 1),
        driving=measure_driving(record),
        tick_rate=_per_wall_time(record.tick_count, wall_s, "1/s"),
        real_time_factor=_per_wall_time(duration_s, wall_s, ""),
    )


def _per_wall_time(amount: float, wall_s: float | None, unit: str) -> Measurement:
    """A rate over wall-clock time, if that was measured."""
    if wall_s is None:
        return Measurement.missing(unit, "no wall-clock times were recorded")
    if wall_s <= 0.0:
        return Measurement.missing(unit, f"the recorded wall-clock time is {wall_s!r} s")
    return Measurement(amount / wall_s, unit, 1)


def _not_measured(why: str) -> EpisodeMetrics:
    """Metrics of an episode that says nothing about the policy."""
    return EpisodeMetrics(
        route_completion=Measurement.missing("%", why),
        driven=Measurement.missing("km", why),
        infractions={kind: Measurement.missing("", why) for kind in INFRACTIONS},
        outside_lanes=Measurement.missing("km", why),
        duration=Measurement.missing("s", why),
        driving=not_measured(why),
        tick_rate=Measurement.missing("1/s", why),
        real_time_factor=Measurement.missing("", why),
    )
