"""Shards: one run driven in parts on several machines, and put together again.

Who drives what depends on the plan alone, so that the jobs of a CI matrix need not talk to each other:

    drivegate run ... --shard 1/2 --out runs/1      (one machine)
    drivegate run ... --shard 2/2 --out runs/2      (another)
    drivegate merge runs/1 runs/2 --out runs/all    (wherever both folders are)

The merged folder equals that of the same run driven in one piece: same plan, same records, same faults.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pydantic import TypeAdapter

from harness.errors import ConfigError, MergeError
from harness.record.files import read_json, write_atomically
from harness.record.run_folder import EPISODES, INFRA_LOG, RUN, PlannedEpisode, planned_to_json

LOGS = "logs"


@dataclass(frozen=True, slots=True)
class Shard:
    """One part of a run.

    Attributes:
        index: which, 1-based.
        count: of how many.
    """

    index: int
    count: int

    def __post_init__(self) -> None:
        if not 1 <= self.index <= self.count:
            raise ConfigError(
                f"--shard {self}: shards are numbered from 1/{self.count} to {self.count}/{self.count}."
            )

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read "2/4".

        Raises:
            ConfigError: it is of another form, or there is no such shard.
        """
        if not re.fullmatch(r"[0-9]{1,4}/[0-9]{1,4}", text):
            raise ConfigError(f"--shard {text!r} is not of the form 2/4 (the second of four).")
        index, count = map(int, text.split("/"))
        return cls(index, count)

    def pick(self, planned: Sequence[PlannedEpisode]) -> tuple[PlannedEpisode, ...]:
        """The episodes of this shard, in the order of the plan.

        Routes go around the shards like cards, and so do the repeats of each; more repeats leave those where
        they are that were there before.
        """
        places: dict[tuple[str, str], int] = {}
        for one in planned:
            places.setdefault((one.policy, one.route_id), len(places))
        return tuple(
            one
            for one in planned
            if (places[one.policy, one.route_id] + one.repeat) % self.count == self.index - 1
        )


@dataclass(frozen=True, slots=True)
class _Part:
    """What run.json says of a shard: the shard, and the plan of the whole run."""

    index: int
    count: int
    whole: tuple[PlannedEpisode, ...]


@dataclass(frozen=True, slots=True)
class _RunFile:
    """The parts of run.json that merging needs."""

    schema_version: int
    config: dict[str, dict[str, object]]
    suites: dict[str, str]
    versions: dict[str, str]
    planned: tuple[PlannedEpisode, ...]
    shard: _Part | None = None


_RUN_FILE = TypeAdapter(_RunFile)


def shard_to_json(shard: Shard, whole: Sequence[PlannedEpisode]) -> dict[str, object]:
    """The value of the key `shard` of run.json."""
    return {"index": shard.index, "count": shard.count, "whole": planned_to_json(whole)}


def stored_shard(folder: Path) -> Shard | None:
    """Which shard a run folder holds, None if it is a whole run.

    Raises:
        CorruptRecordError: run.json cannot be read.
    """
    part = _read(folder).shard
    return None if part is None else Shard(part.index, part.count)


def merge_runs(parts: Sequence[Path], out: Path) -> int:
    """Put the shards of a run together into a folder of its own; the parts stay as they are.

    An episode that its shard could not drive is missing in the merged run too, and makes it INVALID.

    Returns:
        How many episodes the merged run has planned.

    Raises:
        MergeError: a part is no shard, is there twice or not at all, or belongs to another run.
        CorruptRecordError: a part's run.json cannot be read.
        ConfigError: the folder to write is not empty.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError(f"{out} is not empty; choose another --out.")
    files = {folder: _read(folder) for folder in dict.fromkeys(parts)}
    first = _check(files, len(parts))
    whole = first.shard.whole if first.shard is not None else ()
    temporary = out.with_name(out.name + ".merging")
    if temporary.exists():
        shutil.rmtree(temporary)  # of a merge that was interrupted
    (temporary / EPISODES).mkdir(parents=True)
    for folder, file in files.items():
        _copy(folder, temporary, file)
    content = {
        "schema_version": first.schema_version,
        "config": first.config,
        "suites": first.suites,
        "versions": first.versions,
        "planned": planned_to_json(whole),
    }
    write_atomically(temporary / RUN, content)
    if out.exists():
        out.rmdir()
    temporary.replace(out)
    return len(whole)


def _read(folder: Path) -> _RunFile:
    return read_json(folder / RUN, _RUN_FILE)


def _check(files: dict[Path, _RunFile], given: int) -> _RunFile:
    """Refuse parts that do not make one run; returns the first."""
    by_index: dict[int, Path] = {}
    first_folder, first = next(iter(files.items()))
    if len(files) != given:
        raise MergeError("the same folder is named twice; name each shard once")
    for folder, file in files.items():
        if file.shard is None:
            raise MergeError(f"{folder} is a whole run, not a shard; there is nothing to merge")
        if (different := _difference(first, file)) is not None:
            raise MergeError(f"{folder} is no part of the run in {first_folder}: {different}")
        if file.shard.index in by_index:
            twin = by_index[file.shard.index]
            raise MergeError(
                f"shard {file.shard.index}/{file.shard.count} is there twice: {twin} and {folder}; name one"
            )
        by_index[file.shard.index] = folder
        if file.planned != Shard(file.shard.index, file.shard.count).pick(file.shard.whole):
            raise MergeError(f"{folder / RUN} does not plan what its shard must; drive it again")
    count = first.shard.count if first.shard is not None else 0
    absent = [f"{index}/{count}" for index in range(1, count + 1) if index not in by_index]
    if absent:
        raise MergeError(f"shard {', '.join(absent)} is missing; drive it, or name its folder too")
    return first


def _difference(first: _RunFile, other: _RunFile) -> str | None:
    """In what two shards differ that must not, None if in nothing. How the work was done may differ."""
    a, b = first.config.get("drive", {}), other.config.get("drive", {})
    for what, old, new in (
        *((f"drive.{key}", a.get(key), b.get(key)) for key in sorted(set(a) | set(b))),
        ("the suites' content", first.suites, other.suites),
        ("the software", first.versions, other.versions),
        ("the number of shards", first.shard and first.shard.count, other.shard and other.shard.count),
        ("the plan", first.shard and first.shard.whole, other.shard and other.shard.whole),
    ):
        if old != new:
            return (
                f"{what} differs"
                + ("" if what == "the plan" else f" ({old} there, {new} here)")
                + "; drive anew"
            )
    return None


def _copy(folder: Path, out: Path, file: _RunFile) -> None:
    """Copy what a shard drove: records, log of faults, logs of servers."""
    if (folder / EPISODES).is_dir():
        shutil.copytree(folder / EPISODES, out / EPISODES, dirs_exist_ok=True)
    if (folder / INFRA_LOG).exists():
        with (out / INFRA_LOG).open("ab") as log:
            log.write((folder / INFRA_LOG).read_bytes())
    if (folder / LOGS).is_dir():
        index = file.shard.index if file.shard is not None else 0
        shutil.copytree(folder / LOGS, out / LOGS / f"shard-{index}")
