"""What the gate compares, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """The answer of a gate; each has an exit code of its own."""

    PASS = "pass"  # noqa: S105 - a verdict
    """On every gating metric the candidate is shown to be no worse than the margin allows."""

    FAIL = "fail"
    """On at least one gating metric the candidate is shown to be worse."""

    INCONCLUSIVE = "inconclusive"
    """Neither is shown: the campaign was too small for the noise."""

    INVALID = "invalid"
    """The two cannot be compared: something is missing, torn, or was driven under other conditions."""

    @property
    def exit_code(self) -> int:
        """Of `drivegate gate`: 0 PASS, 1 FAIL, 3 INCONCLUSIVE, 4 INVALID (2 is wrong use)."""
        return {Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.INCONCLUSIVE: 3, Verdict.INVALID: 4}[self]


@dataclass(frozen=True, slots=True, order=True)
class EpisodeKey:
    """What pairs two episodes: the route and the number of its repeat (0-based)."""

    route_id: str
    repeat: int

    def __str__(self) -> str:
        return f"{self.route_id}-r{self.repeat}"


@dataclass(frozen=True, slots=True)
class EpisodeSample:
    """One episode as the gate sees it.

    Attributes:
        key: route and repeat.
        seed: of the episode.
        facts_sha256: of its recorded facts; two episodes with the same hash drove identically.
        driven_km: of route.
        values: metric -> number; None if missing. A rate's number is its count, a share's 0 or 1.
        why_missing: metric -> reason, for exactly the missing ones.
    """

    key: EpisodeKey
    seed: int
    facts_sha256: str
    driven_km: float
    values: Mapping[str, float | None]
    why_missing: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Conditions:
    """What must be equal for two campaigns to be comparable.

    Attributes:
        suite, suite_sha256: name and content hash of what was driven.
        traffic: name of the background traffic.
        server_kind: what simulated.
        dt_s: time between ticks.
        score_version: rules of the driving score.
        versions: of the software.
    """

    suite: str
    suite_sha256: str
    traffic: str
    server_kind: str
    dt_s: float
    score_version: str
    versions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Sample:
    """One policy's campaign.

    Attributes:
        label: where it came from, for people.
        policy: name.
        policy_config: its arguments.
        conditions: what it was driven under.
        episodes: valid ones, by key.
        n_planned: episodes planned.
        n_retries: attempts after infrastructure faults.
        problems: why the campaign is not whole; empty if it is.
    """

    label: str
    policy: str
    policy_config: Mapping[str, object]
    conditions: Conditions
    episodes: tuple[EpisodeSample, ...]
    n_planned: int
    n_retries: int
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Interval:
    """Where an effect lies; each bound holds by itself with the stated confidence.

    Attributes:
        low, high: in the metric's unit; positive is worse.
    """

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class MetricResult:
    """What the gate found about one metric.

    Attributes:
        name: of the catalogue.
        gating: whether it takes part in the verdict.
        verdict: of this metric alone; None for an advisory metric without margin.
        reason: in words.
        n_pairs: pairs that it rests on.
        baseline, candidate: value of each side; None if not measured.
        worse_by: effect in the direction that is worse; None if not measured. For a metric that must stay
            unchanged: candidate minus baseline.
        interval: of the effect; None if there are too few pairs to say.
        interval_fixed_routes: likewise, valid for exactly these routes instead of routes like these.
        margin: what is tolerated, in the metric's unit.
        p_value: for "not worse", before correction; p_adjusted after Holm's (gating metrics only).
        repeats_needed: per route, to decide at the effect seen; None if decided or if repeats will not help.
    """

    name: str
    gating: bool
    verdict: Verdict | None
    reason: str
    n_pairs: int
    baseline: float | None = None
    candidate: float | None = None
    worse_by: float | None = None
    interval: Interval | None = None
    interval_fixed_routes: Interval | None = None
    margin: float | None = None
    p_value: float | None = None
    p_adjusted: float | None = None
    repeats_needed: int | None = None


@dataclass(frozen=True, slots=True)
class GateResult:
    """The whole answer.

    Attributes:
        verdict: over all gating metrics.
        reasons: why, most important first.
        metrics: in the order of the catalogue.
        n_pairs, n_routes: what was compared.
        n_identical: pairs whose records are identical to the byte.
        set_aside: quarantined routes, driven but not weighed.
        notes: what a reader must know besides.
        looks: of the sequential mode, how many repeats were looked at; None otherwise.
    """

    verdict: Verdict
    reasons: tuple[str, ...]
    metrics: tuple[MetricResult, ...]
    n_pairs: int
    n_routes: int
    n_identical: int
    set_aside: tuple[str, ...]
    notes: tuple[str, ...]
    looks: int | None = None
