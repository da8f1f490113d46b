"""Tiny students and checkpoints for tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from policies.checkpoint import WEIGHTS, Checkpoint, Manifest, file_entry, write_manifest
from policies.interface import EgoGeometry, EpisodeContext
from policies.sensor_bundle import CameraImage, EgoState, RouteAhead, SensorBundle, Views
from policies.student.config import StudentConfig, student_config

TINY: Mapping[str, Any] = {
    "image_height": 32,
    "image_width": 48,
    "frames": 2,
    "backbone_stages": 2,
    "dim": 32,
    "heads": 2,
    "layers": 1,
    "ffn": 64,
    "bev_cell_m": 8.0,
}


def tiny(**changes: Any) -> StudentConfig:
    """A student that answers in milliseconds."""
    return student_config("nano", **{**TINY, **changes})


def checkpoint_of(folder: Path, config: StudentConfig, seed: int = 0, **actions: float) -> Checkpoint:
    """Random weights; `acceleration` and `curvature`, in standard deviations, make the actions constant."""
    import torch

    from policies.nets.student import Student
    from policies.nets.weights import save_tensors

    torch.manual_seed(seed)
    net = Student(config)
    if actions:
        last = net.plan_head.layers[-1]
        assert isinstance(last, torch.nn.Linear)
        torch.nn.init.zeros_(last.weight)
        last.bias.data = torch.tensor([actions.get("acceleration", 0.0), actions.get("curvature", 0.0)])
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "baseline_seed0_best.pt"
    save_tensors(path, net.state_dict())
    manifest = Manifest("student", config.to_json(), {WEIGHTS: file_entry(path)}, {}, {}, {})
    return write_manifest(folder / "baseline_seed0_best.json", manifest)


def bundle(config: StudentConfig, tick: int, speed_mps: float = 5.0, yaw_rad: float = 0.3) -> SensorBundle:
    """What a student sees at a tick of a straight drive; every tick's pictures are different."""
    t_s = 0.05 * tick
    images = {}
    for spec in config.camera_specs():
        rng = np.random.default_rng(tick)
        rgb = rng.integers(0, 256, (spec.height, spec.width, 3), dtype=np.uint8)
        images[spec.name] = CameraImage(
            rgb=rgb,
            intrinsics=spec.intrinsics,
            position_in_ego=np.array(spec.position_in_ego),
            rotation_camera_to_ego=np.eye(3),
        )
    along = speed_mps * t_s
    ego = EgoState(
        speed_mps=speed_mps,
        velocity_in_ego=np.array([speed_mps, 0.0, 0.0]),
        acceleration_in_ego=np.zeros(3),
        yaw_rate_radps=0.0,
        steer=0.0,
        position_in_map=np.array([10.0 + along * np.cos(yaw_rad), -4.0 + along * np.sin(yaw_rad), 0.0]),
        yaw_in_map_rad=yaw_rad,
    )
    distances = np.arange(0.0, 60.0)
    points = np.stack([distances, np.zeros(60), np.zeros(60)], 1)
    route = RouteAhead(points, np.zeros(60, dtype=np.int64), distances, remaining_m=60.0)
    return SensorBundle(tick, t_s, 0.05, ego, route, None, Views(images, {}))


def context() -> EpisodeContext:
    """Of an episode with a car of ordinary size."""
    return EpisodeContext(1, 0.05, EgoGeometry(4.9, 2.1, 1.5, 1.45, 2.9), None)
