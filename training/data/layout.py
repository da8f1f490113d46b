"""Student files in the layout of alpamayo-r1-distilled, without pickles.

    {labels}/{split}_labels.npz        clip_ids, t0_us, trajectory_xyz (N, 64, 3), trajectory_rot (N, 64,
    3, 3),
                                       coc_texts, coc_embeddings (N, 384)
    {labels}/{split}_ego_history.npz   ego_history_xyz (N, 16, 3), ego_history_rot (N, 16, 3, 3)
    {frames}/{split}/sample_00000.npz  frames (C, F, H, W, 3) uint8, t0_us, timestamps (F,) us

The original stores texts as pickled objects; here they are fixed-width Unicode, and files with pickles
are refused. Two additions of ours, both optional when reading:

    {labels}/{split}_route.npz         points (N, R, 3), commands and distances (N, R), counts, remaining (N,)
    {frames}/{split}/cameras.json      names, intrinsics and poses of the cameras, in the order of `frames`
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from policies.durable import put_in_place
from policies.student.config import HISTORY_STEPS, PLAN_STEPS, TEXT_DIM
from training.data.sample import SampleError

Arrays = dict[str, np.ndarray]
_ANY = -1


@dataclass(frozen=True, slots=True)
class Spec:
    """What an array must look like: kind of its dtype, and its shape after the sample axis (-1: any)."""

    kind: str
    shape: tuple[int, ...]
    per_sample: bool = True


LABELS: Mapping[str, Spec] = {
    "clip_ids": Spec("U", ()),
    "t0_us": Spec("i", ()),
    "trajectory_xyz": Spec("f", (PLAN_STEPS, 3)),
    "trajectory_rot": Spec("f", (PLAN_STEPS, 3, 3)),
    "coc_texts": Spec("U", ()),
    "coc_embeddings": Spec("f", (TEXT_DIM,)),
}
EGO_HISTORY: Mapping[str, Spec] = {
    "ego_history_xyz": Spec("f", (HISTORY_STEPS, 3)),
    "ego_history_rot": Spec("f", (HISTORY_STEPS, 3, 3)),
}
ROUTE: Mapping[str, Spec] = {
    "points": Spec("f", (_ANY, 3)),
    "commands": Spec("i", (_ANY,)),
    "distances": Spec("f", (_ANY,)),
    "counts": Spec("i", ()),
    "remaining": Spec("f", ()),
}
FRAMES: Mapping[str, Spec] = {
    "frames": Spec("u", (_ANY, _ANY, _ANY, _ANY, 3), per_sample=False),
    "t0_us": Spec("i", (), per_sample=False),
    "timestamps": Spec("i", (_ANY,), per_sample=False),
}


def labels_path(folder: Path, split: str) -> Path:
    """Path of a split's labels."""
    return folder / f"{split}_labels.npz"


def ego_history_path(folder: Path, split: str) -> Path:
    """Path of a split's ego history."""
    return folder / f"{split}_ego_history.npz"


def route_path(folder: Path, split: str) -> Path:
    """Path of a split's routes."""
    return folder / f"{split}_route.npz"


def frames_path(folder: Path, split: str, index: int) -> Path:
    """Path of a sample's pictures."""
    return folder / split / f"sample_{index:05d}.npz"


def cameras_path(folder: Path, split: str) -> Path:
    """Path of a split's camera calibrations."""
    return folder / split / "cameras.json"


def read_arrays(path: Path, specs: Mapping[str, Spec]) -> Arrays:
    """Read a file and check every array.

    Raises:
        SampleError: missing, not an npz, with pickles, or an array is missing, misshapen or not finite.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in specs if name in archive.files}
    except FileNotFoundError as error:
        raise SampleError(f"{path} is missing. Write it with: drivegate data label (see --help)") from error
    except ValueError as error:
        pickled = "Object arrays" in str(error) or "pickle" in str(error).lower()
        why = "holds pickled objects, which may run code when read: write it again" if pickled else f"{error}"
        raise SampleError(f"{path}: {why}") from error
    except (OSError, EOFError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise SampleError(f"{path} is damaged ({error}): write it again") from error
    check_arrays(path, arrays, specs)
    return arrays


def check_arrays(path: Path, arrays: Mapping[str, np.ndarray], specs: Mapping[str, Spec]) -> None:
    """Check arrays against what they must look like.

    Raises:
        SampleError: names the file, the array, and the first sample at fault.
    """
    counts = set()
    for name, spec in specs.items():
        if name not in arrays:
            raise SampleError(f"{path} has no array {name!r}; there are: {', '.join(sorted(arrays))}")
        array = arrays[name]
        shape = array.shape[1:] if spec.per_sample else array.shape
        fits = len(shape) == len(spec.shape) and all(
            want in (_ANY, have) for have, want in zip(shape, spec.shape, strict=True)
        )
        if array.dtype.kind != spec.kind or not fits or (spec.per_sample and array.ndim < 1):
            raise SampleError(
                f"{path}: {name} is {array.dtype} {array.shape}, not {spec.kind} (N, {spec.shape})"
            )
        if spec.per_sample:
            counts.add(len(array))
        if spec.kind == "f" and not np.isfinite(array).all():
            axes = tuple(range(1, array.ndim))
            bad = np.flatnonzero(~np.isfinite(array).all(axis=axes)) if spec.per_sample else np.array([0])
            raise SampleError(f"{path}: {name} of sample {int(bad[0])} has values that are not finite")
    if len(counts) > 1:
        raise SampleError(f"{path}: arrays of different lengths {sorted(counts)}")
    for name in ("trajectory_rot", "ego_history_rot"):
        if name in specs:
            _check_rotations(path, name, arrays[name])


def _check_rotations(path: Path, name: str, rotations: np.ndarray) -> None:
    product = rotations @ np.swapaxes(rotations, -1, -2)
    off = np.abs(product - np.eye(3)).max(axis=(-1, -2)) + np.abs(np.linalg.det(rotations) - 1.0)
    bad = np.flatnonzero((off > 1e-3).any(axis=1))
    if len(bad):
        raise SampleError(f"{path}: {name} of sample {int(bad[0])} is not a rotation")


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray], specs: Mapping[str, Spec]) -> None:
    """Check and write; the file appears whole or not at all.

    Raises:
        SampleError: as `check_arrays`.
    """
    check_arrays(path, arrays, specs)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **{name: arrays[name] for name in specs})
    put_in_place(temporary, path)


def read_cameras(path: Path) -> list[dict[str, Any]]:
    """Read calibrations: a list of {name, intrinsics, position_in_ego, rotation_camera_to_ego}.

    Raises:
        SampleError: not such a file.
    """
    try:
        cameras = json.loads(path.read_bytes())
        for camera in cameras:
            shapes = [
                np.shape(camera[k]) for k in ("intrinsics", "position_in_ego", "rotation_camera_to_ego")
            ]
            if shapes != [(3, 3), (3,), (3, 3)] or not isinstance(camera["name"], str):
                raise SampleError(f"{path}: camera {camera.get('name')!r} has shapes {shapes}")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, SampleError):
            raise
        raise SampleError(f"{path} is not a file of camera calibrations: {error!r}") from error
    return list(cameras)
