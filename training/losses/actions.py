"""Losses on actions: (..., T, 2) acceleration m/s² and curvature 1/m."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def action_loss(actions: Tensor, target: Tensor, std: Tensor) -> Tensor:
    """Mean squared error in standard deviations; (...) one value per plan."""
    return ((actions - target) / std).square().mean((-1, -2))


def smoothness_loss(actions: Tensor, std: Tensor) -> Tensor:
    """Mean squared change from step to step in standard deviations; (...) one value per plan."""
    return (actions.diff(dim=-2) / std).square().mean((-1, -2))


def token_loss(logits: Tensor, tokens: Tensor, label_smoothing: float) -> Tensor:
    """Cross-entropy of action tokens.

    Args:
        logits: (..., bins).
        tokens: (...) int64.
        label_smoothing: share spread over all bins.

    Returns:
        () mean.
    """
    return functional.cross_entropy(logits.flatten(0, -2), tokens.flatten(), label_smoothing=label_smoothing)
