"""TickTable: the columns of ticks.arrow that metrics read, as arrays, without making facts of every tick."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from harness.record.errors import CorruptRecordError
from harness.record.ticks import iter_batches

Float = NDArray[np.float64]
_EGO_VECTORS = ("ego_location", "ego_rotation_deg", "ego_velocity_mps")


@dataclass(frozen=True, slots=True)
class TickTable:
    """Ego and others over a whole episode; world axes, CARLA's frame, one row per tick.

    Attributes:
        ego_location: (T, 3) m.
        ego_rotation_deg: (T, 3) pitch, yaw, roll.
        ego_velocity_mps: (T, 3).
        speed_limit_kmh: (T,).
        others_tick: (M,) which tick a row of the others belongs to; the rows of all ticks follow one another.
        others_index: (M,) actor index.
        others_location: (M, 3) m.
        others_yaw_deg: (M,).
        others_velocity_mps: (M, 3).
    """

    ego_location: Float
    ego_rotation_deg: Float
    ego_velocity_mps: Float
    speed_limit_kmh: Float
    others_tick: NDArray[np.int64]
    others_index: NDArray[np.int64]
    others_location: Float
    others_yaw_deg: Float
    others_velocity_mps: Float


def read_tick_table(path: Path) -> TickTable:
    """Read the columns of a whole file.

    Raises:
        CorruptRecordError: the file is torn, or of another schema.
        FutureRecordError: written by a later version.
    """
    batches = list(iter_batches(path, allow_torn=False))
    ego = [np.concatenate([np.empty((0, 3)), *(_vectors(b.column(name)) for b in batches)])
           for name in _EGO_VECTORS]  # fmt: skip
    counts = [np.diff(batch.column("others_index").offsets.to_numpy()) for batch in batches]
    count = np.concatenate([np.empty(0, np.int64), *counts])
    location, rotation_deg, velocity_mps = ego
    return TickTable(
        ego_location=location,
        ego_rotation_deg=rotation_deg,
        ego_velocity_mps=velocity_mps,
        speed_limit_kmh=_join([batch.column("ego_speed_limit_kmh").to_numpy() for batch in batches]),
        others_tick=np.repeat(np.arange(len(count)), count),
        others_index=_join([b.column("others_index").values.to_numpy() for b in batches]).astype(np.int64),
        others_location=_join_vectors([b.column("others_location").values for b in batches]),
        others_yaw_deg=_join([b.column("others_yaw_deg").values.to_numpy() for b in batches]),
        others_velocity_mps=_join_vectors([b.column("others_velocity_mps").values for b in batches]),
    )


def _vectors(column: pa.FixedSizeListArray) -> Float:
    vectors: Float = column.values.to_numpy().reshape(-1, 3)
    return vectors


def _join(parts: list[Float]) -> Float:
    return np.concatenate([np.empty(0), *parts])


def _join_vectors(columns: list[pa.FixedSizeListArray]) -> Float:
    return np.concatenate([np.empty((0, 3)), *(_vectors(column) for column in columns)])


@dataclass(frozen=True, slots=True)
class ControlTable:
    """What was commanded and shown at each tick; no metric reads it, pictures do.

    Attributes:
        throttle, steer, brake: (T,) CARLA's sign: steer is positive to the right.
        light_states: (T, L) uint8 in the order of `EpisodeFacts.lights`, CARLA's numbers.
    """

    throttle: Float
    steer: Float
    brake: Float
    light_states: NDArray[np.uint8]


def read_control_table(path: Path) -> ControlTable:
    """Read these columns of a whole file; raises as `read_tick_table`."""
    batches = list(iter_batches(path, allow_torn=False))
    throttle, steer, brake = (
        _join([batch.column(f"ego_{name}").to_numpy() for batch in batches])
        for name in ("throttle", "steer", "brake")
    )
    states = [batch.column("light_states").values.to_numpy() for batch in batches]
    flat = np.concatenate([np.empty(0, np.uint8), *states])
    width = len(flat) // len(throttle) if len(throttle) else 0
    if width * len(throttle) != len(flat):
        raise CorruptRecordError(path, "has another number of lights at some ticks", "run the episode again")
    return ControlTable(throttle, steer, brake, flat.reshape(len(throttle), width))
