"""One town of a soak run: the client's process. Spawns, ticks, records, and writes the tape.

    python -m tests.soak.drive --server 127.0.0.1:2000 --town Town03 --tape town03.npz

A process of its own, because a client that hangs in its traffic manager cannot be ended otherwise. Prints
the number of ticks done, so that whoever started it sees that it lives.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import carla
import numpy as np

from harness.client.landmarks import read_landmarks
from tests.soak.fitting import bends, fits
from tests.soak.pedestrians import Pedestrians
from tests.soak.tape import Recorder, cast_of
from tests.support.carla_client import DELTA_S, connect, go_asynchronous, go_synchronous
from tests.support.headless import Endpoint, free_port

_LEAD_M = 2.5
_SLOWER_PERCENT = 30.0
"""Gap and speed of CARLA's own example `generate_traffic`."""

_FILL_M = 12.0  # places along the lanes where a town has fewer spawn points than vehicles are wished for
_LIFT_M = 0.5
_SAY_EVERY = 50


def fitting_kinds(world: carla.World) -> tuple[list[carla.ActorBlueprint], list[carla.ActorBlueprint]]:
    """The kinds of vehicles that fit into the town's lanes (`tests.soak.fitting`), and the others."""
    town = world.get_map()
    lanes, place = bends(town), town.get_spawn_points()[0]
    kinds, left_out = [], []
    for blueprint in _every_kind(world):
        vehicle = world.spawn_actor(blueprint, place)  # a box is known of spawned vehicles only
        (kinds if fits(vehicle.bounding_box, lanes) else left_out).append(blueprint)
        vehicle.destroy()
        world.tick()
    return kinds, left_out


def _every_kind(world: carla.World) -> list[carla.ActorBlueprint]:
    return sorted(world.get_blueprint_library().filter("vehicle.*"), key=lambda b: str(b.id))


def spawn_traffic(
    client: carla.Client,
    world: carla.World,
    tm_port: int,
    count: int,
    library: Sequence[carla.ActorBlueprint],
    rng: np.random.Generator,
) -> list[carla.Actor]:
    """Spawn vehicles of these kinds as `generate_traffic` does, under the traffic manager."""
    spawn, autopilot, new = (
        carla.command.SpawnActor,
        carla.command.SetAutopilot,
        carla.command.FutureActor,
    )
    places = list(world.get_map().get_spawn_points())
    places = [places[int(i)] for i in rng.permutation(len(places))] + _lane_places(world.get_map(), rng)
    ids: list[int] = []
    while places and len(ids) < count:
        batch, places = places[: count - len(ids)], places[count - len(ids) :]
        commands = []
        for place in batch:
            blueprint = library[int(rng.integers(len(library)))]
            if blueprint.has_attribute("color"):
                colors = blueprint.get_attribute("color").recommended_values
                blueprint.set_attribute("color", colors[int(rng.integers(len(colors)))])
            blueprint.set_attribute("role_name", "autopilot")
            commands.append(spawn(blueprint, place).then(autopilot(new, True, tm_port)))
        ids += [one.actor_id for one in client.apply_batch_sync(commands, False) if not one.has_error()]
    world.tick()
    found = {actor.id: actor for actor in world.get_actors(ids)}
    return [found[actor_id] for actor_id in ids]


def _lane_places(town: carla.Map, rng: np.random.Generator) -> list[carla.Transform]:
    points = [p for p in town.generate_waypoints(_FILL_M) if not p.is_junction]
    places = []
    for number in rng.permutation(len(points)):
        place = points[int(number)].transform
        place.location.z += _LIFT_M
        places.append(place)
    return places


def drive(options: argparse.Namespace) -> int:
    """Run the town; returns how many ticks were driven."""
    rng = np.random.default_rng(options.seed)
    traffic_rng, walker_rng = rng.spawn(2)
    client = connect(Endpoint(*_address(options.server)))
    go_synchronous(client.get_world())  # first, or the new world would run by the wall clock for a moment
    world = client.load_world(options.town, reset_settings=False)
    world.tick()
    library, left_out = (_every_kind(world), []) if options.every_kind else fitting_kinds(world)
    tm_port = options.tm_port or free_port()
    manager = client.get_trafficmanager(tm_port)
    manager.set_synchronous_mode(True)
    manager.set_random_device_seed(options.seed)
    manager.set_global_distance_to_leading_vehicle(_LEAD_M)
    manager.global_percentage_speed_difference(_SLOWER_PERCENT)
    vehicles = spawn_traffic(client, world, tm_port, options.vehicles, library, traffic_rng)
    pedestrians = Pedestrians(client, world, options.walkers, walker_rng)
    world.tick()
    landmarks = read_landmarks(list(world.get_actors()), world, world.get_map())
    cast = cast_of(options.town, DELTA_S, vehicles, pedestrians.actors, landmarks, [b.id for b in left_out])
    actors = [*vehicles, *pedestrians.actors]
    recorder = Recorder(world, cast, actors, landmarks.light_actors, options.ticks)
    half = np.array(cast.box)[: len(vehicles), :2]
    began_s = time.perf_counter()
    for tick in range(options.ticks):
        world.tick()
        recorder.read()
        pedestrians.step(
            recorder.pose[len(vehicles) :],
            recorder.pose[: len(vehicles)],
            recorder.speed[: len(vehicles)],
            half,
        )
        if tick % _SAY_EVERY == _SAY_EVERY - 1:
            print(f"tick {tick + 1}", flush=True)
    recorder.tape(time.perf_counter() - began_s).save(options.tape)
    manager.set_synchronous_mode(False)
    client.apply_batch_sync([carla.command.DestroyActor(actor.id) for actor in actors], True)
    go_asynchronous(world)
    return int(options.ticks)


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.drive")
    parser.add_argument("--server", required=True, metavar="HOST:PORT")
    parser.add_argument("--town", required=True)
    parser.add_argument("--tape", required=True, type=Path, help="file to write")
    parser.add_argument("--vehicles", type=int, default=100)
    parser.add_argument("--walkers", type=int, default=30)
    parser.add_argument("--ticks", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument(
        "--every-kind", action="store_true", help="also vehicles that do not fit into the lanes"
    )
    parser.add_argument("--tm-port", type=int, default=0, help="of the traffic manager; 0 takes a free one")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    print(f"done {drive(parse(sys.argv[1:]))}", flush=True)
    os._exit(0)  # the client's threads may still wait for a world that nobody ticks
