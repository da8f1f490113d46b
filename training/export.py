"""Checkpoint -> ONNX, checked against torch before it counts."""

from __future__ import annotations

import logging
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch

from policies.checkpoint import (
    ONNX,
    WEIGHTS,
    Checkpoint,
    CheckpointError,
    with_file,
    with_metrics,
)
from policies.durable import put_in_place
from policies.nets.student import Student
from policies.nets.weights import load_tensors
from policies.student.config import StudentConfig
from policies.student.features import FEATURE_NAMES, Features, features_of
from policies.student.runtime import OUTPUT_NAMES, OnnxRuntime, StudentAnswer, TorchRuntime
from training.data.dummy import DummySource

PARITY = 1e-4
"""Largest difference between ONNX Runtime and torch in any output."""

_CHECKED_SAMPLES = 8
_TIMED_CALLS = 20


class ParityError(CheckpointError):
    """The exported network answers otherwise than the trained one."""


@dataclass(frozen=True, slots=True)
class ExportResult:
    """What came out.

    Attributes:
        checkpoint: with the exported file in its manifest.
        largest_difference: between the two, over all outputs of the checked samples.
        torch_ms, onnx_ms: median time of one answer, one thread each.
    """

    checkpoint: Checkpoint
    largest_difference: float
    torch_ms: float
    onnx_ms: float


def export_student(checkpoint: Checkpoint) -> ExportResult:
    """Write `<name>.onnx` beside a student's checkpoint; it enters the manifest only after the parity check.

    Raises:
        CheckpointError: not a student's checkpoint, or damaged. ParityError: the answers differ.
    """
    if checkpoint.manifest.policy != "student":
        raise CheckpointError(f"{checkpoint.manifest_path} is a {checkpoint.manifest.policy}, not a student")
    config = StudentConfig.from_json(checkpoint.manifest.model)
    weights = checkpoint.file(WEIGHTS)
    path = weights.with_suffix(".onnx")
    temporary = path.with_name(path.name + ".tmp")
    net = Student(config)
    net.load_state_dict(load_tensors(weights))
    source = DummySource(config, _CHECKED_SAMPLES, seed=0)
    checked = [features_of(source.sample(i).observation, config) for i in range(_CHECKED_SAMPLES)]
    write_onnx(net.eval(), checked[0], temporary)
    torch.set_num_threads(1)  # as OnnxRuntime, so that the times can be compared
    with_torch, with_onnx = TorchRuntime(config, weights), OnnxRuntime(temporary)
    worst = max(difference(with_torch.answer(f), with_onnx.answer(f)) for f in checked)
    if worst > PARITY:
        raise ParityError(
            f"{temporary}: ONNX Runtime answers up to {worst:.2g} off torch (allowed {PARITY:g}); the file is"
            " left for inspection and is not part of the checkpoint."
        )
    put_in_place(temporary, path)
    torch_ms, onnx_ms = _median_ms(with_torch, checked[0]), _median_ms(with_onnx, checked[0])
    metrics = {"export/parity": worst, "export/torch_ms": torch_ms, "export/onnx_ms": onnx_ms}
    return ExportResult(with_metrics(with_file(checkpoint, ONNX, path), metrics), worst, torch_ms, onnx_ms)


def write_onnx(net: Student, features: Features, path: Path) -> None:
    """Trace a student with torch.export and write it; the batch axis stays free.

    Args:
        net: in eval mode.
        features: of one moment, as an example.
        path: of the file.
    """
    # Two samples: torch.export would specialise a batch of one.
    inputs = {name: torch.from_numpy(np.stack([v, v])) for name, v in features.arrays().items()}
    batch = torch.export.Dim("batch", min=1, max=4096)
    for talkative in ("torch.onnx", "onnxscript"):
        logging.getLogger(talkative).setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            net,
            kwargs=inputs,
            input_names=list(FEATURE_NAMES),
            output_names=list(OUTPUT_NAMES),
            dynamic_shapes={name: {0: batch} for name in FEATURE_NAMES},
            dynamo=True,
            optimize=True,
            verbose=False,
        )
    if program is None:
        raise CheckpointError("torch.onnx.export gave no program")
    program.save(str(path), external_data=False)
    _forget_the_source(path)


def _forget_the_source(path: Path) -> None:
    """Take out of a file what torch notes of each node: stack traces with the paths of the machine."""
    model = onnx.load(path)
    for part in (model, model.graph, *model.graph.node, *model.graph.value_info, *model.graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    for function in model.functions:
        for part in (function, *function.node, *function.value_info):
            part.ClearField("metadata_props")
            part.ClearField("doc_string")
    onnx.save(model, path)


def difference(a: StudentAnswer, b: StudentAnswer) -> float:
    """Largest difference between two answers; m for positions."""
    return max(
        float(np.abs(getattr(a, name) - getattr(b, name)).max(initial=0.0))
        for name in ("plan", "mode_logits", "text", "light_logits")
    )


def _median_ms(runtime: TorchRuntime | OnnxRuntime, features: Features) -> float:
    times = []
    for _ in range(_TIMED_CALLS):
        begun = time.perf_counter()
        runtime.answer(features)
        times.append(1e3 * (time.perf_counter() - begun))
    return float(np.median(times))
