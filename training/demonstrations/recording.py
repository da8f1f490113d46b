"""Recording: frames of one episode -> one Parquet file, `part.parquet`, beside the episode's record."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from policies.durable import put_in_place
from policies.expert import Decision
from policies.expert.intent import Intent
from policies.frames import wrap_angles_rad
from policies.interface import CameraSpec, LidarSpec
from policies.plan import Control
from policies.sensor_bundle import Command, Float, Privileged, RouteAhead, SensorBundle
from policies.student.config import PLAN_STEPS
from policies.student.features import command_ahead
from policies.student.observation import ObservationMemory
from training.demonstrations.features import (
    BOX,
    COLUMNS,
    IMAGE_PREFIX,
    MAX_BOXES,
    MAX_LIGHTS,
    ROUTE_POINTS,
    TARGETS_M,
    Feature,
    column,
    image_feature,
    scan_feature,
)
from training.demonstrations.sentences import sentence

PART = "part.parquet"
SCAN_PREFIX = "observation.lidar."
SCAN_POINTS = 16384
NOTHING_M = 1000.0
"""Distance of a stop sign that is not there."""


class Recording:
    """Collects the frames of an episode.

    Args:
        path: of the file to write.
        cameras: whose pictures are kept.
        lidars: whose scans are kept.
        jpeg_quality: 1 to 95.
    """

    def __init__(
        self, path: Path, cameras: Sequence[CameraSpec], lidars: Sequence[LidarSpec], jpeg_quality: int
    ) -> None:
        self._path = path
        self._quality = jpeg_quality
        self._features = features_of_rig(cameras, lidars)
        self._values: dict[str, list[Any]] = {name: [] for name in self._features}
        self._memory = ObservationMemory(frames=1)

    def add(
        self, bundle: SensorBundle, decision: Decision, intent: Intent, control: Control, *, expert: bool
    ) -> None:
        """Take a frame; ten a second.

        Args:
            bundle: what was seen.
            decision: of the expert.
            intent: of the expert.
            control: that was applied, with disturbances.
            expert: whether the expert drives.
        """
        self._memory.add(bundle)
        frame = {
            **self._views(bundle),
            **_motion(bundle, self._memory),
            **_route(bundle.route),
            **_labels(bundle.privileged),
        }
        command = Command(command_ahead(bundle.route))
        plan = np.column_stack([intent.position_in_ego, intent.yaw_in_ego_rad])
        frame |= {
            "observation.route.command": int(command),
            "action": (control.throttle, control.steer, control.brake),
            "teacher.plan": plan,
            "teacher.action": (decision.acceleration_mps2, decision.curvature),
            "teacher.error": (decision.lateral_error_m, decision.heading_error_rad),
            "teacher.reason": decision.reason.value,
            "teacher.text": sentence(
                decision.reason, command, bundle.ego.speed_mps, decision.acceleration_mps2
            ),
            "teacher.drives": int(expert),
            "tick": bundle.tick,
        }
        for name, value in frame.items():
            self._values[name].append(value)

    def write(self) -> None:
        """Write the file, with the futures that are known now; it appears whole or not at all."""
        futures, counts = _futures(np.array(self._values["pose_in_map"], dtype=np.float64).reshape(-1, 4))
        self._values["future"], self._values["future_count"] = list(futures), counts.tolist()
        table = pa.table(
            {name: column(feature, self._values[name]) for name, feature in self._features.items()}
        )
        self._path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._path.with_name(self._path.name + ".tmp")
        pq.write_table(table, temporary, compression="zstd")
        put_in_place(temporary, self._path)

    def _views(self, bundle: SensorBundle) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, image in bundle.views.images.items():
            buffer = io.BytesIO()
            Image.fromarray(image.rgb).save(buffer, "JPEG", quality=self._quality, subsampling=0)
            found[IMAGE_PREFIX + name] = buffer.getvalue()
        for name, scan in bundle.views.scans.items():
            points = np.zeros((SCAN_POINTS, 4), dtype=np.float32)
            seen = np.column_stack([scan.points_in_ego, scan.intensity])[:SCAN_POINTS]
            points[: len(seen)] = seen
            found[SCAN_PREFIX + name] = points
        return {name: value for name, value in found.items() if name in self._features}


def features_of_rig(cameras: Sequence[CameraSpec], lidars: Sequence[LidarSpec] = ()) -> Mapping[str, Feature]:
    """All columns of a part, for a rig."""
    return {
        **{IMAGE_PREFIX + camera.name: image_feature(camera) for camera in cameras},
        **{SCAN_PREFIX + lidar.name: scan_feature(SCAN_POINTS) for lidar in lidars},
        **COLUMNS,
    }


def _motion(bundle: SensorBundle, memory: ObservationMemory) -> dict[str, Any]:
    ego = bundle.ego
    seen = memory.observation(None)
    return {
        "observation.state": (
            ego.speed_mps,
            *ego.velocity_in_ego[:2].tolist(),
            *ego.acceleration_in_ego[:2].tolist(),
            ego.yaw_rate_radps,
            ego.steer,
        ),
        "observation.ego_history": np.hstack([seen.history_position_in_ego, seen.history_roll_pitch_yaw_rad]),
        "pose_in_map": (*ego.position_in_map.tolist(), ego.yaw_in_map_rad),
    }


def _route(route: RouteAhead) -> dict[str, Any]:
    count = min(len(route.distances_m), ROUTE_POINTS)
    last = np.minimum(np.arange(ROUTE_POINTS), count - 1)
    targets = [
        [float(np.interp(at_m, route.distances_m, route.points_in_ego[:, axis])) for axis in (0, 1)]
        for at_m in TARGETS_M
    ]
    return {
        "observation.route.points": route.points_in_ego[last],
        "observation.route.distances_m": route.distances_m[last],
        "observation.route.commands": route.commands[last],
        "observation.route.count": count,
        "observation.route.remaining_m": route.remaining_m,
        "observation.route.target_points": targets,
    }


def _labels(truth: Privileged | None) -> dict[str, Any]:
    if truth is None:
        raise ValueError("a demonstration needs the ground truth of its bundle")
    boxes = np.zeros((MAX_BOXES, len(BOX)))
    actors = truth.actors
    count = min(len(actors.ids), MAX_BOXES)
    boxes[:count] = np.column_stack(
        [
            actors.ids,
            actors.kinds,
            actors.position_in_ego,
            actors.yaw_in_ego_rad,
            actors.velocity_in_ego[:, :2],
            actors.size_m,
        ]
    )[:count]
    lights = np.zeros((MAX_LIGHTS, 3))
    shown = truth.lights[:MAX_LIGHTS]
    for row, light in enumerate(shown):
        lights[row] = light.id, light.state, light.stop_line_distance_m
    signs = [sign.stop_line_distance_m for sign in truth.stop_signs]
    return {
        "labels.boxes": boxes,
        "labels.box_count": count,
        "labels.lights": lights,
        "labels.light_count": len(shown),
        "labels.stop_sign_m": min(signs, default=NOTHING_M),
        "labels.speed_limit_mps": truth.speed_limit_mps,
    }


def _futures(poses: Float) -> tuple[Float, np.ndarray]:
    """Poses of frames in the map -> (N, 64, 3) where the car was after them, and how many of those are known.

    Beyond the end of the episode the last pose repeats.
    """
    count = len(poses)
    ahead = np.arange(count)[:, None] + np.arange(1, PLAN_STEPS + 1)
    later = poses[np.minimum(ahead, count - 1)]
    offset = later[..., :2] - poses[:, None, :2]
    c, s = np.cos(poses[:, 3])[:, None], np.sin(poses[:, 3])[:, None]
    x, y = c * offset[..., 0] + s * offset[..., 1], -s * offset[..., 0] + c * offset[..., 1]
    yaw = wrap_angles_rad(later[..., 3] - poses[:, None, 3])
    return np.stack([x, y, yaw], -1), np.minimum(count - 1 - np.arange(count), PLAN_STEPS)
