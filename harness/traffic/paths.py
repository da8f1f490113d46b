"""The stretch of lane that every driver follows: a window of points that moves along with the car."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from harness.traffic.network import Float, Int, TrafficNetwork

WINDOW_POINTS = 192
_KEEP_BEHIND_POINTS = 24
_REFILL_AHEAD_POINTS = 120
_CURVE_REACH_POINTS = 3
_MIN_STEP_M = 0.4


class PathWindow(NamedTuple):
    """Points ahead of N drivers, K per driver; plain arrays so that compiled code can take it whole.

    Attributes:
        x, y, z: (N, K) m, lane centre, CARLA's frame.
        s: (N, K) arc length since the driver's start; it runs on when the window moves.
        curvature: (N, K) 1/m, absolute.
        light: (N, K) light whose stop line is at this point, or -1.
        crossing: (N, K) crossing that the point lies on, or -1.
        segment: (N, K) segment that the point lies on.
        cursor: (N,) the point that the car has passed last.
    """

    x: Float
    y: Float
    z: Float
    s: Float
    curvature: Float
    light: Int
    crossing: Int
    segment: Int
    cursor: Int


class PathPlanner:
    """Extends the drivers' windows; at every fork each driver's own generator chooses.

    Args:
        network: the town.
        points: (N,) lane points where the drivers start; their segments must be drivable.
        generators: one per driver, so that a driver's choices do not depend on when the others make theirs.
    """

    def __init__(
        self, network: TrafficNetwork, points: Int, generators: tuple[np.random.Generator, ...]
    ) -> None:
        self._network = network
        self._generators = generators
        count = len(points)
        x, y, z, s, curvature = (np.zeros((count, WINDOW_POINTS)) for _ in range(5))
        light, crossing, segment = (np.full((count, WINDOW_POINTS), -1, dtype=np.int64) for _ in range(3))
        cursor = np.zeros(count, dtype=np.int64)
        self.window = PathWindow(x, y, z, s, curvature, light, crossing, segment, cursor)
        graph = network.graph
        self._tail = graph.segment_of[points].copy()
        self._offset = points - graph.segment_start[self._tail]
        for i in range(count):
            self._fill(i, 0)

    def refill(self) -> None:
        """Move the windows of the drivers that have come far enough. Call once per tick."""
        for i in np.flatnonzero(self.window.cursor > WINDOW_POINTS - _REFILL_AHEAD_POINTS):
            drop = int(self.window.cursor[i]) - _KEEP_BEHIND_POINTS
            for table in self.window[:-1]:
                table[i, :-drop] = table[i, drop:]
            self.window.cursor[i] -= drop
            self._fill(int(i), WINDOW_POINTS - drop)

    def _fill(self, i: int, filled: int) -> None:
        window, graph = self.window, self._network.graph
        first = filled
        while filled < WINDOW_POINTS:
            points = self._next_points(i, WINDOW_POINTS - filled, filled)
            part = slice(filled, filled + len(points))
            window.x[i, part], window.y[i, part], window.z[i, part] = graph.location[points].T
            segments = graph.segment_of[points]
            window.segment[i, part] = segments
            window.crossing[i, part] = self._network.crossing_of[segments]
            at_line = points - graph.segment_start[segments] == self._network.stop_offset[segments]
            window.light[i, part] = np.where(at_line, self._network.light_of[segments], -1)
            filled += len(points)
        self._measure(i, first)

    def _next_points(self, i: int, room: int, filled: int) -> Int:
        """The next points of the driver's tail segment, or of the next one; none if all of them are old."""
        graph = self._network.graph
        tail = int(self._tail[i])
        start = int(graph.segment_start[tail] + self._offset[i])
        stop = int(graph.segment_start[tail + 1])
        if start >= stop:
            ways = [way for way in graph.successors[tail] if self._network.drivable[way]]
            tail = ways[int(self._generators[i].integers(len(ways)))] if len(ways) > 1 else ways[0]
            self._tail[i] = tail
            start, stop = int(graph.segment_start[tail]), int(graph.segment_start[tail + 1])
            if filled:
                last = np.array([table[i, filled - 1] for table in self.window[:3]])
                if float(np.linalg.norm(graph.location[start] - last)) < _MIN_STEP_M:
                    start += 1  # segments share their end points
        stop = min(stop, start + room)
        self._offset[i] = stop - graph.segment_start[tail]
        return np.arange(start, stop)

    def _measure(self, i: int, first: int) -> None:
        """Arc length of the new points, and curvature of all (a new point bends the ones before it)."""
        window = self.window
        x, y = window.x[i], window.y[i]
        steps = np.hypot(np.diff(x), np.diff(y))
        begin = max(first, 1)
        window.s[i, begin:] = window.s[i, begin - 1] + np.cumsum(steps[begin - 1 :])
        reach = _CURVE_REACH_POINTS
        heading = np.unwrap(np.arctan2(y[reach:] - y[:-reach], x[reach:] - x[:-reach]))
        turn = np.abs(heading[reach:] - heading[:-reach])
        along = 0.5 * (window.s[i, 2 * reach :] - window.s[i, : -2 * reach])
        window.curvature[i] = 0.0
        window.curvature[i, reach:-reach] = turn / np.maximum(along, 1.0)
