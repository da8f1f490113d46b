"""The step interface: what every policy implements and the harness calls."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from policies.plan import Control, Plan
from policies.sensor_bundle import Float, Int, SensorBundle


@dataclass(frozen=True, slots=True)
class RouteSpec:
    """Ask for the route ahead (every policy gets it; this sets how far)."""

    horizon_m: float = 100.0


@dataclass(frozen=True, slots=True)
class PrivilegedSpec:
    """Ask for ground truth. Reports mark a policy that does, and never rank it with the others."""

    radius_m: float = 80.0


class CameraKind(Enum):
    """What a camera tells of each pixel."""

    COLOUR = "colour"
    DEPTH = "depth"
    SEMANTIC = "semantic"


@dataclass(frozen=True, slots=True)
class CameraSpec:
    """Ask for a camera: an image in every bundle's `views.images`, or `depths` or `labels`, by its kind.

    Depth and labels are those of the simulator: the real car would need another sensor or a network for them.

    Attributes:
        name: key of its images.
        width: pixels.
        height: pixels.
        fov_deg: horizontal angle of view.
        position_in_ego: m.
        roll_pitch_yaw_rad: of the camera in the ego frame (ISO 8855: yaw to the left, positive pitch looks
            down); at zero it looks along the ego's x axis.
        kind: what it tells.
        period_s: simulated time between images, a multiple of the tick; 0 is every tick. Bundles of the ticks
            between have no image of it, and nothing is rendered for them.

    Raises:
        ValueError: no camera has such a size, angle or period.
    """

    name: str
    width: int
    height: int
    fov_deg: float = 90.0
    position_in_ego: tuple[float, float, float] = (2.0, 0.0, 1.5)
    roll_pitch_yaw_rad: tuple[float, float, float] = (0.0, 0.0, 0.0)
    kind: CameraKind = CameraKind.COLOUR
    period_s: float = 0.0

    def __post_init__(self) -> None:
        """Check the numbers here, where the fault is the policy's."""
        if not 0.0 <= self.period_s <= 60.0:
            raise ValueError(f"camera {self.name}: a picture every {self.period_s} s")
        if not (1 <= self.width <= 4096 and 1 <= self.height <= 4096 and 1.0 <= self.fov_deg <= 170.0):
            raise ValueError(
                f"camera {self.name}: {self.width} x {self.height} pixels, {self.fov_deg} degrees"
            )

    @property
    def intrinsics(self) -> Float:
        """(3, 3) matrix of a pinhole: focal lengths and centre in pixels."""
        focal = self.width / 2.0 / math.tan(math.radians(self.fov_deg) / 2.0)
        return np.array([[focal, 0.0, self.width / 2.0], [0.0, focal, self.height / 2.0], [0.0, 0.0, 1.0]])


