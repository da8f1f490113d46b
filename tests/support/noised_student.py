"""A student with noise on its weights: what a broken file or a bad merge would drive like.

    python -m tests.support.noised_student shipped/student runs/noised --strength 0.5

writes a checkpoint that `drivegate run --policy-arg student.checkpoint=runs/noised` takes.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch

from policies.checkpoint import WEIGHTS, Checkpoint, file_entry, find_checkpoint, point, write_manifest
from policies.nets.weights import load_tensors, save_tensors


def noised(checkpoint: Checkpoint, folder: Path, strength: float, seed: int = 0) -> Checkpoint:
    """Write a checkpoint whose weights are off by `strength` times each tensor's own spread.

    Args:
        checkpoint: to take the weights of.
        folder: of the new one.
        strength: 0 changes nothing.
        seed: of the noise.
    """
    generator = torch.Generator().manual_seed(seed)
    tensors = {
        name: value + strength * value.std() * torch.randn(value.shape, generator=generator)
        if value.is_floating_point() and value.numel() > 1 and not name.endswith("running_var")
        else value
        for name, value in load_tensors(checkpoint.file(WEIGHTS)).items()
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "noised.pt"
    save_tensors(path, tensors)
    manifest = replace(checkpoint.manifest, files={WEIGHTS: file_entry(path)}, metrics={})
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
