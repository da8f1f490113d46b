"""Which sensors this server can deliver, by blueprint id."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from simulator.sensors.collision import CollisionSensor
from simulator.sensors.gnss import GnssSensor
from simulator.sensors.inertial import InertialSensor
from simulator.sensors.interface import Mounting, Sensor
from simulator.world.actors import AttributeValue
from simulator.world.blueprints import AttributeType, Blueprint

SENSORS: Mapping[str, Callable[[Mounting], Sensor]] = MappingProxyType(
    {
        "sensor.other.collision": CollisionSensor,
        "sensor.other.gnss": GnssSensor,
        "sensor.other.imu": InertialSensor,
    }
)
"""Blueprint id -> how to make one."""

CLIENT_SIDE_SENSORS = frozenset({"sensor.other.lane_invasion"})
"""Sensors that the client computes by itself; the server only has to keep an actor for them."""


class UnsupportedSensorError(ValueError):
    """A sensor was to be spawned that this server cannot deliver: it refuses rather than stay silent."""

    def __init__(self, blueprint_id: str) -> None:
        self.blueprint_id = blueprint_id
        known = ", ".join(sorted({*SENSORS, *CLIENT_SIDE_SENSORS}))
        super().__init__(f"{blueprint_id} is not in this version of the headless server; it has {known}")


class BadSensorAttributeError(ValueError):
    """A sensor was to be spawned with an attribute that it could never work with."""

    def __init__(self, blueprint_id: str, name: str, value: str) -> None:
        super().__init__(f"{blueprint_id}: {name} cannot be {value[:40]!r}")


def check_values(blueprint: Blueprint, attributes: Iterable[AttributeValue]) -> None:
    """Refuse values that would break a sensor on every tick, for every client.

    Raises:
        BadSensorAttributeError: a number that is none or not finite, or a negative seed or deviation.
    """
    types = {attribute.id: attribute.type for attribute in blueprint.attributes}
    for name, _, value in attributes:
        if types.get(name) not in (AttributeType.INT, AttributeType.FLOAT):
            continue
        try:
            number = int(value) if types[name] is AttributeType.INT else float(value)
        except ValueError:
            raise BadSensorAttributeError(blueprint.id, name, value) from None
        never_negative = name.endswith("_seed") or "stddev" in name
        if not math.isfinite(number) or abs(number) > _MAX_VALUE or (never_negative and number < 0):
            raise BadSensorAttributeError(blueprint.id, name, value)


_MAX_VALUE = 1 << 62


def check_supported(blueprint_id: str) -> None:
    """Refuse what would never send.

    Raises:
        UnsupportedSensorError: `blueprint_id` is a sensor without an implementation.
    """
    if (
        blueprint_id.startswith("sensor.")
        and blueprint_id not in SENSORS
        and blueprint_id not in CLIENT_SIDE_SENSORS
    ):
        raise UnsupportedSensorError(blueprint_id)
