"""What a student is trained for: the weighted sum of losses."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import cross_entropy

from policies.nets.student import StudentOutput
from policies.nets.student.unicycle import action_bounds, action_mean_std, tokens_of
from policies.student.config import Head, StudentConfig
from training.losses.actions import action_loss, smoothness_loss, token_loss
from training.losses.reasoning import info_nce
from training.losses.trajectory import mixture_nll, position_loss, winner_takes_all, yaw_loss
from training.student.batch import UNKNOWN_LIGHT, StudentBatch
from training.student.config import LossSection

_SMOOTHNESS = 0.1
"""Weight of the smoothness beside the action loss (published)."""


def objective(
    output: StudentOutput,
    batch: StudentBatch,
    model: StudentConfig,
    loss: LossSection,
    reasoning_weight: float,
) -> dict[str, Tensor]:
    """Return all losses by name; "loss" is their weighted sum.

    Args:
        output: of the network.
        batch: what it should have answered.
        model: of the network.
        loss: weights.
        reasoning_weight: in this epoch, after warm-up.
    """
    target = batch.target.unsqueeze(1)
    position = position_loss(output.plan, target, loss.position_loss)  # (B, K)
    yaw = yaw_loss(output.plan, target)
    terms: dict[str, Tensor] = {}
    if model.head is Head.DISCRETE:
        bounds = action_bounds(model, output.actions)
        tokens = tokens_of(batch.target_actions.unsqueeze(1), bounds, model.num_action_bins)
        terms["tokens"] = token_loss(output.action_logits, tokens, loss.label_smoothing)
        terms["position"], terms["yaw"] = (
            position.mean().detach(),
            yaw.mean().detach(),
        )  # no gradient: for the log
        total = terms["tokens"]
    else:
        per_mode = position + loss.yaw_weight * yaw
        if loss.action_weight > 0.0 and model.head is Head.UNICYCLE:
            _, std = action_mean_std(model, output.actions)
            action = action_loss(output.actions, batch.target_actions.unsqueeze(1), std)
            smooth = smoothness_loss(output.actions, std)
            terms["action"], terms["smoothness"] = action.mean(), smooth.mean()
            per_mode = per_mode + loss.action_weight * (action + _SMOOTHNESS * smooth)
        terms["position"], terms["yaw"] = position.amin(1).mean(), yaw.amin(1).mean()
        if loss.multimodal_loss == "nll" and model.num_modes > 1:
            total = (
                mixture_nll(output.plan, target, output.mode_logits) + loss.yaw_weight * yaw.amin(1).mean()
            )
        else:
            total = winner_takes_all(per_mode, position, output.mode_logits)
    if model.reasoning:
        terms["reasoning"] = info_nce(output.text, batch.target_text, loss.temperature)
        total = total + reasoning_weight * terms["reasoning"]
    known = batch.target_light != UNKNOWN_LIGHT
    if model.light_head and bool(known.any()):
        terms["light"] = cross_entropy(output.light_logits[known], batch.target_light[known])
        total = total + loss.light_weight * terms["light"]
    return {"loss": total, **terms}
