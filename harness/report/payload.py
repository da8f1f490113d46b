"""What the page carries for its replays, within a budget of bytes: failed drives come first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.report import wording
from harness.report.model import EpisodeReport, Report
from harness.report.packing import pack
from harness.report.traces import episode_columns

_STRIDES = (1, 2, 4)


@dataclass(frozen=True, slots=True)
class Payload:
    """Blobs by the number of the episode.

    Attributes:
        episodes: of the drives.
        maps: of the roads, by their own number.
        map_of: episode -> map.
        cameras: pictures, as JSON.
        left_out: episodes whose replay did not fit.
        stride: how many ticks apart the samples are.
    """

    episodes: Mapping[int, str]
    maps: Mapping[int, str]
    map_of: Mapping[int, int]
    cameras: Mapping[int, str]
    left_out: tuple[int, ...]
    stride: int


def build_payload(report: Report, budget: int) -> Payload:
    """Pack as many replays as fit into so many bytes."""
    rank = {"missing": 0, "failed": 0, "infractions": 1, "success": 2}
    wanted = [(n, e) for n, e in enumerate(report.episodes) if e.record is not None and e.record.tick_count]
    wanted.sort(key=lambda pair: rank[wording.outcome_class(pair[1])])
    for stride in _STRIDES:
        blobs = {number: _blob(episode, stride) for number, episode in wanted}
        if sum(len(blob) for blob in blobs.values()) <= budget or stride == _STRIDES[-1]:
            break
    kept: dict[int, str] = {}
    spent = 0
    for number, blob in blobs.items():
        if spent + len(blob) <= budget:
            kept[number] = blob
            spent += len(blob)
    left_out = tuple(number for number in blobs if number not in kept)
    return Payload(kept, {}, {}, {}, left_out, stride)


def _blob(episode: EpisodeReport, stride: int) -> str:
    if episode.record is None:
        raise ValueError(f"{episode.name} has no record")
    head, columns = episode_columns(episode.record, episode.baseline_record, stride)
    return pack(head, columns)
