"""What stands in a town: kinds of things, their labels and map layers, and the tables that hold them.

Every object has a frame of its own: origin on the ground, x towards the road that it belongs to, y along that
road to the right of somebody who looks along x, z up.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray


class Label(IntEnum):
    """CARLA 0.9.16's object labels, as far as things of the level have them."""

    ROADS = 1
    SIDEWALKS = 2
    BUILDINGS = 3
    WALLS = 4
    FENCES = 5
    POLES = 6
    TRAFFIC_LIGHT = 7
    TRAFFIC_SIGNS = 8
    VEGETATION = 9
    TERRAIN = 10
    CAR = 14
    STATIC = 20
    DYNAMIC = 21
    ROAD_LINES = 24
    GUARD_RAIL = 28


class MapLayer(IntFlag):
    """CARLA's map layers; what is in none of them cannot be unloaded."""

    NONE = 0
    BUILDINGS = 0x1
    DECALS = 0x2
    FOLIAGE = 0x4
    GROUND = 0x8
    PARKED_VEHICLES = 0x10
    PARTICLES = 0x20
    PROPS = 0x40
    STREET_LIGHTS = 0x80
    WALLS = 0x100
    ALL = 0xFFFF


class Kind(IntEnum):
    """What a thing is; cameras choose its shape by it."""

    ROAD = 0
    SIDEWALK = 1
    CROSSWALK = 2
    BUILDING = 3
    TREE = 4
    STREET_LIGHT = 5
    GUARD_RAIL = 6
    FENCE = 7
    WALL = 8
    PARKED_CAR = 9
    BUS_STOP = 10
    BENCH = 11
    BIN = 12
    MAILBOX = 13
    VENDING_MACHINE = 14
    PLANT_POT = 15
    ADVERTISEMENT = 16
    KIOSK = 17


@dataclass(frozen=True, slots=True)
class KindFacts:
    """Attributes: name for object names, CARLA's label, map layer, half sizes (m) of kinds of one size."""

    name: str
    label: Label
    layer: MapLayer
    half_m: tuple[float, float, float] = (0.0, 0.0, 0.0)


_PROPS, _WALLS = MapLayer.PROPS, MapLayer.WALLS

KINDS = MappingProxyType(
    {
        Kind.ROAD: KindFacts("Road", Label.ROADS, MapLayer.NONE),
        Kind.SIDEWALK: KindFacts("Sidewalk", Label.SIDEWALKS, MapLayer.NONE),
        Kind.CROSSWALK: KindFacts("Crosswalk", Label.ROAD_LINES, MapLayer.DECALS),
        Kind.BUILDING: KindFacts("Building", Label.BUILDINGS, MapLayer.BUILDINGS),
        Kind.TREE: KindFacts("Tree", Label.VEGETATION, MapLayer.FOLIAGE),
        Kind.STREET_LIGHT: KindFacts("StreetLight", Label.POLES, MapLayer.STREET_LIGHTS),
        Kind.GUARD_RAIL: KindFacts("GuardRail", Label.GUARD_RAIL, _WALLS),
        Kind.FENCE: KindFacts("Fence", Label.FENCES, _WALLS),
        Kind.WALL: KindFacts("Wall", Label.WALLS, _WALLS),
        Kind.PARKED_CAR: KindFacts("Car", Label.CAR, MapLayer.PARKED_VEHICLES),
        # x and y swapped against the blueprints of the same props: ours face the road with their x axis.
        Kind.BUS_STOP: KindFacts("BusStop", Label.STATIC, _PROPS, (0.947, 1.938, 1.369)),
        Kind.BENCH: KindFacts("Bench", Label.STATIC, _PROPS, (0.368, 0.772, 0.485)),
        Kind.BIN: KindFacts("Bin", Label.DYNAMIC, _PROPS, (0.319, 0.274, 0.530)),
        Kind.MAILBOX: KindFacts("Mailbox", Label.STATIC, _PROPS, (0.219, 0.263, 0.579)),
        Kind.VENDING_MACHINE: KindFacts("VendingMachine", Label.STATIC, _PROPS, (0.551, 0.436, 1.054)),
        Kind.PLANT_POT: KindFacts("PlantPot", Label.STATIC, _PROPS, (0.238, 0.545, 0.279)),
        Kind.ADVERTISEMENT: KindFacts("Advertisement", Label.STATIC, _PROPS, (0.143, 0.775, 1.221)),
        Kind.KIOSK: KindFacts("Kiosk", Label.STATIC, _PROPS, (0.827, 0.813, 1.623)),
    }
)
"""Facts of every kind. Sizes of props are those of the blueprints of the same name."""

