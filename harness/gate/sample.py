"""A run folder -> Sample: the numbers of each valid episode, read from its record."""

from __future__ import annotations

from pathlib import Path

from harness.errors import ConfigError
from harness.events import EventType
from harness.gate.baseline import read_baseline
from harness.gate.model import Conditions, EpisodeKey, EpisodeSample, Sample
from harness.gate.pairing import some
from harness.metrics import CATALOGUE, EpisodeMetrics, Measurement, measure_episode
from harness.record import CorruptRecordError, EpisodeHeader, EpisodeRecord, read_episode
from harness.record.layout import TICKS
from harness.record.run_folder import RUN, attempt_folder, read_planned
from harness.score import EpisodeScore, ScoreVersion, score_run

_COLLISIONS = (
    EventType.COLLISION_PEDESTRIAN,
    EventType.COLLISION_VEHICLE,
    EventType.COLLISION_STATIC,
)


def policies_of(run_folder: Path) -> tuple[str, ...]:
    """Names of the policies that a run was to judge, in the order of its plan.

    Raises:
        CorruptRecordError: the folder holds no run.
    """
    return tuple(dict.fromkeys(one.policy for one in read_planned(run_folder)))


def load_sample(path: Path, policy: str | None, version: ScoreVersion) -> Sample:
    """Read a run folder or a stored baseline.

    Args:
        path: of either.
        policy: whose episodes; needed if a run has several.
        version: rules of the driving score (a stored baseline carries its own).

    Raises:
        ConfigError: the policy is not there, or it is not clear which one is meant.
        RecordError, ScoreError: something stored cannot be read or trusted.
    """
    if path.is_dir():
        there_are = policies_of(path)
        if policy is None and len(there_are) == 1:
            policy = there_are[0]
        if policy not in there_are:
            wanted = "which policy is meant?" if policy is None else f"there is no policy {policy!r}."
            raise ConfigError(f"{path}: {wanted} The run has {', '.join(there_are)} (option --policy).")
        return sample_of_run(path, policy, version)
    if not path.exists():
        raise ConfigError(f"{path} is neither a run folder nor a stored baseline.")
    sample = read_baseline(path).sample
    if policy is not None and sample.policy != policy:
        raise ConfigError(f"{path} is a baseline of {sample.policy}, not of {policy!r}.")
    return sample


def sample_of_run(run_folder: Path, policy: str, version: ScoreVersion) -> Sample:
    """Read one policy's campaign. Stored events are taken as they are: their hashes are checked.

    Raises:
        RecordError, ScoreError: a record is torn, changed, or not where it belongs.
    """
    card = score_run(run_folder, version, trust_events=True)
    scores = [score for score in card.per_episode if score.episode.policy == policy]
    planned = [one for one in read_planned(run_folder) if one.policy == policy]
    label = f"{policy} in {run_folder}"
    done = {score.episode for score in scores}
    absent = [EpisodeKey(one.route_id, one.repeat) for one in planned if one not in done]
    problems = [f"{some(absent)} have no valid record (see infra.jsonl)"] if absent else []
    episodes = []
    conditions: Conditions | None = None
    config: dict[str, object] = {}
    for score in scores:
        record = read_episode(attempt_folder(run_folder, score.episode, score.attempt))
        found = _conditions(record.header, record.facts.dt_s, version)
        if conditions is not None and found != conditions:
            problems.append(f"{_key(score)} was driven under other conditions than the first episode")
        conditions = conditions or found
        config = dict(record.header.policy_config)
        episodes.append(_episode(record, score))
    if conditions is None:
        raise CorruptRecordError(
            run_folder / RUN, f"has no valid record of {policy}", "drive it, or name another policy"
        )
    retries = sum(one.n_retries for one in card.per_policy if one.policy == policy)
    return Sample(
        label=label,
        policy=policy,
        policy_config=config,
        conditions=conditions,
        episodes=tuple(sorted(episodes, key=lambda episode: episode.key)),
        n_planned=len(planned),
        n_retries=retries,
        problems=tuple(problems),
    )


_SAME_SIMULATOR = {"docker-headless": "embedded"}
"""Our own server in a container gives the records of the embedded one bit for bit; a test holds that."""


def _key(score: EpisodeScore) -> EpisodeKey:
    return EpisodeKey(score.episode.route_id, score.episode.repeat)


def _conditions(header: EpisodeHeader, dt_s: float, version: ScoreVersion) -> Conditions:
    return Conditions(
        suite=header.suite,
        suite_sha256=header.suite_sha256,
        traffic=header.traffic,
        server_kind=_SAME_SIMULATOR.get(header.server_kind, header.server_kind),
        dt_s=dt_s,
        score_version=version.value,
        versions=dict(header.versions),
    )


def _episode(record: EpisodeRecord, score: EpisodeScore) -> EpisodeSample:
    metrics = measure_episode(record)
    found = _measurements(metrics, score)
    return EpisodeSample(
        key=_key(score),
        seed=record.header.seed,
        facts_sha256=record.sha256[TICKS],
        driven_km=metrics.driven.value or 0.0,
        values={name: found[name].value for name in CATALOGUE},
        why_missing={name: m.why_missing for name, m in found.items() if m.why_missing is not None},
    )


def _measurements(metrics: EpisodeMetrics, score: EpisodeScore) -> dict[str, Measurement]:
    """All metrics of the catalogue."""
    collisions = sum(score.infractions[kind] for kind in _COLLISIONS)
    outside_m = metrics.outside_lanes
    return {
        "driving_score": Measurement(score.driving_score, "", 1),
        "route_completion": Measurement(score.route_completion_pct, "%", 1),
        "success": Measurement(float(score.is_success), "", 1),
        "collisions": Measurement(collisions, "", 1),
        "red_lights": Measurement(score.infractions[EventType.RED_LIGHT], "", 1),
        "stop_signs": Measurement(score.infractions[EventType.STOP_SIGN], "", 1),
        "outside_lanes": Measurement((outside_m.value or 0.0) * 1000.0, "m", outside_m.n),
        **metrics.driving,
    }
