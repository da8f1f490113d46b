"""Made-up drives, for trying a recipe without data: `--offline`.

Each moment is a car on an arc with steady acceleration. Its pictures show the arc as a bright band on
dark ground,
and the sky's shade tells what it is about to do, so that a student that learns gets better than one that
does not. Shapes, frames and units are those of real samples; every number follows from the seed.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from policies.frames import rotation_matrix
from policies.interface import CameraSpec
from policies.sensor_bundle import Command, Float, RouteAhead
from policies.student.config import HISTORY_STEPS, PLAN_STEPS, StudentConfig
from policies.student.features import ego_to_image
from policies.student.observation import CameraHistory, Observation
from policies.unicycle import DT_S, integrate
from training.data.sample import Sample
from training.data.text import HashingEncoder

_BAND_HALF_WIDTH_M = 1.5
_PER_CLIP = 4

REASONS = (
    ("Stopping because the traffic light ahead is red.", -1.5),
    ("Keeping the speed because the lane ahead is clear.", 0.0),
    ("Speeding up because the road ahead is free.", 0.8),
)
"""What the teacher says, and the acceleration that it means, m/s²."""


class DummySource:
    """Made-up samples.

    Args:
        config: of the student; its cameras look at the drives.
        count: number of samples.
        seed: of all of them.
    """

    def __init__(self, config: StudentConfig, count: int, seed: int) -> None:
        self._config = config
        self._count = count
        self._seed = seed
        self._embeddings = HashingEncoder().encode([text for text, _ in REASONS])

    @property
    def name(self) -> str:
        """For messages and manifests."""
        return f"dummy-{self._count}-seed{self._seed}"

    @property
    def sha256(self) -> str:
        """Of what determines the content."""
        return hashlib.sha256(f"{self.name} {self._config.cameras}".encode()).hexdigest()

    def __len__(self) -> int:
        """Number of samples."""
        return self._count

    def sample(self, index: int) -> Sample:
        """Make one.

        Raises:
            IndexError: there is none.
        """
        if not 0 <= index < self._count:
            raise IndexError(index)
        rng = np.random.default_rng([self._seed, index])
        reason = int(rng.integers(len(REASONS)))
        text, acceleration = REASONS[reason]
        speed = float(rng.uniform(3.0, 9.0))
        curvature = float(rng.uniform(-0.06, 0.06))
        # Who brakes to a standstill stays there.
        steps = np.arange(PLAN_STEPS) * DT_S
        braking = np.clip(-(speed + acceleration * steps) / DT_S, None, 0.0)
        along = np.where(acceleration < 0.0, np.maximum(acceleration, braking), acceleration)
        actions = np.stack([along, np.full(PLAN_STEPS, curvature)], 1)
        future = integrate(actions, speed)
        past = _past(speed, curvature)
        route = _route(curvature)
        position = np.concatenate([past[:, :2], np.zeros((HISTORY_STEPS, 1))], 1)
        angles = np.concatenate([np.zeros((HISTORY_STEPS, 2)), past[:, 2:]], 1)
        return Sample(
            clip_id=f"dummy-{self._seed}-{index // _PER_CLIP:06d}",
            t0_us=5_100_000 + 1_000_000 * (index % _PER_CLIP),
            observation=Observation(
                cameras={
                    spec.name: self._camera(spec, curvature, reason, rng)
                    for spec in self._config.camera_specs()
                },
                history_position_in_ego=position,
                history_roll_pitch_yaw_rad=angles,
                route=route,
            ),
            future_position_in_ego=np.concatenate([future[:, :2], np.zeros((PLAN_STEPS, 1))], 1),
            future_yaw_in_ego_rad=future[:, 2],
            text=text,
            text_embedding=self._embeddings[reason],
        )

    def _camera(
        self, spec: CameraSpec, curvature: float, reason: int, rng: np.random.Generator
    ) -> CameraHistory:
        shape = (self._config.frames, spec.height, spec.width, 3)
        blank = np.zeros((1, spec.height, spec.width, 3), dtype=np.uint8)
        camera = CameraHistory(
            blank, spec.intrinsics, np.array(spec.position_in_ego), rotation_matrix(*spec.roll_pitch_yaw_rad)
        )
        picture = rng.integers(0, 60, shape, dtype=np.uint8)
        picture[:, : spec.height // 3] += np.uint8(40 + 60 * reason)
        rows, columns = _band_pixels(ego_to_image(camera), curvature, spec.height, spec.width)
        picture[:, rows, columns] = 230
        return CameraHistory(
            picture, camera.intrinsics, camera.position_in_ego, camera.rotation_camera_to_ego
        )


def _past(speed: float, curvature: float) -> Float:
    """(16, 3) x, y, yaw of a steady arc up to now."""
    back_m = -speed * DT_S * np.arange(HISTORY_STEPS - 1, -1, -1.0)
    return _arc(back_m, curvature)


def _arc(along_m: Float, curvature: float) -> Float:
    """(N, 3) x, y, yaw at arc lengths."""
    yaw = curvature * along_m
    if abs(curvature) < 1e-9:
        return np.stack([along_m, np.zeros_like(along_m), yaw], 1)
    return np.stack([np.sin(yaw) / curvature, (1.0 - np.cos(yaw)) / curvature, yaw], 1)


def _route(curvature: float) -> RouteAhead:
    along_m = np.arange(0.0, 80.0, 1.0)
    points = _arc(along_m, curvature)
    turn = Command.LANE_FOLLOW if abs(curvature) < 0.03 else Command.LEFT if curvature > 0 else Command.RIGHT
    return RouteAhead(
        points_in_ego=np.concatenate([points[:, :2], np.zeros((len(points), 1))], 1),
        commands=np.full(len(points), int(turn), dtype=np.int64),
        distances_m=along_m,
        remaining_m=80.0,
    )


def _band_pixels(
    projection: Float, curvature: float, height: int, width: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns where the band along the arc is seen."""
    across = np.linspace(-_BAND_HALF_WIDTH_M, _BAND_HALF_WIDTH_M, 25)
    line = _arc(np.linspace(2.0, 50.0, 160), curvature)
    x = line[:, 0, None] - np.sin(line[:, 2, None]) * across
    y = line[:, 1, None] + np.cos(line[:, 2, None]) * across
    points = np.stack([x.ravel(), y.ravel(), np.zeros(x.size), np.ones(x.size)], 1) @ projection.T
    points = points[points[:, 2] > 0.5]
    u, v = points[:, 0] / points[:, 2], points[:, 1] / points[:, 2]
    inside = (np.abs(u) < 1.0) & (np.abs(v) < 1.0)
    columns = ((u[inside] + 1.0) * 0.5 * width).astype(np.int64)
    rows = ((v[inside] + 1.0) * 0.5 * height).astype(np.int64)
    return rows, columns
