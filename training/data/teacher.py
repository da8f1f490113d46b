"""Teachers: who says how to drive and why. A sample goes in, a trajectory and a sentence come out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from policies.sensor_bundle import Float
from training.data.sample import Sample, SampleError, SampleSource
from training.data.text import TextEncoder


@dataclass(frozen=True, slots=True)
class TeacherLabel:
    """What a teacher says of one moment.

    Attributes:
        position_in_ego: (64, 3) m, 0.1 s to 6.4 s ahead.
        yaw_in_ego_rad: (64,).
        text: why.
    """

    position_in_ego: Float
    yaw_in_ego_rad: Float
    text: str


class Teacher(Protocol):
    """Someone who labels samples."""

    name: str

    def label(self, sample: Sample) -> TeacherLabel:
        """Label one."""
        ...


class ExpertTeacher:
    """The recorded expert itself: what it drove, and the reason that it gave while driving."""

    name = "expert"

    def label(self, sample: Sample) -> TeacherLabel:
        """Hand on what was recorded."""
        return TeacherLabel(sample.future_position_in_ego, sample.future_yaw_in_ego_rad, sample.text)


def _expert(model: str) -> Teacher:  # noqa: ARG001 - it has no weights
    return ExpertTeacher()


def _alpamayo(model: str) -> Teacher:
    from training.data.alpamayo import AlpamayoTeacher

    return AlpamayoTeacher(model)


TEACHERS: Mapping[str, Callable[[str], Teacher]] = {"expert": _expert, "alpamayo": _alpamayo}


def teacher(name: str, model: str = "") -> Teacher:
    """Build a teacher.

    Args:
        name: "expert" or "alpamayo".
        model: folder or hub name of its weights, where it has any.

    Raises:
        SampleError: no such teacher, or it cannot run here.
    """
    if name not in TEACHERS:
        raise SampleError(f"no teacher {name!r}; there are: {', '.join(TEACHERS)}")
    return TEACHERS[name](model)


class TaughtSource:
    """A source whose labels come from a teacher; everything else stays."""

    def __init__(self, source: SampleSource, by: Teacher, encoder: TextEncoder) -> None:
        self._source, self._teacher, self._encoder = source, by, encoder

    @property
    def name(self) -> str:
        """For messages and manifests."""
        return f"{self._source.name}-{self._teacher.name}-{self._encoder.name}"

    @property
    def sha256(self) -> str:
        """Of the source; a teacher that samples is not repeatable, so the written labels are what counts."""
        return self._source.sha256

    def __len__(self) -> int:
        """Number of samples."""
        return len(self._source)

    def sample(self, index: int) -> Sample:
        """Read and label one."""
        sample = self._source.sample(index)
        label = self._teacher.label(sample)
        return replace(
            sample,
            future_position_in_ego=label.position_in_ego,
            future_yaw_in_ego_rad=label.yaw_in_ego_rad,
            text=label.text,
            text_embedding=self._encoder.encode([label.text])[0],
        )


class Shard:
    """Every n-th sample of a source: what one of several GPUs labels."""

    def __init__(self, source: SampleSource, shard: int, num_shards: int) -> None:
        if not 0 <= shard < num_shards:
            raise SampleError(f"shard {shard} of {num_shards}: there are 0 to {num_shards - 1}")
        self._source = source
        self._indices = np.arange(shard, len(source), num_shards)
        self._title = f"shard{shard}of{num_shards}"

    @property
    def name(self) -> str:
        """For messages and manifests."""
        return f"{self._source.name}-{self._title}"

    @property
    def sha256(self) -> str:
        """Of the whole source."""
        return self._source.sha256

    def __len__(self) -> int:
        """Number of samples of the shard."""
        return len(self._indices)

    def sample(self, index: int) -> Sample:
        """Read one."""
        return self._source.sample(int(self._indices[index]))


def shard_paths(folder: Path, split: str, num_shards: int) -> Iterator[Path]:
    """Paths of the label shards of a split."""
    for shard in range(num_shards):
        yield folder / f"{split}_labels.shard{shard}of{num_shards}.npz"
