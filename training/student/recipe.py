"""The student's recipe: configuration -> checkpoints."""

from __future__ import annotations

import statistics
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningDataModule, seed_everything
from lightning.pytorch.callbacks import EarlyStopping, EMAWeightAveraging, LearningRateMonitor
from torch.utils.data import DataLoader, DistributedSampler

from harness.errors import ConfigError
from policies.checkpoint import STATE, WEIGHTS, Checkpoint, find_checkpoint
from policies.nets.weights import load_tensors
from training.data.sample import SampleSource
from training.engine.callbacks import Throughput, TimeBudget
from training.engine.checkpointing import CheckpointWriter, Keeping
from training.engine.closed_loop import ClosedLoop
from training.engine.provenance import git_commit, versions
from training.engine.seeding import EpochSeed
from training.engine.telling import Telling
from training.engine.trainer import make_trainer
from training.student.batch import StudentBatch, StudentDataset, collate
from training.student.config import StudentTraining
from training.student.module import StudentModule
from training.student.sources import sources

POLICY = "student"


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """What came out.

    Attributes:
        best: checkpoint of the best validation.
        metrics: of the last epoch.
        epochs: that were trained, in all.
    """

    best: Checkpoint
    metrics: dict[str, float]
    epochs: int


class StudentData(LightningDataModule):
    """Loaders of the two splits. The order of training samples follows from seed and epoch alone."""

    def __init__(self, config: StudentTraining) -> None:
        super().__init__()
        self.config = config
        self.train_source, self.val_source = sources(config.data, config.model.student(), config.run.seed)

    def train_dataloader(self) -> DataLoader[StudentBatch]:
        """Shuffled by epoch; ranks share the samples."""
        return self._loader(self.train_source, self.config.data.max_train_samples, shuffle=True)

    def val_dataloader(self) -> DataLoader[StudentBatch]:
        """In order."""
        return self._loader(self.val_source, self.config.data.max_val_samples, shuffle=False)

    def _loader(self, source: SampleSource, limit: int, *, shuffle: bool) -> DataLoader[StudentBatch]:
        data, run = self.config.data, self.config.run
        limit = data.overfit_tiny or limit
        dataset = StudentDataset(source, self.config.model.student(), limit, data.cache_gib)
        trainer = self.trainer
        sampler: DistributedSampler[StudentBatch] = DistributedSampler(
            dataset,
            num_replicas=trainer.world_size if trainer else 1,
            rank=trainer.global_rank if trainer else 0,
            shuffle=shuffle,
            seed=run.seed,
        )
        return DataLoader(
            dataset,
            batch_size=self.config.optimizer.batch_size,
            sampler=sampler,
            collate_fn=collate,
            # Of its own: a loader draws a number whenever it starts, after a resume at other moments.
            generator=torch.Generator().manual_seed(run.seed),
            num_workers=data.num_workers,
            persistent_workers=data.num_workers > 0,
            pin_memory=torch.cuda.is_available(),
        )


