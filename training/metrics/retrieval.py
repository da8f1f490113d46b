"""How well text embeddings find the teacher's sentence."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Retrieval:
    """Result of a retrieval.

    Attributes:
        top1: share of samples whose nearest sentence is their own.
        chance: share that naming the most frequent sentence always would get.
        classes: different sentences.
    """

    top1: float
    chance: float
    classes: int


def retrieve(student: Tensor, teacher: Tensor) -> Retrieval | None:
    """Find each sample's sentence among all different ones of the set.

    Args:
        student: (N, 384) unit vectors.
        teacher: likewise; zeros have no text and do not count.

    Returns:
        None if fewer than two different sentences remain.
    """
    has_text = teacher.norm(dim=-1) > 0.5
    if not bool(has_text.any()):
        return None
    classes, own = torch.unique((teacher[has_text] * 1e4).round(), dim=0, return_inverse=True)
    if len(classes) < 2:
        return None
    found = (student[has_text].float() @ torch.nn.functional.normalize(classes.float(), dim=-1).T).argmax(1)
    counts = torch.bincount(own)
    return Retrieval(
        top1=float((found == own).float().mean()),
        chance=float(counts.max() / counts.sum()),
        classes=len(classes),
    )
