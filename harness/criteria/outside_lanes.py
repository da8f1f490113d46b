"""Outside route lanes: the share of the driven route that was driven off the lanes or against the traffic."""

from __future__ import annotations

from harness.criteria.geometry import distance_m
from harness.criteria.route_table import RouteTable
from harness.events import Event, EventType
from harness.facts import LaneFacts, TickFacts, Vector

WINDOW_POINTS = 3
ALLOWED_OUTSIDE_M = 0.5
MAX_EGO_ANGLE_DEG = 120.0
MAX_LANE_ANGLE_DEG = 150.0


class OutsideLanes:
    """Metres of route driven outside lanes over metres of route driven, as one event when the episode closes.

    Outside: farther from the centre of the nearest Driving or Parking lane than half its width plus 0.5 m.
    Wrong lane: decided when road or lane change, by the ego's heading after a junction (120 to 240 degrees
    off is wrong), otherwise a jump of the lane's heading (more than 150, less than 210 degrees) *toggles*
    it; inside a junction it is right. Source: OutsideRouteLanesTest of ScenarioRunner (branch
    leaderboard-2.0), offset 0.5 m (1.3 m in Leaderboard 1.0).

    Order inside a tick: first where the ego is, then what it has passed, so the metres of a step are booked
    by the state at its end. A step over several points is booked as chords between the points that were
    passed, and the event's percentage is that of the last point passed; driving on within a step does not
    change it.
    """

    __slots__ = ("_event", "_index", "_is_wrong_lane", "_last", "_route", "_total_m", "_wrong_m")

    def __init__(self, route: RouteTable) -> None:
        self._route = route
        self._index = 0
        self._total_m = 0.0
        self._wrong_m = 0.0
        self._is_wrong_lane = False
        self._last: LaneFacts | None = None
        self._event: Event | None = None

    def update(self, tick: TickFacts) -> None:
        """Book what was passed in this tick."""
        location = tick.ego.location
        is_outside = _is_outside(location, tick.lane)
        self._look_at_lane(tick.ego.rotation_deg[1], tick.lane)
        self._advance(tick.tick, location, is_outside or self._is_wrong_lane)

    def finish(self) -> Event | None:
        """The event, dated when its numbers last changed; None if the ego never left the lanes."""
        return self._event

    def _look_at_lane(self, ego_yaw_deg: float, lane: LaneFacts) -> None:
        """Decide whether the ego is in a wrong lane; the answer stands while road and lane stay."""
        last, self._last = self._last, lane
        if lane.is_junction:
            self._is_wrong_lane = False
            return
        # In the first tick the original compares the lane with itself, which never toggles.
        if last is None or (lane.road_id == last.road_id and lane.lane_id == last.lane_id):
            return
        yaw_deg = lane.rotation_deg[1] % 360
        if last.is_junction:
            angle_deg = (yaw_deg - ego_yaw_deg % 360) % 360
            self._is_wrong_lane = MAX_EGO_ANGLE_DEG <= angle_deg <= 360 - MAX_EGO_ANGLE_DEG
        else:
            angle_deg = (last.rotation_deg[1] % 360 - yaw_deg) % 360
            if MAX_LANE_ANGLE_DEG < angle_deg < 360 - MAX_LANE_ANGLE_DEG:
                self._is_wrong_lane = not self._is_wrong_lane

    def _advance(self, tick: int, location: Vector, is_wrong: bool) -> None:
        """Book the points of the window that are passed, each from the one passed before it."""
        route = self._route
        locations = route.locations
        # The window stays where it was when the tick began, although the index moves inside the loop.
        for index in range(self._index + 1, min(self._index + WINDOW_POINTS + 1, len(locations))):
            if route.is_passed(index, location):
                step_m = distance_m(locations[self._index], locations[index])
                self._total_m += step_m
                if is_wrong:
                    self._wrong_m += step_m
                if self._wrong_m:
                    percentage = self._wrong_m / self._total_m * 100
                    values = {"distance_m": self._wrong_m, "percentage": percentage}
                    self._event = Event(tick, EventType.OUTSIDE_ROUTE_LANES, values)
                self._index = index


def _is_outside(location: Vector, lane: LaneFacts) -> bool:
    """Whether the ego's origin is too far from the centre of the nearest Driving or Parking lane."""
    driving_m = distance_m(location, lane.location)
    if driving_m >= lane.parking_distance_m:
        return lane.parking_distance_m > lane.parking_width_m / 2 + ALLOWED_OUTSIDE_M
    return driving_m > lane.lane_width_m / 2 + ALLOWED_OUTSIDE_M
