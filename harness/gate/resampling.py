"""What resampling says about paired differences: hierarchical bootstrap and sign-flip test.

Differences come as a `Nested` table: routes, and repeats within each. A campaign's effect is the mean over
routes of the mean over repeats, so that each route weighs the same however often it was driven.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from harness.gate.model import Interval

Float = NDArray[np.float64]
Int = NDArray[np.int64]

EXACT_UP_TO = 14
"""So many differences that are not zero are flipped in all 2^n ways; beyond, at random."""

RANDOM_FLIPS = 9_999
_CHUNK = 4_000_000
"""Numbers held at once while resampling."""


@dataclass(frozen=True, slots=True)
class Nested:
    """Numbers of the pairs, by route and repeat.

    Attributes:
        values: (R, K) padded with 0.
        counts: (R,) how many repeats each route has, each >= 1.
    """

    values: Float
    counts: Int

    @classmethod
    def of(cls, values: Sequence[float], route_of: Sequence[str]) -> Nested:
        """Sort numbers by their route.

        Args:
            values: one per pair.
            route_of: which route each belongs to.
        """
        groups: dict[str, list[float]] = {}
        for value, route in zip(values, route_of, strict=True):
            groups.setdefault(route, []).append(value)
        counts = np.array([len(group) for group in groups.values()], np.int64)
        table = np.zeros((len(groups), int(counts.max())))
        for row, group in enumerate(groups.values()):
            table[row, : len(group)] = group
        return cls(table, counts)

    @property
    def route_means(self) -> Float:
        """(R,) mean of each route."""
        means: Float = self.values.sum(axis=1) / self.counts
        return means

    @property
    def effect(self) -> float:
        """Mean over routes of the means over repeats."""
        return float(self.route_means.mean())

    @property
    def weights(self) -> Float:
        """(R, K) weight of each number in the effect; 0 for padding."""
        present = np.arange(self.values.shape[1]) < self.counts[:, None]
        weights: Float = present / (self.counts[:, None] * len(self.counts))
        return weights

    def within_variance(self) -> float | None:
        """Variance of repeats of the same route, pooled; None if no route was driven twice."""
        freedom = int((self.counts - 1).sum())
        return float(self.squares().sum()) / freedom if freedom else None

    def squares(self) -> Float:
        """(R,) sum of squared deviations from the route's mean."""
        present = np.arange(self.values.shape[1]) < self.counts[:, None]
        deviations = np.where(present, self.values - self.route_means[:, None], 0.0)
        squares: Float = (deviations**2).sum(axis=1)
        return squares

    def between_variance(self) -> float | None:
        """Variance of the routes' means; None for a single route."""
        return float(self.route_means.var(ddof=1)) if len(self.counts) > 1 else None


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """Bootstrap distribution of an effect.

    Attributes:
        draws: (B,) sorted.
        freedom: degrees of freedom of the spread that was resampled.
        error: standard error of the effect without the bias of resampling: n things resampled understate
            their spread by (n - 1) / n, and repeats resampled inside resampled routes are counted twice.
    """

    draws: Float
    freedom: int
    error: float

    def bounds(self, alpha: float) -> Interval:
        """One-sided bounds, each with error alpha.

        Expanded percentile interval (Hesterberg, The American Statistician 69, 2015): the shape is the
        bootstrap's, the percentiles are taken as far out as Student's t and the unbiased error ask for.
        """
        spread = float(self.draws.std())
        ratio = spread / self.error if spread > 0.0 and self.error > 0.0 else 1.0
        outer = float(stats.norm.cdf(-stats.t.ppf(1 - alpha, self.freedom) / ratio))
        low = np.quantile(self.draws, outer, method="lower")
        high = np.quantile(self.draws, 1 - outer, method="higher")
        return Interval(float(low), float(high))

    def p_value(self, effect: float) -> float:
        """P-value for "not above 0", by the unbiased standard error and Student's t.

        (A count of draws below 0 could not become smaller than one in B, which is too coarse for several
        metrics and few routes.)
        """
        if self.error == 0.0:
            return 0.0 if effect > 0.0 else 1.0
        return float(stats.t.sf(effect / self.error, self.freedom))


