"""LaneChanger: when the ego makes a lane change of the route, and where it waits for a gap."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from policies.expert.decision import Reason
from policies.expert.lane_change import (
    LaneChange,
    Neighbour,
    blocking_neighbour,
    comfortable_length_m,
    speed_for_length_mps,
)
from policies.expert.lanes import LaneTables
from policies.expert.path import LocalPath, ReferencePath
from policies.expert.scene import Scene
from policies.expert.signals import StopPoint

_FORGET_AFTER_M = 40.0
_ADAPT_SPEED_WITHIN_M = 80.0
_SLOWEST_MPS = 2.0
_HALF_LANE_M = 1.7
_UNTIL_COMMIT_S = 0.2
_LOOK_EARLY_S = 1.0
_EARLIEST_M = 60.0
_STANDSTILL_MPS = 0.2
_PUSH_AFTER_S = 8.0
_QUEUE_MPS = 4.0
_NOSE_M = 4.0
"""A change ends when the rear axle is this far before the junction, so that the nose is not in it."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What to do until there is a gap.

    Attributes:
        stop: do not pass here before the change.
        speed_cap_mps: drive slower than the vehicle that blocks, so that the gap behind it opens.
    """

    stop: StopPoint
    speed_cap_mps: float


@dataclass(frozen=True, slots=True)
class SpeedZone:
    """A stretch of the path that should not be driven faster.

    Attributes:
        start_m, end_m: stations.
        speed_mps: bound.
    """

    start_m: float
    end_m: float
    speed_mps: float


class LaneChanger:
    """Commits the lane changes of a path, one by one, each before its deadline (the next junction)."""

    def __init__(
        self, lanes: LaneTables, path: ReferencePath, *, center_m: float, half_length_m: float, dt_s: float
    ) -> None:
        """Take lanes and path, the ego's box centre ahead of its rear axle, half its length, and the tick."""
        self._dt_s = dt_s
        self._stood_s = 0.0
        self._pushes_until_m = -math.inf
        self._lanes = lanes
        self._path = path
        self._center_m = center_m
        self._half_length_m = half_length_m

    def step(self, scene: Scene, path: LocalPath, speed_mps: float) -> Waiting | None:
        """Commit the next change if it is due and free; return what to do while it is due and not free."""
        changes = self._path.changes
        station = path.ego_station_m
        while changes and changes[0].is_committed and station > changes[0].end_m + _FORGET_AFTER_M:
            changes.pop(0)
        change = next((c for c in changes if not c.is_committed or station < c.end_m), None)
        if change is None or change.is_committed or not change.stations:
            return None
        share_m = self._share_m(change, station)
        if not self._is_due(change, station, speed_mps, share_m):
            return None
        length_m = min(comfortable_length_m(speed_mps), share_m)
        blocking = blocking_neighbour(self._neighbours(scene, path, change), speed_mps)
        pushes = blocking is not None and self._pushes_in(blocking, speed_mps)
        if blocking is None or pushes:
            self._stood_s = 0.0
            self._pushes_until_m = station + length_m if pushes else -math.inf
            change.commit(station + _UNTIL_COMMIT_S * speed_mps, length_m)
            self._path.invalidate()
            return None
        last_m = change.deadline_m - length_m - station
        adapts = last_m < _ADAPT_SPEED_WITHIN_M
        cap = max(0.85 * blocking.speed_mps, _SLOWEST_MPS) if adapts else math.inf
        return Waiting(StopPoint(min(max(last_m, 0.0), 1e3), Reason.LANE_CHANGE, blocking.id), cap)

    def is_pushing(self, station_m: float) -> bool:
        """Whether the ego is putting its nose into a queue, where it must come closer than elsewhere."""
        return station_m < self._pushes_until_m

    def _pushes_in(self, blocking: Neighbour, speed_mps: float) -> bool:
        """Whether the ego has waited long enough beside a slow queue to put its nose in.

        A queue never opens a gap for who waits for one. The path then leads into the lane; that nobody is
        hit is left to the rules for leaders and conflicts, as everywhere else.
        """
        self._stood_s = self._stood_s + self._dt_s if speed_mps < _STANDSTILL_MPS else 0.0
        return self._stood_s > _PUSH_AFTER_S and blocking.speed_mps < _QUEUE_MPS

    def speed_zones(self, station_m: float) -> list[SpeedZone]:
        """Return where to drive slower because several changes, or a late one, have little room."""
        zones = []
        free_from_m = station_m
        for change in self._path.changes:
            if change.is_committed:
                free_from_m = max(free_from_m, change.end_m)
                continue
            start_m = max(free_from_m, change.begin_m)
            share_m = self._share_m(change, start_m)
            if math.isfinite(share_m):
                zones.append(SpeedZone(start_m, change.deadline_m, speed_for_length_mps(share_m)))
        return zones

    def _share_m(self, change: LaneChange, station_m: float) -> float:
        """How much of the way to its deadline a change may use, if those after it are to have as much."""
        change.deadline_m = self._path.junction_ahead_m(change.begin_m) - _NOSE_M
        pending = [c for c in self._path.changes if not c.is_committed and c.begin_m >= change.begin_m]
        together = sum(1 for c in pending if c.begin_m <= change.deadline_m)
        return max((change.deadline_m - station_m) / max(together, 1), comfortable_length_m(0.0))

    def _is_due(self, change: LaneChange, station_m: float, speed_mps: float, share_m: float) -> bool:
        """Whether to look for a gap: at the route's place, or earlier if there the room would be short."""
        early_m = change.begin_m - station_m
        if early_m < _LOOK_EARLY_S * speed_mps:
            return True
        is_short = share_m - early_m < comfortable_length_m(speed_mps)
        if not is_short or early_m > _EARLIEST_M or self._path.junction_ahead_m(station_m) < change.begin_m:
            return False
        segment = self._path.segment_at(station_m)
        beside = self._lanes.left if change.side_m > 0.0 else self._lanes.right
        return segment >= 0 and int(beside[segment]) >= 0

    def _neighbours(self, scene: Scene, path: LocalPath, change: LaneChange) -> list[Neighbour]:
        """Return who is on the lanes to cross or to enter, and drives the ego's way or stands."""
        bend = float(path.curvature[min(4, len(path.curvature) - 1)])
        towards = math.copysign(1.0, change.side_m)
        side = towards * (scene.side_m - 0.5 * bend * scene.ahead_m**2)
        width = abs(change.side_m)
        heading = float(path.yaws[0])
        along = scene.velocities[:, 0] * math.cos(heading) + scene.velocities[:, 1] * math.sin(heading)
        concerned = (side > 0.5 * width - 0.3) & (side < width + _HALF_LANE_M) & (along > -0.5)
        neighbours = []
        for i in np.flatnonzero(concerned).tolist():
            center = float(scene.ahead_m[i]) - self._center_m
            free = max(abs(center) - self._half_length_m - float(scene.halves[i, 0]), 0.0)
            neighbours.append(Neighbour(int(scene.ids[i]), math.copysign(free, center), float(along[i])))
        return neighbours
