"""`sensor.lidar.ray_cast` and `sensor.lidar.ray_cast_semantic`: rotating laser scanners.

How lasers, points and noise follow from the attributes is CARLA's (`ARayCastSemanticLidar::SimulateLidar`,
`ARayCastLidar`): each tick sweeps `rotation_frequency * horizontal_fov * delta` degrees from where the last
one ended, with `points_per_second * delta / channels` measurements per laser; points come laser after laser,
the highest one first, in the sensor's frame (x forward, y right, z up).
"""

from __future__ import annotations

import math
import struct

import numpy as np
from numpy.typing import NDArray

from simulator.render.lidar import Scan
from simulator.sensors.interface import (
    Mounting,
    Observation,
    noise_generator,
    number_of,
    number_within,
    pose_of,
)
from simulator.wire.layouts import SensorType

MAX_CHANNELS = 512
MAX_POINTS_PER_LASER = 16_384
"""Of one tick."""

STEEPEST_DEG = 79.5
"""Lasers that point further up or down are held there."""

_HEAD = struct.Struct("<fI")  # horizontal angle in rad, channels

_SEMANTIC_POINT = np.dtype([("place", "<f4", 3), ("cosine", "<f4"), ("actor", "<u4"), ("label", "<u4")])


class _Scanner:
    """Where the lasers point, tick after tick."""

    def __init__(self, mounting: Mounting) -> None:
        attributes = mounting.attributes
        self.channels = int(number_within(attributes, "channels", 1, MAX_CHANNELS))
        self.range_m = number_within(attributes, "range", 0.0, 10_000.0)
        self._points_per_s = number_within(attributes, "points_per_second", 0.0, 1e9)
        self._turns_hz = number_within(attributes, "rotation_frequency", 0.0, 1e6)
        self._fov_deg = number_within(attributes, "horizontal_fov", 0.0, 360.0)
        upper, lower = number_of(attributes, "upper_fov"), number_of(attributes, "lower_fov")
        lasers = np.linspace(upper, lower, self.channels) if self.channels > 1 else np.array([upper])
        steep = np.radians(np.clip(lasers, -STEEPEST_DEG, STEEPEST_DEG))
        self._elevation, self._laser = np.unique(steep, return_inverse=True)
        self._begin_deg = 0.0
        self._azimuth, self._unit = np.zeros(0), np.zeros((0, 3), np.float32)

    def turn(self, delta_s: float) -> tuple[NDArray[np.float64], float]:
        """(P,) azimuths of this tick in rad and in their order, and the horizontal angle after it in rad."""
        points = min(math.floor(self._points_per_s * delta_s / self.channels + 0.5), MAX_POINTS_PER_LASER)
        if points == 0 or self._fov_deg == 0.0:
            return np.zeros(0), math.radians(self._begin_deg)
        sweep_deg = self._turns_hz * self._fov_deg * delta_s
        angles = np.fmod(self._begin_deg + sweep_deg / points * np.arange(points), self._fov_deg)
        self._begin_deg = math.fmod(self._begin_deg + sweep_deg, self._fov_deg)
        return np.radians(angles - self._fov_deg / 2.0), math.radians(self._begin_deg)

    def look(self, observation: Observation, azimuth: NDArray[np.float64]) -> tuple[Scan, NDArray[np.int64]]:
        """What is met, and (channels, P) where in its flattened columns each laser's measurements are."""
        ascending, order = np.unique(azimuth, return_inverse=True)
        found = observation.sight().scan(
            pose_of(observation.own_state),
            ascending,
            self._elevation,
            self.range_m,
            observation.ignored_ids,
        )
        return found, self._laser[:, None] + len(self._elevation) * order[None, :]

    def directions(self, azimuth: NDArray[np.float64]) -> NDArray[np.float32]:
        """(channels * P, 3) unit vectors in the sensor's frame; kept while the azimuths stay."""
        if not np.array_equal(azimuth, self._azimuth):
            elevation = self._elevation[self._laser][:, None]
            flat = np.cos(elevation)
            unit = np.empty((self.channels, len(azimuth), 3), np.float32)
            unit[..., 0], unit[..., 1] = flat * np.cos(azimuth), flat * np.sin(azimuth)
            unit[..., 2] = np.sin(elevation)
            self._azimuth, self._unit = azimuth, unit.reshape(-1, 3)
        return self._unit

    def head(self, angle_rad: float, hits: NDArray[np.bool_]) -> bytes:
        """First bytes of a message: horizontal angle, channels, points of each channel."""
        counts = hits.sum(axis=1).astype("<u4")
        return b"".join((_HEAD.pack(angle_rad, self.channels), counts.tobytes()))