PARKED_MODELS: tuple[tuple[str, tuple[float, float, float]], ...] = (
    ("vehicle.audi.tt", (2.091, 0.997, 0.693)),
    ("vehicle.tesla.model3", (2.396, 1.082, 0.744)),
    ("vehicle.mini.cooper_s", (1.903, 0.985, 0.738)),
    ("vehicle.seat.leon", (2.096, 0.908, 0.737)),
    ("vehicle.nissan.patrol", (2.302, 0.966, 0.927)),
)
"""Blueprint and half sizes (m) of parked cars; an object's `variant` modulo their number chooses one."""

OBJECT = np.dtype(
    [
        ("id", "u8"),  # of the environment object, from its name
        ("kind", "i8"),  # Kind
        ("label", "i8"),  # Label
        ("layer", "i8"),  # MapLayer
        ("variant", "i8"),  # a random number: colour, model, number of windows
        # frame of the object in the world: m, rad in CARLA's sense
        ("x", "f8"),
        ("y", "f8"),
        ("z", "f8"),
        ("yaw", "f8"),
        ("roll", "f8"),  # along a slope; right side down is positive
        # bounding box in that frame
        ("box_x", "f8"),
        ("box_z", "f8"),
        ("half_x", "f8"),
        ("half_y", "f8"),
        ("half_z", "f8"),
    ]
)
"""One thing."""

SOLID = np.dtype(
    [
        ("object", "i8"),  # row of its object, -1 for the pole of a light or a sign
        ("actor_id", "i8"),  # that has this pole; 0 for the level
        ("label", "i8"),  # Label
        ("kind", "i8"),  # as of a body: a prop
        ("collides", "i8"),  # 0: it is there for rays only, or it was taken away
        ("stands", "i8"),  # 0: it was taken away
        # a box: centre m, rad
        ("x", "f8"),
        ("y", "f8"),
        ("z", "f8"),
        ("pitch", "f8"),
        ("yaw", "f8"),
        ("roll", "f8"),
        ("extent_x", "f8"),
        ("extent_y", "f8"),
        ("extent_z", "f8"),
        ("reach", "f8"),  # radius of the box in the plane
        # always 0: kernels read bodies and solids alike
        *((name, "f8") for name in ("box_x", "box_y", "box_z", "vx", "vy", "yaw_rate", "com_x")),
        *((name, "f8") for name in ("mass_kg", "inertia", "push_x", "push_y", "down_s")),
        ("simulates", "i8"),
    ]
)
"""A box that stops rays and, if it collides, bodies. A tree has two: trunk and crown."""

LAMP = np.dtype([("object", "i8"), ("x", "f8"), ("y", "f8"), ("z", "f8")])
"""Where the lamp of a street light hangs, m."""


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """All that stands in a town. Immutable: worlds take copies of what they change.

    Attributes:
        objects: (N,) OBJECT.
        names: of the objects, unique.
        solids: (M,) SOLID of the objects.
        lamps: (K,) LAMP of the street lights, by object.
    """

    objects: NDArray[np.void]
    names: tuple[str, ...]
    solids: NDArray[np.void]
    lamps: NDArray[np.void]


EMPTY_SCENE = Scene(np.zeros(0, OBJECT), (), np.zeros(0, SOLID), np.zeros(0, LAMP))
"""Of a town that consists of roads only."""