def resample_routes(
    tables: Sequence[Nested], influence: Nested, replicates: int, rng: np.random.Generator
) -> tuple[list[Float], int, float] | None:
    """Resample routes, then repeats within each drawn route; the answer holds for routes like these.

    With a single route only its repeats are resampled, and the answer holds for that route.

    Args:
        tables: over the same pairs (such as counts and kilometres), resampled together.
        influence: what each pair adds to the effect, linearised; gives the standard error.
        replicates: how often.
        rng: to draw from.

    Returns:
        Per table the (B,) means, degrees of freedom, and the standard error of the effect; None if there is
        nothing to resample (one pair).
    """
    counts = influence.counts
    is_nested = len(counts) > 1
    units = influence.route_means if is_nested else influence.values[0]
    if len(units) < 2:
        return None
    error = float(units.std(ddof=1)) / math.sqrt(len(units))
    return _resample(tables, replicates, rng, between=is_nested), len(units) - 1, error


def resample_repeats(
    tables: Sequence[Nested], influence: Nested, replicates: int, rng: np.random.Generator
) -> tuple[list[Float], int, float] | None:
    """Resample repeats within every route; the answer holds for exactly these routes.

    Returns:
        As `resample_routes`; None if a route was driven only once, so that its noise is unknown.
    """
    counts = influence.counts
    if int(counts.min()) < 2:
        return None
    variances = influence.squares() / ((counts - 1) * counts)
    error = math.sqrt(float(variances.sum())) / len(counts)
    return _resample(tables, replicates, rng, between=False), int((counts - 1).sum()), error


def _resample(
    numbers: Sequence[Nested], replicates: int, rng: np.random.Generator, *, between: bool
) -> list[Float]:
    """(B,) resampled means of each table, in chunks that fit into memory."""
    routes, repeats = numbers[0].values.shape
    step = max(_CHUNK // (routes * repeats), 1)
    parts: list[list[Float]] = [[] for _ in numbers]
    for first in range(0, replicates, step):
        size = min(step, replicates - first)
        if between:
            route = rng.integers(routes, size=(size, routes))
        else:
            route = np.broadcast_to(np.arange(routes), (size, routes))
        count = numbers[0].counts[route][:, :, None]
        repeat = (rng.random((size, routes, repeats)) * count).astype(np.int64)
        present = np.arange(repeats) < count
        for table, part in zip(numbers, parts, strict=True):
            drawn = np.where(present, table.values[route[:, :, None], repeat], 0.0)
            part.append((drawn.sum(axis=2) / count[:, :, 0]).mean(axis=1))
    return [np.concatenate(part) for part in parts]


def sign_flip_p_value(numbers: Nested, rng: np.random.Generator) -> float:
    """P-value for "baseline and candidate drive alike": how rare is so large an effect if signs were coins?

    If the two sides of a pair came from the same policy they could be swapped without anybody noticing, so
    each difference is as likely positive as negative. This is exact for any noise (Fisher, The Design of
    Experiments, 1935, ch. III); for yes/no values it is McNemar's exact test.
    """
    weighted = (numbers.values * numbers.weights).ravel()
    weighted = weighted[weighted != 0.0]
    count = len(weighted)
    if count == 0:
        return 1.0
    observed = float(weighted.sum())
    slack = 1e-12 * float(np.abs(weighted).sum())
    if count <= EXACT_UP_TO:
        codes = np.arange(2**count)[:, None] >> np.arange(count) & 1
        sums = np.where(codes == 1, weighted, -weighted).sum(axis=1)
        return float(np.mean(sums >= observed - slack))
    hits = 1
    step = max(_CHUNK // count, 1)
    for first in range(0, RANDOM_FLIPS, step):
        size = min(step, RANDOM_FLIPS - first)
        signs = rng.integers(2, size=(size, count)) * 2 - 1
        hits += int(np.count_nonzero(signs @ weighted >= observed - slack))
    return hits / (RANDOM_FLIPS + 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values, in the order given (Holm, Scandinavian Journal of Statistics 6, 1979)."""
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, position in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[position]))
        adjusted[position] = highest
    return adjusted
