"""The configuration of the student's recipe. Defaults are those of the published training guide."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from harness.errors import ConfigError
from harness.typed_config import StrictModel
from policies.student.config import RIGS, SIZES, Head, RouteInput, StudentConfig, StudentConfigError
from training.engine.flags import flag


class ModelSection(StrictModel):
    """What is trained. What is None keeps the size's own value."""

    kind: Literal["baseline", "reasoning"] = flag(
        "--model", "baseline", "baseline, or reasoning (with the text head)"
    )
    size: str = flag("--model-size", "500m", f"preset: {', '.join(SIZES)}")
    unicycle: bool = flag(
        "--no-unicycle", True, "output x, y, yaw directly, not actions of a unicycle", inverts=True
    )
    discrete_actions: bool = flag(
        "--discrete-actions", False, "action tokens instead of numbers (unicycle only)"
    )
    num_action_bins: int = flag("--num-action-bins", 256, "bins per action", ge=2)
    num_modes: int = flag("--num-modes", 1, "plans per answer: 1 or 6")
    input_type: Literal["camera"] = flag(
        "--input-type", "camera", "what it sees (raster, vector: with the benchmarks)"
    )
    rig: str | None = flag("--rig", None, f"cameras: {', '.join(RIGS)}; the size's own if not given")
    route_input: RouteInput | None = flag("--route-input", None, "none, command, target_point or path")
    image_height: int | None = flag("--image-height", None, "pixels")
    image_width: int | None = flag("--image-width", None, "pixels")
    frames: int | None = flag("--frames", None, "pictures per camera, stacked as channels")
    pretrained_backbone: Path | None = flag(
        "--pretrained-backbone", None, "file of ImageNet weights of the ResNet"
    )
    init_from: Path | None = flag(
        "--init-from", None, "checkpoint whose weights to begin with; training itself begins anew"
    )
    overrides: dict[str, Any] = Field(default_factory=dict, description="any other field of StudentConfig")

    def student(self) -> StudentConfig:
        """The network.

        Raises:
            ConfigError: no such size or rig, or values that do not fit.
        """
        if self.size not in SIZES or (self.rig is not None and self.rig not in RIGS):
            raise ConfigError(
                f"There is no model size {self.size!r} or rig {self.rig!r}. Sizes: {', '.join(SIZES)}; rigs:"
                f" {', '.join(RIGS)}."
            )
        if self.discrete_actions and not self.unicycle:
            raise ConfigError("--discrete-actions are actions of a unicycle: leave --no-unicycle out.")
        head = Head.DISCRETE if self.discrete_actions else Head.UNICYCLE if self.unicycle else Head.DIRECT
        changes: dict[str, Any] = {
            "reasoning": self.kind == "reasoning",
            "head": head,
            "num_action_bins": self.num_action_bins,
            "num_modes": self.num_modes,
            **({} if self.rig is None else {"cameras": RIGS[self.rig]}),
        }
        for name in ("route_input", "image_height", "image_width", "frames"):
            if getattr(self, name) is not None:
                changes[name] = getattr(self, name)
        try:
            config = replace(SIZES[self.size], **changes)
            return StudentConfig.from_json({**config.to_json(), **self.overrides})
        except StudentConfigError as error:
            raise ConfigError(f"The model cannot be: {error}") from error


def _folders(value: Any) -> Any:
    """Read "a,b" as ("a", "b")."""
    return tuple(w for w in value.split(",") if w) if isinstance(value, str) else value


Folders = Annotated[tuple[Path, ...], BeforeValidator(_folders)]


class DataSection(StrictModel):
    """Where samples come from."""

    demonstrations: Folders = flag(
        "--demonstrations", (), "folders of `drivegate collect`, with commas; instead of label files"
    )
    every: int = flag("--every", 5, "of demonstrations take each n-th frame, of ten a second", ge=1)
    train_labels: Path = flag("--train-labels", Path("teacher_labels/train_labels.npz"), "labels to train on")
    val_labels: Path = flag("--val-labels", Path("teacher_labels/val_labels.npz"), "labels to validate on")
    frames_dir: Path = flag("--frames-dir", Path("extracted_frames"), "pictures")
    ego_history_dir: Path = flag("--ego-history-dir", Path("teacher_labels"), "ego history and routes")
    offline: bool = flag("--offline", False, "made-up drives instead of files, to try the recipe")
    offline_samples: int = flag(
        "--offline-samples", 256, "how many of them to train on; a quarter to validate", ge=4
    )
    max_train_samples: int = flag("--max-train-samples", 0, "limit (0: all)", ge=0)
    max_val_samples: int = flag("--max-val-samples", 0, "limit (0: all)", ge=0)
    overfit_tiny: int = flag("--overfit-tiny", 0, "train and validate on the same N samples (0: off)", ge=0)
    num_workers: int = flag("--num-workers", 0, "processes that read data", ge=0)
    cache_gib: float = flag(
        "--cache-gib", 4.0, "memory of each of them for samples that were read before", ge=0.0
    )


