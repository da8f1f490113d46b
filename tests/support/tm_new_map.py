"""A program: one traffic manager, made before the maps are loaded that it drives on.

Arguments: host, port, port of the traffic manager, towns. A process of its own, as `tm_drive`. Prints one
JSON object with a list entry per town: the map that the client has as soon as it is loaded, the cars, and the
share of samples in which a car was more than 1 m beside its lane.
"""

from __future__ import annotations

import json
import os
import sys

import carla

from tests.support.carla_client import connect, go_synchronous
from tests.support.headless import Endpoint

CARS, TICKS, STARTED_TICKS = 10, 100, 40
FAR_M = 1.0


def drive(client: carla.Client, town: str, tm_port: int) -> tuple[str, int, float]:
    """Load a map and drive on it: name of the map, cars, and share of samples beside the lane."""
    world = client.load_world(town, reset_settings=False)
    town_map = world.get_map()
    blueprint = world.get_blueprint_library().find("vehicle.audi.tt")
    spawned = [world.try_spawn_actor(blueprint, place) for place in town_map.get_spawn_points()[:CARS]]
    cars = [car for car in spawned if car is not None]
    for car in cars:
        car.set_autopilot(True, tm_port)
    samples = beside = 0
    for tick in range(TICKS):
        world.tick()
        for car in cars if tick >= STARTED_TICKS else ():
            here = car.get_location()
            samples += 1
            beside += town_map.get_waypoint(here).transform.location.distance(here) > FAR_M
    for car in cars:
        car.destroy()
    return town_map.name.rsplit("/", 1)[-1], len(cars), beside / samples


if __name__ == "__main__":
    host, port, manager_port, *towns = sys.argv[1:]
    the_client = connect(Endpoint(host, int(port)))
    go_synchronous(the_client.get_world())
    the_client.get_trafficmanager(int(manager_port)).set_synchronous_mode(True)
    maps, cars, beside = zip(*(drive(the_client, town, int(manager_port)) for town in towns), strict=True)
    print(json.dumps({"maps": maps, "cars": cars, "beside their lane": beside}), flush=True)
    os._exit(0)  # the client's threads may still wait for a world that nobody ticks