@dataclass(frozen=True, slots=True)
class LidarSpec:
    """Ask for a LiDAR: a scan in every bundle's `views.scans`. With `rotation_hz` = 1 / dt it is a full turn.

    Attributes:
        name: key of its scans.
        channels: lasers.
        range_m: m.
        points_per_second: measurements, hit or not.
        rotation_hz: turns per second.
        upper_fov_deg: elevation of the highest laser.
        lower_fov_deg: elevation of the lowest laser.
        position_in_ego: m.
        roll_pitch_yaw_rad: as of a `CameraSpec`.
    """

    name: str
    channels: int = 64
    range_m: float = 80.0
    points_per_second: int = 1_200_000
    rotation_hz: float = 20.0
    upper_fov_deg: float = 10.0
    lower_fov_deg: float = -30.0
    position_in_ego: tuple[float, float, float] = (1.4, 0.0, 2.4)
    roll_pitch_yaw_rad: tuple[float, float, float] = (0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class RadarSpec:
    """Ask for a radar: a scan in every bundle's `views.detections`.

    Attributes:
        name: key of its scans.
        horizontal_fov_deg: angle of view.
        vertical_fov_deg: angle of view.
        range_m: m.
        points_per_second: rays, hit or not.
        position_in_ego: m.
        roll_pitch_yaw_rad: as of a `CameraSpec`.

    Raises:
        ValueError: no radar has such angles.
    """

    name: str
    horizontal_fov_deg: float = 30.0
    vertical_fov_deg: float = 10.0
    range_m: float = 100.0
    points_per_second: int = 10_000
    position_in_ego: tuple[float, float, float] = (3.9, 0.0, 0.8)
    roll_pitch_yaw_rad: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        """Check the numbers here, where the fault is the policy's."""
        if not (0.0 < self.horizontal_fov_deg <= 170.0 and 0.0 < self.vertical_fov_deg <= 170.0):
            raise ValueError(
                f"radar {self.name}: {self.horizontal_fov_deg} x {self.vertical_fov_deg} degrees"
            )


SensorSpec = RouteSpec | PrivilegedSpec | CameraSpec | LidarSpec | RadarSpec


@dataclass(frozen=True, slots=True)
class LaneMap:
    """Driving lanes of the town in the map frame (right-handed; CARLA's world with y negated). Privileged.

    A segment is a piece of lane between two junctions, or one turn through a junction.

    Attributes:
        points_in_map: (P, 3) m, lane centres at about 1 m steps, segment after segment, in driving direction.
        yaw_in_map_rad: (P,) driving direction at each point.
        width_m: (P,) lane width.
        segment_start: (S + 1,) the points of segment s are segment_start[s]:segment_start[s + 1].
        in_junction: (S,) whether the segment crosses a junction.
        successors: per segment, the segments that it leads into.
        left: (S,) segment of the neighbouring lane in the same direction, or -1.
        right: (S,) likewise.
    """

    points_in_map: Float
    yaw_in_map_rad: Float
    width_m: Float
    segment_start: Int
    in_junction: np.ndarray[tuple[int], np.dtype[np.bool_]]
    successors: tuple[tuple[int, ...], ...]
    left: Int
    right: Int


@dataclass(frozen=True, slots=True)
class EgoGeometry:
    """Size of the ego vehicle.

    Attributes:
        length_m, width_m, height_m: full sizes of the box.
        center_from_rear_axle_m: x of the box centre in the ego frame.
        wheelbase_m: distance between the axles.
    """

    length_m: float
    width_m: float
    height_m: float
    center_from_rear_axle_m: float
    wheelbase_m: float


@dataclass(frozen=True, slots=True)
class EpisodeContext:
    """What a policy learns once, before the first step.

    Attributes:
        seed: for the policy's own randomness; the same episode gives the same seed.
        dt_s: simulated time between steps.
        ego: size of the vehicle it drives.
        lane_map: lanes of the town, or None for a policy that did not ask for ground truth.
    """

    seed: int
    dt_s: float
    ego: EgoGeometry
    lane_map: LaneMap | None


class Policy(Protocol):
    """A driving policy.

    The harness calls `sensors` once, `reset` before each episode, `step` once per tick, `close` at the end.
    A policy keeps no global state: several live in one process, one after the other. An exception out of
    any of these is booked to the policy (POLICY_FAULT), never to the infrastructure.
    """

    def sensors(self) -> tuple[SensorSpec, ...]:
        """The sensors that the policy wants in every bundle."""
        ...

    def reset(self, context: EpisodeContext) -> None:
        """Forget the last episode and prepare for the next."""
        ...

    def step(self, bundle: SensorBundle) -> Plan | Control:
        """Answer one tick."""
        ...

    def close(self) -> None:
        """Release what the policy holds."""
        ...


@runtime_checkable
class KeepsFiles(Protocol):
    """What a policy has besides, if it leaves files of each episode, such as demonstrations for training.

    They count only together with the episode's record: an episode that is broken off leaves none.
    """

    def begin_files(self, folder: Path) -> None:
        """Take the folder for the files of the episode; called before `reset`. It need not exist yet."""
        ...

    def end_files(self) -> None:
        """Write what is left; called after the last step, before the record gets its end marker."""
        ...
