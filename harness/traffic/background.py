"""Background traffic on a server: spawns vehicles through the `carla` client and sends their controls.

It uses nothing but spawning, destroying, speed limits and controls in a batch, so it works on every server.
"""

from __future__ import annotations

from collections.abc import Sequence

import carla
import numpy as np
from numpy.typing import NDArray

from harness.facts import TrafficLightFacts
from harness.traffic.drivers import IdmDrivers, NotOnALaneError, start_point
from harness.traffic.interface import FleetControls, FleetState, Float, RoadUsers, SpawnReport
from harness.traffic.network import TrafficNetwork
from scenarios.lane_graph import LaneGraph

ROLE_NAME = "background"
"""The Leaderboard's minimum-speed criterion counts the vehicles with this role."""

_BASE_TYPES = ("car", "van")
_APART_M = 15.0
_LIMIT_TICKS = 10
_UNKNOWN_LIMIT_KMH = 30.0


class BackgroundTraffic:
    """The background vehicles of one episode; satisfies `harness.traffic.interface.Traffic`.

    Built by `spawn_background`.
    """

    def __init__(
        self,
        client: carla.Client,
        vehicles: Sequence[carla.Vehicle],
        drivers: IdmDrivers,
        report: SpawnReport,
    ) -> None:
        self._client = client
        self._vehicles = tuple(vehicles)
        self._drivers = drivers
        self._report = report
        self._actor_ids = tuple(vehicle.id for vehicle in self._vehicles)
        self._limit_mps = np.full(len(self._vehicles), _UNKNOWN_LIMIT_KMH / 3.6)
        self._tick = 0

    @property
    def actor_ids(self) -> tuple[int, ...]:
        """The server's ids of the vehicles, in the order of every array given and returned."""
        return self._actor_ids

    @property
    def report(self) -> SpawnReport:
        """How many were asked for, and how many found a place."""
        return self._report

    def decide(self, fleet: FleetState, others: RoadUsers, light_states: NDArray[np.uint8]) -> FleetControls:
        """Decide one control per vehicle; see `Traffic.decide`."""
        self._read_limits()
        self._tick += 1
        return self._drivers.step(fleet, others, light_states, self._limit_mps)

    def send(self, controls: FleetControls) -> None:
        """Send the controls in one batch that the client does not wait for."""
        table = zip(
            self.actor_ids,
            controls.throttle.tolist(),
            controls.steer.tolist(),
            controls.brake.tolist(),
            strict=True,
        )
        self._client.apply_batch(
            [
                carla.command.ApplyVehicleControl(
                    actor_id, carla.VehicleControl(throttle=throttle, steer=steer, brake=brake)
                )
                for actor_id, throttle, steer, brake in table
            ]
        )

    def _read_limits(self) -> None:
        """Limits change slowly: read each vehicle's twice a second, in turn (all of them at first)."""
        for i, vehicle in enumerate(self._vehicles):
            if self._tick < 2 or (i + self._tick) % _LIMIT_TICKS == 0:
                limit_kmh = float(vehicle.get_speed_limit())
                self._limit_mps[i] = (limit_kmh if limit_kmh > 0.0 else _UNKNOWN_LIMIT_KMH) / 3.6

    def destroy(self) -> None:
        """Remove the vehicles from the world."""
        if self._vehicles:
            self._client.apply_batch_sync(
                [carla.command.DestroyActor(vehicle.id) for vehicle in self._vehicles]
            )
        self._vehicles = ()
        self._actor_ids = ()


