"""`sensor.camera.normals`, `sensor.camera.optical_flow` and `sensor.camera.dvs`."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from simulator.render.events import EventCamera, EventSettings
from simulator.sensors.camera import Camera, ColourCamera
from simulator.sensors.interface import Attributes, Mounting, Observation, flag_of, number_of, number_within
from simulator.sensors.sight import Standpoint
from simulator.wire.layouts import Pose, SensorType

_THRESHOLDS = (0.01, 1e6)
"""Contrasts below CARLA's own least one would give events without end."""


class NormalsCamera(Camera):
    """`sensor.camera.normals`: R, G, B are x, y, z of the normal in the world, -1 .. 1 as 0 .. 255.

    CARLA's did so from 0.9.16 on (its pull request 8859); before, normals were those of the camera's frame.
    """

    type = SensorType.NORMALS

    def _seen(self, observation: Observation, pose: Pose) -> NDArray[np.uint8]:
        return observation.sight().normals(self._lens, pose)


class FlowCamera(Camera):
    """`sensor.camera.optical_flow`. Payload: width, height, angle of view, then x, y as float32 by pixel.

    How far what is seen at a pixel has moved since the camera's picture before, x to the right in half widths
    and y upwards in half heights. The first picture has no motion.
    """

    type = SensorType.OPTICAL_FLOW

    def __init__(self, mounting: Mounting) -> None:
        super().__init__(mounting)
        self._before: Standpoint | None = None

    def _seen(self, observation: Observation, pose: Pose) -> NDArray[np.float32]:
        flow, self._before = observation.sight().flow(self._lens, pose, self._before)
        return flow


class EventSensor(ColourCamera):
    """`sensor.camera.dvs`. Payload: width, height, angle of view, then events of 13 bytes in order of time.

    Nothing is sent in a tick without events, as in CARLA.
    """

    type = SensorType.DVS

    def __init__(self, mounting: Mounting) -> None:
        super().__init__(mounting)
        self._events = EventCamera(_settings_of(mounting.attributes), self._seed)

    def measure(self, observation: Observation) -> tuple[bytes, ...]:
        """See `Sensor.measure`."""
        events = self._events.look(self.pixels(observation), observation.now_s)
        return (self.message(events),) if len(events) else ()


def _settings_of(attributes: Attributes) -> EventSettings:
    """Thresholds of an event camera.

    Raises:
        BadAttributeError: a number that no such camera has.
    """
    numbers = {
        field.name: number_of(attributes, field.name)
        for field in fields(EventSettings)
        if field.name.startswith("sigma_")
    }
    return EventSettings(
        **numbers,
        positive_threshold=number_within(attributes, "positive_threshold", *_THRESHOLDS),
        negative_threshold=number_within(attributes, "negative_threshold", *_THRESHOLDS),
        refractory_period_ns=int(number_within(attributes, "refractory_period_ns", 0.0, 1e18)),
        use_log=flag_of(attributes, "use_log"),
        log_eps=number_within(attributes, "log_eps", 1e-9, 1e6),
    )
