"""Layout of a run folder: what was planned, and where the record of each attempt lies.

`run.json` and `infra.jsonl` are written by the campaign; this module knows only the parts that scores need.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote

from pydantic import TypeAdapter

from harness.record.errors import CorruptRecordError
from harness.record.files import read_json, read_json_lines

RUN, EPISODES, INFRA_LOG = "run.json", "episodes", "infra.jsonl"

POLICY_FILES = "policy"
"""Folder in an attempt for what the policy itself keeps (`policies.interface.KeepsFiles`)."""


@dataclass(frozen=True, slots=True, order=True)
class PlannedEpisode:
    """One thing to drive: a policy on a route, for the n-th time (0-based)."""

    policy: str
    route_id: str
    repeat: int


@dataclass(frozen=True, slots=True)
class _RunFile:
    """The part of run.json that is read here."""

    schema_version: int
    planned: tuple[PlannedEpisode, ...]


_RUN_FILE = TypeAdapter(_RunFile)
_FAULT = TypeAdapter(PlannedEpisode)


def planned_to_json(planned: Sequence[PlannedEpisode]) -> list[dict[str, object]]:
    """The value of the key `planned` of run.json (beside it stands `schema_version`)."""
    return [asdict(episode) for episode in planned]


def read_planned(run_folder: Path) -> tuple[PlannedEpisode, ...]:
    """What a run was to drive, in the order of the plan.

    Raises:
        CorruptRecordError: no run.json, not of its shape, or an episode planned twice.
        FutureRecordError: written by a later version.
    """
    path = run_folder / RUN
    if not path.exists():
        raise CorruptRecordError(run_folder, f"holds no {RUN}", "name the folder of a run")
    planned = read_json(path, _RUN_FILE).planned
    if len(set(planned)) != len(planned):
        raise CorruptRecordError(path, "plans an episode twice", "start the run again")
    return planned


def read_faults(run_folder: Path) -> Counter[PlannedEpisode]:
    """How often the infrastructure ended an attempt at each episode, also before there was a record.

    Raises:
        CorruptRecordError: a line of the log is not of its shape.
    """
    path = run_folder / INFRA_LOG
    return Counter(read_json_lines(path, _FAULT)) if path.exists() else Counter()


def episode_folder(run_folder: Path, episode: PlannedEpisode) -> Path:
    """Where the attempts at an episode lie."""
    name = f"{quote(episode.route_id, safe='')}-r{episode.repeat}"
    return run_folder / EPISODES / quote(episode.policy, safe="") / name


def attempt_folder(run_folder: Path, episode: PlannedEpisode, attempt: int) -> Path:
    """Where the record of one attempt lies (0-based)."""
    return episode_folder(run_folder, episode) / f"attempt-{attempt}"


def attempts_of(run_folder: Path, episode: PlannedEpisode) -> tuple[Path, ...]:
    """Folders of the attempts at an episode that exist, first attempt first.

    Raises:
        CorruptRecordError: something else lies among them.
    """
    folder = episode_folder(run_folder, episode)
    if not folder.is_dir():
        return ()
    numbered: list[tuple[int, Path]] = []
    for path in folder.iterdir():
        prefix, _, number = path.name.partition("-")
        if prefix != "attempt" or not number.isdecimal():
            raise CorruptRecordError(path, "is not an attempt", "keep other files out of the run folder")
        numbered.append((int(number), path))
    return tuple(path for _, path in sorted(numbered))
