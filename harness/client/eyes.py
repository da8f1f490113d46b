"""Eyes: the cameras and LiDARs that a policy asked for, mounted on the ego, one message each per tick.

Mounts and points cross between the ego's frame (ISO 8855) and CARLA's through `policies.frames` only.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import carla
import numpy as np

from harness.client.session import Session
from harness.errors import PolicyFaultError, SensorLostError
from harness.facts import Vector
from policies.frames import mirror_vectors, roll_pitch_yaw_to_rotation, rotation_matrix
from policies.interface import CameraSpec, LidarSpec, SensorSpec
from policies.sensor_bundle import CameraImage, LidarScan, Views

CAMERA, LIDAR = "sensor.camera.rgb", "sensor.lidar.ray_cast"


class Eyes:
    """Sensors of one episode. They go with the other actors when the session is cleared.

    Args:
        session: at the server.
        ego: what they are mounted on.
        specs: what the policy asked for; those that need no sensor of the server are passed over.
        rear_axle_in_actor: origin of the ego frame in the actor's axes, m.

    Raises:
        PolicyFaultError: two of them have the same name.
        InfraError: the server refuses one.
    """

    def __init__(
        self,
        session: Session,
        ego: carla.Vehicle,
        specs: Sequence[SensorSpec],
        rear_axle_in_actor: Vector,
    ) -> None:
        wanted = [spec for spec in specs if isinstance(spec, CameraSpec | LidarSpec)]
        names = [spec.name for spec in wanted]
        if len(set(names)) < len(names):
            raise PolicyFaultError(
                f"the policy asks for sensors of the same name: {', '.join(sorted(names))}"
            )
        self._deadline_s = session.tick_deadline_s
        self._cameras: list[tuple[CameraSpec, _Letters]] = []
        self._lidars: list[tuple[LidarSpec, _Letters]] = []
        for spec in wanted:
            is_camera = isinstance(spec, CameraSpec)
            blueprint = session.blueprint(CAMERA if is_camera else LIDAR)
            for name, value in attributes_of(spec).items():
                blueprint.set_attribute(name, value)
            letters = _Letters(spec.name)
            session.listen(session.spawn(blueprint, mount_of(spec, rear_axle_in_actor), ego), letters.put)
            if isinstance(spec, CameraSpec):
                self._cameras.append((spec, letters))
            else:
                self._lidars.append((spec, letters))

    def look(self, frame: int) -> Views:
        """Return what all sensors saw in a tick.

        Args:
            frame: the server's counter at that tick.

        Raises:
            SensorLostError: a message did not come in time.
        """
        return Views(
            images={
                spec.name: _image(spec, box.take(frame, self._deadline_s)) for spec, box in self._cameras
            },
            scans={spec.name: _scan(spec, box.take(frame, self._deadline_s)) for spec, box in self._lidars},
        )


class _Letters:
    """Messages of one sensor from the client's I/O thread."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._waiting: dict[int, Any] = {}
        self._came = threading.Condition()

    def put(self, message: Any) -> None:
        """Take a message; called in the client's I/O thread."""
        with self._came:
            self._waiting[message.frame] = message
            self._came.notify_all()

    def take(self, frame: int, deadline_s: float) -> Any:
        """Wait for the message of a frame, and forget those before it."""
        with self._came:
            if not self._came.wait_for(lambda: frame in self._waiting, deadline_s):
                raise SensorLostError(f"No message of sensor {self._name} for frame {frame} came.")
            found = self._waiting.pop(frame)
            self._waiting = {key: value for key, value in self._waiting.items() if key > frame}
        return found


def attributes_of(spec: CameraSpec | LidarSpec) -> dict[str, str]:
    """Attributes of its blueprint."""
    if isinstance(spec, CameraSpec):
        return {
            "image_size_x": str(spec.width),
            "image_size_y": str(spec.height),
            "fov": repr(spec.fov_deg),
        }
    return {
        "channels": str(spec.channels),
        "range": repr(spec.range_m),
        "points_per_second": str(spec.points_per_second),
        "rotation_frequency": repr(spec.rotation_hz),
        "upper_fov": repr(spec.upper_fov_deg),
        "lower_fov": repr(spec.lower_fov_deg),
    }


def mount_of(spec: CameraSpec | LidarSpec, rear_axle_in_actor: Vector) -> carla.Transform:
    """Where a sensor is in the actor's axes."""
    x, y, z = (mirror_vectors(spec.position_in_ego) + np.asarray(rear_axle_in_actor)).tolist()
    pitch, yaw, roll = roll_pitch_yaw_to_rotation(spec.roll_pitch_yaw_rad).tolist()
    return carla.Transform(carla.Location(x, y, z), carla.Rotation(pitch=pitch, yaw=yaw, roll=roll))


def _image(spec: CameraSpec, message: Any) -> CameraImage:
    pixels = np.frombuffer(message.raw_data, np.uint8).reshape(message.height, message.width, 4)
    return CameraImage(
        rgb=np.ascontiguousarray(pixels[:, :, 2::-1]),
        intrinsics=spec.intrinsics,
        position_in_ego=np.array(spec.position_in_ego),
        rotation_camera_to_ego=rotation_matrix(*spec.roll_pitch_yaw_rad),
    )


def _scan(spec: LidarSpec, message: Any) -> LidarScan:
    points = np.frombuffer(message.raw_data, np.float32).reshape(-1, 4)
    turn = rotation_matrix(*spec.roll_pitch_yaw_rad)
    return LidarScan(
        points_in_ego=mirror_vectors(points[:, :3]) @ turn.T + np.array(spec.position_in_ego),
        intensity=points[:, 3].astype(np.float64),
    )
