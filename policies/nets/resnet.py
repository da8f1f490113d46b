"""ResNet feature maps (He et al. 2015), with bottlenecks that stride in the 3x3 convolution.

Our own, because the well-kept libraries either need torchvision (whose published wheel breaks a CPU torch) or
bring all of transformers into every process that drives. Parameter names are those of the published
ImageNet weights (`conv1.weight`, `layer1.0.bn2.bias`, ...), so that `load_pretrained` takes them.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

_BLOCKS = {18: (2, 2, 2, 2), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}


class _Basic(nn.Module):
    expansion = 1

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample = _shortcut(channels_in, channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))


class _Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        wide = channels * self.expansion
        self.conv1 = nn.Conv2d(channels_in, channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, wide, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(wide)
        self.downsample = _shortcut(channels_in, wide, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.bn1(self.conv1(x)))
        y = torch.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))


def _shortcut(channels_in: int, channels_out: int, stride: int) -> nn.Sequential | None:
    if stride == 1 and channels_in == channels_out:
        return None
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 1, stride, bias=False), nn.BatchNorm2d(channels_out)
    )


class ResNet(nn.Module):
    """Feature maps of a ResNet.

    Args:
        depth: 18, 50 or 101.
        channels_in: of the input.
        stages: 2 (the last map has stride 8) to 4 (stride 32).
        width: channels of the stem and the first stage; each further stage has twice as many (published: 64).
        gradient_checkpointing: recompute each stage in the backward pass.

    Attributes:
        channels_out: of the last two maps, the finer first.
    """

    def __init__(
        self,
        depth: int,
        channels_in: int,
        stages: int = 4,
        width: int = 64,
        *,
        gradient_checkpointing: bool = False,
    ) -> None:
        super().__init__()
        block: type[_Basic] | type[_Bottleneck] = _Basic if depth == 18 else _Bottleneck
        self.conv1 = nn.Conv2d(channels_in, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.stages = stages
        self.gradient_checkpointing = gradient_checkpointing
        before, made = width, []
        for stage in range(stages):
            channels = width * 2**stage
            blocks: list[nn.Module] = []
            for index in range(_BLOCKS[depth][stage]):
                blocks.append(block(before, channels, 2 if stage and index == 0 else 1))
                before = channels * block.expansion
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))
            made.append(before)
        self.channels_out = (made[-2], made[-1])
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, channels_in, H, W) -> the last two maps, the finer first."""
        x = self.maxpool(torch.relu(self.bn1(self.conv1(x))))
        finer = x
        for stage in range(self.stages):
            finer, layer = x, self.get_submodule(f"layer{stage + 1}")
            if self.gradient_checkpointing and self.training and torch.is_grad_enabled():
                x = checkpoint(layer, x, use_reentrant=False)
            else:
                x = layer(x)
        return finer, x

    def load_pretrained(self, weights: Mapping[str, Tensor]) -> int:
        """Take weights that fit by name and shape; those of 3-channel stems are spread over all frames.

        Returns:
            How many tensors were taken.

        Raises:
            ValueError: none fits: these are not a ResNet's weights of this depth.
        """
        own = self.state_dict()
        taken = {}
        for name, value in weights.items():
            key = name.removeprefix("backbone.").removeprefix("module.")
            if key == "conv1.weight" and value.shape[1] == 3 and own[key].shape[1] % 3 == 0:
                frames = own[key].shape[1] // 3
                value = value.repeat(1, frames, 1, 1) / frames
            if key in own and own[key].shape == value.shape:
                taken[key] = value
        if len(taken) < len(own) // 2:
            raise ValueError(
                f"only {len(taken)} of {len(own)} tensors fit; are these weights of this ResNet?"
            )
        self.load_state_dict({**own, **taken})
        return len(taken)
