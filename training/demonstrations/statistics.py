"""Statistics of columns as LeRobot keeps them: per episode, and put together for the whole data set."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from PIL import Image

from training.demonstrations.features import Feature, block

Stats = dict[str, np.ndarray]
QUANTILES = {"q01": 0.01, "q10": 0.10, "q50": 0.50, "q90": 0.90, "q99": 0.99}
_PICTURES = 8


def episode_stats(table: pa.Table, features: Mapping[str, Feature]) -> dict[str, Stats]:
    """Minimum, maximum, mean, standard deviation, quantiles and count of every column of numbers or pictures.

    Of pictures a few are looked at, per channel in 0..1 with shape (3, 1, 1), as LeRobot does.
    """
    found: dict[str, Stats] = {}
    for name, feature in features.items():
        if feature.dtype == "string" or name not in table.column_names:
            continue
        if feature.dtype == "image":
            pixels = _pixels(table[name])
            stats = {key: value.reshape(3, 1, 1) for key, value in _of(pixels.reshape(-1, 3)).items()}
            found[name] = {**stats, "count": np.array([len(pixels)])}
            continue
        values = block(feature, table[name]).astype(np.float64)
        rows = values.reshape(len(values), -1)
        shape = feature.shape
        found[name] = {key: value.reshape(shape) for key, value in _of(rows).items()}
        found[name]["count"] = np.array([len(values)])
    return found


def combine(parts: Sequence[Mapping[str, Stats]]) -> dict[str, Stats]:
    """Statistics of several episodes -> of all of them.

    Means and deviations are exact; a quantile is the mean of the episodes' quantiles weighted by their
    frames, as LeRobot does.
    """
    found: dict[str, Stats] = {}
    for name in parts[0]:
        stats = [part[name] for part in parts]
        counts = np.array([float(one["count"][0]) for one in stats])
        weight = (counts / counts.sum()).reshape(-1, *([1] * stats[0]["mean"].ndim))
        means = np.stack([one["mean"] for one in stats])
        mean = (weight * means).sum(0)
        variance = (weight * (np.stack([one["std"] for one in stats]) ** 2 + (means - mean) ** 2)).sum(0)
        found[name] = {
            "min": np.min([one["min"] for one in stats], axis=0),
            "max": np.max([one["max"] for one in stats], axis=0),
            "mean": mean,
            "std": np.sqrt(variance),
            "count": np.array([int(counts.sum())]),
            **{q: (weight * np.stack([one[q] for one in stats])).sum(0) for q in QUANTILES},
        }
    return found


def _of(rows: np.ndarray) -> Stats:
    quantiles = np.quantile(rows, list(QUANTILES.values()), axis=0)
    return {
        "min": rows.min(0),
        "max": rows.max(0),
        "mean": rows.mean(0),
        "std": rows.std(0),
        **dict(zip(QUANTILES, quantiles, strict=True)),
    }


def _pixels(images: pa.ChunkedArray) -> np.ndarray:
    """(N, H * W, 3) of a few pictures, in 0..1."""
    at = np.unique(np.linspace(0, len(images) - 1, _PICTURES).astype(int))
    pictures = [np.asarray(Image.open(io.BytesIO(images[int(i)]["bytes"].as_py()))) for i in at]
    return np.stack([picture.reshape(-1, 3) for picture in pictures]) / 255.0
