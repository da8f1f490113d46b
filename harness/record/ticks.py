"""ticks.arrow: TickFacts as an Arrow IPC stream, one row per tick, appended in record batches.

Every number that a criterion reads is stored as float64 or as an integer, so that stored facts give the
same events as live ones, bit for bit. Other actors, which no criterion reads, keep their float32.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from harness.facts import CollisionFact, EgoFacts, LaneFacts, OtherActors, TickFacts, Vector
from harness.record.errors import CorruptRecordError, RecordError
from harness.record.files import RECORD_VERSION, check_version

FACTS_VERSION = 1
"""Version of TickFacts itself; goes up when a field changes its meaning."""
BATCH_TICKS = 200
_END_OF_STREAM = b"\xff\xff\xff\xff\x00\x00\x00\x00"
_VECTOR = pa.list_(pa.float64(), 3)
_VECTOR32 = pa.list_(pa.float32(), 3)

_SCALARS = (
    "t_s",
    "ego_speed_limit_kmh",
    "ego_throttle",
    "ego_steer",
    "ego_brake",
    "lane_width_m",
    "lane_parking_distance_m",
    "lane_parking_width_m",
)
_VECTORS = (
    "ego_location",
    "ego_rotation_deg",
    "ego_velocity_mps",
    "ego_acceleration_mps2",
    "ego_angular_velocity_degps",
    "lane_location",
    "lane_rotation_deg",
)
_INTEGERS = ("tick", "lane_road_id", "lane_id", "lane_tail_road_id", "lane_tail_id")
_FLAGS = ("ego_reverse", "lane_is_junction")
_FLOATS_PER_TICK = len(_SCALARS) + 3 * len(_VECTORS)

SCHEMA = pa.schema(
    [(name, pa.int64()) for name in _INTEGERS]
    + [(name, pa.float64()) for name in _SCALARS]
    + [(name, _VECTOR) for name in _VECTORS]
    + [(name, pa.bool_()) for name in _FLAGS]
    + [
        ("lane_ahead", pa.list_(_VECTOR)),
        ("light_states", pa.list_(pa.uint8())),
        ("collision_other", pa.list_(pa.int32())),
        ("collision_type", pa.list_(pa.string())),
        ("collision_impulse", pa.list_(_VECTOR)),
        ("others_index", pa.list_(pa.int32())),
        ("others_location", pa.list_(_VECTOR32)),
        ("others_yaw_deg", pa.list_(pa.float32())),
        ("others_velocity_mps", pa.list_(_VECTOR32)),
    ],
    metadata={"schema_version": str(RECORD_VERSION), "facts_version": str(FACTS_VERSION)},
)


class TickBatch:
    """Collects ticks as flat lists and raw bytes, which is cheap, and turns them into a batch."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._integers: list[int] = []
        self._floats: list[float] = []
        self._flags: list[bool] = []
        self._ahead: list[float] = []
        self._ahead_offsets = [0]
        self._lights = bytearray()
        self._light_offsets = [0]
        self._collision_other: list[int] = []
        self._collision_type: list[str] = []
        self._collision_impulse: list[float] = []
        self._collision_offsets = [0]
        self._others_index = bytearray()
        self._others_location = bytearray()
        self._others_yaw = bytearray()
        self._others_velocity = bytearray()
        self._others_offsets = [0]

    def __len__(self) -> int:
        return len(self._others_offsets) - 1

    def add(self, tick: TickFacts) -> None:
        """Copy one tick.

        Raises:
            RecordError: an array has the wrong type or shape.
        """
        ego, lane, others = tick.ego, tick.lane, tick.others
        self._check_arrays(tick)
        self._integers += (tick.tick, lane.road_id, lane.lane_id, lane.tail_road_id, lane.tail_lane_id)
        self._floats += (
            tick.t_s,
            ego.speed_limit_kmh,
            ego.throttle,
            ego.steer,
            ego.brake,
            lane.lane_width_m,
            lane.parking_distance_m,
            lane.parking_width_m,
            *ego.location,
            *ego.rotation_deg,
            *ego.velocity_mps,
            *ego.acceleration_mps2,
            *ego.angular_velocity_degps,
            *lane.location,
            *lane.rotation_deg,
        )
        self._flags += (ego.reverse, lane.is_junction)
        if lane.ahead:
            self._ahead.extend(itertools.chain.from_iterable(lane.ahead))
        self._ahead_offsets.append(len(self._ahead) // 3)
        self._lights += tick.light_states.tobytes()
        self._light_offsets.append(len(self._lights))
        for collision in tick.collisions:
            self._collision_other.append(collision.other)
            self._collision_type.append(collision.other_type)
            self._collision_impulse += collision.impulse
        self._collision_offsets.append(len(self._collision_other))
        self._others_index += others.index.tobytes()
        self._others_location += others.location.tobytes()
        self._others_yaw += others.yaw_deg.tobytes()
        self._others_velocity += others.velocity_mps.tobytes()
        self._others_offsets.append(len(self._others_index) // 4)

    def max_actor_index(self) -> int:
        """The highest actor index in the batch, -1 if there is none."""
        highest = np.frombuffer(self._others_index, np.int32).max(initial=-1)
        return max(int(highest), max(self._collision_other, default=-1))

    def to_arrow(self) -> pa.RecordBatch:
        """The collected ticks as one record batch."""
        count = len(self)
        integers = np.array(self._integers, np.int64).reshape(count, len(_INTEGERS))
        floats = np.array(self._floats, np.float64).reshape(count, _FLOATS_PER_TICK)
        flags = np.array(self._flags, np.bool_).reshape(count, len(_FLAGS))
        columns = [pa.array(integers[:, i]) for i in range(len(_INTEGERS))]
        columns += [pa.array(floats[:, i]) for i in range(len(_SCALARS))]
        for i in range(len(_VECTORS)):
            first = len(_SCALARS) + 3 * i
            columns.append(_vectors(floats[:, first : first + 3]))
        columns += [pa.array(flags[:, i]) for i in range(len(_FLAGS))]
        columns += [
            _lists(self._ahead_offsets, _vectors(np.array(self._ahead, np.float64))),
            _lists(self._light_offsets, pa.array(np.frombuffer(self._lights, np.uint8))),
            _lists(self._collision_offsets, pa.array(np.array(self._collision_other, np.int32))),
            _lists(self._collision_offsets, pa.array(self._collision_type, pa.string())),
            _lists(self._collision_offsets, _vectors(np.array(self._collision_impulse, np.float64))),
            _lists(self._others_offsets, pa.array(np.frombuffer(self._others_index, np.int32))),
            _lists(self._others_offsets, _vectors(np.frombuffer(self._others_location, np.float32))),
            _lists(self._others_offsets, pa.array(np.frombuffer(self._others_yaw, np.float32))),
            _lists(self._others_offsets, _vectors(np.frombuffer(self._others_velocity, np.float32))),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)

    def _check_arrays(self, tick: TickFacts) -> None:
        """Refuse arrays whose bytes would be misread."""
        others = tick.others
        count = len(others.index)
        if not (
            tick.light_states.dtype == np.uint8
            and others.index.dtype == np.int32
            and others.location.dtype == np.float32
            and others.yaw_deg.dtype == np.float32
            and others.velocity_mps.dtype == np.float32
            and others.location.shape == (count, 3)
            and others.yaw_deg.shape == (count,)
            and others.velocity_mps.shape == (count, 3)
        ):
            raise RecordError(
                self._path,
                f"tick {tick.tick} has arrays of the wrong type or shape",
                "light_states is uint8, others are int32 (N,), float32 (N, 3), (N,) and (N, 3)",
            )


class TickStream:
    """Appends batches of ticks to an open binary file."""

    def __init__(self, file: BinaryIO) -> None:
        # One thread: workers of a campaign share the cores, and a batch is small.
        options = pa.ipc.IpcWriteOptions(compression="zstd", use_threads=False)
        self._writer = pa.ipc.new_stream(file, SCHEMA, options=options)

    def write(self, batch: TickBatch) -> None:
        """Append one batch."""
        self._writer.write_batch(batch.to_arrow())

    def close(self) -> None:
        """Write the end of the stream; the file itself stays open."""
        self._writer.close()


def _vectors(values: NDArray[np.float64] | NDArray[np.float32]) -> pa.FixedSizeListArray:
    """Numbers as vectors of three."""
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(values).reshape(-1)), 3)


