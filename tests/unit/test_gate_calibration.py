"""Calibration and power: simulated campaigns end as they should, and the forecasts agree with them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from harness.errors import ConfigError
from harness.gate.calibration import Defect, calibrate, draw, pools_of, spoil
from harness.gate.model import Sample, Verdict
from harness.gate.power import _first, power_table
from tests.support.samples import HEALTHY, rules, sample, shifted, without


def noisy(noise: float = 1.0, repeats: int = 6) -> Sample:
    return sample(routes=8, repeats=repeats, change=shifted("driving_score", 0.0, noise=noise), label="noise")


def crashing(repeats: int = 8) -> Sample:
    """A policy that now and then crashes: skewed noise, with events."""
    rng = np.random.default_rng(12)

    def change(route: int, repeat: int) -> dict[str, float]:
        crash = rng.random() < 0.15
        return {"driving_score": 40.0 if crash else 95.0, "collisions": float(crash), "success": 1.0 - crash}

    return sample(routes=8, repeats=repeats, change=change, label="crashing")


def test_false_alarms_are_as_rare_as_stated_for_skewed_noise() -> None:
    asked = rules({"driving_score": 5.0, "collisions": 0.3, "success": 0.2})
    found = calibrate(crashing(), asked, repeats=2, campaigns=150)
    assert sum(found.verdicts.values()) == found.campaigns == 150
    assert found.defect is None
    assert found.named == 0
    assert found.share_failed.low <= found.fail_share <= found.share_failed.high
    assert found.share_failed.low <= 0.05


def test_looking_after_every_repeat_raises_no_more_false_alarms_and_finds_what_is_there() -> None:
    asked = rules({"driving_score": 5.0, "collisions": 0.3, "success": 0.2})
    healthy = calibrate(crashing(), asked, repeats=6, campaigns=60, sequential=True)
    assert healthy.share_failed.low <= 0.05
    spoilt = calibrate(
        crashing(), asked, repeats=6, campaigns=20, defect=Defect("driving_score", 4.0), sequential=True
    )
    assert spoilt.named >= 16


@pytest.mark.parametrize("name", ["driving_score", "collisions", "success"])
def test_twice_the_margin_is_found_and_named(name: str) -> None:
    asked = rules({"driving_score": 3.0, "collisions": 0.5, "success": 0.3})
    noise = noisy()
    found = calibrate(noise, asked, repeats=2, campaigns=25, defect=Defect(name, 2.0))
    assert found.fail_share >= 0.8
    assert found.named >= 20
    assert found.verdicts[Verdict.FAIL] == round(found.fail_share * 25)


def test_a_draw_is_a_whole_campaign_of_episodes_that_were_driven() -> None:
    noise = noisy()
    drawn = draw(noise, pools_of(noise), 5, np.random.default_rng(1))
    assert len(drawn.episodes) == drawn.n_planned == 40
    assert len({e.facts_sha256 for e in drawn.episodes}) == 40
    real = {(e.key.route_id, e.values["driving_score"]) for e in noise.episodes}
    assert {(e.key.route_id, e.values["driving_score"]) for e in drawn.episodes} <= real
    assert {e.key.repeat for e in drawn.episodes} == set(range(5))
    again = draw(noise, pools_of(noise), 5, np.random.default_rng(1))
    assert again == drawn


def test_spoiling_goes_the_way_that_is_worse() -> None:
    rng = np.random.default_rng(3)
    healthy = sample(routes=1, repeats=1, km=2.0).episodes[0]
    assert spoil(healthy, "driving_score", 4.0, rng).values["driving_score"] == 86.0
    assert spoil(healthy, "lane_offset", 0.5, rng).values["lane_offset"] == 0.55
    assert spoil(healthy, "success", 1.0, rng).values["success"] == 0.0
    assert spoil(healthy, "success", 0.0, rng).values["success"] == 1.0
    hits = [spoil(healthy, "collisions", 1.5, rng).values["collisions"] or 0.0 for _ in range(400)]
    assert np.mean(hits) == pytest.approx(3.0, abs=0.4)  # 1.5 per km on 2 km
    missing = replace(healthy, values={**HEALTHY, "min_ttc": None})
    assert spoil(missing, "min_ttc", 1.0, rng) is missing


def test_noise_needs_repeats() -> None:
    once = without(noisy(repeats=2), ("r03", 1))
    with pytest.raises(ConfigError, match=r"route r03 was driven only once"):
        calibrate(once, rules(), repeats=2, campaigns=1)
    with pytest.raises(ConfigError, match="none"):
        power_table(replace(once, episodes=()), rules(), repeats=2)
    with pytest.raises(ConfigError, match="no margin for comfort"):
        calibrate(noisy(), rules(), repeats=2, campaigns=1, defect=Defect("comfort", 1.0))


def test_the_detectable_effect_follows_student() -> None:
    noise = noisy(2.0)
    (row,) = power_table(noise, rules(), repeats=4)
    values = np.array([e.values["driving_score"] for e in noise.episodes]).reshape(8, 6)
    sd = math.sqrt(values.var(axis=1, ddof=1).mean())
    assert row.noise == pytest.approx(sd)
    assert row.mean == pytest.approx(values.mean())
    assert row.margin == 2.0
    # t(0.95, 7) + z(0.8), with 8 x 4 pairs of differences of variance 2 sd^2.
    assert row.detectable == pytest.approx((1.894579 + 0.841621) * sd * math.sqrt(2 / 32), rel=1e-5)
    assert row.repeats_to_pass == math.ceil((1.894579 + 0.841621) ** 2 * 2 * sd**2 / 8 / 4.0)
    assert row.repeats_to_fail == math.ceil((1.894579 + 0.841621) ** 2 * 2 * sd**2 / 8 / 16.0)


def test_more_metrics_and_both_directions_need_more() -> None:
    noise = sample(routes=8, repeats=4, change=shifted("cruise_speed", 0.0, noise=0.3), label="noise")
    (alone,) = power_table(noise, rules({"cruise_speed": 0.2}), repeats=3)
    many = power_table(noise, rules({"cruise_speed": 0.2, "comfort": 1.0}), repeats=3)
    assert [row.name for row in many] == ["cruise_speed", "comfort"]
    assert (many[0].detectable or 0.0) > (alone.detectable or 0.0)
    # Two directions at 0.05 ask for what one at 0.025 asks: t(0.975, 7) = 2.364624.
    error = alone.noise * math.sqrt(2 / 24)
    assert alone.detectable == pytest.approx((2.364624 + 0.841621) * error, rel=1e-5)


def test_one_route_gains_freedom_by_repeats() -> None:
    noise = sample(routes=1, repeats=12, change=shifted("driving_score", 0.0, noise=1.0), label="noise")
    (row,) = power_table(noise, rules(), repeats=5)
    assert row.detectable == pytest.approx((2.131847 + 0.841621) * row.noise * math.sqrt(2 / 5), rel=1e-5)
    (row,) = power_table(noise, rules(), repeats=2)
    assert row.detectable == pytest.approx((6.313752 + 0.841621) * row.noise * math.sqrt(2 / 2), rel=1e-5)


def test_two_routes_have_one_degree_of_freedom_whatever_their_repeats() -> None:
    noise = sample(routes=2, repeats=12, change=shifted("driving_score", 0.0, noise=1.0), label="noise")
    (row,) = power_table(noise, rules(), repeats=5)
    assert row.detectable == pytest.approx((6.313752 + 0.841621) * row.noise * math.sqrt(2 / 10), rel=1e-5)


def test_a_value_of_zero_is_a_value() -> None:
    (row,) = power_table(sample(repeats=3), rules(["outside_lanes"]), repeats=2)
    assert (row.mean, row.noise, row.detectable) == (0.0, 0.0, 0.0)
    assert (row.repeats_to_pass, row.repeats_to_fail) == (1, 1)


def test_the_first_number_with_the_wanted_chance() -> None:
    assert _first(lambda n: n / 10, 0.5, 5) == 5
    assert _first(lambda n: n / 10, 0.5, 4) is None
    assert _first(lambda n: 1.0, 0.5, 9) == 1
    assert [_first(lambda n, w=w: n, w, 7) for w in range(1, 8)] == [1, 2, 3, 4, 5, 6, 7]


def test_rates_need_kilometres() -> None:
    noise = sample(routes=8, repeats=3, km=0.5, label="noise")
    strict, loose = (power_table(noise, rules({"collisions": margin}), repeats=3)[0] for margin in (0.2, 1.0))
    # No event at all: an unchanged policy passes once -ln 0.05 / km < margin, that is 15 and 3 km of 4 each.
    assert (strict.repeats_to_pass, loose.repeats_to_pass) == (4, 1)
    assert (strict.repeats_to_fail or 0) > (loose.repeats_to_fail or 0) >= 1
    # 12 km, five events against none are needed: Poisson(12 d) >= 5 with 80 % at d = 0.56.
    assert strict.detectable == pytest.approx(0.56, abs=0.05)
    assert (strict.mean, strict.noise, strict.margin) == (0.0, 0.0, 0.2)


def test_rates_have_noise_of_their_own_and_share_the_error() -> None:
    hits = lambda route, repeat: {"collisions": float(repeat == 0)}  # noqa: E731 - 8 in 48 km
    noise = sample(routes=8, repeats=3, km=2.0, change=hits, label="noise")
    (alone,) = power_table(noise, rules({"collisions": 0.2}), repeats=3)
    assert (alone.mean, alone.noise) == (pytest.approx(8 / 48), pytest.approx(math.sqrt(8 / 48)))

    def chance(d: float, km: float) -> float:
        """That a rate higher by d is shown on so many kilometres: all counts there can be."""
        counts = np.arange(120)
        base, worse = (stats.poisson.pmf(counts, rate * km) for rate in (8 / 48, 8 / 48 + d))
        b, c = counts[:, None], counts[None, :]
        return float(base @ (stats.binom.sf(c - 1, b + c, 0.5) <= 0.05) @ worse)

    found = alone.detectable or 0.0
    assert chance(found + 0.02, 48.0) > 0.8 > chance(found - 0.04, 48.0)
    needed = alone.repeats_to_fail or 0
    assert chance(0.4, 16.0 * needed) > 0.78
    assert chance(0.4, 16.0 * (needed - 1)) < 0.82
    both = power_table(noise, rules({"collisions": 0.2, "red_lights": 0.2}), repeats=3)
    assert (both[0].detectable or 0.0) > found
    assert (both[0].repeats_to_fail or 0) >= needed


def test_what_cannot_be_shown_in_reason_asks_for_more_routes() -> None:
    noise = crashing()
    rows = {r.name: r for r in power_table(noise, rules({"collisions": 0.001, "success": 0.3}), repeats=2)}
    assert rows["collisions"].repeats_to_pass is None
    assert rows["collisions"].detectable is None
    failures = sum(1.0 - (e.values["success"] or 0.0) for e in noise.episodes) / 64
    assert rows["success"].noise == pytest.approx(math.sqrt(failures))
    assert rows["success"].mean == pytest.approx(1.0 - failures)


def test_a_metric_that_nobody_measured_has_no_power() -> None:
    alone = sample(repeats=3, change=lambda route, repeat: {"min_ttc": None})
    assert power_table(alone, rules({"min_ttc": 0.3}), repeats=2) == ()
