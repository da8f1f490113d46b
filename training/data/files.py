"""FileSource: samples from files of `training.data.layout`; and the writer of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from policies.frames import rotation_matrix
from policies.sensor_bundle import Float, RouteAhead
from policies.student.config import StudentConfig
from policies.student.observation import CameraHistory, Observation
from training.data import layout
from training.data.sample import Sample, SampleError, SampleSource


class FileSource:
    """Samples of one split.

    Args:
        labels: the labels file; its name gives the split.
        ego_history_dir: folder with the ego history, and the routes if there are any.
        frames_dir: folder with a folder of pictures per split.
        config: its cameras stand in where the files hold no calibrations.

    Raises:
        SampleError: names the file and what is wrong.
    """

    def __init__(self, labels: Path, ego_history_dir: Path, frames_dir: Path, config: StudentConfig) -> None:
        self.split = labels.name.removesuffix("_labels.npz")
        if self.split == labels.name:
            raise SampleError(f"{labels}: a labels file is named <split>_labels.npz")
        self._labels_path, self._frames_dir = labels, frames_dir
        self._labels = layout.read_arrays(labels, layout.LABELS)
        self._history_path = layout.ego_history_path(ego_history_dir, self.split)
        self._history = layout.read_arrays(self._history_path, layout.EGO_HISTORY)
        self._route_path = layout.route_path(ego_history_dir, self.split)
        self._routes = (
            layout.read_arrays(self._route_path, layout.ROUTE) if self._route_path.is_file() else None
        )
        for path, arrays in ((self._history_path, self._history), (self._route_path, self._routes)):
            count = len(self) if arrays is None else len(next(iter(arrays.values())))
            if count != len(self):
                raise SampleError(f"{path} has {count} samples, {labels} has {len(self)}: write both again")
        cameras = layout.cameras_path(frames_dir, self.split)
        if cameras.is_file():
            self._cameras = layout.read_cameras(cameras)
        else:
            self._cameras = [
                {
                    "name": spec.name,
                    "intrinsics": spec.intrinsics,
                    "position_in_ego": spec.position_in_ego,
                    "rotation_camera_to_ego": rotation_matrix(*spec.roll_pitch_yaw_rad),
                }
                for spec in config.camera_specs()
            ]

    @property
    def name(self) -> str:
        """For messages and manifests."""
        return f"files-{self.split}-{len(self)}"

    @property
    def sha256(self) -> str:
        """Of labels, history and routes, and the sizes of pictures (hashing those would take minutes)."""
        digest = hashlib.sha256()
        for path in (self._labels_path, self._history_path, self._route_path):
            if path.is_file():
                digest.update(path.read_bytes())
        for index in range(len(self)):
            path = layout.frames_path(self._frames_dir, self.split, index)
            digest.update(f"{path.name} {path.stat().st_size if path.is_file() else -1}".encode())
        return digest.hexdigest()

    def __len__(self) -> int:
        """Number of samples."""
        return len(self._labels["t0_us"])

    def sample(self, index: int) -> Sample:
        """Read one.

        Raises:
            SampleError: its pictures are missing, damaged, or of another moment.
        """
        labels, history = self._labels, self._history
        yaw = np.arctan2(labels["trajectory_rot"][index, :, 1, 0], labels["trajectory_rot"][index, :, 0, 0])
        return Sample(
            clip_id=str(labels["clip_ids"][index]),
            t0_us=int(labels["t0_us"][index]),
            observation=Observation(
                cameras=self._images(index),
                history_position_in_ego=history["ego_history_xyz"][index].astype(np.float64),
                history_roll_pitch_yaw_rad=roll_pitch_yaw(history["ego_history_rot"][index]),
                route=self._route(index),
            ),
            future_position_in_ego=labels["trajectory_xyz"][index].astype(np.float64),
            future_yaw_in_ego_rad=np.unwrap(yaw.astype(np.float64)),
            text=str(labels["coc_texts"][index]),
            text_embedding=labels["coc_embeddings"][index].astype(np.float64),
        )

    def _images(self, index: int) -> dict[str, CameraHistory]:
        path = layout.frames_path(self._frames_dir, self.split, index)
        arrays = layout.read_arrays(path, layout.FRAMES)
        if int(arrays["t0_us"]) != int(self._labels["t0_us"][index]):
            raise SampleError(
                f"{path} is of {int(arrays['t0_us'])} us, sample {index} of {self._labels_path} of"
                f" {int(self._labels['t0_us'][index])} us: the files do not belong together"
            )
        if len(arrays["frames"]) != len(self._cameras):
            raise SampleError(f"{path} has {len(arrays['frames'])} cameras, not {len(self._cameras)}")
        return {
            camera["name"]: CameraHistory(
                frames,
                np.asarray(camera["intrinsics"], dtype=np.float64),
                np.asarray(camera["position_in_ego"], dtype=np.float64),
                np.asarray(camera["rotation_camera_to_ego"], dtype=np.float64),
            )
            for camera, frames in zip(self._cameras, arrays["frames"], strict=True)
        }

    def _route(self, index: int) -> RouteAhead | None:
        if self._routes is None:
            return None
        count = int(self._routes["counts"][index])
        return RouteAhead(
            points_in_ego=self._routes["points"][index, :count].astype(np.float64),
            commands=self._routes["commands"][index, :count].astype(np.int64),
            distances_m=self._routes["distances"][index, :count].astype(np.float64),
            remaining_m=float(self._routes["remaining"][index]),
        )


def write_split(
    source: SampleSource,
    labels_dir: Path,
    frames_dir: Path,
    split: str,
    advance: Callable[[int, int], None] | None = None,
) -> Path:
    """Write all samples of a source as files; labels last, so that a broken-off split is no split.

    Returns:
        Path of the labels.
    """
    samples = []
    for index in range(len(source)):
        sample = source.sample(index)
        cameras = sample.observation.cameras
        frames = np.stack([camera.rgb for camera in cameras.values()])
        age_us = (np.arange(frames.shape[1]) - frames.shape[1] + 1) * 100_000
        layout.write_arrays(
            layout.frames_path(frames_dir, split, index),
            {"frames": frames, "t0_us": np.int64(sample.t0_us), "timestamps": sample.t0_us + age_us},  # type: ignore[dict-item]
            layout.FRAMES,
        )
        if index == 0:
            text = json.dumps(
                [
                    {
                        "name": name,
                        "intrinsics": camera.intrinsics.tolist(),
                        "position_in_ego": camera.position_in_ego.tolist(),
                        "rotation_camera_to_ego": camera.rotation_camera_to_ego.tolist(),
                    }
                    for name, camera in cameras.items()
                ]
            )
            layout.cameras_path(frames_dir, split).write_text(text)
        # Pictures are on disk now; keeping them too would fill the memory.
        samples.append(replace(sample, observation=replace(sample.observation, cameras={})))
        if advance is not None:
            advance(index + 1, len(source))
    history = {
        "ego_history_xyz": np.stack([s.observation.history_position_in_ego for s in samples]),
        "ego_history_rot": np.stack([_matrices(s.observation.history_roll_pitch_yaw_rad) for s in samples]),
    }
    layout.write_arrays(layout.ego_history_path(labels_dir, split), history, layout.EGO_HISTORY)
    routes = [s.observation.route for s in samples if s.observation.route is not None]
    if len(routes) == len(samples):
        layout.write_arrays(layout.route_path(labels_dir, split), _route_arrays(routes), layout.ROUTE)
    path = layout.labels_path(labels_dir, split)
    layout.write_arrays(path, label_arrays(samples), layout.LABELS)
    return path


def label_arrays(samples: list[Sample]) -> layout.Arrays:
    """Labels of samples as they are stored."""
    yaw = np.stack([s.future_yaw_in_ego_rad for s in samples])
    angles = np.stack([np.zeros_like(yaw), np.zeros_like(yaw), yaw], -1)
    return {
        "clip_ids": np.array([s.clip_id for s in samples]),
        "t0_us": np.array([s.t0_us for s in samples], dtype=np.int64),
        "trajectory_xyz": np.stack([s.future_position_in_ego for s in samples]).astype(np.float32),
        "trajectory_rot": np.stack([_matrices(a) for a in angles]).astype(np.float32),
        "coc_texts": np.array([s.text for s in samples], dtype=np.str_),
        "coc_embeddings": np.stack([s.text_embedding for s in samples]).astype(np.float32),
    }


def roll_pitch_yaw(rotations: np.ndarray) -> Float:
    """(N, 3, 3) matrices -> (N, 3) roll, pitch, yaw; the inverse of `policies.frames.rotation_matrix`."""
    r = rotations.astype(np.float64)
    return np.stack(
        [
            np.arctan2(r[:, 2, 1], r[:, 2, 2]),
            np.arcsin(np.clip(-r[:, 2, 0], -1.0, 1.0)),
            np.arctan2(r[:, 1, 0], r[:, 0, 0]),
        ],
        1,
    )


def _matrices(angles: Float) -> Float:
    return np.stack([rotation_matrix(*row) for row in angles])


def _route_arrays(routes: list[RouteAhead]) -> layout.Arrays:
    longest = max(len(route.distances_m) for route in routes)

    def padded(values: np.ndarray) -> np.ndarray:
        return np.concatenate([values, np.repeat(values[-1:], longest - len(values), axis=0)])

    return {
        "points": np.stack([padded(r.points_in_ego) for r in routes]).astype(np.float32),
        "commands": np.stack([padded(r.commands) for r in routes]),
        "distances": np.stack([padded(r.distances_m) for r in routes]).astype(np.float32),
        "counts": np.array([len(r.distances_m) for r in routes], dtype=np.int64),
        "remaining": np.array([r.remaining_m for r in routes], dtype=np.float32),
    }
