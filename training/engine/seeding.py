"""Randomness of training follows from (seed, epoch, rank), so that going on equals never stopping."""

from __future__ import annotations

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from harness.seeds import derive_seed


class EpochSeed(Callback):
    """Seeds torch anew in every epoch: dropout and augmentation need no stored generator state."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: ARG002
        """Seed the CPU's and all GPUs' generators."""
        torch.manual_seed(derive_seed(self._seed, "epoch", trainer.current_epoch, trainer.global_rank))
