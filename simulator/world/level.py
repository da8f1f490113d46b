"""The level: actors that come with the town, and the poles that they stand on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulator.world.actors import Actor, ActorKind, Box, Transform
from simulator.world.bodies import BODY, new_body
from simulator.world.collisions import StaticGrid, static_grid
from simulator.world.landmarks import SignalPlan
from simulator.world.roster import Roster
from simulator.world.town import Town
from simulator.world.traffic_lights import TrafficLights

_POLE_HALF_M = 0.15
_POLE_LOW_M, _POLE_HIGH_M = -1.0, 5.0  # around the signal's own height
POLE_BOX = Box(
    (0.0, 0.0, (_POLE_LOW_M + _POLE_HIGH_M) / 2.0),
    (_POLE_HALF_M, _POLE_HALF_M, (_POLE_HIGH_M - _POLE_LOW_M) / 2.0),
)
"""What can be hit of a light or a sign, in its own frame."""

_TAG_LIGHT, _TAG_SIGN = b"\x07", b"\x08"  # CARLA's labels traffic light and traffic sign
_HEAD_HALF_M = (0.2, 0.2, 0.55)
_HEAD_ABOVE_M = 4.0
_SPECTATOR_POSE: Transform = (0.0, 0.0, 50.0, 0.0, 0.0, 0.0)
_NO_BOX = Box((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))


class Level:
    """The town's own actors; they are the first of the world and never leave it.

    Attributes:
        lights: the cycles and states of the traffic lights.
        poles: what can be hit beside the roads.
        spectator_id: id of the free camera.
    """

    def __init__(self, town: Town, roster: Roster) -> None:
        """Let the town's actors come to life in an empty roster."""
        poles: list[NDArray[np.void]] = []
        light_ids = [_add(plan, ActorKind.TRAFFIC_LIGHT, roster, poles) for plan in town.lights]
        for plan in town.signs:
            _add(plan, ActorKind.TRAFFIC_SIGN, roster, poles)
        # Bodies of no actor: who meets one is told of the level.
        poles += [new_body(ActorKind.PROP, wall.box, wall.transform) for wall in town.walls]
        for actor in roster.actors.values():
            roster.signs["sign_id"][actor.row] = actor.opendrive_id.encode()
        spectator = Actor(roster.next_id(), 0, "spectator", 0, (), _NO_BOX, b"\x00", ActorKind.SPECTATOR)
        roster.add(spectator, _SPECTATOR_POSE)
        self.spectator_id = spectator.id
        self.poles: StaticGrid = static_grid(np.concatenate(poles) if poles else np.zeros(0, BODY))
        self.lights = TrafficLights(town.lights, town.light_groups, light_ids[0] if light_ids else 1)
        self._roster = roster
        self.write_settings()

    def write_settings(self) -> None:
        """Write times and freezing of all lights into their snapshot rows, and their states."""
        lights = self.lights
        rows = self._roster.lights[: len(lights.lights)]
        mine = lights.controllers[lights.lights["controller"]]
        rows["green_time"], rows["yellow_time"] = mine["green_s"], mine["yellow_s"]
        rows["red_time"] = mine["red_s"]
        rows["time_is_frozen"] = lights.groups["frozen"][lights.lights["group"]]
        self.write_states()

    def write_states(self) -> None:
        """Write state and elapsed time of all lights into their snapshot rows."""
        lights = self.lights.lights
        rows = self._roster.lights[: len(lights)]
        rows["state"] = lights["state"]
        rows["elapsed_time"] = lights["elapsed_s"]


def light_heads(transform: Transform) -> tuple[Box, ...]:
    """Boxes of a traffic light's lamps, in the world."""
    x, y, z, pitch, yaw, roll = transform
    return (Box((x, y, z + _HEAD_ABOVE_M), _HEAD_HALF_M, (pitch, yaw, roll)),)


def _add(plan: SignalPlan, kind: ActorKind, roster: Roster, poles: list[NDArray[np.void]]) -> int:
    tag = _TAG_LIGHT if kind is ActorKind.TRAFFIC_LIGHT else _TAG_SIGN
    actor = Actor(
        roster.next_id(), 0, plan.blueprint_id, 0, (), plan.box, tag, kind, opendrive_id=plan.opendrive_id
    )
    roster.add(actor, plan.transform)
    if plan.has_pole:
        pole = new_body(ActorKind.PROP, POLE_BOX, plan.transform)
        pole["actor_id"] = actor.id
        poles.append(pole)
    return actor.id
