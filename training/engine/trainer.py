"""Lightning's trainer from our configuration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import RichProgressBar
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger, WandbLogger

from harness.errors import ConfigError

_PRECISION: dict[str, Any] = {"32": "32-true", "bf16": "bf16-mixed", "16": "16-mixed"}


class RunOptions(Protocol):
    """How the work is done, whatever the recipe."""

    @property
    def max_epochs(self) -> int: ...  # noqa: D102
    @property
    def precision(self) -> str: ...  # noqa: D102
    @property
    def accelerator(self) -> str: ...  # noqa: D102
    @property
    def devices(self) -> int: ...  # noqa: D102
    @property
    def threads(self) -> int: ...  # noqa: D102


class OptimizerOptions(Protocol):
    """How weights change, whatever the recipe."""

    @property
    def accumulation_steps(self) -> int: ...  # noqa: D102
    @property
    def grad_clip(self) -> float: ...  # noqa: D102


class OutputOptions(Protocol):
    """What is kept, whatever the recipe."""

    @property
    def folder(self) -> Path: ...  # noqa: D102
    @property
    def experiment(self) -> str: ...  # noqa: D102
    @property
    def loggers(self) -> Sequence[str]: ...  # noqa: D102


def make_trainer(
    run: RunOptions,
    optimizer: OptimizerOptions,
    output: OutputOptions,
    name: str,
    callbacks: Sequence[Callback],
) -> Trainer:
    """Build a trainer; it writes no checkpoints of its own.

    Args:
        run: section of a recipe's configuration.
        optimizer: likewise.
        output: likewise.
        name: of the run, for the loggers.
        callbacks: in this order, before the progress bar.

    Raises:
        ConfigError: a logger's library is missing, or the precision does not exist here.
    """
    if run.threads:
        torch.set_num_threads(run.threads)
    return Trainer(
        max_epochs=run.max_epochs,
        accelerator=run.accelerator,
        devices=run.devices,
        strategy="ddp_find_unused_parameters_true" if run.devices > 1 else "auto",
        precision=precision_for(run.precision, run.accelerator),
        accumulate_grad_batches=optimizer.accumulation_steps,
        gradient_clip_val=optimizer.grad_clip or None,
        logger=_loggers(output, name),
        callbacks=[*callbacks, RichProgressBar(leave=True)],
        enable_checkpointing=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
        deterministic="warn",
        benchmark=False,
        log_every_n_steps=10,
    )


def precision_for(precision: str, accelerator: str) -> Literal["32-true", "bf16-mixed", "16-mixed"]:
    """Lightning's name of a precision; "auto" is bf16 where the hardware has it, else 16 (GPU) or 32 (CPU).

    Raises:
        ConfigError: half precision on a CPU.
    """
    gpu = accelerator not in {"cpu"} and torch.cuda.is_available()
    if precision == "auto":
        if gpu:
            precision = "bf16" if torch.cuda.is_bf16_supported() else "16"
        else:
            precision = "bf16" if _cpu_has_bf16() else "32"
    if precision == "16" and not gpu:
        raise ConfigError("--precision 16 needs a GPU; a CPU has 32 and bf16.")
    return _PRECISION[precision]  # type: ignore[no-any-return]


def _cpu_has_bf16() -> bool:
    """Whether bf16 is faster than 32 bits on this CPU, not merely possible."""
    probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, probe, lambda: False)() for probe in probes)


def _loggers(output: OutputOptions, name: str) -> list[Logger]:
    makers: dict[str, Callable[[], Logger]] = {
        "tensorboard": lambda: TensorBoardLogger(output.folder, name="tensorboard", version=name),
        "csv": lambda: CSVLogger(output.folder, name="csv", version=name),
        "wandb": lambda: WandbLogger(
            project="drivegate", name=f"{output.experiment}-{name}", save_dir=output.folder
        ),
    }
    loggers = []
    for kind in output.loggers:
        try:
            loggers.append(makers[kind]())
        except ModuleNotFoundError as error:
            raise ConfigError(
                f"The logger {kind} needs {error.name}: pip install 'drivegate[train,track]'"
            ) from error
    return loggers
