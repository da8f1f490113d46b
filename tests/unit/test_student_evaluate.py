"""Open-loop evaluation: baselines, students, what the action space loses, and the command."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch: pip install torch==2.13.0")

from policies.checkpoint import CheckpointError, with_metrics  # noqa: E402
from tests.support.spoilt_students import noised  # noqa: E402
from tests.support.student import checkpoint_of, tiny  # noqa: E402
from training.data.dummy import DummySource  # noqa: E402
from training.data.files import write_split  # noqa: E402
from training.metrics.displacement import constant_velocity  # noqa: E402
from training.metrics.ego_mlp import fit_ego_mlp  # noqa: E402
from training.student.batch import StudentDataset  # noqa: E402
from training.student.evaluate import action_space, baselines, open_loop, rank_agreement, spread  # noqa: E402
from training.student.module import partly_hidden  # noqa: E402


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def test_the_mlp_learns_what_the_past_tells_and_is_always_the_same() -> None:
    """Cars that go on turning as they turned: the past tells all that constant velocity gets wrong."""
    make = torch.Generator().manual_seed(0)
    v0 = 4.0 + 6.0 * torch.rand(300, generator=make)
    curvature = 0.08 * (torch.rand(300, generator=make) - 0.5)
    past, ahead = torch.arange(-15, 1) * 0.1, torch.arange(1, 65) * 0.1

    def arc(t_s: torch.Tensor) -> torch.Tensor:
        yaw = curvature[:, None] * v0[:, None] * t_s
        x, y = torch.sin(yaw) / curvature[:, None], (1.0 - torch.cos(yaw)) / curvature[:, None]
        return torch.stack([x, y, yaw], -1)

    history = torch.zeros(300, 16, 6)
    history[..., [0, 1, 5]] = arc(past)
    target = torch.zeros(300, 64, 4)
    target[..., :2] = arc(ahead)[..., :2]
    straight = constant_velocity(v0, 64)
    net, twin = (fit_ego_mlp(history[:200], v0[:200], straight[:200], target[:200]) for _ in range(2))
    with torch.inference_mode():
        plan, again = (n(history[200:], v0[200:], straight[200:]) for n in (net, twin))
    assert torch.equal(plan, again)
    lost = (straight[200:, :, :2] - target[200:, :, :2]).norm(dim=-1).mean()
    assert float((plan - target[200:, :, :2]).norm(dim=-1).mean()) < 0.35 * float(lost)


def test_students_are_measured_beside_those_who_do_not_see(tmp_path: Path) -> None:
    config = tiny(reasoning=True)
    train, val = DummySource(config, 60, seed=1), DummySource(config, 20, seed=2)
    made = checkpoint_of(tmp_path, config, acceleration=0.055 / 0.989)
    beside, found = baselines(train, val, config), open_loop(made, val)
    # Constant actions of nothing are constant velocity.
    assert found.errors == pytest.approx(dict(beside.constant_velocity), abs=0.02)
    assert beside.ego_mlp["ade_6.4s"] < beside.constant_velocity["ade_6.4s"]
    assert found.retrieval is not None
    assert found.retrieval.classes == 3
    (tmp_path / "baseline_seed0_best.pt").write_bytes(b"something else")
    with pytest.raises(CheckpointError, match="SHA-256"):
        open_loop(made, val)


def test_noise_on_the_weights_shows(tmp_path: Path) -> None:
    """The sabotage that gates are tried on makes another, valid checkpoint that plans otherwise."""
    config = tiny()
    source = DummySource(config, 8, seed=3)
    made = checkpoint_of(tmp_path, config)
    spoilt = noised(made, tmp_path / "noised")
    assert spoilt.identity != made.identity
    assert open_loop(spoilt, source).errors["ade_6.4s"] != open_loop(made, source).errors["ade_6.4s"]
    assert noised(made, tmp_path / "again").identity == spoilt.identity


def test_tokens_and_inverse_lose_little_on_recorded_futures() -> None:
    lost = action_space(DummySource(tiny(), 12, seed=5), (9.8, 0.3))
    assert 0.0 < lost.quantisation_ade_m <= 0.15  # these drives reach 14 m/s; in towns it is below 0.1 m
    assert lost.round_trip_m <= 1e-6


def test_agreement_of_ranks() -> None:
    assert rank_agreement([1.0, 2.0, 3.0], [90.0, 50.0, 10.0]) == pytest.approx(1.0)
    assert rank_agreement([1.0, 2.0, 3.0], [10.0, 50.0, 90.0]) == pytest.approx(-1.0)
    assert rank_agreement([1.0], [10.0]) is None
    assert rank_agreement([1.0, 1.0], [10.0, 20.0]) is None


def test_samples_are_taken_evenly() -> None:
    assert spread(5, 0) == [0, 1, 2, 3, 4]
    assert spread(101, 5) == [0, 25, 50, 75, 100]


def test_read_samples_are_kept_as_far_as_there_is_room() -> None:
    class Counting(DummySource):
        reads = 0

        def sample(self, index: int):  # type: ignore[no-untyped-def]
            self.reads += 1
            return super().sample(index)

    source = Counting(tiny(), 6, seed=0)
    size = sum(t.numel() * t.element_size() for t in StudentDataset(source, tiny())[0])
    source.reads = 0
    dataset = StudentDataset(source, tiny(), cache_gib=4.5 * size / 2**30)
    first = [dataset[i] for i in range(6)]
    assert source.reads == 6
    again = [dataset[i] for i in range(6)]
    assert source.reads == 8  # four fit
    assert all(
        torch.equal(a, b) for x, y in zip(first, again, strict=True) for a, b in zip(x, y, strict=True)
    )


def test_history_is_hidden_of_a_share() -> None:
    torch.manual_seed(0)
    history = torch.ones(1000, 16, 6)
    assert torch.equal(partly_hidden(history, 0.0), history)
    hidden = partly_hidden(history, 0.4).flatten(1)
    rows = hidden.amax(1)
    assert torch.equal(hidden.amin(1), rows)  # a sample's history is hidden whole
    assert float((rows == 0.0).float().mean()) == pytest.approx(0.4, abs=0.05)
    assert not partly_hidden(history, 1.0).any()


def test_the_command_prints_margins_and_ranks(tmp_path: Path) -> None:
    config = tiny(reasoning=True)
    for split, seed in (("train", 1), ("val", 2)):
        write_split(DummySource(config, 12, seed), tmp_path / "labels", tmp_path / "frames", split)
    for seed, score in ((0, 60.0), (1, 20.0)):
        made = checkpoint_of(tmp_path / f"student{seed}", config, seed=seed)
        with_metrics(made, {"closed_loop/ds_lb2_1": score})
    done = subprocess.run(
        [
            *(
                sys.executable,
                "-m",
                "harness.cli",
                "evaluate",
                *(str(tmp_path / f"student{i}/baseline_seed0_best") for i in (0, 1)),
            ),
            *("--train-labels", str(tmp_path / "labels/train_labels.npz")),
            *("--val-labels", str(tmp_path / "labels/val_labels.npz")),
            *("--ego-history-dir", str(tmp_path / "labels"), "--frames-dir", str(tmp_path / "frames")),
        ],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},  # two threads in a tiny net wait for each other
    )
    assert done.returncode == 0, done.stderr
    for expected in (
        "constant velocity",
        "ego-history MLP",
        "60.0",
        "Kendall's tau",
        "256 bins alone",
        "sentence",
    ):
        assert expected in done.stdout
    row = done.stdout.split("ego-history MLP")[1]
    numbers = np.array([float(w) for w in row.replace("│", " ").split()[:6]])
    assert (np.diff(numbers[::2]) > 0.0).all()  # errors grow with the horizon
