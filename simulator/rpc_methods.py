"""All remote methods of CARLA 0.9.16, by family. `simulator/COVERAGE.md` is generated from this table."""

from __future__ import annotations

from simulator.rpc import (
    actors,
    appearance,
    batch,
    drawing,
    environment,
    environment_objects,
    episode,
    level,
    street_lights,
    vehicles,
)
from simulator.rpc.table import Method

FAMILIES: dict[str, tuple[Method, ...]] = {
    "Server, map, episode, time": episode.METHODS,
    "Actors and walkers": actors.METHODS,
    "Vehicles": vehicles.METHODS,
    "Weather, traffic lights": environment.METHODS,
    "What is drawn, other engines, ROS, V2X": appearance.METHODS,
    "Debug drawing": drawing.METHODS,
    "Rays": level.METHODS,
    "Environment objects and map layers": environment_objects.METHODS,
    "Street lights": street_lights.METHODS,
    "Batches": batch.METHODS,
}
"""Family -> methods."""

METHODS: tuple[Method, ...] = tuple(method for methods in FAMILIES.values() for method in methods)
"""Every method."""
