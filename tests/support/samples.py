"""Campaigns for the gate, made by hand: healthy numbers everywhere but where a test says otherwise."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from harness.gate.model import Conditions, EpisodeKey, EpisodeSample, GateResult, MetricResult, Sample
from harness.gate.rules import GateRules

HEALTHY: Mapping[str, float] = {
    "driving_score": 90.0,
    "route_completion": 100.0,
    "success": 1.0,
    "collisions": 0.0,
    "red_lights": 0.0,
    "stop_signs": 0.0,
    "outside_lanes": 0.0,
    "lane_offset": 0.05,
    "mean_speed": 5.0,
    "cruise_speed": 8.0,
    "over_limit": 0.0,
    "min_ttc": 1.5,
    "low_ttc": 0.0,
    "comfort": 99.0,
    "max_acceleration": 2.0,
    "max_braking": 4.0,
    "max_lateral_acceleration": 3.0,
    "max_jerk": 3.0,
    "max_longitudinal_jerk": 3.0,
    "max_yaw_rate": 0.6,
    "max_yaw_acceleration": 1.0,
    "policy_p50": 1.0,
    "policy_p99": 2.0,
}
CONDITIONS = Conditions("smoke", "a" * 64, "idm-20", "embedded", 0.05, "lb2_1", {"carla": "0.9.16"})
Change = Callable[[int, int], Mapping[str, float | None]]


def sample(
    routes: int = 6,
    repeats: int = 2,
    *,
    change: Change = lambda route, repeat: {},
    km: float = 1.0,
    label: str = "base",
) -> Sample:
    """A campaign; `change` gives what differs from healthy in an episode."""
    episodes = []
    for route in range(routes):
        for repeat in range(repeats):
            values = {**HEALTHY, **change(route, repeat)}
            episodes.append(
                EpisodeSample(
                    key=EpisodeKey(f"r{route:02}", repeat),
                    seed=100 * route + repeat,
                    facts_sha256=f"{label}-{route}-{repeat}",
                    driven_km=km,
                    values=values,
                    why_missing={name: "nobody near" for name, value in values.items() if value is None},
                )
            )
    return Sample(label, "net", {"gain": 1.0}, CONDITIONS, tuple(episodes), len(episodes), 0, ())


def shifted(metric: str, by: float, *, noise: float = 0.0, seed: int = 1) -> Change:
    """Every episode differs from healthy on one metric by this much, give or take noise."""
    rng = np.random.default_rng(seed)
    return lambda route, repeat: {metric: HEALTHY[metric] + by + noise * float(rng.standard_normal())}


def rules(metrics: Sequence[str] | Mapping[str, float] = ("driving_score",), **changes: object) -> GateRules:
    """Rules with few replicates; margins of 2 unless given."""
    margins = metrics if isinstance(metrics, Mapping) else dict.fromkeys(metrics, 2.0)
    values: dict[str, object] = {
        "metrics": {name: {"margin": margin} for name, margin in margins.items()},
        "replicates": 400,
        **changes,
    }
    return GateRules.model_validate(values)


def without(campaign: Sample, *keys: tuple[str, int]) -> Sample:
    """A campaign that lacks some episodes (and does not know it)."""
    gone = {EpisodeKey(*key) for key in keys}
    return replace(campaign, episodes=tuple(e for e in campaign.episodes if e.key not in gone))


def metric(result: GateResult, name: str) -> MetricResult:
    """One metric of a result."""
    return next(one for one in result.metrics if one.name == name)
