"""The shelf: a folder of stored baselines, and which of them a run can be held against."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.gate.baseline import read_baseline
from harness.gate.model import Sample


@dataclass(frozen=True, slots=True)
class Found:
    """What the shelf has for a run.

    Attributes:
        path: of the baseline, None if there is none.
        why_not: for each baseline that does not fit, in what it differs.
    """

    path: Path | None
    why_not: tuple[str, ...]


def find_baseline(folder: Path, sample: Sample) -> Found:
    """Find the baseline that was driven as a run was: policy, routes, seed, traffic, server, rules.

    Versions of software are no matter of choice: if they differ, the gate says what it means. Nor is it one
    whether the run is whole.

    Raises:
        CorruptRecordError: a file on the shelf is no baseline.
        FutureRecordError: one was written by a later version.
    """
    why_not = []
    for path in sorted(folder.glob("*.json")):
        different = _difference(read_baseline(path).sample, sample)
        if different is None:
            return Found(path, ())
        why_not.append(f"{path.name}: {different}")
    return Found(None, tuple(why_not))


def _difference(stored: Sample, sample: Sample) -> str | None:
    """In what a baseline differs that must not, None if it fits."""
    a, b = stored.conditions, sample.conditions
    for what, old, new in (
        ("policy", stored.policy, sample.policy),
        ("suite", f"{a.suite} {a.suite_sha256[:12]}", f"{b.suite} {b.suite_sha256[:12]}"),
        ("traffic", a.traffic, b.traffic),
        ("server", a.server_kind, b.server_kind),
        ("time between ticks", a.dt_s, b.dt_s),
        ("score", a.score_version, b.score_version),
    ):
        if old != new:
            return f"{what} {old}, not {new}"
    seeds = {episode.key: episode.seed for episode in stored.episodes}
    if any(episode.seed != seeds.get(episode.key, episode.seed) for episode in sample.episodes):
        return "another seed"
    if not any(episode.key in seeds for episode in sample.episodes):
        return "other repeats"
    return None
