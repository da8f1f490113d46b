"""Cameras: `sensor.camera.rgb`, `depth`, `semantic_segmentation` and `instance_segmentation`."""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from simulator.render.camera import Frame
from simulator.sensors.interface import Attributes, Mounting, Observation, number_of, number_within, pose_of
from simulator.sensors.pixels import depth_pixels, instance_pixels, label_pixels
from simulator.wire.layouts import SensorType

MAX_SIDE_PX = 4096
"""Largest width and height of an image."""

FOV_DEG = (1.0, 170.0)
"""Horizontal angles that a flat image can have."""

_HEADER = struct.Struct("<IIf")  # width, height, horizontal angle of view in degrees
_GAMMA = 2.2


class Camera(ABC):
    """What all cameras have in common. Payload: width, height, angle of view, then B, G, R, A by pixel."""

    type: SensorType

    def __init__(self, mounting: Mounting) -> None:
        attributes = mounting.attributes
        width = int(number_within(attributes, "image_size_x", 1, MAX_SIDE_PX))
        height = int(number_within(attributes, "image_size_y", 1, MAX_SIDE_PX))
        fov_deg = number_within(attributes, "fov", *FOV_DEG)
        self._lens = (width, height, fov_deg)
        self._header = _HEADER.pack(width, height, fov_deg)

    def measure(self, observation: Observation) -> tuple[bytes, ...]:
        """See `Sensor.measure`."""
        frame = observation.sight().picture(self._lens, pose_of(observation.own_state))
        return (self._header + self._pixels(frame).tobytes(),)

    @abstractmethod
    def _pixels(self, frame: Frame) -> NDArray[np.uint8]:
        """(H, W, 4) B, G, R, A."""


class ColourCamera(Camera):
    """`sensor.camera.rgb`. Of the post-processing `gamma` and `exposure_compensation` (in stops) count."""

    type = SensorType.RGB

    def __init__(self, mounting: Mounting) -> None:
        super().__init__(mounting)
        self._curve = _tone_curve(mounting.attributes)

    def _pixels(self, frame: Frame) -> NDArray[np.uint8]:
        if self._curve is None:
            return frame.bgra
        pixels = self._curve[frame.bgra]
        pixels[:, :, 3] = 255
        return pixels


class DepthCamera(Camera):
    """`sensor.camera.depth`."""

    type = SensorType.DEPTH

    def _pixels(self, frame: Frame) -> NDArray[np.uint8]:
        return depth_pixels(frame.depth)


class SemanticCamera(Camera):
    """`sensor.camera.semantic_segmentation`."""

    type = SensorType.SEMANTIC_SEGMENTATION

    def _pixels(self, frame: Frame) -> NDArray[np.uint8]:
        return label_pixels(frame.label)


class InstanceCamera(Camera):
    """`sensor.camera.instance_segmentation`: ids of actors; things of the level count down from 65535."""

    type = SensorType.INSTANCE_SEGMENTATION

    def _pixels(self, frame: Frame) -> NDArray[np.uint8]:
        return instance_pixels(frame.label, frame.instance)


def _tone_curve(attributes: Attributes) -> NDArray[np.uint8] | None:
    """(256,) answer to each value of a picture, None if nothing changes.

    Raises:
        BadAttributeError: a number that no film has.
    """
    gamma = number_within(attributes, "gamma", 0.1, 10.0)
    stops = number_of(attributes, "exposure_compensation")
    if gamma == _GAMMA and stops == 0.0:
        return None
    light = (np.arange(256) / 255.0) ** _GAMMA * 2.0 ** min(max(stops, -20.0), 20.0)
    return np.asarray(np.rint(255.0 * np.minimum(light, 1.0) ** (1.0 / gamma)), np.uint8)
