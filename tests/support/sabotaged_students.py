"""Students with a defect: what a gate must find.

python -m tests.support.sabotaged_students CHECKPOINT FOLDER [STRENGTH]
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from policies.checkpoint import WEIGHTS, Checkpoint, file_entry, find_checkpoint, write_manifest

NOISE = 0.5


def noised(checkpoint: Checkpoint, folder: Path, strength: float = NOISE, seed: int = 0) -> Checkpoint:
    """Store a checkpoint with noise on its weights, in shares of each tensor's standard deviation."""
    import torch

    from policies.nets.weights import load_tensors, save_tensors

    make = torch.Generator().manual_seed(seed)
    tensors = {
        name: tensor + strength * tensor.std() * torch.randn(tensor.shape, generator=make)
        if tensor.is_floating_point() and tensor.ndim > 1
        else tensor
        for name, tensor in load_tensors(checkpoint.file(WEIGHTS)).items()
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "baseline_seed0_noised.pt"
    save_tensors(path, tensors)
    manifest = replace(checkpoint.manifest, files={WEIGHTS: file_entry(path)}, metrics={})
    return write_manifest(path.with_suffix(".json"), manifest)


if __name__ == "__main__":
    made = noised(find_checkpoint(sys.argv[1]), Path(sys.argv[2]), float((sys.argv[3:] or [NOISE])[0]))
    print(made.manifest_path)
