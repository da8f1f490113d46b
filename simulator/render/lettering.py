"""Digits and letters as strokes, for signs and for paint on the road."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_Stroke = tuple[tuple[float, float], tuple[float, float]]

_BARS: dict[str, _Stroke] = {
    "a": ((0, 2), (1, 2)),
    "b": ((1, 2), (1, 1)),
    "c": ((1, 1), (1, 0)),
    "d": ((0, 0), (1, 0)),
    "e": ((0, 1), (0, 0)),
    "f": ((0, 2), (0, 1)),
    "g": ((0, 1), (1, 1)),
    "h": ((0.5, 0), (0.5, 2)),
    "i": ((0.15, 1.65), (0.5, 2)),
    "j": ((1, 2), (0.35, 0)),
    "k": ((0, 2), (0.5, 1)),
    "l": ((0.5, 1), (1, 2)),
}
"""The seven bars of a display and some slanting ones, in a box of 1 x 2."""

_BARS_OF = {
    "0": "abcdef", "1": "hi", "2": "abged", "3": "abgcd", "4": "fgbc", "5": "afgcd", "6": "afgecd", "7": "aj",
    "8": "abcdefg", "9": "abcdfg", "S": "afgcd", "T": "ah", "O": "abcdef", "P": "abgfe", "L": "fed", "I": "h",
    "M": "efbckl", "E": "afged", "D": "abcdef",
}  # fmt: skip
_STROKES = {letter: tuple(_BARS[bar] for bar in bars) for letter, bars in _BARS_OF.items()}


def outlines(text: str, width: float, height: float, stroke: float) -> list[NDArray[np.float64]]:
    """Convex outlines (4, 2) of a line of text about its middle, to the right and upwards.

    Args:
        text: of the characters above; a blank leaves a gap.
        width: of the whole line.
        height: of a character.
        stroke: breadth of a stroke.
    """
    step = width / (len(text) + 0.35 * (len(text) - 1))
    made = []
    for number, letter in enumerate(text):
        left = -width / 2.0 + number * 1.35 * step
        for a, b in _STROKES.get(letter, ()):
            inner = np.array([step - stroke, (height - stroke) / 2.0])
            base = np.array([left + stroke / 2.0, -height / 2.0 + stroke / 2.0])
            start, end = np.array(a) * inner + base, np.array(b) * inner + base
            along = (end - start) / np.linalg.norm(end - start) * stroke / 2.0
            across = np.array([-along[1], along[0]])
            made.append(
                np.stack(
                    [
                        start - along - across,
                        end + along - across,
                        end + along + across,
                        start - along + across,
                    ]
                )
            )
    return made
