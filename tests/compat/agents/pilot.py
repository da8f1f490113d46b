"""Drives the hero along a path with the ground truth of a CARLA world.

Runs in the clients' own environment (carla, numpy and the standard library), and knows neither
ScenarioRunner nor the Leaderboard, so that both can use it. World frame of CARLA throughout: metres,
left-handed; yaw in degrees.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import carla
import numpy as np

_AXLE_BEHIND_M = 1.45  # rear axle behind the origin
_FULL_LOCK_PER_M = 0.277  # curvature at full steer and low speed, published for the Lincoln MKZ
_COMFORTABLE_BRAKE_MPS2 = 3.0
_LATERAL_MPS2 = 2.0
_LEAST_SPEED_MPS = 2.0
_STOP_SHORT_M = 1.0  # of a stop line
_GAP_M = 3.0  # to what stands in the way
_SIDE_MARGIN_M = 0.3
_HORIZON_M = 45.0
_LEADS_S = tuple(0.25 * k for k in range(17))  # others are seen to move on; at 20 m/s 5 m a step
_NEAR_LEADS = 4  # of the leads: for who goes along the path, and for who has waited too long
_PATIENCE_TICKS = 300  # of standing; then it looks at the near leads only, until it has gone on by
_PASSED_M = 15.0
_CROSSING = 0.8  # largest cosine between path and motion of who crosses
_FLAT_M = 0.2  # props lower than that are driven over
_STEP_M = 1.0  # between the points of a path


@dataclass(frozen=True)
class Manners:
    """What the pilot heeds, how fast it goes when nothing is in its way, and how fast when something is."""

    cruise_mps: float = 8.0
    least_mps: float = 0.0
    heeds_lights: bool = True
    heeds_stop_signs: bool = True
    heeds_others: bool = True


MANNERS = {
    "autopilot": Manners(),
    "runs-red-lights": Manners(heeds_lights=False),
    # Behind others who stop at the sign it would stop too.
    "runs-stop-signs": Manners(heeds_stop_signs=False, least_mps=0.5),
    "rams": Manners(heeds_others=False),
}
"""By name, as it is written into the clients' agent configuration."""


