"""What stands in the level, sorted into cells, so that a body finds what it could hit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CELL_M = 12.0
"""Side of a cell."""


@dataclass(frozen=True, slots=True)
class StaticGrid:
    """Solids by cell; those that reach into cell (i, j) are `members[first[k]:first[k + 1]]`, k = i * ny + j.

    Attributes:
        solids: (N,) SOLID; its `collides` and `stands` may change, its boxes may not.
        members: (M,) row of a solid, once for every cell that it reaches into; only what may collide.
        first: (nx * ny + 1,) int64.
        corner: (N, 2) lowest cell of each solid, so that a pair is found in one cell only.
        origin: x and y of the lower corner, m.
        shape: nx, ny.
    """

    solids: NDArray[np.void]
    members: NDArray[np.int64]
    first: NDArray[np.int64]
    corner: NDArray[np.int64]
    origin: NDArray[np.float64]
    shape: NDArray[np.int64]


def static_grid(solids: NDArray[np.void]) -> StaticGrid:
    """Sort solids into cells; an empty array gives an empty grid of one cell."""
    if not len(solids):
        nothing = np.zeros(0, np.int64)
        return StaticGrid(
            solids,
            nothing,
            np.zeros(2, np.int64),
            np.zeros((0, 2), np.int64),
            np.zeros(2),
            np.ones(2, np.int64),
        )
    c, s = np.abs(np.cos(solids["yaw"])), np.abs(np.sin(solids["yaw"]))
    half = np.stack(
        [
            c * solids["extent_x"] + s * solids["extent_y"],
            s * solids["extent_x"] + c * solids["extent_y"],
        ],
        axis=1,
    )
    at = np.stack([solids["x"], solids["y"]], axis=1)
    origin = (at - half).min(axis=0)
    low = ((at - half - origin) // CELL_M).astype(np.int64)
    high = ((at + half - origin) // CELL_M).astype(np.int64)
    shape = high.max(axis=0) + 1
    keys, members = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    hit = solids["collides"] == 1
    for i in range(int((high - low)[:, 0].max()) + 1):
        for j in range(int((high - low)[:, 1].max()) + 1):
            inside = hit & (low[:, 0] + i <= high[:, 0]) & (low[:, 1] + j <= high[:, 1])
            keys.append(((low[:, 0] + i) * shape[1] + low[:, 1] + j)[inside])
            members.append(np.flatnonzero(inside))
    key = np.concatenate(keys)
    order = np.argsort(key, kind="stable")
    first = np.searchsorted(key[order], np.arange(shape[0] * shape[1] + 1))
    return StaticGrid(
        solids, np.concatenate(members)[order], first.astype(np.int64), low, origin, shape.astype(np.int64)
    )
