"""DriverSettings: what `training.demonstrations.driver` is told; plain values, without a policy's imports."""

from __future__ import annotations

from dataclasses import field

from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass

from policies.interface import CameraSpec, LidarSpec
from policies.registry import ArgumentValue
from policies.student.config import StudentCamera

TARGET = "training.demonstrations.driver:make_driver"
"""How a run asks for the driver."""

LIDAR = LidarSpec("top", channels=32, range_m=60.0, points_per_second=320_000, rotation_hz=20.0)


@dataclass(frozen=True)
class DriverSettings:
    """How demonstrations are driven and recorded.

    Attributes:
        cameras: of the rig.
        image_height, image_width: pixels.
        lidar: whether a LiDAR is recorded.
        jpeg_quality: of the pictures.
        noise: strength of the disturbances, 0 for none.
        policy: who drives beside the expert; "expert" for nobody.
        policy_args: of that policy.
        expert_share: of the stretches that the expert drives then.
    """

    cameras: tuple[StudentCamera, ...]
    image_height: int
    image_width: int
    lidar: bool = False
    jpeg_quality: int = 92
    noise: float = 1.0
    policy: str = "expert"
    policy_args: dict[str, ArgumentValue] = field(default_factory=dict)
    expert_share: float = 1.0

    def camera_specs(self) -> tuple[CameraSpec, ...]:
        """The cameras as the harness knows them, ten pictures a second."""
        return tuple(camera.spec(self.image_width, self.image_height) for camera in self.cameras)

    def lidar_specs(self) -> tuple[LidarSpec, ...]:
        """The LiDAR, if there is one."""
        return (LIDAR,) if self.lidar else ()

    def to_json(self) -> str:
        """For the argument of `make_driver`."""
        return _SETTINGS.dump_json(self).decode()

    @staticmethod
    def from_json(text: str) -> DriverSettings:
        """Read what `to_json` gave."""
        return _SETTINGS.validate_json(text)


_SETTINGS = TypeAdapter(DriverSettings)
