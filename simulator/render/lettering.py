"""Digits and letters as strokes, for signs and for paint on the road."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_Stroke = tuple[tuple[float, float], tuple[float, float]]

_BARS: dict[str, _Stroke] = {
    "a": ((0, 2), (1, 2)), "b": ((1, 2), (1, 1)), "c": ((1, 1), (1, 0)), "d": ((0, 0), (1, 0)),
    "e": ((0, 1), (0, 0)), "f": ((0, 2), (0, 1)), "g": ((0, 1), (1, 1)), "h": ((0.5, 0), (0.5, 2)),
    "i": ((0.15, 1.65), (0.5, 2)), "j": ((1, 2), (0.35, 0)), "k": ((0, 2), (0.5, 1)),
    "l": ((0.5, 1), (1, 2)), "m": ((0, 0), (0.5, 1)), "n": ((0.5, 1), (1, 0)), "o": ((0, 0), (1, 2)),
    "p": ((0, 2), (1, 0)), "q": ((0, 2), (0.5, 0)), "r": ((0.5, 0), (1, 2)), "s": ((0, 1), (1, 2)),
    "t": ((0, 1), (1, 0)), "u": ((0.5, 1), (1, 1)), "v": ((0.5, 1), (0.5, 0)),
    "w": ((0.5, 0.5), (0.5, 1.5)), "x": ((0.45, 0), (0.55, 0)), "y": ((0.45, 1), (0.55, 1)),
    "z": ((0.5, 0), (0.25, -0.4)), "A": ((0.5, 2), (0.5, 0.6)), "B": ((0.2, 0.5), (0.8, 0.5)),
    "C": ((0.8, 2), (0.3, 1)), "D": ((0.3, 1), (0.8, 0)), "E": ((0.2, 2), (0.7, 1)),
    "F": ((0.7, 1), (0.2, 0)), "G": ((0, 2), (0.3, 2)), "H": ((0.7, 0), (1, 0)),
    "I": ((0.35, 2), (0.35, 0)), "J": ((0.65, 2), (0.65, 0)), "K": ((0, 0.65), (1, 0.65)),
    "L": ((0, 1.35), (1, 1.35)), "M": ((0.6, 0.5), (1, 0)), "N": ((0.4, 2), (0.4, 1.5)),
    "O": ((0.5, 2), (1, 1)), "P": ((1, 1), (0.5, 0)),
}  # fmt: skip
"""The seven bars of a display and some slanting ones, in a box of 1 x 2."""

_BARS_OF = {
    "0": "abcdef", "1": "hi", "2": "abged", "3": "abgcd", "4": "fgbc", "5": "afgcd", "6": "afgecd", "7": "aj",
    "8": "abcdefg", "9": "abcdfg", "A": "abcefg", "B": "adefgOP", "C": "afed", "D": "abcdef", "E": "afged",
    "F": "afge", "G": "afedcu", "H": "fegbc", "I": "h", "J": "bcde", "K": "fest", "L": "fed", "M": "efbckl",
    "N": "efbcp", "O": "abcdef", "P": "abgfe", "Q": "abcdefM", "R": "abgfet", "S": "afgcd", "T": "ah",
    "U": "fedcb", "V": "qr", "W": "febcmn", "X": "op", "Y": "klv", "Z": "aod", ".": "x", ",": "z", ":": "xy",
    ";": "yz", "-": "g", "+": "gw", "_": "d", "=": "gK", "/": "o", "\\": "p", "|": "h", "(": "CD", ")": "EF",
    "[": "GIH", "]": "J", "<": "CD", ">": "EF", "!": "Ax", "?": "abuvx", "#": "IJKL", "*": "opw", "%": "oGH",
    "'": "N", '"': "N",
}  # fmt: skip
_STROKES = {letter: tuple(_BARS[bar] for bar in bars) for letter, bars in _BARS_OF.items()}


def strokes(letter: str) -> tuple[_Stroke, ...]:
    """The strokes of a digit, a capital or a mark in a box of 1 x 2, upwards; none of what is not known."""
    return _STROKES.get(letter, ())


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
        for a, b in strokes(letter):
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
