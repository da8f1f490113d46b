"""Names of what a triangle can be: CARLA's city object labels and our materials."""

from __future__ import annotations

from enum import IntEnum


class Label(IntEnum):
    """CARLA 0.9.16 `CityObjectLabel`."""

    NONE = 0
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
    SKY = 11
    PEDESTRIANS = 12
    RIDER = 13
    CAR = 14
    TRUCK = 15
    BUS = 16
    TRAIN = 17
    MOTORCYCLE = 18
    BICYCLE = 19
    STATIC = 20
    DYNAMIC = 21
    OTHER = 22
    WATER = 23
    ROAD_LINES = 24
    GROUND = 25
    BRIDGE = 26
    RAIL_TRACK = 27
    GUARD_RAIL = 28


class Material(IntEnum):
    """How a surface answers light."""

    PLAIN = 0
    ASPHALT = 1
    GRASS = 2
    PAVEMENT = 3
    FACADE = 4
    GLASS = 5
    PAINT = 6
    LAMP = 7
    FOLIAGE = 8


class Slot(IntEnum):
    """Entries of an object's palette: colours that are known only when it is drawn."""

    NONE = -1
    BODY = 0
    BRAKE = 1
    LEFT = 2
    RIGHT = 3
    HEAD = 4
    REVERSE = 5
    BEACON_RED = 6
    BEACON_BLUE = 7


PALETTE_SIZE = 8
"""Rows of a palette. A traffic light uses rows 1 to 3 for its red, yellow and green lamp."""

LIGHT_RED, LIGHT_YELLOW, LIGHT_GREEN = 1, 2, 3
"""Palette rows of a traffic light's lamps."""
