"""What the route is like where the car will be at each step of the plan, if it goes on about as now."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from policies.student.config import PLAN_STEPS, StudentConfig
from policies.unicycle import DT_S

_ACCELERATIONS_MPS2 = (-1.5, 0.0, 1.5)
_NUMBERS = 5  # of a place: x, y, direction (2), curvature
_CURVATURE_SCALE_M = 10.0


class RouteQueries(nn.Module):
    """Adds to every plan step's query the route at the distances of three guesses at the speed.

    The path that a plan should take is in the route already, but as points by distance. A decoder that has to
    find out which of them belongs to which time cuts every bend for long.
    """

    def __init__(self, config: StudentConfig) -> None:
        super().__init__()
        self._spacing_m = config.route_spacing_m
        size = len(_ACCELERATIONS_MPS2) * _NUMBERS
        self.layers = nn.Sequential(nn.Linear(size, config.dim), nn.GELU(), nn.Linear(config.dim, config.dim))

    def forward(self, route: Tensor, v0_mps: Tensor) -> Tensor:
        """(B, R, 2) points of the route, as of `Features`, and (B,) speed in m/s -> (B, 64, D)."""
        return torch.as_tensor(self.layers(self.numbers(route.float(), v0_mps.float())))

    def numbers(self, route: Tensor, v0_mps: Tensor) -> Tensor:
        """(B, 64, 15): at each guess x, y (ego frame, scaled as the route), direction, curvature * 10 m."""
        nodes = self._nodes(route)
        t_s = torch.arange(1, PLAN_STEPS + 1, device=route.device, dtype=route.dtype) * DT_S
        places = []
        for acceleration in _ACCELERATIONS_MPS2:
            speed = v0_mps[:, None].clamp(min=0.0)
            driven = t_s if acceleration >= 0.0 else torch.minimum(t_s, speed / -acceleration)
            at = (speed * driven + 0.5 * acceleration * driven**2) / self._spacing_m
            at = at.clamp(max=float(nodes.shape[1] - 1))
            grid = torch.arange(nodes.shape[1], device=route.device, dtype=route.dtype)
            share = torch.relu(1.0 - (at[:, :, None] - grid).abs())
            places.append((share[..., None] * nodes[:, None]).sum(2))
        return torch.cat(places, -1)

    def _nodes(self, route: Tensor) -> Tensor:
        """(B, R + 1, 5): the points with one before the first, and direction and curvature there.

        Of the first two the curvature is 0: nothing is known of the route before them.
        """
        points = torch.cat([2.0 * route[:, :1] - route[:, 1:2], route], 1)
        step = points[:, 1:] - points[:, :-1]
        length = step.norm(dim=-1, keepdim=True)
        direction = step / length.clamp(min=1e-3)
        before = torch.cat([direction[:, :1], direction], 1)
        after = torch.cat([direction, direction[:, -1:]], 1)
        turn = before[..., 0] * after[..., 1] - before[..., 1] * after[..., 0]
        curvature = turn[..., None] * (_CURVATURE_SCALE_M / self._spacing_m)
        return torch.cat([points, 0.5 * (before + after), curvature], -1)
