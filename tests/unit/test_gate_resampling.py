"""Bootstrap, sign flips and Holm: against exact enumeration, theory, and simulation."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from harness.gate import resampling
from harness.gate.resampling import (
    Bootstrap,
    Nested,
    holm,
    resample_repeats,
    resample_routes,
    sign_flip_p_value,
)


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def boot(table: Nested, resample=resample_routes, replicates: int = 4000) -> Bootstrap:
    drawn = resample([table], table, replicates, rng())
    assert drawn is not None
    (draws,), freedom, error = drawn
    return Bootstrap(np.sort(draws), freedom, error)


def nested(*routes: tuple[float, ...]) -> Nested:
    values = [value for route in routes for value in route]
    return Nested.of(values, [str(i) for i, route in enumerate(routes) for _ in route])


def test_routes_weigh_the_same_however_often_they_were_driven() -> None:
    table = nested((1.0, 3.0), (5.0,), (0.0, 0.0, 3.0))
    assert table.counts.tolist() == [2, 1, 3]
    assert table.route_means.tolist() == [2.0, 5.0, 1.0]
    assert table.effect == pytest.approx(8.0 / 3)
    assert table.weights.sum() == pytest.approx(1.0)
    assert float((table.weights * table.values).sum()) == pytest.approx(table.effect)
    assert table.squares().tolist() == pytest.approx([2.0, 0.0, 6.0])
    assert table.within_variance() == pytest.approx(8.0 / 3)  # 1 + 0 + 2 degrees of freedom
    assert table.between_variance() == pytest.approx(np.var([2.0, 5.0, 1.0], ddof=1))
    assert nested((1.0,), (2.0,)).within_variance() is None
    assert nested((1.0, 2.0)).between_variance() is None
    assert nested((1.0,), (2.0,)).between_variance() == pytest.approx(0.5)
    with pytest.raises(ValueError, match="shorter"):
        Nested.of([1.0, 2.0], ["a"])


def test_a_bootstrap_of_routes_has_the_error_of_their_mean() -> None:
    values = np.random.default_rng(3).normal(2.0, 1.5, (9, 4))
    found = boot(nested(*map(tuple, values)))
    means = values.mean(axis=1)
    assert found.freedom == 8
    assert found.error == pytest.approx(means.std(ddof=1) / 3.0)
    assert float(found.draws.mean()) == pytest.approx(means.mean(), abs=0.03)
    # Spread of two-stage resampling: (n-1)/n of the routes' variance plus (k-1)/k of the repeats', over n.
    within = values.var(axis=1, ddof=0).mean()
    assert float(found.draws.var()) == pytest.approx((means.var(ddof=0) + within / 4) / 9, rel=0.1)


def test_bounds_stand_as_far_out_as_student_says() -> None:
    values = np.random.default_rng(5).normal(0.0, 1.0, (10, 3))
    found = boot(nested(*map(tuple, values)), replicates=40_000)
    bounds = found.bounds(0.05)
    half = stats.t.ppf(0.95, 9) * found.error
    assert bounds.high == pytest.approx(values.mean() + half, abs=0.2 * half)
    assert bounds.low == pytest.approx(values.mean() - half, abs=0.2 * half)
    assert found.bounds(0.01).high > bounds.high
    assert found.p_value(values.mean()) == pytest.approx(stats.t.sf(values.mean() / found.error, 9))


def test_a_bootstrap_of_repeats_knows_no_other_routes() -> None:
    far = nested((0.0, 0.2), (10.0, 10.2), (50.0, 50.2))
    found = boot(far, resample_repeats)
    # Each route's mean has variance s^2 / 2 = 0.01, the mean of three a ninth of their sum.
    assert found.error == pytest.approx(math.sqrt(3 * 0.01 / 9))
    assert found.freedom == 3
    assert float(np.ptp(found.draws)) <= 0.2 + 1e-12
    assert float(np.ptp(boot(far).draws)) > 10.0
    assert resample_repeats([far], nested((1.0, 2.0), (3.0,)), 10, rng()) is None


def test_a_single_route_is_resampled_by_its_repeats_and_a_single_pair_not_at_all() -> None:
    found = boot(nested((1.0, 2.0, 3.0, 4.0)))
    assert found.freedom == 3
    assert found.error == pytest.approx(np.std([1, 2, 3, 4], ddof=1) / 2)
    assert found.draws.min() >= 1.0
    assert resample_routes([nested((1.0,))], nested((1.0,)), 10, rng()) is None


def test_without_spread_there_is_no_width() -> None:
    found = boot(nested((1.0, 1.0), (1.0, 1.0)))
    assert found.bounds(0.05) == resampling.Interval(1.0, 1.0)
    assert found.p_value(1.0) == 0.0
    assert found.p_value(0.0) == 1.0


def test_draws_without_a_standard_error_keep_their_own_spread() -> None:
    draws = np.linspace(-1.0, 1.0, 2001)
    found = Bootstrap(draws, 10**6, 0.0).bounds(0.05)
    assert (found.low, found.high) == pytest.approx((-0.9, 0.9), abs=0.002)


def test_two_routes_are_resampled_as_routes() -> None:
    found = boot(nested((1.0, 2.0, 3.0), (5.0, 7.0, 9.0)))
    assert found.freedom == 1
    assert found.error == pytest.approx(2.5)  # of means 2 and 7


def test_uneven_repeats_are_never_padded_with_zeros() -> None:
    table = nested((5.0,), (5.0, 5.0, 5.0), (5.0, 5.0))
    assert set(boot(table).draws.tolist()) == {5.0}
    assert set(boot(nested((5.0, 5.0), (5.0, 5.0, 5.0)), resample_repeats).draws.tolist()) == {5.0}


def test_chunks_do_not_change_what_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    table = nested((1.0, 2.0), (3.0, 5.0), (4.0, 4.5))
    whole = boot(table, replicates=1000)
    monkeypatch.setattr(resampling, "_CHUNK", 100)
    parts = boot(table, replicates=1000)
    assert len(parts.draws) == 1000
    assert float(parts.draws.mean()) == pytest.approx(float(whole.draws.mean()), abs=0.1)
    monkeypatch.setattr(resampling, "_CHUNK", 1)  # one at a time, although even that is too large
    assert len(boot(table, replicates=20).draws) == 20
    assert sign_flip_p_value(nested(*[(-1.0,)] * 20), rng()) == 1.0


def test_sign_flips_count_all_ways() -> None:
    values = (3.0, 1.0, -0.5, 2.0, 0.0)
    sums = [
        sum(s * v for s, v in zip(signs, values[:4], strict=True))
        for signs in itertools.product((-1, 1), repeat=4)
    ]
    wanted = sum(total >= 5.5 - 1e-9 for total in sums) / 16
    assert sign_flip_p_value(nested(*[(v,) for v in values]), rng()) == wanted
    assert sign_flip_p_value(nested((0.0, 0.0), (0.0, 0.0)), rng()) == 1.0
    assert sign_flip_p_value(nested(*[(1.0,)] * 5), rng()) == 2**-5
    assert sign_flip_p_value(nested(*[(-1.0,)] * 5), rng()) == 1.0
    assert sign_flip_p_value(nested((1.0,)), rng()) == 0.5
    # All 2^14 ways are counted; 9999 random ones could not show so little, and do for one difference more.
    assert sign_flip_p_value(nested(*[(1.0,)] * 14), rng()) == 2**-14
    assert sign_flip_p_value(nested(*[(1.0,)] * 15), rng()) == pytest.approx(1e-4, rel=1.0)
    assert sign_flip_p_value(nested(*[(1.0,)] * 15), rng()) >= 1e-4


def test_sign_flips_at_random_agree_with_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(11).normal(0.5, 1.0, 12)
    table = nested(*[(v,) for v in values])
    exact = sign_flip_p_value(table, rng())
    monkeypatch.setattr(resampling, "EXACT_UP_TO", 3)
    assert sign_flip_p_value(table, rng()) == pytest.approx(exact, abs=0.02)
    strong = nested(*[(1.0,)] * 40)
    assert sign_flip_p_value(strong, rng()) == 1 / 10_000


def test_sign_flips_at_random_count_ties_and_all_of_the_flips(monkeypatch: pytest.MonkeyPatch) -> None:
    table = nested(*[(1.0,)] * 12, *[(-1.0,)] * 8)
    assert sign_flip_p_value(table, rng()) == pytest.approx(stats.binom.sf(11, 20, 0.5), abs=0.02)
    assert sign_flip_p_value(nested(*[(-1.0,)] * 20), rng()) == 1.0
    monkeypatch.setattr(resampling, "_CHUNK", 20 * 4000)  # three chunks, the last one smaller
    assert sign_flip_p_value(nested(*[(-1.0,)] * 20), rng()) == 1.0


def test_sign_flips_weigh_a_route_driven_once_as_much_as_one_driven_twice() -> None:
    # Weights 1/2, 1/4, 1/4: 3/2 - 1/4 - 1/4 is reached by + - -, + + -, + - + and + + +.
    assert sign_flip_p_value(nested((3.0,), (-1.0, -1.0)), rng()) == 4 / 8
    assert sign_flip_p_value(nested((3.0,), (-1.0, 2.0)), rng()) == 2 / 8
    # Equal sums count as reached however small the numbers are.
    assert sign_flip_p_value(nested(*[(1e-9,)] * 5), rng()) == 2**-5


def test_a_yes_no_difference_gives_mcnemars_exact_test() -> None:
    table = nested(*[(1.0,)] * 7, *[(-1.0,)] * 2, *[(0.0,)] * 30)
    assert sign_flip_p_value(table, rng()) == pytest.approx(stats.binom.sf(6, 9, 0.5))


@pytest.mark.parametrize("noise", ["normal", "crashes", "two-point"])
def test_sign_flips_raise_no_more_false_alarms_than_stated(noise: str) -> None:
    source = np.random.default_rng(2)
    alarms = 0
    for _ in range(400):
        both = source.normal(size=(2, 12)) if noise == "normal" else None
        if noise == "crashes":
            both = 100.0 * (source.random((2, 12)) < 0.1)
        elif noise == "two-point":
            both = source.integers(2, size=(2, 12)) * 10.0
        assert both is not None
        alarms += sign_flip_p_value(nested(*[(v,) for v in both[1] - both[0]]), source) <= 0.05
    assert stats.binom.sf(alarms - 1, 400, 0.05) > 0.001


def test_holm_steps_down() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.7, 0.9]) == [1.0, 1.0]
    assert holm([0.02]) == [0.02]
    assert holm([]) == []
