"""Verify: is a data set what its manifest says, and can a student be trained on all of it?"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from policies.student.config import StudentConfig
from policies.student.features import features_of
from training.data.sample import SampleError
from training.demonstrations.config import CollectConfig
from training.demonstrations.lerobot import INFO, VERSION
from training.demonstrations.manifest import Manifest, read_manifest, verify_files
from training.demonstrations.source import DemonstrationSource, Selection
from training.demonstrations.splits import check_disjoint


@dataclass(frozen=True, slots=True)
class SplitSummary:
    """What a split holds."""

    split: str
    episodes: int
    samples: int
    sentences: int


def student_of(manifest: Manifest) -> StudentConfig:
    """A student that sees what a data set holds."""
    settings = CollectConfig.model_validate(manifest.config).driver_settings()
    return replace(
        StudentConfig(),
        cameras=settings.cameras,
        image_height=settings.image_height,
        image_width=settings.image_width,
    )


def verify_demonstrations(
    folder: Path, advance: Callable[[int, int], None] | None = None
) -> tuple[SplitSummary, ...]:
    """Hash all files, compare what they say of each other, and read every sample as training would.

    Args:
        folder: of the data set.
        advance: told how many samples of a split have been read, of how many.

    Raises:
        SampleError: the first thing that is wrong. SplitError: a route is in two splits.
    """
    manifest = read_manifest(folder)
    verify_files(folder, manifest)
    check_disjoint(entry.model_dump() for entry in manifest.episodes)
    _check_info(folder, manifest)
    config = student_of(manifest)
    found = []
    for split in dict.fromkeys(entry.split for entry in manifest.episodes):
        source = DemonstrationSource(folder, split, config, Selection())
        texts = set()
        for index in range(len(source)):
            sample = source.sample(index)
            features_of(sample.observation, config)
            texts.add(sample.text)
            if advance is not None:
                advance(index + 1, len(source))
        episodes = sum(entry.split == split for entry in manifest.episodes)
        found.append(SplitSummary(split, episodes, len(source), len(texts)))
    return tuple(found)


def _check_info(folder: Path, manifest: Manifest) -> None:
    path = folder / INFO
    try:
        info = json.loads(path.read_bytes())
        said = info["codebase_version"], info["total_episodes"], info["total_frames"]
    except (OSError, ValueError, KeyError) as error:
        raise SampleError(f"{path} is damaged ({error!r}): restore it, or collect again") from error
    frames = sum(entry.frames for entry in manifest.episodes)
    if said != (VERSION, len(manifest.episodes), frames):
        raise SampleError(
            f"{path} says {said}, the manifest {(VERSION, len(manifest.episodes), frames)}: collect again"
        )
