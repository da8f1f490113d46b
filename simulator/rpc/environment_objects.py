"""Methods about the objects of the level: which there are, their boxes, and taking them away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from simulator.actor_records import box_to_wire
from simulator.rpc.table import Method, value, void
from simulator.scene.build import object_id
from simulator.scene.objects import Label, MapLayer
from simulator.simulation import Simulation
from simulator.wire.arguments import BadArgumentError, array_of, flag, integer, unsigned
from simulator.wire.rpc import Value
from simulator.world.actors import ActorKind, Box, Transform
from simulator.world.level import POLE_BOX, light_heads
from simulator.world.snapshot import compose

LABEL_ANY = 255

_MOVING = (ActorKind.VEHICLE, ActorKind.WALKER, ActorKind.PROP)
_ORIGIN = (0.0, 0.0, 0.0)


class Thing(NamedTuple):
    """One environment object.

    Attributes:
        name: unique in the town.
        label: CARLA's object label.
        transform: in the world.
        box: in the world: centre, half sizes, rotation.
    """

    name: str
    label: int
    transform: Transform
    box: Box


def label(wire: Value) -> int:
    """A `CityObjectLabel`.

    Raises:
        BadArgumentError: it does not fit into a byte.
    """
    number_ = unsigned(wire)
    if number_ > LABEL_ANY:
        raise BadArgumentError(f"{number_} is no object label")
    return number_


def identifier(wire: Value) -> int:
    """The 64-bit id of an environment object.

    Raises:
        BadArgumentError: no such number.
    """
    found = integer(wire)
    if not 0 <= found < 1 << 64:
        raise BadArgumentError(f"{found} is no 64-bit number")
    return found


def map_layers(wire: Value) -> MapLayer:
    """A set of `MapLayer`s, 16 bits.

    Raises:
        BadArgumentError: no such number.
    """
    found = unsigned(wire)
    if found > MapLayer.ALL:
        raise BadArgumentError(f"{found} is no set of map layers")
    return MapLayer(found)


def things(simulation: Simulation, wanted: int) -> Iterator[Thing]:
    """What stands in the level with a label: loaded objects of the scene, then parts of lights and signs."""
    world = simulation.world
    scene = world.town.scene
    chosen = world.level.is_loaded()
    if wanted != LABEL_ANY:
        chosen &= scene.objects["label"] == wanted
    rows = np.flatnonzero(chosen)
    objects = scene.objects[rows]
    c, s = np.cos(objects["yaw"]), np.sin(objects["yaw"])
    centre = np.stack(
        [
            objects["x"] + c * objects["box_x"],
            objects["y"] + s * objects["box_x"],
            objects["z"] + objects["box_z"],
        ],
        axis=1,
    ).tolist()
    place = np.stack([objects["x"], objects["y"], objects["z"]], axis=1).tolist()
    half = np.stack([objects["half_x"], objects["half_y"], objects["half_z"]], axis=1).tolist()
    yaw = ((np.degrees(objects["yaw"]) + 180.0) % 360.0 - 180.0).tolist()
    roll = np.degrees(objects["roll"]).tolist()
    labels = objects["label"].tolist()
    for k, row in enumerate(rows.tolist()):
        rotation = (0.0, yaw[k], roll[k])
        x, y, z = place[k]
        yield Thing(scene.names[row], labels[k], (x, y, z, *rotation), Box(centre[k], half[k], rotation))
    yield from (thing for thing in _signal_parts(simulation) if wanted in (LABEL_ANY, thing.label))


def _signal_parts(simulation: Simulation) -> Iterator[Thing]:
    """Poles of lights and signs, and the lamps of lights."""
    town = simulation.world.town
    for kind, plans in (("TrafficLight", town.lights), ("TrafficSign", town.signs)):
        for plan in plans:
            name = f"{town.name}_{kind}_{plan.opendrive_id}"
            if plan.has_pole:
                yield Thing(f"{name}_Pole", Label.POLES, plan.transform, _placed(plan.transform, POLE_BOX))
            if kind == "TrafficLight":
                for count, box in enumerate(light_heads(plan.transform)):
                    yield Thing(f"{name}_Head{count}", Label.TRAFFIC_LIGHT, plan.transform, box)


def get_environment_objects(simulation: Simulation, wanted: int) -> list[object]:
    """The things of a label; disabled ones are among them, those of unloaded layers are not."""
    return [
        [
            [list(thing.transform[:3]), list(thing.transform[3:])],
            box_to_wire(thing.box, 0),
            object_id(thing.name),
            thing.name,
            int(thing.label),
        ]
        for thing in things(simulation, wanted)
    ]


def get_all_level_bbs(simulation: Simulation, wanted: int) -> list[object]:
    """Boxes in the world of the things of a label, and of the actors that have it."""
    world = simulation.world
    standing = [box_to_wire(thing.box, 0) for thing in things(simulation, wanted)]
    moving = [
        box_to_wire(_placed(world.transform(actor.id), actor.box), actor.id)
        for actor in world.actors.values()
        if actor.kind in _MOVING and wanted in (LABEL_ANY, actor.semantic_tags[0])
    ]
    return [*standing, *moving]


def get_names_of_all_objects(simulation: Simulation) -> list[str]:
    """Names of the things."""
    return [thing.name for thing in things(simulation, LABEL_ANY)]


def enable_environment_objects(simulation: Simulation, object_ids: tuple[int, ...], enabled: bool) -> None:
    """Let things stand, or take them away: they stop neither rays nor cars then."""
    simulation.world.level.switch_objects(set(object_ids), enabled)


def load_map_layer(simulation: Simulation, layers: MapLayer) -> None:
    """Bring the things of map layers back."""
    simulation.world.load_layers(layers, on=True)


def unload_map_layer(simulation: Simulation, layers: MapLayer) -> None:
    """Take the things of map layers away."""
    simulation.world.load_layers(layers, on=False)


def _placed(transform: Transform, box: Box) -> Box:
    """A box of an actor as a box in the world."""
    place = compose(transform, (*box.center, *_ORIGIN))
    return Box((place[0], place[1], place[2]), box.extent, (transform[3], transform[4], transform[5]))


_WHAT = "the objects of docs/scene.md, pieces of roads and sidewalks, parts of lights and signs"

METHODS: tuple[Method, ...] = (
    value("get_environment_objects", get_environment_objects, label, note=_WHAT),
    value("get_all_level_BBs", get_all_level_bbs, label, note=f"actors; {_WHAT}"),
    value("get_names_of_all_objects", get_names_of_all_objects, note=_WHAT),
    void(
        "enable_environment_objects",
        enable_environment_objects,
        lambda wire: array_of(identifier, wire),
        flag,
        note="parts of traffic lights and signs and the roads themselves always stay",
    ),
    void("load_map_layer", load_map_layer, map_layers, note="of any packaged town, not only of `_Opt` maps"),
    void("unload_map_layer", unload_map_layer, map_layers, note="as `load_map_layer`"),
)
