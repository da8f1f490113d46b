"""Driving scores of episodes and runs, computed from stored records. Pure: no simulator, no clock."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from harness.events import EventType
from harness.metrics import Measurement, infractions_of, route_completion_pct
from harness.outcome import Outcome
from harness.record import CorruptRecordError, EpisodeRecord, is_complete, read_episode
from harness.record.run_folder import (
    EPISODES,
    PlannedEpisode,
    attempts_of,
    episode_folder,
    read_faults,
    read_planned,
)
from harness.score.rescore import ScoreError, check_events
from harness.score.rules import RULES, ScoreVersion, penalty

SCORE_DIGITS = 6


class EpisodeStatus(StrEnum):
    """How the Leaderboard calls the result of a route."""

    PERFECT = "perfect"
    """All of the route and no infraction."""

    COMPLETED = "completed"
    """All of the route."""

    FAILED = "failed"
    """Not all of the route; `FailureReason` says why."""


class FailureReason(StrEnum):
    """Why a route was not completed."""

    TIMED_OUT = "timed_out"
    DEVIATED = "deviated"
    BLOCKED = "blocked"
    POLICY_FAULT = "policy_fault"


@dataclass(frozen=True, slots=True)
class EpisodeScore:
    """Score of one episode under one version.

    Attributes:
        episode, attempt: whose score it is.
        version: of the rules.
        outcome: how the episode ended.
        status, failure: the Leaderboard's result; a failure exactly if it failed.
        is_success: completed without any infraction but minimum speed (Bench2Drive's notion).
        route_completion_pct: 0..100, rounded to 6 digits as the rest.
        penalty: factor in [0, 1].
        driving_score: completion times penalty, 0..100.
        infractions: kind -> count; every kind is a key.
    """

    episode: PlannedEpisode
    attempt: int
    version: ScoreVersion
    outcome: Outcome
    status: EpisodeStatus
    failure: FailureReason | None
    is_success: bool
    route_completion_pct: float
    penalty: float
    driving_score: float
    infractions: Mapping[EventType, int]

    @property
    def infraction_count(self) -> int:
        """All infractions, those that ended the route included."""
        return sum(self.infractions.values())


@dataclass(frozen=True, slots=True)
class PolicyScore:
    """Score of one policy over a run.

    Attributes:
        policy: name.
        privileged: whether it was given ground truth; None if it has no valid record.
        n_planned: episodes planned.
        n_valid: episodes with a scored record.
        n_infra_fault: episodes without one, of which at least one attempt ended in an infrastructure fault.
        n_incomplete: episodes without one and without such a fault.
        n_retries: attempts after the first one of an episode.
        driving_score, route_completion_pct, penalty, success_pct: means over all planned episodes; missing
            unless every one of them is valid.
        driving_score_valid: mean over the valid episodes, however few.
        driving_score_std: sample standard deviation over the valid episodes.
        driving_score_crash_as_zero: mean over all planned episodes where one counts 0 if it has no valid
            record or any of its attempts was an infrastructure fault, that is without the benefit of retries.
    """

    policy: str
    privileged: bool | None
    n_planned: int
    n_valid: int
    n_infra_fault: int
    n_incomplete: int
    n_retries: int
    driving_score: Measurement
    route_completion_pct: Measurement
    penalty: Measurement
    success_pct: Measurement
    driving_score_valid: Measurement
    driving_score_std: Measurement
    driving_score_crash_as_zero: Measurement


@dataclass(frozen=True, slots=True)
class ScoreCard:
    """Scores of a run under one version.

    Attributes:
        version: of the rules.
        per_episode: valid episodes, in the order of the plan.
        per_policy: in the order of the plan.
        n_planned, n_valid: over all policies; a gate needs them equal.
        not_judged: infractions of this version that no criterion looked for.
    """

    version: ScoreVersion
    per_episode: tuple[EpisodeScore, ...]
    per_policy: tuple[PolicyScore, ...]
    n_planned: int
    n_valid: int
    not_judged: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Attempts:
    """What became of a planned episode."""

    planned: PlannedEpisode
    score: EpisodeScore | None
    privileged: bool | None
    n_attempts: int
    n_infra_fault: int


def score_episode(record: EpisodeRecord, version: ScoreVersion) -> EpisodeScore:
    """Score one episode by its stored events.

    Raises:
        ScoreError: its outcome is an infrastructure fault, or contradicts its events.
        CorruptRecordError: its events lack the final account.
    """
    if not record.outcome.is_scored:
        raise ScoreError(record.folder, f"is an {record.outcome}", "run the episode again; it says nothing")
    counts = infractions_of(record.events)
    completion_pct = route_completion_pct(record)
    has_completed = any(event.type is EventType.ROUTE_COMPLETED for event in record.events)
    failure = None if has_completed else _failure(record, counts)
    _check_outcome(record, has_completed)
    outside_pct = sum(
        float(e.values["percentage"]) for e in record.events if e.type is EventType.OUTSIDE_ROUTE_LANES
    )
    factor = penalty(RULES[version], counts, outside_pct)
    is_clean = not any(counts.values())
    if has_completed:
        status = EpisodeStatus.PERFECT if is_clean else EpisodeStatus.COMPLETED
    else:
        status = EpisodeStatus.FAILED
    header = record.header
    return EpisodeScore(
        episode=PlannedEpisode(header.policy, header.route_id, header.repeat),
        attempt=header.attempt,
        version=version,
        outcome=record.outcome,
        status=status,
        failure=failure,
        is_success=has_completed and is_clean,
        route_completion_pct=round(completion_pct, SCORE_DIGITS),
        penalty=round(factor, SCORE_DIGITS),
        # Rounded once, from unrounded parts, as the original does.
        driving_score=round(max(completion_pct * factor, 0.0), SCORE_DIGITS),
        infractions=counts,
    )


def score_run(run_folder: Path, version: ScoreVersion, *, trust_events: bool = False) -> ScoreCard:
    """Score all records of a run.

    Args:
        run_folder: with run.json and the records.
        version: of the rules.
        trust_events: skip judging the stored ticks again.

    Raises:
        ScoreError: stored events differ from those that the criteria give now, an episode has two valid
        attempts,
            or records of different suites are mixed.
        RecordError: the plan or a complete record cannot be read, or a record is not where it belongs.
    """
    planned = read_planned(run_folder)
    _refuse_unplanned(run_folder, planned)
    suites: set[str] = set()
    faults = read_faults(run_folder)
    episodes = [
        _score_planned(run_folder, one, version, trust_events, suites, faults[one]) for one in planned
    ]
    if len(suites) > 1:
        raise ScoreError(run_folder, "mixes records of different suites", "score one suite at a time")
    policies = dict.fromkeys(one.policy for one in planned)
    scores = tuple(e.score for e in episodes if e.score is not None)
    return ScoreCard(
        version=version,
        per_episode=scores,
        per_policy=tuple(_score_policy(p, [e for e in episodes if e.planned.policy == p]) for p in policies),
        n_planned=len(planned),
        n_valid=len(scores),
        not_judged=RULES[version].not_judged,
    )


def _failure(record: EpisodeRecord, counts: Mapping[EventType, int]) -> FailureReason:
    """Why a route was not completed: the last that applies, as the original overwrites its message."""
    reason = None
    if record.outcome is Outcome.POLICY_FAULT:
        reason = FailureReason.POLICY_FAULT
    for kind, candidate in (
        (EventType.ROUTE_TIMEOUT, FailureReason.TIMED_OUT),
        (EventType.ROUTE_DEVIATION, FailureReason.DEVIATED),
        (EventType.BLOCKED, FailureReason.BLOCKED),
    ):
        if counts[kind]:
            reason = candidate
    if reason is None:
        raise ScoreError(record.folder, f"is {record.outcome} but no event says why", "run the episode again")
    return reason


def _check_outcome(record: EpisodeRecord, has_completed: bool) -> None:
    """Refuse an outcome that the events contradict (that an ending has its event, `_failure` saw to)."""
    fits = {
        Outcome.COMPLETED: has_completed,
        Outcome.ENDED_BY_RULE: not has_completed,
        Outcome.POLICY_FAULT: True,
    }[record.outcome]
    if not fits:
        raise ScoreError(
            record.folder, f"is {record.outcome}, which its events deny", "run the episode again"
        )


def _refuse_unplanned(run_folder: Path, planned: Sequence[PlannedEpisode]) -> None:
    """Refuse records that nobody planned: they would be left out without a word."""
    expected = {episode_folder(run_folder, one) for one in planned}
    for folder in sorted((run_folder / EPISODES).glob("*/*")):
        if folder not in expected:
            raise CorruptRecordError(folder, "is not in the plan of its run", "remove it or plan it")


def _score_planned(
    run_folder: Path,
    planned: PlannedEpisode,
    version: ScoreVersion,
    trust_events: bool,
    suites: set[str],
    n_logged_faults: int,
) -> _Attempts:
    """Score the one valid attempt at an episode, if there is one."""
    score = None
    privileged = None
    n_infra_fault = 0
    folders = attempts_of(run_folder, planned)
    for folder in folders:
        if not is_complete(folder):
            continue
        record = read_episode(folder)
        _check_place(record, planned)
        suites.add(record.header.suite_sha256)
        if not record.outcome.is_scored:
            n_infra_fault += 1
            continue
        if score is not None:
            raise ScoreError(
                folder, "is the second valid attempt", "only infrastructure faults may be retried"
            )
        if not trust_events:
            check_events(record)
        score = score_episode(record, version)
        privileged = record.header.privileged
    # A fault before there was a record, or of a whole worker, is in the log only.
    n_infra_fault = max(n_infra_fault, n_logged_faults)
    return _Attempts(planned, score, privileged, max(len(folders), n_infra_fault), n_infra_fault)


def _check_place(record: EpisodeRecord, planned: PlannedEpisode) -> None:
    """Refuse a record that lies in the folder of another episode."""
    header = record.header
    actual = PlannedEpisode(header.policy, header.route_id, header.repeat)
    if actual != planned or record.folder.name != f"attempt-{header.attempt}":
        raise CorruptRecordError(record.folder, f"holds {actual} attempt {header.attempt}", "put it back")


def _score_policy(policy: str, episodes: Sequence[_Attempts]) -> PolicyScore:
    """Combine the episodes of one policy."""
    n_planned = len(episodes)
    scores = [e.score for e in episodes if e.score is not None]
    absent = f"{n_planned - len(scores)} of {n_planned} planned episodes have no valid record"

    def mean_over_planned(value: Callable[[EpisodeScore], float], unit: str) -> Measurement:
        values = [value(s) for s in scores] if len(scores) == n_planned else []
        return Measurement.mean(values, unit, absent)

    valid = [s.driving_score for s in scores]
    without_retries = [
        e.score.driving_score if e.score is not None and e.n_infra_fault == 0 else 0.0 for e in episodes
    ]
    return PolicyScore(
        policy=policy,
        privileged=next((e.privileged for e in episodes if e.privileged is not None), None),
        n_planned=n_planned,
        n_valid=len(scores),
        n_infra_fault=sum(e.score is None and e.n_infra_fault > 0 for e in episodes),
        n_incomplete=sum(e.score is None and e.n_infra_fault == 0 for e in episodes),
        n_retries=sum(e.score.attempt if e.score else max(e.n_attempts - 1, 0) for e in episodes),
        driving_score=mean_over_planned(lambda s: s.driving_score, ""),
        route_completion_pct=mean_over_planned(lambda s: s.route_completion_pct, "%"),
        penalty=mean_over_planned(lambda s: s.penalty, ""),
        success_pct=mean_over_planned(lambda s: 100.0 * s.is_success, "%"),
        driving_score_valid=Measurement.mean(valid, "", absent),
        driving_score_std=_sample_std(valid),
        driving_score_crash_as_zero=Measurement.mean(without_retries, "", absent),
    )


def _sample_std(values: Sequence[float]) -> Measurement:
    """Standard deviation with n - 1; the Leaderboard writes 0 for one route, where there is none."""
    if len(values) < 2:
        return Measurement.missing("", f"a standard deviation needs two episodes, there are {len(values)}")
    mean = math.fsum(values) / len(values)
    variance = math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)
    return Measurement(math.sqrt(variance), "", len(values))
