"""Displacement errors of plans, m. Works on torch tensors."""

from __future__ import annotations

import torch
from torch import Tensor

from policies.unicycle import DT_S

HORIZONS_S = (1.0, 3.0, 6.4)


def displacement_errors(plan: Tensor, target: Tensor) -> dict[str, Tensor]:
    """ADE and FDE of each plan within each horizon.

    Args:
        plan: (..., T, >= 2) positions first.
        target: likewise.

    Returns:
        "ade_1s", "fde_1s", ... -> (...) m. A horizon longer than the plan is left out.
    """
    distance = (plan[..., :2] - target[..., :2]).norm(dim=-1)
    errors = {}
    for horizon_s in HORIZONS_S:
        steps = round(horizon_s / DT_S)
        if steps <= distance.shape[-1]:
            errors[f"ade_{horizon_s:g}s"] = distance[..., :steps].mean(-1)
            errors[f"fde_{horizon_s:g}s"] = distance[..., steps - 1]
    return errors


def min_ade(plan: Tensor, target: Tensor) -> Tensor:
    """ADE of the best of K modes; plan (B, K, T, 2+), target (B, T, 2+) -> (B,) m."""
    distance = (plan[..., :2] - target[:, None, :, :2]).norm(dim=-1).mean(-1)
    best: Tensor = distance.amin(1)
    return best


def yaw_error_deg(plan: Tensor, target: Tensor) -> Tensor:
    """Mean absolute heading error; (..., T, 4) with sine and cosine last -> (...) degrees."""
    sine = plan[..., 2] * target[..., 3] - plan[..., 3] * target[..., 2]
    cosine = plan[..., 3] * target[..., 3] + plan[..., 2] * target[..., 2]
    return torch.rad2deg(torch.atan2(sine, cosine).abs().mean(-1))


def constant_velocity(v0_mps: Tensor, steps: int) -> Tensor:
    """The plan of someone who keeps speed and heading: (B,) -> (B, T, 4)."""
    t_s = torch.arange(1, steps + 1, dtype=v0_mps.dtype, device=v0_mps.device) * DT_S
    x = v0_mps[:, None] * t_s
    return torch.stack([x, torch.zeros_like(x), torch.zeros_like(x), torch.ones_like(x)], -1)
