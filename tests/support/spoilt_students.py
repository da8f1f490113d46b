"""Students that must not pass: noise on the weights of a trained one, and one that was never trained."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from policies.checkpoint import (
    ONNX,
    Checkpoint,
    Manifest,
    file_entry,
    find_checkpoint,
    point,
    write_manifest,
)
from policies.student.config import student_config
from tests.support.student import checkpoint_of


def noised(checkpoint: Checkpoint, folder: Path, strength: float = 0.5, seed: int = 0) -> Checkpoint:
    """Write a checkpoint whose exported weights are off by `strength` times each tensor's own spread.

    Variances of batch normalisation are left alone: they must not be negative.
    """
    rng = np.random.default_rng(seed)
    model = onnx.load(checkpoint.file(ONNX))
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and values.size > 1 and not tensor.name.endswith("running_var"):
            noise = strength * float(values.std()) * rng.standard_normal(values.shape)
            tensor.CopyFrom(numpy_helper.from_array((values + noise).astype(np.float32), tensor.name))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "noised.onnx"
    onnx.save(model, path)
    manifest: Manifest = replace(checkpoint.manifest, files={ONNX: file_entry(path)}, metrics={})
    made = write_manifest(folder / "noised.json", manifest)
    point(folder, "latest", made.manifest_path)
    return made


def untrained(folder: Path, seed: int = 0) -> Checkpoint:
    """Write a `nano` student with the weights that training begins with."""
    made = checkpoint_of(folder, student_config("nano"), seed)
    point(folder, "latest", made.manifest_path)
    return find_checkpoint(folder)
