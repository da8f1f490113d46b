"""The speed limit at every lane sample of a town.

A speed sign holds from where it stands until the next one, along every way on. Without a sign the lane's own
or the road's own limit holds; roads that state none, such as those inside junctions, take it from the way in.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping

import carla
import numpy as np
from numpy.typing import NDArray

from simulator.world.lanes import SPACING_M, LaneKey, LaneSamples
from simulator.world.opendrive import SPEED_SIGN, OpenDriveFacts, Road, SignalUse


def lane_limits_kmh(map_: carla.Map, lanes: LaneSamples, facts: OpenDriveFacts) -> NDArray[np.float64]:
    """(N,) speed limits in km/h, one per lane sample; NaN where the file says nothing."""
    limits = np.full(len(lanes), math.nan)
    for number, (road_id, _, lane_id) in enumerate(lanes.keys):
        for i in range(lanes.starts[number], lanes.starts[number + 1]):
            limits[i] = _stated_kmh(facts.roads[road_id], lane_id, float(lanes.s_m[i]))
    successors = _successors(map_, lanes)
    last = lanes.starts[1:] - 1
    known = {n: float(limits[last[n]]) for n in range(len(last)) if not math.isnan(limits[last[n]])}
    for lane, limit in _carry(lanes, successors, known, stop_at=set(known)).items():
        limits[lanes.starts[lane] : lanes.starts[lane + 1]] = limit
    _apply_signs(lanes, facts, successors, limits)
    return limits


def _stated_kmh(road: Road, lane_id: int, s_m: float) -> float:
    """What the file itself says about this place, NaN if nothing."""
    stated = math.nan
    for start, limit in road.lane_speeds.get(lane_id) or road.speeds:
        if start <= s_m + 1e-6:
            stated = limit
    return stated


def _successors(map_: carla.Map, lanes: LaneSamples) -> list[list[int]]:
    index = {key: number for number, key in enumerate(lanes.keys)}
    found: list[list[int]] = []
    for number, (road_id, _, lane_id) in enumerate(lanes.keys):
        point = map_.get_waypoint_xodr(road_id, lane_id, float(lanes.s_m[lanes.starts[number + 1] - 1]))
        after: set[int] = set()
        for ahead in point.next(SPACING_M) if point is not None else ():
            key: LaneKey = (ahead.road_id, ahead.section_id, ahead.lane_id)
            if key in index and index[key] != number:
                after.add(index[key])
        found.append(sorted(after))
    return found


def _carry(
    lanes: LaneSamples, successors: list[list[int]], limits: Mapping[int, float], stop_at: set[int]
) -> dict[int, float]:
    """Limits at the entry of the lanes downstream: from the nearest source, of two as near the lower."""
    count = np.diff(lanes.starts)
    queue = [(0.0, limit, after) for lane, limit in sorted(limits.items()) for after in successors[lane]]
    heapq.heapify(queue)
    carried: dict[int, float] = {}
    while queue:
        distance, limit, lane = heapq.heappop(queue)
        if lane in carried:
            continue
        if lane in stop_at:
            continue
        carried[lane] = limit
        for after in successors[lane]:
            heapq.heappush(queue, (distance + float(count[lane]) * SPACING_M, limit, after))
    return carried


def _apply_signs(
    lanes: LaneSamples, facts: OpenDriveFacts, successors: list[list[int]], limits: NDArray[np.float64]
) -> None:
    signs: dict[int, list[tuple[int, float]]] = {}
    for signal in facts.signals.values():
        if signal.type == SPEED_SIGN:
            for use in (signal.own, *signal.references):
                for number, sample in _samples_at(lanes, use):
                    signs.setdefault(number, []).append((sample, signal.value_kmh))
    for found in signs.values():
        found.sort()
    last = {number: found[-1][1] for number, found in signs.items()}
    entries = _carry(lanes, successors, last, stop_at=set())
    for number, limit in entries.items():
        limits[lanes.starts[number] : lanes.starts[number + 1]] = limit
    for number, found in signs.items():
        for sample, limit in found:
            limits[sample : lanes.starts[number + 1]] = limit


def _samples_at(lanes: LaneSamples, use: SignalUse) -> list[tuple[int, int]]:
    """Lane number and first sample from a signal's position on, for every lane that it applies to."""
    found: list[tuple[int, int]] = []
    for number, (road_id, _, lane_id) in enumerate(lanes.keys):
        if road_id != use.road_id or not use.applies_to(lane_id):
            continue
        first, end = int(lanes.starts[number]), int(lanes.starts[number + 1])
        s = lanes.s_m[first:end]
        past = s >= use.s_m if lane_id < 0 else s <= use.s_m
        if past.any() and not past.all():
            found.append((number, first + int(np.argmax(past))))
        elif past.all() and abs(float(s[0]) - use.s_m) <= SPACING_M:
            found.append((number, first))
    return found
