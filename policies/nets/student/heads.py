"""Decoder states -> plan steps: three kinds of heads, and the text head."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from policies.nets.student.unicycle import action_bounds, action_mean_std, actions_of, integrate
from policies.student.config import TEXT_DIM, Head, Light, StudentConfig

_HIDDEN = 512
_TEXT_HIDDEN = 1024
_POSITION_SCALE_M = 10.0


class PlanHead(nn.Module):
    """Gives (x, y, yaw) and what it made them of."""

    def __init__(self, config: StudentConfig) -> None:
        super().__init__()
        self.config = config
        width = {Head.UNICYCLE: 2, Head.DISCRETE: 2 * config.num_action_bins, Head.DIRECT: 4}[config.head]
        hidden = min(_HIDDEN, 4 * config.dim)
        self.layers = nn.Sequential(nn.Linear(config.dim, hidden), nn.GELU(), nn.Linear(hidden, width))
        last = self.layers[-1]
        if isinstance(last, nn.Linear):
            nn.init.normal_(last.weight, std=0.01)  # begin near the mean action
            nn.init.zeros_(last.bias)

    def forward(self, states: Tensor, v0_mps: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Decode.

        Args:
            states: (B, K, T, D).
            v0_mps: (B,).

        Returns:
            (B, K, T, 4) x, y m, sine and cosine of yaw; (B, K, T, 2) actions (zeros of the direct head);
            (B, K, T, 2, bins) logits of the discrete head, else (B, K, T, 2, 0).
        """
        raw = self.layers(states).float()
        shape = raw.shape[:-1]
        nothing = raw.new_zeros((*shape, 2, 0))
        if self.config.head is Head.DIRECT:
            direction = functional.normalize(raw[..., 2:] + raw.new_tensor([0.0, 1.0]), dim=-1, eps=1e-4)
            return (
                torch.cat([raw[..., :2] * _POSITION_SCALE_M, direction], -1),
                raw.new_zeros((*shape, 2)),
                nothing,
            )
        bounds = action_bounds(self.config, raw)
        if self.config.head is Head.DISCRETE:
            logits = raw.unflatten(-1, (2, self.config.num_action_bins))
            actions = actions_of(logits.argmax(-1), bounds, self.config.num_action_bins)  # no gradient
        else:
            logits = nothing
            mean, std = action_mean_std(self.config, raw)
            # tanh keeps the bounds and, other than clipping, a gradient near them.
            actions = bounds * torch.tanh((raw * std + mean) / bounds)
        poses = integrate(actions, v0_mps.unsqueeze(1).expand(shape[:2]))
        direction = torch.stack([torch.sin(poses[..., 2]), torch.cos(poses[..., 2])], -1)
        return torch.cat([poses[..., :2], direction], -1).float(), actions, logits


class LightHead(nn.Module):
    """Attention pool over the cells of the pictures -> what the traffic light says.

    A light is some pixels of a picture and half of what a plan depends on; who is shown plans alone needs far
    more of them to find it.
    """

    def __init__(self, config: StudentConfig) -> None:
        super().__init__()
        self.query = nn.Parameter(torch.randn(1, 1, config.dim) * 0.02)
        self.attention = nn.MultiheadAttention(config.dim, config.heads, batch_first=True)
        self.norm = nn.LayerNorm(config.dim)
        self.classes = nn.Linear(config.dim, len(Light))

    def forward(self, views: Tensor, ego: Tensor) -> tuple[Tensor, Tensor]:
        """(B, N, D) cells and (B, 1, D) the ego token -> (B, 1, D) what it found, and (B, 3) logits."""
        pooled, _ = self.attention(self.query + ego, views, views, need_weights=False)
        found = self.norm(pooled)
        return found, self.classes(found.squeeze(1)).float()


class TextHead(nn.Module):
    """Attention pool over the decoder's states -> a unit vector in the space of sentence embeddings."""

    def __init__(self, config: StudentConfig) -> None:
        super().__init__()
        self.query = nn.Parameter(torch.randn(1, 1, config.dim) * 0.02)
        self.attention = nn.MultiheadAttention(config.dim, config.heads, batch_first=True)
        self.layers = nn.Sequential(
            nn.LayerNorm(config.dim),
            nn.Linear(config.dim, _TEXT_HIDDEN),
            nn.GELU(),
            nn.Linear(_TEXT_HIDDEN, TEXT_DIM),
        )

    def forward(self, states: Tensor) -> Tensor:
        """(B, N, D) -> (B, 384), of length 1."""
        query = self.query.expand(states.shape[0], -1, -1)
        pooled, _ = self.attention(query, states, states, need_weights=False)
        return functional.normalize(self.layers(pooled.squeeze(1)).float(), dim=-1)
