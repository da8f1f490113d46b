"""The sequential mode: stops early, and raises no more false alarms for being looked at often."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from harness.gate.decide import gate
from harness.gate.model import Verdict
from harness.gate.pairing import pair_up
from harness.gate.sequential import decide_sequentially, e_value, look
from tests.support.samples import metric, rules, sample, shifted


def test_an_e_value_is_the_mean_of_its_bets() -> None:
    for differences in ([1.0], [1.0, -0.5, 2.0], []):
        by_hand = np.mean(
            [
                math.prod(math.exp(bet * d / 2.0) / math.cosh(bet * d / 2.0) for d in differences)
                for bet in (0.25, 0.5, 1.0, 2.0, 4.0)
            ]
        )
        assert e_value(differences, 2.0) == pytest.approx(by_hand)
    assert e_value([0.0] * 50, 1.0) == 1.0


def test_an_e_value_is_a_fair_game_under_symmetry() -> None:
    """Whatever the sizes of two differences, the mean over their signs is 1."""
    for a, b in ((1.0, 3.0), (0.01, 40.0)):
        signs = [(x, y) for x in (a, -a) for y in (b, -b)]
        assert np.mean([e_value(pair, 1.0) for pair in signs]) == pytest.approx(1.0)


def test_an_e_value_grows_with_agreement_and_never_overflows() -> None:
    assert e_value([2.0] * 10, 1.0) > 100.0
    assert e_value([-2.0] * 10, 1.0) < 0.01
    assert math.isfinite(e_value([1e9] * 5000, 1.0))


def test_a_regression_stops_at_the_first_look_that_shows_it() -> None:
    base = sample(routes=8, repeats=6)
    worse = sample(routes=8, repeats=6, change=shifted("driving_score", -8.0, noise=1.0), label="pr")
    result = decide_sequentially(pair_up(base, worse, rules()), rules())
    assert result.verdict is Verdict.FAIL
    assert result.looks == 1
    assert result.n_pairs == 8
    assert result.reasons[0].startswith("driving_score: worse by")


def test_an_unchanged_policy_passes_as_soon_as_its_bound_allows() -> None:
    base = sample(routes=8, repeats=6)
    noisy = sample(routes=8, repeats=6, change=shifted("driving_score", 0.0, noise=3.0, seed=6), label="pr")
    pairing = pair_up(base, noisy, rules())
    result = decide_sequentially(pairing, rules())
    assert result.verdict is Verdict.PASS
    assert result.looks is not None
    assert 1 < result.looks < 6
    before = look(pairing.first_repeats(result.looks - 1), rules(), result.looks - 1)
    assert before.verdict is Verdict.INCONCLUSIVE


def test_every_look_may_be_the_last() -> None:
    """The first repeat says nothing either way, the second is clear; later ones would be clearer."""

    def unsteady(route: int, repeat: int) -> dict[str, float]:
        by = -8.0 if repeat else (4.0 if route % 2 else -4.0)
        return {"driving_score": 90.0 + by}

    base = sample(routes=12, repeats=4)
    worse = sample(routes=12, repeats=4, change=unsteady, label="pr")
    result = decide_sequentially(pair_up(base, worse, rules()), rules())
    assert (result.verdict, result.looks, result.n_pairs) == (Verdict.FAIL, 2, 24)


def test_each_look_spends_less() -> None:
    base = sample(routes=8, repeats=2)
    noisy = sample(routes=8, repeats=2, change=shifted("driving_score", 0.0, noise=2.0, seed=4), label="pr")
    pairing = pair_up(base, noisy, rules(replicates=4000))
    widths = []
    for count in (1, 2, 5):
        interval = metric(look(pairing, rules(replicates=4000), count), "driving_score").interval
        assert interval is not None
        widths.append(interval.high - interval.low)
    first = metric(look(pairing, rules(replicates=4000), 1), "driving_score").interval
    assert first == metric(gate(base, noisy, rules(replicates=4000, alpha=0.025)), "driving_score").interval
    fixed = metric(gate(base, noisy, rules(replicates=4000)), "driving_score").interval
    assert fixed is not None
    assert fixed.high - fixed.low < widths[0] < widths[1] < widths[2]


def test_what_never_decides_is_inconclusive_at_the_last_look() -> None:
    noisy = sample(repeats=3, change=shifted("driving_score", 0.0, noise=40.0, seed=6), label="pr")
    result = decide_sequentially(pair_up(sample(repeats=3), noisy, rules()), rules())
    assert (result.verdict, result.looks) == (Verdict.INCONCLUSIVE, 3)


def test_an_invalid_comparison_is_not_looked_at() -> None:
    torn = replace(sample(label="pr"), problems=("torn",))
    result = decide_sequentially(pair_up(sample(), torn, rules()), rules())
    assert (result.verdict, result.looks) == (Verdict.INVALID, None)


def test_evidence_for_the_contrary_is_no_evidence() -> None:
    better = sample(routes=8, change=shifted("driving_score", 8.0, noise=1.0), label="pr")
    result = decide_sequentially(pair_up(sample(routes=8), better, rules()), rules())
    assert metric(result, "driving_score").p_value == 1.0


def test_counts_bet_on_events() -> None:
    def hits(route: int, repeat: int) -> dict[str, float]:
        return {"red_lights": 1.0}

    base = sample(routes=8, repeats=3, km=0.5)
    worse = sample(routes=8, repeats=3, km=0.5, change=hits, label="pr")
    ask = rules({"red_lights": 0.01})
    result = decide_sequentially(pair_up(base, worse, ask), ask)
    assert (result.verdict, result.looks) == (Verdict.FAIL, 1)
    assert metric(result, "red_lights").p_value == pytest.approx(1 / e_value([1.0] * 8, 1.0))


def test_a_metric_that_must_stay_bets_both_ways() -> None:
    faster = sample(routes=8, change=shifted("cruise_speed", 0.5), label="pr")
    slower = sample(routes=8, change=shifted("cruise_speed", -0.5), label="pr")
    ask = rules({"cruise_speed": 0.2})
    capital = 0.5 * (e_value([0.5] * 8, 0.2) + e_value([-0.5] * 8, 0.2))
    for other in (faster, slower):
        result = decide_sequentially(pair_up(sample(routes=8), other, ask), ask)
        assert result.verdict is Verdict.FAIL
        assert metric(result, "cruise_speed").p_value == pytest.approx(1 / capital)


def test_a_margin_of_nothing_proves_nothing() -> None:
    """Two per cent of zero is no margin: nothing is within it, and no bet can be sized by it."""
    ask = rules().model_validate({"metrics": {"over_limit": {"margin_pct": 2.0}}, "replicates": 400})
    late = sample(change=shifted("over_limit", 1.0, noise=0.1), label="pr")
    result = decide_sequentially(pair_up(sample(), late, ask), ask)
    assert result.verdict is Verdict.INCONCLUSIVE
    assert metric(result, "over_limit").p_value == 1.0


def test_looking_after_every_repeat_raises_no_more_false_alarms_than_stated() -> None:
    """A fixed-size test looked at as often does: that is what this mode is for."""
    source = np.random.default_rng(8)
    campaigns, looks, routes = 400, 12, 4
    anytime = fixed = 0
    for _ in range(campaigns):
        differences = source.normal(size=(looks, routes))
        capital = max(e_value(differences[: k + 1].ravel().tolist(), 1.0) for k in range(looks))
        anytime += capital >= 20.0
        z = [differences[: k + 1].sum() / math.sqrt((k + 1) * routes) for k in range(looks)]
        fixed += max(z) >= 1.645
    assert anytime / campaigns <= 0.05
    assert fixed / campaigns > 0.1
