"""Files of the gate: rules, baselines and the flake ledger; what is wrong in them is said with its place."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import ConfigError
from harness.gate.artefact import write_artefact
from harness.gate.baseline import Provenance, read_baseline, write_baseline
from harness.gate.decide import gate
from harness.gate.flakes import (
    Ledger,
    Quarantine,
    RouteFlips,
    flips,
    quarantine_for,
    read_ledger,
    write_ledger,
)
from harness.gate.model import Verdict
from harness.gate.rules import GateRules, MetricRule, Scope, load_rules
from harness.metrics.catalogue import CATALOGUE, Direction, Kind, Missing
from harness.record.errors import CorruptRecordError, FutureRecordError, RecordError
from tests.support.samples import rules, sample

ROOT = Path(__file__).parents[2]
PROVENANCE = Provenance("0123abc", "2026-11-20", "runs/main")

# -- rules


def test_the_shipped_rules_can_be_read() -> None:
    found = load_rules(ROOT / "ci/gate.yaml")
    assert found.scope is Scope.ROUTES
    assert found.alpha == 0.05
    assert "collisions" in found.gating
    assert "success" not in found.gating
    assert list(found.gating) == [name for name in CATALOGUE if name in found.gating]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("metrics: {colisions: {margin: 1}}", "there is no metric colisions"),
        ("metrics: {collisions: {marjin: 1}}", "metrics.collisions.marjin"),
        ("metrics: {collisions: {}}", "metrics.collisions: .*needs margin"),
        ("metrics: {collisions: {margin: 1, margin_pct: 2}}", "not both"),
        ("metrics: {collisions: {margin: 0}}", "metrics.collisions.margin"),
        ("metrics: {collisions: {gating: false}}", "nothing could ever fail"),
        ("metrics: {collisions: {margin: 1}}\nalpha: 0.7", "alpha"),
        ("metrics: {collisions: {margin: 1}}\nscope: town", "scope"),
        ("metrics: [", "cannot be read"),
        ("alpha: 0.05", "metrics is missing"),
    ],
)
def test_wrong_rules_name_file_and_key(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "gate.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=says) as caught:
        load_rules(path)
    assert "gate.yaml" in str(caught.value)


def test_rules_that_are_not_there_say_where_some_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"ci/gate\.yaml"):
        load_rules(tmp_path / "none.yaml")


def test_overrides_win(tmp_path: Path) -> None:
    path = ROOT / "ci/gate.yaml"
    found = load_rules(path, ["alpha=0.1", "metrics.collisions.margin=0.75", "same_seed=false"])
    assert (found.alpha, found.metrics["collisions"].margin, found.same_seed) == (0.1, 0.75, False)


def test_defaults_are_those_of_the_documentation() -> None:
    found = GateRules.model_validate({"metrics": {"collisions": {"margin": 1.0}}})
    assert (found.alpha, found.scope, found.min_pairs) == (0.05, Scope.ROUTES, 6)
    assert (found.replicates, found.seed, found.same_seed) == (4000, 0, True)


@pytest.mark.parametrize(
    ("key", "good", "bad"),
    [
        ("min_pairs", (2,), (1,)),
        ("replicates", (200, 1_000_000), (199, 1_000_001)),
        ("seed", (0,), (-1,)),
        ("alpha", (0.001, 0.499), (0.0, 0.5)),
        ("metrics.collisions.margin", (0.001, 9e9), (0.0, float("inf"))),
        ("metrics.stop_signs.margin_pct", (0.001, 9e9), (0.0, float("inf"))),
    ],
)
def test_values_of_rules_have_limits(
    tmp_path: Path, key: str, good: tuple[float, ...], bad: tuple[float, ...]
) -> None:
    path = tmp_path / "gate.yaml"
    path.write_text("metrics: {collisions: {margin: 1}, stop_signs: {margin_pct: 1}}")
    for value in good:
        load_rules(path, [f"{key}={value}"])
    for value in bad:
        with pytest.raises(ConfigError, match=key.rpartition(".")[2]):
            load_rules(path, [f"{key}={value if value < 1e300 else '.inf'}"])


def test_an_artefact_is_written_for_readable_diffs(tmp_path: Path) -> None:
    path = tmp_path / "new/folder/b.json"
    for number in (1, 2):
        write_artefact(path, {"b": [number], "a": "x"})
        assert path.read_text() == f'{{\n "a": "x",\n "b": [\n  {number}\n ],\n "schema_version": 1\n}}\n'
    with pytest.raises(ValueError, match="JSON"):
        write_artefact(path, {"a": float("nan")})
    assert [one.name for one in path.parent.iterdir()] == ["b.json"]


def test_margins() -> None:
    assert MetricRule(margin=2.0).margin_for(50.0) == 2.0
    assert MetricRule(margin_pct=4.0).margin_for(-50.0) == 2.0
    assert MetricRule(gating=False).margin_for(50.0) is None


def test_every_metric_says_unit_direction_and_what_its_absence_means() -> None:
    for name, spec in CATALOGUE.items():
        assert spec.name == name
        assert isinstance(spec.kind, Kind)
        assert isinstance(spec.direction, Direction)
        assert isinstance(spec.missing, Missing)
        assert spec.meaning
        assert (spec.unit == "1/km") == (spec.kind is Kind.RATE)


# -- baselines


def test_a_baseline_comes_back_as_it_was_stored(tmp_path: Path) -> None:
    campaign = sample(change=lambda route, repeat: {"min_ttc": None if route == 0 else 1.25})
    path = tmp_path / "deep" / "expert.json"
    write_baseline(path, campaign, PROVENANCE)
    found = read_baseline(path)
    assert found.provenance == PROVENANCE
    assert replace(found.sample, label=campaign.label) == campaign
    assert str(path) in found.sample.label
    assert path.stat().st_size < 1500 * len(campaign.episodes)
    assert list(path.parent.iterdir()) == [path]
    content = json.loads(path.read_text())
    assert list(content) == sorted(content)
    assert path.read_text().endswith("}\n")
    assert gate(found.sample, campaign, rules()).n_identical == 12


def test_a_baseline_that_does_not_know_a_metric_says_so(tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    write_baseline(path, sample(), PROVENANCE)
    content = json.loads(path.read_text())
    for episode in content["episodes"]:
        del episode["values"]["comfort"]
    path.write_text(json.dumps(content))
    result = gate(read_baseline(path).sample, sample(label="pr"), rules({"comfort": 1.0}))
    assert result.verdict is Verdict.INVALID
    assert "older than this metric" in result.reasons[0]


def test_half_a_campaign_is_no_baseline(tmp_path: Path) -> None:
    with pytest.raises(CorruptRecordError, match="r00-r0 have no valid record"):
        write_baseline(
            tmp_path / "b.json", replace(sample(), problems=("r00-r0 have no valid record",)), PROVENANCE
        )
    assert not (tmp_path / "b.json").exists()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"kind": "recipe"}, "is no baseline"),
        ({"episodes": []}, "is no baseline"),
        ({"conditions": {}}, "conditions"),
        ({"episodes": "twice"}, "holds an episode twice"),
    ],
)
def test_what_is_no_baseline_is_refused(tmp_path: Path, change: dict[str, object], says: str) -> None:
    path = tmp_path / "b.json"
    write_baseline(path, sample(), PROVENANCE)
    content = json.loads(path.read_text())
    if change.get("episodes") == "twice":
        change = {"episodes": content["episodes"] * 2}
    path.write_text(json.dumps({**content, **change}))
    with pytest.raises(CorruptRecordError, match=says):
        read_baseline(path)


def test_a_later_version_is_told_from_a_broken_file(tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    write_baseline(path, sample(), PROVENANCE)
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema_version": 99}))
    with pytest.raises(FutureRecordError):
        read_baseline(path)


def test_what_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordError, match="cannot be written"):
        write_artefact(tmp_path / "file" / "b.json", {})


# -- flakes


def test_the_flip_rate_is_the_chance_that_two_episodes_disagree() -> None:
    # Of 4 episodes with 3 successes, 3 of the 6 pairs disagree.
    assert RouteFlips("s", "1", 4, 3).flip_rate == pytest.approx(0.5)
    assert RouteFlips("s", "1", 4, 4).flip_rate == 0.0
    assert RouteFlips("s", "1", 2, 1).flip_rate == 1.0
    assert RouteFlips("s", "1", 1, 0).flip_rate == 0.0


def test_flips_are_counted_over_runs_of_the_same_policy() -> None:
    flaky = sample(change=lambda route, repeat: {"success": 0.0 if (route, repeat) == (3, 1) else 1.0})
    found = {one.route_id: one for one in flips([flaky, sample(label="again")])}
    assert (found["r03"].episodes, found["r03"].successes) == (4, 3)
    assert found["r00"].flip_rate == 0.0
    with pytest.raises(ConfigError, match="not the same policy"):
        flips([flaky, replace(sample(), policy="other")])
    other = replace(sample(), conditions=replace(sample().conditions, traffic="none"))
    with pytest.raises(ConfigError, match="not the same policy"):
        flips([flaky, other])
    with pytest.raises(ConfigError, match="no campaign"):
        flips([])


def test_a_quarantine_begins_and_ends(tmp_path: Path) -> None:
    entry = quarantine_for(RouteFlips("s" * 64, "r03", 4, 3), "2026-11-20", 14)
    assert (entry.since, entry.expires, entry.flip_rate) == ("2026-11-20", "2026-12-04", 0.5)
    assert entry.reason == "3 of 4 equal episodes succeeded"
    ledger = Ledger().with_quarantine(entry)
    assert ledger.active("s" * 64, "2026-11-19") == ()
    assert ledger.active("s" * 64, "2026-11-20") == ("r03",)
    assert ledger.active("s" * 64, "2026-12-03") == ("r03",)
    assert ledger.active("s" * 64, "2026-12-04") == ()
    assert ledger.active("t" * 64, "2026-11-20") == ()
    assert ledger.expired("2026-12-03") == ()
    assert ledger.expired("2026-12-04") == (entry,)
    assert ledger.without([entry]) == Ledger()
    path = tmp_path / "flakes.json"
    assert read_ledger(path) == Ledger()
    write_ledger(path, ledger)
    assert read_ledger(path) == ledger


def test_a_quarantine_may_be_of_one_day_and_keeps_a_readable_rate() -> None:
    entry = quarantine_for(RouteFlips("s", "r03", 7, 3), "2026-11-20", 1)
    assert Ledger().with_quarantine(entry).quarantines == (entry,)
    assert entry.flip_rate == 0.5714  # 2 * 3 * 4 / (7 * 6)


def test_a_new_quarantine_replaces_the_old_one_of_its_route() -> None:
    old = quarantine_for(RouteFlips("s", "r03", 4, 3), "2026-11-01", 14)
    new = quarantine_for(RouteFlips("s", "r03", 9, 3), "2026-11-20", 14)
    other = quarantine_for(RouteFlips("s", "r01", 4, 3), "2026-11-20", 14)
    ledger = Ledger().with_quarantine(old).with_quarantine(other).with_quarantine(new)
    assert ledger.quarantines == (other, new)
    elsewhere = quarantine_for(RouteFlips("t", "r03", 4, 3), "2026-11-20", 14)
    assert len(ledger.with_quarantine(elsewhere).quarantines) == 3


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"expires": "2026-11-20"}, "0 days"),
        ({"expires": "2027-02-19"}, "91 days"),
        ({"expires": "never"}, "dates are like"),
        ({"reason": " "}, "give a reason"),
    ],
)
def test_no_quarantine_without_end_or_reason(tmp_path: Path, changes: dict[str, str], says: str) -> None:
    good = Quarantine("s", "r03", "2026-11-20", "2027-02-18", 0.5, 4, "flips")
    assert Ledger().with_quarantine(good).quarantines == (good,)
    with pytest.raises(ConfigError, match=says):
        Ledger().with_quarantine(replace(good, **changes))
    path = tmp_path / "flakes.json"
    write_ledger(path, Ledger((replace(good, **changes),)))
    with pytest.raises(ConfigError, match=says):
        read_ledger(path)


def test_a_date_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="dates are like"):
        quarantine_for(RouteFlips("s", "r", 4, 3), "tomorrow", 14)
