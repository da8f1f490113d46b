"""ReferencePath: the route ahead as a smooth path in the map frame that stays put while the ego moves.

The bundle shows the route from where the ego is now. Points are kept in the map frame as they come into
sight, sideways jumps of the route (lane changes) are spread over a distance, and the result is smoothed
and cut into even steps. All of that is a function of the map position, so the path does not shake from
tick to tick.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from policies.expert.kernels import MAX_MATCHES, match_lanes
from policies.expert.lane_change import LaneChange
from policies.expert.lanes import LaneTables
from policies.expert.route_changes import CHANGES, RouteChanges
from policies.frames import wrap_angle_rad
from policies.sensor_bundle import Command, EgoState, Float, Int, RouteAhead

STEP_M = 0.5
"""Between places of the path."""

_BEHIND_M = 8.0
"""Kept behind the ego, for smoothing."""

_BEYOND_M = 40.0
"""The path goes on straight this far past the last point known."""

_DUPLICATE_M = 0.15

_SMOOTH_HALF_PLACES = 4
_BEND_HALF_PLACES = 3


@dataclass(frozen=True, slots=True)
class LocalPath:
    """The path from just behind the ego's rear axle on, in the map frame, at steps of `STEP_M`.

    Attributes:
        station_m: (K,) arc length along the route since the first tick.
        points: (K, 2) m.
        yaws: (K,) rad, unwrapped.
        curvature: (K,) 1/m, positive to the left.
        in_junction: (K,) bool.
        ego_station_m: of the rear axle; between the first two places, as a rule.
        lateral_error_m: of the rear axle, positive to the left of the path.
        heading_error_rad: of the ego, positive to the left of the path.
    """

    station_m: Float
    points: Float
    yaws: Float
    curvature: Float
    in_junction: np.ndarray[tuple[int], np.dtype[np.bool_]]
    ego_station_m: float
    lateral_error_m: float
    heading_error_rad: float

    @property
    def offset_m(self) -> float:
        """From place 0 to the ego's rear axle."""
        return self.ego_station_m - float(self.station_m[0])


