"""Students that must not pass: noise on the weights of a trained one, and one that was never trained."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper

from policies.checkpoint import (
    ONNX,
    WEIGHTS,
    Checkpoint,
    file_entry,
    find_checkpoint,
    point,
    write_manifest,
)
from policies.nets.weights import load_tensors, save_tensors
from policies.student.config import student_config
from tests.support.student import checkpoint_of


def noised(checkpoint: Checkpoint, folder: Path, strength: float = 0.5, seed: int = 0) -> Checkpoint:
    """Write a checkpoint whose weights, in torch and ONNX, are off by `strength` times each tensor's spread.

    Variances of batch normalisation are left alone: they must not be negative.
    """
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)

    def off(name: str, values: NDArray[np.float32]) -> NDArray[np.float32]:
        if values.dtype != np.float32 or values.size <= 1 or name.endswith("running_var"):
            return values
        noise = strength * float(values.std()) * rng.standard_normal(values.shape)
        return np.asarray(values + noise, dtype=np.float32)

    files = {}
    if ONNX in checkpoint.manifest.files:
        model = onnx.load(checkpoint.file(ONNX))
        for tensor in model.graph.initializer:
            values = off(tensor.name, numpy_helper.to_array(tensor))
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
        onnx.save(model, folder / "noised.onnx")
        files[ONNX] = file_entry(folder / "noised.onnx")
    if WEIGHTS in checkpoint.manifest.files:
        tensors = load_tensors(checkpoint.file(WEIGHTS))
        spoilt = {name: torch.from_numpy(off(name, tensor.numpy())) for name, tensor in tensors.items()}
        save_tensors(folder / "noised.pt", spoilt)
        files[WEIGHTS] = file_entry(folder / "noised.pt")
    made = write_manifest(folder / "noised.json", replace(checkpoint.manifest, files=files, metrics={}))
    point(folder, "latest", made.manifest_path)
    return made


def untrained(folder: Path, seed: int = 0) -> Checkpoint:
    """Write a `nano` student with the weights that training begins with."""
    made = checkpoint_of(folder, student_config("nano"), seed)
    point(folder, "latest", made.manifest_path)
    return find_checkpoint(folder)
