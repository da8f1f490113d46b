"""CheckpointWriter: writes `policies.checkpoint` checkpoints while training.

Names are those of the published guide: `{name}_latest.pt` after every epoch, `{name}_best.pt` when the
monitored metric is better than before, `{name}_epoch{N}.pt` now and then and for the K best.
"""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from policies.checkpoint import (
    STATE,
    WEIGHTS,
    Checkpoint,
    Manifest,
    file_entry,
    point,
    read_manifest,
    with_metrics,
    write_manifest,
)
from policies.durable import put_in_place
from policies.nets.weights import save_tensors


def is_better(metric: str, value: float, than: float | None) -> bool:
    """Whether a value of a metric beats another; scores of closed loop and accuracies grow, errors shrink."""
    if than is None or math.isnan(than):
        return True
    grows = metric.startswith("closed_loop/") or metric.endswith("top1")
    return value > than if grows else value < than


class Drive(Protocol):
    """Measures a checkpoint by driving it, see `training.engine.closed_loop`."""

    def is_due(self, epoch: int) -> bool:
        """Whether to drive after this epoch (from 1)."""
        ...

    def measure(self, checkpoint: Checkpoint, epoch: int) -> Mapping[str, float]:
        """Drive it; empty if that failed."""
        ...


@dataclass(frozen=True, slots=True)
class Keeping:
    """What is kept.

    Attributes:
        folder: where checkpoints go.
        name: beginning of their names.
        monitor: metric that says which is best.
        save_every: epochs between those that are kept.
        final_only: keep the weights of the best alone.
        top_k: further ones to keep.
    """

    folder: Path
    name: str
    monitor: str
    save_every: int
    final_only: bool
    top_k: int