class ReferencePath:
    """Collects the route and gives the path around the ego, one call per tick."""

    def __init__(self, lanes: LaneTables) -> None:
        self._lanes = lanes
        self._points = np.empty((0, 2))
        self._normals = np.empty((0, 2))
        self._station = np.empty(0)
        self._junction = np.empty(0, dtype=bool)
        self._segment: Int = np.empty(0, dtype=np.int64)
        self._last_label = -math.inf
        self._label = np.empty(0)
        self._ego_station = 0.0
        self._built: tuple[Float, Float, Float, Float, np.ndarray[tuple[int], np.dtype[np.bool_]]] | None = (
            None
        )
        self._found = np.empty(MAX_MATCHES, dtype=np.int64)
        self._found_distance2 = np.empty(MAX_MATCHES)
        self._changes = RouteChanges(lanes)

    @property
    def changes(self) -> list[LaneChange]:
        """Lane changes of the route that are known and not yet forgotten, in order."""
        return self._changes.found

    @property
    def last_station_m(self) -> float:
        """Station of the last route point known."""
        return float(self._station[-1])

    def junction_ahead_m(self, station_m: float) -> float:
        """Station of the first junction point at or after a station; inf if none is known."""
        ahead = np.flatnonzero(self._junction & (self._station >= station_m))
        return float(self._station[ahead[0]]) if len(ahead) else math.inf

    def distance_m(self, route: RouteAhead, route_distance_m: float) -> float:
        """Return how far along the path a place of the route is from the ego's rear axle.

        The route measures along its own line. Where the ego is beside that, waiting for a gap or already
        in the next lane, the place abreast jumps; the place on the map does not.

        Args:
            route: of the tick of the last `update`.
            route_distance_m: of the place, as the route measures it.
        """
        label = route_distance_m - route.remaining_m
        inside = min(max(label, float(self._label[0])), float(self._label[-1]))
        station = float(np.interp(inside, self._label, self._station)) + (label - inside)
        return station - self._ego_station

    def segment_at(self, station_m: float) -> int:
        """Lane segment under the route at a station, -1 if there is none."""
        index = int(np.searchsorted(self._station, station_m))
        return int(self._segment[min(index, len(self._segment) - 1)])

    def invalidate(self) -> None:
        """Build the path anew at the next update: a lane change has moved."""
        self._built = None

    def update(self, ego: EgoState, route: RouteAhead) -> LocalPath:
        """Take in a tick and return the path from the ego on."""
        self._append(ego, route)
        if self._built is None:
            self._built = self._build()
        station, points, yaws, curvature, junction = self._built
        position = ego.position_in_map[:2]
        near = np.flatnonzero(np.abs(station - self._ego_station) < 6.0)
        distance2 = ((points[near] - position) ** 2).sum(axis=1)
        k = int(near[int(np.argmin(distance2))])
        c, s = math.cos(yaws[k]), math.sin(yaws[k])
        dx, dy = float(position[0] - points[k, 0]), float(position[1] - points[k, 1])
        along = dx * c + dy * s
        self._ego_station = float(station[k]) + along
        first = k if along >= 0.0 or k == 0 else k - 1
        bend = float(curvature[k])
        return LocalPath(
            station_m=station[first:],
            points=points[first:],
            yaws=yaws[first:],
            curvature=curvature[first:],
            in_junction=junction[first:],
            ego_station_m=self._ego_station,
            lateral_error_m=-dx * s + dy * c - 0.5 * bend * along * along,
            heading_error_rad=wrap_angle_rad(ego.yaw_in_map_rad - float(yaws[k]) - bend * along),
        )

    # -- taking in the route

    def _append(self, ego: EgoState, route: RouteAhead) -> None:
        labels = route.distances_m - route.remaining_m  # of a route point, the same in every tick
        fresh = labels > self._last_label + 0.05
        if not fresh.any():
            return
        self._last_label = float(labels[-1])
        c, s = math.cos(ego.yaw_in_map_rad), math.sin(ego.yaw_in_map_rad)
        position = ego.position_in_map[:2]
        in_map = route.points_in_ego[fresh, :2] @ np.array([[c, s], [-s, c]]) + position
        commands, fresh_labels = route.commands[fresh], labels[fresh]
        if len(self._points) == 0:  # begin behind the ego, so that there is a path under it from the start
            start = position - _BEHIND_M * np.array([c, s])
            reach_m = float(np.hypot(*(in_map[0] - start)))
            in_map = np.vstack([start, in_map])
            commands = np.concatenate([[Command.LANE_FOLLOW], commands])
            fresh_labels = np.concatenate([[fresh_labels[0] - reach_m], fresh_labels])
        self._add_points(in_map, commands, fresh_labels)
        keep = self._station > self._ego_station - 3.0 * _BEHIND_M
        self._points, self._normals = self._points[keep], self._normals[keep]
        self._station, self._junction = self._station[keep], self._junction[keep]
        self._segment, self._label = self._segment[keep], self._label[keep]
        self._built = None

    def _add_points(self, new: Float, commands: Int, new_labels: Float) -> None:
        points: list[Float] = []
        stations, normals, segments, labels = [], [], [], []
        if len(self._points):
            last, station, heading = self._points[-1], float(self._station[-1]), self._last_heading()
        else:
            last, station, heading = new[0], -_BEHIND_M, math.atan2(*(new[1] - new[0])[::-1])
        for point, command, label in zip(new, commands, new_labels, strict=True):
            dx, dy = float(point[0] - last[0]), float(point[1] - last[1])
            if math.hypot(dx, dy) > _DUPLICATE_M:
                along = dx * math.cos(heading) + dy * math.sin(heading)
                is_change = command in CHANGES
                station += max(along, _DUPLICATE_M) if is_change else math.hypot(dx, dy)
                heading = heading if is_change else math.atan2(dy, dx)
            elif len(points) or len(self._points):
                continue
            segment, lane_yaw = self._lane_under(point, heading)
            heading = heading if math.isnan(lane_yaw) else lane_yaw
            self._changes.see(point, int(command), station, segment)
            points.append(point)
            stations.append(station)
            normals.append((-math.sin(heading), math.cos(heading)))
            segments.append(segment)
            labels.append(float(label))
            last = point
        if points:
            self._points = np.vstack([self._points, np.array(points)])
            self._normals = np.vstack([self._normals, np.array(normals)])
            self._station = np.concatenate([self._station, stations])
            seen: Int = np.array(segments, dtype=np.int64)
            inside = (seen >= 0) & (self._lanes.in_junction[seen] == 1)
            self._segment = np.concatenate([self._segment, seen])
            self._label = np.concatenate([self._label, labels])
            self._junction = np.concatenate([self._junction, inside])

    def _last_heading(self) -> float:
        return math.atan2(-self._normals[-1, 0], self._normals[-1, 1])

    def _lane_under(self, point: Float, heading: float) -> tuple[int, float]:
        """Return (segment, direction) of the nearest lane that runs this way, or (-1, NaN)."""
        count = match_lanes(
            self._lanes, point[0], point[1], heading, 2.0, 0.5, self._found, self._found_distance2
        )
        if count == 0:
            return -1, math.nan
        p = int(self._found[int(np.argmin(self._found_distance2[:count]))])
        return int(self._lanes.segment_of[p]), float(self._lanes.yaws[p])

    # -- building the path
    # ----------------------------------------------------------------------------------------

    def _build(self) -> tuple[Float, Float, Float, Float, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
        points = self._points
        for change in (change for change in self.changes if change.stations):
            points = points + self._normals * change.offset_m(self._station)[:, None]
        begin = max(float(self._station[0]), self._ego_station - _BEHIND_M)
        begin = math.ceil(begin / STEP_M) * STEP_M
        station = np.arange(begin, self.last_station_m + _BEYOND_M, STEP_M)
        past_end = np.maximum(station - self.last_station_m, 0.0)
        direction = np.array([self._normals[-1, 1], -self._normals[-1, 0]])
        even = np.stack([np.interp(station, self._station, points[:, axis]) for axis in (0, 1)], axis=1)
        even = _smoothed(even + past_end[:, None] * direction)
        ahead = np.roll(even, -1, axis=0) - np.roll(even, 1, axis=0)
        ahead[0], ahead[-1] = even[1] - even[0], even[-1] - even[-2]
        yaws = np.unwrap(np.arctan2(ahead[:, 1], ahead[:, 0]))
        half = _BEND_HALF_PLACES
        curvature = np.zeros(len(yaws))
        curvature[half:-half] = (yaws[2 * half :] - yaws[: -2 * half]) / (2 * half * STEP_M)
        index = np.minimum(np.searchsorted(self._station, station), len(self._station) - 1)
        junction = self._junction[index] & (past_end == 0.0)
        return station, even, yaws, curvature, junction


def _smoothed(points: Float) -> Float:
    """Smooth (K, 2) points with a triangular window; the ends are kept where they are."""
    half = _SMOOTH_HALF_PLACES
    weights = np.concatenate([np.arange(1, half + 2), np.arange(half, 0, -1)]).astype(np.float64)
    weights /= weights.sum()
    before = 2.0 * points[0] - points[half:0:-1]
    after = 2.0 * points[-1] - points[-2 : -half - 2 : -1]
    padded = np.vstack([before, points, after])
    return np.stack([np.convolve(padded[:, axis], weights, mode="valid") for axis in (0, 1)], axis=1)
