"""StudentModule: the student's steps for PyTorch Lightning."""

from __future__ import annotations

import math

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.types import LRSchedulerConfigType, OptimizerLRSchedulerConfig
from torch import Tensor, nn
from torch.optim import Optimizer

from policies.nets.student import Student, StudentOutput, number_format
from training.losses.reasoning import warmed_up
from training.metrics.displacement import constant_velocity, displacement_errors, min_ade, yaw_error_deg
from training.metrics.retrieval import retrieve
from training.student.batch import UNKNOWN_LIGHT, StudentBatch
from training.student.config import StudentTraining
from training.student.objective import objective


class StudentModule(LightningModule):
    """Trains `Student`.

    Args:
        config: of the recipe.
    """

    def __init__(self, config: StudentTraining) -> None:
        super().__init__()
        self.config = config
        self.student_config = config.model.student()
        self.net = Student(self.student_config)
        self._texts: list[tuple[Tensor, Tensor]] = []

    def on_fit_start(self) -> None:
        """Compile in place: names of tensors stay as they are."""
        if self.config.run.compile:
            self.net.compile()

    def on_train_epoch_start(self) -> None:
        """Lightning leaves every module in the mode that it finds; here `train` has its say."""
        self.train()

    def train(self, mode: bool = True) -> StudentModule:
        """Keep the backbone's batch statistics if asked to."""
        super().train(mode)
        if self.config.optimizer.freeze_bn:
            for module in self.net.backbone.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self

    def _reasoning_weight(self) -> float:
        loss = self.config.loss
        return warmed_up(loss.reasoning_weight, self.current_epoch, loss.reasoning_warmup_epochs)

    def training_step(self, batch: StudentBatch, batch_idx: int) -> Tensor:  # noqa: ARG002
        """One batch."""
        images, to_image, history, *rest = batch.inputs
        run = self.config.run
        output: StudentOutput = self.net(
            augmented(images, run.augment), to_image, partly_hidden(history, run.hide_history), *rest
        )
        losses = objective(output, batch, self.student_config, self.config.loss, self._reasoning_weight())
        count = len(batch.images)
        for name, value in losses.items():
            self.log(f"train/{name}", value, on_step=False, on_epoch=True, batch_size=count, sync_dist=True)
        return losses["loss"]

    def validation_step(self, batch: StudentBatch, batch_idx: int) -> None:  # noqa: ARG002
        """Losses and errors of one batch, with the full reasoning weight: epochs can be compared."""
        output: StudentOutput = self.net(*batch.inputs)
        weight = self.config.loss.reasoning_weight
        values = objective(output, batch, self.student_config, self.config.loss, weight)
        best = output.plan[torch.arange(len(batch.images)), output.mode_logits.argmax(1)]
        values.update({n: v.mean() for n, v in displacement_errors(best, batch.target).items()})
        values["yaw_error_deg"] = yaw_error_deg(best, batch.target).mean()
        if self.student_config.num_modes > 1:
            values["min_ade"] = min_ade(output.plan, batch.target).mean()
        straight = constant_velocity(batch.v0_mps, batch.target.shape[1])
        for name, value in displacement_errors(straight, batch.target).items():
            values[f"constant_velocity/{name}"] = value.mean()
        known = batch.target_light != UNKNOWN_LIGHT
        if self.student_config.light_head and bool(known.any()):
            right = output.light_logits.argmax(-1) == batch.target_light
            values["light_found"] = right[known].float().mean()
        if self.config.run.log_action_stats:
            values.update(action_statistics(output.actions, batch.target_actions))
        for name, value in values.items():
            self.log(f"val/{name}", value, batch_size=len(batch.images), sync_dist=True)
        if self.student_config.reasoning:
            self._texts.append((output.text.float(), batch.target_text))

    def on_validation_epoch_end(self) -> None:
        """How often the text embedding finds the teacher's sentence."""
        if self._texts:
            found = retrieve(torch.cat([a for a, _ in self._texts]), torch.cat([b for _, b in self._texts]))
            self._texts.clear()
            if found is not None:
                self.log("val/text_top1", found.top1, sync_dist=True)
                self.log("val/text_chance", found.chance, sync_dist=True)

    @property
    def _on_cpu(self) -> bool:
        return self.device.type == "cpu"

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip as Lightning does, which refuses to for a fused optimizer: on a GPU it may scale gradients."""
        if gradient_clip_val and self._on_cpu:
            torch.nn.utils.clip_grad_norm_(self.parameters(), gradient_clip_val)
        else:
            super().configure_gradient_clipping(optimizer, gradient_clip_val, gradient_clip_algorithm)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """AdamW; the learning rate follows the steps."""
        options = self.config.optimizer
        decayed = [p for p in self.net.parameters() if p.requires_grad and p.ndim > 1]
        plain = [p for p in self.net.parameters() if p.requires_grad and p.ndim <= 1]
        optimizer = torch.optim.AdamW(
            [
                {"params": decayed, "weight_decay": options.weight_decay},
                {"params": plain, "weight_decay": 0.0},
            ],
            lr=options.lr,
            # On a CPU the loop over tensors takes 60 ms a step, fused 10; on a GPU the default is fast.
            fused=True if self._on_cpu else None,
        )
        epochs = self.config.run.max_epochs
        per_epoch = max(
            1, math.ceil(int(self.trainer.estimated_stepping_batches) / (self.trainer.max_epochs or 1))
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer,
            lambda step: learning_rate_factor(
                step, round(options.warmup_epochs * per_epoch), epochs * per_epoch, options.lr_schedule
            ),
        )
        by_step: LRSchedulerConfigType = {"scheduler": schedule, "interval": "step"}
        return {"optimizer": optimizer, "lr_scheduler": by_step}


def learning_rate_factor(step: int, warmup_steps: int, total_steps: int, schedule: str) -> float:
    """Factor of the learning rate: linear warm-up, then a half cosine to 0, or constant."""
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    if schedule == "constant":
        return 1.0
    share = min(1.0, (step - warmup_steps) / max(1, total_steps - warmup_steps))
    return 0.5 * (1.0 + math.cos(math.pi * share))


def augmented(images: Tensor, strength: float) -> Tensor:
    """Brightness and contrast, one draw per sample: (B, C, 3 F, H, W) uint8 -> float in [0, 255].

    All frames and cameras of a moment change together, as with a real change of light. Untouched at
    strength 0. In the number format of the network's convolutions, and in place: on a CPU every pass over
    the pixels counts, and so does memory that the kernel must clear first.
    """
    if strength <= 0.0:
        return images
    shape = (len(images), 1, 1, 1, 1)
    contrast = 1.0 + 0.3 * strength * (2.0 * torch.rand(shape, device=images.device) - 1.0)
    brightness = 40.0 * strength * (2.0 * torch.rand(shape, device=images.device) - 1.0)
    pixels = images.to(number_format(images.device), copy=True)
    offset = 127.5 * (1.0 - contrast) + brightness
    return pixels.mul_(contrast.to(pixels.dtype)).add_(offset.to(pixels.dtype)).clamp_(0.0, 255.0)


def partly_hidden(history: Tensor, share: float) -> Tensor:
    """Zeros instead of the past poses of a share of the samples: (B, 16, 6).

    Who always sees its own past learns to go on as before, and does not start at a green light.
    """
    if share <= 0.0:
        return history
    return history * (torch.rand(len(history), 1, 1, device=history.device) >= share)


def action_statistics(actions: Tensor, target: Tensor) -> dict[str, Tensor]:
    """Mean and standard deviation of predicted and wanted actions."""
    values = {}
    for index, name in enumerate(("acceleration", "curvature")):
        for which, tensor in (("predicted", actions), ("wanted", target)):
            values[f"actions/{name}_{which}_mean"] = tensor[..., index].mean()
            values[f"actions/{name}_{which}_std"] = tensor[..., index].std()
    return values
