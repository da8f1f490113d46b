"""Sentences about results; they decide nothing."""

from __future__ import annotations

from collections.abc import Sequence

from harness.gate.evidence import Evidence
from harness.gate.model import MetricResult, Verdict
from harness.gate.rules import GateRules
from harness.metrics.catalogue import CATALOGUE, Direction

_NAMED = 6


def amount(value: float, unit: str) -> str:
    """A number with its unit, to three significant digits."""
    return f"{value:.3g} {unit}".strip()


def episodes(names: Sequence[str]) -> str:
    """Name a few and count the rest."""
    rest = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def describe(result: MetricResult, evidence: Evidence, rules: GateRules) -> str:
    """Say why a metric has its verdict."""
    unit = CATALOGUE[result.name].unit
    margin = amount(result.margin or 0.0, unit)
    effect = _effect(result, unit)
    if result.verdict is Verdict.PASS:
        return f"{effect}, tolerated up to {margin}"
    if result.verdict is Verdict.FAIL:
        p_value = result.p_adjusted if result.p_adjusted is not None else result.p_value
        return f"{effect}, tolerated up to {margin} (p = {p_value:.2g})"
    if result.interval is None:
        return f"{effect}; {evidence.n_pairs} pair(s) say nothing about the noise"
    if evidence.n_pairs < rules.min_pairs:
        return f"{effect}; {evidence.n_pairs} pairs are fewer than the {rules.min_pairs} that rules ask for"
    return f"{effect}, tolerated up to {margin}: neither worse nor tolerable is shown. {_outlook(result)}"


def _effect(result: MetricResult, unit: str) -> str:
    """Name the effect and its interval, whose bounds hold one by one."""
    value = result.worse_by or 0.0
    changed = CATALOGUE[result.name].direction is Direction.UNCHANGED
    if changed:
        word = f"changed by {amount(value, unit)}" if value else "unchanged"
    elif value > 0.0:
        word = f"worse by {amount(value, unit)}"
    else:
        word = f"better by {amount(-value, unit)}" if value < 0.0 else "no difference"
    if result.interval is None:
        return word
    low, high = result.interval.low, result.interval.high
    return f"{word} (between {amount(low, unit)} and {amount(high, unit)}{'' if changed else ' worse'})"


def _outlook(result: MetricResult) -> str:
    """What would help."""
    if result.repeats_needed is None:
        return "More repeats of these routes will not decide it; more routes may."
    return f"About {result.repeats_needed} repeats per route would, if the difference stays as it is."
