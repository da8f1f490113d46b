"""Checkpoints: weights beside a manifest that says what they are.

    checkpoints/<experiment>/
      reasoning_seed42_best.pt            weights of the network alone (small enough to ship)
      reasoning_seed42_best.state.pt      what training needs to go on; may be missing
      reasoning_seed42_best.onnx          the exported network; may be missing
      reasoning_seed42_best.json          the manifest: written last, names every file with its SHA-256
      latest, best                        one line: the manifest that the word means

A checkpoint without its manifest does not exist; a file that is not what its manifest says is refused.
Reading a manifest needs neither torch nor training code.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from policies.durable import sha256_of, write_whole

SCHEMA_VERSION = 1
POINTERS = ("latest", "best")
SHIPPED = "shipped"
"""First word of the path of a checkpoint that comes with drivegate, such as "shipped/student"."""
WEIGHTS, STATE, ONNX = "weights", "state", "onnx"
_SUFFIXES = (".state.pt", ".pt", ".onnx", ".json")


class CheckpointError(RuntimeError):
    """A checkpoint is missing, damaged or not what it should be. The message says which and what to do."""


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file of a checkpoint: its name beside the manifest, its hash and size."""

    name: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a checkpoint is.

    Attributes:
        policy: family, such as "student"; says who can load it.
        model: configuration of the network; the family knows its shape.
        files: role ("weights", "state", "onnx") -> file.
        config: the whole training configuration.
        metrics: name -> value; closed-loop results have names such as "closed_loop/ds_lb2_1".
        provenance: git commit, data set's hash, seed, epoch, step, versions of software.
    """

    policy: str
    model: Mapping[str, Any]
    files: Mapping[str, FileEntry]
    config: Mapping[str, Any]
    metrics: Mapping[str, float]
    provenance: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        files = {
            role: {"name": f.name, "sha256": f.sha256, "bytes": f.bytes} for role, f in self.files.items()
        }
        return {
            "schema_version": SCHEMA_VERSION,
            "policy": self.policy,
            "model": dict(self.model),
            "files": files,
            "config": dict(self.config),
            "metrics": dict(self.metrics),
            "provenance": dict(self.provenance),
        }


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint on disk.

    Attributes:
        manifest_path: of the manifest.
        manifest: its content.
    """

    manifest_path: Path
    manifest: Manifest

    @property
    def identity(self) -> str:
        """Hash of what drives: weights, and the exported network if there is one. Metrics do not count."""
        files = self.manifest.files
        text = "\n".join(f"{role} {files[role].sha256}" for role in (WEIGHTS, ONNX) if role in files)
        return hashlib.sha256(text.encode()).hexdigest()

    def file(self, role: str) -> Path:
        """Path of a file whose hash has been verified.

        Raises:
            CheckpointError: there is none of this role, it is missing, or it is not what the manifest says.
        """
        entry = self.manifest.files.get(role)
        if entry is None:
            raise CheckpointError(f"{self.manifest_path} has no {role}. {_REMEDY.get(role, '')}".strip())
        path = self.manifest_path.parent / entry.name
        if not path.is_file():
            raise CheckpointError(f"{path} is missing; its manifest names it. Copy it there, or train again.")
        if path.stat().st_size != entry.bytes or sha256_of(path) != entry.sha256:
            raise CheckpointError(
                f"{path} is not the file that its manifest describes (SHA-256 differs): it was changed or"
                " only half copied. Copy it again with its manifest, or train again."
            )
        return path


_REMEDY = {
    ONNX: "Make it with: drivegate export CHECKPOINT",
    STATE: "Training cannot go on from it: it was shipped without the optimizer's state.",
}


