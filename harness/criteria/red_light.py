"""Red light: the ego's tail crosses a stop line while its light is red."""

from __future__ import annotations

from dataclasses import dataclass

from harness.criteria.errors import CriterionError
from harness.criteria.geometry import (
    NearbyIndex,
    Segment,
    along_yaw,
    distance_m,
    dot,
    forward_vector,
    segments_touch,
)
from harness.events import Event, EventType, EventValues
from harness.facts import StopLine, TickFacts, TrafficLightFacts, Vector

LIGHT_RADIUS_M = 15.0
STOP_LINE_HALF_WIDTH = 0.6
"""Half of the stop line's length, in lane widths."""
TAIL_START = 0.8
"""Where the tail begins behind the ego's origin, in half lengths of the ego."""
TAIL_OVERHANG_M = 1.0
RED = 0
LAST_STATE = 4


@dataclass(frozen=True, slots=True)
class _Line:
    """A stop line as the criterion reads it."""

    road_id: int
    lane_id: int
    forward: Vector
    across: Segment

    @classmethod
    def from_facts(cls, line: StopLine) -> _Line:
        """Precompute the lane's direction and the two ends of the line."""
        yaw_deg = line.rotation_deg[1]
        half_m = STOP_LINE_HALF_WIDTH * line.lane_width_m
        left = along_yaw(line.location, half_m, yaw_deg + 90)
        right = along_yaw(line.location, half_m, yaw_deg - 90)
        return cls(line.road_id, line.lane_id, forward_vector(line.rotation_deg), (*left, *right))


class RedLight:
    """Reports a light when the segment behind the ego touches one of its stop lines while it is red.

    A light is looked at when the centre of its trigger volume is within 15 m of the ego. The segment
    reaches from 0.8 half lengths behind the ego's origin to 1 m behind its rear; that rear point must be on
    the road and lane of the stop line, and the ego must not face against it. Source: RunningRedLightTest of
    ScenarioRunner (leaderboard-2.0).

    The light reported last is skipped until another one is reported, so crossing it twice in a row counts
    once. Inside one tick, after a report the lights that follow in the list are measured against the
    *location of the reported light* instead of the ego's: the original reuses the variable. Kept, because
    it can hide or add a second report where two lights stand at one line.
    """

    __slots__ = ("_last", "_lights", "_lines", "_nearby", "_tail_far_m", "_tail_near_m")

    def __init__(self, lights: tuple[TrafficLightFacts, ...], ego_half_length_m: float) -> None:
        self._lights = lights
        self._lines = tuple(tuple(_Line.from_facts(line) for line in light.stop_lines) for light in lights)
        self._nearby = NearbyIndex((light.trigger_center for light in lights), LIGHT_RADIUS_M)
        self._tail_near_m = -TAIL_START * ego_half_length_m
        self._tail_far_m = -ego_half_length_m - TAIL_OVERHANG_M
        self._last: int | None = None

    def update(self, tick: TickFacts, out: list[Event]) -> None:
        """Report every light that is run in this tick."""
        reference = tick.ego.location
        number = self._first_run(tick, reference, 0)
        while number is not None:
            self._last = number
            light = self._lights[number]
            x, y, z = light.location
            values: EventValues = {"opendrive_id": light.opendrive_id, "x_m": x, "y_m": y, "z_m": z}
            out.append(Event(tick.tick, EventType.RED_LIGHT, values))
            number = self._first_run(tick, light.location, number + 1)

    def _first_run(self, tick: TickFacts, reference: Vector, first: int) -> int | None:
        """The first light, from number `first` on, that is near the reference, red and run."""
        for number in self._nearby.near(reference):
            if number < first or number == self._last:
                continue
            if distance_m(self._lights[number].trigger_center, reference) > LIGHT_RADIUS_M:
                continue
            state = int(tick.light_states[number])
            if state > LAST_STATE:
                raise CriterionError(
                    tick.tick,
                    f"light {self._lights[number].opendrive_id} has state {state}",
                    "states are CARLA's numbers 0 to 4",
                )
            if state == RED and self._is_run(tick, number):
                return number
        return None

    def _is_run(self, tick: TickFacts, number: int) -> bool:
        """Whether the ego's tail touches a stop line of this light in its own lane and direction."""
        ego, lane = tick.ego, tick.lane
        for line in self._lines[number]:
            if lane.tail_road_id != line.road_id or lane.tail_lane_id != line.lane_id:
                continue
            if dot(forward_vector(ego.rotation_deg), line.forward) <= 0.0:
                continue
            yaw_deg = ego.rotation_deg[1]
            near = along_yaw(ego.location, self._tail_near_m, yaw_deg)
            far = along_yaw(ego.location, self._tail_far_m, yaw_deg)
            if segments_touch((*near, *far), line.across):
                return True
        return False
