"""A small closed loop for the expert: lanes, actors and lights by hand, a bicycle with pedals for a car.

Everything is in the map frame (right-handed). It is no simulator: just enough truth to see what the expert
does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from policies.control.actuators import FULL_BRAKE_MPS2, steer_to_curvature, throttle_acceleration
from policies.expert import ExpertPolicy, Reason
from policies.interface import EgoGeometry, EpisodeContext, LaneMap
from policies.plan import Control
from policies.sensor_bundle import (
    ActorKind,
    ActorTable,
    EgoState,
    Float,
    LightAhead,
    LightState,
    Privileged,
    RouteAhead,
    SensorBundle,
    StopSignAhead,
)

DT_S = 0.05
EGO = EgoGeometry(length_m=4.9, width_m=2.1, height_m=1.5, center_from_rear_axle_m=1.45, wheelbase_m=2.9)
FRONT_M = EGO.center_from_rear_axle_m + 0.5 * EGO.length_m


def straight(x: float, y: float, yaw_deg: float, length_m: float) -> Float:
    """Points of a straight lane, (N, 3) x, y, yaw."""
    yaw = math.radians(yaw_deg)
    s = np.arange(0.0, length_m + 0.5, 1.0)
    return np.stack([x + s * math.cos(yaw), y + s * math.sin(yaw), np.full(len(s), yaw)], axis=1)


def arc(x: float, y: float, yaw_deg: float, radius_m: float, turn_deg: float) -> Float:
    """Points of an arc, left for a positive turn."""
    yaw, turn = math.radians(yaw_deg), math.radians(turn_deg)
    count = max(round(abs(turn) * radius_m), 2)
    side = math.copysign(1.0, turn)
    headings = yaw + np.linspace(0.0, turn, count + 1)
    center = (x - side * radius_m * math.sin(yaw), y + side * radius_m * math.cos(yaw))
    px = center[0] + side * radius_m * np.sin(headings)
    py = center[1] - side * radius_m * np.cos(headings)
    return np.stack([px, py, headings], axis=1)


@dataclass(frozen=True)
class Lane:
    """One segment of the lane map; `successors`, `left` and `right` are indices of lanes."""

    points: Float
    successors: tuple[int, ...] = ()
    in_junction: bool = False
    left: int = -1
    right: int = -1


def lane_map(lanes: Sequence[Lane]) -> LaneMap:
    points = np.vstack([lane.points for lane in lanes])
    counts = [len(lane.points) for lane in lanes]
    return LaneMap(
        points_in_map=np.column_stack([points[:, :2], np.zeros(len(points))]),
        yaw_in_map_rad=points[:, 2],
        width_m=np.full(len(points), 3.5),
        segment_start=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        in_junction=np.array([lane.in_junction for lane in lanes]),
        successors=tuple(lane.successors for lane in lanes),
        left=np.array([lane.left for lane in lanes], dtype=np.int64),
        right=np.array([lane.right for lane in lanes], dtype=np.int64),
    )


@dataclass
class Actor:
    """Somebody else: moves along its heading with a speed that a function of time gives."""

    x: float
    y: float
    yaw_rad: float
    speed_of: Callable[[float], float] = lambda _t: 0.0
    kind: ActorKind = ActorKind.VEHICLE
    size_m: tuple[float, float, float] = (4.5, 1.9, 1.5)
    speed_mps: float = 0.0

    def move(self, t_s: float) -> None:
        self.speed_mps = self.speed_of(t_s)
        self.x += self.speed_mps * math.cos(self.yaw_rad) * DT_S
        self.y += self.speed_mps * math.sin(self.yaw_rad) * DT_S


@dataclass(frozen=True)
class Sample:
    """One tick as it was; `path_error_m` is the distance of the rear axle from the route."""

    t_s: float
    x: float
    y: float
    yaw_rad: float
    speed_mps: float
    along_m: float
    path_error_m: float
    reason: Reason
    acceleration_mps2: float
    clearance_m: float


@dataclass
class World:
    """The loop. The ego starts with its rear axle on the first point of the route."""

    lanes: Sequence[Lane]
    route: Float
    speed_mps: float = 0.0
    speed_limit_mps: float = 13.9
    actors: list[Actor] = field(default_factory=list)
    commands: Sequence[int] | None = None
    light_of: Callable[[float], LightState] | None = None
    light_at_m: float = 0.0
    sign_at_m: float | None = None

    def __post_init__(self) -> None:
        steps = np.hypot(*np.diff(self.route[:, :2], axis=0).T)
        self._distance = np.concatenate([[0.0], np.cumsum(steps)])
        self.x, self.y, self.yaw = (float(v) for v in self.route[0])
        self.steer = 0.0
        self.along_m = 0.0
        self.index = 0
        self.policy = ExpertPolicy()
        self.policy.reset(EpisodeContext(seed=1, dt_s=DT_S, ego=EGO, lane_map=lane_map(self.lanes)))

    def run(self, seconds: float, until: Callable[[Sample], bool] = lambda _s: False) -> list[Sample]:
        samples = []
        for tick in range(round(seconds / DT_S)):
            t_s = tick * DT_S
            control = self.policy.step(self._bundle(tick, t_s))
            samples.append(self._sample(t_s))
            if until(samples[-1]) or self.along_m > self._distance[-1] - 3.0:
                break
            self._drive(control)
            for actor in self.actors:
                actor.move(t_s)
        return samples

    def _drive(self, control: Control) -> None:
        if control.brake > 0.0:
            acceleration = -control.brake * FULL_BRAKE_MPS2
        elif control.throttle >= 0.3:
            acceleration = throttle_acceleration(self.speed_mps, control.throttle)
        else:
            acceleration = -0.3
        self.steer += 0.5 * (control.steer - self.steer)  # wheels take two or three ticks
        self.speed_mps = max(self.speed_mps + acceleration * DT_S, 0.0)
        self.yaw += self.speed_mps * steer_to_curvature(self.steer) * DT_S
        self.x += self.speed_mps * math.cos(self.yaw) * DT_S
        self.y += self.speed_mps * math.sin(self.yaw) * DT_S

    def _to_ego(self, points: Float) -> Float:
        c, s = math.cos(self.yaw), math.sin(self.yaw)
        d = np.asarray(points, dtype=np.float64)[:, :2] - (self.x, self.y)
        return np.column_stack([d @ np.array([[c, -s], [s, c]]), np.zeros(len(d))])

    def _bundle(self, tick: int, t_s: float) -> SensorBundle:
        window = slice(self.index, self.index + 20)
        offset = self._to_ego(self.route[window])
        self.index += int(np.flatnonzero(offset[:, 0] <= 0.01)[-1]) if (offset[:, 0] <= 0.01).any() else 0
        self.along_m = float(self._distance[self.index]) - float(self._to_ego(self.route[[self.index]])[0, 0])
        ahead = slice(self.index, int(np.searchsorted(self._distance, self.along_m + 90.0)) + 1)
        commands = (
            np.zeros(len(self.route), dtype=np.int64) if self.commands is None else np.asarray(self.commands)
        )
        c, s = math.cos(self.yaw), math.sin(self.yaw)
        velocity = np.array(
            [[a.speed_mps * math.cos(a.yaw_rad), a.speed_mps * math.sin(a.yaw_rad)] for a in self.actors]
        )
        velocity = velocity.reshape(-1, 2) @ np.array([[c, -s], [s, c]])
        size = np.array([a.size_m for a in self.actors]).reshape(-1, 3)
        position = self._to_ego(np.array([[a.x, a.y] for a in self.actors]).reshape(-1, 2))
        position[:, 2] = 0.5 * size[:, 2]
        lights: tuple[LightAhead, ...] = ()
        if self.light_of is not None and self.light_at_m - self.along_m > -2.0:
            lights = (LightAhead(7, self.light_of(t_s), self.light_at_m - self.along_m),)
        signs: tuple[StopSignAhead, ...] = ()
        if self.sign_at_m is not None and self.sign_at_m - self.along_m > -2.0:
            signs = (StopSignAhead(3, self.sign_at_m - self.along_m),)
        return SensorBundle(
            tick=tick,
            t_s=t_s,
            dt_s=DT_S,
            ego=EgoState(
                speed_mps=self.speed_mps,
                velocity_in_ego=np.array([self.speed_mps, 0.0, 0.0]),
                acceleration_in_ego=np.zeros(3),
                yaw_rate_radps=0.0,
                steer=self.steer,
                position_in_map=np.array([self.x, self.y, 0.0]),
                yaw_in_map_rad=self.yaw,
            ),
            route=RouteAhead(
                points_in_ego=self._to_ego(self.route[ahead]),
                commands=commands[ahead],
                distances_m=self._distance[ahead] - self.along_m,
                remaining_m=float(self._distance[-1]) - self.along_m,
            ),
            privileged=Privileged(
                actors=ActorTable(
                    ids=np.arange(len(self.actors), dtype=np.int64),
                    kinds=np.array([a.kind for a in self.actors], dtype=np.int64),
                    position_in_ego=position,
                    yaw_in_ego_rad=np.array([a.yaw_rad - self.yaw for a in self.actors]),
                    velocity_in_ego=np.column_stack([velocity, np.zeros(len(velocity))]),
                    size_m=size,
                ),
                lights=lights,
                stop_signs=signs,
                speed_limit_mps=self.speed_limit_mps,
            ),
        )

    def _sample(self, t_s: float) -> Sample:
        decision = self.policy.decision
        assert decision is not None
        near = self.route[max(self.index - 2, 0) : self.index + 4, :2]
        return Sample(
            t_s=t_s,
            x=self.x,
            y=self.y,
            yaw_rad=self.yaw,
            speed_mps=self.speed_mps,
            along_m=self.along_m,
            path_error_m=min(
                _distance_to_segment(np.array([self.x, self.y]), a, b) for a, b in pairwise(near)
            ),
            reason=decision.reason,
            acceleration_mps2=decision.acceleration_mps2,
            clearance_m=min((self._clearance(actor) for actor in self.actors), default=math.inf),
        )

    def _clearance(self, actor: Actor) -> float:
        """Distance between the two boxes' outlines, 0 if they overlap (by sampling, to about 0.1 m)."""
        centers = (
            (self.x + EGO.center_from_rear_axle_m * math.cos(self.yaw),
             self.y + EGO.center_from_rear_axle_m * math.sin(self.yaw), self.yaw, EGO.length_m, EGO.width_m),
            (actor.x, actor.y, actor.yaw_rad, actor.size_m[0], actor.size_m[1]),
        )  # fmt: skip
        return max(_separation(centers[0], centers[1]), _separation(centers[1], centers[0]), 0.0)


