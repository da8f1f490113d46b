"""Open-loop evaluation of students on held-out samples, beside baselines that do not see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from scipy.stats import kendalltau
from torch import Tensor

from policies.checkpoint import WEIGHTS, Checkpoint, CheckpointError
from policies.nets.student import Student
from policies.nets.weights import load_tensors
from policies.student.config import StudentConfig
from policies.unicycle import EXACT, initial_speed_mps, integrate, invert
from training.data.sample import SampleSource
from training.metrics.displacement import constant_velocity, displacement_errors
from training.metrics.ego_mlp import fit_ego_mlp
from training.metrics.quantisation import quantisation_ade_m
from training.metrics.retrieval import Retrieval, retrieve
from training.student.batch import StudentBatch, StudentDataset, collate

CONSTANT_VELOCITY, EGO_MLP = "constant velocity", "ego-history MLP"
_BATCH = 32


class Baselines(NamedTuple):
    """Errors of those who do not see: metric -> m."""

    constant_velocity: Mapping[str, float]
    ego_mlp: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class OpenLoop:
    """What a student is worth on held-out samples.

    Attributes:
        errors: "ade_1s", "fde_6.4s", ... -> m.
        retrieval: of the teacher's sentences; None without a text head or without texts.
    """

    errors: Mapping[str, float]
    retrieval: Retrieval | None


@dataclass(frozen=True, slots=True)
class ActionSpace:
    """What the action space by itself loses on recorded futures, before any learning.

    Attributes:
        quantisation_ade_m: mean over samples, with 256 bins.
        round_trip_m: largest distance between poses that a unicycle drove and those of the actions found for
            them.
    """

    quantisation_ade_m: float
    round_trip_m: float


def spread(count: int, limit: int) -> list[int]:
    """At most `limit` of `count` indices, evenly spread; all for 0."""
    if not limit or count <= limit:
        return list(range(count))
    return [int(i) for i in np.linspace(0, count - 1, limit).round()]


def baselines(train: SampleSource, val: SampleSource, config: StudentConfig, limit: int = 4000) -> Baselines:
    """Fit the ego-history MLP on (some of) the training split; measure it and constant velocity on the other.

    Args:
        train: to fit on.
        val: to measure on.
        config: any student's that can read both.
        limit: most samples of each.
    """
    fitted, held = (_motion(source, config, limit) for source in (train, val))
    net = fit_ego_mlp(*fitted)
    history, v0, straight, target = held
    with torch.inference_mode():
        plan = net(history, v0, straight)
    return Baselines(_means(straight, target), _means(plan, target))


def open_loop(checkpoint: Checkpoint, source: SampleSource, limit: int = 0) -> OpenLoop:
    """Measure a student.

    Args:
        checkpoint: of a student.
        source: held-out samples.
        limit: most samples (0: all).

    Raises:
        CheckpointError: not a student's, or damaged.
    """
    if checkpoint.manifest.policy != "student":
        raise CheckpointError(f"{checkpoint.manifest_path} is a {checkpoint.manifest.policy}, not a student")
    config = StudentConfig.from_json(checkpoint.manifest.model)
    net = Student(config)
    net.load_state_dict(load_tensors(checkpoint.file(WEIGHTS)))
    net.eval()
    plans, targets, texts, sentences = [], [], [], []
    for batch in _batches(source, config, limit):
        with torch.inference_mode():
            output = net(*batch.inputs)
        plans.append(output.plan[torch.arange(len(batch.images)), output.mode_logits.argmax(1)])
        targets.append(batch.target)
        texts.append(output.text)
        sentences.append(batch.target_text)
    found = retrieve(torch.cat(texts), torch.cat(sentences)) if config.reasoning else None
    return OpenLoop(_means(torch.cat(plans), torch.cat(targets)), found)


def action_space(source: SampleSource, bounds: tuple[float, float], limit: int = 500) -> ActionSpace:
    """Measure what tokens and the inverse lose on recorded futures.

    Args:
        source: of recorded futures.
        bounds: of acceleration and curvature.
        limit: most samples.
    """
    lost, worst = [], 0.0
    for index in spread(len(source), limit):
        sample = source.sample(index)
        poses = np.column_stack([sample.future_position_in_ego[:, :2], sample.future_yaw_in_ego_rad])
        seen = sample.observation
        v0 = initial_speed_mps(seen.history_position_in_ego, seen.history_roll_pitch_yaw_rad[:, 2])
        lost.append(quantisation_ade_m(poses, v0, np.array(bounds), 256))
        driven = integrate(invert(poses, v0), v0)
        again = integrate(invert(driven, v0, smoothing=EXACT), v0)
        worst = max(worst, float(np.abs(again - driven)[:, :2].max()))
    return ActionSpace(float(np.mean(lost)), worst)


def rank_agreement(open_loop_errors: Sequence[float], closed_loop_scores: Sequence[float]) -> float | None:
    """Kendall's tau of the orders by error (small is good) and by score (large is good), if there is one."""
    if len(open_loop_errors) < 2:
        return None
    tau = float(kendalltau([-e for e in open_loop_errors], closed_loop_scores).statistic)
    return None if np.isnan(tau) else tau


def _batches(source: SampleSource, config: StudentConfig, limit: int) -> Iterator[StudentBatch]:
    dataset = StudentDataset(source, config)
    indices = spread(len(dataset), limit)
    for begin in range(0, len(indices), _BATCH):
        yield collate([dataset[i] for i in indices[begin : begin + _BATCH]])


def _motion(source: SampleSource, config: StudentConfig, limit: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """History, speed, plan at constant velocity, and target of some samples."""
    history, v0, target = [], [], []
    for batch in _batches(source, config, limit):
        history.append(batch.ego_history)
        v0.append(batch.v0_mps)
        target.append(batch.target)
    speeds, targets = torch.cat(v0), torch.cat(target)
    return torch.cat(history), speeds, constant_velocity(speeds, targets.shape[1]), targets


def _means(plan: Tensor, target: Tensor) -> dict[str, float]:
    return {name: float(value.mean()) for name, value in displacement_errors(plan, target).items()}
