"""Where a stop or yield sign looks for crossing traffic: squares over the lanes that cross the governed ones.

As in CARLA (`UStopSignComponent::InitializeSign`): every lane of a junction's road that comes close to a road
that the sign applies to, and a bit of the way to that lane, but not what comes from the sign's own approach.
CARLA also counts sidewalks as coming close; here driving lanes only, so that opposite ways do not cross.
"""

from __future__ import annotations

from collections.abc import Iterator

import carla
import numpy as np
from numpy.typing import NDArray

from simulator.world.landmarks import RoadLane, SignalPlan
from simulator.world.lanes import SPACING_M, LaneSamples
from simulator.world.opendrive import STOP_SIGN, YIELD_SIGN, OpenDriveFacts

SQUARE = np.dtype(
    [
        ("x", "f8"),
        ("y", "f8"),
        ("z", "f8"),
        ("cos", "f8"),  # direction of the lane
        ("sin", "f8"),
        ("half", "f8"),
    ]
)
"""A square over a lane, m."""

_CLOSE_M = 2.0  # between centre lines of roads that cross, in CARLA
_LANE_SHARE = 0.9  # of the lane's width
_STEP_M = 0.5  # back from a lane's beginning to the road before it, some of which are 2.4 m long
_BEFORE = 3
"""Squares on the way to the junction. CARLA's 0.1 s come to 2 to 4 at the limits of its towns."""


def watched_squares(
    map_: carla.Map, lanes: LaneSamples, facts: OpenDriveFacts, plans: tuple[SignalPlan, ...]
) -> tuple[NDArray[np.void], ...]:
    """(N,) SQUARE for each of the signs; none for speed signs, nor where the sign's road is no junction's."""
    zones = _Zones(map_, lanes, facts)
    return tuple(zones.squares(plan) for plan in plans)


class _Zones:
    def __init__(self, map_: carla.Map, lanes: LaneSamples, facts: OpenDriveFacts) -> None:
        self._map = map_
        self._lanes = lanes
        self._facts = facts
        self._by_road: dict[int, list[int]] = {}
        for number, (road, _, _) in enumerate(lanes.keys):
            self._by_road.setdefault(road, []).append(number)

    def squares(self, plan: SignalPlan) -> NDArray[np.void]:
        rows: list[tuple[float, ...]] = []
        for lane in sorted(self._crossing(plan)):
            rows += self._on(lane)
            rows += self._before(lane)
        return np.array(rows, SQUARE)

    def _crossing(self, plan: SignalPlan) -> set[int]:
        """Lanes, as indices into the samples' keys."""
        signal = self._facts.signals[plan.opendrive_id]
        if signal.type not in (STOP_SIGN, YIELD_SIGN):
            return set()
        found: set[int] = set()
        for use in signal.references or (signal.own,):
            junction = self._facts.roads[use.road_id].junction_id
            if junction < 0:
                continue
            for road, lanes in self._by_road.items():
                is_near = self._facts.roads[road].junction_id == junction and road != use.road_id
                if is_near and self._come_close(use.road_id, road):
                    found.update(lane for lane in lanes if not self._comes_from(lane, plan.lanes))
        return found

    def _come_close(self, road: int, other: int) -> bool:
        here, there = self._points(road), self._points(other)
        away = here[:, None, :] - there[None, :, :]
        return bool(np.any(np.hypot(away[..., 0], away[..., 1]) <= _CLOSE_M))

    def _points(self, road: int) -> NDArray[np.float64]:
        starts, numbers = self._lanes.starts, self._by_road.get(road, [])
        chosen = [np.arange(starts[n], starts[n + 1]) for n in numbers]
        return self._lanes.location[np.concatenate(chosen or [np.zeros(0, np.int64)]), :2]

    def _comes_from(self, lane: int, approach: tuple[RoadLane, ...]) -> bool:
        """Whether a lane is entered from one of the given roads; its first sample may lie within it."""
        roads = {road for road, _ in approach}
        front = self._start(lane)
        for _ in range(round(2.0 * SPACING_M / _STEP_M)):
            front = [before for point in front for before in point.previous(_STEP_M)]
            if any(point.road_id in roads for point in front):
                return True
            front = [point for point in front if point.road_id == self._lanes.keys[lane][0]]
        return False

    def _start(self, lane: int) -> list[carla.Waypoint]:
        """Where a lane begins; nothing where `carla.Map` does not know it."""
        road, _, lane_id = self._lanes.keys[lane]
        s_m = float(self._lanes.s_m[self._lanes.starts[lane]])
        start = self._map.get_waypoint_xodr(road, lane_id, s_m)
        return [] if start is None else [start]

    def _side(self, sample: int) -> float:
        return _LANE_SHARE * float(self._lanes.width_m[sample])

    def _on(self, lane: int) -> Iterator[tuple[float, ...]]:
        lanes = self._lanes
        for i in range(lanes.starts[lane], lanes.starts[lane + 1]):
            yaw = lanes.yaw_rad[i]
            yield (*lanes.location[i], np.cos(yaw), np.sin(yaw), self._side(i) / 2.0)

    def _before(self, lane: int) -> Iterator[tuple[float, ...]]:
        side = self._side(int(self._lanes.starts[lane]))
        front = self._start(lane)
        for _ in range(_BEFORE):
            front = [before for point in front for before in point.previous(side)]
            for point in front:
                place, yaw = point.transform.location, np.radians(point.transform.rotation.yaw)
                yield (place.x, place.y, place.z, np.cos(yaw), np.sin(yaw), side / 2.0)