class Pilot:
    """Pure pursuit along a path, and brakes for what is on it.

    Args:
        hero: vehicle that it drives.
        path: points to follow, (n, 2).
        manners: what it heeds.
    """

    def __init__(self, hero: carla.Vehicle, path: np.ndarray, manners: Manners) -> None:
        self._hero = hero
        self._world = hero.get_world()
        self._manners = manners
        self._path = _resampled(path)
        self._at = 0
        self._waits_at, self._waited_ticks = 0, 0
        self._half_length_m = hero.bounding_box.extent.x
        self._half_width_m = hero.bounding_box.extent.y
        self._speed_limits = _curve_speeds(self._path)
        self._lights = self._stop_lines() if manners.heeds_lights else []
        self._stop_signs = self._sign_places() if manners.heeds_stop_signs else []

    def step(self) -> carla.VehicleControl:
        """The control of this tick; stands still at the end of the path."""
        pose = self._hero.get_transform()
        here = np.array([pose.location.x, pose.location.y])
        velocity = self._hero.get_velocity()
        speed = math.hypot(velocity.x, velocity.y)
        self._at = self._nearest(here)
        self._note_waiting(speed)
        wanted = min(
            self._manners.cruise_mps,
            self._curve_speed(speed),
            self._speed_before_lines(speed),
            self._speed_before_others(here),
        )
        return _control(self._steering(pose, here, speed), max(wanted, self._manners.least_mps), speed)

    def _note_waiting(self, speed: float) -> None:
        """Count how long it has stood hereabouts: endless cross traffic lets nobody in who waits."""
        if self._at > self._waits_at + round(_PASSED_M / _STEP_M):
            self._waits_at, self._waited_ticks = self._at, 0
        if speed < 0.1:
            self._waited_ticks += 1

    # --- where it is and where it goes

    def _nearest(self, here: np.ndarray) -> int:
        ahead = self._path[self._at : self._at + 40]
        return self._at + int(np.argmin(np.hypot(*(ahead - here).T)))

    def _steering(self, pose: carla.Transform, here: np.ndarray, speed: float) -> float:
        """Pure pursuit (Coulter 1992) about the rear axle, as a share of full lock."""
        distance = 3.5 + 0.4 * speed
        yaw = math.radians(pose.rotation.yaw)
        forward = np.array([math.cos(yaw), math.sin(yaw)])
        rear = here - forward * _AXLE_BEHIND_M
        aim = self._path[min(self._at + round(distance / _STEP_M), len(self._path) - 1)]
        to = aim - rear
        reach = float(np.hypot(*to))
        if reach < 1e-3:
            return 0.0
        sine = float(forward[0] * to[1] - forward[1] * to[0]) / reach
        return max(-1.0, min(1.0, 2.0 * sine / reach / _FULL_LOCK_PER_M))

    # --- how fast it may go

    def _curve_speed(self, speed: float) -> float:
        reach = 4 + round(speed * 1.5 / _STEP_M)
        left = (len(self._path) - 1 - self._at) * _STEP_M
        return min(float(self._speed_limits[self._at : self._at + reach].min()), _speed_to_stop_in(left))

    def _speed_before_lines(self, speed: float) -> float:
        allowed = math.inf
        for index, light in self._lights:
            gap = self._gap_to(index)
            if -1.0 < gap < _HORIZON_M and light.state != carla.TrafficLightState.Green:
                # Who cannot stop in front of a yellow light any more drives on.
                if light.state == carla.TrafficLightState.Yellow and gap < speed * speed / 8.0:
                    continue
                allowed = min(allowed, _speed_to_stop_in(gap - _STOP_SHORT_M))
        for index in list(self._stop_signs):
            gap = self._gap_to(index)
            if gap < 0.8 and speed < 0.05:
                self._stop_signs.remove(index)
            elif -3.0 < gap < _HORIZON_M:
                allowed = min(allowed, _speed_to_stop_in(gap))
        return allowed

    def _gap_to(self, index: int) -> float:
        return (index - self._at) * _STEP_M - self._half_length_m

    def _speed_before_others(self, here: np.ndarray) -> float:
        if not self._manners.heeds_others:
            return math.inf
        ahead = self._path[self._at : self._at + round(_HORIZON_M / _STEP_M)]
        allowed = math.inf
        for other in self._others():
            pose, along = other.get_transform(), other.get_velocity()
            place = pose.transform(other.bounding_box.location)
            centre = np.array([place.x, place.y])
            if np.hypot(*(centre - here)) > _HORIZON_M + 10.0:
                continue
            box = other.bounding_box.extent
            is_walker = other.type_id.startswith("walker.")
            motion = np.array([along.x, along.y])
            pace = float(np.hypot(*motion))
            leads_s = _LEADS_S if self._waited_ticks < _PATIENCE_TICKS else _LEADS_S[:_NEAR_LEADS]
            for lead_s in leads_s if pace > 0.5 else (0.0,):
                offsets = np.hypot(*(ahead - (centre + motion * lead_s)).T)
                nearest = int(np.argmin(offsets))
                heading = self._heading(self._at + nearest)
                if lead_s >= _LEADS_S[_NEAR_LEADS] and abs(float(motion @ heading)) > _CROSSING * pace:
                    continue
                half_width, half_length = _seen_from(heading, pose.rotation.yaw, box)
                if offsets[nearest] > self._half_width_m + half_width + _SIDE_MARGIN_M or nearest == 0:
                    continue
                gap = nearest * _STEP_M - self._half_length_m - half_length - _GAP_M
                same_way = max(0.0, float(motion @ heading)) if not is_walker else 0.0
                allowed = min(allowed, _speed_to_stop_in(gap) + same_way)
        return allowed

    def _others(self) -> list[Any]:
        actors = self._world.get_actors()
        return [
            actor
            for pattern in ("vehicle.*", "walker.pedestrian.*", "static.prop.*")
            for actor in actors.filter(pattern)
            if actor.id != self._hero.id and 2.0 * actor.bounding_box.extent.z > _FLAT_M
        ]

    def _heading(self, index: int) -> np.ndarray:
        index = min(index, len(self._path) - 2)
        to = self._path[index + 1] - self._path[index]
        return to / max(float(np.hypot(*to)), 1e-6)

    # --- what is beside the path

    def _stop_lines(self) -> list[tuple[int, Any]]:
        """Where the path crosses the stop line of a light: (index of the path's point, light)."""
        return [
            (index, light)
            for light in self._world.get_actors().filter("traffic.traffic_light*")
            for point in light.get_stop_waypoints()
            for index in self._indices_of(point.transform)
        ]

    def _sign_places(self) -> list[int]:
        """Where the path meets the trigger volume of a stop sign."""
        town = self._world.get_map()
        places = [
            sign.get_transform().transform(sign.trigger_volume.location)
            for sign in self._world.get_actors().filter("traffic.stop")
        ]
        return sorted(
            index for place in places for index in self._indices_of(town.get_waypoint(place).transform)
        )

    def _indices_of(self, pose: carla.Transform) -> list[int]:
        """Where the path passes a place in its direction: once a lap, for a path may come by again."""
        offsets = np.hypot(*(self._path - (pose.location.x, pose.location.y)).T)
        close = np.flatnonzero(offsets < 1.5)
        passages = np.split(close, np.flatnonzero(np.diff(close) > 1) + 1) if len(close) else []
        nearest = [int(each[np.argmin(offsets[each])]) for each in passages]
        yaw = math.radians(pose.rotation.yaw)
        ahead = (math.cos(yaw), math.sin(yaw))
        return [index for index in nearest if float(self._heading(index) @ ahead) > 0.5]