def _lists(offsets: list[int], values: pa.Array) -> pa.ListArray:
    """Values cut into one list per tick."""
    return pa.ListArray.from_arrays(pa.array(np.array(offsets, np.int32)), values)


def iter_tick_file(path: Path, *, allow_torn: bool = False) -> Iterator[TickFacts]:
    """Ticks of a file in order, batch by batch.

    Args:
        path: ticks.arrow of a record.
        allow_torn: end quietly after the last whole batch of a file that was not closed.

    Yields:
        Facts; their arrays are read-only.

    Raises:
        CorruptRecordError: the file is torn (not closed, or cut off) or of another schema.
        FutureRecordError: written by a later version.
    """
    for batch in iter_batches(path, allow_torn=allow_torn):
        yield from _rows(batch)


def iter_batches(path: Path, *, allow_torn: bool) -> Iterator[pa.RecordBatch]:
    """Whole record batches of a file; for `allow_torn` and what is raised see `iter_tick_file`."""
    try:
        source = pa.OSFile(str(path), "rb")
    except OSError as error:
        raise CorruptRecordError(path, f"cannot be read ({error})", "run the episode again") from error
    torn = CorruptRecordError(path, "is torn: its last batch is not whole", "run the episode again")
    with source:
        try:
            reader = pa.ipc.open_stream(source, options=pa.ipc.IpcReadOptions(use_threads=False))
        except (pa.ArrowInvalid, OSError) as error:
            if allow_torn:
                return
            raise torn from error
        _check_schema(path, reader.schema)
        while True:
            # pyarrow takes a plain end of file for the end of the stream; only the marker proves that it
            # was closed.
            end_of_batch = source.tell()
            try:
                batch = reader.read_next_batch()
            except StopIteration:
                if not allow_torn and not _is_closed(path, end_of_batch):
                    raise torn from None
                return
            except (pa.ArrowInvalid, OSError) as error:
                if allow_torn:
                    return
                raise torn from error
            yield batch


