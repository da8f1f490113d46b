"""Forecasts: how many repeats would decide, and what a campaign can detect. Planning aids, not decisions."""

from __future__ import annotations

import math
from collections.abc import Callable

from scipy import stats

from harness.gate import intervals
from harness.gate.evidence import Evidence
from harness.gate.rules import GateRules, Scope
from harness.metrics.catalogue import Direction, Kind

MOST_REPEATS = 200
"""A campaign that needs more repeats than this needs more routes instead."""


def repeats_to_decide(evidence: Evidence, margin: float, rules: GateRules) -> int | None:
    """Repeats per route after which the gate would decide if the effect and the noise stay as seen.

    Returns:
        More than there are now, at most `MOST_REPEATS`; None if that would not do.
    """
    differences = evidence.differences
    if differences is None:
        return None
    now = int(differences.counts.max())
    routes = len(differences.counts)
    decides = _decides_counts if evidence.spec.kind is not Kind.MEAN else _decides_mean
    test = decides(evidence, margin, rules)
    for repeats in range(now + 1, MOST_REPEATS + 1):
        if repeats * routes >= rules.min_pairs and test(repeats):
            return repeats
    return None


def standard_error(evidence: Evidence, repeats: int, scope: Scope) -> tuple[float, int] | None:
    """Standard error of a mean effect after so many repeats, and its degrees of freedom.

    Variance between routes stays, variance within them shrinks. With a single repeat so far the two cannot
    be told apart, and all of it is taken to shrink. None if there is nothing to estimate it from.
    """
    differences = evidence.differences
    if differences is None:
        return None
    routes = len(differences.counts)
    now = float(1.0 / (1.0 / differences.counts).mean())
    within, between = differences.within_variance(), differences.between_variance()
    if scope is Scope.SUITE or between is None:
        if within is None:
            return None
        return math.sqrt(within / (routes * repeats)), max(routes * (repeats - 1), 1)
    if within is None:
        return math.sqrt(between * now / (routes * repeats)), routes - 1
    lasting = max(between - within / now, 0.0)
    return math.sqrt((lasting + within / repeats) / routes), routes - 1


def _decides_mean(evidence: Evidence, margin: float, rules: GateRules) -> Callable[[int], bool]:
    """Whether so many repeats would settle a mean."""
    changed = evidence.spec.direction is Direction.UNCHANGED
    effect = abs(evidence.effect) if changed else evidence.effect
    fail_alpha = rules.alpha / len(rules.gating) / (2 if changed else 1)

    def test(repeats: int) -> bool:
        found = standard_error(evidence, repeats, rules.scope)
        if found is None:
            return False
        error, freedom = found
        passes = effect + float(stats.t.ppf(1 - rules.alpha, freedom)) * error < margin
        fails = effect - float(stats.t.ppf(1 - fail_alpha, freedom)) * error > 0.0
        return passes or fails

    return test


def _decides_counts(evidence: Evidence, margin: float, rules: GateRules) -> Callable[[int], bool]:
    """Whether so many repeats would settle a rate or a share, by the exact bounds of as many more events."""
    now = 1.0 if evidence.differences is None else float(evidence.differences.counts.mean())
    fail_alpha = rules.alpha / len(rules.gating)

    def test_rate(repeats: int) -> bool:
        count_b, km_b, count_c, km_c = (value * repeats / now for value in evidence.sums())
        high = intervals.rate_difference(count_b, km_b, count_c, km_c, rules.alpha).high
        p_value = intervals.rate_p_value(round(count_b), km_b, round(count_c), km_c)
        return high < margin or p_value <= fail_alpha

    def test_share(repeats: int) -> bool:
        both, lost, won, neither = (round(count * repeats / now) for count in evidence.cells())
        high = intervals.paired_share_difference(both, lost, won, neither, rules.alpha).high
        p_value = float(stats.binom.sf(lost - 1, lost + won, 0.5))
        return high < margin or p_value <= fail_alpha

    return test_rate if evidence.spec.kind is Kind.RATE else test_share
