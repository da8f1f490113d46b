"""A student with noise on its weights: what a broken file or a bad merge would drive like.

    python -m tests.support.noised_student shipped/student runs/noised --strength 0.5

writes a checkpoint that `drivegate run --policy-arg student.checkpoint=runs/noised` takes.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from policies.checkpoint import ONNX, Checkpoint, file_entry, find_checkpoint, point, write_manifest


def noised(checkpoint: Checkpoint, folder: Path, strength: float, seed: int = 0) -> Checkpoint:
    """Write a checkpoint whose exported weights are off by `strength` times each tensor's own spread.

    Variances of batch normalisation are left alone: they must not be negative.

    Args:
        checkpoint: to take the exported network of.
        folder: of the new one.
        strength: 0 changes nothing.
        seed: of the noise.
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
    manifest = replace(checkpoint.manifest, files={ONNX: file_entry(path)}, metrics={})
    made = write_manifest(folder / "noised.json", manifest)
    point(folder, "latest", made.manifest_path)
    return made


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint", help="as of `drivegate run`")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--strength", type=float, default=0.5, help="in standard deviations of each tensor")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    made = noised(find_checkpoint(options.checkpoint), options.folder, options.strength, options.seed)
    print(made.manifest_path)


if __name__ == "__main__":
    main()
