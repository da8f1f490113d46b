"""The shelf of baselines: only what was driven in the same way fits."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.gate.baseline import Provenance, read_baseline, write_baseline
from harness.gate.decide import gate
from harness.gate.model import Sample, Verdict
from harness.gate.rules import load_rules
from harness.gate.shelf import Found, find_baseline
from harness.record.errors import CorruptRecordError
from tests.support.samples import sample

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "ci/baselines/closed-loop-expert.json"


def shelf(folder: Path, *samples: Sample) -> Path:
    for number, one in enumerate(samples):
        write_baseline(folder / f"b{number}.json", one, Provenance("", "2026-11-27", "run"))
    return folder


def test_the_fitting_one_is_found(tmp_path: Path) -> None:
    other = replace(sample(), policy="other")
    shelf(tmp_path, other, sample(), sample(label="twin"))
    assert find_baseline(tmp_path, sample(label="pr")) == Found(tmp_path / "b1.json", ())
    # A newer numpy, a torn run, fewer repeats: the gate has to say what that means.
    newer = replace(sample().conditions, versions={"carla": "0.9.99"})
    assert (
        find_baseline(tmp_path, replace(sample(repeats=1), conditions=newer, problems=("torn",))).path
        is not None
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"suite_sha256": "b" * 64}, "b0.json: suite smoke aaaaaaaaaaaa, not smoke bbbbbbbbbbbb"),
        ({"traffic": "none"}, "b0.json: traffic idm-20, not none"),
        ({"server_kind": "docker"}, "b0.json: server embedded, not docker"),
        ({"dt_s": 0.1}, "b0.json: time between ticks 0.05, not 0.1"),
        ({"score_version": "lb2_0"}, "b0.json: score lb2_1, not lb2_0"),
    ],
)
def test_what_does_not_fit_is_told(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    shelf(tmp_path, sample())
    run = replace(sample(), conditions=replace(sample().conditions, **change))
    assert find_baseline(tmp_path, run) == Found(None, (says,))


def test_policies_seeds_and_repeats_must_fit(tmp_path: Path) -> None:
    shelf(tmp_path, sample())
    run = sample()
    assert find_baseline(tmp_path, replace(run, policy="zoom")).why_not == (
        f"b0.json: policy {run.policy}, not zoom",
    )
    reseeded = replace(run, episodes=(replace(run.episodes[0], seed=12345), *run.episodes[1:]))
    assert find_baseline(tmp_path, reseeded).why_not == ("b0.json: another seed",)
    later = tuple(replace(e, key=replace(e.key, repeat=e.key.repeat + 9)) for e in run.episodes)
    assert find_baseline(tmp_path, replace(run, episodes=later)).why_not == ("b0.json: other repeats",)
    longer = replace(run, episodes=(*run.episodes, *later))
    assert find_baseline(tmp_path, longer).path == tmp_path / "b0.json"
    assert find_baseline(tmp_path / "none", run) == Found(None, ())


def test_a_broken_file_is_no_empty_shelf(tmp_path: Path) -> None:
    (tmp_path / "b.json").write_text("{}")
    with pytest.raises(CorruptRecordError):
        find_baseline(tmp_path, sample())


# -- what is shipped


def test_the_shipped_baseline_passes_on_a_machine_that_rounds_differently() -> None:
    """Another processor's last bits make every hash another one; then the numbers have to do."""
    stored = read_baseline(SHIPPED)
    assert stored.provenance.commit
    assert len(stored.sample.episodes) == 12
    rules = load_rules(ROOT / "ci/gate.yaml")
    nudged = []
    for e in stored.sample.episodes:
        values = {k: v if v is None or v == round(v) else v * (1 + 1e-9) for k, v in e.values.items()}
        nudged.append(replace(e, facts_sha256=f"other-{e.key}", values=values))
    result = gate(stored.sample, replace(stored.sample, label="here", episodes=tuple(nudged)), rules)
    assert (result.verdict, result.n_identical) == (Verdict.PASS, 0), result.reasons


def test_other_versions_are_told_but_tolerated() -> None:
    stored = read_baseline(SHIPPED).sample
    newer = replace(stored.conditions, versions={**stored.conditions.versions, "numpy": "9.9"})
    result = gate(stored, replace(stored, conditions=newer), load_rules(ROOT / "ci/gate.yaml"))
    assert result.verdict is Verdict.PASS
    assert any("numpy differs" in note and "9.9 now" in note for note in result.notes)
    real = replace(stored.conditions, versions={**stored.conditions.versions, "carla": "0.9.17"})
    assert (
        gate(stored, replace(stored, conditions=real), load_rules(ROOT / "ci/gate.yaml")).verdict
        is Verdict.INVALID
    )


def test_without_a_run_the_script_is_invalid(tmp_path: Path) -> None:
    done = subprocess.run(
        [str(ROOT / "ci/verdict.sh"), str(tmp_path), "expert"],
        cwd=ROOT,
        env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 4, done.stderr
    assert "run.json" in done.stdout
    assert (tmp_path / "verdict/summary.md").read_text().startswith("## drivegate: INVALID")
