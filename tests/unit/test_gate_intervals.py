"""Exact and score intervals: against closed forms, and against counting."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from harness.gate.intervals import (
    clopper_pearson,
    paired_share_difference,
    poisson_rate,
    rate_difference,
    rate_p_value,
    wilson,
)


def test_no_event_leaves_room_for_three_over_the_distance() -> None:
    found = poisson_rate(0, 10.0, 0.05)
    assert found.low == 0.0
    assert found.high == pytest.approx(-math.log(0.05) / 10.0)  # exp(-rate * 10) = 0.05


def test_bounds_of_a_rate_solve_the_tails_of_poisson() -> None:
    found = poisson_rate(4, 2.0, 0.05)
    assert stats.poisson.sf(3, found.low * 2.0) == pytest.approx(0.05)
    assert stats.poisson.cdf(4, found.high * 2.0) == pytest.approx(0.05)


def test_a_difference_of_rates_without_any_event() -> None:
    found = rate_difference(0, 10.0, 0, 20.0, 0.05)
    assert found.high == pytest.approx(-math.log(0.05) / 20.0)
    assert found.low == pytest.approx(-(-math.log(0.05) / 10.0))


def test_a_difference_of_rates_recovers_both_bounds() -> None:
    b, c = poisson_rate(3, 10.0, 0.05), poisson_rate(9, 10.0, 0.05)
    found = rate_difference(3, 10.0, 9, 10.0, 0.05)
    assert found.low == pytest.approx(0.6 - math.hypot(0.9 - c.low, b.high - 0.3))
    assert found.high == pytest.approx(0.6 + math.hypot(c.high - 0.9, 0.3 - b.low))


@pytest.mark.parametrize(("lam_b", "lam_c"), [(0.05, 0.05), (0.3, 0.6), (2.0, 2.0)])
def test_each_bound_of_a_difference_holds_as_often_as_it_says(lam_b: float, lam_c: float) -> None:
    rng = np.random.default_rng(1)
    km = 15.0
    counts = rng.poisson((lam_b * km, lam_c * km), (1500, 2))
    kinds, times = np.unique(counts, axis=0, return_counts=True)
    found = [rate_difference(int(b), km, int(c), km, 0.05) for b, c in kinds]
    truth = lam_c - lam_b
    above = np.average([one.high >= truth for one in found], weights=times)
    below = np.average([one.low <= truth for one in found], weights=times)
    assert above >= 0.935
    assert below >= 0.935


def test_the_rate_test_is_a_coin_that_knows_the_distance() -> None:
    assert rate_p_value(0, 10.0, 5, 10.0) == pytest.approx(2**-5)
    assert rate_p_value(0, 30.0, 2, 10.0) == pytest.approx(0.25**2)
    assert rate_p_value(0, 10.0, 0, 10.0) == 1.0
    assert rate_p_value(5, 10.0, 0, 10.0) == 1.0


def test_wilson_solves_the_score_equation() -> None:
    found = wilson(7, 20, 0.05)
    for bound in (found.low, found.high):
        z = (7 / 20 - bound) / math.sqrt(bound * (1 - bound) / 20)
        assert abs(z) == pytest.approx(stats.norm.ppf(0.95))
    assert found.low < 7 / 20 < found.high
    assert wilson(0, 5, 0.05).low == 0.0
    assert wilson(5, 5, 0.05).high == 1.0
    assert all(wilson(n, n, 0.05).high <= 1.0 and wilson(0, n, 0.05).low >= 0.0 for n in range(1, 300))


def test_paired_shares_that_all_agree() -> None:
    """With no discordant pair the interval keeps a width: what so few pairs could have missed."""
    found = paired_share_difference(54, 0, 0, 0, 0.025)
    # All pairs agree: the bounds are Wilson's for 54 of 54, in either direction.
    reach = 1.0 - wilson(54, 54, 0.025).low
    assert (found.low, found.high) == pytest.approx((-reach, reach))


def test_paired_shares_shrink_with_correlation() -> None:
    together = paired_share_difference(20, 3, 1, 20, 0.05)
    # The same shares, but independent: 23/44 and 21/44 with as many agreements as chance gives.
    apart = paired_share_difference(11, 12, 10, 11, 0.05)
    assert together.high - together.low < apart.high - apart.low
    effect = 2 / 44
    assert together.low < effect < together.high
    # Without correlation the bounds are the plain combination of the two shares' bounds.
    one, two = wilson(23, 44, 0.05), wilson(21, 44, 0.05)
    first, second = 23 / 44, 21 / 44
    assert apart.low == pytest.approx(effect - math.hypot(first - one.low, two.high - second), abs=1e-3)
    assert apart.high == pytest.approx(effect + math.hypot(one.high - first, second - two.low), abs=1e-3)


def test_paired_shares_by_hand() -> None:
    """Phi = (20*20 - 3*1 - 22) / sqrt(23*21*21*23) = 375/483; bounds by the formula of method 10."""
    found = paired_share_difference(20, 3, 1, 20, 0.05)
    one, two, phi = wilson(23, 44, 0.05), wilson(21, 44, 0.05), 375 / 483
    a, b = 23 / 44 - one.low, two.high - 21 / 44
    assert found.low == pytest.approx(2 / 44 - math.sqrt(a * a - 2 * phi * a * b + b * b))
    a, b = one.high - 23 / 44, 21 / 44 - two.low
    assert found.high == pytest.approx(2 / 44 + math.sqrt(a * a - 2 * phi * a * b + b * b))
    # A negative correlation is not corrected: phi = (2*2 - 10*12) / sqrt(12*14*12*14).
    found = paired_share_difference(2, 10, 12, 2, 0.05)
    one, two, phi = wilson(12, 26, 0.05), wilson(14, 26, 0.05), -116 / 168
    a, b = 12 / 26 - one.low, two.high - 14 / 26
    assert found.low == pytest.approx(-2 / 26 - math.sqrt(a * a - 2 * phi * a * b + b * b))


def test_a_weak_correlation_is_corrected_to_none_and_never_below() -> None:
    """Phi = (6*5 - 5*5 - 21/2) is negative after the correction, and counts as 0."""
    found = paired_share_difference(6, 5, 5, 5, 0.05)
    share = wilson(11, 21, 0.05)
    reach = math.hypot(11 / 21 - share.low, share.high - 11 / 21)
    assert (found.low, found.high) == pytest.approx((-reach, reach))
    # So does the weakest one that there is, (2*2 - 1*3) = 1, and that of a side which always says yes.
    for cells, first, second in (((2, 1, 3, 2), (3, 8), (5, 8)), ((5, 3, 0, 0), (8, 8), (5, 8))):
        one, two = wilson(*first, 0.05), wilson(*second, 0.05)
        effect = first[0] / first[1] - second[0] / second[1]
        low = effect - math.hypot(first[0] / first[1] - one.low, two.high - second[0] / second[1])
        high = effect + math.hypot(one.high - first[0] / first[1], second[0] / second[1] - two.low)
        found = paired_share_difference(*cells, 0.05)
        assert (found.low, found.high) == pytest.approx((low, high))


def test_clopper_pearson_solves_the_tails_of_the_binomial() -> None:
    found = clopper_pearson(3, 50, 0.025)
    assert stats.binom.sf(2, 50, found.low) == pytest.approx(0.025)
    assert stats.binom.cdf(3, 50, found.high) == pytest.approx(0.025)
    assert clopper_pearson(0, 50, 0.025).low == 0.0
    assert clopper_pearson(50, 50, 0.025).high == 1.0
    assert clopper_pearson(0, 50, 0.025).high == pytest.approx(1 - 0.025 ** (1 / 50))