class Lidar:
    """`sensor.lidar.ray_cast`. Payload: head, then x, y, z m and intensity of each point.

    Intensity is exp(-attenuation * distance). Of all measurements `dropoff_general_rate` are lost; of those
    weaker than `dropoff_intensity_limit` more, down to `dropoff_zero_intensity` at no intensity. Noise moves
    points along their rays.
    """

    type = SensorType.LIDAR

    def __init__(self, mounting: Mounting) -> None:
        attributes = mounting.attributes
        self._scanner = _Scanner(mounting)
        self._random = noise_generator(attributes)
        self._attenuation = number_of(attributes, "atmosphere_attenuation_rate")
        self._loss = number_of(attributes, "dropoff_general_rate")
        self._weak = number_of(attributes, "dropoff_intensity_limit")
        lost_at_zero = number_of(attributes, "dropoff_zero_intensity")
        self._keep_slope = lost_at_zero / self._weak if self._weak > 0.0 else 0.0
        self._keep_at_zero = 1.0 - lost_at_zero
        self._noise_m = abs(number_of(attributes, "noise_stddev"))

    def measure(self, observation: Observation) -> tuple[bytes, ...]:
        """See `Sensor.measure`."""
        scanner = self._scanner
        azimuth, angle_rad = scanner.turn(observation.delta_s)
        if not len(azimuth):
            return (scanner.head(angle_rad, np.zeros((scanner.channels, 1), np.bool_)),)
        found, fired = scanner.look(observation, azimuth)
        reach = found.range_m.ravel()[fired]
        intensity = np.exp(-self._attenuation * reach.astype(np.float64))
        hits = reach > 0.0
        if self._loss > 0.0:
            hits &= self._random.random(reach.shape) >= self._loss
        if self._keep_at_zero < 1.0:
            kept = self._random.random(reach.shape) < self._keep_slope * intensity + self._keep_at_zero
            hits &= (intensity > self._weak) | kept
        if self._noise_m > 0.0:
            reach = (reach + self._random.normal(0.0, self._noise_m, reach.shape)).astype(np.float32)
        chosen = np.flatnonzero(hits)
        points = np.empty((len(chosen), 4), "<f4")
        points[:, :3] = scanner.directions(azimuth)[chosen] * reach.ravel()[chosen][:, None]
        points[:, 3] = intensity.ravel()[chosen]
        return (scanner.head(angle_rad, hits) + points.tobytes(),)


class SemanticLidar:
    """`sensor.lidar.ray_cast_semantic`. Payload: head, then x, y, z, cosine of incidence, actor, tag.

    No measurement is lost. The actor is 0 for what belongs to the level.
    """

    type = SensorType.LIDAR_SEMANTIC

    def __init__(self, mounting: Mounting) -> None:
        self._scanner = _Scanner(mounting)

    def measure(self, observation: Observation) -> tuple[bytes, ...]:
        """See `Sensor.measure`."""
        scanner = self._scanner
        azimuth, angle_rad = scanner.turn(observation.delta_s)
        if not len(azimuth):
            return (scanner.head(angle_rad, np.zeros((scanner.channels, 1), np.bool_)),)
        found, fired = scanner.look(observation, azimuth)
        reach = found.range_m.ravel()[fired]
        hits = reach > 0.0
        chosen = np.flatnonzero(hits)
        met = fired.ravel()[chosen]
        points = np.empty(len(chosen), _SEMANTIC_POINT)
        points["place"] = scanner.directions(azimuth)[chosen] * reach.ravel()[chosen][:, None]
        points["cosine"] = found.cosine.ravel()[met]
        points["actor"] = np.maximum(found.instance.ravel()[met], 0)
        points["label"] = found.label.ravel()[met]
        return (scanner.head(angle_rad, hits) + points.tobytes(),)
