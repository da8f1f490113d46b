"""Losses on plans. Plans are (..., T, 4): x, y m, sine and cosine of yaw."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def position_loss(plan: Tensor, target: Tensor, kind: str = "mse") -> Tensor:
    """Mean over steps and both axes.

    Args:
        plan: (..., T, 4).
        target: likewise.
        kind: "mse" (published), "l1" or "smooth_l1".

    Returns:
        (...) one value per plan.
    """
    function = {"mse": functional.mse_loss, "l1": functional.l1_loss, "smooth_l1": functional.smooth_l1_loss}
    each = function[kind](plan[..., :2], target[..., :2].expand_as(plan[..., :2]), reduction="none")
    return each.mean((-1, -2))


def yaw_loss(plan: Tensor, target: Tensor) -> Tensor:
    """Mean squared error of the sine plus that of the cosine; (...) one value per plan."""
    return (plan[..., 2:] - target[..., 2:]).square().sum(-1).mean(-1)


def winner_takes_all(
    per_mode: Tensor, errors: Tensor, mode_logits: Tensor, mode_weight: float = 0.5
) -> Tensor:
    """Only the mode nearest to the target learns to drive; the logits learn which one that is.

    Args:
        per_mode: (B, K) loss of every mode.
        errors: (B, K) distance that picks the winner.
        mode_logits: (B, K).
        mode_weight: of the cross-entropy.

    Returns:
        () mean over the batch.
    """
    winner = errors.detach().argmin(1)
    chosen = per_mode.gather(1, winner[:, None]).mean()
    if per_mode.shape[1] == 1:
        return chosen
    return chosen + mode_weight * functional.cross_entropy(mode_logits, winner)


def mixture_nll(plan: Tensor, target: Tensor, mode_logits: Tensor, sigma_m: float = 1.0) -> Tensor:
    """Negative log-likelihood of the target's positions under a mixture of Gaussians around the modes.

    The exponent is averaged over the steps rather than summed: neighbouring steps are far from independent.

    Args:
        plan: (B, K, T, 4).
        target: (B, 1, T, 4).
        mode_logits: (B, K).
        sigma_m: of every step.

    Returns:
        () mean over the batch, without the constant.
    """
    energy = 0.5 * (plan[..., :2] - target[..., :2]).square().sum(-1).mean(-1) / sigma_m**2
    return -torch.logsumexp(functional.log_softmax(mode_logits, -1) - energy, -1).mean()
