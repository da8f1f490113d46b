"""`sensor.other.gnss`: latitude, longitude and altitude of the sensor."""

from __future__ import annotations

import msgpack
import numpy as np

from simulator.sensors.interface import Mounting, Observation, noise_generator, number_of
from simulator.wire.layouts import SensorType

_AXES = ("lat", "lon", "alt")


class GnssSensor:
    """Payload: [latitude deg, longitude deg, altitude m], as the client's map reader gives them.

    Bias and standard deviation are in degrees for latitude and longitude, in metres for the altitude.
    """

    type = SensorType.GNSS

    def __init__(self, mounting: Mounting) -> None:
        attributes = mounting.attributes
        self._geolocate = mounting.geolocate
        self._random = noise_generator(attributes)
        self._bias = np.array([number_of(attributes, f"noise_{axis}_bias") for axis in _AXES])
        self._std = np.abs([number_of(attributes, f"noise_{axis}_stddev") for axis in _AXES])

    def measure(self, observation: Observation) -> tuple[bytes, ...]:
        """See `Sensor.measure`."""
        x, y, z = observation.own_state["location"].tolist()
        exact = np.array(self._geolocate(x, y, z))
        return (bytes(msgpack.packb((exact + self._bias + self._random.normal(0.0, self._std)).tolist())),)
