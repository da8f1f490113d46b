"""Messages of the real client's motion sensors as arrays."""

from __future__ import annotations

import carla
import numpy as np
from numpy.typing import NDArray

EVENT = np.dtype([("x", "<u2"), ("y", "<u2"), ("t", "<i8"), ("pol", "?")])


def flow(image: object) -> NDArray[np.float64]:
    """(H, W, 2) motion in pixels, to the right and downwards, as CARLA's users decode it."""
    assert isinstance(image, carla.OpticalFlowImage)
    raw = np.frombuffer(image.raw_data, np.float32).reshape(image.height, image.width, 2)
    return np.asarray(raw * np.array([image.width / 2.0, -image.height / 2.0]))


def events(message: object) -> NDArray[np.void]:
    """(N,) EVENT."""
    assert isinstance(message, carla.DVSEventArray)
    return np.frombuffer(message.raw_data, EVENT)


def detections(message: object) -> NDArray[np.float64]:
    """(N, 4) velocity, azimuth, altitude, depth."""
    assert isinstance(message, carla.RadarMeasurement)
    return np.frombuffer(message.raw_data, np.float32).reshape(-1, 4).astype(np.float64)


def rays(found: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 3) unit vectors of detections in the radar's frame: x forward, y right, z up."""
    azimuth, altitude = found[:, 1], found[:, 2]
    flat = np.cos(altitude)
    return np.stack([flat * np.cos(azimuth), flat * np.sin(azimuth), np.sin(altitude)], axis=1)
