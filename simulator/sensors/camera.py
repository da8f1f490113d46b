"""Cameras: `sensor.camera.rgb`, `depth`, `semantic_segmentation` and `instance_segmentation`."""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from simulator.render.camera import Frame
from simulator.render.film import Exposure, Lens, rain, through
from simulator.sensors.interface import Attributes, Mounting, Observation, number_of, number_within, pose_of
from simulator.sensors.pixels import depth_pixels, instance_pixels, label_pixels
from simulator.wire.layouts import SensorType

MAX_SIDE_PX = 4096
"""Largest width and height of an image."""

FOV_DEG = (1.0, 170.0)
"""Horizontal angles that a flat image can have."""

_HEADER = struct.Struct("<IIf")  # width, height, horizontal angle of view in degrees


class Camera(ABC):
    """What all cameras have in common. Payload: width, height, angle of view, then B, G, R, A by pixel."""

    type: SensorType

    def __init__(self, mounting: Mounting) -> None:
        attributes = mounting.attributes
        width = int(number_within(attributes, "image_size_x", 1, MAX_SIDE_PX))
        height = int(number_within(attributes, "image_size_y", 1, MAX_SIDE_PX))
        fov_deg = number_within(attributes, "fov", *FOV_DEG)
        self._lens = (width, height, fov_deg)
        self._sources = _lens_of(attributes).sources(width, height)
        self._header = _HEADER.pack(width, height, fov_deg)

    def measure(self, observation: Observation) -> tuple[bytes, ...]:
        """See `Sensor.measure`."""
        frame = observation.sight().picture(self._lens, pose_of(observation.own_state))
        pixels = through(self._pixels(frame, observation), self._sources, None)
        return (b"".join((self._header, pixels.data)),)

    @abstractmethod
    def _pixels(self, frame: Frame, observation: Observation) -> NDArray[np.uint8]:
        """(H, W, 4) B, G, R, A before they go through the lens."""


class ColourCamera(Camera):
    """`sensor.camera.rgb`. Of the post-processing only the attributes of `Exposure` count."""

    type = SensorType.RGB

    def __init__(self, mounting: Mounting) -> None:
        super().__init__(mounting)
        self._film = _exposure_of(mounting.attributes).table()
        self._shots = 0

    def _pixels(self, frame: Frame, observation: Observation) -> NDArray[np.uint8]:
        precipitation, wind = observation.sight().rain
        pixels = frame.bgra
        self._shots += 1  # not the time, which says when the server was started
        if precipitation > 0.0:
            pixels = pixels.copy()  # cameras of the same place share the frame
            rain(pixels, precipitation, wind, self._shots)
        return through(pixels, None, self._film)


class DepthCamera(Camera):
    """`sensor.camera.depth`."""

    type = SensorType.DEPTH

    def _pixels(self, frame: Frame, _observation: Observation) -> NDArray[np.uint8]:
        return depth_pixels(frame.depth)


class SemanticCamera(Camera):
    """`sensor.camera.semantic_segmentation`."""

    type = SensorType.SEMANTIC_SEGMENTATION

    def _pixels(self, frame: Frame, _observation: Observation) -> NDArray[np.uint8]:
        return label_pixels(frame.label)


class InstanceCamera(Camera):
    """`sensor.camera.instance_segmentation`: ids of actors; things of the level count down from 65535."""

    type = SensorType.INSTANCE_SEGMENTATION

    def _pixels(self, frame: Frame, _observation: Observation) -> NDArray[np.uint8]:
        return instance_pixels(frame.label, frame.instance)


def _lens_of(attributes: Attributes) -> Lens:
    """The lens of a camera.

    Raises:
        BadAttributeError: an attribute is no finite number.
    """
    return Lens(**{field.name: number_of(attributes, f"lens_{field.name}") for field in fields(Lens)})


def _exposure_of(attributes: Attributes) -> Exposure:
    """The film of a camera.

    Raises:
        BadAttributeError: a number that no film has.
    """
    return Exposure(
        gamma=number_within(attributes, "gamma", 0.1, 10.0),
        mode=attributes["exposure_mode"],
        compensation=number_within(attributes, "exposure_compensation", -20.0, 20.0),
        shutter_speed=number_within(attributes, "shutter_speed", 1e-3, 1e6),
        iso=number_within(attributes, "iso", 1e-3, 1e6),
        fstop=number_within(attributes, "fstop", 1e-3, 1e3),
    )
