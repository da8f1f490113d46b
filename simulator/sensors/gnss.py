"""`sensor.other.gnss`: latitude, longitude and altitude of the sensor."""

from __future__ import annotations

import msgpack
import numpy as np

from simulator.sensors.interface import Mounting, Observation
from simulator.wire.layouts import SensorType


class GnssSensor:
    """Payload: [latitude deg, longitude deg, altitude m], as the client's map reader gives them."""

    type = SensorType.GNSS

    def __init__(self, mounting: Mounting) -> None:
        attributes = mounting.attributes
        self._geolocate = mounting.geolocate
        self._random = np.random.default_rng(int(attributes["noise_seed"]))
        self._bias = np.array([float(attributes[f"noise_{axis}_bias"]) for axis in ("lat", "lon", "alt")])
        self._std = np.array([float(attributes[f"noise_{axis}_stddev"]) for axis in ("lat", "lon", "alt")])

    def measure(self, observation: Observation) -> tuple[bytes, ...]:
        """See `Sensor.measure`."""
        x, y, z = observation.own_state["location"].tolist()
        exact = np.array(self._geolocate(x, y, z))
        return (bytes(msgpack.packb((exact + self._bias + self._random.normal(0.0, self._std)).tolist())),)
