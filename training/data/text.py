"""Sentences -> unit vectors of 384 numbers."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from policies.sensor_bundle import Float
from policies.student.config import TEXT_DIM
from training.data.sample import SampleError


class TextEncoder(Protocol):
    """Turns sentences into vectors."""

    name: str

    def encode(self, texts: Sequence[str]) -> Float:
        """(N, 384), each of length 1; zeros for an empty sentence."""
        ...


class HashingEncoder:
    """Signed feature hashing of words and word pairs (Weinberger et al. 2009).

    Needs no weights and is the same everywhere. Sentences that share words are near each other; it knows
    nothing of what they mean.
    """

    name = "hashing-384-v1"

    def encode(self, texts: Sequence[str]) -> Float:
        """(N, 384), each of length 1; zeros for an empty sentence."""
        vectors = np.zeros((len(texts), TEXT_DIM))
        for row, text in enumerate(texts):
            words = re.findall(r"[a-z0-9]+", text.lower())
            pairs = [f"{a} {b}" for a, b in pairwise(words)]
            for token, weight in [(w, 1.0) for w in words] + [(p, 0.5) for p in pairs]:
                digest = hashlib.blake2b(token.encode(), digest_size=8).digest()
                vectors[row, int.from_bytes(digest[:4], "big") % TEXT_DIM] += (
                    weight if digest[4] & 1 else -weight
                )
        length = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.where(length > 0.0, length, 1.0))


class SentenceTransformer:
    """all-MiniLM-L6-v2, or another BERT-like model of 384 dimensions, from a folder on disk.

    Mean of the last hidden states over the words, then length 1: what the published model card prescribes.

    Args:
        folder: with config.json, tokenizer and model.safetensors. Nothing is downloaded.

    Raises:
        SampleError: transformers is missing, the folder is not a model, or its vectors are not 384 long.
    """

    def __init__(self, folder: Path) -> None:
        try:
            import transformers
        except ModuleNotFoundError as error:
            raise SampleError("Sentence models need transformers: pip install 'drivegate[vlm]'") from error
        try:
            self._tokenizer: Any = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
            self._model: Any = transformers.AutoModel.from_pretrained(
                folder, local_files_only=True, use_safetensors=True
            ).eval()
        except (OSError, ValueError) as error:
            raise SampleError(f"{folder} holds no sentence model (all-MiniLM-L6-v2): {error}") from error
        if self._model.config.hidden_size != TEXT_DIM:
            raise SampleError(
                f"{folder}: vectors of {self._model.config.hidden_size} numbers, not {TEXT_DIM}"
            )
        self.name = Path(folder).name

    def encode(self, texts: Sequence[str]) -> Float:
        """(N, 384), each of length 1; zeros for an empty sentence."""
        import torch

        tokens = self._tokenizer(
            list(texts), padding=True, truncation=True, max_length=256, return_tensors="pt"
        )
        with torch.inference_mode():
            hidden = self._model(**tokens).last_hidden_state
        mask = tokens["attention_mask"].unsqueeze(-1).to(hidden.dtype)
        mean = (hidden * mask).sum(1) / mask.sum(1).clamp(min=1.0)
        vectors = torch.nn.functional.normalize(mean, dim=-1).numpy().astype(np.float64)
        vectors[[not text.strip() for text in texts]] = 0.0
        return np.asarray(vectors)


def text_encoder(folder: Path | None) -> TextEncoder:
    """The sentence model of a folder, or the hashing encoder without one."""
    return HashingEncoder() if folder is None else SentenceTransformer(folder)
