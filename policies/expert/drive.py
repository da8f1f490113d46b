"""Drive: one episode of the expert. All rules give a wanted acceleration; the lowest one wins."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from policies.control.actuators import curvature_to_steer
from policies.control.lateral import tracking_curvature
from policies.expert.config import ExpertConfig
from policies.expert.conflicts import ConflictFinder, EgoMotion
from policies.expert.decision import Decision, Reason
from policies.expert.following import Leader, find_leaders, idm_acceleration
from policies.expert.intent import Intent, Rule, roll_intent
from policies.expert.kernels import back_propagate_speed, roll_ego, warm_up
from policies.expert.lane_changer import LaneChanger
from policies.expert.lanes import build_lane_tables
from policies.expert.path import STEP_M, LocalPath, ReferencePath
from policies.expert.pedals import PedalServo
from policies.expert.priority import PriorityRules
from policies.expert.scene import Scene, SceneReader
from policies.expert.signals import SignalRules, StopPoint
from policies.interface import EpisodeContext, LaneMap
from policies.plan import Control, Plan
from policies.sensor_bundle import (
    EgoState,
    Float,
    Int,
    LightAhead,
    Privileged,
    RouteAhead,
    SensorBundle,
    StopSignAhead,
)

Place = TypeVar("Place", LightAhead, StopSignAhead)

_RESPONSE_S = 0.4
"""Speed targets are read this far ahead and met within this time."""

_CRUISE_RESPONSE_S = 1.0
_STEER_PREVIEW_S = 0.12
_STANDSTILL_MPS = 0.15
_EMERGENCY_MPS2 = 6.0
_SQUEEZE_FOR_M = 8.0
_PUSHING_GAP_M = 0.7
_SQUEEZED_MARGIN_M = 0.03
_PATIENCE_FROM_S, _PATIENCE_TO_S = 4.0, 20.0
_CURVE_BRAKE_MPS2 = 3.5
"""More is not worth it: the curve would only be a little less comfortable."""

_AT_LINE_M = 0.1
_LATE_FACTOR = 1.3


@dataclass(frozen=True, slots=True)
class Option:
    """What one rule asks for.

    Attributes:
        acceleration_mps2: wanted.
        reason: the rule.
        culprit: id of the actor, light or sign behind it.
    """

    acceleration_mps2: float
    reason: Reason
    culprit: int | None = None


@dataclass(frozen=True, slots=True)
class _Moment:
    """What a tick was decided from, kept for `Drive.intent`."""

    ego: EgoState
    path: LocalPath
    allowed: Float
    cruise_mps: float
    stops: tuple[StopPoint, ...]
    leaders: tuple[Leader, ...]
    scene: Scene


class Drive:
    """The rules put together, with what they remember during one episode."""

    def __init__(self, config: ExpertConfig, context: EpisodeContext, lane_map: LaneMap) -> None:
        """Prepare the town's lanes and set up for the vehicle."""
        lanes = build_lane_tables(lane_map)
        warm_up(lanes)
        ego = context.ego
        self._config = config
        self._dt_s = context.dt_s
        self._center_m = ego.center_from_rear_axle_m
        self._half = np.array([0.5 * ego.length_m, 0.5 * ego.width_m])
        self._front_m = ego.center_from_rear_axle_m + 0.5 * ego.length_m
        self._path = ReferencePath(lanes)
        self._scenes = SceneReader()
        self._signals = SignalRules(config, self._front_m, context.dt_s)
        self._priority = PriorityRules(self._signals, self._front_m)
        self._changer = LaneChanger(
            lanes, self._path, center_m=self._center_m, half_length_m=0.5 * ego.length_m, dt_s=context.dt_s
        )
        self._conflicts = ConflictFinder(config, lanes)
        self._pedals = PedalServo(context.dt_s)
        steps = round(config.forecast_s / config.forecast_step_s)
        self._as_wanted: Int = np.empty(steps, dtype=np.int64)
        self._braking: Int = np.empty(steps, dtype=np.int64)
        self._forecast_t_s: Float = config.forecast_step_s * np.arange(2, steps + 1, 2, dtype=np.float64)
        self._steer = 0.0
        self._stood_s = 0.0
        self._squeeze_until_m = -math.inf
        self._is_pushing = False
        self._moment: _Moment | None = None

    def step(self, bundle: SensorBundle, privileged: Privileged) -> tuple[Decision, Control]:
        """Decide one tick."""
        config = self._config
        speed = max(bundle.ego.speed_mps, 0.0)
        path = self._path.update(bundle.ego, bundle.route)
        privileged = self._on_path(bundle.route, privileged)
        scene = self._scenes.read(privileged.actors, bundle.ego, self._dt_s)
        stops = self._signals.stop_points(privileged, speed)
        cruise = min(config.limit_factor * privileged.speed_limit_mps, config.top_speed_mps)
        options = [self._reach(cruise, speed, Reason.CRUISE)]
        waiting = self._changer.step(scene, path, speed)
        self._is_pushing = self._changer.is_pushing(path.ego_station_m)
        if waiting is not None:
            stops.append(waiting.stop)
            cruise = min(cruise, waiting.speed_cap_mps)
            options.append(self._reach(cruise, speed, Reason.LANE_CHANGE))
        allowed = np.minimum(_curve_speeds(path, config), cruise)
        for zone in self._changer.speed_zones(path.ego_station_m):
            first, last = np.searchsorted(path.station_m, (zone.start_m, zone.end_m))
            allowed[first:last] = np.minimum(allowed[first:last], zone.speed_mps)
        back_propagate_speed(allowed, STEP_M, config.comfortable_brake_mps2)
        options.append(self._slow_for_curve(path, speed, allowed, cruise))

        boxes = self._boxes(path)
        leaders = find_leaders(scene, boxes, path.yaws, self._half, path.offset_m, self._side_margin(path))
        ego = self._ego_motion(path, boxes, speed, allowed, stops, leaders)
        right = self._priority.right_of_way(privileged, path)
        waits, merging = self._conflicts.find(scene, ego, leaders, right, self._patience())
        options += [self._stop(stop, speed) for stop in (*stops, *waits)]
        options += [self._follow(scene, leader, speed) for leader in (*leaders, *merging)]

        self._moment = _Moment(
            bundle.ego, path, allowed, cruise, (*stops, *waits), (*leaders, *merging), scene
        )
        chosen = min(options, key=lambda option: option.acceleration_mps2)
        acceleration = max(chosen.acceleration_mps2, -config.hardest_brake_mps2)
        self._note_standing(speed, chosen.reason, path)
        curvature = self._track(path, speed)
        throttle, brake = self._pedals.step(acceleration, speed)
        if speed > _STANDSTILL_MPS or throttle > 0.0:
            self._steer = curvature_to_steer(curvature)
        decision = Decision(
            chosen.reason,
            acceleration,
            curvature,
            chosen.culprit,
            path.lateral_error_m,
            path.heading_error_rad,
        )
        return decision, Control(throttle, self._steer, brake, forecast=self._forecast(bundle.ego, path))

    def intent(self) -> Intent | None:
        """Where the expert means to go from the last tick on; None before the first."""
        now = self._moment
        if now is None:
            return None
        return roll_intent(
            now.path, now.ego, self._rules(now), self._config.tracking, self._config.hardest_brake_mps2
        )

    def _rules(self, now: _Moment) -> list[Rule]:
        """The options of a tick as they will be after some way and time, if everybody keeps their speed."""
        path, allowed, cruise = now.path, now.allowed, now.cruise_mps

        def on_the_road(gone_m: float, speed: float, _t_s: float) -> float:
            reach = self._reach(cruise, speed, Reason.CRUISE)
            curve = self._slow_for_curve(path, speed, allowed, cruise, gone_m)
            return min(reach.acceleration_mps2, curve.acceleration_mps2)

        def before(stop: StopPoint) -> Rule:
            def rule(gone_m: float, speed: float, _t_s: float) -> float:
                then = replace(stop, distance_m=max(stop.distance_m - gone_m, 0.0))
                return self._stop(then, speed).acceleration_mps2

            return rule

        def behind(leader: Leader) -> Rule:
            def rule(gone_m: float, speed: float, t_s: float) -> float:
                gap_m = leader.gap_m - gone_m + max(leader.speed_mps, 0.0) * t_s
                then = replace(leader, gap_m=max(gap_m, 0.0))
                return self._follow(now.scene, then, speed).acceleration_mps2

            return rule

        return [on_the_road, *map(before, now.stops), *map(behind, now.leaders)]

    def _on_path(self, route: RouteAhead, privileged: Privileged) -> Privileged:
        """Measure lights and signs along the ego's path instead of along the route."""

        def measured(place: Place) -> Place:
            distance = self._path.distance_m(route, place.stop_line_distance_m)
            return replace(place, stop_line_distance_m=distance)

        return replace(
            privileged,
            lights=tuple(measured(light) for light in privileged.lights),
            stop_signs=tuple(measured(sign) for sign in privileged.stop_signs),
        )

    # -- options
    # --------------------------------------------------------------------------------------------------

    def _reach(self, target_mps: float, speed: float, reason: Reason) -> Option:
        wanted = (target_mps - speed) / _CRUISE_RESPONSE_S
        low, high = -self._config.comfortable_brake_mps2, self._config.acceleration_mps2
        return Option(min(max(wanted, low), high), reason)

    def _slow_for_curve(
        self, path: LocalPath, speed: float, allowed: Float, cruise: float, gone_m: float = 0.0
    ) -> Option:
        ahead_m = path.offset_m + gone_m + speed * _RESPONSE_S
        ahead = min(int(ahead_m / STEP_M + 0.5), len(allowed) - 1)
        target = float(allowed[ahead])
        wanted = (target - speed) / _RESPONSE_S if target < cruise else math.inf
        return Option(max(wanted, -_CURVE_BRAKE_MPS2), Reason.CURVE)

    def _stop(self, stop: StopPoint, speed: float) -> Option:
        """Come to a standstill at a place."""
        distance = stop.distance_m
        if distance < _AT_LINE_M:
            return Option(-max(speed / _RESPONSE_S, 1.0), stop.reason, stop.culprit)
        brake = self._config.comfortable_brake_mps2
        target = math.sqrt(2.0 * brake * max(distance - speed * _RESPONSE_S, 0.0))
        wanted = (target - speed) / _RESPONSE_S
        needed = speed**2 / (2.0 * distance)
        if needed > _LATE_FACTOR * brake:  # seen late: what the laws of motion ask for, and a little more
            wanted = min(wanted, -1.1 * needed)
        return Option(wanted, stop.reason, stop.culprit)

    def _follow(self, scene: Scene, leader: Leader, speed: float) -> Option:
        gap = _PUSHING_GAP_M if self._is_pushing else self._config.standstill_gap_m
        wanted = idm_acceleration(self._config, speed, leader.gap_m, leader.speed_mps, gap)
        reason = Reason.YIELD_PEDESTRIAN if scene.is_walker[leader.row] else Reason.FOLLOWING
        return Option(wanted, reason, int(scene.ids[leader.row]))

    # -- the ego's own motion
    # -------------------------------------------------------------------------------------

    def _boxes(self, path: LocalPath) -> Float:
        """Return (K, 4) the ego's box centre and heading (cos, sin) at each place of the path."""
        boxes = np.empty((len(path.points), 4))
        boxes[:, 2], boxes[:, 3] = np.cos(path.yaws), np.sin(path.yaws)
        boxes[:, :2] = path.points + self._center_m * boxes[:, 2:]
        return boxes

    def _ego_motion(
        self,
        path: LocalPath,
        boxes: Float,
        speed: float,
        allowed: Float,
        stops: list[StopPoint],
        leaders: list[Leader],
    ) -> EgoMotion:
        config = self._config
        profile = allowed.copy()
        for stop in stops:
            profile[int((path.offset_m + stop.distance_m) / STEP_M) :] = 0.0
        back_propagate_speed(profile, STEP_M, config.comfortable_brake_mps2)
        nearest = min(leaders, key=lambda leader: leader.gap_m, default=None)
        end_m = math.inf if nearest is None else max(nearest.gap_m - config.standstill_gap_m, 0.0)
        leader_mps = 0.0 if nearest is None else max(nearest.speed_mps, 0.0)
        dt_s = config.forecast_step_s
        roll_ego(
            speed, profile, STEP_M, path.offset_m, dt_s,
            config.acceleration_mps2, config.hardest_brake_mps2, end_m, leader_mps, self._as_wanted,
        )  # fmt: skip
        roll_ego(
            speed, np.zeros(len(profile)), STEP_M, path.offset_m, dt_s,
            0.0, _EMERGENCY_MPS2, math.inf, 0.0, self._braking,
        )  # fmt: skip
        return EgoMotion(path, boxes, self._half, speed, self._front_m, self._as_wanted, self._braking)

    def _forecast(self, ego: EgoState, path: LocalPath) -> Plan:
        """Where the ego will be if all goes as wanted: every second step of its own forecast."""
        ahead = path.points[self._as_wanted[1::2]] - ego.position_in_map[:2]
        c, s = math.cos(ego.yaw_in_map_rad), math.sin(ego.yaw_in_map_rad)
        return Plan(t_s=self._forecast_t_s, position_in_ego=ahead @ np.array([[c, -s], [s, c]]))

    def _track(self, path: LocalPath, speed: float) -> float:
        ahead = int((path.offset_m + speed * _STEER_PREVIEW_S) / STEP_M + 0.5)
        return tracking_curvature(
            self._config.tracking,
            speed_mps=speed,
            path_curvature=float(path.curvature[ahead]),
            lateral_error_m=path.lateral_error_m,
            heading_error_rad=path.heading_error_rad,
        )

    # -- patience
    # ---------------------------------------------------------------------------------------------------

    def _side_margin(self, path: LocalPath) -> float:
        squeezes = path.ego_station_m < self._squeeze_until_m
        return _SQUEEZED_MARGIN_M if squeezes else self._config.side_margin_m

    def _patience(self) -> float:
        waited = (self._stood_s - _PATIENCE_FROM_S) / (_PATIENCE_TO_S - _PATIENCE_FROM_S)
        return 1.0 - min(max(waited, 0.0), 1.0)

    def _note_standing(self, speed: float, reason: Reason, path: LocalPath) -> None:
        waits_by_right = reason in (Reason.RED_LIGHT, Reason.STOP_SIGN)
        self._stood_s = 0.0 if speed > _STANDSTILL_MPS or waits_by_right else self._stood_s + self._dt_s
        if self._stood_s > self._config.squeeze_after_s:
            self._squeeze_until_m = path.ego_station_m + _SQUEEZE_FOR_M


def _curve_speeds(path: LocalPath, config: ExpertConfig) -> Float:
    """Return (K,) the speed at which the lateral acceleration reaches its bound."""
    return np.asarray(np.sqrt(config.lateral_acceleration_mps2 / np.maximum(np.abs(path.curvature), 1e-4)))
