"""Contrastive loss between the student's text embeddings and the teacher's."""

from __future__ import annotations

import torch
from torch import Tensor

_SAME_COSINE = 0.999


def info_nce(student: Tensor, teacher: Tensor, temperature: float = 0.07) -> Tensor:
    """InfoNCE (van den Oord et al. 2018) with in-batch negatives.

    A sentence that stands several times in the batch is a positive for all who said it, never a
    negative: with a
    teacher that repeats itself, plain InfoNCE would push a student away from what it should say.

    Args:
        student: (B, 384) unit vectors.
        teacher: likewise; rows of zeros have no text and do not count.
        temperature: of the similarities.

    Returns:
        () mean over those with text; 0 if there are fewer than two.
    """
    has_text = teacher.norm(dim=-1) > 0.5
    if int(has_text.sum()) < 2:
        return student.sum() * 0.0
    # Never in half precision: a sentence would not even be like itself.
    with torch.autocast(student.device.type, enabled=False):
        student, teacher = student[has_text].float(), teacher[has_text].float()
        positive = teacher @ teacher.T >= _SAME_COSINE
        logits = student @ teacher.T / temperature
        log_share = logits - torch.logsumexp(logits, -1, keepdim=True)
        return -torch.logsumexp(log_share.masked_fill(~positive, -torch.inf), -1).mean()


def warmed_up(weight: float, epoch: int, warmup_epochs: int) -> float:
    """The weight in an epoch: grows linearly from weight / warmup_epochs to all of it."""
    return weight if warmup_epochs <= 0 else weight * min(1.0, (epoch + 1) / warmup_epochs)
