"""SensorBundle: all that a policy may see in one tick.

Everything here is in the ISO 8855 ego frame unless its name says otherwise: right-handed, x forward, y left,
z up, metres, radians, seconds; the origin is the rear axle's centre projected on the ground. The world side
keeps CARLA's frame; `policies.frames` is the only crossing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Int = NDArray[np.int64]


class Command(IntEnum):
    """What the route asks for at a point. Compare by name: other stacks number these differently."""

    LANE_FOLLOW = 0
    LEFT = 1
    RIGHT = 2
    STRAIGHT = 3
    CHANGE_LANE_LEFT = 4
    CHANGE_LANE_RIGHT = 5


class ActorKind(IntEnum):
    """Coarse class of another road user."""

    VEHICLE = 0
    TWO_WHEELER = 1
    WALKER = 2
    STATIC = 3


class LightState(IntEnum):
    """State of a traffic light."""

    RED = 0
    YELLOW = 1
    GREEN = 2
    OFF = 3
    UNKNOWN = 4


@dataclass(frozen=True, slots=True)
class EgoState:
    """The ego vehicle's own motion, as a localisation and odometry stack would report it.

    Attributes:
        speed_mps: signed speed of the rear axle along the ego's x axis.
        velocity_in_ego: (3,) m/s, of the rear axle over the ground.
        acceleration_in_ego: (3,) m/s².
        yaw_rate_radps: positive to the left.
        steer: the steering command in force, [-1, 1], positive to the left.
        position_in_map: (3,) m, rear axle in the map frame (right-handed; CARLA's world with y negated).
        yaw_in_map_rad: heading in the map frame, counter-clockwise from the map's x axis.
    """

    speed_mps: float
    velocity_in_ego: Float
    acceleration_in_ego: Float
    yaw_rate_radps: float
    steer: float
    position_in_map: Float
    yaw_in_map_rad: float


@dataclass(frozen=True, slots=True)
class RouteAhead:
    """The part of the route that lies ahead, at about 1 m steps, nearest point first.

    Attributes:
        points_in_ego: (N, 3) m; N >= 1, at most the horizon asked for. The first is the last one passed.
        commands: (N,) values of `Command`.
        distances_m: (N,) arc length from the point of the route abreast of the ego (the first is <= 0).
        remaining_m: arc length from the ego to the end of the route.
    """

    points_in_ego: Float
    commands: Int
    distances_m: Float
    remaining_m: float


@dataclass(frozen=True, slots=True)
class ActorTable:
    """Other road users, one row each, nearest first. Privileged.

    Attributes:
        ids: (N,) an id that stays with the actor for the whole episode.
        kinds: (N,) values of `ActorKind`.
        position_in_ego: (N, 3) m, centre of the actor's box.
        yaw_in_ego_rad: (N,) heading relative to the ego's.
        velocity_in_ego: (N, 3) m/s over the ground, along the ego's axes.
        size_m: (N, 3) full length, width, height.
    """

    ids: Int
    kinds: Int
    position_in_ego: Float
    yaw_in_ego_rad: Float
    velocity_in_ego: Float
    size_m: Float


@dataclass(frozen=True, slots=True)
class LightAhead:
    """A traffic light that governs the route ahead. Privileged.

    Attributes:
        id: stable within the episode.
        state: what it shows now.
        stop_line_distance_m: arc length along the route from the ego's rear axle to its stop line (may be
            slightly negative while the car stands on the line).
    """

    id: int
    state: LightState
    stop_line_distance_m: float


@dataclass(frozen=True, slots=True)
class StopSignAhead:
    """A stop sign that governs the route ahead. Privileged; fields as in `LightAhead`."""

    id: int
    stop_line_distance_m: float


@dataclass(frozen=True, slots=True)
class Privileged:
    """Ground truth, given only to a policy that asks for it with a `PrivilegedSpec`.

    Attributes:
        actors: other road users within the radius asked for.
        lights: lights that govern the route ahead, nearest first.
        stop_signs: stop signs that govern the route ahead, nearest first.
        speed_limit_mps: legal limit where the ego is.
    """

    actors: ActorTable
    lights: tuple[LightAhead, ...]
    stop_signs: tuple[StopSignAhead, ...]
    speed_limit_mps: float


@dataclass(frozen=True, slots=True)
class PinholeImage:
    """What all pictures have in common.

    Attributes:
        intrinsics: (3, 3) K. A point x, y, z m in the camera's axes (x forward, y left, z up) is seen at
            column K[0, 2] - K[0, 0] * y / x and row K[1, 2] - K[1, 1] * z / x.
        position_in_ego: (3,) m, of the camera.
        rotation_camera_to_ego: (3, 3) matrix.
    """

    intrinsics: Float
    position_in_ego: Float
    rotation_camera_to_ego: Float


@dataclass(frozen=True, slots=True)
class CameraImage(PinholeImage):
    """One picture.

    Attributes:
        rgb: (H, W, 3) uint8.
    """

    rgb: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class DepthImage(PinholeImage):
    """How far everything in a picture is.

    Attributes:
        depth_m: (H, W) along the camera's x axis; 1000 for the sky.
    """

    depth_m: Float


@dataclass(frozen=True, slots=True)
class LabelImage(PinholeImage):
    """What everything in a picture is.

    Attributes:
        label: (H, W) uint8, CARLA 0.9.16's semantic tags: 1 road, 12 pedestrian, 14 car ...
    """

    label: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class RadarScan:
    """One tick's detections.

    Attributes:
        points_in_ego: (N, 3) m.
        range_rate_mps: (N,) how fast the distance to the radar grows; negative for what comes closer.
    """

    points_in_ego: Float
    range_rate_mps: Float


@dataclass(frozen=True, slots=True)
class LidarScan:
    """One tick's points.

    Attributes:
        points_in_ego: (N, 3) m.
        intensity: (N,) 0 to 1.
    """

    points_in_ego: Float
    intensity: Float


@dataclass(frozen=True, slots=True)
class Views:
    """What the sensors saw, by the names that the policy gave them.

    Attributes:
        images: of cameras of the kind `CameraKind.COLOUR`.
        scans: of LiDARs.
        depths: of cameras of the kind `CameraKind.DEPTH`.
        labels: of cameras of the kind `CameraKind.SEMANTIC`.
        detections: of radars.
    """

    images: Mapping[str, CameraImage] = field(default_factory=dict)
    scans: Mapping[str, LidarScan] = field(default_factory=dict)
    depths: Mapping[str, DepthImage] = field(default_factory=dict)
    labels: Mapping[str, LabelImage] = field(default_factory=dict)
    detections: Mapping[str, RadarScan] = field(default_factory=dict)


NO_VIEWS = Views()
"""Of a policy that asked for none."""


@dataclass(frozen=True, slots=True)
class SensorBundle:
    """All that a policy may see in one tick; every part was measured at the same tick.

    Attributes:
        tick: 0-based count of ticks since the episode began.
        t_s: simulated time since the episode began.
        dt_s: simulated time between ticks.
        ego: the ego's own motion.
        route: what lies ahead on the route.
        privileged: ground truth, or None for a policy that did not ask for it.
        views: pictures, scans and detections.
    """

    tick: int
    t_s: float
    dt_s: float
    ego: EgoState
    route: RouteAhead
    privileged: Privileged | None
    views: Views = NO_VIEWS
