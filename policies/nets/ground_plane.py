"""Feature maps of cameras -> features on the ground, by projecting each cell's centre into the pictures."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

_NEAREST_M = 0.5


def cell_centres(x_m: tuple[float, float], y_m: tuple[float, float], cells: tuple[int, int]) -> Tensor:
    """(Nx, Ny, 2) x, y of the cells' centres in the ego frame, m."""
    x_step, y_step = (x_m[1] - x_m[0]) / cells[0], (y_m[1] - y_m[0]) / cells[1]
    x = x_m[0] + (torch.arange(cells[0], dtype=torch.float32) + 0.5) * x_step
    y = y_m[0] + (torch.arange(cells[1], dtype=torch.float32) + 0.5) * y_step
    return torch.stack(torch.meshgrid(x, y, indexing="ij"), -1)


class GroundPlane(nn.Module):
    """Samples camera features where each ground cell is seen; cells seen by several cameras get the mean.

    The ground is the plane z = 0 of the ego frame.
    """

    def __init__(self, x_m: tuple[float, float], y_m: tuple[float, float], cells: tuple[int, int]) -> None:
        super().__init__()
        centres = cell_centres(x_m, y_m, cells).reshape(-1, 2)
        points = torch.cat([centres, torch.zeros(len(centres), 1), torch.ones(len(centres), 1)], 1)
        self.cells = cells
        self.points: Tensor
        self.register_buffer("points", points, persistent=False)

    def forward(self, maps: Tensor, ego_to_image: Tensor) -> tuple[Tensor, Tensor]:
        """Project.

        Args:
            maps: (B, C, D, h, w) features of C cameras.
            ego_to_image: (B, C, 3, 4), see `policies.student.features.Features`.

        Returns:
            (B, D, Nx, Ny) features, and (B, 1, Nx, Ny) the share of cameras that see the cell.
        """
        batch, cameras = maps.shape[:2]
        projected = torch.einsum("bcij,nj->bcni", ego_to_image.float(), self.points)
        depth = projected[..., 2]
        uv = projected[..., :2] / depth.clamp(min=_NEAREST_M).unsqueeze(-1)
        seen = (depth > _NEAREST_M) & (uv.abs() <= 1.0).all(-1)
        sampled = functional.grid_sample(
            maps.flatten(0, 1),
            uv.flatten(0, 1).unsqueeze(1).to(maps.dtype),
            mode="bilinear",
            padding_mode="zeros",
            align_corners=False,
        )  # (B C, D, 1, N)
        sampled = sampled.reshape(batch, cameras, maps.shape[2], -1)
        weight = seen.to(maps.dtype).unsqueeze(2)
        count = weight.sum(1)
        mean = (sampled * weight).sum(1) / count.clamp(min=1.0)
        return mean.reshape(*mean.shape[:2], *self.cells), (count / cameras).reshape(batch, 1, *self.cells)
