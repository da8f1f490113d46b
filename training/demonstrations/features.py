"""Columns of a demonstration: names, types and shapes of what each frame holds, in LeRobot's terms.

Everything is in the ISO 8855 ego frame of the frame unless its name says otherwise. Rows that are fewer than
a column has room for are padded, and a count says how many there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from policies.interface import CameraSpec
from policies.student.config import HISTORY_STEPS, PLAN_STEPS

FPS = 10
ROUTE_POINTS = 64
MAX_BOXES, MAX_LIGHTS = 32, 4
TARGETS_M = (20.0, 40.0)
"""Where the two target points are along the route."""

POSE = ("x_m", "y_m", "yaw_rad")
BOX = ("id", "kind", "x_m", "y_m", "z_m", "yaw_rad", "vx_mps", "vy_mps", "length_m", "width_m", "height_m")
IMAGE_PREFIX = "observation.images."


@dataclass(frozen=True, slots=True)
class Feature:
    """A column.

    Attributes:
        dtype: NumPy's name, "string" or "image".
        shape: of a frame's value; (1,) is a scalar.
        names: of the last axis, if they have any.
    """

    dtype: str
    shape: tuple[int, ...]
    names: tuple[str, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        """As `meta/info.json` holds it."""
        return {
            "dtype": self.dtype,
            "shape": list(self.shape),
            "names": None if self.names is None else list(self.names),
        }

    @property
    def arrow(self) -> pa.DataType:
        """Type of the Parquet column: as the `datasets` package stores it."""
        if self.dtype == "image":
            return pa.struct([("bytes", pa.binary()), ("path", pa.string())])
        kind = pa.string() if self.dtype == "string" else pa.from_numpy_dtype(np.dtype(self.dtype))
        if self.shape == (1,):
            return kind
        if len(self.shape) == 1:
            return pa.list_(kind, self.shape[0])
        for _ in self.shape:
            kind = pa.list_(kind)
        return kind


_STATE = (
    "speed_mps", "velocity_x_mps", "velocity_y_mps", "acceleration_x_mps2", "acceleration_y_mps2",
    "yaw_rate_radps", "steer",
)  # fmt: skip

COLUMNS: Mapping[str, Feature] = {
    "observation.state": Feature("float32", (len(_STATE),), _STATE),
    "observation.ego_history": Feature(
        "float32", (HISTORY_STEPS, 6), ("x_m", "y_m", "z_m", "roll_rad", "pitch_rad", "yaw_rad")
    ),
    "observation.route.points": Feature("float32", (ROUTE_POINTS, 3), ("x_m", "y_m", "z_m")),
    "observation.route.distances_m": Feature("float32", (ROUTE_POINTS,)),
    "observation.route.commands": Feature("int64", (ROUTE_POINTS,)),
    "observation.route.count": Feature("int64", (1,)),
    "observation.route.remaining_m": Feature("float32", (1,)),
    "observation.route.command": Feature("int64", (1,)),
    "observation.route.target_points": Feature("float32", (len(TARGETS_M), 2), ("x_m", "y_m")),
    "action": Feature("float32", (3,), ("throttle", "steer", "brake")),
    "teacher.plan": Feature("float32", (PLAN_STEPS, 3), POSE),
    "teacher.action": Feature("float32", (2,), ("acceleration_mps2", "curvature_radpm")),
    "teacher.error": Feature("float32", (2,), ("lateral_m", "heading_rad")),
    "teacher.reason": Feature("string", (1,)),
    "teacher.text": Feature("string", (1,)),
    "teacher.drives": Feature("int64", (1,)),
    "future": Feature("float32", (PLAN_STEPS, 3), POSE),
    "future_count": Feature("int64", (1,)),
    "pose_in_map": Feature("float64", (4,), ("x_m", "y_m", "z_m", "yaw_rad")),
    "labels.boxes": Feature("float32", (MAX_BOXES, len(BOX)), BOX),
    "labels.box_count": Feature("int64", (1,)),
    "labels.lights": Feature("float32", (MAX_LIGHTS, 3), ("id", "state", "stop_line_m")),
    "labels.light_count": Feature("int64", (1,)),
    "labels.stop_sign_m": Feature("float32", (1,)),
    "labels.speed_limit_mps": Feature("float32", (1,)),
    "tick": Feature("int64", (1,)),
}
"""Columns of every demonstration, besides images, scans and LeRobot's own."""

LEROBOT: Mapping[str, Feature] = {
    "timestamp": Feature("float32", (1,)),
    "frame_index": Feature("int64", (1,)),
    "episode_index": Feature("int64", (1,)),
    "index": Feature("int64", (1,)),
    "task_index": Feature("int64", (1,)),
}
"""Columns that LeRobot asks of every data set."""


def image_feature(camera: CameraSpec) -> Feature:
    """Column of a camera."""
    return Feature("image", (camera.height, camera.width, 3), ("height", "width", "channels"))


def scan_feature(points: int) -> Feature:
    """Column of a LiDAR: a fixed number of points; those beyond the measured ones are zero."""
    return Feature("float32", (points, 4), ("x_m", "y_m", "z_m", "intensity"))


def column(feature: Feature, values: Sequence[Any]) -> pa.Array:
    """Values of frames -> a Parquet column.

    Raises:
        ValueError: a value is not of the feature's shape.
    """
    if feature.dtype == "image":
        structs = [{"bytes": value, "path": None} for value in values]
        return pa.array(structs, type=feature.arrow)
    if feature.dtype == "string":
        return pa.array(values, type=feature.arrow)
    shape = () if feature.shape == (1,) else feature.shape
    block = np.asarray(values, dtype=feature.dtype)
    if not len(values):
        block = block.reshape(0, *shape)
    if block.shape != (len(values), *shape):
        raise ValueError(f"values of shape {block.shape[1:]} for a column of {shape}")
    array: pa.Array = pa.array(block.reshape(-1))
    if not shape:
        return array
    if len(shape) == 1:
        return pa.FixedSizeListArray.from_arrays(array, shape[0])
    for size in reversed(shape):
        count = len(array) // size
        array = pa.ListArray.from_arrays(np.arange(count + 1, dtype=np.int32) * size, array)
    return array


def block(feature: Feature, array: pa.ChunkedArray) -> np.ndarray:
    """A Parquet column -> (N, *shape) of NumPy; the inverse of `column` for numbers."""
    flat = array
    if feature.shape != (1,):
        for _ in feature.shape:
            flat = pa.chunked_array([chunk.flatten() for chunk in flat.chunks], type=flat.type.value_type)
    shape = () if feature.shape == (1,) else feature.shape
    return np.asarray(flat.to_numpy().reshape(len(array), *shape))