def _is_closed(path: Path, end_of_batch: int) -> bool:
    """Whether the end-of-stream marker, and nothing else, follows the last batch."""
    with path.open("rb") as file:
        file.seek(end_of_batch)
        return file.read() == _END_OF_STREAM


def _check_schema(path: Path, schema: pa.Schema) -> None:
    """Refuse a file of another version or layout."""
    metadata = schema.metadata or {}
    for key, ours in ((b"schema_version", RECORD_VERSION), (b"facts_version", FACTS_VERSION)):
        text = metadata.get(key, b"").decode("ascii", "replace")
        check_version(path, int(text) if text.isdecimal() else None, ours)
    if not schema.equals(SCHEMA):
        raise CorruptRecordError(path, "has other columns than its version says", "run the episode again")


def _rows(batch: pa.RecordBatch) -> Iterator[TickFacts]:
    """Facts of one batch, one by one."""
    integers = zip(*(batch.column(name).to_numpy().tolist() for name in _INTEGERS), strict=True)
    scalars = zip(*(batch.column(name).to_numpy().tolist() for name in _SCALARS), strict=True)
    vectors = zip(*(_tuples(batch.column(name)) for name in _VECTORS), strict=True)
    flags = zip(*(batch.column(name).to_pylist() for name in _FLAGS), strict=True)
    ahead_bounds, ahead = _bounds(batch, "lane_ahead"), _tuples(batch.column("lane_ahead").values)
    lights = batch.column("light_states").values.to_numpy()
    light_bounds = _bounds(batch, "light_states")
    collisions = _collisions(batch)
    collision_bounds = _bounds(batch, "collision_other")
    others = _others(batch)
    others_bounds = _bounds(batch, "others_index")
    for row, (numbers, scalar, vector, flag) in enumerate(
        zip(integers, scalars, vectors, flags, strict=True)
    ):
        tick, road_id, lane_id, tail_road_id, tail_lane_id = numbers
        t_s, speed_limit_kmh, throttle, steer, brake, width_m, parking_distance_m, parking_width_m = scalar
        location, rotation, velocity, acceleration, angular_velocity, lane_location, lane_rotation = vector
        reverse, is_junction = flag
        first, last = others_bounds[row], others_bounds[row + 1]
        yield TickFacts(
            tick=tick,
            t_s=t_s,
            ego=EgoFacts(
                location=location,
                rotation_deg=rotation,
                velocity_mps=velocity,
                acceleration_mps2=acceleration,
                angular_velocity_degps=angular_velocity,
                speed_limit_kmh=speed_limit_kmh,
                throttle=throttle,
                steer=steer,
                brake=brake,
                reverse=reverse,
            ),
            lane=LaneFacts(
                road_id=road_id,
                lane_id=lane_id,
                is_junction=is_junction,
                location=lane_location,
                rotation_deg=lane_rotation,
                lane_width_m=width_m,
                parking_distance_m=parking_distance_m,
                parking_width_m=parking_width_m,
                tail_road_id=tail_road_id,
                tail_lane_id=tail_lane_id,
                ahead=tuple(ahead[ahead_bounds[row] : ahead_bounds[row + 1]]),
            ),
            light_states=lights[light_bounds[row] : light_bounds[row + 1]],
            collisions=tuple(collisions[collision_bounds[row] : collision_bounds[row + 1]]),
            others=OtherActors(
                index=others.index[first:last],
                location=others.location[first:last],
                yaw_deg=others.yaw_deg[first:last],
                velocity_mps=others.velocity_mps[first:last],
            ),
        )


def _bounds(batch: pa.RecordBatch, name: str) -> list[int]:
    """Where the list of each row begins, and where the last one ends."""
    bounds: list[int] = batch.column(name).offsets.to_numpy().tolist()
    return bounds


def _tuples(column: pa.FixedSizeListArray) -> list[Vector]:
    """Vectors as tuples of floats."""
    return [(x, y, z) for x, y, z in column.values.to_numpy().reshape(-1, 3).tolist()]


def _collisions(batch: pa.RecordBatch) -> list[CollisionFact]:
    """All collisions of a batch."""
    other = batch.column("collision_other").values.to_pylist()
    other_type = batch.column("collision_type").values.to_pylist()
    impulse = _tuples(batch.column("collision_impulse").values)
    return [CollisionFact(*fields) for fields in zip(other, other_type, impulse, strict=True)]


def _others(batch: pa.RecordBatch) -> OtherActors:
    """The other actors of all ticks of a batch, one after the other."""
    return OtherActors(
        index=batch.column("others_index").values.to_numpy(),
        location=batch.column("others_location").values.values.to_numpy().reshape(-1, 3),
        yaw_deg=batch.column("others_yaw_deg").values.to_numpy(),
        velocity_mps=batch.column("others_velocity_mps").values.values.to_numpy().reshape(-1, 3),
    )
