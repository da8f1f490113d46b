"""Which sensors this server can deliver, by blueprint id."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from simulator.sensors.camera import ColourCamera, DepthCamera, InstanceCamera, SemanticCamera
from simulator.sensors.collision import CollisionSensor
from simulator.sensors.gnss import GnssSensor
from simulator.sensors.inertial import InertialSensor
from simulator.sensors.interface import Mounting, Sensor
from simulator.sensors.lidar import Lidar, SemanticLidar
from simulator.sensors.motion import EventSensor, FlowCamera, NormalsCamera
from simulator.sensors.obstacle import ObstacleSensor
from simulator.sensors.radar import RadarSensor

SENSORS: Mapping[str, Callable[[Mounting], Sensor]] = MappingProxyType(
    {
        "sensor.camera.rgb": ColourCamera,
        "sensor.camera.depth": DepthCamera,
        "sensor.camera.semantic_segmentation": SemanticCamera,
        "sensor.camera.instance_segmentation": InstanceCamera,
        "sensor.camera.normals": NormalsCamera,
        "sensor.camera.optical_flow": FlowCamera,
        "sensor.camera.dvs": EventSensor,
        "sensor.lidar.ray_cast": Lidar,
        "sensor.lidar.ray_cast_semantic": SemanticLidar,
        "sensor.other.collision": CollisionSensor,
        "sensor.other.gnss": GnssSensor,
        "sensor.other.imu": InertialSensor,
        "sensor.other.obstacle": ObstacleSensor,
        "sensor.other.radar": RadarSensor,
    }
)
"""Blueprint id -> how to make one."""

SEEING_SENSORS = frozenset(
    name for name in SENSORS if name.startswith(("sensor.camera.", "sensor.lidar.", "sensor.other.radar"))
)
"""Sensors that look at the town's triangles."""

CLIENT_SIDE_SENSORS = frozenset({"sensor.other.lane_invasion"})
"""Sensors that the client computes by itself; the server only has to keep an actor for them."""


class UnsupportedSensorError(ValueError):
    """A sensor was to be spawned that this server cannot deliver: it refuses rather than stay silent."""

    def __init__(self, blueprint_id: str) -> None:
        self.blueprint_id = blueprint_id
        known = ", ".join(sorted({*SENSORS, *CLIENT_SIDE_SENSORS}))
        super().__init__(f"{blueprint_id} is not in this version of the headless server; it has {known}")


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