def train(config: StudentTraining, report: Callable[[str], None] = print) -> TrainingResult:
    """Train one student.

    Args:
        config: of the recipe.
        report: is told what happens, a sentence at a time.

    Raises:
        ConfigError, SampleError, CheckpointError: name the value or the file, and the remedy.
    """
    seed_everything(config.run.seed, verbose=False)
    state = _state_to_resume(config)
    data = StudentData(config)
    module = StudentModule(config)
    if config.model.pretrained_backbone is not None and state is None:
        taken = module.net.backbone.load_pretrained(load_tensors(config.model.pretrained_backbone))
        report(f"Took {taken} tensors of {config.model.pretrained_backbone} for the backbone.")
    if config.model.init_from is not None and state is None:
        _take_weights(config, module, config.model.init_from)
        report(f"Begins with the weights of {config.model.init_from}.")
    writer = _writer(config, data, report)
    trainer = make_trainer(
        config.run, config.optimizer, config.output, config.name, _callbacks(config, writer, report)
    )
    parameters = sum(p.numel() for p in module.net.parameters())
    report(
        f"Training {config.model.kind} {config.model.size} ({parameters / 1e6:.1f} M parameters) on"
        f" {data.train_source.name}, validating on {data.val_source.name}; checkpoints in"
        f" {config.output.folder}."
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        warnings.filterwarnings("ignore", message=".*number of training batches.*")
        trainer.fit(module, datamodule=data, ckpt_path=state, weights_only=True)
    best = find_checkpoint(config.output.folder / f"{config.name}_best.json")
    metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
    return TrainingResult(best, metrics, trainer.current_epoch)


def train_seeds(config: StudentTraining, report: Callable[[str], None] = print) -> list[TrainingResult]:
    """Train once per seed of the configuration, and report mean and spread of the validation metrics."""
    results = []
    for seed in config.run.seeds or (config.run.seed,):
        run = config.run.model_copy(update={"seed": seed, "seeds": ()})
        results.append(train(config.model_copy(update={"run": run}), report))
    if len(results) > 1:
        for name in sorted(results[0].metrics):
            values = [r.best.manifest.metrics.get(name) for r in results]
            known = [v for v in values if v is not None]
            if name.startswith("val/") and len(known) == len(results):
                mean, spread = statistics.mean(known), statistics.stdev(known)
                report(f"{name}: {mean:.4f} ± {spread:.4f} over {len(known)} seeds")
    return results


def _state_to_resume(config: StudentTraining) -> Path | None:
    if config.run.resume is None:
        return None
    return _of_this_model(config, config.run.resume).file(STATE)


def _take_weights(config: StudentTraining, module: StudentModule, where: Path) -> None:
    module.net.load_state_dict(load_tensors(_of_this_model(config, where).file(WEIGHTS)))


def _of_this_model(config: StudentTraining, where: Path) -> Checkpoint:
    """Find a checkpoint and make sure that it is of the model that is trained."""
    checkpoint = find_checkpoint(where)
    stored = checkpoint.manifest.model
    wanted = config.model.student().to_json()
    different = sorted(k for k in wanted if _plain(stored.get(k)) != _plain(wanted[k]))
    if different:
        raise ConfigError(
            f"{checkpoint.manifest_path} is of another model (different: {', '.join(different)}). Use the"
            " options that it was trained with, or begin without it."
        )
    return checkpoint


def _plain(value: Any) -> Any:
    """Tuples as lists, as JSON has them."""
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return value


def _writer(config: StudentTraining, data: StudentData, report: Callable[[str], None]) -> CheckpointWriter:
    output, drive = config.output, config.closed_loop
    data_hashes = {"train": data.train_source.sha256, "val": data.val_source.sha256}
    commit, software = git_commit(), versions()

    def describe() -> dict[str, Any]:
        return {
            "policy": POLICY,
            "model": config.model.student().to_json(),
            "config": config.model_dump(mode="json"),
            "provenance": {
                "git_commit": commit,
                "seed": config.run.seed,
                "data_sha256": data_hashes,
                "versions": software,
            },
        }

    closed_loop = (
        ClosedLoop(
            policy=POLICY,
            suite=drive.suite,
            traffic=drive.traffic,
            workers=drive.workers,
            seed=config.run.seed,
            every=drive.every,
            folder=output.folder / f"{config.name}_closed_loop",
            report=report,
        )
        if drive.every
        else None
    )
    keep = Keeping(
        output.folder, config.name, output.monitor, output.save_every, output.save_final_only, output.top_k
    )
    return CheckpointWriter(keep, "net.", describe, closed_loop)


def _callbacks(
    config: StudentTraining, writer: CheckpointWriter, report: Callable[[str], None]
) -> list[Callback]:
    run, optimizer = config.run, config.optimizer
    telling = Telling(report, between_epochs_only=sys.stdout.isatty())
    callbacks: list[Callback] = [EpochSeed(run.seed), Throughput(optimizer.batch_size), telling]
    if optimizer.ema:
        callbacks.append(EMAWeightAveraging(decay=optimizer.ema_decay, use_buffers=True))
    if run.max_minutes:
        callbacks.append(TimeBudget(run.max_minutes))
    if run.patience and config.output.monitor.startswith("val/"):
        mode = "max" if config.output.monitor.endswith("top1") else "min"
        callbacks.append(EarlyStopping(config.output.monitor, patience=run.patience, mode=mode))
    if config.output.loggers:
        callbacks.append(LearningRateMonitor("epoch"))
    return [*callbacks, writer]
