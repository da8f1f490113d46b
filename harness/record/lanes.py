"""lanes.arrow: the lanes around an episode's route. For pictures only: no score depends on it.

It makes a record draw its own map: the town may be one that only some CARLA server has.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from harness.record.plans import read_small_stream
from scenarios.lane_strips import LaneStrips

LANES_VERSION = 1
_LINE = pa.list_(pa.list_(pa.float32(), 2))
_SCHEMA = pa.schema(
    [
        ("left_in_world", _LINE),
        ("right_in_world", _LINE),
        ("left", pa.uint8()),
        ("right", pa.uint8()),
        ("in_junction", pa.bool_()),
    ],
    metadata={"lanes_version": str(LANES_VERSION)},
)


def write_lanes(path: Path, strips: LaneStrips) -> None:
    """Write the file, one row per strip."""
    offsets = pa.array(strips.start.astype(np.int32))

    def lines(points: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> pa.ListArray:
        flat = pa.array(points.astype(np.float32).reshape(-1))
        return pa.ListArray.from_arrays(offsets, pa.FixedSizeListArray.from_arrays(flat, 2))

    columns = [
        lines(strips.left_in_world),
        lines(strips.right_in_world),
        pa.array(strips.left),
        pa.array(strips.right),
        pa.array(strips.in_junction),
    ]
    options = pa.ipc.IpcWriteOptions(compression="zstd", use_threads=False)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, _SCHEMA, options=options) as writer:
        writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=_SCHEMA))


def read_lanes(path: Path) -> LaneStrips:
    """Read the file.

    Raises:
        CorruptRecordError: missing, torn, or of another schema.
        FutureRecordError: written by a later version.
    """
    table = read_small_stream(path, _SCHEMA, b"lanes_version", LANES_VERSION)
    left, right = (table.column(f"{side}_in_world").combine_chunks() for side in ("left", "right"))
    return LaneStrips(
        start=np.asarray(left.offsets.to_numpy(), np.int64),
        left_in_world=left.values.values.to_numpy().reshape(-1, 2).astype(np.float64),
        right_in_world=right.values.values.to_numpy().reshape(-1, 2).astype(np.float64),
        left=table.column("left").to_numpy(),
        right=table.column("right").to_numpy(),
        in_junction=table.column("in_junction").to_numpy(),
    )
