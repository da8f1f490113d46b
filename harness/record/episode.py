"""EpisodeRecord on disk: append-only while the episode runs, complete only with its end marker.

Files of a record (one folder per attempt):

| file | content | same bytes for the same seed |
|---|---|---|
| episode.json | header and EpisodeFacts, written first | but for attempt, server and versions |
| actors.jsonl | other actors, by their first appearance | yes |
| ticks.arrow | TickFacts | yes |
| events.jsonl | what the criteria said | yes |
| lanes.arrow | the lanes around the route, for pictures; not of older versions | yes |
| plans.arrow | where the policy meant to go, for pictures; if it said | yes |
| camera/N.jpg | what a front camera saw at tick N, if asked for | no |
| timing.json | wall-clock times, the only ones | no |
| outcome.json | the end marker, written last: outcome, and hashes of all but the last two | as episode.json |
| abandoned.json | why an episode was given up, in place of outcome.json | no |
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from harness.events import Event
from harness.facts import EpisodeFacts, TickFacts, Vector
from harness.outcome import Outcome
from harness.record.errors import CorruptRecordError, IncompleteRecordError, RecordError
from harness.record.files import (
    RECORD_VERSION,
    json_line,
    read_json,
    read_json_lines,
    sha256_of,
    write_atomically,
)
from harness.record.lanes import read_lanes, write_lanes
from harness.record.layout import (
    ABANDONED,
    ABANDONED_FILE,
    ACTOR_LINE,
    ACTORS,
    CAMERA,
    EPISODE,
    EPISODE_FILE,
    EVENT_LINE,
    EVENTS,
    HASHED_FILES,
    LANES,
    OUTCOME,
    OUTCOME_FILE,
    PICTURE_FILES,
    PLANS,
    TICKS,
    TIMING,
    TIMING_FILE,
    ActorDeclaration,
    EpisodeHeader,
    EpisodeTiming,
    facts_to_json,
)
from harness.record.plans import PlanStream, PlanTable, read_plans
from harness.record.tick_table import TickTable, read_tick_table
from harness.record.ticks import BATCH_TICKS, TickBatch, TickStream, iter_tick_file
from scenarios.lane_strips import LaneStrips


@dataclass(frozen=True, slots=True)
class EpisodeRecord:
    """A complete record; its ticks stay on disk.

    Attributes:
        folder: where it lies.
        header, facts: what was written first.
        outcome, reason: how it ended, and why in words for people.
        tick_count: how many ticks `ticks` gives.
        events: all, in the order of writing.
        actors: by index.
        timing: None if no times were written.
        sha256: of the files that a score depends on, by name, as checked.
    """

    folder: Path
    header: EpisodeHeader
    facts: EpisodeFacts
    outcome: Outcome
    reason: str
    tick_count: int
    events: tuple[Event, ...]
    actors: tuple[ActorDeclaration, ...]
    timing: EpisodeTiming | None
    sha256: Mapping[str, str]

    def ticks(self) -> Iterator[TickFacts]:
        """Stored ticks in order.

        Raises:
            CorruptRecordError: the file is torn or holds another number of ticks than the end marker says.
        """
        count = 0
        for count, tick in enumerate(iter_ticks(self.folder), start=1):  # noqa: B007 - read after the loop
            yield tick
        self._check_count(count)

    def table(self) -> TickTable:
        """What metrics read of the ticks, as arrays.

        Raises:
            CorruptRecordError: as `ticks`.
        """
        table = read_tick_table(self.folder / TICKS)
        self._check_count(len(table.ego_location))
        return table

    def plans(self) -> PlanTable | None:
        """Where the policy meant to go; None if it did not say, or if the file is not there (any more).

        Raises:
            CorruptRecordError: the file has changed, or cannot be read.
        """
        path = self._picture_file(PLANS)
        return None if path is None else read_plans(path)

    def lanes(self) -> LaneStrips | None:
        """The lanes around the route; None, and raises, as `plans`."""
        path = self._picture_file(LANES)
        return None if path is None else read_lanes(path)

    def camera(self) -> tuple[tuple[int, Path], ...]:
        """(tick, JPEG file) of each picture of the front camera, in order; empty unless it was asked for."""
        found = [(path.stem, path) for path in (self.folder / CAMERA).glob("*.jpg")]
        return tuple(sorted((int(stem), path) for stem, path in found if stem.isdecimal()))

    def _picture_file(self, name: str) -> Path | None:
        path = self.folder / name
        if not path.exists():
            return None
        actual = sha256_of(path)
        if self.sha256.get(name) != actual:
            problem = f"has sha256 {actual}, the end marker says {self.sha256.get(name)}"
            raise CorruptRecordError(path, problem, "restore the file, or remove it: no score needs it")
        return path

    def _check_count(self, count: int) -> None:
        if count != self.tick_count:
            problem = f"holds {count} ticks, the end marker says {self.tick_count}"
            raise CorruptRecordError(self.folder / TICKS, problem, "run the episode again")


class EpisodeWriter:
    """Writes one record. Use it as a context manager: leaving it without `finish` abandons the record.

    Args:
        folder: of the attempt; made if missing, must be empty.
        header: who drives what.
        facts: what does not change during the episode.
        lanes: around its route, for pictures; None to leave them out.

    Raises:
        RecordError: the folder is not empty, or something given is not what a record can hold.
    """

    def __init__(
        self, folder: Path, header: EpisodeHeader, facts: EpisodeFacts, lanes: LaneStrips | None = None
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise RecordError(folder, "is not empty", "give every attempt a folder of its own")
        self._folder = folder
        self._next_tick = 0
        self._actor_count = 0
        self._is_open = True
        value = {"schema_version": RECORD_VERSION, "header": asdict(header), "facts": facts_to_json(facts)}
        write_atomically(folder / EPISODE, value)
        if lanes is not None:
            write_lanes(folder / LANES, lanes)
        self._actors = (folder / ACTORS).open("wb", buffering=0)
        self._events = (folder / EVENTS).open("wb", buffering=0)
        self._ticks = (folder / TICKS).open("wb", buffering=0)
        self._stream = TickStream(self._ticks)
        self._batch = TickBatch(folder / TICKS)
        self._plans = PlanStream(folder / PLANS)

    def __enter__(self) -> EpisodeWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_open:
            self.abandon("left without an outcome" if error is None else f"{type(error).__name__}: {error}")

    def declare_actor(self, index: int, type_id: str, extent: Vector) -> None:
        """Describe another road user, before the first tick that names it.

        Args:
            index: 0, 1, 2, ... in the order of declaration.
            type_id: blueprint id.
            extent: half sizes of its box, m.

        Raises:
            RecordError: closed, or an index left out.
        """
        self._require_open()
        if index != self._actor_count:
            problem = f"actor {index} is declared when {self._actor_count} is next"
            raise RecordError(self._folder / ACTORS, problem, "declare actors in the order of their index")
        self._write_line(self._actors, ACTORS, {"index": index, "type_id": type_id, "extent": list(extent)})
        self._actor_count += 1

    def append(self, tick: TickFacts, events: Sequence[Event] = ()) -> None:
        """Append a tick and what the criteria said about it. Events reach the file at once, ticks in batches.

        Raises:
            RecordError: closed, a tick left out, arrays of a wrong type, or an actor that was not declared.
        """
        self._require_open()
        if tick.tick != self._next_tick:
            problem = f"tick {tick.tick} comes when {self._next_tick} is next"
            raise RecordError(self._folder / TICKS, problem, "append every tick once, in order")
        self._batch.add(tick)
        self._next_tick += 1
        for event in events:
            self._write_event(event)
        if len(self._batch) == BATCH_TICKS:
            self._flush()

    def append_plan(self, t_s: NDArray[np.float64], point_in_world: NDArray[np.float64]) -> None:
        """Append what the policy meant to do after the last tick that was appended.

        Args:
            t_s: (T,) seconds from that tick.
            point_in_world: (T, 2) m, rear axle.

        Raises:
            RecordError: closed, no tick yet, or a second plan for it.
        """
        self._require_open()
        self._plans.add(self._next_tick - 1, t_s, point_in_world)

    def save_picture(self, tick: int, jpeg: bytes) -> None:
        """Save what the front camera saw at a tick.

        Raises:
            RecordError: closed.
        """
        self._require_open()
        folder = self._folder / CAMERA
        folder.mkdir(exist_ok=True)
        (folder / f"{tick:06}.jpg").write_bytes(jpeg)

    def finish(
        self,
        outcome: Outcome,
        reason: str,
        events: Sequence[Event] = (),
        timing: EpisodeTiming | None = None,
    ) -> None:
        """Close the record with its end marker.

        Args:
            outcome: how the episode ended.
            reason: why, in words for people.
            events: those of `CriteriaSet.finish`.
            timing: wall-clock times.

        Raises:
            RecordError: closed, or the last batch cannot be written; the record then has no end marker.
        """
        self._require_open()
        for event in events:
            self._write_event(event)
        self._flush()
        self._close()
        if timing is not None:
            write_atomically(self._folder / TIMING, {"schema_version": RECORD_VERSION, **asdict(timing)})
        marker = {
            "schema_version": RECORD_VERSION,
            "outcome": outcome.value,
            "reason": reason,
            "ticks": self._next_tick,
            "sha256": {name: sha256_of(self._folder / name) for name in self._written_files()},
        }
        write_atomically(self._folder / OUTCOME, marker)

    def abandon(self, reason: str) -> None:
        """Close the record without end marker: it is never scored. No effect once closed."""
        if not self._is_open:
            return
        try:
            self._flush()
        finally:
            self._close()
            write_atomically(self._folder / ABANDONED, {"schema_version": RECORD_VERSION, "reason": reason})

    def _written_files(self) -> tuple[str, ...]:
        pictures = [name for name in PICTURE_FILES if (self._folder / name).exists()]
        return (*HASHED_FILES, *pictures)

    def _require_open(self) -> None:
        if not self._is_open:
            raise RecordError(self._folder, "is closed", "use a new EpisodeWriter")

    def _write_event(self, event: Event) -> None:
        value = {"tick": event.tick, "type": event.type.value, "values": dict(event.values)}
        self._write_line(self._events, EVENTS, value)

    def _write_line(self, file: BinaryIO, name: str, value: object) -> None:
        file.write(json_line(self._folder / name, value))

    def _flush(self) -> None:
        """Write the batch in progress."""
        if not len(self._batch):
            return
        batch, self._batch = self._batch, TickBatch(self._folder / TICKS)
        highest = batch.max_actor_index()
        if highest >= self._actor_count:
            problem = (
                f"ticks up to {self._next_tick - 1} name actor {highest}, {self._actor_count} are declared"
            )
            raise RecordError(self._folder / TICKS, problem, "declare an actor before the tick that names it")
        self._stream.write(batch)

    def _close(self) -> None:
        """Close all files and force them to disk."""
        self._is_open = False
        self._stream.close()
        self._plans.close()
        for file in (self._ticks, self._events, self._actors):
            os.fsync(file.fileno())
            file.close()


def is_complete(folder: Path) -> bool:
    """Whether a record has its end marker (it is not checked here)."""
    return (folder / OUTCOME).is_file()


def iter_ticks(folder: Path, *, allow_torn: bool = False) -> Iterator[TickFacts]:
    """Stored ticks of a record, complete or not, in order; their arrays are read-only.

    Args:
        folder: of the record.
        allow_torn: end quietly after the last whole batch of a record that was interrupted.

    Raises:
        CorruptRecordError: the file is torn, or of another schema.
        FutureRecordError: written by a later version.
    """
    return iter_tick_file(folder / TICKS, allow_torn=allow_torn)


def read_episode(folder: Path) -> EpisodeRecord:
    """Read a complete record and check that no file changed since its end marker was written.

    Raises:
        IncompleteRecordError: no end marker.
        CorruptRecordError: a file is missing, changed, or not of its shape.
        FutureRecordError: written by a later version.
    """
    if not is_complete(folder):
        raise IncompleteRecordError(folder, _why_incomplete(folder), "run the episode again")
    marker = read_json(folder / OUTCOME, OUTCOME_FILE)
    for name in HASHED_FILES:
        actual = sha256_of(folder / name)
        if marker.sha256.get(name) != actual:
            problem = f"has sha256 {actual}, the end marker says {marker.sha256.get(name)}"
            raise CorruptRecordError(folder / name, problem, "restore the file or run the episode again")
    episode = read_json(folder / EPISODE, EPISODE_FILE)
    timing = read_json(folder / TIMING, TIMING_FILE) if (folder / TIMING).exists() else None
    return EpisodeRecord(
        folder=folder,
        header=episode.header,
        facts=episode.facts.to_facts(folder / EPISODE),
        outcome=marker.outcome,
        reason=marker.reason,
        tick_count=marker.ticks,
        events=tuple(read_json_lines(folder / EVENTS, EVENT_LINE)),
        actors=tuple(read_json_lines(folder / ACTORS, ACTOR_LINE)),
        timing=None
        if timing is None
        else EpisodeTiming(timing.wall_s, timing.phase_wall_s, timing.policy_step_us),
        sha256=marker.sha256,
    )


def _why_incomplete(folder: Path) -> str:
    """What is known about a record without end marker."""
    if not folder.is_dir():
        return "does not exist"
    if (folder / ABANDONED).exists():
        return f"was abandoned ({read_json(folder / ABANDONED, ABANDONED_FILE).reason})"
    return "has no end marker: its episode was interrupted or still runs"
