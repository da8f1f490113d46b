"""plans.arrow: where the policy meant to go, tick by tick. For pictures only: no score depends on it.

An Arrow IPC stream with one row per plan. Points are the rear axle's, in CARLA's world, float32 (a tenth of a
millimetre in any town). A record without the file is of a policy that did not say, or of an older version.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from harness.record.errors import CorruptRecordError, RecordError
from harness.record.files import check_version

PLANS_VERSION = 1
_BATCH_ROWS = 500
_POINT = pa.list_(pa.float32(), 2)
_SCHEMA = pa.schema(
    [("tick", pa.int32()), ("t_s", pa.list_(pa.float32())), ("point_in_world", pa.list_(_POINT))],
    metadata={"plans_version": str(PLANS_VERSION)},
)


@dataclass(frozen=True, slots=True)
class PlanTable:
    """All plans of an episode.

    Attributes:
        tick: (P,) after which tick's facts each plan was made, increasing.
        start: (P + 1,) the points of plan p are start[p]:start[p + 1].
        t_s: (K,) seconds from the plan's tick.
        point_in_world: (K, 2) m, rear axle.
    """

    tick: NDArray[np.int64]
    start: NDArray[np.int64]
    t_s: NDArray[np.float64]
    point_in_world: NDArray[np.float64]


class PlanStream:
    """Appends plans to plans.arrow, which is made with the first one.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self._writer: pa.RecordBatchStreamWriter | None = None
        self._last_tick = -1
        self._forget()

    def _forget(self) -> None:
        self._ticks: list[int] = []
        self._offsets = [0]
        self._t_s = bytearray()
        self._points = bytearray()

    def add(self, tick: int, t_s: NDArray[np.float64], point_in_world: NDArray[np.float64]) -> None:
        """Append one plan.

        Args:
            tick: later than that of the plan before.
            t_s: (T,) seconds from then.
            point_in_world: (T, 2) m.

        Raises:
            RecordError: two plans for a tick, or arrays that do not fit.
        """
        count = len(t_s)
        if tick <= self._last_tick or point_in_world.shape != (count, 2):
            problem = f"plan of tick {tick} after {self._last_tick}, of shape {point_in_world.shape}"
            raise RecordError(self._path, problem, "add one plan (T, 2) per tick, in order")
        self._last_tick = tick
        self._ticks.append(tick)
        self._offsets.append(self._offsets[-1] + count)
        self._t_s += t_s.astype(np.float32).tobytes()
        self._points += point_in_world.astype(np.float32).tobytes()
        if len(self._ticks) == _BATCH_ROWS:
            self.flush()

    def flush(self) -> None:
        """Write what was added."""
        if not self._ticks:
            return
        if self._writer is None:
            self._file = self._path.open("wb", buffering=0)
            options = pa.ipc.IpcWriteOptions(compression="zstd", use_threads=False)
            self._writer = pa.ipc.new_stream(self._file, _SCHEMA, options=options)
        offsets = pa.array(np.array(self._offsets, np.int32))
        points = pa.FixedSizeListArray.from_arrays(pa.array(np.frombuffer(self._points, np.float32)), 2)
        columns = [
            pa.array(np.array(self._ticks, np.int32)),
            pa.ListArray.from_arrays(offsets, pa.array(np.frombuffer(self._t_s, np.float32))),
            pa.ListArray.from_arrays(offsets, points),
        ]
        self._writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=_SCHEMA))
        self._forget()

    def close(self) -> None:
        """Write the rest and the end of the stream. No effect if there was no plan."""
        self.flush()
        if self._writer is not None and self._file is not None:
            self._writer.close()
            self._file.close()
            self._writer = self._file = None


def read_plans(path: Path) -> PlanTable:
    """Read a whole file.

    Raises:
        CorruptRecordError: missing, torn, or of another schema.
        FutureRecordError: written by a later version.
    """
    table = read_small_stream(path, _SCHEMA, b"plans_version", PLANS_VERSION)
    points = table.column("point_in_world").combine_chunks()
    times = table.column("t_s").combine_chunks()
    start = np.asarray(points.offsets.to_numpy(), np.int64)
    if not np.array_equal(start, times.offsets.to_numpy()):
        raise CorruptRecordError(path, "has plans with more points than times", "run the episode again")
    return PlanTable(
        tick=table.column("tick").to_numpy().astype(np.int64),
        start=start,
        t_s=times.values.to_numpy().astype(np.float64),
        point_in_world=points.values.values.to_numpy().reshape(-1, 2).astype(np.float64),
    )


def read_small_stream(path: Path, schema: pa.Schema, version_key: bytes, ours: int) -> pa.Table:
    """Read a stream of one of the record's smaller files.

    Raises:
        CorruptRecordError: missing, torn, or of another schema.
        FutureRecordError: written by a later version.
    """
    try:
        with pa.OSFile(str(path), "rb") as source:
            reader = pa.ipc.open_stream(source, options=pa.ipc.IpcReadOptions(use_threads=False))
            text = (reader.schema.metadata or {}).get(version_key, b"").decode("ascii", "replace")
            check_version(path, int(text) if text.isdecimal() else None, ours)
            if not reader.schema.equals(schema):
                raise CorruptRecordError(path, "has other columns than its version says", "run it again")
            return reader.read_all()
    except (pa.ArrowInvalid, OSError) as error:
        raise CorruptRecordError(path, f"cannot be read ({error})", "run the episode again") from error