class CheckpointWriter(Callback):
    """Writes checkpoints at the end of epochs. Put it behind callbacks that log metrics.

    Args:
        keep: what is kept.
        weights_prefix: of the network's tensors in the module's state, such as "net.".
        describe: gives policy, model, config and provenance of the manifest.
        drive: measures the latest checkpoint in closed loop now and then, before it is judged.
    """

    def __init__(
        self,
        keep: Keeping,
        weights_prefix: str,
        describe: Callable[[], Mapping[str, Any]],
        drive: Drive | None = None,
    ) -> None:
        self._keep, self._prefix, self._describe, self._drive = keep, weights_prefix, describe, drive
        self._folder, self._name = keep.folder, keep.name
        self._monitor, self._save_every = keep.monitor, keep.save_every
        self._final_only, self._top_k = keep.final_only, keep.top_k
        self._best: float | None = None
        self._top: dict[int, float] = {}

    def state_dict(self) -> dict[str, Any]:
        """What must survive a restart."""
        return {"best": self._best, "top": dict(self._top)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take it back. What a drive found after the state was written stands in the manifest of the best."""
        self._best, self._top = state_dict["best"], dict(state_dict["top"])
        path = self._folder / f"{self._name}_best.json"
        if path.is_file():
            value = read_manifest(path).metrics.get(self._monitor)
            if value is not None and is_better(self._monitor, value, self._best):
                self._best = value

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: ARG002
        """Write what this epoch is worth."""
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        metrics = {name: value for name, value in metrics.items() if math.isfinite(value)}
        epoch = trainer.current_epoch + 1
        better = self._note(metrics)
        due = self._drive is not None and self._drive.is_due(epoch)
        latest: Checkpoint | None = None
        if due or not self._final_only:
            latest = self._write(trainer, "latest", metrics, epoch)
            if latest is not None:
                point(self._folder, "latest", latest.manifest_path)
        if due and self._drive is not None:
            results = dict(self._drive.measure(latest, epoch)) if latest is not None else {}
            results = trainer.strategy.broadcast(results)
            metrics.update(results)
            if latest is not None and results:
                latest = with_metrics(latest, results)
                for logger in trainer.loggers:
                    logger.log_metrics(results, step=trainer.global_step)
            better = better or (self._monitor in results and self._note(results))
        last = epoch == trainer.max_epochs or trainer.should_stop
        words = ["best"] if better or (last and self._best is None) else []
        if not self._final_only and (
            epoch % self._save_every == 0 or self._enters_top(epoch, metrics.get(self._monitor))
        ):
            words.append(f"epoch{epoch}")
        for word in words:
            if latest is not None:
                self._copy(latest, word)
            elif self._final_only:
                self._write(trainer, word, metrics, epoch)
        if "best" in words and trainer.is_global_zero:
            best = self._folder / f"{self._name}_best.json"
            point(self._folder, "best", best)
            if self._final_only:
                point(self._folder, "latest", best)

    def _note(self, metrics: Mapping[str, float]) -> bool:
        """Whether the monitored metric is better than ever; remembers it."""
        value = metrics.get(self._monitor)
        if value is None or not is_better(self._monitor, value, self._best):
            return False
        self._best = value
        return True

    def _enters_top(self, epoch: int, value: float | None) -> bool:
        """Keep the book of the K best; those that fall out of it are deleted."""
        if not self._top_k or value is None:
            return False
        worst = next(iter(sorted(self._top, key=self._top.__getitem__, reverse=self._errors_shrink())), None)
        if len(self._top) >= self._top_k and worst is not None:
            if not is_better(self._monitor, value, self._top[worst]):
                return False
            del self._top[worst]
            if worst % self._save_every:
                self._delete(f"epoch{worst}")
        self._top[epoch] = value
        return True

    def _errors_shrink(self) -> bool:
        return is_better(self._monitor, 0.0, 1.0)

    def _write(
        self, trainer: Trainer, word: str, metrics: Mapping[str, float], epoch: int
    ) -> Checkpoint | None:
        """Write a checkpoint; None on ranks that do not write."""
        self._folder.mkdir(parents=True, exist_ok=True)
        temporary = self._folder / f".{self._name}.state.tmp"
        # Every rank takes part in gathering the state; one writes.
        trainer.save_checkpoint(temporary, weights_only=False)
        return self._place(temporary, word, metrics, epoch) if trainer.is_global_zero else None

    def _place(self, temporary: Path, word: str, metrics: Mapping[str, float], epoch: int) -> Checkpoint:
        state = torch.load(temporary, map_location="cpu", weights_only=True, mmap=True)
        weights = {
            name.removeprefix(self._prefix): tensor
            for name, tensor in state["state_dict"].items()
            if name.startswith(self._prefix)
        }
        stem = self._folder / f"{self._name}_{word}"
        weights_path = stem.with_name(stem.name + ".pt")
        save_tensors(weights_path, weights)
        files = {WEIGHTS: file_entry(weights_path)}
        if self._final_only:
            temporary.unlink()
        else:
            state_path = stem.with_name(stem.name + ".state.pt")
            put_in_place(temporary, state_path)
            files[STATE] = file_entry(state_path)
        described = self._describe()
        provenance = {**described["provenance"], "epoch": epoch, "step": int(state["global_step"])}
        manifest = Manifest(
            described["policy"], described["model"], files, described["config"], dict(metrics), provenance
        )
        return write_manifest(stem.with_name(stem.name + ".json"), manifest)

    def _copy(self, checkpoint: Checkpoint, word: str) -> None:
        """The same checkpoint under another word; files are linked where the file system can."""
        files = {}
        for role, entry in checkpoint.manifest.files.items():
            ending = entry.name[entry.name.index(".") :]
            target = self._folder / f"{self._name}_{word}{ending}"
            temporary = target.with_name(target.name + ".tmp")
            temporary.unlink(missing_ok=True)
            try:
                os.link(self._folder / entry.name, temporary)
            except OSError:
                shutil.copyfile(self._folder / entry.name, temporary)
            put_in_place(temporary, target)
            files[role] = file_entry(target)
        write_manifest(self._folder / f"{self._name}_{word}.json", replace(checkpoint.manifest, files=files))

    def _delete(self, word: str) -> None:
        for ending in (".json", ".pt", ".state.pt"):  # the manifest first: without it there is no checkpoint
            (self._folder / f"{self._name}_{word}{ending}").unlink(missing_ok=True)
