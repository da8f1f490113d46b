"""Vehicle controls in a batch, many at once: what a hundred vehicles are told in every tick.

A run of such commands is read column by column instead of field by field, which is several times faster.
Whatever is not exactly what the client sends, and every error, is left to the general way, which can say what
is wrong with which command.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from simulator.simulation import Simulation
from simulator.wire.arguments import MAX_NUMBER
from simulator.wire.rpc import Value
from simulator.world.errors import WorldError

CONTROL_COMMAND = 2
"""Number of `ApplyVehicleControl` on the wire."""

_FEWEST = 4  # below, columns cost more than they save
_FIELD_TYPES = (float, float, float, bool, bool, bool, int)  # of a VehicleControl
_GEARS = range(-(1 << 31), 1 << 31)


def is_control(wire: Value) -> bool:
    """Whether a command of a batch is an `ApplyVehicleControl`, as far as its head tells."""
    if type(wire) is not list or len(wire) != 1:
        return False
    inner = wire[0]
    return (
        type(inner) is list
        and len(inner) == 2
        and type(inner[0]) is int
        and inner[0] == CONTROL_COMMAND
        and type(inner[1]) is list
    )


def apply_run(simulation: Simulation, commands: Sequence[Any]) -> list[int] | None:
    """Apply consecutive controls at once.

    Args:
        simulation: whose vehicles are controlled.
        commands: for which `is_control` is true.

    Returns:
        The vehicles' ids in order; None if nothing was done, because one of the commands is not plain.
    """
    if len(commands) < _FEWEST:
        return None
    fields = [command[0][1] for command in commands]
    if set(map(len, fields)) != {2}:
        return None
    actor_ids, controls = zip(*fields, strict=True)
    if set(map(type, actor_ids)) != {int} or set(map(type, controls)) != {list}:
        return None
    if set(map(len, controls)) != {len(_FIELD_TYPES)}:
        return None
    columns = tuple(zip(*controls, strict=True))
    if any(set(map(type, column)) != {kind} for column, kind in zip(columns, _FIELD_TYPES, strict=True)):
        return None
    if not (np.abs(columns[:3]) <= MAX_NUMBER).all():  # nor is NaN
        return None
    if min(columns[6]) not in _GEARS or max(columns[6]) not in _GEARS:
        return None
    try:
        simulation.world.vehicles.apply_controls(actor_ids, columns)
    except WorldError:
        return None
    simulation.ackermann.leave_all(actor_ids)
    return list(actor_ids)
