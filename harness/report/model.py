"""What a report tells, before anybody has chosen a format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.gate.model import EpisodeKey, EpisodeSample, GateResult, Verdict
from harness.gate.rules import GateRules
from harness.record import EpisodeRecord
from harness.score import EpisodeScore, PolicyScore, ScoreCard

PRIVILEGED_MARK = "*"
"""Beside every number of a policy that sees the ground truth; such policies are never ranked with others."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One line of infra.jsonl: the infrastructure ended an attempt.

    Attributes:
        key: which episode.
        attempt: 0-based.
        kind: such as "server_died".
        message: what happened.
        evidence: what the server left behind, in words; "" if nothing is known.
        log_tail: the last lines that it wrote.
        will_retry: whether another attempt followed.
        time: when, as written.
    """

    policy: str
    key: EpisodeKey
    attempt: int
    kind: str
    message: str
    evidence: str
    log_tail: tuple[str, ...]
    will_retry: bool
    time: str


@dataclass(frozen=True, slots=True)
class EpisodeReport:
    """One planned episode.

    Attributes:
        policy, key: which one.
        privileged: whether its policy sees the ground truth.
        score: None if it has no valid record.
        record: that was scored, None likewise.
        sample: its metrics, None likewise.
        n_attempts: at it.
        baseline: the baseline's metrics of the same episode, None if there is none.
        baseline_record: its record, None if the baseline is a stored file or lacks it.
        reproduce: a command that drives it again.
    """

    policy: str
    key: EpisodeKey
    privileged: bool
    score: EpisodeScore | None
    record: EpisodeRecord | None
    sample: EpisodeSample | None
    n_attempts: int
    baseline: EpisodeSample | None
    baseline_record: EpisodeRecord | None
    reproduce: str

    @property
    def name(self) -> str:
        """Route and repeat, as in the run folder."""
        return str(self.key)

    @property
    def is_success(self) -> bool:
        """Whether the route was completed without an infraction."""
        return self.score is not None and self.score.is_success


@dataclass(frozen=True, slots=True)
class PolicyReport:
    """One policy of the run.

    Attributes:
        score: over the run.
        gate: the verdict, None if there is nothing to compare with.
        baseline_label: what it was compared with, "" likewise.
        episodes: in the order of the plan.
    """

    score: PolicyScore
    gate: GateResult | None
    baseline_label: str
    episodes: tuple[EpisodeReport, ...]

    @property
    def name(self) -> str:
        """Of the policy."""
        return self.score.policy

    @property
    def marked_name(self) -> str:
        """Of the policy, with the mark of a privileged one."""
        return f"{self.name} {PRIVILEGED_MARK}" if self.score.privileged else self.name


@dataclass(frozen=True, slots=True)
class Report:
    """A run, scored, and compared where there is a baseline.

    Attributes:
        run: its folder.
        card: its scores.
        rules: of the gate, None without a baseline.
        policies: in the order of the plan.
        faults: of the infrastructure, as they happened.
        conditions: what it was driven under, (what, value).
        versions: of the software.
    """

    run: Path
    card: ScoreCard
    rules: GateRules | None
    policies: tuple[PolicyReport, ...]
    faults: tuple[Fault, ...]
    conditions: tuple[tuple[str, str], ...]
    versions: Mapping[str, str]

    @property
    def name(self) -> str:
        """Of the run."""
        return self.run.resolve().name

    @property
    def verdict(self) -> Verdict | None:
        """The worst of the verdicts, None if nothing was compared."""
        order = (Verdict.INVALID, Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS)
        found = {one.gate.verdict for one in self.policies if one.gate is not None}
        return next((verdict for verdict in order if verdict in found), None)

    @property
    def episodes(self) -> tuple[EpisodeReport, ...]:
        """Of all policies."""
        return tuple(episode for policy in self.policies for episode in policy.episodes)

    @property
    def has_privileged(self) -> bool:
        """Whether any policy sees the ground truth."""
        return any(policy.score.privileged for policy in self.policies)
