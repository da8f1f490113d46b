"""manifest.json of a collection, written last: what it was made from and the hash of every file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from harness.record.files import sha256_of, write_atomically
from policies.frames import rotation_matrix
from policies.interface import CameraSpec
from training.data.sample import SampleError

MANIFEST = "manifest.json"
SCHEMA = 1
CONTENT = ("meta", "data", "lanes")
"""Folders of a data set."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class EpisodeEntry(_Strict):
    """One episode of a data set.

    Attributes:
        episode_index: in the data set.
        split: it belongs to.
        route_id, town, route_key: what was driven; the key is a hash of where it goes.
        weather: parameters.
        traffic: background vehicles.
        seed: of the episode.
        outcome: of the drive.
        frames: kept; recorded: before bad ones at its end were cut.
    """

    episode_index: int
    split: str
    route_id: str
    town: str
    route_key: str
    weather: dict[str, float]
    traffic: int
    seed: int
    outcome: str
    frames: int
    recorded: int


class RejectedEntry(_Strict):
    """An episode that was driven and left out."""

    route_id: str
    traffic: int
    reason: str


class CameraEntry(_Strict):
    """Calibration of a camera; axes as of `policies.sensor_bundle.CameraImage`."""

    name: str
    width: int
    height: int
    intrinsics: list[list[float]]
    position_in_ego: list[float]
    rotation_camera_to_ego: list[list[float]]

    @classmethod
    def of(cls, spec: CameraSpec) -> CameraEntry:
        """Of a camera as a policy asks for it."""
        return cls(
            name=spec.name,
            width=spec.width,
            height=spec.height,
            intrinsics=spec.intrinsics.tolist(),
            position_in_ego=list(spec.position_in_ego),
            rotation_camera_to_ego=rotation_matrix(*spec.roll_pitch_yaw_rad).tolist(),
        )


class Manifest(_Strict):
    """What a collection is.

    Attributes:
        schema_version: of this file.
        config: whole, as asked for.
        driver: settings of the driver, with the hash of the checkpoint that drove.
        versions: of software.
        server: what simulated.
        cameras: in the order of the rig.
        episodes, rejected: see there.
        files: path -> SHA-256 of all of `meta`, `data` and `lanes`.
    """

    schema_version: int
    config: dict[str, Any]
    driver: dict[str, Any]
    versions: dict[str, str]
    server: str
    cameras: list[CameraEntry]
    episodes: list[EpisodeEntry]
    rejected: list[RejectedEntry]
    files: dict[str, str]

    @property
    def sha256(self) -> str:
        """Hash of the content: of the files and of who is in which split."""
        lines = [f"{path} {sha}" for path, sha in sorted(self.files.items())]
        lines += [f"{episode.episode_index} {episode.split}" for episode in self.episodes]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a data set.

    Raises:
        SampleError: there is none, or it is not one.
    """
    path = folder / MANIFEST
    try:
        found = Manifest.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise SampleError(
            f"{folder} holds no finished demonstrations ({MANIFEST} is missing): collect them with drivegate"
            f" collect --out {folder} --resume"
        ) from error
    except ValidationError as error:
        problem = error.errors()[0]
        raise SampleError(
            f"{path}: {'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}; collect again"
        ) from error
    if found.schema_version != SCHEMA:
        raise SampleError(
            f"{path} is of version {found.schema_version}, this drivegate reads {SCHEMA}: collect again, or"
            " update"
        )
    return found


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write it; from now on the data set is complete."""
    write_atomically(folder / MANIFEST, json.loads(manifest.model_dump_json()))


def content_files(folder: Path) -> Iterable[Path]:
    """All files of a data set, in order."""
    return sorted(path for part in CONTENT for path in (folder / part).rglob("*") if path.is_file())


def hash_files(folder: Path) -> dict[str, str]:
    """Path -> SHA-256 of all files of a data set."""
    return {path.relative_to(folder).as_posix(): sha256_of(path) for path in content_files(folder)}


def verify_files(folder: Path, manifest: Manifest) -> None:
    """Make sure that the files are those of the manifest.

    Raises:
        SampleError: names the first file that is missing, changed or not listed.
    """
    there = hash_files(folder)
    for name, wanted in manifest.files.items():
        if name not in there:
            raise SampleError(f"{folder / name} is missing: restore it, or collect again")
        if there[name] != wanted:
            raise SampleError(
                f"{folder / name} has changed since it was collected (sha256 {there[name][:12]}, the manifest"
                f" says {wanted[:12]}): restore it, or collect again"
            )
    extra = sorted(set(there) - set(manifest.files))
    if extra:
        raise SampleError(f"{folder / extra[0]} is not in {MANIFEST}: take it away")
