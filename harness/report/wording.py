"""Words and numbers of a report: sentences about events, names of outcomes, figures with their units."""

from __future__ import annotations

from collections.abc import Mapping

from harness.events import Event, EventType
from harness.gate.model import MetricResult, Verdict
from harness.metrics.catalogue import CATALOGUE, Direction
from harness.outcome import Outcome
from harness.report.model import EpisodeReport
from harness.score import EpisodeScore

MISSING = "–"
ARROW: Mapping[Direction, str] = {Direction.HIGHER: "↑", Direction.LOWER: "↓", Direction.UNCHANGED: "="}

EVENT_LABEL: Mapping[EventType, str] = {
    EventType.COLLISION_PEDESTRIAN: "Collision with a pedestrian",
    EventType.COLLISION_VEHICLE: "Collision with a vehicle",
    EventType.COLLISION_STATIC: "Collision with a thing",
    EventType.RED_LIGHT: "Red light run",
    EventType.STOP_SIGN: "Stop sign run",
    EventType.OUTSIDE_ROUTE_LANES: "Outside the route's lanes",
    EventType.ROUTE_DEVIATION: "Left the route",
    EventType.BLOCKED: "Stood still for too long",
    EventType.ROUTE_TIMEOUT: "Took too long",
    EventType.ROUTE_COMPLETED: "Reached the end of the route",
    EventType.ROUTE_COMPLETION: "End of the episode",
}
SHORT_LABEL: Mapping[EventType, str] = {
    EventType.COLLISION_PEDESTRIAN: "pedestrian hit",
    EventType.COLLISION_VEHICLE: "vehicle hit",
    EventType.COLLISION_STATIC: "thing hit",
    EventType.RED_LIGHT: "red light",
    EventType.STOP_SIGN: "stop sign",
    EventType.OUTSIDE_ROUTE_LANES: "outside lanes",
    EventType.ROUTE_DEVIATION: "off route",
    EventType.BLOCKED: "blocked",
    EventType.ROUTE_TIMEOUT: "timeout",
}
VERDICT_MEANING: Mapping[Verdict, str] = {
    Verdict.PASS: "No gating metric is worse by its margin.",
    Verdict.FAIL: "At least one gating metric is shown to be worse.",
    Verdict.INCONCLUSIVE: "Neither a regression nor its absence is shown.",
    Verdict.INVALID: "The two cannot be compared.",
}


def number(value: float | None, *, signed: bool = False) -> str:
    """Four significant digits; a missing value is a dash, never a zero."""
    if value is None:
        return MISSING
    value += 0.0  # -0.0 is 0
    text = f"{value:+.3g}" if signed and value else f"{value:.4g}"
    return text.replace("-", "−")


def fixed(value: float | None, digits: int) -> str:
    """So many digits after the point."""
    return MISSING if value is None else f"{value:.{digits}f}"


def interval(metric: MetricResult) -> str:
    """Bounds of an effect."""
    if metric.interval is None:
        return MISSING
    return f"{number(metric.interval.low, signed=True)} … {number(metric.interval.high, signed=True)}"


def p_value(metric: MetricResult) -> str:
    """After correction, where there was one."""
    value = metric.p_adjusted if metric.p_adjusted is not None else metric.p_value
    return MISSING if value is None else f"{value:.2g}"


def metric_title(name: str) -> str:
    """Name of a metric for people: "Red lights"."""
    return name.replace("_", " ").replace("ttc", "TTC").capitalize().replace("ttc", "TTC")


def metric_unit(name: str) -> str:
    """Its unit, "" for a pure number."""
    return CATALOGUE[name].unit


def ending(episode: EpisodeReport) -> str:
    """How an episode ended, in a word or two."""
    score = episode.score
    if score is None:
        return "no valid record"
    if score.failure is not None and score.outcome is not Outcome.POLICY_FAULT:
        return score.failure.value.replace("_", " ")
    return {
        Outcome.COMPLETED: "completed",
        Outcome.ENDED_BY_RULE: "ended",
        Outcome.POLICY_FAULT: "policy fault",
    }[score.outcome]


def outcome_class(episode: EpisodeReport) -> str:
    """Coarse class for filters: success, infractions (completed, but), failed, missing."""
    score = episode.score
    if score is None:
        return "missing"
    if score.is_success:
        return "success"
    return "infractions" if score.failure is None else "failed"


def infractions(score: EpisodeScore | None) -> str:
    """All infractions of an episode: "red light, 2 x vehicle hit"."""
    if score is None:
        return MISSING
    parts = [
        SHORT_LABEL[kind] if count == 1 else f"{count} × {SHORT_LABEL[kind]}"
        for kind, count in score.infractions.items()
        if count
    ]
    return ", ".join(parts) or "none"


def findings(events: tuple[Event, ...]) -> list[Event]:
    """Events that a person wants to see, in order of time: all but the final account."""
    shown = [event for event in events if event.type is not EventType.ROUTE_COMPLETION]
    return sorted(shown, key=lambda event: event.tick)


def describe(event: Event) -> str:
    """Details of an event beyond its label; "" if there are none."""
    values = event.values
    match event.type:
        case EventType.COLLISION_PEDESTRIAN | EventType.COLLISION_VEHICLE | EventType.COLLISION_STATIC:
            speed = values.get("speed_mps")
            at = "" if speed is None else f" at {float(speed):.1f} m/s"
            return f"{values.get('other_type', 'unknown')}{at}"
        case EventType.RED_LIGHT:
            return f"signal {values.get('opendrive_id', '?')}"
        case EventType.STOP_SIGN:
            return f"sign {values.get('opendrive_id', '?')}"
        case EventType.OUTSIDE_ROUTE_LANES:
            share = f"{float(values['percentage']):.1f} % of the driven route"
            return f"{float(values['distance_m']):.1f} m, {share}"
        case EventType.ROUTE_DEVIATION:
            return f"{float(values['distance_m']):.1f} m from the route" if "distance_m" in values else ""
        case EventType.BLOCKED:
            return f"for {float(values['standing_s']):.0f} s" if "standing_s" in values else ""
        case _:
            return ""


def sentence(text: str) -> str:
    """With a capital letter and a full stop."""
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}"
