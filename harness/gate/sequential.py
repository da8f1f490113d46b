"""Deciding while repeats arrive: an anytime-valid gate, which may be looked at after every repeat.

Looking again and again at a fixed-size test and stopping at the first alarm raises many false ones. Here both
ways of stopping stay valid however often one looks:

- *FAIL* by an e-process: a bet against "baseline and candidate drive alike". Under it the two sides
  of a pair could be swapped, so each difference d is symmetric about 0 given all before, and
  exp(l d) / cosh(l d) has mean 1. Their product over the pairs is a fair game; by Ville's inequality it ever
  reaches 1/alpha with probability at most alpha. The bet sizes l are averaged over a grid in units of the
  margin. Source: V. Vovk and R. Wang, "Nonparametric e-tests of symmetry", arXiv:2208.08925; for the theory
  A. Ramdas, P. Grünwald, V. Vovk and G. Shafer, "Game-theoretic statistics and safe anytime-valid
  inference", Statistical Science 38, 2023, arXiv:2210.01948.
- *PASS* by the fixed-size bounds with their error spent over the looks: look k gets alpha / (k (k + 1)),
which
  sums to alpha over all looks there could ever be (H. Robbins, "Statistical methods related to the law of the
  iterated logarithm", Annals of Mathematical Statistics 41, 1970, uses sums of this kind).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from harness.gate.decide import conclude, invalid, looked_at, weigh
from harness.gate.evidence import Evidence
from harness.gate.model import GateResult, MetricResult, Verdict
from harness.gate.pairing import Pairing
from harness.gate.rules import GateRules
from harness.metrics.catalogue import Direction, Kind

BETS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Sizes of the bets, in units of 1 / margin; the average of fair games is a fair game."""


def e_value(differences: Sequence[float], margin: float) -> float:
    """Evidence against "the differences are symmetric about 0", in favour of "they tend to be positive".

    Args:
        differences: of the pairs, positive is worse.
        margin: what is tolerated; sets the scale of the bets.

    Returns:
        The capital that betting 1 would have become.
    """
    scaled = np.array(differences, np.float64) / margin
    # exp(x) / cosh(x) = 2 / (1 + exp(-2x)), in logarithms so that nothing overflows.
    capitals = [float(np.sum(np.log(2.0) - np.logaddexp(0.0, -2.0 * bet * scaled))) for bet in BETS]
    return float(np.mean(np.exp(np.minimum(capitals, 700.0))))


def decide_sequentially(pairing: Pairing, rules: GateRules, *, only_verdict: bool = False) -> GateResult:
    """Look after every repeat, and stop at the first look that decides.

    Args:
        pairing: to decide on.
        rules: of the gate.
        only_verdict: see `decide`.

    Returns:
        The answer at that look, or at the last one; `looks` says how many there were.
    """
    if pairing.problems:
        return invalid(pairing)
    looks = 1 + max(pair.baseline.key.repeat for pair in pairing.pairs)
    result = look(pairing.first_repeats(1), rules, 1, only_verdict=only_verdict)
    for count in range(2, looks + 1):
        if result.verdict in (Verdict.PASS, Verdict.FAIL):
            break
        result = look(pairing.first_repeats(count), rules, count, only_verdict=only_verdict)
    return result


def look(pairing: Pairing, rules: GateRules, count: int, *, only_verdict: bool = False) -> GateResult:
    """Look once.

    Args:
        pairing: of the first `count` repeats.
        rules: of the gate.
        count: how many looks there were, this one included.
        only_verdict: see `decide`.
    """
    pass_alpha = rules.alpha / (count * (count + 1))
    specs, scopes = looked_at(rules, only_verdict=only_verdict)
    weighed = [weigh(spec, pairing.pairs, rules, pass_alpha, scopes) for spec in specs]
    weighed = [replace(one, result=_with_e_value(one.result, one.evidence)) for one in weighed]
    return replace(conclude(pairing, rules, weighed), looks=count)


def _with_e_value(result: MetricResult, evidence: Evidence) -> MetricResult:
    """Put the e-process's p-value, 1 / capital, in place of the fixed-size one."""
    differences = evidence.differences
    if differences is None or result.margin is None or result.margin == 0.0:
        return replace(result, p_value=None if differences is None else 1.0)
    margin = result.margin
    if evidence.spec.kind is Kind.RATE:
        margin = 1.0  # differences of a rate are those of its counts, and one event is what there is to see
    present = [float(value) for value in differences.values[differences.weights > 0.0]]
    capital = e_value(present, margin)
    if evidence.spec.direction is Direction.UNCHANGED:
        capital = 0.5 * (capital + e_value([-value for value in present], margin))
    return replace(result, p_value=min(1.0 / capital, 1.0))
