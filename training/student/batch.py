"""Samples -> batches of tensors."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, default_collate

from policies.student.config import StudentConfig
from policies.student.features import features_of
from policies.unicycle import invert
from training.data.sample import Sample, SampleSource

UNKNOWN_LIGHT = -1


class StudentBatch(NamedTuple):
    """Input and targets of B moments. The first six are `policies.student.features.Features`.

    Attributes:
        target: (B, 64, 4) x, y m, sine and cosine of yaw.
        target_actions: (B, 64, 2) acceleration and curvature that drive there, within bounds.
        target_text: (B, 384) the teacher's embedding; zeros without text.
        target_light: (B,) int64 of `policies.student.config.Light`, or -1.
    """

    images: Tensor
    ego_to_image: Tensor
    ego_history: Tensor
    v0_mps: Tensor
    route: Tensor
    command: Tensor
    target: Tensor
    target_actions: Tensor
    target_text: Tensor
    target_light: Tensor

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """What the network takes, in its order."""
        return tuple(self[:6])


def example(sample: Sample, config: StudentConfig) -> StudentBatch:
    """One moment as arrays without a batch axis."""
    features = features_of(sample.observation, config)
    yaw = sample.future_yaw_in_ego_rad
    poses = np.concatenate([sample.future_position_in_ego[:, :2], yaw[:, None]], 1)
    actions = invert(poses, float(features.v0_mps))
    bounds = np.array([config.acceleration_bound_mps2, config.curvature_bound_radpm])
    target = np.concatenate([poses[:, :2], np.sin(yaw)[:, None], np.cos(yaw)[:, None]], 1)
    light = UNKNOWN_LIGHT if sample.light is None else int(sample.light)
    targets = [target, np.clip(actions, -bounds, bounds), sample.text_embedding, light]
    tensors = [torch.as_tensor(np.asarray(a)) for a in (*features.arrays().values(), *targets)]
    return StudentBatch(*(t.float() if t.is_floating_point() else t for t in tensors))


class StudentDataset(Dataset[StudentBatch]):
    """A source as a torch data set; reads in whatever process asks."""

    def __init__(
        self, source: SampleSource, config: StudentConfig, limit: int = 0, cache_gib: float = 0.0
    ) -> None:
        """Take the first `limit` samples, or all for 0; keep what was read, as far as `cache_gib` goes."""
        self._source, self._config = source, config
        self._count = min(len(source), limit) if limit else len(source)
        self._kept: dict[int, StudentBatch] = {}
        self._room_bytes = int(cache_gib * 2**30)

    def __len__(self) -> int:
        """Number of samples."""
        return self._count

    def __getitem__(self, index: int) -> StudentBatch:
        """One moment."""
        kept = self._kept.get(index)
        if kept is not None:
            return kept
        made = example(self._source.sample(index), self._config)
        size = sum(tensor.numel() * tensor.element_size() for tensor in made)
        if size <= self._room_bytes:
            self._room_bytes -= size
            self._kept[index] = made
        return made


def collate(examples: list[StudentBatch]) -> StudentBatch:
    """Add the batch axis."""
    batch = default_collate(examples)
    return StudentBatch(*batch)
