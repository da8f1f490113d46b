"""Every kernel of the world, compiled or loaded from the cache before the first client comes."""

from __future__ import annotations

import math

import numpy as np

from simulator.world.sweeps import Sweep
from simulator.world.town import Town, packaged_towns
from simulator.world.world import World


def warm_up() -> None:
    """Compile every kernel, or load it from the cache, so that the first real tick costs what any tick costs.

    Two vehicles and a walker are driven into one another on the first packaged town.
    """
    town = Town.load(packaged_towns()[0])
    world = World(town, seed=0)
    x, y, z, _, yaw, _ = town.spawn_points[0]
    c, s = math.cos(math.radians(yaw)), math.sin(math.radians(yaw))
    vehicle = next(b for b in world.library if b.vehicle is not None)
    walker = next(b for b in world.library if b.id.startswith("walker."))
    first = world.spawn(vehicle, (), (x, y, z, 0.0, yaw, 0.0))
    world.spawn(vehicle, (), (x + 6.0 * c, y + 6.0 * s, z, 0.0, yaw, 0.0))
    world.spawn(walker, (), (x - 8.0 * c, y - 8.0 * s, z + 1.0, 0.0, yaw, 0.0))
    world.spawn(next(b for b in world.library if b.id.startswith("sensor.")), (), (0.0,) * 6, first.id)
    world.vehicles.apply_controls(
        np.array([first.id], np.int64), np.zeros((1, 3), np.float32), np.zeros((1, 4), np.int64)
    )
    world.set_target_velocity(first.id, (40.0 * c, 40.0 * s, 0.0))
    world.first_hit(Sweep((x, y, z), (c, s, 0.0), 10.0, 0.5))
    for _ in range(4):
        world.tick(0.05)
