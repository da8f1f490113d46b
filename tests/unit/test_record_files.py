"""Records on disk: order of writing, end marker, torn files, versions, tampering."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from harness.events import Event, EventType
from harness.facts import OtherActors
from harness.outcome import Outcome
from harness.record import (
    ActorDeclaration,
    CorruptRecordError,
    EpisodeTiming,
    EpisodeWriter,
    IncompleteRecordError,
    RecordError,
    is_complete,
    iter_ticks,
    read_episode,
)
from harness.record.errors import FutureRecordError
from harness.record.ticks import BATCH_TICKS
from tests.support.drives import ACTOR_TYPES
from tests.support.facts_builder import episode_facts, hit, light_at, stop_sign_at, tick_facts
from tests.support.records import drive_and_record, header, same_facts

FACTS = episode_facts(lights=(light_at(10.0, "a"), light_at(20.0, "b")), stop_signs=(stop_sign_at(30.0),))
STATES = (0, 2)
TIMING = EpisodeTiming(2.0, {"policy": 0.5}, (900, 1100))


def ticks(count: int, first: int = 0) -> list:
    return [tick_facts(k, 0.1 * k, light_states=STATES) for k in range(first, first + count)]


@pytest.fixture
def record(tmp_path: Path) -> Path:
    """A complete record of two batches and a half, ended by a policy fault."""
    folder = tmp_path / "attempt-0"
    drive_and_record(folder, FACTS, ticks(BATCH_TICKS * 5 // 2), timing=TIMING)
    return folder


def test_what_is_read_is_what_was_written(record: Path) -> None:
    read = read_episode(record)
    assert read.header == header()
    assert (read.outcome, read.reason, read.tick_count) == (Outcome.POLICY_FAULT, "test", 500)
    assert read.timing == TIMING
    assert read.actors == tuple(
        ActorDeclaration(i, type_id, (2.0, 1.0, 0.75)) for i, type_id in enumerate(ACTOR_TYPES)
    )
    # On its 50 m the ego runs light "a" and the stop sign; light "b" is green.
    assert [event.type for event in read.events] == [
        EventType.RED_LIGHT,
        EventType.STOP_SIGN,
        EventType.ROUTE_COMPLETION,
    ]
    assert replace(read.facts, route=FACTS.route) == FACTS
    for name in ("location", "rotation_deg", "options", "distance_m"):
        stored, given = getattr(read.facts.route, name), getattr(FACTS.route, name)
        assert (stored.dtype, stored.tobytes()) == (given.dtype, given.tobytes())
    assert all(same_facts(a, b) for a, b in zip(read.ticks(), ticks(500), strict=True))


def test_a_table_is_read_without_facts(record: Path) -> None:
    read = read_episode(record)
    table = read.table()
    assert np.array_equal(table.ego_velocity_mps, np.tile([5.0, 0.0, 0.0], (500, 1)))
    assert np.array_equal(table.speed_limit_kmh, np.full(500, 30.0))
    assert table.others_tick.shape == (0,)
    with pytest.raises(CorruptRecordError, match="500 ticks, the end marker says 499"):
        replace(read, tick_count=499).table()


def test_a_table_knows_to_which_tick_other_actors_belong(tmp_path: Path) -> None:
    def others(*rows: float) -> OtherActors:
        where = np.array([[x, 2.0 * x, 0.0] for x in rows], np.float32).reshape(-1, 3)
        return OtherActors(np.arange(len(rows), dtype=np.int32), where, where[:, 0] + 1, where + 3)

    count = BATCH_TICKS + 2
    drive = [tick_facts(k, others=others(*range(k % 3)), light_states=STATES) for k in range(count)]
    drive_and_record(tmp_path / "a", FACTS, drive)
    table = read_episode(tmp_path / "a").table()
    assert table.others_tick.tolist() == [k for k in range(count) for _ in range(k % 3)]
    assert table.others_index.tolist() == [i for k in range(count) for i in range(k % 3)]
    row = int(np.flatnonzero(table.others_index == 1)[-1])
    assert table.others_location[row].tolist() == [1.0, 2.0, 0.0]
    assert table.others_yaw_deg[row] == 2.0
    assert table.others_velocity_mps[row].tolist() == [4.0, 5.0, 3.0]


def test_times_of_the_clock_on_the_wall_are_in_one_file_only(record: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    drive_and_record(other, FACTS, ticks(500), timing=EpisodeTiming(99.0, {"policy": 1.0}))
    names = {path.name for path in record.iterdir()}
    assert names == {path.name for path in other.iterdir()}
    different = {name for name in names if (record / name).read_bytes() != (other / name).read_bytes()}
    assert different == {"timing.json"}


def test_a_record_without_times_says_so(tmp_path: Path) -> None:
    drive_and_record(tmp_path / "a", FACTS, ticks(3))
    assert read_episode(tmp_path / "a").timing is None


def test_a_record_may_have_no_ticks(tmp_path: Path) -> None:
    drive_and_record(tmp_path / "a", FACTS, [])
    read = read_episode(tmp_path / "a")
    assert list(read.ticks()) == []
    assert read.table().ego_location.shape == (0, 3)


# -- while it is written
# ------------------------------------------------------------------------------------------


def test_until_it_is_finished_a_record_is_incomplete_but_its_batches_can_be_read(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    with EpisodeWriter(folder, header(), FACTS) as writer:
        for tick in ticks(BATCH_TICKS + 1):
            writer.append(tick, (Event(tick.tick, EventType.RED_LIGHT, {}),) if tick.tick == 3 else ())
        assert len(list(iter_ticks(folder, allow_torn=True))) == BATCH_TICKS
        assert json.loads((folder / "events.jsonl").read_text())["tick"] == 3
        with pytest.raises(IncompleteRecordError, match="no end marker"):
            read_episode(folder)
        with pytest.raises(CorruptRecordError, match="torn"):
            list(iter_ticks(folder))
        writer.abandon("enough")
    assert len(list(iter_ticks(folder))) == BATCH_TICKS + 1
    assert not is_complete(folder)
    with pytest.raises(IncompleteRecordError, match=r"abandoned \(enough\)"):
        read_episode(folder)


def test_leaving_the_writer_by_an_error_abandons_the_record(tmp_path: Path) -> None:
    def drive() -> None:
        with EpisodeWriter(tmp_path / "a", header(), FACTS) as writer:
            writer.append(ticks(1)[0])
            raise RuntimeError("boom")

    with pytest.raises(RuntimeError):
        drive()
    with pytest.raises(IncompleteRecordError, match="RuntimeError: boom"):
        read_episode(tmp_path / "a")


def test_a_folder_holds_one_attempt(record: Path) -> None:
    with pytest.raises(RecordError, match="not empty"):
        EpisodeWriter(record, header(), FACTS)


@pytest.mark.parametrize("numbers", [(1,), (0, 2), (0, 0)])
def test_ticks_come_once_and_in_order(tmp_path: Path, numbers: tuple[int, ...]) -> None:
    writer = EpisodeWriter(tmp_path / "a", header(), FACTS)
    for number in numbers[:-1]:
        writer.append(ticks(1, number)[0])
    with pytest.raises(RecordError, match="is next"):
        writer.append(ticks(1, numbers[-1])[0])
    writer.abandon("test")


def test_actors_are_declared_in_order_and_before_they_are_named(tmp_path: Path) -> None:
    writer = EpisodeWriter(tmp_path / "a", header(), FACTS)
    with pytest.raises(RecordError, match="actor 1 is declared when 0 is next"):
        writer.declare_actor(1, "vehicle.a", (1.0, 1.0, 1.0))
    writer.declare_actor(0, "vehicle.a", (1.0, 1.0, 1.0))
    writer.append(tick_facts(0, light_states=STATES, collisions=(hit(1),)))
    with pytest.raises(RecordError, match="name actor 1, 1 are declared"):
        writer.finish(Outcome.POLICY_FAULT, "test")
    writer.abandon("test")
    assert not is_complete(tmp_path / "a")


@pytest.mark.parametrize(
    "wrong",
    [
        {"index": np.zeros(1, np.int64)},
        {"location": np.zeros((1, 3), np.float64)},
        {"location": np.zeros((1, 2), np.float32)},
        {"yaw_deg": np.zeros(2, np.float32)},
    ],
)
def test_arrays_of_another_type_or_shape_are_refused(tmp_path: Path, wrong: dict[str, np.ndarray]) -> None:
    good = OtherActors(
        np.zeros(1, np.int32),
        np.zeros((1, 3), np.float32),
        np.zeros(1, np.float32),
        np.zeros((1, 3), np.float32),
    )
    with (
        EpisodeWriter(tmp_path / "a", header(), FACTS) as writer,
        pytest.raises(RecordError, match="tick 0 has arrays of the wrong type"),
    ):
        writer.append(tick_facts(0, light_states=STATES, others=replace(good, **wrong)))


@pytest.mark.parametrize("value", [math.nan, math.inf, np.float64(1.0), np.int64(1)])
def test_events_hold_plain_finite_values(tmp_path: Path, value: object) -> None:
    event = Event(0, EventType.RED_LIGHT, {"x_m": value})  # type: ignore[dict-item]
    with EpisodeWriter(tmp_path / "a", header(), FACTS) as writer:
        if isinstance(value, float) and math.isfinite(value):
            writer.append(ticks(1)[0], (event,))  # numpy's double is a float and prints as one
            assert (tmp_path / "a" / "events.jsonl").read_bytes().count(b'"x_m":1.0') == 1
            return
        with pytest.raises(RecordError, match="plain, finite"):
            writer.append(ticks(1)[0], (event,))


def test_events_are_canonical(tmp_path: Path) -> None:
    event = Event(0, EventType.RED_LIGHT, {"z_m": 0.1 + 0.2, "opendrive_id": "9", "count": 1})
    with EpisodeWriter(tmp_path / "a", header(), FACTS) as writer:
        writer.append(ticks(1)[0], (event,))
    line = (
        b'{"tick":0,"type":"red_light","values":{"count":1,"opendrive_id":"9","z_m":0.30000000000000004}}\n'
    )
    assert (tmp_path / "a" / "events.jsonl").read_bytes() == line


def test_a_closed_writer_writes_no_more(tmp_path: Path) -> None:
    writer = EpisodeWriter(tmp_path / "a", header(), FACTS)
    writer.finish(Outcome.INFRA_FAULT, "test")
    writer.abandon("no effect")
    assert read_episode(tmp_path / "a").outcome is Outcome.INFRA_FAULT
    for attempt in (
        lambda: writer.append(ticks(1)[0]),
        lambda: writer.finish(Outcome.COMPLETED, ""),
        lambda: writer.declare_actor(0, "vehicle.a", (1.0, 1.0, 1.0)),
    ):
        with pytest.raises(RecordError, match="closed"):
            attempt()


# -- torn, tampered, from another version
# -------------------------------------------------------------------------


def test_a_file_torn_anywhere_gives_its_whole_batches_and_is_recognised(record: Path, tmp_path: Path) -> None:
    data = (record / "ticks.arrow").read_bytes()
    folder = tmp_path / "torn"
    folder.mkdir()
    lengths = sorted({*range(0, len(data), 211), *range(len(data) - 40, len(data)), 0, 1, 8})
    seen = set()
    for length in lengths:
        (folder / "ticks.arrow").write_bytes(data[:length])
        count = len(list(iter_ticks(folder, allow_torn=True)))
        seen.add(count)
        with pytest.raises(CorruptRecordError, match="torn"):
            list(iter_ticks(folder))
    assert seen == {0, BATCH_TICKS, 2 * BATCH_TICKS, BATCH_TICKS * 5 // 2}
    (folder / "ticks.arrow").write_bytes(data)
    assert len(list(iter_ticks(folder))) == BATCH_TICKS * 5 // 2


def test_bytes_after_the_end_of_the_stream_are_noticed(record: Path) -> None:
    with (record / "ticks.arrow").open("ab") as file:
        file.write(b"\0" * 8)
    with pytest.raises(CorruptRecordError):
        list(iter_ticks(record))


def test_a_batch_that_ends_like_the_end_marker_is_not_the_end(tmp_path: Path) -> None:
    """The last numbers of a batch and their padding can be the very bytes of Arrow's end marker."""
    marker = b"\xff\xff\xff\xff\0\0\0\0"
    ends = []
    for zeros in range(4):  # how many the padding lacks depends on Arrow's compression
        velocity = np.frombuffer((b"\xff\xff\xff\xff" + b"\0" * zeros).rjust(12, b"\0"), np.float32).reshape(
            1, 3
        )
        other = OtherActors(
            np.zeros(1, np.int32), np.zeros((1, 3), np.float32), np.zeros(1, np.float32), velocity
        )
        folder = tmp_path / str(zeros)
        with EpisodeWriter(folder, header(), FACTS) as writer:
            writer.declare_actor(0, "vehicle.a", (1.0, 1.0, 1.0))
            writer.append(tick_facts(0, light_states=STATES, others=other))
            for tick in ticks(BATCH_TICKS - 1, first=1):
                writer.append(tick)
            ends.append((folder / "ticks.arrow").read_bytes().endswith(marker))
            with pytest.raises(CorruptRecordError, match="torn"):
                list(iter_ticks(folder))
        assert len(list(iter_ticks(folder))) == BATCH_TICKS
    assert any(ends)


