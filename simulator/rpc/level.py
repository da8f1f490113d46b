"""Methods about the things of the level and about rays through it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from simulator.rpc.table import Method, constant, ignored, value
from simulator.simulation import Simulation, box_to_wire
from simulator.wire.arguments import BadArgumentError, Vector, number, unsigned, vector
from simulator.wire.rpc import Value
from simulator.world.actors import ActorKind, Box, Transform
from simulator.world.level import POLE_BOX, light_heads
from simulator.world.rays import LABEL_POLE, RayHit
from simulator.world.rays import cast_ray as cast
from simulator.world.rays import project_point as project
from simulator.world.snapshot import compose

LABEL_ANY = 255
LABEL_TRAFFIC_LIGHT = 7

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


def things(simulation: Simulation) -> Iterator[Thing]:
    """What stands in the level: poles of lights and signs, and the lamps of lights."""
    town = simulation.world.town
    for kind, plans in (("TrafficLight", town.lights), ("TrafficSign", town.signs)):
        for plan in plans:
            name = f"{town.name}_{kind}_{plan.opendrive_id}"
            if plan.has_pole:
                yield Thing(f"{name}_Pole", LABEL_POLE, plan.transform, _placed(plan.transform, POLE_BOX))
            if kind == "TrafficLight":
                for count, box in enumerate(light_heads(plan.transform)):
                    yield Thing(f"{name}_Head{count}", LABEL_TRAFFIC_LIGHT, plan.transform, box)


def get_environment_objects(simulation: Simulation, wanted: int) -> list[object]:
    """The things of a label. Their ids count from 1 in the order of all things of the town."""
    return [
        [
            [list(thing.transform[:3]), list(thing.transform[3:])],
            box_to_wire(thing.box, 0),
            number_,
            thing.name,
            thing.label,
        ]
        for number_, thing in enumerate(things(simulation), start=1)
        if wanted in (LABEL_ANY, thing.label)
    ]


def get_all_level_bbs(simulation: Simulation, wanted: int) -> list[object]:
    """Boxes in the world of the things of a label, and of the actors that have it."""
    world = simulation.world
    standing = [box_to_wire(t.box, 0) for t in things(simulation) if wanted in (LABEL_ANY, t.label)]
    moving = [
        box_to_wire(_placed(world.transform(actor.id), actor.box), actor.id)
        for actor in world.actors.values()
        if actor.kind in _MOVING and wanted in (LABEL_ANY, actor.semantic_tags[0])
    ]
    return [*standing, *moving]


def get_names_of_all_objects(simulation: Simulation) -> list[str]:
    """Names of the things."""
    return [thing.name for thing in things(simulation)]


def cast_ray(simulation: Simulation, start: Vector, end: Vector) -> list[object]:
    """All that a ray enters, in the order of its way."""
    return [_labelled(hit) for hit in cast(simulation.world, start, end)]


def project_point(
    simulation: Simulation, start: Vector, direction: Vector, distance_m: float
) -> list[object]:
    """The first thing in a direction; the client's `ground_projection` asks for the one below."""
    hit = project(simulation.world, start, direction, distance_m)
    return [False, [list(_ORIGIN), 0]] if hit is None else [True, _labelled(hit)]


def _labelled(hit: RayHit) -> list[object]:
    return [list(hit.location), hit.label]


def _placed(transform: Transform, box: Box) -> Box:
    """A box of an actor as a box in the world."""
    place = compose(transform, (*box.center, *_ORIGIN))
    return Box((place[0], place[1], place[2]), box.extent, (transform[3], transform[4], transform[5]))


_WHAT = "poles and lamps of traffic lights, poles of signs; there are no other objects"

METHODS: tuple[Method, ...] = (
    value("get_environment_objects", get_environment_objects, label, note=_WHAT),
    value("get_all_level_BBs", get_all_level_bbs, label, note=f"actors; {_WHAT}"),
    value("get_names_of_all_objects", get_names_of_all_objects, note=_WHAT),
    ignored("enable_environment_objects", "poles cannot be taken away"),
    value(
        "cast_ray",
        cast_ray,
        vector,
        vector,
        note="hits the ground, boxes of vehicles, walkers and props, and poles; beside lanes it is terrain",
    ),
    value("project_point", project_point, vector, vector, number, note="as `cast_ray`"),
    constant("query_lights_state", [], "there are no street lights"),
    ignored("update_lights_state", "there are no street lights"),
    ignored("update_day_night_cycle", "there are no street lights"),
)
