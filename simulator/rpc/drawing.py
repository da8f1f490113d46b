"""Remote methods of `world.debug`: shapes that colour cameras show."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from simulator.drawings import Rgb, arrow, box, line, point
from simulator.render.annotations import Text
from simulator.rpc.table import Method, void
from simulator.simulation import Simulation
from simulator.wire.arguments import BadArgumentError, array, flag, integer, number, short_text, vector
from simulator.wire.rpc import Value

Content = NDArray[np.float64] | Text


def draw_debug_shape(simulation: Simulation, drawn: tuple[Content, float] | None) -> None:
    """Draw a shape into the world."""
    if drawn is not None:
        content, life_time_s = drawn
        simulation.drawings.add(content, life_time_s, simulation.frame, simulation.world.sim_time_s)


def clear_debug_shape(simulation: Simulation) -> None:
    """Wipe off all shapes but words."""
    simulation.drawings.clear()


def clear_debug_string(simulation: Simulation) -> None:
    """Wipe off all words."""
    simulation.drawings.clear_words()


def _shape(wire: Value) -> tuple[Content, float] | None:
    """A `DebugShape`: primitive, colour, life time; None for those of the head-up display.

    Raises:
        BadArgumentError: it is none.
    """
    primitive, color, life_time_s, *_ = array(wire, 3)
    index, body, *_ = array(primitive, 2)
    kind = integer(index)
    if not 0 <= kind < len(_KINDS) + _HUD_KINDS:
        raise BadArgumentError(f"there is no debug shape {kind}")
    if kind >= len(_KINDS):
        return None
    red, green, blue, *_ = (min(max(integer(part), 0), 255) for part in array(color, 3))
    return _KINDS[kind](body, (red, green, blue)), number(life_time_s)


def _point(body: Value, rgb: Rgb) -> Content:
    place, size, *_ = array(body, 2)
    return point(vector(place), number(size), rgb)


def _line(body: Value, rgb: Rgb) -> Content:
    begin, end, thickness, *_ = array(body, 3)
    return line(vector(begin), vector(end), number(thickness), rgb)


def _arrow(body: Value, rgb: Rgb) -> Content:
    shaft, size, *_ = array(body, 2)
    begin, end, thickness, *_ = array(shaft, 3)
    return arrow(vector(begin), vector(end), number(thickness), number(size), rgb)


def _box(body: Value, rgb: Rgb) -> Content:
    bounds, rotation, thickness, *_ = array(body, 3)
    center, half, *_ = array(bounds, 2)
    return box(vector(center), vector(half), vector(rotation), number(thickness), rgb)


def _string(body: Value, rgb: Rgb) -> Content:
    place, text, shadow, *_ = array(body, 3)
    return Text(vector(place), short_text(text), rgb, flag(shadow))


_KINDS: tuple[Callable[[Value, Rgb], Content], ...] = (_point, _line, _arrow, _box, _string)
"""By the index of the variant on the wire."""

_HUD_KINDS = 4
"""Further variants: point, line, arrow and box on the spectator's screen, which there is none of."""

METHODS: tuple[Method, ...] = (
    void(
        "draw_debug_shape",
        draw_debug_shape,
        _shape,
        note="in rgb cameras; shapes of the head-up display have no effect",
    ),
    void("clear_debug_shape", clear_debug_shape),
    void("clear_debug_string", clear_debug_string),
)
