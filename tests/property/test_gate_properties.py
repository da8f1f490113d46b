"""What holds for every gate, whatever the campaigns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.gate import intervals
from harness.gate.decide import gate
from harness.gate.model import Sample, Verdict
from harness.gate.resampling import Nested, holm, sign_flip_p_value
from harness.gate.sequential import e_value
from tests.support.samples import metric, rules, sample

COUNTS = st.integers(0, 60)
KM = st.floats(0.5, 200.0)
ALPHA = st.floats(0.001, 0.2)
FEW = settings(max_examples=25, deadline=None)
ASK = rules({"driving_score": 3.0, "collisions": 0.5, "cruise_speed": 0.5}, replicates=200)
CELLS = st.tuples(*[st.integers(0, 30)] * 4).filter(any)


@st.composite
def campaigns(draw: st.DrawFn) -> Sample:
    """A campaign of a few routes with any numbers."""
    routes, repeats = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    spread = draw(st.sampled_from([0.0, 0.5, 20.0]))

    def change(route: int, repeat: int) -> dict[str, float]:
        return {
            "driving_score": float(np.clip(80 + spread * rng.standard_normal(), 0, 100)),
            "collisions": float(rng.poisson(0.3)),
            "cruise_speed": 8.0 + 0.1 * spread * float(rng.standard_normal()),
        }

    return sample(routes, repeats, change=change, label=draw(st.sampled_from(["a", "b"])))


@FEW
@given(campaigns())
def test_nothing_fails_against_itself(campaign: Sample) -> None:
    result = gate(campaign, replace(campaign, label="again"), ASK)
    assert result.verdict is Verdict.PASS
    assert all(one.worse_by in (0.0, None) for one in result.metrics)


@FEW
@given(campaigns(), st.floats(0.0, 50.0))
def test_more_harm_never_helps(campaign: Sample, harm: float) -> None:
    def harmed(by: float) -> Sample:
        episodes = tuple(
            replace(
                e,
                facts_sha256=f"pr-{i}",
                values={**e.values, "driving_score": (e.values["driving_score"] or 0.0) - by},
            )
            for i, e in enumerate(campaign.episodes)
        )
        return replace(campaign, label="pr", episodes=episodes)

    less, more = (metric(gate(campaign, harmed(by), ASK), "driving_score") for by in (harm, 2 * harm))
    assert (more.worse_by or 0.0) >= (less.worse_by or 0.0) - 1e-9
    assert more.p_value is not None
    assert less.p_value is not None
    assert more.p_value <= less.p_value + 1e-9
    if less.verdict is Verdict.FAIL:
        assert more.verdict is Verdict.FAIL
    if more.verdict is Verdict.PASS:
        assert less.verdict is Verdict.PASS


@FEW
@given(campaigns(), st.randoms(use_true_random=False))
def test_the_order_of_episodes_plays_no_part(campaign: Sample, shuffler: object) -> None:
    shuffled = list(campaign.episodes)
    shuffler.shuffle(shuffled)  # type: ignore[attr-defined]
    other = replace(campaign, episodes=tuple(shuffled))
    assert gate(campaign, other, ASK) == gate(other, campaign, ASK)


@given(COUNTS, KM, COUNTS, KM, ALPHA)
def test_bounds_of_rates_hold_the_effect_and_mirror(
    b: int, km_b: float, c: int, km_c: float, alpha: float
) -> None:
    found = intervals.rate_difference(b, km_b, c, km_c, alpha)
    assert found.low <= c / km_c - b / km_b <= found.high
    mirrored = intervals.rate_difference(c, km_c, b, km_b, alpha)
    assert np.isclose(mirrored.low, -found.high)
    assert np.isclose(mirrored.high, -found.low)
    assert intervals.rate_difference(b, km_b, c, km_c, alpha / 2).high >= found.high


@given(COUNTS, KM, COUNTS, KM)
def test_one_more_event_is_more_evidence(b: int, km_b: float, c: int, km_c: float) -> None:
    assert intervals.rate_p_value(b, km_b, c + 1, km_c) <= intervals.rate_p_value(b, km_b, c, km_c) + 1e-12
    assert intervals.rate_p_value(b + 1, km_b, c, km_c) >= intervals.rate_p_value(b, km_b, c, km_c) - 1e-12


@given(CELLS, ALPHA)
def test_bounds_of_shares_hold_the_effect_and_mirror(cells: tuple[int, int, int, int], alpha: float) -> None:
    both, first, second, neither = cells
    found = intervals.paired_share_difference(both, first, second, neither, alpha)
    effect = (first - second) / sum(cells)
    assert found.low - 1e-12 <= effect <= found.high + 1e-12
    mirrored = intervals.paired_share_difference(both, second, first, neither, alpha)
    assert np.isclose(mirrored.low, -found.high)
    assert np.isclose(mirrored.high, -found.low)


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_keeps_the_order_and_only_raises(values: list[float]) -> None:
    adjusted = holm(values)
    assert all(a >= v for a, v in zip(adjusted, values, strict=True))
    assert all(0.0 <= a <= 1.0 for a in adjusted)
    ordered = [a for _, a in sorted(zip(values, adjusted, strict=True))]
    assert ordered == sorted(ordered)
    assert min(adjusted, default=0.0) <= min(1.0, len(values) * min(values, default=0.0)) + 1e-12


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=9))
def test_sign_flips_of_both_directions_cover_everything(values: list[int]) -> None:
    routes = [str(i) for i in range(len(values))]
    rng = np.random.default_rng(0)
    up = sign_flip_p_value(Nested.of([float(v) for v in values], routes), rng)
    down = sign_flip_p_value(Nested.of([float(-v) for v in values], routes), rng)
    assert up + down >= 1.0 - 1e-12
    assert min(up, down) >= 2.0 ** -len(values)


@given(st.lists(st.floats(-20, 20), max_size=8), st.floats(0.1, 10.0))
def test_an_e_value_is_a_fair_game_for_any_sizes(sizes: list[float], margin: float) -> None:
    signs = np.array(np.meshgrid(*[[-1, 1]] * len(sizes))).reshape(len(sizes), -1).T if sizes else [[]]
    capitals = [e_value([s * abs(d) for s, d in zip(row, sizes, strict=True)], margin) for row in signs]
    assert np.isclose(np.mean(capitals), 1.0, rtol=1e-6)
