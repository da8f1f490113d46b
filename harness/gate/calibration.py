"""Calibration: how often does the gate raise a false alarm, and how often does it find what is there?

Campaigns are drawn from measured noise: both sides of every simulated pair are repeats of one real policy
on the same route, drawn at random. Without a defect (A/A) every FAIL is a false alarm. With one, the
candidate is made worse on one metric by a multiple of its margin.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.errors import ConfigError
from harness.gate.decide import decide
from harness.gate.intervals import clopper_pearson
from harness.gate.model import EpisodeKey, EpisodeSample, Interval, Sample, Verdict
from harness.gate.pairing import pair_up
from harness.gate.rules import GateRules
from harness.gate.sequential import decide_sequentially
from harness.metrics.catalogue import CATALOGUE, Direction, Kind
from harness.seeds import derive_seed

INTERVAL_ALPHA = 0.025
"""Of each bound, so that both together are a 95 % interval."""


@dataclass(frozen=True, slots=True)
class Defect:
    """What is wrong with a simulated candidate.

    Attributes:
        metric: that gets worse.
        times: by how many margins.
    """

    metric: str
    times: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """What simulated campaigns ended in.

    Attributes:
        defect: that was injected, None for A/A.
        campaigns: how many were simulated.
        verdicts: how often each.
        named: how often a FAIL named the injected metric.
        share_failed: of all campaigns, with its exact 95 % interval.
    """

    defect: Defect | None
    campaigns: int
    verdicts: Mapping[Verdict, int]
    named: int
    share_failed: Interval

    @property
    def fail_share(self) -> float:
        """Share of campaigns that failed."""
        return self.verdicts[Verdict.FAIL] / self.campaigns


def calibrate(
    noise: Sample,
    rules: GateRules,
    *,
    repeats: int,
    campaigns: int,
    defect: Defect | None = None,
    seed: int = 0,
    sequential: bool = False,
) -> Calibration:
    """Simulate campaigns and gate each.

    Args:
        noise: a campaign with at least two repeats per route, better more.
        rules: of the gate.
        repeats: of each simulated campaign; in the sequential mode its budget.
        campaigns: how many to simulate.
        defect: what to inject, None for A/A.
        seed: of the draws.
        sequential: gate as `--sequential` does: look after every repeat, stop when decided.

    Raises:
        ConfigError: a route was driven only once, so that there is no noise to draw from.
    """
    pools = pools_of(noise)
    name = "none" if defect is None else f"{defect.metric}*{defect.times:g}"
    rng = np.random.default_rng(derive_seed(seed, "calibration", name))
    margins = {} if defect is None else {defect.metric: _margin(noise, rules, defect.metric)}
    judge = decide_sequentially if sequential else decide
    verdicts: Counter[Verdict] = Counter(dict.fromkeys(Verdict, 0))
    named = 0
    # Both sides come from different seeds, which is the harder case.
    rules = rules.model_copy(update={"same_seed": False})
    for number in range(campaigns):
        baseline, candidate = (draw(noise, pools, repeats, rng) for _ in range(2))
        if defect is not None:
            shift = defect.times * margins[defect.metric]
            candidate = replace(
                candidate,
                episodes=tuple(spoil(e, defect.metric, shift, rng) for e in candidate.episodes),
            )
        result = judge(
            pair_up(baseline, candidate, rules), rules.model_copy(update={"seed": number}), only_verdict=True
        )
        verdicts[result.verdict] += 1
        named += defect is not None and any(
            metric.name == defect.metric and metric.verdict is Verdict.FAIL for metric in result.metrics
        )
    failed = verdicts[Verdict.FAIL]
    return Calibration(defect, campaigns, verdicts, named, clopper_pearson(failed, campaigns, INTERVAL_ALPHA))


def pools_of(noise: Sample) -> dict[str, list[EpisodeSample]]:
    """The repeats of each route.

    Raises:
        ConfigError: a route has only one.
    """
    pools: dict[str, list[EpisodeSample]] = {}
    for episode in noise.episodes:
        pools.setdefault(episode.key.route_id, []).append(episode)
    single = [route for route, pool in pools.items() if len(pool) < 2]
    if single or not pools:
        raise ConfigError(
            f"{noise.label}: route {', '.join(single) or '(none)'} was driven only once, so that its noise is"
            " unknown; drive the suite with --repeats 2 or more"
        )
    return pools


def draw(
    noise: Sample, pools: Mapping[str, Sequence[EpisodeSample]], repeats: int, rng: np.random.Generator
) -> Sample:
    """A campaign of the same policy: per route and repeat, one of the repeats that were really driven.

    The hash of its facts is made unique: two draws of one episode are a coincidence of few repeats, and must
    not pass for identical driving.
    """
    episodes = [
        replace(
            pool[int(rng.integers(len(pool)))],
            key=EpisodeKey(route, repeat),
            facts_sha256=f"drawn-{int(rng.integers(2**62))}",
        )
        for route, pool in pools.items()
        for repeat in range(repeats)
    ]
    return replace(noise, episodes=tuple(episodes), n_planned=len(episodes), n_retries=0, problems=())


def spoil(episode: EpisodeSample, metric: str, shift: float, rng: np.random.Generator) -> EpisodeSample:
    """Make one episode worse on one metric.

    Args:
        episode: healthy.
        metric: that gets worse; the others stay, as if the defect touched nothing else.
        shift: by how much on average, in the metric's unit: a number moves by it, a yes is lost with this
            probability, events are added at this rate per km.
        rng: for the last two.
    """
    spec = CATALOGUE[metric]
    value = episode.values[metric]
    if value is None:
        return episode
    if spec.kind is Kind.RATE:
        value += float(rng.poisson(shift * episode.driven_km))
    elif spec.kind is Kind.SHARE:
        lost = rng.random() < shift
        value = (0.0 if spec.direction is Direction.HIGHER else 1.0) if lost else value
    else:
        value += -shift if spec.direction is Direction.HIGHER else shift
    return replace(episode, values={**episode.values, metric: value})


def _margin(noise: Sample, rules: GateRules, metric: str) -> float:
    """The margin of a metric in its unit, from the policy's own mean."""
    present = [e.values[metric] for e in noise.episodes]
    values = [value for value in present if value is not None]
    margin = rules.metrics[metric].margin_for(float(np.mean(values))) if metric in rules.metrics else None
    if margin is None or not values:
        raise ConfigError(f"the rules give no margin for {metric}, or no episode has a value of it")
    return margin
