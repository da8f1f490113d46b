"""Eyes: cameras, LiDARs and radars that a policy asked for, mounted on the ego, one message each per tick.

Mounts and points cross between the ego's frame (ISO 8855) and CARLA's through `policies.frames` only.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import carla
import numpy as np
from numpy.typing import NDArray

from harness.client.session import Session
from harness.errors import PolicyFaultError, SensorLostError
from harness.facts import Vector
from policies.frames import mirror_vectors, roll_pitch_yaw_to_rotation, rotation_matrix
from policies.interface import CameraKind, CameraSpec, LidarSpec, RadarSpec, SensorSpec
from policies.sensor_bundle import CameraImage, DepthImage, Float, LabelImage, LidarScan, RadarScan, Views

CAMERA = "sensor.camera.rgb"
_CAMERAS = {
    CameraKind.COLOUR: CAMERA,
    CameraKind.DEPTH: "sensor.camera.depth",
    CameraKind.SEMANTIC: "sensor.camera.semantic_segmentation",
}
_DEPTH_STEP_M = 1000.0 / (2**24 - 1)  # of CARLA's encoding

Mounted = CameraSpec | LidarSpec | RadarSpec


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
        wanted = [spec for spec in specs if isinstance(spec, Mounted)]
        names = [spec.name for spec in wanted]
        if len(set(names)) < len(names):
            raise PolicyFaultError(
                f"the policy asks for sensors of the same name: {', '.join(sorted(names))}"
            )
        self._deadline_s = session.tick_deadline_s
        self._looks = 0
        self._sensors: list[tuple[Mounted, _Letters, int]] = []
        for spec in wanted:
            every = _every_ticks(spec, session.dt_s)
            blueprint = session.blueprint(_blueprint_of(spec))
            for name, value in attributes_of(spec).items():
                blueprint.set_attribute(name, value)
            if every > 1:
                blueprint.set_attribute("sensor_tick", repr(every * session.dt_s))
            letters = _Letters(spec.name)
            session.listen(session.spawn(blueprint, mount_of(spec, rear_axle_in_actor), ego), letters.put)
            self._sensors.append((spec, letters, every))

    def look(self, frame: int) -> Views:
        """Return what all sensors saw in a tick; to be called in every tick.

        A camera with a period sends in the first tick and then every so many.

        Args:
            frame: the server's counter at that tick.

        Raises:
            SensorLostError: a message did not come in time.
        """
        images: dict[str, CameraImage] = {}
        depths: dict[str, DepthImage] = {}
        labels: dict[str, LabelImage] = {}
        scans: dict[str, LidarScan] = {}
        detections: dict[str, RadarScan] = {}
        now, self._looks = self._looks, self._looks + 1
        for spec, letters, every in self._sensors:
            if now % every:
                continue
            message = letters.take(frame, self._deadline_s)
            if isinstance(spec, LidarSpec):
                scans[spec.name] = _scan(spec, message)
            elif isinstance(spec, RadarSpec):
                detections[spec.name] = _detections(spec, message)
            elif spec.kind is CameraKind.COLOUR:
                images[spec.name] = CameraImage(
                    *_place(spec), np.ascontiguousarray(_pixels(message)[:, :, 2::-1])
                )
            elif spec.kind is CameraKind.DEPTH:
                depths[spec.name] = DepthImage(*_place(spec), _depth_m(message))
            else:
                labels[spec.name] = LabelImage(*_place(spec), _pixels(message)[:, :, 2].copy())
        return Views(images, scans, depths, labels, detections)


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


def _every_ticks(spec: Mounted, dt_s: float) -> int:
    """How many ticks are between two messages of a sensor.

    Raises:
        PolicyFaultError: its period is no multiple of the tick.
    """
    if not isinstance(spec, CameraSpec) or spec.period_s == 0.0:
        return 1
    ticks = round(spec.period_s / dt_s)
    if ticks < 1 or abs(ticks * dt_s - spec.period_s) > 1e-6:
        raise PolicyFaultError(
            f"camera {spec.name}: period_s={spec.period_s:g} is no multiple of the tick, {dt_s:g} s"
        )
    return ticks


def _blueprint_of(spec: Mounted) -> str:
    if isinstance(spec, CameraSpec):
        return _CAMERAS[spec.kind]
    return "sensor.lidar.ray_cast" if isinstance(spec, LidarSpec) else "sensor.other.radar"


def attributes_of(spec: Mounted) -> dict[str, str]:
    """Attributes of its blueprint."""
    if isinstance(spec, CameraSpec):
        return {
            "image_size_x": str(spec.width),
            "image_size_y": str(spec.height),
            "fov": repr(spec.fov_deg),
        }
    if isinstance(spec, RadarSpec):
        return {
            "horizontal_fov": repr(spec.horizontal_fov_deg),
            "vertical_fov": repr(spec.vertical_fov_deg),
            "range": repr(spec.range_m),
            "points_per_second": str(spec.points_per_second),
        }
    return {
        "channels": str(spec.channels),
        "range": repr(spec.range_m),
        "points_per_second": str(spec.points_per_second),
        "rotation_frequency": repr(spec.rotation_hz),
        "upper_fov": repr(spec.upper_fov_deg),
        "lower_fov": repr(spec.lower_fov_deg),
    }


def mount_of(spec: Mounted, rear_axle_in_actor: Vector) -> carla.Transform:
    """Where a sensor is in the actor's axes."""
    x, y, z = (mirror_vectors(spec.position_in_ego) + np.asarray(rear_axle_in_actor)).tolist()
    pitch, yaw, roll = roll_pitch_yaw_to_rotation(spec.roll_pitch_yaw_rad).tolist()
    return carla.Transform(carla.Location(x, y, z), carla.Rotation(pitch=pitch, yaw=yaw, roll=roll))


