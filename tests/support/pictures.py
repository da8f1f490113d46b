"""Images and scans of the real client as arrays, and where places of the world are in them."""

from __future__ import annotations

import math

import carla
import numpy as np
from numpy.typing import NDArray

SEMANTIC_POINT = np.dtype([("place", "<f4", 3), ("cosine", "<f4"), ("actor", "<u4"), ("label", "<u4")])


def pixels(image: object) -> NDArray[np.uint8]:
    """(H, W, 4) B, G, R, A."""
    assert isinstance(image, carla.Image)
    raw = np.frombuffer(image.raw_data, np.uint8)
    return raw.reshape(image.height, image.width, 4)


def depth_m(image: object) -> NDArray[np.float64]:
    """(H, W) m, decoded as CARLA documents it."""
    blue, green, red, _ = np.moveaxis(pixels(image).astype(np.float64), -1, 0)
    return np.asarray((red + 256.0 * green + 65536.0 * blue) / (2**24 - 1) * 1000.0)


def tags(image: object) -> NDArray[np.uint8]:
    """(H, W) of a semantic or an instance image."""
    return pixels(image)[:, :, 2]


def instances(image: object) -> NDArray[np.int64]:
    """(H, W) ids of an instance image."""
    found = pixels(image).astype(np.int64)
    return found[:, :, 1] + 256 * found[:, :, 0]


def points(scan: object) -> NDArray[np.float32]:
    """(N, 4) x, y, z, intensity."""
    assert isinstance(scan, carla.LidarMeasurement)
    return np.frombuffer(scan.raw_data, np.float32).reshape(-1, 4)


def semantic_points(scan: object) -> NDArray[np.void]:
    """(N,) SEMANTIC_POINT."""
    assert isinstance(scan, carla.SemanticLidarMeasurement)
    return np.frombuffer(scan.raw_data, SEMANTIC_POINT)


def in_sensor(transform: carla.Transform, places: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 3) world places in the frame of a sensor: x forward, y right, z up."""
    matrix = np.array(transform.get_inverse_matrix())
    return np.asarray(places @ matrix[:3, :3].T + matrix[:3, 3])


def in_world(transform: carla.Transform, places: NDArray[np.floating]) -> NDArray[np.float64]:
    """(N, 3) places in the frame of a sensor in the world."""
    matrix = np.array(transform.get_matrix())
    return np.asarray(places.astype(np.float64) @ matrix[:3, :3].T + matrix[:3, 3])


def project(image: carla.Image, places: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 3) pixel x, pixel y and depth m of world places, as CARLA's own examples project them."""
    seen = in_sensor(image.transform, places)
    focal = image.width / (2.0 * math.tan(math.radians(image.fov) / 2.0))
    return np.stack(
        [
            image.width / 2.0 + focal * seen[:, 1] / seen[:, 0],
            image.height / 2.0 - focal * seen[:, 2] / seen[:, 0],
            seen[:, 0],
        ],
        axis=1,
    )
