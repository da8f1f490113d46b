"""The plan of someone who sees nothing but its own past: the baseline that open-loop results must beat.

Open-loop scores reward knowing how the car moves more than seeing the road (Li et al. 2024, "Is ego status
all you need?"), so a camera policy's displacement errors mean little without this number beside them.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

_HIDDEN = 256
_EPOCHS = 200
_BATCH = 256
_FEATURES = 5  # x, y, sine and cosine of yaw of a pose, and the speed


class EgoMlp(nn.Module):
    """Ego history -> plan. Positions come as what they differ from the plan at constant velocity."""

    def __init__(self, history_steps: int, plan_steps: int) -> None:
        super().__init__()
        self.plan_steps = plan_steps
        self.layers = nn.Sequential(
            nn.Linear(history_steps * (_FEATURES - 1) + 1, _HIDDEN),
            nn.GELU(),
            nn.Linear(_HIDDEN, _HIDDEN),
            nn.GELU(),
            nn.Linear(_HIDDEN, plan_steps * 2),
        )

    def forward(self, history: Tensor, v0_mps: Tensor, straight: Tensor) -> Tensor:
        """Plan.

        Args:
            history: (B, H, 6) x, y, z m and roll, pitch, yaw rad.
            v0_mps: (B,).
            straight: (B, T, 4) plan at constant velocity.

        Returns:
            (B, T, 2) positions, m.
        """
        yaw = history[..., 5]
        motion = torch.stack([history[..., 0], history[..., 1], torch.sin(yaw), torch.cos(yaw)], -1)
        features = torch.cat([motion.flatten(1) / 5.0, v0_mps[:, None] / 10.0], 1)
        offset: Tensor = self.layers(features).unflatten(1, (self.plan_steps, 2))
        return straight[..., :2] + 10.0 * offset


def fit_ego_mlp(history: Tensor, v0_mps: Tensor, straight: Tensor, target: Tensor, seed: int = 0) -> EgoMlp:
    """Train one on the L1 distance, always the same way.

    Args:
        history: (N, H, 6).
        v0_mps: (N,).
        straight: (N, T, 4) plan at constant velocity.
        target: (N, T, 4).
        seed: of weights and order.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = EgoMlp(history.shape[1], target.shape[1])
        optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=1e-2)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, _EPOCHS)
        for _ in range(_EPOCHS):
            for rows in torch.split(torch.randperm(len(history)), _BATCH):
                plan = net(history[rows], v0_mps[rows], straight[rows])
                loss = (plan - target[rows, :, :2]).abs().mean()
                optimizer.zero_grad()
                torch.autograd.backward(loss)
                optimizer.step()
            schedule.step()
    return net.eval()
