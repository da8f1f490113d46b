"""Digits and letters as strokes, for signs and for paint on the road."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_A, _B, _C, _D, _E, _F, _G = (
    ((0, 2), (1, 2)), ((1, 2), (1, 1)), ((1, 1), (1, 0)), ((0, 0), (1, 0)), ((0, 1), (0, 0)), ((0, 2), (0, 1)),
    ((0, 1), (1, 1)),
)  # fmt: skip
_STROKES: dict[str, tuple[tuple[tuple[float, float], tuple[float, float]], ...]] = {
    "0": (_A, _B, _C, _D, _E, _F), "1": (((0.5, 0), (0.5, 2)), ((0.15, 1.65), (0.5, 2))), "2": (_A, _B, _G, _E, _D),
    "3": (_A, _B, _G, _C, _D), "4": (_F, _G, _B, _C), "5": (_A, _F, _G, _C, _D), "6": (_A, _F, _G, _E, _C, _D),
    "7": (_A, ((1, 2), (0.35, 0))), "8": (_A, _B, _C, _D, _E, _F, _G), "9": (_A, _B, _C, _D, _F, _G),
    "S": (_A, _F, _G, _C, _D), "T": (_A, ((0.5, 0), (0.5, 2))), "O": (_A, _B, _C, _D, _E, _F), "P": (_A, _B, _G, _F, _E),
    "L": (_F, _E, _D), "I": (((0.5, 0), (0.5, 2)),), "M": (_E, _F, _B, _C, ((0, 2), (0.5, 1)), ((0.5, 1), (1, 2))),
    "E": (_A, _F, _G, _E, _D), "D": (_F, _E, ((0, 2), (0.7, 2)), ((0, 0), (0.7, 0)), ((0.7, 2), (1, 1.6)), ((0.7, 0), (1, 0.4)), ((1, 1.6), (1, 0.4))),
}  # fmt: skip


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
