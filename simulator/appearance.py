"""Appearance: what clients set on actors that nobody can feel, only see: doors, wheels without physics."""

from __future__ import annotations

from collections.abc import Container
from enum import IntEnum


class Door(IntEnum):
    """CARLA's `VehicleDoor`."""

    FRONT_LEFT = 0
    FRONT_RIGHT = 1
    REAR_LEFT = 2
    REAR_RIGHT = 3
    HOOD = 4
    TRUNK = 5
    ALL = 6


_EACH_DOOR = frozenset(door for door in Door if door is not Door.ALL)


class Appearance:
    """What an episode's clients have set.

    Attributes:
        wheel_yaw_deg: (vehicle, wheel) -> steering angle of a wheel while physics does not turn it.
        wheel_pitch_deg: (vehicle, wheel) -> rolling angle of a wheel while physics does not turn it.
        ignored_vehicles: sensor -> vehicles that its rays pass through.
    """

    def __init__(self) -> None:
        self.wheel_yaw_deg: dict[tuple[int, int], float] = {}
        self.wheel_pitch_deg: dict[tuple[int, int], float] = {}
        self.ignored_vehicles: dict[int, frozenset[int]] = {}
        self._open_doors: dict[int, frozenset[Door]] = {}

    def open_doors(self, vehicle_id: int) -> frozenset[Door]:
        """Doors of a vehicle that stand open; never `Door.ALL`."""
        return self._open_doors.get(vehicle_id, frozenset())

    def set_door(self, vehicle_id: int, door: Door, is_open: bool) -> None:
        """Open or close a door, or all of them."""
        doors = _EACH_DOOR if door is Door.ALL else frozenset({door})
        before = self.open_doors(vehicle_id)
        self._open_doors[vehicle_id] = before | doors if is_open else before - doors

    def keep(self, alive: Container[int]) -> None:
        """Forget all actors but those."""
        self.wheel_yaw_deg = {key: deg for key, deg in self.wheel_yaw_deg.items() if key[0] in alive}
        self.wheel_pitch_deg = {key: deg for key, deg in self.wheel_pitch_deg.items() if key[0] in alive}
        self.ignored_vehicles = {key: ids for key, ids in self.ignored_vehicles.items() if key in alive}
        self._open_doors = {key: doors for key, doors in self._open_doors.items() if key in alive}