@pytest.mark.parametrize("name", ["episode.json", "actors.jsonl", "ticks.arrow", "events.jsonl"])
def test_a_file_changed_after_the_end_is_noticed(record: Path, name: str) -> None:
    data = bytearray((record / name).read_bytes())
    data[len(data) // 2] ^= 1
    (record / name).write_bytes(data)
    with pytest.raises(CorruptRecordError, match=f"{name}.*sha256"):
        read_episode(record)
    (record / name).unlink()
    with pytest.raises(CorruptRecordError, match=f"{name}.*cannot be read"):
        read_episode(record)


def edit(path: Path, change: Callable[[dict], None]) -> None:
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


def test_a_later_version_is_refused_before_anything_else_is_read(record: Path) -> None:
    edit(record / "outcome.json", lambda value: value.update(schema_version=2, outcome="teleported"))
    with pytest.raises(FutureRecordError, match="schema_version 2"):
        read_episode(record)


@pytest.mark.parametrize("version", [0, None, "1", True, 1.5])
def test_a_version_that_never_was_is_corrupt(record: Path, version: object) -> None:
    edit(record / "outcome.json", lambda value: value.update(schema_version=version))
    with pytest.raises(CorruptRecordError, match="schema_version"):
        read_episode(record)


def test_ticks_of_a_later_version_are_refused(record: Path) -> None:
    with pa.OSFile(str(record / "ticks.arrow"), "rb") as source:
        table = pa.ipc.open_stream(source).read_all()
    for key in ("schema_version", "facts_version"):
        metadata = {**table.schema.metadata, key.encode(): b"2"}
        with pa.ipc.new_stream(str(record / "ticks.arrow"), table.schema.with_metadata(metadata)) as writer:
            writer.write_table(table.replace_schema_metadata(metadata))
        with pytest.raises(FutureRecordError):
            next(iter_ticks(record))


def test_other_columns_under_the_same_version_are_corrupt(record: Path) -> None:
    with pa.OSFile(str(record / "ticks.arrow"), "rb") as source:
        table = pa.ipc.open_stream(source).read_all().drop_columns(["t_s"])
    with pa.ipc.new_stream(str(record / "ticks.arrow"), table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(CorruptRecordError, match="columns"):
        next(iter_ticks(record))


@pytest.mark.parametrize(
    "change",
    [
        lambda value: value.pop("reason"),
        lambda value: value.update(outcome="nearly"),
        lambda value: value.update(ticks="500"),
    ],
)
def test_an_end_marker_of_another_shape_is_corrupt(record: Path, change: Callable[[dict], None]) -> None:
    edit(record / "outcome.json", change)
    with pytest.raises(CorruptRecordError, match=r"outcome\.json"):
        read_episode(record)


def test_an_end_marker_that_is_not_json_is_corrupt(record: Path) -> None:
    (record / "outcome.json").write_text('{"schema_ver')
    with pytest.raises(CorruptRecordError, match="not JSON"):
        read_episode(record)


def test_the_number_of_ticks_is_checked(record: Path) -> None:
    edit(record / "outcome.json", lambda value: value.update(ticks=499))
    with pytest.raises(CorruptRecordError, match="holds 500 ticks, the end marker says 499"):
        list(read_episode(record).ticks())


def test_a_missing_record_is_incomplete(tmp_path: Path) -> None:
    with pytest.raises(IncompleteRecordError, match="does not exist"):
        read_episode(tmp_path / "nowhere")


def test_errors_name_the_file_what_is_wrong_and_the_remedy(record: Path) -> None:
    (record / "events.jsonl").write_bytes(b"")
    with pytest.raises(CorruptRecordError) as caught:
        read_episode(record)
    error = caught.value
    assert error.path == record / "events.jsonl"
    assert all(part in str(error) for part in (str(error.path), error.problem, error.remedy))
