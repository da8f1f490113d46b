"""Cameras: `sensor.camera.rgb`, `depth`, `semantic_segmentation` and `instance_segmentation`."""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.render.annotations import annotate
from simulator.render.bloom import bloom
from simulator.render.camera import pinhole, view_matrix
from simulator.render.film import Exposure, Lens, bent, developed, grain, rain
from simulator.sensors.interface import (
    Attributes,
    Mounting,
    Observation,
    flag_of,
    number_of,
    number_within,
    pose_of,
)
from simulator.sensors.pixels import depth_pixels, instance_pixels, label_pixels
from simulator.wire.layouts import Pose, SensorType

MAX_SIDE_PX = 4096
"""Largest width and height of an image."""

FOV_DEG = (1.0, 170.0)
"""Horizontal angles that a flat image can have."""

_HEADER = struct.Struct("<IIf")  # width, height, horizontal angle of view in degrees


class Camera(ABC):
    """What all cameras have in common. Payload: width, height, angle of view, then the pixels: B, G, R, A."""

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
        return (self.message(self.pixels(observation)),)

    def message(self, content: NDArray[Any]) -> bytes:
        """Width, height, angle of view, then the bytes of an array."""
        return b"".join((self._header, np.ascontiguousarray(content).data))

    def pixels(self, observation: Observation) -> NDArray[Any]:
        """(H, W, C) what the sensor saw, through its lens."""
        return bent(self._seen(observation, pose_of(observation.own_state)), self._sources)

    @abstractmethod
    def _seen(self, observation: Observation, pose: Pose) -> NDArray[Any]:
        """(H, W, C) what a pinhole at a pose sees."""


class ColourCamera(Camera):
    """`sensor.camera.rgb`. docs/sensors.md says which attributes of the post-processing count."""

    type = SensorType.RGB

    def __init__(self, mounting: Mounting) -> None:
        super().__init__(mounting)
        attributes = mounting.attributes
        exposure, bloom_intensity = _exposure_of(attributes), number_of(attributes, "bloom_intensity")
        is_processed = flag_of(attributes, "enable_postprocess_effects")
        self._film = exposure.table() if is_processed else None
        self._bloom = max(bloom_intensity, 0.0) if is_processed else 0.0
        self._grain = mounting.grain if is_processed else 0.0
        self._seed = 8191 * mounting.seed + mounting.actor.id
        self._pinhole = pinhole(*self._lens)
        self._shots = 0

    def _seen(self, observation: Observation, pose: Pose) -> NDArray[np.uint8]:
        sight = observation.sight()
        frame = sight.picture(self._lens, pose)
        precipitation, wind = sight.rain
        self._shots += 1  # not the time, which says when the server was started
        annotations, pixels = observation.annotations(), frame.bgra
        if precipitation > 0.0 or sight.dark > 0.0 or annotations or self._grain > 0.0:
            pixels = pixels.copy()  # cameras of the same place share the frame
        rain(pixels, precipitation, wind, self._shots)
        bloom(pixels, self._bloom * sight.dark)
        if annotations:
            annotate(pixels, frame.depth, self._pinhole, view_matrix(pose), annotations)
        pixels = developed(pixels, self._film)
        grain(pixels, self._grain, self._seed, self._shots)
        return pixels


class DepthCamera(Camera):
    """`sensor.camera.depth`."""

    type = SensorType.DEPTH

    def _seen(self, observation: Observation, pose: Pose) -> NDArray[np.uint8]:
        return depth_pixels(observation.sight().picture(self._lens, pose).depth)


class SemanticCamera(Camera):
    """`sensor.camera.semantic_segmentation`."""

    type = SensorType.SEMANTIC_SEGMENTATION

    def _seen(self, observation: Observation, pose: Pose) -> NDArray[np.uint8]:
        return label_pixels(observation.sight().picture(self._lens, pose).label)


class InstanceCamera(Camera):
    """`sensor.camera.instance_segmentation`: ids of actors; things of the level count down from 65535."""

    type = SensorType.INSTANCE_SEGMENTATION

    def _seen(self, observation: Observation, pose: Pose) -> NDArray[np.uint8]:
        frame = observation.sight().picture(self._lens, pose)
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
