"""Lines, points and words that are drawn into a finished picture, behind what is nearer."""

from __future__ import annotations

from dataclasses import dataclass, field

import numba
import numpy as np
from numpy.typing import NDArray

from simulator.render.camera import NEAR_M
from simulator.render.lettering import strokes
from simulator.render.project import OPTIONS

STROKE = 11
"""Columns of a stroke: both ends in the world m, width m, least width px, red, green, blue 0 .. 255."""

LETTER_PX = (6.0, 11.0)
"""Width and height of a letter: it is as large far away as near."""

_LETTER_HALF_PX = 0.7
_ADVANCE = 1.35  # from one letter to the next, in widths
_IN_FRONT = 1e9  # 1/m: nothing hides words
_MOST_HALF_PX = 400.0


@dataclass(frozen=True, slots=True)
class Text:
    """Words at a place.

    Attributes:
        place: m, in the world; they begin there.
        text: one line; letters are drawn as capitals.
        rgb: 0 .. 255.
        shadow: whether they stand out against a dark one.
    """

    place: tuple[float, float, float]
    text: str
    rgb: tuple[int, int, int]
    shadow: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Annotations:
    """What is drawn into pictures.

    Attributes:
        strokes: (N, STROKE) float64.
        texts: words.
    """

    strokes: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, STROKE)))
    texts: tuple[Text, ...] = ()

    def __bool__(self) -> bool:
        return bool(len(self.strokes) or self.texts)


def annotate(
    bgra: NDArray[np.uint8],
    depth: NDArray[np.float32],
    lens: NDArray[np.float64],
    view: NDArray[np.float64],
    annotations: Annotations,
) -> None:
    """Draw into a picture. Strokes are hidden by what is nearer than they are; words by nothing.

    Args:
        bgra: (H, W, 4), changed in place.
        depth: (H, W) m along the camera's axis.
        lens: see `pinhole`.
        view: see `view_matrix`.
        annotations: in the world.
    """
    lines = [_flattened(annotations.strokes, lens, view)]
    lines += [_written(text, lens, view) for text in annotations.texts]
    _draw(bgra, depth, np.concatenate(lines))


def _flattened(
    given: NDArray[np.float64], lens: NDArray[np.float64], view: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(M, STROKE) on the picture: x, y px, 1/depth and half width px of both ends, blue, green, red."""
    a, b = (given[:, :3] - view[3]) @ view[:3].T, (given[:, 3:6] - view[3]) @ view[:3].T
    ahead = (a[:, 2] > NEAR_M) | (b[:, 2] > NEAR_M)
    a, b, given = a[ahead], b[ahead], given[ahead]
    a, b = _clipped(a, b), _clipped(b, a)
    out = np.empty((len(given), STROKE))
    for first, end in ((0, a), (4, b)):
        inverse = 1.0 / end[:, 2]
        out[:, first] = lens[0] * end[:, 0] * inverse + lens[2]
        out[:, first + 1] = lens[1] * end[:, 1] * inverse + lens[3]
        out[:, first + 2] = inverse
        wide = np.maximum(given[:, 6] * lens[0] * inverse, given[:, 7])
        out[:, first + 3] = np.minimum(wide / 2.0, _MOST_HALF_PX)
    out[:, 8:] = given[:, :7:-1]
    return out


def _clipped(end: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ends that are behind the near plane, moved there along their strokes."""
    behind = end[:, 2] < NEAR_M
    rise = np.where(behind, other[:, 2] - end[:, 2], 1.0)
    share = np.where(behind, (NEAR_M - end[:, 2]) / np.maximum(rise, 1e-9), 0.0)
    return np.asarray(end + share[:, None] * (other - end))


def _written(text: Text, lens: NDArray[np.float64], view: NDArray[np.float64]) -> NDArray[np.float64]:
    """The strokes of some words on the picture, as of `_flattened`."""
    right, down, ahead = view[:3] @ (np.array(text.place) - view[3])
    if ahead < NEAR_M:
        return np.zeros((0, STROKE))
    corner = np.array([lens[0] * right / ahead + lens[2], lens[1] * down / ahead + lens[3]])
    wide, high = LETTER_PX
    found = [
        np.array(bar, np.float64) * (wide, -high / 2.0) + corner + (number * _ADVANCE * wide, 0.0)
        for number, letter in enumerate(text.text.upper())
        for bar in strokes(letter)
    ]
    if not found:
        return np.zeros((0, STROKE))
    bars = np.array(found)
    layers = [(1.0, (0.0, 0.0, 0.0))] if text.shadow else []
    parts = []
    for off, bgr in [*layers, (0.0, text.rgb[::-1])]:
        out = np.empty((len(bars), STROKE))
        out[:, 0:2], out[:, 4:6] = bars[:, 0] + off, bars[:, 1] + off
        out[:, [2, 6]], out[:, [3, 7]] = _IN_FRONT, _LETTER_HALF_PX
        out[:, 8:] = bgr
        parts.append(out)
    return np.concatenate(parts)


@numba.njit(**OPTIONS)
def _draw(bgra, depth, lines):  # type: ignore[no-untyped-def]
    height, width = depth.shape
    for n in range(lines.shape[0]):
        x0, y0, w0, h0, x1, y1, w1, h1 = lines[n, :8]
        most = max(h0, h1) + 1.0
        if min(y0, y1) > height + most or max(y0, y1) < -most:
            continue
        dx, dy = x1 - x0, y1 - y0
        square = dx * dx + dy * dy
        first = max(int(max(min(y0, y1) - most, 0.0)), 0)
        last = int(min(max(y0, y1) + most + 1.0, float(height)))
        for y in range(first, last):
            row = y + 0.5
            low, high = min(x0, x1), max(x0, x1)
            if abs(dy) > 1e-6:  # where the stroke is within its width of this row
                s0 = min(max((row - most - y0) / dy, 0.0), 1.0)
                s1 = min(max((row + most - y0) / dy, 0.0), 1.0)
                low, high = min(x0 + s0 * dx, x0 + s1 * dx), max(x0 + s0 * dx, x0 + s1 * dx)
            begin = int(min(max(low - most, 0.0), float(width)))
            end = int(min(max(high + most + 1.0, 0.0), float(width)))
            for x in range(begin, end):
                px, py = x + 0.5 - x0, row - y0
                s = min(max((px * dx + py * dy) / square, 0.0), 1.0) if square > 1e-12 else 0.0
                px -= s * dx
                py -= s * dy
                share = h0 + s * (h1 - h0) + 0.5 - (px * px + py * py) ** 0.5
                if share <= 0.0:
                    continue
                if 1.0 / (w0 + s * (w1 - w0)) > depth[y, x] * 1.002 + 0.02:
                    continue
                share = min(share, 1.0)
                for c in range(3):
                    value = float(bgra[y, x, c])
                    bgra[y, x, c] = np.uint8(value + (lines[n, 8 + c] - value) * share + 0.5)
