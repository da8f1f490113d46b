"""A student's checkpoint in closed loop: a real server, real cameras, the harness as users start it."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs torch: pip install torch==2.13.0")

from harness.errors import ConfigError  # noqa: E402
from harness.record import read_episode  # noqa: E402
from harness.score import ScoreVersion  # noqa: E402
from policies.checkpoint import find_checkpoint  # noqa: E402
from tests.support import harness_runs as runs  # noqa: E402
from tests.support.student import TINY, checkpoint_of, tiny  # noqa: E402
from training.engine.closed_loop import ClosedLoop, scores_of_runs  # noqa: E402

pytestmark = pytest.mark.server

_SMALL = {"backbone_stages", "dim", "heads", "layers", "ffn", "bev_cell_m"}


def route(folder: Path) -> Path:
    return runs.route_file(folder / "short.xml", "1", start=(338.68, 176.0), end=(338.65, 150.0))


def drive(folder: Path, out: str, checkpoint: Path, *more: str) -> Path:
    done = runs.drivegate(
        *("run", "--suite", str(route(folder)), "--policy", "student", "--out", str(folder / out)),
        *("--policy-arg", f"student.checkpoint={checkpoint}", *more),
        *("--set", f"machine.first_port={runs.free_block(40)}"),
        timeout_s=280.0,
    )
    assert done.code == 0, done.err
    return folder / out


def test_the_same_checkpoint_drives_the_same_to_the_byte(tmp_path: Path) -> None:
    checkpoint_of(tmp_path / "student", tiny(), acceleration=1.0)
    manifest = tmp_path / "student" / "baseline_seed0_best.json"
    one, two = drive(tmp_path, "one", manifest), drive(tmp_path, "two", manifest)
    (record,) = [read_episode(path) for path in one.glob("episodes/*/*/*")]
    assert record.outcome.value == "completed", record.reason
    assert not record.header.privileged
    assert runs.scored_records(one) == runs.scored_records(two)
    identity = find_checkpoint(manifest).identity
    assert record.header.policy_config["identity"] == identity
    assert scores_of_runs([one], ScoreVersion.LB2_1) == {identity: pytest.approx(100.0)}
    with pytest.raises(ConfigError, match="the same checkpoint drove in another"):
        scores_of_runs([one, two], ScoreVersion.LB2_1)
    with pytest.raises(ConfigError, match="holds no run"):
        scores_of_runs([tmp_path], ScoreVersion.LB2_1)
    checkpoint_of(tmp_path / "student", tiny(), seed=1)
    changed = runs.drivegate(
        *("run", "--suite", str(route(tmp_path)), "--policy", "student", "--out", str(one), "--resume"),
        *("--policy-arg", f"student.checkpoint={manifest}"),
    )
    assert changed.code == 2
    assert "identity" in changed.err


def test_a_policy_over_its_budget_fails_in_strict_mode_only(tmp_path: Path) -> None:
    checkpoint_of(tmp_path / "student", tiny(), acceleration=1.0)
    manifest = tmp_path / "student" / "baseline_seed0_best.json"
    strict = drive(tmp_path, "strict", manifest, "--set", "drive.policy_budget_s=0.000001")
    (record,) = [read_episode(path) for path in strict.glob("episodes/*/*/*")]
    assert record.outcome.value == "policy_fault"
    assert "over the budget of 0.001 ms" in record.reason


@pytest.mark.parametrize(
    "head", [(), ("--no-unicycle",), ("--discrete-actions",)], ids=["unicycle", "direct", "discrete"]
)
def test_every_head_trains_and_drives(tmp_path: Path, head: tuple[str, ...]) -> None:
    """One epoch on made-up drives, an export that answers as torch does, a valid drive, however it ends."""
    pytest.importorskip("lightning", reason="needs Lightning: pip install 'drivegate[train]'")
    pytest.importorskip("onnxscript", reason="needs what exports: pip install 'drivegate[export]'")
    size = [f"--set=model.overrides.{name}={value}" for name, value in TINY.items() if name in _SMALL]
    trained = runs.drivegate(
        *("train", "student", "--model", "reasoning", "--model-size", "nano", "--offline", *head),
        *("--offline-samples", "32", "--batch-size", "8", "--max-epochs", "1", "--image-height", "32"),
        *("--image-width", "48", "--frames", "2", "--output-dir", str(tmp_path), *size),
        timeout_s=200.0,
    )
    assert trained.code == 0, trained.err
    exported = runs.drivegate("export", str(tmp_path / "student/best"), timeout_s=200.0)
    assert exported.code == 0, exported.err
    folder = drive(tmp_path, "driven", tmp_path / "student/best", "--set", "drive.settle_ticks=5")
    (record,) = [read_episode(path) for path in folder.glob("episodes/*/*/*")]
    assert record.outcome.value in {"completed", "ended_by_rule"}, record.reason
    manifest = find_checkpoint(tmp_path / "student/best").manifest
    assert "onnx" in manifest.files
    assert manifest.metrics["export/parity"] <= 1e-4
    model = manifest.model
    assert model["head"] == {(): "unicycle", ("--no-unicycle",): "direct"}.get(head, "discrete")


def test_training_drives_what_it_trains(tmp_path: Path) -> None:
    """The hook drives through the harness and gives scores; a checkpoint that cannot be loaded scores 0."""
    pytest.importorskip("lightning", reason="needs Lightning: pip install 'drivegate[train]'")
    made = checkpoint_of(tmp_path / "student", tiny(), acceleration=1.0)
    told: list[str] = []

    def hook(suite: str) -> ClosedLoop:
        return ClosedLoop("student", suite, 0, 1, 7, 2, tmp_path / "drives", told.append)

    assert [epoch for epoch in range(1, 6) if hook("smoke").is_due(epoch)] == [2, 4]
    scores = hook(str(route(tmp_path))).measure(made, 2)
    assert scores["closed_loop/route_completion_pct"] == pytest.approx(100.0)
    assert scores["closed_loop/ds_lb2_1"] == pytest.approx(100.0)
    assert "epoch 2" in told[-1]
    (tmp_path / "student" / "baseline_seed0_best.pt").write_bytes(b"not weights")
    spoilt = hook(str(route(tmp_path))).measure(made, 4)
    assert spoilt["closed_loop/ds_lb2_1"] == 0.0  # a checkpoint that cannot be loaded is the policy's fault
