"""Label shards: what several GPUs wrote -> one file; and the check of a whole split."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from policies.student.config import StudentConfig
from policies.student.features import features_of
from training.data import layout
from training.data.files import FileSource, label_arrays
from training.data.sample import SampleError, SampleSource
from training.data.teacher import Shard, shard_paths


def write_labels(source: SampleSource, folder: Path, split: str, shard: int = 0, num_shards: int = 1) -> Path:
    """Write the labels of a source, or of one shard of it; a shard that is there already is left as it is."""
    path = (
        list(shard_paths(folder, split, num_shards))[shard]
        if num_shards > 1
        else layout.labels_path(folder, split)
    )
    part: SampleSource = Shard(source, shard, num_shards) if num_shards > 1 else source
    if path.is_file() and len(layout.read_arrays(path, layout.LABELS)["t0_us"]) == len(part):
        return path
    layout.write_arrays(path, label_arrays([part.sample(i) for i in range(len(part))]), layout.LABELS)
    return path


def merge_shards(folder: Path, split: str, num_shards: int) -> Path:
    """Put label shards together in the order of the samples. The shards stay.

    Raises:
        SampleError: a shard is missing or damaged, their lengths do not interleave, or a moment is there
        twice.
    """
    parts = [layout.read_arrays(path, layout.LABELS) for path in shard_paths(folder, split, num_shards)]
    counts = [len(part["t0_us"]) for part in parts]
    total = sum(counts)
    wanted = [len(range(shard, total, num_shards)) for shard in range(num_shards)]
    if counts != wanted:
        raise SampleError(f"{folder}: shards of {split} have {counts} samples, together {wanted} would fit")
    merged: layout.Arrays = {}
    for name in layout.LABELS:
        columns = [part[name] for part in parts]
        kind = np.result_type(*columns)
        whole = np.empty((total, *columns[0].shape[1:]), dtype=kind)
        for shard, column in enumerate(columns):
            whole[shard::num_shards] = column
        merged[name] = whole
    moments = set(zip(merged["clip_ids"].tolist(), merged["t0_us"].tolist(), strict=True))
    if len(moments) != total:
        raise SampleError(f"{folder}: {total - len(moments)} moments of {split} are in more than one shard")
    path = layout.labels_path(folder, split)
    layout.write_arrays(path, merged, layout.LABELS)
    return path


@dataclass(frozen=True, slots=True)
class SplitReport:
    """What a verified split holds."""

    samples: int
    clips: int
    with_text: int
    with_route: bool


def verify_split(labels: Path, ego_history_dir: Path, frames_dir: Path, config: StudentConfig) -> SplitReport:
    """Read every sample of a split as training would.

    Raises:
        SampleError: the first thing that is wrong. ObservationError: the pictures do not fit the model.
    """
    source = FileSource(labels, ego_history_dir, frames_dir, config)
    clips, texts, routes = set(), 0, 0
    for index in range(len(source)):
        sample = source.sample(index)
        features_of(sample.observation, config)
        clips.add(sample.clip_id)
        texts += bool(sample.text)
        routes += sample.observation.route is not None
    return SplitReport(len(source), len(clips), texts, routes == len(source))
