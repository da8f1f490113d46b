"""A fresh synchronous episode for every test."""

from __future__ import annotations

from collections.abc import Iterator

import carla
import pytest

from tests.support.carla_client import go_asynchronous, go_synchronous
from tests.support.mailbox import close_all


@pytest.fixture
def world(client: carla.Client) -> Iterator[carla.World]:
    """Town01, just loaded, in synchronous mode with 0.05 s per tick, ticked once."""
    world = client.load_world("Town01")
    go_synchronous(world)
    world.tick()
    yield world
    close_all()
    go_asynchronous(world)


@pytest.fixture
def spawn_points(world: carla.World) -> list[carla.Transform]:
    """Recommended spawn points of the map."""
    return list(world.get_map().get_spawn_points())


@pytest.fixture
def car(world: carla.World, spawn_points: list[carla.Transform]) -> carla.Vehicle:
    """A car that stands on the road."""
    blueprint = world.get_blueprint_library().find("vehicle.lincoln.mkz_2020")
    vehicle = world.spawn_actor(blueprint, spawn_points[0])
    for _ in range(20):  # it falls the last decimetres
        world.tick()
    return vehicle
