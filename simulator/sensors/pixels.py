"""Pixels: from a drawn frame to the bytes B, G, R, A that CARLA sends for each kind of camera."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

_OPTIONS: Any = {"cache": True, "parallel": True, "nogil": True}

DEPTH_RANGE_M = 1000.0
"""What the largest of CARLA's 24-bit depths stands for."""

_DEPTH_STEPS = 16_777_215.0  # 2**24 - 1


def warm_up() -> None:
    """Compile the kernels, or load them from the cache."""
    depth_pixels(np.zeros((1, 1), np.float32))
    instance_pixels(np.zeros((1, 1), np.uint8), np.zeros((1, 1), np.int32))


def depth_pixels(depth_m: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(H, W, 4) CARLA's depth image: R + 256 G + 65536 B in steps of 1000 m / (2^24 - 1).

    Args:
        depth_m: (H, W) along the camera's axis.
    """
    pixels = np.empty((*depth_m.shape, 4), np.uint8)
    _pack_depth(depth_m, pixels)
    return pixels


def label_pixels(label: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W, 4) CARLA's semantic image: the tag in R.

    Args:
        label: (H, W).
    """
    pixels = np.zeros((*label.shape, 4), np.uint8)
    pixels[:, :, 2], pixels[:, :, 3] = label, 255
    return pixels


def instance_pixels(label: NDArray[np.uint8], instance: NDArray[np.int32]) -> NDArray[np.uint8]:
    """(H, W, 4) CARLA's instance image: the tag in R, the low byte of the id in G, the next one in B.

    Args:
        label: (H, W).
        instance: (H, W).
    """
    pixels = np.empty((*label.shape, 4), np.uint8)
    _pack_instances(label, instance, pixels)
    return pixels


@numba.njit(**_OPTIONS)
def _pack_depth(depth_m, pixels):  # type: ignore[no-untyped-def]
    height, width = depth_m.shape
    for y in numba.prange(height):
        for x in range(width):
            share = min(max(np.float64(depth_m[y, x]) / DEPTH_RANGE_M, 0.0), 1.0)
            steps = np.uint32(share * _DEPTH_STEPS + 0.5)
            pixels[y, x, 0] = np.uint8((steps >> np.uint32(16)) & np.uint32(255))
            pixels[y, x, 1] = np.uint8((steps >> np.uint32(8)) & np.uint32(255))
            pixels[y, x, 2] = np.uint8(steps & np.uint32(255))
            pixels[y, x, 3] = np.uint8(255)


@numba.njit(**_OPTIONS)
def _pack_instances(label, instance, pixels):  # type: ignore[no-untyped-def]
    height, width = label.shape
    for y in numba.prange(height):
        for x in range(width):
            number = np.uint32(instance[y, x])
            pixels[y, x, 0] = np.uint8((number >> np.uint32(8)) & np.uint32(255))
            pixels[y, x, 1] = np.uint8(number & np.uint32(255))
            pixels[y, x, 2] = label[y, x]
            pixels[y, x, 3] = np.uint8(255)