def _pixels(message: Any) -> NDArray[np.uint8]:
    """(H, W, 4) blue, green, red, alpha."""
    return np.frombuffer(message.raw_data, np.uint8).reshape(message.height, message.width, 4)


def _depth_m(message: Any) -> Float:
    """(H, W) of CARLA's depth image: 24 bits, red the lowest byte."""
    blue, green, red = (_pixels(message)[:, :, k].astype(np.float64) for k in range(3))
    return np.asarray((red + 256.0 * green + 65536.0 * blue) * _DEPTH_STEP_M)


def _place(spec: CameraSpec) -> tuple[Float, Float, Float]:
    """Intrinsics, position and rotation of a camera, as its images carry them."""
    return spec.intrinsics, np.array(spec.position_in_ego), rotation_matrix(*spec.roll_pitch_yaw_rad)


def _scan(spec: LidarSpec, message: Any) -> LidarScan:
    points = np.frombuffer(message.raw_data, np.float32).reshape(-1, 4)
    return LidarScan(_in_ego(spec, points[:, :3]), points[:, 3].astype(np.float64))


def _detections(spec: RadarSpec, message: Any) -> RadarScan:
    found = np.frombuffer(message.raw_data, np.float32).reshape(-1, 4).astype(np.float64)
    rate, azimuth, altitude, distance = found.T  # azimuth to the right, as in CARLA
    flat = distance * np.cos(altitude)
    points = np.stack([flat * np.cos(azimuth), flat * np.sin(azimuth), distance * np.sin(altitude)], axis=1)
    return RadarScan(_in_ego(spec, points), rate)


def _in_ego(spec: LidarSpec | RadarSpec, points: NDArray[np.floating]) -> Float:
    """(N, 3) points of a sensor's own frame, which is CARLA's, in the ego's."""
    turn = rotation_matrix(*spec.roll_pitch_yaw_rad)
    return np.asarray(mirror_vectors(points) @ turn.T + np.array(spec.position_in_ego))
