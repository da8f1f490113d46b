"""The decision: evidence and rules -> one verdict per metric, and one over all.

A metric passes if the upper bound of "worse by" is below its margin (non-inferiority at error alpha). It
fails if "not worse" is refuted at error alpha, Holm-corrected over the gating metrics, and it does not pass:
a difference that is real but shown to be smaller than the margin is tolerated. Otherwise it is INCONCLUSIVE.
Passing needs no correction for several metrics, because all of them must pass.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.gate.evidence import Evidence, gather, rng_for
from harness.gate.forecast import repeats_to_decide
from harness.gate.model import GateResult, Interval, MetricResult, Sample, Verdict
from harness.gate.pairing import Pair, Pairing, pair_up
from harness.gate.resampling import holm
from harness.gate.rules import GateRules, Scope
from harness.gate.wording import describe, episodes
from harness.metrics.catalogue import CATALOGUE, Direction, MetricSpec, Missing


@dataclass(frozen=True, slots=True)
class Weighed:
    """A metric between evidence and verdict.

    Attributes:
        evidence: of the pairs.
        result: what is known without comparing with other metrics; its verdict is set only if it is settled.
        passes: whether the tolerated difference is shown.
    """

    evidence: Evidence
    result: MetricResult
    passes: bool


def gate(
    baseline: Sample, candidate: Sample, rules: GateRules, quarantined: Collection[str] = ()
) -> GateResult:
    """Compare a candidate with a baseline.

    Args:
        baseline: campaign to compare with.
        candidate: campaign to judge.
        rules: what is weighed.
        quarantined: ids of routes that are reported but not weighed.
    """
    return decide(pair_up(baseline, candidate, rules, quarantined), rules)


def decide(pairing: Pairing, rules: GateRules, *, only_verdict: bool = False) -> GateResult:
    """Decide on pairs, all at once (a fixed number of repeats).

    Args:
        pairing: to decide on.
        rules: of the gate.
        only_verdict: leave out advisory metrics and the other scope's intervals, for many simulated
        campaigns.
    """
    if pairing.problems:
        return invalid(pairing)
    specs, scopes = looked_at(rules, only_verdict=only_verdict)
    weighed = [weigh(spec, pairing.pairs, rules, rules.alpha, scopes) for spec in specs]
    return conclude(pairing, rules, weighed)


def looked_at(rules: GateRules, *, only_verdict: bool) -> tuple[list[MetricSpec], tuple[Scope, ...]]:
    """Metrics and scopes that are weighed; without the advisory ones where only the verdict matters."""
    specs = [CATALOGUE[name] for name in (rules.gating if only_verdict else CATALOGUE)]
    return specs, (rules.scope,) if only_verdict else tuple(Scope)


def invalid(pairing: Pairing) -> GateResult:
    """The answer to campaigns that cannot be compared: nothing is computed."""
    return GateResult(
        verdict=Verdict.INVALID,
        reasons=pairing.problems,
        metrics=(),
        n_pairs=len(pairing.pairs),
        n_routes=len({pair.route_id for pair in pairing.pairs}),
        n_identical=sum(pair.is_identical for pair in pairing.pairs),
        set_aside=pairing.set_aside,
        notes=pairing.notes,
    )


def weigh(
    spec: MetricSpec,
    pairs: Sequence[Pair],
    rules: GateRules,
    pass_alpha: float,
    scopes: Collection[Scope] = tuple(Scope),
) -> Weighed:
    """Weigh one metric by itself.

    Args:
        spec: the metric.
        pairs: to weigh.
        rules: of the gate.
        pass_alpha: error of the bound that is held against the margin.
        scopes: to resample.
    """
    rng = rng_for(rules, spec.name)
    evidence = gather(spec, pairs, rules, rng, scopes)
    rule = rules.metrics.get(spec.name)
    gating = rule is not None and rule.gating
    margin = None if rule is None or evidence.baseline is None else rule.margin_for(evidence.baseline)
    blank = MetricResult(spec.name, gating, None, "", evidence.n_pairs, margin=margin)
    if evidence.n_pairs == 0 or evidence.differences is None:
        return Weighed(evidence, _not_measured(blank, evidence), passes=False)
    interval = evidence.bounds(rules.scope, pass_alpha)
    result = replace(
        blank,
        baseline=evidence.baseline,
        candidate=evidence.candidate,
        worse_by=evidence.effect,
        interval=interval,
        interval_fixed_routes=evidence.bounds(Scope.SUITE, pass_alpha),
        p_value=_p_value(evidence, rules.scope, rng),
    )
    if evidence.one_sided:
        return Weighed(evidence, _one_sided(result, evidence), passes=False)
    if all(pair.is_identical for pair in pairs):
        # The same seeds gave the same ticks: on these episodes nothing can differ, whatever the noise.
        return Weighed(evidence, result, passes=margin is not None)
    enough = evidence.n_pairs >= rules.min_pairs
    passes = enough and margin is not None and interval is not None and _within(spec, interval, margin)
    return Weighed(evidence, result, passes)


def conclude(
    pairing: Pairing, rules: GateRules, weighed: Sequence[Weighed], p_values: Sequence[float] | None = None
) -> GateResult:
    """Put the metrics together.

    Args:
        pairing: that was weighed.
        rules: of the gate.
        weighed: in the order of the catalogue.
        p_values: of the gating metrics for "not worse", if not those of the fixed-size tests.
    """
    gating = [one for one in weighed if one.result.gating]
    values = [one.result.p_value if one.result.p_value is not None else 1.0 for one in gating]
    adjusted = dict(
        zip((one.result.name for one in gating), holm(values if p_values is None else p_values), strict=True)
    )
    results = tuple(_settle(one, adjusted.get(one.result.name), rules) for one in weighed)
    verdict, reasons = _overall([result for result in results if result.gating])
    identical = sum(pair.is_identical for pair in pairing.pairs)
    notes = list(pairing.notes)
    notes += [
        f"{one.name} is not weighed: {one.reason}." for one in results if one.gating and not one.verdict
    ]
    if identical == len(pairing.pairs):
        notes.append("Every episode of the candidate is identical to the baseline's, to the byte.")
    return GateResult(
        verdict=verdict,
        reasons=reasons,
        metrics=results,
        n_pairs=len(pairing.pairs),
        n_routes=len({pair.route_id for pair in pairing.pairs}),
        n_identical=identical,
        set_aside=pairing.set_aside,
        notes=tuple(notes),
    )


def _settle(one: Weighed, p_adjusted: float | None, rules: GateRules) -> MetricResult:
    """Give a metric its verdict."""
    result, evidence = one.result, one.evidence
    if result.verdict is not None or result.margin is None or result.p_value is None:
        return result
    shown = p_adjusted if p_adjusted is not None else result.p_value
    if one.passes:
        verdict = Verdict.PASS
    elif shown <= rules.alpha and evidence.n_pairs >= rules.min_pairs:
        verdict = Verdict.FAIL
    else:
        verdict = Verdict.INCONCLUSIVE
    needed = None
    if verdict is Verdict.INCONCLUSIVE:
        needed = repeats_to_decide(evidence, result.margin, rules)
    settled = replace(result, verdict=verdict, p_adjusted=p_adjusted, repeats_needed=needed)
    return replace(settled, reason=describe(settled, evidence, rules))


def _overall(gating: Sequence[MetricResult]) -> tuple[Verdict, tuple[str, ...]]:
    """The worst verdict decides; INVALID is worse than FAIL, because nothing then is known for sure."""
    for verdict in (Verdict.INVALID, Verdict.FAIL, Verdict.INCONCLUSIVE):
        found = [result for result in gating if result.verdict is verdict]
        if found:
            return verdict, tuple(f"{result.name}: {result.reason}" for result in found)
    weighed = [result for result in gating if result.verdict is Verdict.PASS]
    if not weighed:
        return Verdict.INVALID, ("no gating metric has a value, so that nothing was compared",)
    return Verdict.PASS, (f"no gating metric of {len(weighed)} is worse by its margin",)


def _not_measured(blank: MetricResult, evidence: Evidence) -> MetricResult:
    """A metric without a single pair."""
    reason = f"no pair has a value on both sides ({evidence.why_missing})"
    if not blank.gating or (evidence.spec.missing is Missing.UNDECIDED and not evidence.one_sided):
        # Neither side has it anywhere: nobody was near, so there is no time to collision to compare.
        return replace(blank, reason=reason)
    return replace(
        blank, verdict=Verdict.INVALID, reason=f"{reason}; make it advisory, or drive where it has one"
    )


def _one_sided(result: MetricResult, evidence: Evidence) -> MetricResult:
    """A metric that one side of some pairs lacks: leaving those out would hide what changed most."""
    names = episodes(evidence.one_sided)
    reason = f"{names} have a value on one side only ({evidence.why_missing})"
    if not result.gating:
        return replace(result, reason=reason)
    is_invalid = evidence.spec.missing is Missing.INVALID
    return replace(result, verdict=Verdict.INVALID if is_invalid else Verdict.INCONCLUSIVE, reason=reason)


def _within(spec: MetricSpec, interval: Interval, margin: float) -> bool:
    """Whether an interval shows that the difference is tolerable."""
    if spec.direction is Direction.UNCHANGED:
        return interval.high < margin and interval.low > -margin
    return interval.high < margin


def _p_value(evidence: Evidence, scope: Scope, rng: np.random.Generator) -> float:
    """P-value for "not worse"; for a metric that must stay, the smaller of both directions, twice."""
    one = evidence.p_value(scope, rng)
    if evidence.spec.direction is not Direction.UNCHANGED:
        return one
    return min(2.0 * min(one, evidence.reversed().p_value(scope, rng)), 1.0)
