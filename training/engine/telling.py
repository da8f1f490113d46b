"""Tells in sentences how a training gets on, where no progress bar is seen: in logs, in CI."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

_EVERY_S = 30.0
_SHOWN = ("train/loss", "val/loss", "val/ade_3s")


class Telling(Callback):
    """Says at the end of each epoch what it came to, and in between now and then when all will be over.

    Args:
        report: takes a sentence.
        between_epochs_only: where a progress bar shows the rest.
    """

    def __init__(self, report: Callable[[str], None], *, between_epochs_only: bool) -> None:
        self._report = report
        self._quiet = between_epochs_only
        self._begun_s = self._told_s = 0.0
        self._begun_step = self._steps = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: ARG002
        """Start the watch; an epoch that was resumed counts from here."""
        self._begun_s = self._told_s = time.monotonic()
        self._begun_step = self._steps = trainer.current_epoch * _batches(trainer)

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,  # noqa: ARG002
        outputs: Any,  # noqa: ARG002
        batch: Any,  # noqa: ARG002
        batch_idx: int,
    ) -> None:
        """Tell, if it was long ago."""
        self._steps = trainer.current_epoch * _batches(trainer) + batch_idx + 1
        now_s = time.monotonic()
        if not self._quiet and trainer.is_global_zero and now_s - self._told_s > _EVERY_S:
            self._told_s = now_s
            share = 100.0 * (batch_idx + 1) / _batches(trainer)
            self._report(f"{self._where(trainer)}, {share:.0f} %: {self._left(trainer)}")

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: ARG002
        """Tell what it came to."""
        if not trainer.is_global_zero:
            return
        self._told_s = time.monotonic()
        metrics = trainer.callback_metrics
        shown = ", ".join(f"{name} {float(metrics[name]):.3f}" for name in _SHOWN if name in metrics)
        self._report(f"{self._where(trainer)}: {shown}; {self._left(trainer)}")

    def _where(self, trainer: Trainer) -> str:
        return f"epoch {trainer.current_epoch + 1} of {trainer.max_epochs}"

    def _left(self, trainer: Trainer) -> str:
        done = self._steps - self._begun_step
        left = (trainer.max_epochs or 0) * _batches(trainer) - self._steps
        minutes = (time.monotonic() - self._begun_s) / max(done, 1) * left / 60.0
        return f"about {minutes:.1f} min left"


def _batches(trainer: Trainer) -> int:
    return max(int(trainer.num_training_batches), 1)
