"""Baselines: a campaign's numbers as one small JSON file, with where they came from."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter

from harness.gate.artefact import VERSION, write_artefact
from harness.gate.model import Conditions, EpisodeKey, EpisodeSample, Sample
from harness.metrics.catalogue import CATALOGUE
from harness.record.errors import CorruptRecordError
from harness.record.files import read_json

KIND = "drivegate-baseline"


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a baseline came from.

    Attributes:
        commit: of the policy's repository, "" if unknown.
        date: of the update, ISO.
        run: name of the run folder.
        accepted: what a person accepted in spite of the gate, "" if the gate passed or there was no gate.
    """

    commit: str
    date: str
    run: str
    accepted: str = ""


@dataclass(frozen=True, slots=True)
class Baseline:
    """A stored campaign and its provenance."""

    sample: Sample
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class _Episode:
    route_id: str
    repeat: int
    seed: int
    facts_sha256: str
    driven_km: float
    values: dict[str, float]
    why_missing: dict[str, str]


@dataclass(frozen=True, slots=True)
class _File:
    schema_version: int
    kind: str
    policy: str
    policy_config: dict[str, object]
    conditions: Conditions
    provenance: Provenance
    episodes: tuple[_Episode, ...]


_FILE = TypeAdapter(_File)


def write_baseline(path: Path, sample: Sample, provenance: Provenance) -> None:
    """Store a campaign as a baseline.

    Raises:
        CorruptRecordError: the campaign is not whole, so that nothing could be compared with it.
    """
    if sample.problems:
        raise CorruptRecordError(
            path, f"cannot be made from {sample.label}: {sample.problems[0]}", "drive it all"
        )
    episodes = [
        {
            "route_id": e.key.route_id,
            "repeat": e.key.repeat,
            "seed": e.seed,
            "facts_sha256": e.facts_sha256,
            "driven_km": e.driven_km,
            "values": {name: value for name, value in e.values.items() if value is not None},
            "why_missing": dict(e.why_missing),
        }
        for e in sample.episodes
    ]
    write_artefact(
        path,
        {
            "kind": KIND,
            "policy": sample.policy,
            "policy_config": dict(sample.policy_config),
            "conditions": asdict(sample.conditions),
            "provenance": asdict(provenance),
            "episodes": episodes,
        },
    )


def read_baseline(path: Path) -> Baseline:
    """Read a stored baseline. A metric that it does not know is missing in it, with that reason.

    Raises:
        CorruptRecordError: it cannot be read, is no baseline, or holds an episode twice.
        FutureRecordError: written by a later version.
    """
    file = read_json(path, _FILE)
    if file.kind != KIND or file.schema_version > VERSION or not file.episodes:
        raise CorruptRecordError(path, "is no baseline", "make one with `drivegate baseline update`")
    episodes = tuple(_episode(one) for one in file.episodes)
    if len({episode.key for episode in episodes}) != len(episodes):
        raise CorruptRecordError(path, "holds an episode twice", "make it again")
    sample = Sample(
        label=f"{file.policy} in {path}",
        policy=file.policy,
        policy_config=file.policy_config,
        conditions=file.conditions,
        episodes=tuple(sorted(episodes, key=lambda episode: episode.key)),
        n_planned=len(episodes),
        n_retries=0,
        problems=(),
    )
    return Baseline(sample, file.provenance)


def _episode(one: _Episode) -> EpisodeSample:
    absent = {
        name: one.why_missing.get(name, "the baseline is older than this metric; make it again")
        for name in CATALOGUE
        if name not in one.values
    }
    return EpisodeSample(
        key=EpisodeKey(one.route_id, one.repeat),
        seed=one.seed,
        facts_sha256=one.facts_sha256,
        driven_km=one.driven_km,
        values={name: one.values.get(name) for name in CATALOGUE},
        why_missing=absent,
    )
