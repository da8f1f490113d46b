"""The recipe end to end on a tiny student: it learns, goes on exactly, exports, and drives."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch: pip install torch==2.13.0")
pytest.importorskip("lightning", reason="needs Lightning: pip install 'drivegate[train]'")

from harness.errors import ConfigError  # noqa: E402
from policies import registry  # noqa: E402
from policies.checkpoint import ONNX, STATE, WEIGHTS, CheckpointError, find_checkpoint  # noqa: E402
from policies.interface import CameraSpec  # noqa: E402
from policies.nets.weights import load_tensors  # noqa: E402
from policies.plan import Plan  # noqa: E402
from policies.student.config import StudentConfig  # noqa: E402
from tests.support.student import TINY, bundle, checkpoint_of, context, tiny  # noqa: E402
from training.student.config import StudentTraining  # noqa: E402
from training.student.recipe import train, train_seeds  # noqa: E402

pytestmark = pytest.mark.filterwarnings("default")  # Lightning's and torch's own


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def settings(folder: Path, **sections: dict[str, Any]) -> StudentTraining:
    base: dict[str, dict[str, Any]] = {
        "model": {"size": "nano", "kind": "reasoning", "overrides": dict(TINY)},
        "data": {"offline": True, "offline_samples": 16},
        "optimizer": {"batch_size": 8, "warmup_epochs": 1, "lr": 1e-3, "grad_clip": 1.0},
        "loss": {"action_weight": 0.1, "reasoning_warmup_epochs": 2},
        "run": {"max_epochs": 2, "accelerator": "cpu", "precision": "32", "patience": 0},
        "output": {"output_dir": str(folder), "loggers": ["csv"]},
    }
    return StudentTraining.model_validate(
        {k: {**base.get(k, {}), **sections.get(k, {})} for k in {*base, *sections}}
    )


def silent(_text: str) -> None:
    pass


def test_ten_epochs_equal_five_and_five(tmp_path: Path) -> None:
    """Bit for bit, with dropout, augmentation, EMA, warm-up, accumulation and a cosine schedule."""
    options = {"optimizer": {"ema": True, "ema_decay": 0.9, "accumulation_steps": 2}}
    run = {"max_epochs": 10, "augment": 1.0}
    whole = train(settings(tmp_path / "whole", run=run, **options), silent)
    half = settings(tmp_path / "half", run=run, **options)
    stop_after(half, 5)
    assert find_checkpoint(half.output.folder).manifest.provenance["epoch"] == 5
    going_on = half.model_copy(
        update={"run": half.run.model_copy(update={"resume": half.output.folder / "latest"})}
    )
    again = train(going_on, silent)
    assert again.epochs == whole.epochs == 10
    for word in ("latest", "best"):
        a, b = (find_checkpoint(c.output.folder / word) for c in (settings(tmp_path / "whole"), half))
        ours, theirs = load_tensors(a.file(WEIGHTS)), load_tensors(b.file(WEIGHTS))
        assert {n for n in ours if not torch.equal(ours[n], theirs[n])} == set()
        assert a.manifest.metrics == b.manifest.metrics
    states = [
        torch.load(find_checkpoint(c.output.folder).file(STATE), weights_only=True)
        for c in (settings(tmp_path / "whole"), half)
    ]
    assert same(states[0]["optimizer_states"], states[1]["optimizer_states"])
    assert same(states[0]["current_model_state"], states[1]["current_model_state"])


def stop_after(config: StudentTraining, epochs: int) -> None:
    """Train as a process does that is killed after some epochs: the schedule still means all of them."""
    from lightning.pytorch import Callback

    from training.student import recipe

    class Killed(Callback):
        def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002
            if trainer.current_epoch == epochs:
                raise KeyboardInterrupt

    callbacks = recipe._callbacks
    try:
        recipe._callbacks = lambda *a: [*callbacks(*a), Killed()]
        with pytest.raises((KeyboardInterrupt, SystemExit)):
            train(config, silent)
    finally:
        recipe._callbacks = callbacks


def same(a: object, b: object) -> bool:
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and torch.equal(a, b)
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return isinstance(b, (list, tuple)) and len(a) == len(b) and all(map(same, a, b))
    return a == b


@pytest.mark.parametrize("model", [{}, {"discrete_actions": True}, {"unicycle": False}, {"num_modes": 6}])
def test_every_head_fits_a_handful_of_samples(tmp_path: Path, model: dict[str, Any]) -> None:
    config = settings(
        tmp_path,
        model={"kind": "baseline", "size": "nano", "overrides": {**TINY, "dropout": 0.0}, **model},
        data={"overfit_tiny": 4},
        optimizer={
            "batch_size": 4,
            "lr": 5e-3 if "discrete_actions" in model else 2e-3,
            "warmup_epochs": 0,
            "grad_clip": 1.0,
        },
        loss={"label_smoothing": 0.0, "action_weight": 0.5},
        run={"max_epochs": 30},
        output={"save_final_only": True, "loggers": []},
    )
    best = train(config, silent).best.manifest.metrics
    assert best["val/ade_6.4s"] < 0.8 * best["val/constant_velocity/ade_6.4s"]
    assert {p.suffix for p in config.output.folder.glob("*seed42*")} == {".pt", ".json"}


def test_manifest_names_everything_and_the_best_are_kept(tmp_path: Path) -> None:
    config = settings(tmp_path, run={"max_epochs": 4}, output={"save_every": 3, "top_k": 1})
    result = train(config, silent)
    manifest = result.best.manifest
    assert manifest.policy == "student"
    assert StudentTraining.model_validate(manifest.config) == config
    assert set(manifest.provenance) >= {"git_commit", "seed", "data_sha256", "versions", "epoch", "step"}
    assert manifest.metrics["val/loss"] == min(
        find_checkpoint(p).manifest.metrics["val/loss"] for p in config.output.folder.glob("*.json")
    )
    kept = {p.stem.rpartition("_")[2] for p in config.output.folder.glob("*_epoch*.json")}
    assert "epoch3" in kept
    assert len(kept) <= 2
    assert list(config.output.folder.glob("**/metrics.csv"))


def test_seeds_are_trained_one_after_the_other_and_compared(tmp_path: Path) -> None:
    told: list[str] = []
    config = settings(
        tmp_path, run={"seeds": [1, 2], "max_epochs": 1}, output={"save_final_only": True, "loggers": []}
    )
    results = train_seeds(config, told.append)
    assert sum(line.startswith("epoch 1 of 1: train/loss ") and "min left" in line for line in told) == 2
    assert [r.best.manifest.provenance["seed"] for r in results] == [1, 2]
    assert any(line.startswith("val/ade_1s: ") and "over 2 seeds" in line for line in told)


def test_time_and_patience_end_a_training(tmp_path: Path) -> None:
    short = settings(tmp_path / "a", run={"max_epochs": 50, "max_minutes": 1e-6}, output={"loggers": []})
    assert train(short, silent).epochs == 1
    hopeless = settings(
        tmp_path / "b",
        run={"max_epochs": 50, "patience": 1},
        optimizer={"lr": 1e-12, "batch_size": 8, "freeze_bn": True},
        output={"loggers": [], "save_final_only": True},
    )
    assert train(hopeless, silent).epochs < 5


def test_time_is_counted_over_interruptions(tmp_path: Path) -> None:
    import time

    run = {"max_epochs": 50, "max_minutes": 1000.0}
    config = settings(tmp_path, run=run, output={"loggers": []})
    stop_after(config, 2)
    state = torch.load(find_checkpoint(config.output.folder).file(STATE), weights_only=True)
    (kept,) = [s for name, s in state["callbacks"].items() if "TimeBudget" in name]
    assert kept["elapsed_s"] > 0.0
    from training.engine.callbacks import TimeBudget

    budget = TimeBudget(minutes=1.0)
    budget.load_state_dict({"elapsed_s": 59.0})
    begun = time.monotonic()
    assert budget.state_dict()["elapsed_s"] == pytest.approx(59.0, abs=1.0 + time.monotonic() - begun)


def test_every_logger_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tensorboard", reason="needs TensorBoard: pip install 'drivegate[train]'")
    loggers = ["tensorboard", "csv"]
    if importlib.util.find_spec("wandb") is not None:
        monkeypatch.setenv("WANDB_MODE", "offline")
        monkeypatch.setenv("WANDB_SILENT", "true")
        loggers.append("wandb")
    config = settings(tmp_path, run={"max_epochs": 1}, output={"loggers": loggers})
    train(config, silent)
    folder = config.output.folder
    (events,) = folder.glob("tensorboard/*/events.*")
    assert events.stat().st_size > 100
    (table,) = folder.glob("csv/*/metrics.csv")
    header = table.read_text().splitlines()[0].split(",")
    assert {"train/loss", "val/ade_3s", "speed/samples_per_s"} <= set(header)
    if "wandb" in loggers:
        assert list(folder.glob("wandb/offline-run-*/*.wandb"))


def test_resuming_another_model_is_refused(tmp_path: Path) -> None:
    config = settings(tmp_path, run={"max_epochs": 1}, output={"loggers": []})
    train(config, silent)
    other = settings(
        tmp_path,
        model={"overrides": {**TINY, "dim": 48}},
        run={"resume": str(config.output.folder / "latest")},
        output={"loggers": []},
    )
    with pytest.raises(ConfigError, match=r"different: dim"):
        train(other, silent)


def test_training_can_begin_with_the_weights_of_another(tmp_path: Path) -> None:
    first = settings(tmp_path, run={"max_epochs": 1}, output={"loggers": []})
    train(first, silent)
    best = first.output.folder / "best"
    told: list[str] = []
    still = settings(
        tmp_path,
        model={"init_from": str(best)},
        run={"max_epochs": 1},
        optimizer={"lr": 1e-12, "batch_size": 8, "warmup_epochs": 0, "freeze_bn": True},
        output={"loggers": [], "experiment": "second"},
    )
    train(still, told.append)
    assert any("Begins with the weights" in line for line in told)
    a, b = (load_tensors(find_checkpoint(c.output.folder).file(WEIGHTS)) for c in (first, still))
    assert max(float((a[n].float() - b[n].float()).abs().max()) for n in a) < 1e-6
    other = settings(tmp_path, model={"init_from": str(best), "num_modes": 6}, output={"loggers": []})
    with pytest.raises(ConfigError, match=r"different: num_modes"):
        train(other, silent)


def test_export_answers_as_torch_does_and_drives_the_same(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="needs ONNX Runtime: pip install 'drivegate[export]'")
    pytest.importorskip("onnxscript", reason="needs onnxscript: pip install 'drivegate[export]'")
    from training.export import PARITY, export_student

    config = tiny(reasoning=True, num_modes=6)
    made = checkpoint_of(tmp_path, config)
    result = export_student(made)
    assert result.largest_difference <= PARITY
    assert b".py" not in result.checkpoint.file(ONNX).read_bytes(), "no stack traces of this machine"
    plans = {}
    for runtime in ("torch", "onnx"):
        policy = registry.create(
            "student", {"checkpoint": str(tmp_path / "baseline_seed0_best"), "runtime": runtime}
        )
        policy.reset(context())
        plans[runtime] = [policy.step(bundle(config, tick)).position_in_ego for tick in range(6)]  # type: ignore[union-attr]
    assert all(np.abs(a - b).max() < PARITY for a, b in zip(plans["torch"], plans["onnx"], strict=True))
    # Driving it needs no torch: in a process of its own, where importing torch is an error.
    program = f"""
