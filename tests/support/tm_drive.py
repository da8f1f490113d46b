"""A program: traffic of the client's own traffic manager in synchronous mode.

A process of its own, because a client that hangs in its traffic manager cannot be ended otherwise. Prints one
JSON object: the ticks done, the vehicles, and a hash over every vehicle's pose and control after every tick.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import sys

import carla

from tests.support.carla_client import connect, go_synchronous
from tests.support.headless import Endpoint


def drive(server: Endpoint, tm_port: int, vehicles: int, ticks: int) -> dict[str, object]:
    """Drive `vehicles` cars in Town01 for `ticks` ticks."""
    client = connect(server)
    world = client.load_world("Town01")
    go_synchronous(world)
    world.tick()
    manager = client.get_trafficmanager(tm_port)
    manager.set_synchronous_mode(True)
    manager.set_random_device_seed(7)
    library = sorted(world.get_blueprint_library().filter("vehicle.*"), key=lambda one: str(one.id))
    cars = [one for one in library if one.get_attribute("base_type") == "car"]
    places = world.get_map().get_spawn_points()
    spawn, autopilot, new = (
        carla.command.SpawnActor,
        carla.command.SetAutopilot,
        carla.command.FutureActor,
    )
    commands = [
        spawn(cars[i % len(cars)], places[i]).then(autopilot(new, True, tm_port)) for i in range(vehicles)
    ]
    ids = sorted(one.actor_id for one in client.apply_batch_sync(commands, True) if not one.has_error())
    actors = world.get_actors(ids)
    digest = hashlib.sha256()
    begin = {one.id: one.get_location() for one in actors}
    for _ in range(ticks):
        world.tick()
        for one in actors:
            place, control = one.get_transform(), one.get_control()
            digest.update(
                struct.pack(
                    "<7d",
                    place.location.x,
                    place.location.y,
                    place.location.z,
                    place.rotation.yaw,
                    control.throttle,
                    control.steer,
                    control.brake,
                )
            )
    moved = sum(one.get_location().distance(begin[one.id]) > 20.0 for one in actors)
    manager.set_synchronous_mode(False)
    return {"ticks": ticks, "vehicles": len(ids), "moved": moved, "hash": digest.hexdigest()}


if __name__ == "__main__":
    host, port, tm_port, vehicles, ticks = sys.argv[1:]
    print(json.dumps(drive(Endpoint(host, int(port)), int(tm_port), int(vehicles), int(ticks))), flush=True)
    os._exit(0)  # the client's threads may still wait for a world that nobody ticks
