"""Paint: lines across a surface's own coordinates, drawn exactly and filtered by area.

A pattern is a set of lines. Each runs along the coordinate u (metres along the road) between two values of
v or w (metres from the inner and from the outer edge of a lane), and may be dashed. The renderer integrates
them over a pixel's footprint, so that lines neither flicker nor break up far away.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from simulator.render.road_file import Mark

WHITE = (0.78, 0.78, 0.75)
YELLOW = (0.72, 0.47, 0.06)
_COLORS = {
    "yellow": YELLOW,
    "orange": (0.75, 0.3, 0.05),
    "red": (0.6, 0.05, 0.05),
    "blue": (0.05, 0.15, 0.6),
    "green": (0.05, 0.4, 0.1),
}

DASH_M, GAP_M = 3.0, 4.5
"""Of broken lines whose file does not tell: a usual urban lane line."""

_DOT_M, _DOT_GAP_M = 0.1, 1.1  # Botts' dots

LINE_WIDTH = 9
"""Floats per line: edge (0 v, 1 w), low, high, period (0 solid), on, phase, red, green, blue."""

Line = tuple[float, ...]
"""`LINE_WIDTH` numbers."""


@dataclass(slots=True)
class PatternBook:
    """Collects patterns; equal ones share a row. Row 0 is blank."""

    _rows: dict[tuple[Line, ...], int] = field(default_factory=lambda: {(): 0})

    def add(self, lines: tuple[Line, ...]) -> int:
        """The row of a pattern."""
        return self._rows.setdefault(lines, len(self._rows))

    def tables(self) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """(N + 1,) first line of each pattern, and (M, LINE_WIDTH) lines."""
        counts = [len(lines) for lines in self._rows]
        flat = [line for lines in self._rows for line in lines]
        first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
        return first, np.array(flat, np.float32).reshape(-1, LINE_WIDTH)


def mark_lines(mark: Mark | None, edge: int, outwards: int) -> tuple[Line, ...]:
    """Lines of a road mark as one of the lanes beside it sees them.

    Args:
        mark: on the edge, None for none.
        edge: 0 if the mark is on the lane's inner edge, 1 if on its outer edge.
        outwards: 1 if distances from that edge grow to the left (against t), else -1.
    """
    if mark is None:
        return ()
    rgb = _COLORS.get(mark.color, WHITE)
    parts = [
        (offset * outwards, width, length + space if space > 0.0 else 0.0, length)
        for length, space, offset, width in mark.lines
    ] or _parts(mark, outwards)
    return tuple(
        (float(edge), middle - width / 2.0, middle + width / 2.0, period, on, mark.s_m, *rgb)
        for middle, width, period, on in parts
    )


def _parts(mark: Mark, outwards: int) -> list[tuple[float, float, float, float]]:
    """Middle, width, period and length of dashes of each line of a mark, from its type."""
    width = mark.width_m
    solid, broken = (0.0, 0.0), (DASH_M + GAP_M, DASH_M)
    words = mark.type.split()
    if mark.type == "botts dots":
        return [(0.0, max(width, 0.1), _DOT_M + _DOT_GAP_M, _DOT_M)]
    if mark.type in ("edge", "custom"):
        return [(0.0, width, *solid)]
    if len(words) == 1 and words[0] in ("solid", "broken"):
        return [(0.0, width, *(solid if words[0] == "solid" else broken))]
    if len(words) == 2 and set(words) <= {"solid", "broken"}:
        # OpenDRIVE names the left line first.
        return [
            (side * outwards * width, width, *(solid if word == "solid" else broken))
            for word, side in zip(words, (1.0, -1.0), strict=True)
        ]
    return []
