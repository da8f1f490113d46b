"""Drawings: shapes that clients draw into the world to see what they think. Only colour cameras see them."""

from __future__ import annotations

import itertools
import math
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.render.annotations import STROKE, Annotations, Text
from simulator.render.poses import rotation_matrices

MAX_SHAPES = 20_000
"""Of both kinds each; the oldest ones go first."""

Rgb = tuple[int, int, int]
Vector = tuple[float, float, float]

_ARROW_SIDES = ((1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0))
_POINT_PX_PER_M = 100.0  # CARLA hands its points to Unreal in cm, which draws them in pixels


@dataclass(frozen=True, slots=True, eq=False)
class _Shape:
    """A shape and how long it is there.

    Attributes:
        content: (N, STROKE) strokes, or words.
        until_s: simulated time after which it is gone, infinite for ever; NaN for one picture only.
        frame: after which it was drawn.
    """

    content: NDArray[np.float64] | Text
    until_s: float
    frame: int

    def is_there(self, frame: int, now_s: float) -> bool:
        """Whether it is seen in the tick that made a frame."""
        if math.isnan(self.until_s):
            return frame <= self.frame + 1
        return now_s <= self.until_s + 1e-6


class Drawings:
    """What an episode's clients have drawn."""

    def __init__(self) -> None:
        self._shapes: deque[_Shape] = deque(maxlen=MAX_SHAPES)
        self._words: deque[_Shape] = deque(maxlen=MAX_SHAPES)
        self._seen: tuple[int, Annotations] | None = None

    def add(self, content: NDArray[np.float64] | Text, life_time_s: float, frame: int, now_s: float) -> None:
        """Draw something.

        Args:
            content: (N, STROKE) strokes, or words.
            life_time_s: in simulated time; 0 is for ever, and less is for the next picture only, as CARLA's
                documentation has it.
            frame: the latest one.
            now_s: its simulated time.
        """
        until_s = now_s + life_time_s if life_time_s > 0.0 else math.inf if life_time_s == 0.0 else math.nan
        (self._words if isinstance(content, Text) else self._shapes).append(_Shape(content, until_s, frame))
        self._seen = None

    def clear(self) -> None:
        """Wipe off all shapes; words stay."""
        self._shapes.clear()
        self._seen = None

    def clear_words(self) -> None:
        """Wipe off all words."""
        self._words.clear()
        self._seen = None

    def visible(self, frame: int, now_s: float) -> Annotations:
        """What is seen in the tick that made a frame. What is past is forgotten.

        Args:
            frame: of the tick.
            now_s: its simulated time.
        """
        if self._seen is None or self._seen[0] != frame:
            for shapes in (self._shapes, self._words):
                if any(not shape.is_there(frame, now_s) for shape in shapes):
                    alive = [shape for shape in shapes if shape.is_there(frame, now_s)]
                    shapes.clear()
                    shapes.extend(alive)
            strokes = [shape.content for shape in self._shapes if not isinstance(shape.content, Text)]
            texts = tuple(shape.content for shape in self._words if isinstance(shape.content, Text))
            self._seen = frame, Annotations(np.concatenate([np.zeros((0, STROKE)), *strokes]), texts)
        return self._seen[1]


def point(place: Vector, size: float, rgb: Rgb) -> NDArray[np.float64]:
    """A dot of the same size far away as near."""
    return _strokes(np.array([[place, place]]), 0.0, rgb, _POINT_PX_PER_M * abs(size))


def line(begin: Vector, end: Vector, thickness_m: float, rgb: Rgb) -> NDArray[np.float64]:
    """A straight line."""
    return _strokes(np.array([[begin, end]]), thickness_m, rgb)


def arrow(begin: Vector, end: Vector, thickness_m: float, size_m: float, rgb: Rgb) -> NDArray[np.float64]:
    """A line with four barbs at its end, each as far back as aside."""
    start, tip = np.array(begin), np.array(end)
    length = float(np.linalg.norm(tip - start))
    if length < 1e-6:
        return line(begin, end, thickness_m, rgb)
    ahead = (tip - start) / length
    helper = np.array([0.0, 0.0, 1.0]) if abs(ahead[2]) < 0.95 else np.array([1.0, 0.0, 0.0])
    right = np.cross(helper, ahead)
    right /= np.linalg.norm(right)
    up = np.cross(ahead, right)
    barbs = [[tip + size_m * (y * right + z * up - ahead), tip] for y, z in _ARROW_SIDES]
    return _strokes(np.array([[start, tip], *barbs]), thickness_m, rgb)


def box(
    center: Vector, half: Vector, rotation_deg: Vector, thickness_m: float, rgb: Rgb
) -> NDArray[np.float64]:
    """The twelve edges of a box; `rotation_deg` is pitch, yaw, roll."""
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=3)))
    corners = signs * np.array(half) @ rotation_matrices(np.array(rotation_deg)).T + np.array(center)
    edges = [(i, j) for i, j in itertools.combinations(range(8), 2) if (signs[i] != signs[j]).sum() == 1]
    return _strokes(corners[np.array(edges)], thickness_m, rgb)


def _strokes(
    ends: NDArray[np.float64], thickness_m: float, rgb: Rgb, least_px: float = 1.0
) -> NDArray[np.float64]:
    """(N, STROKE) of (N, 2, 3) ends."""
    made = np.empty((len(ends), STROKE))
    made[:, :6] = ends.reshape(-1, 6)
    made[:, 6], made[:, 7], made[:, 8:] = abs(thickness_m), max(least_px, 1.0), rgb
    return made
