"""Losses and open-loop metrics against numbers worked out by hand."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch", reason="needs torch: pip install torch==2.13.0")

from training.losses.actions import action_loss, smoothness_loss, token_loss  # noqa: E402
from training.losses.reasoning import info_nce, warmed_up  # noqa: E402
from training.losses.trajectory import mixture_nll, position_loss, winner_takes_all, yaw_loss  # noqa: E402
from training.metrics.displacement import (  # noqa: E402
    constant_velocity,
    displacement_errors,
    min_ade,
    yaw_error_deg,
)
from training.metrics.retrieval import retrieve  # noqa: E402


def straight(speed: float, modes: int = 1) -> torch.Tensor:
    return constant_velocity(torch.tensor([speed]), 64).unsqueeze(1).expand(-1, modes, -1, -1).clone()


def test_position_and_yaw_losses() -> None:
    plan, target = straight(10.0), straight(10.0)
    plan[..., 1] += 2.0
    assert float(position_loss(plan, target)) == pytest.approx(2.0)  # 4 m² on one of two axes
    assert float(position_loss(plan, target, "l1")) == pytest.approx(1.0)
    plan[..., 2], plan[..., 3] = 1.0, 0.0  # heading 90 degrees off
    assert float(yaw_loss(plan, target)) == pytest.approx(2.0)
    assert float(yaw_error_deg(plan, target)) == pytest.approx(90.0)


def test_displacement_errors_grow_with_the_horizon() -> None:
    errors = displacement_errors(straight(11.0), straight(10.0))
    assert float(errors["fde_1s"]) == pytest.approx(1.0, abs=1e-4)
    assert float(errors["fde_6.4s"]) == pytest.approx(6.4, abs=1e-4)
    assert float(errors["ade_6.4s"]) == pytest.approx(0.1 * 32.5, abs=1e-4)
    assert set(displacement_errors(straight(1.0)[..., :30, :], straight(1.0)[..., :30, :])) == {
        "ade_1s",
        "fde_1s",
        "ade_3s",
        "fde_3s",
    }
    plans = straight(10.0, modes=3)
    plans[:, 1, :, 1] += 1.0
    plans[:, 0, :, 1] += 3.0
    assert float(min_ade(plans, straight(10.0)[:, 0])) == pytest.approx(0.0)


def test_the_winner_takes_all_and_only_it_learns() -> None:
    per_mode = torch.tensor([[3.0, 1.0, 2.0]], requires_grad=True)
    logits = torch.zeros(1, 3, requires_grad=True)
    loss = winner_takes_all(per_mode, per_mode, logits)
    assert float(loss.detach()) == pytest.approx(1.0 + 0.5 * math.log(3.0))
    loss.backward()
    assert per_mode.grad is not None
    assert per_mode.grad.tolist() == [[0.0, 1.0, 0.0]]
    assert logits.grad is not None
    assert int(logits.grad.argmin()) == 1


def test_mixture_is_lowest_when_the_likely_mode_is_right() -> None:
    plans = straight(10.0, modes=2)
    plans[:, 1, :, 1] += 4.0
    right, wrong = torch.tensor([[4.0, -4.0]]), torch.tensor([[-4.0, 4.0]])
    target = straight(10.0)
    assert float(mixture_nll(plans, target, right)) == pytest.approx(0.0, abs=0.01)
    assert float(mixture_nll(plans, target, wrong)) > 5.0


def test_action_losses_are_in_standard_deviations() -> None:
    std = torch.tensor([2.0, 0.02])
    target = torch.zeros(1, 64, 2)
    actions = target + torch.tensor([2.0, 0.02])
    assert float(action_loss(actions, target, std)) == pytest.approx(1.0)
    assert float(smoothness_loss(actions, std)) == 0.0
    actions[:, ::2] = 0.0
    assert float(smoothness_loss(actions, std)) == pytest.approx(1.0)
    logits = torch.full((1, 4, 2, 8), -20.0)
    logits[..., 3] = 20.0
    tokens = torch.full((1, 4, 2), 3)
    assert float(token_loss(logits, tokens, 0.0)) == pytest.approx(0.0, abs=1e-6)
    assert float(token_loss(logits, tokens, 0.1)) > 1.0


def test_repeated_sentences_are_no_negatives() -> None:
    basis = torch.eye(384)
    distinct, repeated = basis[:4], basis[[0, 0, 1, 1]]
    assert float(info_nce(distinct, distinct)) < 1e-4
    assert float(info_nce(repeated, repeated)) < 1e-4
    swapped = basis[[1, 1, 0, 0]]
    assert float(info_nce(swapped, repeated)) > 5.0
    silent = torch.cat([basis[:1], torch.zeros(3, 384)])
    assert float(info_nce(distinct, silent)) == 0.0
    with_silence = torch.cat([distinct, distinct]), torch.cat([distinct, torch.zeros(4, 384)])
    assert float(info_nce(*with_silence)) == pytest.approx(float(info_nce(distinct, distinct)), abs=1e-6)


def test_mixed_precision_does_not_lose_the_positives() -> None:
    """Vectors of sentences have no round numbers; in bf16 their products with themselves are not 1."""
    from training.data.text import HashingEncoder

    words = [
        "stopping for the red light",
        "keeping the speed",
        "yielding to a pedestrian",
        "turning left now",
    ]
    teacher = torch.from_numpy(HashingEncoder().encode(words)).float()
    whole = info_nce(teacher, teacher)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = info_nce(teacher, teacher)
    assert torch.isfinite(mixed)
    assert float(mixed) == pytest.approx(float(whole), abs=1e-4)


def test_warm_up_reaches_the_whole_weight() -> None:
    assert [warmed_up(0.25, epoch, 5) for epoch in (0, 4, 9)] == pytest.approx([0.05, 0.25, 0.25])
    assert warmed_up(0.25, 0, 0) == 0.25


def test_retrieval_counts_against_the_most_frequent_sentence() -> None:
    basis = torch.eye(384)
    teacher = basis[[0, 0, 0, 1, 2]]
    found = retrieve(teacher, teacher)
    assert found is not None
    assert (found.top1, found.chance, found.classes) == (1.0, pytest.approx(0.6), 3)
    lazy = retrieve(basis[[0] * 5], teacher)
    assert lazy is not None
    assert lazy.top1 == pytest.approx(0.6)
    assert retrieve(basis[:2], torch.zeros(2, 384)) is None


def test_the_light_counts_where_it_is_known() -> None:
    from policies.nets.student import Student
    from tests.support.student import tiny
    from training.data.dummy import DummySource
    from training.student.batch import StudentDataset, collate
    from training.student.config import LossSection
    from training.student.objective import objective

    config = tiny()
    data = StudentDataset(DummySource(config, 3, seed=0), config)
    batch = collate([data[i] for i in range(3)])
    assert batch.target_light.tolist() == [-1, -1, -1], "made-up drives have no lights"
    output = Student(config)(*batch.inputs)
    rules = LossSection(light_weight=2.0)
    without = objective(output, batch, config, rules, 0.0)
    assert "light" not in without
    batch = batch._replace(target_light=torch.tensor([2, -1, 0]))
    output = output._replace(light_logits=torch.tensor([[0.0, 0.0, 3.0], [9.0, 0.0, 0.0], [0.0, 0.0, 0.0]]))
    terms = objective(output, batch, config, rules, 0.0)
    expected = (math.log(2.0 + math.exp(3.0)) - 3.0 + math.log(3.0)) / 2.0
    assert float(terms["light"]) == pytest.approx(expected, abs=1e-5)
    assert float((terms["loss"] - without["loss"]).detach()) == pytest.approx(2.0 * expected, abs=1e-4)
