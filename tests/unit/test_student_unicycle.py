"""The unicycle there and back, and what bins lose."""

from __future__ import annotations

import numpy as np
import pytest

from policies.unicycle import EXACT, initial_speed_mps, integrate, invert

BOUNDS = np.array([9.8, 0.3])


def wavy(seed: int) -> tuple[np.ndarray, float]:
    """Smooth actions of a drive that never stops."""
    rng = np.random.default_rng(seed)
    t = np.arange(64) * 0.1
    phase, rate = rng.uniform(0.0, 6.0, 2), rng.uniform(0.3, 1.5, 2)
    actions = np.stack([1.2 * np.sin(rate[0] * t + phase[0]), 0.08 * np.sin(rate[1] * t + phase[1])], 1)
    return actions, float(rng.uniform(6.0, 15.0))


def test_an_arc_at_constant_speed_is_a_circle() -> None:
    poses = integrate(np.tile([0.0, 0.1], (64, 1)), 8.0)
    assert poses[:, 2] == pytest.approx(0.08 * np.arange(1, 65))
    radius = np.hypot(poses[:, 0], poses[:, 1] - 10.0)
    assert radius == pytest.approx(10.0, abs=0.02)
    assert poses[10, 1] > 0.0  # positive curvature turns left


@pytest.mark.parametrize("seed", range(8))
def test_round_trip_is_exact_to_a_millionth(seed: int) -> None:
    actions, v0 = wavy(seed)
    poses = integrate(actions, v0)
    found = invert(poses, v0, smoothing=EXACT)
    assert np.abs(found - actions).max() < 1e-6
    assert np.abs(integrate(found, v0) - poses).max() < 1e-6


@pytest.mark.parametrize("seed", range(8))
def test_round_trip_is_exact_through_a_stop_and_at_walking_pace(seed: int) -> None:
    """Poses of a car that rolls at centimetres a second turn, too; afterwards that turn is decimetres."""
    actions, _ = wavy(seed)
    actions[:20, 0], actions[20:40, 0], actions[40:, 0] = -0.4, 0.02, 1.0
    poses = integrate(actions, 0.8)
    assert np.abs(integrate(invert(poses, 0.8, smoothing=EXACT), 0.8) - poses).max() < 1e-6


@pytest.mark.parametrize("seed", range(8))
def test_smoothed_inverse_of_noisy_poses_is_calmer_and_still_near(seed: int) -> None:
    actions, v0 = wavy(seed)
    noise = np.random.default_rng(seed).normal(0.0, [0.02, 0.02, 0.002], (64, 3))
    poses = integrate(actions, v0)
    smooth, exact = invert(poses + noise, v0), invert(poses + noise, v0, smoothing=EXACT)
    assert np.abs(np.diff(smooth[:, 0])).mean() < 0.05 * np.abs(np.diff(exact[:, 0])).mean()
    assert np.hypot(*(integrate(smooth, v0) - poses)[:, :2].T).mean() < 0.05


def test_a_stop_has_no_curvature_and_no_wild_numbers() -> None:
    actions = np.zeros((64, 2))
    actions[:25, 0] = -2.0
    actions[:25, 1] = 0.05
    poses = integrate(actions, 5.0)
    found = invert(poses, 5.0)
    assert np.isfinite(found).all()
    assert np.abs(found[:, 1]).max() < 0.1
    assert np.hypot(*(integrate(found, 5.0) - poses)[:, :2].T).mean() < 0.05


@pytest.mark.parametrize("seed", range(8))
def test_256_bins_lose_a_centimetre(seed: int) -> None:
    """Speeds are rounded, not each step's acceleration: fewer bins lose little more."""
    pytest.importorskip("torch", reason="needs torch: pip install torch==2.13.0")
    from training.metrics.quantisation import quantisation_ade_m

    actions, v0 = wavy(seed)
    poses = integrate(actions, v0)
    fine, coarse = quantisation_ade_m(poses, v0, BOUNDS, 256), quantisation_ade_m(poses, v0, BOUNDS, 32)
    assert fine <= 0.01
    assert coarse > fine


def test_speed_from_history() -> None:
    t = np.arange(-15, 1) * 0.1
    for acceleration in (-2.0, 0.0, 1.5):
        x = 6.0 * t + 0.5 * acceleration * t**2
        history = np.stack([x, np.zeros(16)], 1)
        assert initial_speed_mps(history, np.zeros(16)) == pytest.approx(6.0, abs=0.02)
    assert initial_speed_mps(np.zeros((16, 2)), np.zeros(16)) == 0.0
    assert initial_speed_mps(np.zeros((1, 2)), np.zeros(1)) == 0.0


def test_torch_drives_like_numpy() -> None:
    torch = pytest.importorskip("torch", reason="needs torch: pip install torch==2.13.0")
    from policies.nets.student.unicycle import actions_of, tokens_of
    from policies.nets.student.unicycle import integrate as integrate_torch

    actions, v0 = wavy(3)
    ours = integrate_torch(torch.from_numpy(actions)[None], torch.tensor([v0], dtype=torch.float64))[0]
    assert np.abs(ours.numpy() - integrate(actions, v0)).max() < 1e-12
    bounds = torch.from_numpy(BOUNDS)
    again = actions_of(tokens_of(torch.from_numpy(actions), bounds, 256), bounds, 256)
    lost = again - torch.from_numpy(actions)
    assert float((lost.abs() / bounds).max()) <= 2.0 / 256 + 1e-9, "a step: two halves of a bin"
    assert float((lost.cumsum(0).abs() / bounds).max()) <= 1.0 / 256 + 1e-9, "all steps together: half a bin"
    held = torch.tensor([[20.0, -0.4], [-20.0, 0.4]], dtype=torch.float64)
    assert actions_of(tokens_of(held, bounds, 256), bounds, 256).abs().max(0).values == pytest.approx(
        BOUNDS, rel=0.01
    )