def find_checkpoint(where: Path | str) -> Checkpoint:
    """Find a checkpoint.

    Args:
        where: the manifest, any of its files, a folder (then its `latest`), or `<folder>/latest` or `/best`;
            or `shipped/<family>`: the one that comes with drivegate, unless there is such a folder here.

    Raises:
        CheckpointError: there is none, or its manifest cannot be read.
    """
    path = Path(where)
    if path.parts[:1] == (SHIPPED,) and not path.exists():
        path = Path(__file__).parent / path
    if path.is_dir():
        path = path / POINTERS[0]
    if path.name in POINTERS:
        path = _follow(path)
    if path.suffix != ".json":
        path = path.with_name(stem_of(path) + ".json")
    if not path.is_file():
        raise CheckpointError(
            f"There is no checkpoint {where} (looked for {path}). Train one: drivegate train"
        )
    return Checkpoint(path, read_manifest(path))


def stem_of(path: Path) -> str:
    """Name of a checkpoint's file without what tells its files apart."""
    for suffix in _SUFFIXES:
        if path.name.endswith(suffix):
            return path.name.removesuffix(suffix)
    return path.name


def read_manifest(path: Path) -> Manifest:
    """Read a manifest.

    Raises:
        CheckpointError: not JSON, of a later version, or of another shape.
    """
    try:
        values = json.loads(path.read_bytes())
        version = values["schema_version"]
        if version > SCHEMA_VERSION:
            raise CheckpointError(
                f"{path} was made by a later drivegate (schema {version} > {SCHEMA_VERSION})."
            )
        files = {
            str(role): FileEntry(_plain_name(path, entry["name"]), str(entry["sha256"]), int(entry["bytes"]))
            for role, entry in values["files"].items()
        }
        return Manifest(
            policy=str(values["policy"]),
            model=dict(values["model"]),
            files=files,
            config=dict(values["config"]),
            metrics={str(k): float(v) for k, v in values["metrics"].items()},
            provenance=dict(values["provenance"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path} is not a checkpoint's manifest: {error!r}") from error


def _plain_name(path: Path, name: object) -> str:
    """A manifest may only name files beside it."""
    text = str(name)
    if Path(text).name != text or text in {"", ".", ".."}:
        raise CheckpointError(f"{path} names the file {text!r}, which is not beside it.")
    return text


def file_entry(path: Path) -> FileEntry:
    """Describe a file that is already in its place."""
    return FileEntry(path.name, sha256_of(path), path.stat().st_size)


def write_manifest(path: Path, manifest: Manifest) -> Checkpoint:
    """Write a manifest, after its files: all or nothing."""
    text = json.dumps(manifest.to_json(), indent=1, sort_keys=True, allow_nan=False) + "\n"
    write_whole(path, text.encode())
    return Checkpoint(path, manifest)


def point(folder: Path, word: str, manifest_path: Path) -> None:
    """Let `<folder>/<word>` mean a manifest in the folder."""
    write_whole(folder / word, f"{manifest_path.name}\n".encode())


def with_metrics(checkpoint: Checkpoint, metrics: Mapping[str, float]) -> Checkpoint:
    """Add metrics to a stored manifest."""
    merged = {**checkpoint.manifest.metrics, **metrics}
    return write_manifest(checkpoint.manifest_path, replace(checkpoint.manifest, metrics=merged))


def with_file(checkpoint: Checkpoint, role: str, path: Path) -> Checkpoint:
    """Add a file beside a stored manifest to it."""
    files = {**checkpoint.manifest.files, role: file_entry(path)}
    return write_manifest(checkpoint.manifest_path, replace(checkpoint.manifest, files=files))


def ship(checkpoint: Checkpoint, folder: Path) -> Checkpoint:
    """Put what driving needs, the exported network and a manifest, into a folder of its own.

    Raises:
        CheckpointError: it was not exported, or its file is damaged.
    """
    exported = checkpoint.file(ONNX)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / exported.name
    write_whole(path, exported.read_bytes())
    manifest = replace(checkpoint.manifest, files={ONNX: file_entry(path)})
    shipped = write_manifest(folder / checkpoint.manifest_path.name, manifest)
    point(folder, POINTERS[0], shipped.manifest_path)
    return shipped


def _follow(path: Path) -> Path:
    try:
        name = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise CheckpointError(f"There is no checkpoint {path}. Train one: drivegate train") from error
    return path.parent / _plain_name(path, name)
