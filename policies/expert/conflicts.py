"""Conflicts: who will be where the ego wants to be, and what to do about it.

Everybody who moves is rolled forward a few seconds, along the lanes and all their branches or straight
on. The ego is moved along its own path as fast as it would like. Where the two come together in time, the
ego waits before the area that the other sweeps, unless the other has to wait for it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from policies.expert.config import ExpertConfig
from policies.expert.decision import Reason
from policies.expert.following import Leader
from policies.expert.kernels import find_conflicts, forecast_all
from policies.expert.lanes import LaneTables
from policies.expert.path import STEP_M, LocalPath
from policies.expert.priority import RightOfWay
from policies.expert.scene import Scene
from policies.expert.signals import StopPoint
from policies.sensor_bundle import Float, Int

_MAX_TRACKS = 192
_MOVES_MPS = 0.4
_SETS_OFF_MPS2 = 0.6
_STRAIGHT_S = 1.6
"""How long a vehicle that is not aligned with a lane is moved straight on."""

_PARALLEL_RAD = 0.8
_ONCOMING_RAD = 2.3
_OTHERS_STOP_MPS2 = 4.0
"""Others are taken to stop at their line if this deceleration is enough."""

_CLEARANCE_M = 1.0
_LENGTH_MARGIN_M = 0.5


@dataclass(frozen=True, slots=True)
class EgoMotion:
    """The ego along its path.

    Attributes:
        path: see there.
        boxes: (K, 4) its box along the path.
        half: (2,) half sizes.
        speed_mps: now.
        front_m: from the rear axle to the front bumper.
        as_wanted, braking: (T,) places of the path at each forecast step.
    """

    path: LocalPath
    boxes: Float
    half: Float
    speed_mps: float
    front_m: float
    as_wanted: Int
    braking: Int


class ConflictFinder:
    """Finds conflicts; holds only working memory and settings."""

    def __init__(self, config: ExpertConfig, lanes: LaneTables) -> None:
        self._config = config
        self._lanes = lanes
        steps = round(config.forecast_s / config.forecast_step_s)
        self._tracks = np.empty((_MAX_TRACKS, steps, 3))
        self._owner: Int = np.empty(_MAX_TRACKS, dtype=np.int64)
        self._valid: Int = np.empty(_MAX_TRACKS, dtype=np.int64)
        self._to_junction = np.empty(_MAX_TRACKS)

    def find(
        self, scene: Scene, ego: EgoMotion, leaders: list[Leader], right: RightOfWay, patience: float
    ) -> tuple[list[StopPoint], list[Leader]]:
        """Return where to wait, and whom to follow because it will drive ahead of the ego.

        Args:
            scene: of this tick.
            ego: of this tick.
            leaders: who is in the way already; they are not looked at again.
            right: of way.
            patience: 1 at first, falling to 0 with waiting; scales the time margin.
        """
        count = self._forecast(scene, ego, leaders)
        if count == 0:
            return [], []
        owner = self._owner[:count]
        margin = np.where(
            scene.is_walker[owner, None] == 1, self._config.walker_margin_m, self._config.side_margin_m
        )
        halves = scene.halves[owner] + np.hstack([np.maximum(margin, _LENGTH_MARGIN_M), margin])
        steps = round(patience * self._config.time_margin_s / self._config.forecast_step_s)
        hits = self._hits(count, halves, ego, ego.as_wanted, steps)
        rows = np.flatnonzero(hits[:, 0] >= 0)
        if len(rows) == 0:
            return [], []
        if_braking = self._hits(count, halves, ego, ego.braking, 0)
        stops: list[StopPoint] = []
        followed: list[Leader] = []
        for h in rows.tolist():
            i, step, k, entry = int(owner[h]), int(hits[h, 0]), int(hits[h, 1]), int(hits[h, 2])
            pose = self._tracks[h, step]
            away = _angle(float(pose[2]) - float(ego.path.yaws[k]))
            ahead_m = _ahead(pose, ego.boxes[k])
            if not scene.is_walker[i]:
                if away < _PARALLEL_RAD and ahead_m < 0.0:
                    continue  # it would run into the ego's rear: that is its to avoid
                if self._must_wait(scene, i, float(self._to_junction[h]), right):
                    continue
                if away < _PARALLEL_RAD:
                    along = float(scene.speeds[i]) * math.cos(away)
                    travelled = along * (step + 1) * self._config.forecast_step_s
                    gap = k * STEP_M - ego.path.offset_m - travelled
                    followed.append(Leader(i, max(gap, 0.5), along))
                    continue
            stop = self._where_to_wait(ego, k, entry, bool(if_braking[h, 0] >= 0))
            if stop is not None:
                reason = Reason.YIELD_PEDESTRIAN if scene.is_walker[i] else Reason.YIELD_VEHICLE
                stops.append(StopPoint(stop, reason, int(scene.ids[i])))
        return stops, followed

    def _forecast(self, scene: Scene, ego: EgoMotion, leaders: list[Leader]) -> int:
        config = self._config
        reach_m = scene.speeds * config.forecast_s + config.acceleration_mps2 * 4.0 + 8.0
        distance = np.hypot(*(scene.poses[:, :2] - ego.boxes[0, :2]).T)
        ego_reach_m = (int(ego.as_wanted[-1]) + 1) * STEP_M + 5.0
        sets_off = (scene.accelerations > _SETS_OFF_MPS2) & (scene.speeds > 0.05)
        wanted = ((scene.speeds > _MOVES_MPS) | sets_off) & (distance < reach_m + ego_reach_m)
        for leader in leaders:
            wanted[leader.row] = False
        if not wanted.any():
            return 0
        return int(
            forecast_all(
                self._lanes, scene.poses, scene.velocities, scene.accelerations, scene.is_walker,
                wanted.astype(np.int64), config.forecast_step_s, round(_STRAIGHT_S / config.forecast_step_s),
                self._tracks, self._owner, self._valid, self._to_junction,
            )
        )  # fmt: skip

    def _hits(self, count: int, halves: Float, ego: EgoMotion, timeline: Int, margin_steps: int) -> Int:
        hits: Int = np.empty((count, 3), dtype=np.int64)
        find_conflicts(
            self._tracks[:count],
            self._valid[:count],
            halves,
            ego.boxes,
            ego.half,
            timeline,
            margin_steps,
            hits,
        )
        return hits

    @staticmethod
    def _must_wait(scene: Scene, i: int, to_junction_m: float, right: RightOfWay) -> bool:
        """Whether another vehicle has to let the ego pass and still can."""
        if not right.protected or not 0.0 <= to_junction_m < math.inf:
            return False
        if float(scene.speeds[i]) ** 2 / (2.0 * _OTHERS_STOP_MPS2) > to_junction_m:
            return False
        oncoming = _angle(float(scene.poses[i, 2]) - right.heading_rad) > _ONCOMING_RAD
        return not (oncoming and right.turns_left)

    def _where_to_wait(self, ego: EgoMotion, k: int, entry: int, braking_hits: bool) -> float | None:
        """Return how far to go at most, m from the rear axle, or None if going on is the better way out."""
        path = ego.path
        stop_m = entry * STEP_M - path.offset_m - _CLEARANCE_M
        conflict_junction = bool(path.in_junction[entry : k + 1].any())
        front_place = min(int((path.offset_m + ego.front_m) / STEP_M), len(path.in_junction) - 1)
        if conflict_junction and not path.in_junction[front_place]:
            line = int(np.argmax(path.in_junction[front_place:])) + front_place
            before_line_m = line * STEP_M - path.offset_m - ego.front_m - 0.5
            if 0.0 <= before_line_m < stop_m:
                stop_m = before_line_m
        braking_m = ego.speed_mps**2 / (2.0 * self._config.hardest_brake_mps2)
        if stop_m < braking_m and braking_hits and ego.speed_mps > 0.5:
            return None
        return max(stop_m, 0.0)


def _angle(difference: float) -> float:
    return abs(math.remainder(difference, 2.0 * math.pi))


def _ahead(pose: Float, box: Float) -> float:
    """How far the other's centre is ahead of the ego's, along the ego."""
    return float((pose[0] - box[0]) * box[2] + (pose[1] - box[1]) * box[3])
