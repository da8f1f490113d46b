"""Methods of CARLA's light manager: street lights, their states and their day-night cycle."""

from __future__ import annotations

from simulator.rpc.table import Method, value, void
from simulator.simulation import Simulation
from simulator.wire.arguments import (
    BadArgumentError,
    array,
    array_of,
    flag,
    number,
    short_text,
    unsigned,
    vector,
)
from simulator.wire.rpc import Value
from simulator.world.street_lights import Colour, LightChange

MAX_BYTE = 255


def _byte(wire: Value) -> int:
    found = unsigned(wire)
    if found > MAX_BYTE:
        raise BadArgumentError(f"{found} does not fit into a byte")
    return found


def _colour(wire: Value) -> Colour:
    red, green, blue, *_ = array(wire, 3)
    return _byte(red), _byte(green), _byte(blue)


def light_change(wire: Value) -> LightChange:
    """A `LightState`: id, location, intensity, group, colour, on. Where the light hangs cannot be changed.

    Raises:
        BadArgumentError: wrong types.
    """
    light_id, location, intensity, group, colour, is_on, *_ = array(wire, 6)
    vector(location)
    return LightChange(unsigned(light_id), number(intensity), _byte(group), _colour(colour), flag(is_on))


def query_lights_state(simulation: Simulation, _endpoint: str) -> list[object]:
    """The state of every light whose map layer is loaded."""
    lights = simulation.world.street_lights
    there = simulation.world.level.is_loaded()[lights.object_rows]
    columns = (lights.location, lights.intensity, lights.group, lights.colour, lights.is_on, there)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [
        [light_id, location, intensity, group, colour, is_on]
        for light_id, (location, intensity, group, colour, is_on, is_there) in enumerate(rows, start=1)
        if is_there
    ]


def update_lights_state(
    simulation: Simulation, _endpoint: str, changes: tuple[LightChange, ...], _discard_client: bool
) -> None:
    """Change lights; the next snapshot tells every client to ask again."""
    simulation.world.street_lights.change(changes)


def update_day_night_cycle(simulation: Simulation, _endpoint: str, active: bool) -> None:
    """Whether lights go on and off with the sun."""
    simulation.world.street_lights.follow_the_sun(active)


METHODS: tuple[Method, ...] = (
    value("query_lights_state", query_lights_state, short_text),
    void(
        "update_lights_state",
        update_lights_state,
        short_text,
        lambda wire: array_of(light_change, wire),
        flag,
        note="street lights; buildings have no lamps",
    ),
    void(
        "update_day_night_cycle",
        update_day_night_cycle,
        short_text,
        flag,
        note="lights go on when a weather brings the sun below the horizon",
    ),
)