def path_ahead(town: carla.Map, start: carla.Location, *, turn: str, length_m: float = 1500.0) -> np.ndarray:
    """A path from a place on along its lane: straight on, or with a turn at the first junction.

    Args:
        town: map of the world.
        start: place of the hero.
        turn: `left`, `right` or `straight`.
        length_m: of the path; it ends earlier where the road does.

    Returns:
        Points, (n, 2).
    """
    point = town.get_waypoint(start)
    points = [start, point.transform.location]
    turned = turn == "straight"
    for _ in range(round(length_m / 2.0)):
        choices = point.next(2.0)
        if not choices:
            break
        if len(choices) == 1:
            point = choices[0]
        else:
            side = {"left": -1.0, "right": 1.0}.get(turn, 0.0) if not turned else 0.0
            bends = [_bend_deg(point, choice) for choice in choices]
            best = min(range(len(choices)), key=lambda k: abs(bends[k]) if side == 0.0 else -side * bends[k])
            point, turned = choices[best], True
        points.append(point.transform.location)
    return np.array([(each.x, each.y) for each in points])


def _bend_deg(point: carla.Waypoint, choice: carla.Waypoint) -> float:
    """How far a branch turns within the junction, positive to the right."""
    end = choice
    for _ in range(8):
        following = end.next(2.0)
        if not following:
            break
        end = following[0]
    return (end.transform.rotation.yaw - point.transform.rotation.yaw + 180.0) % 360.0 - 180.0


def _resampled(path: np.ndarray) -> np.ndarray:
    """The path with a point every metre."""
    steps = np.hypot(*np.diff(path, axis=0).T)
    path = path[np.concatenate(([True], steps > 1e-3))]
    along = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))))
    at = np.arange(0.0, along[-1], _STEP_M)
    return np.stack([np.interp(at, along, path[:, 0]), np.interp(at, along, path[:, 1])], axis=1)


def _curve_speeds(path: np.ndarray) -> np.ndarray:
    """Fastest speed at each point, from the bend over four metres each way."""
    headings = np.unwrap(np.arctan2(*np.diff(path, axis=0).T[::-1]))
    bend = np.zeros(len(path))
    bend[4:-5] = np.abs(headings[8:] - headings[:-8])[: len(path) - 9] / (8.0 * _STEP_M)
    return np.maximum(_LEAST_SPEED_MPS, np.sqrt(_LATERAL_MPS2 / np.maximum(bend, 1e-4)))


def _speed_to_stop_in(gap_m: float) -> float:
    return math.sqrt(2.0 * _COMFORTABLE_BRAKE_MPS2 * gap_m) if gap_m > 0.0 else 0.0


def _seen_from(heading: np.ndarray, yaw_deg: float, box: carla.Vector3D) -> tuple[float, float]:
    """Half extents of a turned box across and along a heading."""
    yaw = math.radians(yaw_deg)
    along = abs(float(heading @ (math.cos(yaw), math.sin(yaw))))
    across = math.sqrt(max(0.0, 1.0 - along * along))
    return box.x * across + box.y * along, box.x * along + box.y * across


def _control(steer: float, wanted_mps: float, speed_mps: float) -> carla.VehicleControl:
    error = wanted_mps - speed_mps
    if wanted_mps < 0.1 or error < -0.5:
        return carla.VehicleControl(steer=steer, brake=min(1.0, 0.3 + 0.25 * max(-error, 0.0)))
    return carla.VehicleControl(steer=steer, throttle=max(0.0, min(0.8, 0.25 + 0.4 * error)))
