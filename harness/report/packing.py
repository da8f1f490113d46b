"""Numbers for the page: quantised, differenced, sorted by byte, deflated, as base64. `unpack.js` reads them.

A blob is, before deflating: the length of its head as 4 bytes (little endian), the head as JSON, and the
arrays one after the other. The head's key `arrays` tells of each: name, type ("u1", "i2", "i4"), count,
scale (value = number x scale), stride (each number is the difference to the one `stride` before it; 0: none).
Bytes are sorted by their place in the number (all lowest bytes first), which deflates better.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Column:
    """An array to pack.

    Attributes:
        values: one-dimensional.
        scale: of the last digit that is kept.
        stride: for differencing, 0 for none.
    """

    values: NDArray[Any]
    scale: float
    stride: int = 1


def pack(head: Mapping[str, Any], columns: Mapping[str, Column]) -> str:
    """One blob.

    Raises:
        ValueError: a value is not finite, or beyond 32 bits at its scale.
    """
    described, parts = [], []
    for name, column in columns.items():
        numbers = _whole(name, column)
        kind = _smallest(numbers)
        data = np.ascontiguousarray(numbers.astype(kind))
        width = data.dtype.itemsize
        parts.append(data.view(np.uint8).reshape(-1, width).T.tobytes())
        described.append(
            {
                "name": name,
                "type": {1: "u1", 2: "i2", 4: "i4"}[width],
                "count": len(data),
                "scale": column.scale,
                "stride": column.stride,
            }
        )
    text = json.dumps({**head, "arrays": described}, separators=(",", ":"), allow_nan=False).encode()
    raw = len(text).to_bytes(4, "little") + text + b"".join(parts)
    return base64.b64encode(zlib.compress(raw, 9)).decode("ascii")


def _whole(name: str, column: Column) -> NDArray[np.int64]:
    """Values as whole numbers, differenced. Rounded before differencing, so that no error adds up."""
    values = np.asarray(column.values, np.float64)
    if not np.isfinite(values).all():
        raise ValueError(f"column {name} has values that are not finite")
    numbers = np.rint(values / column.scale)
    if len(numbers) and np.abs(numbers).max() >= 2.0**30:
        raise ValueError(f"column {name} has a value beyond 30 bits at the scale {column.scale:g}")
    whole = numbers.astype(np.int64)
    if column.stride:
        whole[column.stride :] -= whole[: -column.stride].copy()
    return whole


def _smallest(numbers: NDArray[np.int64]) -> str:
    """The smallest type that holds them; little endian, whatever machine this is."""
    low, high = (int(numbers.min()), int(numbers.max())) if len(numbers) else (0, 0)
    if low >= 0 and high < 2**8:
        return "<u1"
    return "<i2" if low >= -(2**15) and high < 2**15 else "<i4"
