"""Student: pictures of a few cameras -> a plan of 6.4 s, and a text embedding.

Stacked frames go through one ResNet per camera (shared weights); the maps are projected onto the ground
plane;
a DETR-style decoder asks the ground cells, the ego's history and the route with one query per plan step
(and mode).
The design is that of alpamayo-r1-distilled (facts; the code is ours), with the route added for closed loop.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from policies.nets.ground_plane import GroundPlane
from policies.nets.resnet import ResNet
from policies.nets.student.heads import LightHead, PlanHead, TextHead
from policies.nets.student.route_queries import RouteQueries
from policies.sensor_bundle import Command
from policies.student.config import HISTORY_STEPS, PLAN_STEPS, TEXT_DIM, StudentConfig

_IMAGE_MEAN = (0.485, 0.456, 0.406)
_IMAGE_STD = (0.229, 0.224, 0.225)


def number_format(device: torch.device) -> torch.dtype:
    """What convolutions compute in here: half precision under autocast, else float32."""
    if torch.is_autocast_enabled(device.type):
        return torch.get_autocast_dtype(device.type)
    return torch.float32


class StudentOutput(NamedTuple):
    """What a student answers; names are the ONNX outputs' names.

    Attributes:
        plan: (B, K, 64, 4) x, y m, sine and cosine of yaw, at 0.1 s steps in the ego frame of now.
        mode_logits: (B, K).
        actions: (B, K, 64, 2) acceleration m/s² and curvature 1/m; zeros of the direct head.
        action_logits: (B, K, 64, 2, bins) of the discrete head, else with 0 bins.
        text: (B, 384) unit vector; zeros without the text head.
        light_logits: (B, 3) of `Light`; (B, 0) without the light head.
    """

    plan: Tensor
    mode_logits: Tensor
    actions: Tensor
    action_logits: Tensor
    text: Tensor
    light_logits: Tensor


class Student(nn.Module):
    """The network of `StudentConfig`."""

    def __init__(self, config: StudentConfig) -> None:
        super().__init__()
        self.config = config
        dim = config.dim
        self.backbone = ResNet(
            config.backbone,
            3 * config.frames,
            config.backbone_stages,
            config.backbone_width,
            gradient_checkpointing=config.gradient_checkpointing,
        )
        fine, coarse = self.backbone.channels_out
        self.lateral_fine = nn.Conv2d(fine, dim, 1)
        self.lateral_coarse = nn.Conv2d(coarse, dim, 1)
        cells = config.bev_cells
        tokens = (cells[0] // config.bev_pool, cells[1] // config.bev_pool)
        self.ground = GroundPlane(config.bev_x_m, config.bev_y_m, cells)
        self.cell_norm = nn.LayerNorm(dim)
        self.cell_embedding = nn.Parameter(torch.randn(1, tokens[0] * tokens[1], dim) * 0.02)
        self.unseen = nn.Parameter(torch.zeros(dim))
        if config.view_tokens:
            views = len(config.cameras) * config.view_cells[0] * config.view_cells[1]
            self.view_embedding = nn.Parameter(torch.randn(1, views, dim) * 0.02)
            self.view_norm = nn.LayerNorm(dim)
        self.light_head = LightHead(config) if config.light_head else None
        # The route is in the ego token, too: plan steps need not look for the way among the cells.
        known = HISTORY_STEPS * 6 + 1 + 2 * config.route_count
        self.history = nn.Sequential(nn.Linear(known, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))
        self.command = nn.Linear(len(Command), dim, bias=False)
        self.route = nn.Linear(2, dim) if config.route_count else None
        if config.route_count:
            self.route_embedding = nn.Parameter(torch.randn(1, config.route_count, dim) * 0.02)
        self.route_queries = RouteQueries(config) if config.route_count > 1 else None
        self.time_queries = nn.Parameter(torch.randn(1, 1, PLAN_STEPS, dim) * 0.02)
        self.mode_queries = nn.Parameter(torch.randn(1, config.num_modes, 1, dim) * 0.02)
        self.decoder = nn.ModuleList(
            nn.TransformerDecoderLayer(
                dim, config.heads, config.ffn, config.dropout, "gelu", batch_first=True, norm_first=True
            )
            for _ in range(config.layers)
        )
        self.out_norm = nn.LayerNorm(dim)
        self.plan_head = PlanHead(config)
        self.mode_head = nn.Linear(dim, 1)
        self.text_head = TextHead(config) if config.reasoning else None
        self.image_scale: Tensor
        self.image_shift: Tensor
        mean, std = (torch.tensor(v * config.frames)[:, None, None] for v in (_IMAGE_MEAN, _IMAGE_STD))
        self.register_buffer("image_scale", 1.0 / (255.0 * std), persistent=False)
        self.register_buffer("image_shift", mean / std, persistent=False)

    def forward(
        self,
        images: Tensor,
        ego_to_image: Tensor,
        ego_history: Tensor,
        v0_mps: Tensor,
        route: Tensor,
        command: Tensor,
    ) -> StudentOutput:
        """Plan. Arguments are those of `policies.student.features.Features` with a leading batch axis B.

        `images` may also come as floats in [0, 255] (augmented).
        """
        memory, lights = self._memory(images, ego_to_image, ego_history, v0_mps, route, command)
        batch = images.shape[0]
        queries = (self.time_queries + self.mode_queries).expand(batch, -1, -1, -1)
        if self.route_queries is not None:
            queries = queries + self.route_queries(route, v0_mps)[:, None]
        states = queries.flatten(1, 2)
        # The ego token, and the light if there is such a head: every query knows the present motion.
        states = states + memory[:, :1]
        for layer in self.decoder:
            if self.config.gradient_checkpointing and self.training and torch.is_grad_enabled():
                states = checkpoint(layer, states, memory, use_reentrant=False)
            else:
                states = layer(states, memory)
        states = self.out_norm(states)
        by_mode = states.unflatten(1, (self.config.num_modes, PLAN_STEPS))
        plan, actions, logits = self.plan_head(by_mode, v0_mps)
        modes = self.mode_head(by_mode.mean(2)).squeeze(-1).float()
        text = states.new_zeros((batch, TEXT_DIM)) if self.text_head is None else self.text_head(states)
        return StudentOutput(plan, modes, actions, logits, text, lights)

    def _memory(
        self,
        images: Tensor,
        ego_to_image: Tensor,
        ego_history: Tensor,
        v0_mps: Tensor,
        route: Tensor,
        command: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Tokens and the light's logits.

        Tokens are (B, 1 + R + views + cells, D): the ego, the route, cells of pictures, cells of the ground.
        """
        batch, cameras = images.shape[:2]
        kind = number_format(images.device)
        pixels = images.flatten(0, 1).contiguous(memory_format=torch.channels_last).to(kind)
        pixels = pixels * self.image_scale.to(kind) - self.image_shift.to(kind)
        fine, coarse = self.backbone(pixels)
        maps, coarse = self.lateral_fine(fine), self.lateral_coarse(coarse)
        maps = maps + functional.interpolate(
            coarse, size=maps.shape[-2:], mode="bilinear", align_corners=False
        )
        ground, seen = self.ground(maps.unflatten(0, (batch, cameras)), ego_to_image)
        if self.config.bev_pool > 1:
            ground = functional.avg_pool2d(ground, self.config.bev_pool)
            seen = functional.avg_pool2d(seen, self.config.bev_pool)
        cells = self.cell_norm(ground.flatten(2).transpose(1, 2))
        cells = cells + self.cell_embedding
        cells = cells + (seen.flatten(2).transpose(1, 2) <= 0.0).to(cells.dtype) * self.unseen
        motion = torch.cat([ego_history.flatten(1) / 5.0, v0_mps[:, None] / 10.0, route.flatten(1)], 1)
        ego = (self.history(motion) + self.command(command)).unsqueeze(1)
        lights = ego_history.new_zeros((batch, 0))
        tokens = []
        if self.route is not None:
            tokens.append((self.route(route) + self.route_embedding).to(cells.dtype))
        if self.config.view_tokens:
            views = coarse.flatten(2).transpose(1, 2).reshape(batch, -1, self.config.dim)
            views = (self.view_norm(views) + self.view_embedding).to(cells.dtype)
            tokens.append(views)
            if self.light_head is not None:
                found, lights = self.light_head(views, ego.to(cells.dtype))
                ego = ego + found
        return torch.cat([ego.to(cells.dtype), *tokens, cells], 1), lights