class OptimizerSection(StrictModel):
    """How weights change."""

    batch_size: int = flag("--batch-size", 48, "samples per device", ge=1)
    accumulation_steps: int = flag("--accumulation-steps", 1, "batches per step of the optimizer", ge=1)
    lr: float = flag("--lr", 1e-4, "learning rate of AdamW", gt=0.0)
    weight_decay: float = flag("--weight-decay", 0.02, "of AdamW", ge=0.0)
    warmup_epochs: float = flag(
        "--warmup-epochs", 5.0, "the learning rate grows linearly so long; 0.2 of an epoch is fine", ge=0.0
    )
    lr_schedule: Literal["cosine", "constant"] = flag("--lr-schedule", "cosine", "cosine or constant")
    ema: bool = flag("--ema", False, "validate and keep an exponential moving average of the weights")
    ema_decay: float = flag("--ema-decay", 0.999, "of the average", gt=0.0, lt=1.0)
    grad_clip: float = flag("--grad-clip", 0.0, "largest gradient norm (0: off)", ge=0.0)
    freeze_bn: bool = flag("--freeze-bn", False, "keep the backbone's batch statistics")


class LossSection(StrictModel):
    """What is good."""

    yaw_weight: float = flag("--yaw-weight", 0.3, "of the heading", ge=0.0)
    reasoning_weight: float = flag("--reasoning-weight", 0.25, "of the text embeddings", ge=0.0)
    reasoning_warmup_epochs: int = flag(
        "--reasoning-warmup-epochs", 20, "that weight grows linearly so long", ge=0
    )
    temperature: float = flag("--temperature", 0.07, "of the contrastive loss", gt=0.0)
    action_weight: float = flag(
        "--action-weight", 0.0, "of acceleration and curvature, and their smoothness", ge=0.0
    )
    light_weight: float = flag(
        "--light-weight", 0.0, "of naming the traffic light (light head, demonstrations)", ge=0.0
    )
    label_smoothing: float = flag("--label-smoothing", 0.1, "of action tokens", ge=0.0, lt=1.0)
    multimodal_loss: Literal["wta", "nll"] = flag("--multimodal-loss", "wta", "of 6 modes: wta or nll")
    position_loss: Literal["mse", "l1", "smooth_l1"] = flag("--position-loss", "mse", "mse, l1 or smooth_l1")


class RunSection(StrictModel):
    """How the work is done."""

    max_epochs: int = flag("--max-epochs", 150, "at most", ge=1)
    patience: int = flag("--patience", 15, "epochs without a better validation (0: never give up)", ge=0)
    max_minutes: float = flag(
        "--max-minutes", 0.0, "stop after so much time (0: never); the epoch is cut short", ge=0.0
    )
    seed: int = flag("--seed", 42, "of everything random", ge=0)
    seeds: tuple[int, ...] = Field(default=(), description="train once per seed instead")
    precision: Literal["auto", "32", "bf16", "16"] = flag("--precision", "auto", "auto, 32, bf16 or 16 (GPU)")
    accelerator: str = flag("--accelerator", "auto", "auto, cpu or cuda")
    devices: int = flag("--devices", 1, "GPUs; more than one trains with DDP", ge=1)
    threads: int = flag("--threads", 0, "threads of torch on the CPU (0: its own choice)", ge=0)
    compile: bool = flag("--compile", False, "torch.compile")
    resume: Path | None = flag("--resume", None, "checkpoint to go on from")
    log_action_stats: bool = flag("--log-action-stats", False, "statistics of actions in validation")
    augment: float = flag(
        "--augment", 0.0, "strength of brightness, contrast and noise on pictures (0: off)", ge=0.0
    )
    hide_history: float = flag(
        "--hide-history", 0.0, "share of samples whose past poses are hidden, not the speed", ge=0.0, le=1.0
    )


class OutputSection(StrictModel):
    """What is kept."""

    output_dir: Path = flag("--output-dir", Path("checkpoints"), "folder of experiments")
    experiment: str = flag("--experiment", "student", "folder in it")
    save_every: int = flag("--save-every", 5, "epochs between checkpoints that are kept", ge=1)
    save_final_only: bool = flag("--save-final-only", False, "keep the best weights only")
    monitor: str = flag(
        "--monitor", "val/loss", "metric that says which is best, such as closed_loop/ds_lb2_1"
    )
    top_k: int = flag("--top-k", 0, "further checkpoints to keep: the K best", ge=0)
    loggers: tuple[Literal["tensorboard", "wandb", "csv"], ...] = Field(default=("tensorboard",))

    @property
    def folder(self) -> Path:
        """Where this experiment's checkpoints are."""
        return self.output_dir / self.experiment


class ClosedLoopSection(StrictModel):
    """Driving while training."""

    every: int = flag("--closed-loop-every", 0, "epochs between drives (0: never)", ge=0)
    suite: str = flag("--closed-loop-suite", "smoke", "suite or route file to drive")
    traffic: int = flag("--closed-loop-traffic", 0, "background vehicles", ge=0)
    workers: int = flag("--closed-loop-workers", 1, "processes that drive", ge=1)


class StudentTraining(StrictModel):
    """The whole configuration; stored in every checkpoint."""

    model: ModelSection = ModelSection()
    data: DataSection = DataSection()
    optimizer: OptimizerSection = OptimizerSection()
    loss: LossSection = LossSection()
    run: RunSection = RunSection()
    output: OutputSection = OutputSection()
    closed_loop: ClosedLoopSection = ClosedLoopSection()

    @property
    def name(self) -> str:
        """Beginning of the checkpoints' names."""
        return f"{self.model.kind}_seed{self.run.seed}"
