"""Small callbacks that every recipe uses: throughput, a time budget."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer


class Throughput(Callback):
    """Logs training samples per second and peak GPU memory, once per epoch."""

    def __init__(self, batch_size: int) -> None:
        self._batch_size = batch_size
        self._begun = 0.0
        self._batches = 0
        self.samples_per_s = 0.0

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: ARG002
        """Start the watch."""
        self._begun, self._batches = time.perf_counter(), 0

    def on_train_batch_end(
        self,
        trainer: Trainer,  # noqa: ARG002
        pl_module: LightningModule,  # noqa: ARG002
        outputs: Any,  # noqa: ARG002
        batch: Any,  # noqa: ARG002
        batch_idx: int,  # noqa: ARG002
    ) -> None:
        """Count; the clock is read here, before validation begins."""
        self._batches += 1
        elapsed_s = time.perf_counter() - self._begun
        self.samples_per_s = self._batches * self._batch_size / max(elapsed_s, 1e-9)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log."""
        import torch

        values: Mapping[str, float] = {"speed/samples_per_s": self.samples_per_s * trainer.world_size}
        if pl_module.device.type == "cuda":
            values = {**values, "speed/peak_gib": torch.cuda.max_memory_allocated(pl_module.device) / 2**30}
        for logger in trainer.loggers:
            logger.log_metrics(dict(values), step=trainer.global_step)


class TimeBudget(Callback):
    """Stops training after some wall-clock time; the running epoch is cut short, validated and counts.

    Args:
        minutes: of training, before and after interruptions together.
    """

    def __init__(self, minutes: float) -> None:
        self._seconds = 60.0 * minutes
        self._before_s = 0.0
        self._begun = time.monotonic()

    def state_dict(self) -> dict[str, Any]:
        """What must survive a restart."""
        return {"elapsed_s": self._elapsed_s()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take it back."""
        self._before_s = float(state_dict["elapsed_s"])

    def _elapsed_s(self) -> float:
        return self._before_s + time.monotonic() - self._begun

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: ARG002
        """Start the watch."""
        self._begun = time.monotonic()

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,  # noqa: ARG002
        outputs: Any,  # noqa: ARG002
        batch: Any,  # noqa: ARG002
        batch_idx: int,  # noqa: ARG002
    ) -> None:
        """Stop all ranks together when the time is over."""
        over = self._elapsed_s() > self._seconds
        trainer.should_stop = trainer.strategy.reduce_boolean_decision(trainer.should_stop or over, all=False)
