"""RouteChanges: finds the lane changes in a route, lane by lane, as its points come into sight."""

from __future__ import annotations

import math

from policies.expert.lane_change import LaneChange
from policies.expert.lanes import LaneTables, side_of_lane
from policies.sensor_bundle import Command, Float

CHANGES = (Command.CHANGE_LANE_LEFT, Command.CHANGE_LANE_RIGHT)
_LEAST_LANE_M = 1.5
_BEYOND_M = 0.05


class RouteChanges:
    """Cuts what the route does sideways into moves of one lane each.

    How far the route is from the lane in which a stretch of change commands began is measured against the
    lane that is now under it; where the lane under it switches, the distance between the two is added. So the
    measure goes on across lane sections, and the switches tell where the lanes' centres are.

    Attributes:
        found: all changes so far, in the order of the route; whoever drives them takes them out.
    """

    def __init__(self, lanes: LaneTables) -> None:
        """Take the town's lanes."""
        self._lanes = lanes
        self._lane = -1
        self._lane_side_m = 0.0  # of the lane now under the route, from the first one
        self._done_m = 0.0  # how much of it is booked to finished moves
        self._open: LaneChange | None = None
        self._target_m: float | None = None
        self.found: list[LaneChange] = []

    def see(self, point: Float, command: int, station_m: float, segment: int) -> None:
        """Take in the next point of the route.

        Args:
            point: (2,) m.
            command: of the route there.
            station_m: of the point.
            segment: lane under it, -1 if there is none.
        """
        if command not in CHANGES:
            self._close(station_m)
            self._lane = segment
            return
        if self._lane < 0:
            self._lane = segment
        if self._lane < 0:
            return
        if self._open is None:
            self._begin(station_m)
        side = self._lane_side_m + side_of_lane(self._lanes, point, self._lane)
        if segment not in (-1, self._lane):
            self._lane_side_m = side - side_of_lane(self._lanes, point, segment)
            self._lane = segment
            if abs(self._lane_side_m - self._done_m) > _LEAST_LANE_M:
                self._target_m = self._lane_side_m - self._done_m
        self._book(station_m, side - self._done_m)

    def _begin(self, station_m: float) -> None:
        self._open = LaneChange(begin_m=station_m)
        self._target_m = None
        self.found.append(self._open)

    def _book(self, station_m: float, side_m: float) -> None:
        """Book a point to the open move, and what goes beyond its target to the next one."""
        target = self._target_m
        if self._open is None:
            return
        if target is None or math.copysign(1.0, target) * (side_m - target) < _BEYOND_M:
            self._open.see(station_m, side_m)
            return
        self._open.see(station_m, target)
        self._done_m += target
        self._begin(station_m)
        self._open.see(station_m, side_m - target)

    def _close(self, station_m: float) -> None:
        if self._open is None:
            return
        if self._target_m is not None:
            self._open.see(station_m, self._target_m)
        elif abs(self._open.side_m) < _LEAST_LANE_M:
            self.found.remove(self._open)  # a remainder of rounding, no lane
        self._open = None
        self._lane_side_m = self._done_m = 0.0