import sys
sys.modules["torch"] = None
from policies import registry
from tests.support.student import bundle, context, tiny
policy = registry.create("student", {{"checkpoint": {str(tmp_path / "baseline_seed0_best.json")!r}}})
policy.reset(context())
print(len(policy.step(bundle(tiny(reasoning=True, num_modes=6), 0)).t_s))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "64", done.stderr


def test_the_policy_hands_out_one_plan_for_two_ticks_in_the_frame_of_each(tmp_path: Path) -> None:
    config = tiny()
    checkpoint_of(tmp_path, config, acceleration=0.055 / 0.989)  # normalised: no acceleration, no curvature
    policy = registry.create("student", {"checkpoint": str(tmp_path / "baseline_seed0_best.pt")})
    assert [s.name for s in policy.sensors() if isinstance(s, CameraSpec)] == ["front_wide"]
    policy.reset(context())
    for tick in range(31):
        plan = policy.step(bundle(config, tick))
        assert isinstance(plan, Plan)
        if tick >= 20:  # its speed is known from the history
            assert plan.t_s[0] == pytest.approx(0.1 if tick % 2 == 0 else 0.05)
            assert plan.position_in_ego[:, 0] == pytest.approx(5.0 * plan.t_s, abs=0.02)
            assert np.abs(plan.position_in_ego[:, 1]).max() < 1e-3
    policy.close()


def test_a_checkpoint_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    import json

    made = checkpoint_of(tmp_path, tiny())
    values = json.loads(made.manifest_path.read_text())
    values["model"]["dim"] = 64
    made.manifest_path.write_text(json.dumps(values))
    with pytest.raises(CheckpointError, match="does not fit its manifest"):
        registry.create("student", {"checkpoint": str(made.manifest_path), "runtime": "torch"})
    with pytest.raises(registry.PolicyArgumentError, match="auto, torch, onnx"):
        registry.create("student", {"checkpoint": str(made.manifest_path), "runtime": "abacus"})
    assert StudentConfig.from_json(made.manifest.model) == tiny()
