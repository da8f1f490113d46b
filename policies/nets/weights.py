"""Reading and writing weights: tensors only, never pickled objects."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from policies.checkpoint import CheckpointError
from policies.durable import put_in_place


def save_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write named tensors; the file appears whole or not at all."""
    temporary = path.with_name(path.name + ".tmp")
    torch.save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, temporary)
    put_in_place(temporary, path)


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read named tensors onto the CPU, half precision as float32.

    Raises:
        CheckpointError: the file holds anything else, or is damaged.
    """
    try:
        values = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
        raise CheckpointError(f"{path} cannot be read as weights: {error}") from error
    if not isinstance(values, dict) or not all(isinstance(v, Tensor) for v in values.values()):
        raise CheckpointError(f"{path} holds something else than named tensors")
    return {
        str(name): value.float() if value.dtype in (torch.float16, torch.bfloat16) else value
        for name, value in values.items()
    }
