"""The gate on runs that were really driven: longer runs, the sequential mode, and the smoke suite."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.record import read_episode
from tests.support import harness_runs as runs

pytestmark = pytest.mark.server

_RULES = """
metrics: {driving_score: {margin: 5}, collisions: {margin: 40}, cruise_speed: {margin_pct: 5}}
replicates: 300
min_pairs: 5
"""


def _run(out: Path, *arguments: str) -> runs.Finished:
    port = f"machine.first_port={runs.free_block(40)}"
    return runs.drivegate("run", *arguments, "--out", str(out), "--set", port, timeout_s=280.0)


def test_a_run_grows_by_repeats_until_the_gate_has_decided(tmp_path: Path) -> None:
    route = str(runs.route_file(tmp_path / "short.xml", *"1234", start=(338.68, 176.0), end=(338.65, 150.0)))
    rules = tmp_path / "gate.yaml"
    rules.write_text(_RULES)
    slow, fast = tmp_path / "slow", tmp_path / "fast"
    for out, speed in ((slow, "4"), (fast, "6")):
        policy = ("--policy", "constant", "--policy-arg", f"constant.speed_mps={speed}")
        assert _run(out, "--suite", route, *policy).code == 0
    before = runs.scored_records(slow)
    gate = ("gate", "--baseline", str(slow), "--candidate", str(fast), "--rules", str(rules))
    first = runs.drivegate(*gate)
    assert first.code == 3, first.out + first.err  # four pairs decide nothing
    done = runs.drivegate(*gate, "--sequential", "--budget", "3", timeout_s=280.0)
    assert done.code == 1, done.out + done.err
    assert "cruise_speed: changed by" in done.out
    assert json.loads((slow / "run.json").read_text())["config"]["drive"]["repeats"] == 2
    after = runs.scored_records(slow)
    assert (len(before), len(after)) == (4, 8)
    assert all(after[name] == record for name, record in before.items())
    lower = _run(
        slow, "--suite", route, "--policy", "constant", "--policy-arg", "constant.speed_mps=4", "--resume"
    )
    assert lower.code == 2
    assert "drive.repeats" in lower.err


def test_the_expert_drives_the_smoke_suite_and_every_metric_is_there(tmp_path: Path) -> None:
    out = tmp_path / "smoke"
    done = _run(out, "--suite", "smoke", "--policy", "expert", "--traffic", "10")
    assert done.code == 0, done.err
    records = [read_episode(path) for path in sorted(out.glob("episodes/*/*/*"))]
    assert [record.outcome.value for record in records] == ["completed"] * 3
    for record in records:
        # The last tick ends the route, and the policy does not see it.
        assert record.timing is not None
        assert len(record.timing.policy_step_us) == record.tick_count - 1
        assert min(record.timing.policy_step_us) > 0
    stored = runs.drivegate(
        "baseline", "update", str(out), "--out", str(tmp_path / "b.json"), "--commit", "x"
    )
    assert stored.code == 0, stored.err
    (values, *_) = [
        episode["values"] for episode in json.loads((tmp_path / "b.json").read_text())["episodes"]
    ]
    assert {"min_ttc", "comfort", "policy_p99", "cruise_speed", "lane_offset"} <= set(values)
    same = runs.drivegate("gate", "--baseline", str(tmp_path / "b.json"), "--candidate", str(out))
    assert same.code == 0, same.out + same.err
    assert "identical to the baseline's, to the byte" in same.out
