"""Scene: the other road users of a tick in the map frame, with an estimate of their accelerations."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from policies.sensor_bundle import ActorKind, ActorTable, EgoState, Float, Int

_OTHER_STOREY_M = 3.5
"""Further above or below the ego than this, a road user is on another road."""

_SMOOTHING = 0.25
_STRONGEST_MPS2 = 8.0


@dataclass(frozen=True, slots=True)
class Scene:
    """Other road users, one row each.

    Attributes:
        ids, kinds: (N,) as in `ActorTable`.
        poses: (N, 3) x, y of the box centre and yaw, map frame.
        velocities: (N, 2) m/s, map frame.
        speeds: (N,) m/s, never negative.
        accelerations: (N,) m/s² along the motion, smoothed.
        halves: (N, 2) half length, half width.
        ahead_m, side_m: (N,) x and y of the box centre in the ego frame.
        is_walker: (N,) 0 or 1.
    """

    ids: Int
    kinds: Int
    poses: Float
    velocities: Float
    speeds: Float
    accelerations: Float
    halves: Float
    ahead_m: Float
    side_m: Float
    is_walker: Int


class SceneReader:
    """Makes scenes; remembers speeds from tick to tick."""

    def __init__(self) -> None:
        self._speed_of: dict[int, tuple[float, float]] = {}

    def read(self, actors: ActorTable, ego: EgoState, dt_s: float) -> Scene:
        """Return the scene of a tick."""
        level = np.abs(actors.position_in_ego[:, 2] - 0.5 * actors.size_m[:, 2]) < _OTHER_STOREY_M
        position = actors.position_in_ego[level, :2]
        c, s = math.cos(ego.yaw_in_map_rad), math.sin(ego.yaw_in_map_rad)
        turn = np.array([[c, s], [-s, c]])
        poses = np.empty((len(position), 3))
        poses[:, :2] = position @ turn + ego.position_in_map[:2]
        poses[:, 2] = actors.yaw_in_ego_rad[level] + ego.yaw_in_map_rad
        velocities = np.ascontiguousarray(actors.velocity_in_ego[level, :2] @ turn)
        speeds = np.hypot(velocities[:, 0], velocities[:, 1])
        ids = actors.ids[level]
        return Scene(
            ids=ids,
            kinds=actors.kinds[level],
            poses=poses,
            velocities=velocities,
            speeds=speeds,
            accelerations=self._accelerations(ids, speeds, dt_s),
            halves=np.ascontiguousarray(0.5 * actors.size_m[level, :2]),
            ahead_m=position[:, 0],
            side_m=position[:, 1],
            is_walker=(actors.kinds[level] == ActorKind.WALKER).astype(np.int64),
        )

    def _accelerations(self, ids: Int, speeds: Float, dt_s: float) -> Float:
        known = self._speed_of
        present: dict[int, tuple[float, float]] = {}
        for actor_id, speed in zip(ids.tolist(), speeds.tolist(), strict=True):
            before = known.get(actor_id)
            smooth = 0.0
            if before is not None:
                raw = min(max((speed - before[0]) / dt_s, -_STRONGEST_MPS2), _STRONGEST_MPS2)
                smooth = before[1] + _SMOOTHING * (raw - before[1])
            present[actor_id] = (speed, smooth)
        self._speed_of = present
        return np.array([value[1] for value in present.values()])
