"""The level: actors that come with the town, the poles that they stand on, and the scene around them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulator.scene.objects import SOLID, Label, MapLayer
from simulator.world.actors import Actor, ActorKind, Box, Transform
from simulator.world.landmarks import SignalPlan
from simulator.world.roster import Roster
from simulator.world.static_grid import StaticGrid, static_grid
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
        solids: what can be hit beside the roads: the scene first, then poles of lights and signs.
        spectator_id: id of the free camera.
        loaded: map layers whose objects are there.
    """

    def __init__(self, town: Town, roster: Roster, layers: MapLayer = MapLayer.ALL) -> None:
        """Let the town's actors come to life in an empty roster.

        Args:
            town: the map.
            roster: empty.
            layers: of the map, to begin with.
        """
        poles: list[NDArray[np.void]] = []
        light_ids = [_add(plan, ActorKind.TRAFFIC_LIGHT, roster, poles) for plan in town.lights]
        for plan in town.signs:
            _add(plan, ActorKind.TRAFFIC_SIGN, roster, poles)
        for actor in roster.actors.values():
            roster.signs["sign_id"][actor.row] = actor.opendrive_id.encode()
        spectator = Actor(roster.next_id(), 0, "spectator", 0, (), _NO_BOX, b"\x00", ActorKind.SPECTATOR)
        roster.add(spectator, _SPECTATOR_POSE)
        self.spectator_id = spectator.id
        self._objects = town.scene.objects
        self._switched_off = np.zeros(len(self._objects), np.bool_)
        self.loaded = layers
        solids = np.concatenate([town.scene.solids, *poles])
        self._may_collide = solids["collides"].copy()
        self.solids: StaticGrid = static_grid(solids)
        self._stand()
        self.lights = TrafficLights(town.lights, town.light_groups, light_ids[0] if light_ids else 1)
        self._roster = roster
        self.write_settings()

    def switch_objects(self, object_ids: set[int], on: bool) -> None:
        """Let objects of the scene stand or not; ids that none of them has are ignored, as in CARLA."""
        chosen = np.isin(self._objects["id"], np.array(sorted(object_ids), dtype=np.uint64))
        self._switched_off[chosen] = not on
        self._stand()

    def load_layers(self, layers: MapLayer, on: bool) -> None:
        """Load or unload map layers; objects that were switched off stay so."""
        self.loaded = self.loaded | layers if on else self.loaded & ~layers
        self._stand()

    def is_loaded(self) -> NDArray[np.bool_]:
        """(N,) whether the map layer of each object of the scene is there."""
        layer = self._objects["layer"]
        return np.asarray((layer == MapLayer.NONE) | (layer & int(self.loaded) != 0))

    def standing(self) -> NDArray[np.bool_]:
        """(N,) whether each object of the scene is there: in a loaded layer and not switched off."""
        return self.is_loaded() & ~self._switched_off

    def _stand(self) -> None:
        """Write into the solids whether they are there."""
        there = np.append(self.standing(), True)  # poles have object -1
        solids = self.solids.solids
        solids["stands"] = there[solids["object"]]
        solids["collides"] = self._may_collide * solids["stands"]

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
        poles.append(_pole(plan.transform, actor.id))
    return actor.id


def _pole(transform: Transform, actor_id: int) -> NDArray[np.void]:
    """The (1,) SOLID of a light's or a sign's pole."""
    pole = np.zeros(1, SOLID)
    pole["object"], pole["actor_id"], pole["label"] = -1, actor_id, int(Label.POLES)
    pole["kind"], pole["collides"], pole["stands"] = int(ActorKind.PROP), 1, 1
    pole["x"], pole["y"] = transform[:2]
    pole["z"] = transform[2] + POLE_BOX.center[2]
    pole["yaw"] = np.radians(transform[4])
    pole["extent_x"], pole["extent_y"], pole["extent_z"] = POLE_BOX.extent
    pole["reach"] = np.hypot(*POLE_BOX.extent[:2])
    return pole
