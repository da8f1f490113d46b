"""A program: vehicles under our own drivers, and a hash over all that the client exposes of every actor.

    python -m tests.support.own_traffic HOST PORT TOWN VEHICLES TICKS SEED

Prints one JSON object: vehicles, ticks, how many vehicles moved, and SHA-256 over every snapshot: of every
actor its id, pose, velocity, angular velocity and acceleration; of every vehicle also control, speed limit
and traffic light; of every light its state and times. Frames and clocks are left out: they count from the
start of the server.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import sys

import carla
import numpy as np

from harness.client.landmarks import read_landmarks
from harness.traffic.background import BackgroundTraffic, spawn_background
from harness.traffic.interface import FleetState, RoadUsers
from scenarios.lane_graph import LaneGraph
from tests.support.carla_client import DELTA_S, connect, go_synchronous
from tests.support.headless import Endpoint

_NOBODY = RoadUsers(np.zeros((0, 3)), np.zeros(0), np.zeros((0, 3)), np.zeros((0, 2)))


def drive(server: Endpoint, town: str, vehicles: int, ticks: int, seed: int) -> dict[str, object]:
    """Drive `vehicles` vehicles for `ticks` ticks."""
    client = connect(server)
    go_synchronous(client.get_world())  # first, or the new world would run by the wall clock for a moment
    world = client.load_world(town, reset_settings=False)
    world.tick()
    town_map = world.get_map()
    landmarks = read_landmarks(list(world.get_actors()), world, town_map)
    traffic = spawn_background(
        client,
        world,
        LaneGraph.from_map(town_map),
        landmarks.lights,
        count=vehicles,
        rng=np.random.default_rng(seed),
        dt_s=DELTA_S,
        spawn_points=town_map.get_spawn_points(),
        keep_clear=np.zeros((0, 3)),
    )
    world.tick()
    actors = [world.get_actor(actor_id) for actor_id in traffic.actor_ids]
    begin = _fleet(world, traffic).location
    digest = hashlib.sha256()
    for _ in range(ticks):
        shown = np.array([int(light.state) for light in landmarks.light_actors], dtype=np.uint8)
        traffic.send(traffic.decide(_fleet(world, traffic), _NOBODY, shown))
        world.tick()
        _add(digest, world, actors, landmarks.light_actors)
    moved = np.linalg.norm(_fleet(world, traffic).location - begin, axis=1) > 20.0
    return {
        "vehicles": len(traffic.actor_ids),
        "ticks": ticks,
        "moved": int(moved.sum()),
        "hash": digest.hexdigest(),
    }


def _fleet(world: carla.World, traffic: BackgroundTraffic) -> FleetState:
    snapshot = world.get_snapshot()
    found = [snapshot.find(actor_id) for actor_id in traffic.actor_ids]
    places = [actor.get_transform() for actor in found]
    speeds = [actor.get_velocity() for actor in found]
    return FleetState(
        np.array([(p.location.x, p.location.y, p.location.z) for p in places]),
        np.array([p.rotation.yaw for p in places]),
        np.array([(v.x, v.y, v.z) for v in speeds]),
    )


def _add(
    digest: hashlib._Hash,
    world: carla.World,
    vehicles: list[carla.Vehicle],
    lights: tuple[carla.TrafficLight, ...],
) -> None:
    for actor in sorted(world.get_snapshot(), key=lambda one: int(one.id)):
        pose = actor.get_transform()
        place, turn = pose.location, pose.rotation
        vectors = (actor.get_velocity(), actor.get_angular_velocity(), actor.get_acceleration())
        motion = [value for v in vectors for value in (v.x, v.y, v.z)]
        numbers = (place.x, place.y, place.z, turn.pitch, turn.yaw, turn.roll, *motion)
        digest.update(struct.pack("<Q15d", actor.id, *numbers))
    for vehicle in vehicles:
        control = vehicle.get_control()
        pedals = (control.throttle, control.steer, control.brake, vehicle.get_speed_limit())
        light = vehicle.get_traffic_light()
        switches = (control.hand_brake, control.reverse, control.manual_gear_shift, control.gear)
        told = (
            vehicle.is_at_traffic_light(),
            int(vehicle.get_traffic_light_state()),
            light.id if light else 0,
        )
        digest.update(struct.pack("<4d7q", *pedals, *switches, *told))
    for light in lights:
        times = (
            light.get_elapsed_time(),
            light.get_green_time(),
            light.get_yellow_time(),
            light.get_red_time(),
        )
        digest.update(struct.pack("<4d2q", *times, int(light.get_state()), light.is_frozen()))


if __name__ == "__main__":
    host, port, town, vehicles, ticks, seed = sys.argv[1:]
    print(
        json.dumps(drive(Endpoint(host, int(port)), town, int(vehicles), int(ticks), int(seed))), flush=True
    )
    os._exit(0)  # the client's threads may still wait for a world that nobody ticks
