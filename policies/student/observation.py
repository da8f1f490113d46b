"""Observation: what a student sees at one moment, and the memory that makes it from an episode's bundles.

Closed loop and data sets end in this one class, and `policies.student.features` is the only way from it to
arrays: so a student is served exactly what it was trained on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from policies.frames import wrap_angles_rad
from policies.sensor_bundle import CameraImage, Float, RouteAhead, SensorBundle
from policies.student.config import HISTORY_STEPS
from policies.unicycle import DT_S

_HALF_TICK = 1e-6


@dataclass(frozen=True, slots=True)
class CameraHistory:
    """The last pictures of one camera.

    Attributes:
        rgb: (F, H, W, 3) uint8, 10 Hz, oldest first, last is now.
        intrinsics: (3, 3) as of `CameraImage`.
        position_in_ego: (3,) m.
        rotation_camera_to_ego: (3, 3).
    """

    rgb: NDArray[np.uint8]
    intrinsics: Float
    position_in_ego: Float
    rotation_camera_to_ego: Float


@dataclass(frozen=True, slots=True)
class Observation:
    """What a student sees. Everything is in the ego frame of now.

    Attributes:
        cameras: by name.
        history_position_in_ego: (16, 3) m, rear axle at 10 Hz, oldest first, last is now (the origin).
        history_roll_pitch_yaw_rad: (16, 3) likewise; last is 0.
        route: what lies ahead, or None where a data set has no route.
    """

    cameras: Mapping[str, CameraHistory]
    history_position_in_ego: Float
    history_roll_pitch_yaw_rad: Float
    route: RouteAhead | None


class ObservationMemory:
    """Keeps poses and pictures at 10 Hz and makes observations of them.

    At the start of an episode the oldest pose and picture stand for those before it, also in training.

    Args:
        frames: pictures to keep per camera.
    """

    def __init__(self, frames: int) -> None:
        self._frames = frames
        self._poses: deque[tuple[Float, float]] = deque(maxlen=HISTORY_STEPS)
        self._images: dict[str, deque[CameraImage]] = {}
        self._next_t_s = 0.0

    def reset(self) -> None:
        """Forget the last episode."""
        self._poses.clear()
        self._images.clear()
        self._next_t_s = 0.0

    def add(self, bundle: SensorBundle) -> bool:
        """Take a bundle in if a tenth of a second has passed; say whether it was taken."""
        if bundle.t_s + _HALF_TICK < self._next_t_s:
            return False
        self._next_t_s = (round(bundle.t_s / DT_S) + 1) * DT_S if self._poses else bundle.t_s + DT_S
        self._poses.append((bundle.ego.position_in_map.copy(), bundle.ego.yaw_in_map_rad))
        for name, image in bundle.views.images.items():
            self._images.setdefault(name, deque(maxlen=self._frames)).append(image)
        return True

    def observation(self, route: RouteAhead | None) -> Observation:
        """What the student sees now; the last `add` must have taken its bundle."""
        poses = [self._poses[0]] * (HISTORY_STEPS - len(self._poses)) + list(self._poses)
        position, yaw = _relative(np.array([p for p, _ in poses]), np.array([y for _, y in poses]))
        angles = np.zeros((HISTORY_STEPS, 3))
        angles[:, 2] = yaw
        return Observation(
            cameras={name: self._camera(images) for name, images in self._images.items()},
            history_position_in_ego=position,
            history_roll_pitch_yaw_rad=angles,
            route=route,
        )

    def _camera(self, images: deque[CameraImage]) -> CameraHistory:
        shown = [images[0]] * (self._frames - len(images)) + list(images)
        now = images[-1]
        return CameraHistory(
            rgb=np.stack([image.rgb for image in shown]),
            intrinsics=now.intrinsics,
            position_in_ego=now.position_in_ego,
            rotation_camera_to_ego=now.rotation_camera_to_ego,
        )


def _relative(position_in_map: Float, yaw_in_map_rad: Float) -> tuple[Float, Float]:
    """Poses relative to the last one: (N, 3) m and (N,) rad. Without height: a student's ground is flat."""
    offset = position_in_map - position_in_map[-1]
    cosine, sine = np.cos(yaw_in_map_rad[-1]), np.sin(yaw_in_map_rad[-1])
    x = cosine * offset[:, 0] + sine * offset[:, 1]
    y = -sine * offset[:, 0] + cosine * offset[:, 1]
    return np.stack([x, y, np.zeros_like(x)], 1), wrap_angles_rad(yaw_in_map_rad - yaw_in_map_rad[-1])
