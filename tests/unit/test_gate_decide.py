"""Verdicts: PASS, FAIL, INCONCLUSIVE and INVALID, each for its own reason."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.gate.decide import gate
from harness.gate.evidence import gather, rng_for
from harness.gate.forecast import repeats_to_decide, standard_error
from harness.gate.intervals import rate_difference
from harness.gate.model import EpisodeKey, Interval, Sample, Verdict
from harness.gate.pairing import pair_up
from harness.gate.rules import Scope
from harness.gate.wording import episodes
from harness.metrics.catalogue import CATALOGUE
from tests.support.samples import HEALTHY, metric, rules, sample, shifted, without

PASS, FAIL, INCONCLUSIVE, INVALID = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.INVALID
GATING_RATES = {"collisions": 0.5, "red_lights": 0.5}


def test_exit_codes_are_those_of_the_design() -> None:
    assert [v.exit_code for v in (PASS, FAIL, INCONCLUSIVE, INVALID)] == [0, 1, 3, 4]


# -- what is shown


def test_a_clear_regression_fails_and_names_its_metric() -> None:
    worse = sample(change=shifted("driving_score", -12.0, noise=1.0), label="pr")
    result = gate(sample(), worse, rules(("driving_score", "comfort")))
    assert result.verdict is FAIL
    assert metric(result, "driving_score").verdict is FAIL
    assert metric(result, "comfort").verdict is PASS
    assert len(result.reasons) == 1
    assert result.reasons[0].startswith("driving_score: worse by")
    assert "tolerated up to 2 (p = " in result.reasons[0]
    found = metric(result, "driving_score")
    assert found.worse_by == pytest.approx(12.0, abs=1.0)
    assert found.interval is not None
    assert 10.0 < found.interval.low < found.worse_by < found.interval.high < 14.0
    assert (found.baseline, found.candidate) == (90.0, pytest.approx(90.0 - found.worse_by))
    assert found.p_adjusted == pytest.approx(min(2 * (found.p_value or 0.0), 1.0))


def test_better_is_never_worse() -> None:
    better = sample(change=shifted("driving_score", 8.0, noise=0.5), label="pr")
    result = gate(sample(), better, rules())
    assert result.verdict is PASS
    assert (metric(result, "driving_score").worse_by or 0.0) < -6.0
    assert metric(result, "driving_score").reason.startswith("better by ")
    exactly = gate(sample(), sample(change=shifted("driving_score", 8.0), label="pr"), rules())
    assert metric(exactly, "driving_score").reason.startswith("better by 8 (")
    assert episodes(list("abcdef")) == "a, b, c, d, e, f"
    assert episodes(list("abcdefg")) == "a, b, c, d, e, f and 1 more"


def test_worse_but_less_than_the_margin_passes() -> None:
    slightly = sample(change=shifted("driving_score", -0.5, noise=0.05), label="pr")
    result = gate(sample(), slightly, rules())
    found = metric(result, "driving_score")
    assert result.verdict is PASS
    assert (found.p_value or 1.0) < 0.05
    assert "tolerated up to 2" in found.reason


def test_noise_without_effect_is_inconclusive_and_says_what_would_help() -> None:
    noisy = sample(change=shifted("driving_score", 0.0, noise=6.0, seed=3), label="pr")
    result = gate(sample(), noisy, rules())
    found = metric(result, "driving_score")
    assert result.verdict is INCONCLUSIVE
    assert found.repeats_needed is not None
    assert found.repeats_needed > 2
    assert f"About {found.repeats_needed} repeats per route" in result.reasons[0]


def test_all_ties_pass() -> None:
    result = gate(sample(), sample(label="pr"), rules({"driving_score": 2.0, "mean_speed": 0.1}))
    assert result.verdict is PASS
    assert result.n_identical == 0
    for name in ("driving_score", "mean_speed"):
        found = metric(result, name)
        assert found.worse_by == 0.0
        assert found.p_value == 1.0
    assert result.reasons == ("no gating metric of 2 is worse by its margin",)


def test_identical_driving_passes_even_where_noise_is_unknown() -> None:
    base = sample(routes=1, repeats=1)
    result = gate(base, replace(base, label="pr"), rules(GATING_RATES))
    assert result.verdict is PASS
    assert result.n_identical == result.n_pairs == 1
    assert any("identical to the baseline's, to the byte" in note for note in result.notes)


def test_one_identical_pair_among_others_is_no_pass() -> None:
    base = sample()
    worse = sample(change=shifted("driving_score", -12.0, noise=1.0), label="pr")
    mixed = replace(worse, episodes=(base.episodes[0], *worse.episodes[1:]))
    result = gate(base, mixed, rules())
    assert (result.verdict, result.n_identical) == (FAIL, 1)


@pytest.mark.parametrize("by", [0.5, -0.5])
def test_exactly_the_margin_is_too_much(by: float) -> None:
    other = sample(change=shifted("cruise_speed", by), label="pr")
    assert gate(sample(), other, rules({"cruise_speed": 0.5})).verdict is FAIL
    assert gate(sample(), other, rules({"cruise_speed": 0.625})).verdict is PASS
    worse = sample(change=shifted("driving_score", -2.0), label="pr")
    assert gate(sample(), worse, rules()).verdict is FAIL


@pytest.mark.parametrize(("by", "verdict"), [(0.5, FAIL), (-0.5, FAIL), (0.02, PASS)])
def test_a_metric_that_must_stay_may_change_in_no_direction(by: float, verdict: Verdict) -> None:
    other = sample(change=shifted("cruise_speed", by, noise=0.01), label="pr")
    result = gate(sample(), other, rules({"cruise_speed": 0.2}))
    assert result.verdict is verdict
    assert "changed by" in metric(result, "cruise_speed").reason


def test_a_metric_that_must_stay_is_tested_twice() -> None:
    other = sample(change=shifted("cruise_speed", 0.4, noise=0.3), label="pr")
    stays = metric(gate(sample(), other, rules({"cruise_speed": 0.2})), "cruise_speed")
    falls = metric(gate(sample(), other, rules({"cruise_speed": 0.2})), "over_limit")
    assert stays.p_value is not None
    assert falls.worse_by == 0.0
    evidence = gather(
        CATALOGUE["cruise_speed"],
        pair_up(sample(), other, rules()).pairs,
        rules(),
        rng_for(rules(), "cruise_speed"),
    )
    one = evidence.p_value(Scope.ROUTES, rng_for(rules(), "x"))
    assert stays.p_value == pytest.approx(2 * one, rel=1e-6)
    assert evidence.reversed().effect == -evidence.effect
    assert evidence.reversed().p_value(Scope.ROUTES, rng_for(rules(), "x")) > 0.9


# -- few pairs, one route


def test_one_route_with_repeats_speaks_for_that_route() -> None:
    worse = sample(routes=1, repeats=8, change=shifted("driving_score", -10.0, noise=1.0), label="pr")
    result = gate(sample(routes=1, repeats=8), worse, rules())
    assert result.verdict is FAIL
    assert result.n_routes == 1
    same = sample(routes=1, repeats=8, change=shifted("driving_score", 0.0, noise=0.3), label="pr")
    assert gate(sample(routes=1, repeats=8), same, rules()).verdict is PASS


def test_one_route_driven_once_decides_nothing() -> None:
    worse = sample(routes=1, repeats=1, change=shifted("driving_score", -50.0), label="pr")
    result = gate(sample(routes=1, repeats=1), worse, rules())
    assert result.verdict is INCONCLUSIVE
    found = metric(result, "driving_score")
    assert found.interval is None
    assert found.p_value == 1.0
    assert "say nothing about the noise" in found.reason


def test_fewer_pairs_than_the_rules_ask_for_decide_nothing() -> None:
    worse = sample(routes=5, repeats=1, change=shifted("driving_score", -50.0, noise=0.1), label="pr")
    few = gate(sample(routes=5, repeats=1), worse, rules(min_pairs=6))
    assert few.verdict is INCONCLUSIVE
    assert "5 pairs are fewer than the 6" in few.reasons[0]
    assert gate(sample(routes=5, repeats=1), worse, rules(min_pairs=5)).verdict is FAIL
    ties = gate(sample(routes=5, repeats=1), sample(routes=5, repeats=1, label="pr"), rules(min_pairs=6))
    assert ties.verdict is INCONCLUSIVE
    enough = gate(sample(routes=5, repeats=1), sample(routes=5, repeats=1, label="pr"), rules(min_pairs=5))
    assert enough.verdict is PASS
    assert enough.notes == ()


def test_an_error_of_exactly_alpha_is_allowed() -> None:
    worse = sample(routes=5, repeats=1, change=shifted("driving_score", -10.0), label="pr")
    asked = rules(min_pairs=5, alpha=1 / 32)  # five equal signs
    assert gate(sample(routes=5, repeats=1), worse, asked).verdict is FAIL


def test_fixed_routes_need_two_repeats_of_each() -> None:
    once = sample(routes=8, repeats=1, change=shifted("driving_score", 0.0, noise=0.1), label="pr")
    result = gate(sample(routes=8, repeats=1), once, rules(scope="suite"))
    assert result.verdict is INCONCLUSIVE
    assert metric(gate(sample(routes=8, repeats=1), once, rules()), "driving_score").verdict is PASS


def test_the_scope_says_whether_other_routes_count() -> None:
    def uneven(route: int, repeat: int) -> dict[str, float]:
        return {"driving_score": 90.0 - (20.0 if route == 0 else 0.0) - 0.1 * repeat}

    base, worse = sample(routes=8, repeats=4), sample(routes=8, repeats=4, change=uneven, label="pr")
    for_these = gate(base, worse, rules(scope="suite"))
    for_others = gate(base, worse, rules(scope="routes"))
    assert for_these.verdict is FAIL
    assert for_others.verdict is INCONCLUSIVE
    assert "More repeats of these routes will not decide it" in for_others.reasons[0]
    found = metric(for_others, "driving_score")
    assert found.interval_fixed_routes == metric(for_these, "driving_score").interval_fixed_routes
    assert found.interval != found.interval_fixed_routes


# -- rates and shares


def test_zero_events_pass_only_after_enough_kilometres() -> None:
    # 3.0 / km bounds the rate: 12 km cannot exclude 0.2 per km, 24 km can (-ln 0.05 = 2.996).
    short = gate(sample(), sample(label="pr"), rules({"collisions": 0.2}))
    assert short.verdict is INCONCLUSIVE
    assert metric(short, "collisions").repeats_needed == 3  # 18 km: 2.996 / 18 = 0.166
    far = gate(sample(km=2.0), sample(km=2.0, label="pr"), rules({"collisions": 0.2}))
    assert far.verdict is PASS
    interval = metric(far, "collisions").interval
    assert interval is not None
    assert interval.high == pytest.approx(2.9957 / 24, rel=1e-3)


def test_zero_kilometres_are_counted_as_a_metre() -> None:
    result = gate(sample(km=0.0), sample(km=0.0, label="pr"), rules({"collisions": 0.2}))
    assert result.verdict is INCONCLUSIVE
    assert metric(result, "collisions").baseline == 0.0


def test_rare_events_fail_by_an_exact_test() -> None:
    def hits(route: int, repeat: int) -> dict[str, float]:
        return {"red_lights": 1.0 if repeat == 0 or route % 2 else 0.0}

    base, worse = sample(routes=8, repeats=2), sample(routes=8, repeats=2, change=hits, label="pr")
    result = gate(base, worse, rules({"red_lights": 0.1, "collisions": 0.5}))
    found = metric(result, "red_lights")
    assert result.verdict is FAIL
    assert found.candidate == pytest.approx(12 / 16)
    assert found.p_value is not None
    assert found.p_value >= 2**-12
    assert metric(result, "collisions").verdict is PASS


def test_events_on_one_route_only_do_not_speak_for_others() -> None:
    def pile_up(route: int, repeat: int) -> dict[str, float]:
        return {"collisions": 6.0 if route == 0 else 0.0}

    base, worse = sample(routes=8, repeats=2), sample(routes=8, repeats=2, change=pile_up, label="pr")
    result = gate(base, worse, rules({"collisions": 0.2}))
    assert result.verdict is INCONCLUSIVE
    found = metric(result, "collisions")
    # Twelve events against none would be beyond doubt if they were independent.
    assert (found.p_value or 0.0) > 0.1


def test_shares_fail_by_mcnemar_and_pass_by_newcombe() -> None:
    def loses(route: int, repeat: int) -> dict[str, float]:
        return {"success": 0.0 if route < 6 else 1.0}

    ask = {"success": 0.2}
    base = sample(routes=12, repeats=2)
    result = gate(base, sample(routes=12, repeats=2, change=loses, label="pr"), rules(ask))
    found = metric(result, "success")
    assert result.verdict is FAIL
    assert found.worse_by == pytest.approx(0.5)
    assert (found.baseline, found.candidate) == (1.0, 0.5)
    assert gate(base, sample(routes=12, repeats=2, label="pr"), rules(ask)).verdict is PASS
    small = gate(sample(), sample(label="pr"), rules({"success": 0.1}))
    assert small.verdict is INCONCLUSIVE
    assert metric(small, "success").repeats_needed is not None
    assert (
        gate(sample(routes=12, repeats=2, change=loses), sample(routes=12, repeats=2), rules(ask)).verdict
        is PASS
    )


def uneven(counts: list[float], kms: list[float], label: str) -> Sample:
    """One drive of each route, with so many red lights on so many kilometres."""
    made = sample(routes=len(counts), repeats=1, label=label)
    episodes = tuple(
        replace(e, driven_km=km, values={**e.values, "red_lights": count})
        for e, count, km in zip(made.episodes, counts, kms, strict=True)
    )
    return replace(made, episodes=episodes)


def test_a_rate_is_events_over_kilometres_and_its_error_that_of_a_ratio() -> None:
    counts = [1.0, 0.0, 3.0, 2.0], [4.0, 1.0, 6.0, 2.0]
    kms = [4.0, 2.0, 1.0, 5.0], [4.0, 2.5, 1.0, 4.5]
    base, worse = uneven(counts[0], kms[0], "base"), uneven(counts[1], kms[1], "pr")
    found = evidence_of(worse, base, "red_lights", replicates=20_000)
    assert (found.baseline, found.candidate) == (pytest.approx(6 / 12), pytest.approx(13 / 12))
    assert found.effect == pytest.approx(7 / 12)
    boot = found.bootstrap(Scope.ROUTES)
    assert boot is not None
    # Linearised: each route adds (count - rate * km) / mean km, candidate minus baseline.
    influence = np.array(counts[1]) - 13 / 12 * np.array(kms[1]) - (counts[0] - 6 / 12 * np.array(kms[0]))
    assert boot.error == pytest.approx((influence / 3.0).std(ddof=1) / 2.0)
    assert float(boot.draws.mean()) == pytest.approx(7 / 12, abs=0.15)
    exact, resampled = rate_difference(6, 12.0, 13, 12.0, 0.05), boot.bounds(0.05)
    bounds = found.bounds(Scope.ROUTES, 0.05)
    assert bounds == Interval(min(exact.low, resampled.low), max(exact.high, resampled.high))
    mirrored = found.reversed().bounds(Scope.ROUTES, 0.05)
    assert mirrored is not None
    back = found.reversed().bootstrap(Scope.ROUTES)
    assert back is not None
    assert back.draws.tolist() == sorted((-boot.draws).tolist())


def test_pairs_of_a_share_are_counted_by_what_they_lost() -> None:
    def some(kind: tuple[float, ...]):
        return lambda route, repeat: {"success": kind[route]}

    base = sample(routes=7, repeats=1, change=some((1, 1, 1, 0, 0, 0, 0)))
    other = sample(routes=7, repeats=1, change=some((1, 0, 0, 1, 0, 0, 0)), label="pr")
    assert evidence_of(other, base, "success").cells() == (1, 2, 1, 3)


# -- several metrics


def test_holm_makes_each_of_many_metrics_harder_to_fail() -> None:
    worse = sample(routes=5, repeats=1, change=shifted("driving_score", -10.0, noise=0.1), label="pr")
    base = sample(routes=5, repeats=1)
    assert gate(base, worse, rules(min_pairs=5)).verdict is FAIL  # five equal signs: p = 1/32
    names = ("driving_score", "route_completion", "outside_lanes")
    result = gate(base, worse, rules(names, min_pairs=5))
    assert metric(result, "driving_score").p_adjusted == pytest.approx(3 / 32)
    assert result.verdict is INCONCLUSIVE


def test_advisory_metrics_are_shown_and_decide_nothing() -> None:
    worse = sample(change=shifted("max_jerk", 10.0, noise=0.1), label="pr")
    asked = rules().model_copy(
        update={
            "metrics": rules(("driving_score", "max_jerk")).metrics
            | {"max_jerk": rules().metrics["driving_score"].model_copy(update={"gating": False})}
        }
    )
    result = gate(sample(), worse, asked)
    assert result.verdict is PASS
    assert metric(result, "max_jerk").verdict is FAIL
    assert metric(result, "max_jerk").p_adjusted is None
    assert metric(result, "min_ttc").verdict is None
    assert metric(result, "min_ttc").margin is None


def test_a_margin_may_be_a_share_of_the_baseline() -> None:
    slower = sample(change=shifted("comfort", -4.0, noise=0.1), label="pr")
    strict = rules().model_validate({"metrics": {"comfort": {"margin_pct": 2.0}}, "replicates": 400})
    loose = rules().model_validate({"metrics": {"comfort": {"margin_pct": 6.0}}, "replicates": 400})
    assert metric(gate(sample(), slower, strict), "comfort").margin == pytest.approx(1.98)
    assert gate(sample(), slower, strict).verdict is FAIL
    assert gate(sample(), slower, loose).verdict is PASS


def test_the_same_inputs_give_the_same_answer() -> None:
    noisy = sample(change=shifted("driving_score", -1.0, noise=3.0), label="pr")
    assert gate(sample(), noisy, rules()) == gate(sample(), noisy, rules())
    assert gate(sample(), noisy, rules()) != gate(sample(), noisy, rules(seed=1))


# -- missing values


def test_a_value_missing_on_both_sides_leaves_the_pair_out() -> None:
    alone = sample(change=lambda route, repeat: {"min_ttc": None if route == 0 else 1.5})
    result = gate(alone, replace(alone, label="pr"), rules({"min_ttc": 0.3}))
    assert metric(result, "min_ttc").n_pairs == 10
    assert result.verdict is PASS


def test_a_value_missing_on_one_side_leaves_the_metric_undecided() -> None:
    alone = sample(change=lambda route, repeat: {"min_ttc": None if route == 0 else 1.5}, label="pr")
    for pair in ((sample(), alone), (alone, sample())):
        result = gate(*pair, rules({"min_ttc": 0.3, "driving_score": 2.0}))
        assert result.verdict is INCONCLUSIVE
        assert "r00-r0, r00-r1 have a value on one side only (nobody near)" in result.reasons[0]
    advisory = gate(sample(), alone, rules())
    assert advisory.verdict is PASS
    assert metric(advisory, "min_ttc").verdict is None


def test_a_value_that_every_episode_must_have_makes_it_invalid() -> None:
    broken = sample(change=lambda route, repeat: {"driving_score": None if route == 0 else 90.0}, label="pr")
    assert gate(sample(), broken, rules()).verdict is INVALID


def test_a_gating_metric_that_neither_side_has_is_not_weighed() -> None:
    alone = sample(change=lambda route, repeat: {"min_ttc": None})
    both = gate(alone, replace(alone, label="pr"), rules({"driving_score": 5.0, "min_ttc": 0.3}))
    assert both.verdict is PASS
    assert both.reasons == ("no gating metric of 1 is worse by its margin",)
    assert metric(both, "min_ttc").verdict is None
    assert any(note.startswith("min_ttc is not weighed: no pair has a value") for note in both.notes)
    only = gate(alone, replace(alone, label="pr"), rules({"min_ttc": 0.3}))
    assert only.verdict is INVALID
    assert only.reasons == ("no gating metric has a value, so that nothing was compared",)
    # One side has it everywhere, the other nowhere: that is no reason to look away.
    result = gate(sample(), replace(alone, label="pr"), rules({"driving_score": 5.0, "min_ttc": 0.3}))
    assert result.verdict is INVALID
    assert "make it advisory" in result.reasons[0]


def test_a_gating_metric_that_every_episode_must_have_is_never_left_out() -> None:
    blank = sample(change=lambda route, repeat: {"success": None})
    result = gate(blank, replace(blank, label="pr"), rules({"driving_score": 5.0, "success": 0.3}))
    assert result.verdict is INVALID
    assert "make it advisory" in result.reasons[0]


def test_without_traffic_nothing_is_left_to_weigh_alone() -> None:
    alone = sample(change=lambda route, repeat: {"min_ttc": None})
    assert gate(alone, replace(alone, label="pr"), rules()).verdict is PASS


# -- comparable or not


def conditions(campaign: Sample, **changes: object) -> Sample:
    return replace(campaign, conditions=replace(campaign.conditions, **changes))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"suite_sha256": "b" * 64}, "the suite's content differs: smoke aaaaaaaaaaaa in base, smoke bbbb"),
        ({"traffic": "none"}, "background traffic differs: idm-20 in base, none in pr"),
        ({"server_kind": "remote"}, "the kind of server differs"),
        ({"dt_s": 0.1}, "the time between ticks differs"),
        ({"score_version": "lb2_0"}, "the version of the score differs"),
        ({"versions": {"carla": "0.9.15"}}, "the version of carla differs: 0.9.16 in base, 0.9.15 in pr"),
        ({"versions": {}}, "the version of carla differs: 0.9.16 in base, none in pr"),
    ],
)
def test_other_conditions_are_invalid(changes: dict[str, object], says: str) -> None:
    result = gate(sample(), conditions(sample(label="pr"), **changes), rules())
    assert result.verdict is INVALID
    assert says in " ".join(result.reasons)
    assert result.metrics == ()
    assert (result.n_pairs, result.n_routes) == (12, 6)


def test_a_suite_may_be_renamed_and_a_version_ignored() -> None:
    renamed = conditions(sample(label="pr"), suite="other", versions={"carla": "0.9.15"})
    assert gate(sample(), renamed, rules(ignore_versions=["carla"])).verdict is PASS


def test_problems_of_either_side_are_invalid() -> None:
    torn = replace(sample(label="pr"), problems=("r00-r0 have no valid record",))
    for pair in ((sample(), torn), (torn, sample())):
        result = gate(*pair, rules())
        assert result.verdict is INVALID
        assert result.reasons == ("pr: r00-r0 have no valid record",)


def test_every_episode_needs_its_partner() -> None:
    base, pr = sample(repeats=3), sample(repeats=2, label="pr")
    result = gate(base, pr, rules())
    assert result.verdict is PASS
    assert "6 further episodes of base have no counterpart." in result.notes
    lacking = gate(pr, replace(base, label="new"), rules())
    assert lacking.verdict is INVALID
    assert "pr has no partner for r00-r2, r01-r2, r02-r2, r03-r2, r04-r2, r05-r2 of new" in lacking.reasons
    hole = gate(base, without(pr, ("r01", 0)), rules())
    assert hole.verdict is INVALID
    assert "pr has no partner for r01-r0 of base" in hole.reasons
    assert "6 further episodes of base have no counterpart." in hole.notes
    first = pair_up(base, pr, rules()).first_repeats(1)
    assert [pair.baseline.key.repeat for pair in first.pairs] == [0] * 6
    many = gate(sample(routes=9, repeats=1), sample(routes=1, repeats=1, label="pr"), rules())
    assert "and 2 more of base" in many.reasons[0]


def test_nothing_to_compare_is_invalid() -> None:
    empty = replace(sample(label="pr"), episodes=())
    result = gate(sample(), empty, rules())
    assert result.verdict is INVALID
    assert "there is not one pair to compare" in result.reasons


def test_seeds_must_be_equal_unless_the_rules_let_them_differ() -> None:
    other = replace(
        sample(label="pr"), episodes=tuple(replace(e, seed=e.seed + 1) for e in sample(label="pr").episodes)
    )
    result = gate(sample(), other, rules())
    assert result.verdict is INVALID
    assert "different seeds" in result.reasons[0]
    assert gate(sample(), other, rules(same_seed=False)).verdict is PASS


def test_quarantined_routes_are_not_weighed() -> None:
    worse = sample(change=lambda route, repeat: {"driving_score": 0.0 if route == 2 else 90.0}, label="pr")
    result = gate(sample(), worse, rules(), quarantined=("r02", "r77"))
    assert result.verdict is PASS
    assert result.set_aside == ("r02",)
    assert result.n_pairs == 10
    assert gate(sample(), worse, rules()).verdict is not PASS
    everything = [f"r{i:02}" for i in range(6)]
    assert gate(sample(), worse, rules(), quarantined=everything).verdict is INVALID


def test_retries_are_told() -> None:
    result = gate(sample(), replace(sample(label="pr"), n_retries=2), rules())
    assert result.verdict is PASS
    assert "pr: 2 attempts repeated after infrastructure faults." in result.notes


# -- forecasts


def evidence_of(candidate: Sample, base: Sample, name: str = "driving_score", **asked: object):
    return gather(
        CATALOGUE[name], pair_up(base, candidate, rules()).pairs, rules(**asked), rng_for(rules(), name)
    )


def test_the_standard_error_splits_routes_from_repeats() -> None:
    def change(route: int, repeat: int) -> dict[str, float]:
        return {"driving_score": 90.0 + 3.0 * route + (1.0 if repeat else -1.0)}

    found = evidence_of(sample(routes=4, change=change, label="pr"), sample(routes=4))
    # Within: 2; routes' means -9, -6, -3, 0: variance 15, of which 2 / 2 comes from repeats.
    error, freedom = standard_error(found, 8, Scope.ROUTES) or (0.0, 0)
    assert error == pytest.approx(((14.0 + 2.0 / 8) / 4) ** 0.5)
    assert freedom == 3
    error, freedom = standard_error(found, 8, Scope.SUITE) or (0.0, 0)
    assert error == pytest.approx((2.0 / 32) ** 0.5)
    assert freedom == 28


def test_a_single_repeat_is_taken_to_shrink_and_a_single_pair_tells_nothing() -> None:
    def change(route: int, repeat: int) -> dict[str, float]:
        return {"driving_score": 90.0 + 2.0 * route}

    found = evidence_of(sample(routes=3, repeats=1, change=change, label="pr"), sample(routes=3, repeats=1))
    assert standard_error(found, 4, Scope.ROUTES) == (pytest.approx((4.0 / 12) ** 0.5), 2)
    assert standard_error(found, 4, Scope.SUITE) is None
    alone = evidence_of(sample(routes=1, repeats=1, label="pr"), sample(routes=1, repeats=1))
    assert standard_error(alone, 4, Scope.ROUTES) is None
    assert repeats_to_decide(alone, 2.0, rules()) is None


def test_repeats_to_decide_grow_with_the_noise_and_follow_student() -> None:
    def swing(by: float):
        return lambda route, repeat: {"driving_score": 90.0 + (by if repeat else -by)}

    needed = {}
    for by in (4.0, 8.0, 40.0):
        found = evidence_of(sample(change=swing(by), label="pr"), sample())
        needed[by] = repeats_to_decide(found, 2.0, rules())
    # No effect, variance within 2 by^2: passes once t(0.95, 5) * sqrt(2 by^2 / (6 n)) < 2.
    t = 2.015048
    for by in (4.0, 8.0):
        assert needed[by] == int((t / 2.0) ** 2 * 2 * by * by / 6) + 1
    assert needed[40.0] is None


@pytest.mark.parametrize(
    ("name", "unit", "metrics", "t"),
    [
        ("driving_score", -1.0, {"driving_score": 2.0}, 2.015048),
        ("driving_score", -1.0, {"driving_score": 2.0, "comfort": 1.0}, 2.570582),  # Holm's first step
        ("cruise_speed", 0.1, {"cruise_speed": 0.2}, 2.570582),  # both directions
    ],
)
def test_repeats_to_decide_a_real_difference(
    name: str, unit: float, metrics: dict[str, float], t: float
) -> None:
    def change(route: int, repeat: int) -> dict[str, float]:
        return {name: HEALTHY[name] + unit * (3.0 + (12.0 if repeat else -12.0))}

    asked = rules(metrics)
    pairs = pair_up(sample(), sample(change=change, label="pr"), asked).pairs
    found = gather(CATALOGUE[name], pairs, asked, rng_for(asked, name))
    # It fails once 3 > t * sqrt(2 * 12^2 / (6 n)).
    assert repeats_to_decide(found, abs(2.0 * unit), asked) == int((t / 3.0) ** 2 * 2 * 144 / 6) + 1


def test_repeats_to_decide_counts() -> None:
    def hits(route: int, repeat: int) -> dict[str, float]:
        return {"collisions": 1.0 if route < 2 and repeat == 0 else 0.0}

    # 2 events in 12 km: with 5 repeats 5 in 30 km against none, p = 1 / 32 <= 0.05.
    found = evidence_of(sample(change=hits, label="pr"), sample(), "collisions")
    assert repeats_to_decide(found, 0.05, rules({"collisions": 0.05})) == 5
    # A margin far above the effect is passed at once.
    assert repeats_to_decide(found, 2.0, rules({"collisions": 2.0})) == 3


def test_repeats_to_decide_shares() -> None:
    def loses(route: int, repeat: int) -> dict[str, float]:
        return {"success": 0.0 if route < 2 and repeat == 0 else 1.0}

    found = evidence_of(sample(change=loses, label="pr"), sample(), "success")
    # Two lost pairs of twelve, none won: five lost pairs at five repeats give p = 1 / 32.
    assert repeats_to_decide(found, 0.01, rules({"success": 0.01})) == 5


def test_nothing_measured_has_no_forecast() -> None:
    alone = sample(change=lambda route, repeat: {"min_ttc": None})
    found = evidence_of(replace(alone, label="pr"), alone, "min_ttc")
    assert repeats_to_decide(found, 1.0, rules()) is None
    assert standard_error(found, 2, Scope.ROUTES) is None
    assert found.bounds(Scope.ROUTES, 0.05) is None
    assert found.p_value(Scope.ROUTES, rng_for(rules(), "x")) == 1.0


def test_keys_read_like_folders() -> None:
    assert str(EpisodeKey("17", 2)) == "17-r2"
    assert set(HEALTHY) == set(CATALOGUE)
