"""Evidence: what the pairs say about one metric, before anybody decides."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from harness.gate import intervals
from harness.gate.model import Interval
from harness.gate.pairing import Pair
from harness.gate.resampling import (
    Bootstrap,
    Float,
    Nested,
    resample_repeats,
    resample_routes,
    sign_flip_p_value,
)
from harness.gate.rules import GateRules, Scope
from harness.metrics.catalogue import Direction, Kind, MetricSpec
from harness.seeds import derive_seed

MIN_KM = 0.001
"""As in the Leaderboard: less counts as a metre."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the pairs say about one metric.

    Attributes:
        spec: the metric.
        n_pairs: pairs with a value on both sides.
        one_sided: pairs with a value on one side only, by name.
        why_missing: the first reason for a missing value, "" if there is none.
        baseline, candidate: value of each side; None without pairs.
        effect: candidate minus baseline, or the reverse where higher is better: positive is worse.
        differences: of the pairs, likewise; for a rate, of the counts.
        numbers: per pair baseline's and candidate's number and kilometres, for exact intervals.
        by_scope: bootstrap of the effect; a scope is absent if the pairs cannot tell.
    """

    spec: MetricSpec
    n_pairs: int
    one_sided: tuple[str, ...]
    why_missing: str
    baseline: float | None = None
    candidate: float | None = None
    effect: float = 0.0
    differences: Nested | None = None
    numbers: Float | None = None
    by_scope: tuple[tuple[Scope, Bootstrap], ...] = ()

    def bootstrap(self, scope: Scope) -> Bootstrap | None:
        """The bootstrap of a scope, if the pairs allow it."""
        return dict(self.by_scope).get(scope)

    def bounds(self, scope: Scope, alpha: float) -> Interval | None:
        """One-sided bounds of the effect, each with error alpha; None if the pairs cannot tell.

        For counts and shares the more cautious one of two: an exact or score interval, which knows about
        events that did not happen, and the bootstrap, which knows that events come in clusters.
        """
        found = self.bootstrap(scope)
        if found is None:
            return None
        resampled = found.bounds(alpha)
        exact = self._exact_bounds(alpha)
        if exact is None:
            return resampled
        return Interval(min(resampled.low, exact.low), max(resampled.high, exact.high))

    def p_value(self, scope: Scope, rng: np.random.Generator) -> float:
        """P-value for "not worse": all witnesses must agree, so that it is the largest one of theirs.

        The sign flips make false alarms no more frequent than stated whatever the noise; the bootstrap asks
        whether it would be seen on other routes, too; for rates, an exact test of counts is added.
        """
        found = self.bootstrap(scope)
        if found is None or self.differences is None:
            return 1.0
        values = [found.p_value(self.effect), sign_flip_p_value(self.differences, rng)]
        if self.spec.kind is Kind.RATE:
            count_b, km_b, count_c, km_c = self.sums()
            values.append(intervals.rate_p_value(round(count_b), km_b, round(count_c), km_c))
        return max(values)

    def reversed(self) -> Evidence:
        """The same with the other direction counted as worse."""
        assert self.differences is not None  # noqa: S101 - only evidence with pairs is reversed
        return Evidence(
            self.spec,
            self.n_pairs,
            self.one_sided,
            self.why_missing,
            self.baseline,
            self.candidate,
            -self.effect,
            Nested(-self.differences.values, self.differences.counts),
            self.numbers,
            tuple((s, Bootstrap(-b.draws[::-1], b.freedom, b.error)) for s, b in self.by_scope),
        )

    def _exact_bounds(self, alpha: float) -> Interval | None:
        if self.spec.kind is Kind.RATE:
            return intervals.rate_difference(*self.sums(), alpha)
        if self.spec.kind is Kind.SHARE:
            return intervals.paired_share_difference(*self.cells(), alpha)
        return None

    def cells(self) -> tuple[int, int, int, int]:
        """Pairs of a share: yes on both sides, lost, won, no on both; lost means worse."""
        assert self.numbers is not None  # noqa: S101 - only evidence with pairs is counted
        base, cand = self.numbers[:, 0] > 0.5, self.numbers[:, 2] > 0.5
        first, second = (base, cand) if self.spec.direction is Direction.HIGHER else (cand, base)
        counts = (first & second, first & ~second, ~first & second, ~first & ~second)
        both, lost, won, neither = (int(np.count_nonzero(cell)) for cell in counts)
        return both, lost, won, neither

    def sums(self) -> tuple[float, float, float, float]:
        """Baseline's count and km, candidate's count and km."""
        assert self.numbers is not None  # noqa: S101 - there are pairs where there is a bootstrap
        count_b, km_b, count_c, km_c = (float(value) for value in self.numbers.sum(axis=0))
        return count_b, max(km_b, MIN_KM), count_c, max(km_c, MIN_KM)


def rng_for(rules: GateRules, metric: str) -> np.random.Generator:
    """The generator of one metric: the same whatever other metrics are weighed."""
    return np.random.default_rng(derive_seed(rules.seed, "gate", metric))


def gather(
    spec: MetricSpec,
    pairs: Sequence[Pair],
    rules: GateRules,
    rng: np.random.Generator,
    scopes: Collection[Scope] = tuple(Scope),
) -> Evidence:
    """Collect what pairs say about a metric.

    Args:
        spec: the metric.
        pairs: to look at.
        rules: of the gate.
        rng: of this metric.
        scopes: to resample.
    """
    whole, one_sided, why_missing = _split(spec.name, pairs)
    if not whole:
        return Evidence(spec, 0, one_sided, why_missing)
    numbers = np.array(
        [
            (p.baseline.values[spec.name], p.baseline.driven_km,
             p.candidate.values[spec.name], p.candidate.driven_km)
            for p in whole
        ],
        dtype=np.float64,
    )  # fmt: skip
    routes = [pair.route_id for pair in whole]
    sign = -1.0 if spec.direction is Direction.HIGHER else 1.0
    differences = Nested.of((sign * (numbers[:, 2] - numbers[:, 0])).tolist(), routes)
    columns = [Nested.of(numbers[:, column].tolist(), routes) for column in range(4)]
    baseline, candidate = _sides(spec.kind, *(np.array([column.effect]) for column in columns))
    is_rate = spec.kind is Kind.RATE
    influence = Nested.of((sign * _influence(numbers, columns)).tolist(), routes) if is_rate else differences
    by_scope = []
    for scope in scopes:
        resample = resample_routes if scope is Scope.ROUTES else resample_repeats
        drawn = resample(columns if is_rate else [differences], influence, rules.replicates, rng)
        if drawn is None:
            continue
        tables, freedom, error = drawn
        if is_rate:
            side_b, side_c = _sides(spec.kind, *tables)
            effects = sign * (side_c - side_b)
        else:
            (effects,) = tables
        by_scope.append((scope, Bootstrap(np.sort(effects), freedom, error)))
    return Evidence(
        spec=spec,
        n_pairs=len(whole),
        one_sided=one_sided,
        why_missing=why_missing,
        baseline=float(baseline[0]),
        candidate=float(candidate[0]),
        effect=sign * float(candidate[0] - baseline[0]),
        differences=differences,
        numbers=numbers,
        by_scope=tuple(by_scope),
    )


def _split(name: str, pairs: Sequence[Pair]) -> tuple[list[Pair], tuple[str, ...], str]:
    """Pairs with both values, names of those with one, and the first reason for a missing value."""
    whole, one_sided, why = [], [], ""
    for pair in pairs:
        sides = (pair.baseline, pair.candidate)
        missing = [side for side in sides if side.values.get(name) is None]
        if missing:
            why = why or missing[0].why_missing.get(name, "it was not measured")
        if not missing:
            whole.append(pair)
        elif len(missing) == 1:
            one_sided.append(str(pair.baseline.key))
    return whole, tuple(one_sided), why


def _sides(kind: Kind, number_b: Float, km_b: Float, number_c: Float, km_c: Float) -> tuple[Float, Float]:
    """Value of each side from means over routes: a rate is a ratio of them, anything else the mean itself."""
    if kind is not Kind.RATE:
        return number_b, number_c
    return number_b / np.maximum(km_b, MIN_KM), number_c / np.maximum(km_c, MIN_KM)


def _influence(numbers: Float, columns: Sequence[Nested]) -> Float:
    """(N,) what each pair adds to a difference of two ratios, linearised (the delta method)."""
    count_b, km_b, count_c, km_c = (max(column.effect, MIN_KM * (i % 2)) for i, column in enumerate(columns))
    of_baseline = (numbers[:, 0] - count_b / km_b * numbers[:, 1]) / km_b
    of_candidate = (numbers[:, 2] - count_c / km_c * numbers[:, 3]) / km_c
    influence: Float = of_candidate - of_baseline
    return influence
