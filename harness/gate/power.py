"""Power: what a suite can show with so many repeats, from its own measured noise."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats

from harness.gate.calibration import pools_of
from harness.gate.forecast import MOST_REPEATS
from harness.gate.intervals import rate_difference, rate_p_value
from harness.gate.model import EpisodeSample, Sample
from harness.gate.resampling import Int, Nested
from harness.gate.rules import GateRules
from harness.metrics.catalogue import CATALOGUE, Direction, Kind
from harness.seeds import derive_seed

_DRAWS = 1000
_MOST_TENTHS = 100


@dataclass(frozen=True, slots=True)
class MetricPower:
    """What can be shown about one gating metric.

    Attributes:
        name: of the metric.
        mean: of the policy.
        noise: standard deviation of repeats of the same route; for a rate, events per km.
        margin: tolerated, in the metric's unit.
        detectable: smallest effect that FAILs with the wanted power at this many repeats; None for a rate or
            share whose effect would have to be beyond ten margins.
        repeats_to_pass: repeats per route for an unchanged policy to PASS with the wanted power; None if more
            than `MOST_REPEATS`.
        repeats_to_fail: likewise for a regression of twice the margin to FAIL.
    """

    name: str
    mean: float
    noise: float
    margin: float
    detectable: float | None
    repeats_to_pass: int | None
    repeats_to_fail: int | None


def power_table(
    noise: Sample, rules: GateRules, *, repeats: int, power: float = 0.8
) -> tuple[MetricPower, ...]:
    """What the gate can show with a number of repeats, for each gating metric that was measured.

    The two sides of a pair are taken to be independent (other seeds); sharing seeds makes it better. A
    policy's effect is taken to be the same on all routes; where it is not, more routes are needed.

    Raises:
        ConfigError: a route was driven only once.
    """
    pools = pools_of(noise)
    found = []
    for name in rules.gating:
        episodes = [e for pool in pools.values() for e in pool if e.values[name] is not None]
        if not episodes:
            continue
        one = _Mean(name, episodes, rules, power) if CATALOGUE[name].kind is Kind.MEAN else None
        counted = one or _Counted(name, episodes, rules, power)
        found.append(counted.row(repeats, len(pools)))
    return tuple(found)


class _Mean:
    """A mean: normal theory with Student's quantiles."""

    def __init__(self, name: str, episodes: list[EpisodeSample], rules: GateRules, power: float) -> None:
        self._name = name
        values = [float(e.values[name] or 0.0) for e in episodes]
        table = Nested.of(values, [e.key.route_id for e in episodes])
        self._mean = table.effect
        # Differences of two independent repeats have twice the variance.
        self._variance = 2.0 * (table.within_variance() or 0.0)
        self._margin = rules.metrics[name].margin_for(self._mean) or 0.0
        self._alpha = rules.alpha
        self._sides = 2 if CATALOGUE[name].direction is Direction.UNCHANGED else 1
        self._tests = len(rules.gating)
        self._power = power

    def row(self, repeats: int, routes: int) -> MetricPower:
        """The line of the table."""

        def reach(count: int, alpha: float) -> float:
            """What an effect must be for a bound with this error to clear it with the wanted power."""
            freedom = routes - 1 if routes > 1 else max(count - 1, 1)
            error = math.sqrt(self._variance / (routes * count))
            return (float(stats.t.ppf(1 - alpha, freedom)) + float(stats.norm.ppf(self._power))) * error

        fail_alpha = self._alpha / (self._tests * self._sides)
        counts = range(1, MOST_REPEATS + 1)
        return MetricPower(
            name=self._name,
            mean=self._mean,
            noise=math.sqrt(self._variance / 2.0),
            margin=self._margin,
            detectable=reach(repeats, fail_alpha),
            repeats_to_pass=next((n for n in counts if reach(n, self._alpha) <= self._margin), None),
            repeats_to_fail=next((n for n in counts if reach(n, fail_alpha) <= 2 * self._margin), None),
        )


class _Counted:
    """A rate or a share: campaigns of counts are drawn, and the exact tests are counted."""

    def __init__(self, name: str, episodes: list[EpisodeSample], rules: GateRules, power: float) -> None:
        self._name = name
        self._spec = CATALOGUE[name]
        is_rate = self._spec.kind is Kind.RATE
        # A share is treated as a rate per episode: close for the rare losses that matter here.
        self._exposure = float(np.mean([e.driven_km for e in episodes])) if is_rate else 1.0
        count = sum(float(e.values[name] or 0.0) for e in episodes)
        share = count / (self._exposure * len(episodes))
        self._mean = share
        self._rate = 1.0 - share if self._spec.direction is Direction.HIGHER else share
        self._margin = rules.metrics[name].margin_for(share) or 0.0
        self._alpha = rules.alpha
        self._fail_alpha = rules.alpha / len(rules.gating)
        self._power = power

    def row(self, repeats: int, routes: int) -> MetricPower:
        """The line of the table."""
        tenths = _first(lambda n: self._fails(repeats * routes, n / 10), self._power, _MOST_TENTHS)
        detectable = None if tenths is None else tenths / 10 * self._margin
        return MetricPower(
            name=self._name,
            mean=self._mean,
            noise=math.sqrt(self._rate),
            margin=self._margin,
            detectable=detectable,
            repeats_to_pass=_first(lambda n: self._passes(n * routes), self._power, MOST_REPEATS),
            repeats_to_fail=_first(lambda n: self._fails(n * routes, 2.0), self._power, MOST_REPEATS),
        )

    def _counts(self, episodes: int, shift: float) -> tuple[Int, Int, float]:
        rng = np.random.default_rng(derive_seed(0, "power", self._name, episodes, f"{shift:.6g}"))
        km = episodes * self._exposure
        return rng.poisson(self._rate * km, _DRAWS), rng.poisson((self._rate + shift) * km, _DRAWS), km

    def _fails(self, episodes: int, times: float) -> float:
        """Chance that a regression by so many margins is shown."""
        base, cand, km = self._counts(episodes, times * self._margin)
        return _share(base, cand, lambda b, c: rate_p_value(b, km, c, km) <= self._fail_alpha)

    def _passes(self, episodes: int) -> float:
        """Chance that an unchanged policy passes."""
        base, cand, km = self._counts(episodes, 0.0)
        return _share(base, cand, lambda b, c: rate_difference(b, km, c, km, self._alpha).high < self._margin)


def _share(base: Int, cand: Int, holds: Callable[[int, int], bool]) -> float:
    """Share of drawn campaigns for which something holds; each combination of counts is looked at once."""
    kinds, counts = np.unique(np.stack([base, cand], axis=1), axis=0, return_counts=True)
    return float(np.average([holds(int(b), int(c)) for b, c in kinds], weights=counts))


def _first(chance: Callable[[int], float], wanted: float, most: int) -> int | None:
    """The smallest number with the wanted chance, which grows with the number; None if it is above `most`."""
    numbers = range(1, most + 1)
    found = bisect_left(numbers, True, key=lambda number: chance(number) >= wanted)
    return numbers[found] if found < most else None