def _separation(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Largest gap between two boxes along the axes of the first; negative if they overlap there."""
    x, y, yaw, length, width = one
    ox, oy, oyaw, olength, owidth = other
    c, s = math.cos(yaw), math.sin(yaw)
    corners = np.array(
        [
            (
                ox + a * olength / 2 * math.cos(oyaw) - b * owidth / 2 * math.sin(oyaw),
                oy + a * olength / 2 * math.sin(oyaw) + b * owidth / 2 * math.cos(oyaw),
            )
            for a in (-1, 1)
            for b in (-1, 1)
        ]
    ) - (x, y)
    along, across = corners @ (c, s), corners @ (-s, c)
    return float(
        max(
            along.min() - length / 2, -along.max() - length / 2,
            across.min() - width / 2, -across.max() - width / 2,
        )
    )  # fmt: skip


def _distance_to_segment(point: Float, start: Float, end: Float) -> float:
    step = end - start
    u = float(np.clip((point - start) @ step / max(float(step @ step), 1e-9), 0.0, 1.0))
    return float(np.hypot(*(point - start - u * step)))


def straight_road(length_m: float = 300.0) -> World:
    """One lane along x, nothing on it."""
    points = straight(0.0, 0.0, 0.0, length_m)
    return World(lanes=[Lane(points)], route=points)
