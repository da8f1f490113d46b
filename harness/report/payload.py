"""What the page carries for its replays, within a budget of bytes: failed drives come first."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness.record.layout import LANES
from harness.report import wording
from harness.report.model import EpisodeReport, Report
from harness.report.packing import pack
from harness.report.traces import episode_columns, map_columns

_STRIDES = (1, 2, 4)
_RANK = {"missing": 0, "failed": 0, "infractions": 1, "success": 2}


@dataclass(frozen=True, slots=True)
class Payload:
    """Blobs by the number of the episode.

    Attributes:
        episodes: of the drives.
        maps: of the roads, by their own number; episodes of one route share one.
        map_of: episode -> map.
        cameras: pictures, one a line: time in s, JPEG in base64.
        left_out: episodes whose replay did not fit.
        stride: how many ticks apart the samples are.
    """

    episodes: Mapping[int, str]
    maps: Mapping[int, str]
    map_of: Mapping[int, int]
    cameras: Mapping[int, str]
    left_out: tuple[int, ...]
    stride: int


@dataclass(slots=True)
class _Purse:
    """What is left of a budget."""

    left: int
    kept: dict[int, str] = field(default_factory=dict)

    def buy(self, number: int, blob: str) -> bool:
        """Take a blob if it fits."""
        if len(blob) > self.left:
            return False
        self.left -= len(blob)
        self.kept[number] = blob
        return True


def build_payload(report: Report, budget: int) -> Payload:
    """Pack as many replays as fit into so many bytes, and pictures if there is room left."""
    wanted = [(n, e) for n, e in enumerate(report.episodes) if e.record is not None and e.record.tick_count]
    wanted.sort(key=lambda pair: _RANK[wording.outcome_class(pair[1])])
    maps, map_of = _maps(wanted)
    left = budget - sum(len(blob) for blob in maps.values())
    for stride in _STRIDES:
        blobs = {number: _blob(episode, stride) for number, episode in wanted}
        if sum(len(blob) for blob in blobs.values()) <= left:
            break
    purse = _Purse(left)
    left_out = tuple(number for number, blob in blobs.items() if not purse.buy(number, blob))
    album = _Purse(purse.left)
    for number, episode in wanted:
        pictures = _pictures(episode) if number in purse.kept else None
        if pictures is not None:
            album.buy(number, pictures)
    needed = {map_of[number] for number in purse.kept if number in map_of}
    return Payload(
        episodes=purse.kept,
        maps={number: blob for number, blob in maps.items() if number in needed},
        map_of=map_of,
        cameras=album.kept,
        left_out=left_out,
        stride=stride,
    )


def _blob(episode: EpisodeReport, stride: int) -> str:
    if episode.record is None:
        raise ValueError(f"{episode.name} has no record")
    head, columns = episode_columns(episode.record, episode.baseline_record, stride)
    return pack(head, columns)


def _maps(wanted: Sequence[tuple[int, EpisodeReport]]) -> tuple[dict[int, str], dict[int, int]]:
    """Maps, each once, and which episode has which; records of older versions have none."""
    numbers: dict[str, int] = {}
    maps: dict[int, str] = {}
    map_of: dict[int, int] = {}
    for number, episode in wanted:
        sha256 = None if episode.record is None else episode.record.sha256.get(LANES)
        if episode.record is None or sha256 is None:
            continue
        if sha256 not in numbers:
            strips = episode.record.lanes()
            if strips is None:
                continue
            numbers[sha256] = len(numbers)
            maps[numbers[sha256]] = pack({}, map_columns(strips))
        map_of[number] = numbers[sha256]
    return maps, map_of


def _pictures(episode: EpisodeReport) -> str | None:
    record = episode.record
    if record is None or not (pictures := record.camera()):
        return None
    dt_s = record.facts.dt_s
    return "\n".join(
        f"{tick * dt_s:.3f} {base64.b64encode(path.read_bytes()).decode()}" for tick, path in pictures
    )