def spawn_background(
    client: carla.Client,
    world: carla.World,
    graph: LaneGraph,
    lights: Sequence[TrafficLightFacts],
    *,
    count: int,
    rng: np.random.Generator,
    dt_s: float,
    spawn_points: Sequence[carla.Transform],
    keep_clear: Float,
    keep_clear_m: float = 25.0,
) -> BackgroundTraffic:
    """Spawn background vehicles and seat a driver in each. Call it before the first tick of the episode.

    Args:
        client: the connected client.
        world: its world, in synchronous mode.
        graph: lanes of the world's town.
        lights: their order is that of the light states given to `drive`.
        count: vehicles wished for; fewer are spawned where the town has no more free places, see `report`.
        rng: choice of places, models and behaviour; nothing else is random.
        dt_s: simulated time between ticks.
        spawn_points: `world.get_map().get_spawn_points()`.
        keep_clear: (M, 3) m, places to stay away from, such as the ego's start.
        keep_clear_m: how far.
    """
    network = TrafficNetwork.build(graph, lights)
    place_rng, model_rng, driver_rng = rng.spawn(3)
    places = _places(network, spawn_points, keep_clear, keep_clear_m, place_rng)
    blueprints = _blueprints(world)
    vehicles: list[carla.Vehicle] = []
    starts: list[carla.Transform] = []
    while places and len(vehicles) < count:
        batch, places = places[: count - len(vehicles)], places[count - len(vehicles) :]
        commands = [carla.command.SpawnActor(_choose(blueprints, model_rng), place) for place in batch]
        for place, response in zip(batch, client.apply_batch_sync(commands, False), strict=True):
            if not response.error:
                vehicles.append(world.get_actor(response.actor_id))
                starts.append(place)
    boxes = [vehicle.bounding_box.extent for vehicle in vehicles]
    drivers = IdmDrivers(
        network,
        np.array([(p.location.x, p.location.y, p.location.z) for p in starts]).reshape(-1, 3),
        np.array([p.rotation.yaw for p in starts]),
        np.array([(box.x, box.y) for box in boxes]).reshape(-1, 2),
        driver_rng,
        dt_s,
    )
    return BackgroundTraffic(client, vehicles, drivers, SpawnReport(count, len(vehicles)))


def _places(
    network: TrafficNetwork,
    spawn_points: Sequence[carla.Transform],
    keep_clear: Float,
    keep_clear_m: float,
    rng: np.random.Generator,
) -> list[carla.Transform]:
    """Free spawn points in random order, apart from one another and from what must be kept clear."""
    taken = np.empty((0, 3))
    places = []
    for number in rng.permutation(len(spawn_points)):
        point = spawn_points[int(number)]
        where = np.array([point.location.x, point.location.y, point.location.z])
        if _nearest(keep_clear, where) < keep_clear_m or _nearest(taken, where) < _APART_M:
            continue
        try:
            lane_point = start_point(network, where, point.rotation.yaw)
        except NotOnALaneError:
            continue
        if not network.graph.in_junction[network.graph.segment_of[lane_point]]:
            places.append(point)
            taken = np.vstack((taken, where))
    return places


def _nearest(places: Float, where: Float) -> float:
    return float(np.linalg.norm(places - where, axis=1).min()) if len(places) else np.inf


def _blueprints(world: carla.World) -> list[carla.ActorBlueprint]:
    """Ordinary cars and vans, in the order of their names."""
    found = []
    for blueprint in world.get_blueprint_library().filter("vehicle.*"):
        emergency = _text(blueprint, "special_type") == "emergency"
        if _text(blueprint, "base_type") in _BASE_TYPES and not emergency:
            found.append(blueprint)
    return sorted(found, key=lambda blueprint: str(blueprint.id))


def _text(blueprint: carla.ActorBlueprint, name: str) -> str:
    return str(blueprint.get_attribute(name).as_str()) if blueprint.has_attribute(name) else ""


def _choose(blueprints: Sequence[carla.ActorBlueprint], rng: np.random.Generator) -> carla.ActorBlueprint:
    blueprint = blueprints[int(rng.integers(len(blueprints)))]
    blueprint.set_attribute("role_name", ROLE_NAME)
    if blueprint.has_attribute("color"):
        colors = blueprint.get_attribute("color").recommended_values
        blueprint.set_attribute("color", colors[int(rng.integers(len(colors)))])
    return blueprint
