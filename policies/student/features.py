"""Observation -> the arrays that go into a student. The one way there, for training and for driving."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from policies.sensor_bundle import Command, Float, RouteAhead
from policies.student.config import HISTORY_STEPS, RouteInput, StudentConfig
from policies.student.observation import CameraHistory, Observation
from policies.unicycle import initial_speed_mps

Float32 = NDArray[np.float32]
ROUTE_SCALE_M = 20.0
"""Route points are divided by this."""


class ObservationError(ValueError):
    """An observation does not fit the student."""


@dataclass(frozen=True, slots=True)
class Features:
    """Input of a student for one moment; a batch has one more leading axis. ONNX inputs have these names.

    Attributes:
        images: (C, 3 F, H, W) uint8, frames oldest first, RGB each.
        ego_to_image: (C, 3, 4) float32: a point (x, y, z, 1) in the ego frame -> (u w, v w, w); u and v run
            from -1 to 1 over the picture, w is the depth in m.
        ego_history: (16, 6) float32: x, y, z m and roll, pitch, yaw rad.
        v0_mps: () float32: speed now, from the history.
        route: (R, 2) float32: points ahead divided by `ROUTE_SCALE_M`; R is 0 without a route.
        command: (6,) float32: one-hot of `Command`; zeros if the student is not told.
    """

    images: NDArray[np.uint8]
    ego_to_image: Float32
    ego_history: Float32
    v0_mps: Float32
    route: Float32
    command: Float32

    def arrays(self) -> dict[str, np.ndarray]:
        """By name."""
        return {name: getattr(self, name) for name in FEATURE_NAMES}


FEATURE_NAMES = ("images", "ego_to_image", "ego_history", "v0_mps", "route", "command")


def features_of(observation: Observation, config: StudentConfig) -> Features:
    """Make the arrays.

    Raises:
        ObservationError: a camera is missing or of another size, or the route is missing.
    """
    cameras = [_camera(observation, camera.name, config) for camera in config.cameras]
    history = np.concatenate(
        [observation.history_position_in_ego, observation.history_roll_pitch_yaw_rad], axis=1
    )
    if history.shape != (HISTORY_STEPS, 6):
        raise ObservationError(f"the ego's history has shape {history.shape}, not ({HISTORY_STEPS}, 6)")
    route, command = _route(observation.route, config)
    return Features(
        images=np.stack([_stack(camera.rgb) for camera in cameras]),
        ego_to_image=np.stack([ego_to_image(camera) for camera in cameras]).astype(np.float32),
        ego_history=history.astype(np.float32),
        v0_mps=np.float32(initial_speed_mps(history[:, :2], history[:, 5])),  # type: ignore[arg-type]
        route=route,
        command=command,
    )


def ego_to_image(camera: CameraHistory) -> Float:
    """(3, 4) matrix from the ego frame into the picture; see `Features`.

    With a point (x, y, z) in the camera's axes (x forward), a picture W x H has
    u = (2 column / W) - 1 and column = K02 - K00 y / x; v likewise from K12 - K11 z / x.
    """
    height, width = camera.rgb.shape[1:3]
    k = camera.intrinsics
    rotation = camera.rotation_camera_to_ego.T  # ego to camera
    extrinsic = np.concatenate([rotation, -(rotation @ camera.position_in_ego)[:, None]], axis=1)
    into = np.array(
        [
            [2.0 * k[0, 2] / width - 1.0, -2.0 * k[0, 0] / width, 0.0],
            [2.0 * k[1, 2] / height - 1.0, 0.0, -2.0 * k[1, 1] / height],
            [1.0, 0.0, 0.0],
        ]
    )
    return np.asarray(into @ extrinsic)


def _camera(observation: Observation, name: str, config: StudentConfig) -> CameraHistory:
    camera = observation.cameras.get(name)
    if camera is None:
        there = ", ".join(observation.cameras) or "none"
        raise ObservationError(f"the student's camera {name!r} is missing; there are: {there}")
    wanted = (config.frames, config.image_height, config.image_width, 3)
    if camera.rgb.shape != wanted or camera.rgb.dtype != np.uint8:
        raise ObservationError(
            f"camera {name!r} gives {camera.rgb.shape} {camera.rgb.dtype}, the student takes {wanted} uint8"
        )
    return camera


def _stack(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(F, H, W, 3) -> (3 F, H, W)."""
    frames, height, width, _ = rgb.shape
    return np.ascontiguousarray(rgb.transpose(0, 3, 1, 2).reshape(3 * frames, height, width))


def _route(route: RouteAhead | None, config: StudentConfig) -> tuple[Float32, Float32]:
    command = np.zeros(len(Command), dtype=np.float32)
    if config.route_input is RouteInput.NONE:
        return np.zeros((0, 2), dtype=np.float32), command
    if route is None:
        raise ObservationError(f"the student is told its route ({config.route_input}), and there is none")
    command[command_ahead(route)] = 1.0
    if config.route_count == 0:
        return np.zeros((0, 2), dtype=np.float32), command
    if config.route_input is RouteInput.TARGET_POINT:
        at_m = np.array([config.route_points * config.route_spacing_m])
    else:
        at_m = (np.arange(config.route_points) + 1.0) * config.route_spacing_m
    # Beyond the end of the route its last point repeats: the student sees where it ends.
    points = [np.interp(at_m, route.distances_m, route.points_in_ego[:, axis]) for axis in (0, 1)]
    return (np.stack(points, 1) / ROUTE_SCALE_M).astype(np.float32), command


def command_ahead(route: RouteAhead, within_m: float = 25.0) -> int:
    """The first command that is not to follow the lane, within reach: a turn is told before it begins."""
    near = route.distances_m <= within_m
    special = near & (route.commands != Command.LANE_FOLLOW)
    return int(route.commands[np.argmax(special)]) if special.any() else int(Command.LANE_FOLLOW)
