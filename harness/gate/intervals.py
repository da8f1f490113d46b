"""Exact and score intervals for counts and shares. Every bound is one-sided with error `alpha`.

They hold where a bootstrap is blind: with zero events the bootstrap's interval has no width, an exact one
still says how many events could have hidden in so few kilometres.
"""

from __future__ import annotations

import math

from scipy import stats

from harness.gate.model import Interval


def poisson_rate(count: float, exposure: float, alpha: float) -> Interval:
    """Exact bounds of a rate of rare events (Garwood, Biometrika 28, 1936).

    Args:
        count: events seen.
        exposure: kilometres, > 0.
        alpha: error of each bound.
    """
    low = 0.0 if count == 0 else float(stats.chi2.ppf(alpha, 2 * count)) / 2
    high = float(stats.chi2.ppf(1 - alpha, 2 * count + 2)) / 2
    return Interval(low / exposure, high / exposure)


def rate_difference(
    baseline: float, baseline_km: float, candidate: float, candidate_km: float, alpha: float
) -> Interval:
    """Bounds of candidate's rate minus baseline's.

    Each rate's exact bounds are recovered into bounds of the difference (Newcombe's hybrid method; for
    arbitrary parameters Zou and Donner, Statistics in Medicine 27, 2008).
    """
    rate_b, rate_c = baseline / baseline_km, candidate / candidate_km
    b = poisson_rate(baseline, baseline_km, alpha)
    c = poisson_rate(candidate, candidate_km, alpha)
    effect = rate_c - rate_b
    return Interval(
        effect - math.hypot(rate_c - c.low, b.high - rate_b),
        effect + math.hypot(c.high - rate_c, rate_b - b.low),
    )


def rate_p_value(baseline: int, baseline_km: float, candidate: int, candidate_km: float) -> float:
    """Exact p-value for "the candidate's rate is not higher".

    Given their sum, the candidate's count is binomial (Przyborowski and Wilenski, Biometrika 31, 1940).
    """
    share = candidate_km / (baseline_km + candidate_km)
    return float(stats.binom.sf(candidate - 1, baseline + candidate, share))


def wilson(successes: float, trials: float, alpha: float) -> Interval:
    """Score bounds of a share (Wilson, JASA 22, 1927)."""
    z = float(stats.norm.ppf(1 - alpha))
    share = successes / trials
    middle = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return Interval(max(middle - half, 0.0), min(middle + half, 1.0))


def paired_share_difference(
    both: int, only_first: int, only_second: int, neither: int, alpha: float
) -> Interval:
    """Bounds of the first share minus the second, of pairs.

    Args:
        both: pairs with a yes on both sides.
        only_first: on the first side only.
        only_second: on the second side only.
        neither: on no side.
        alpha: error of each bound.

    Source: Newcombe, Statistics in Medicine 17, 1998, 2635-2650, method 10.
    """
    n = both + only_first + only_second + neither
    first, second = (both + only_first) / n, (both + only_second) / n
    one, two = wilson(both + only_first, n, alpha), wilson(both + only_second, n, alpha)
    phi = _correlation(both, only_first, only_second, neither)
    effect = first - second

    def half(a: float, b: float) -> float:
        return math.sqrt(max(a * a - 2 * phi * a * b + b * b, 0.0))

    return Interval(
        effect - half(first - one.low, two.high - second),
        effect + half(one.high - first, second - two.low),
    )


def _correlation(both: int, only_first: int, only_second: int, neither: int) -> float:
    """Correlation of the two sides, with Newcombe's continuity correction; 0 where a margin is empty."""
    product = (both + only_first) * (only_second + neither) * (both + only_second) * (only_first + neither)
    if product == 0:
        return 0.0
    n = both + only_first + only_second + neither
    numerator = float(both * neither - only_first * only_second)
    if numerator > 0:
        numerator = max(numerator - n / 2, 0.0)
    return numerator / math.sqrt(product)


def clopper_pearson(successes: int, trials: int, alpha: float) -> Interval:
    """Exact bounds of a share (Clopper and Pearson, Biometrika 26, 1934)."""
    low = 0.0 if successes == 0 else float(stats.beta.ppf(alpha, successes, trials - successes + 1))
    high = 1.0 if successes == trials else float(stats.beta.ppf(1 - alpha, successes + 1, trials - successes))
    return Interval(low, high)
