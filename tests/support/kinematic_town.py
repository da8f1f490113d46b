"""A small kinematic world for the traffic core: real maps, a bicycle model, lights of our own. No server."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path

import carla
import numpy as np

from harness.facts import StopLine, TrafficLightFacts
from harness.traffic.drivers import IdmDrivers
from harness.traffic.interface import FleetControls, FleetState, RoadUsers
from harness.traffic.network import Bool, Float, TrafficNetwork
from scenarios.lane_graph import LaneGraph

MAPS = Path(__file__).parents[2] / "simulator" / "maps"
DT_S = 0.05
GREEN_S, YELLOW_S, ALL_RED_S = 10.0, 3.0, 2.0


def town_map(town: str) -> carla.Map:
    """A shipped town, read by the client's own OpenDRIVE reader."""
    return carla.Map(town, gzip.decompress((MAPS / f"{town}.xodr.gz").read_bytes()).decode())


def approach_lights(graph: LaneGraph) -> tuple[list[TrafficLightFacts], np.ndarray]:
    """One light per lane into a junction with three or more approaches, and its (group, number of groups)."""
    approaches: dict[int, dict[int, list[int]]] = {}
    for segment in np.flatnonzero(~graph.in_junction):
        for way in graph.successors[segment]:
            if graph.in_junction[way]:
                roads = approaches.setdefault(int(graph.junction_id[way]), {})
                lanes = roads.setdefault(int(graph.road_id[segment]), [])
                if segment not in lanes:
                    lanes.append(int(segment))
    lights, phases = [], []
    for junction in sorted(approaches):
        roads = approaches[junction]
        if len(roads) < 3:
            continue
        for group, road in enumerate(sorted(roads)):
            for segment in roads[road]:
                point = int(graph.segment_start[segment + 1]) - 1
                location = tuple(graph.location[point].tolist())
                rotation = tuple(graph.rotation_deg[point].tolist())
                line = StopLine(location, rotation, road, int(graph.lane_id[segment]), 3.5)
                lights.append(TrafficLightFacts(f"{junction}-{segment}", location, location, (line,)))
                phases.append((group, len(roads)))
    return lights, np.array(phases, dtype=np.int64).reshape(-1, 2)


def light_states(phases: np.ndarray, t_s: float) -> np.ndarray:
    """CARLA's numbers at a time: every group has its turn."""
    turn_s = GREEN_S + YELLOW_S + ALL_RED_S
    turn = (t_s // turn_s) % phases[:, 1]
    within = t_s % turn_s
    shown = 2 if within < GREEN_S else 1 if within < GREEN_S + YELLOW_S else 0
    return np.where(turn == phases[:, 0], shown, 0).astype(np.uint8)


@dataclass
class KinematicFleet:
    """Cars as kinematic bicycles about the rear axle; steer and pedals act as CARLA's do on average."""

    location: Float
    yaw_deg: Float
    speed_mps: Float
    half_size_m: Float

    def state(self) -> FleetState:
        yaw = np.radians(self.yaw_deg)
        forward = np.stack((np.cos(yaw), np.sin(yaw), np.zeros_like(yaw)), axis=1)
        return FleetState(self.location.copy(), self.yaw_deg.copy(), forward * self.speed_mps[:, None])

    def advance(self, commands: FleetControls, dt_s: float) -> None:
        full = np.maximum(7.6 - 0.2 * self.speed_mps, 2.0)
        push = full * commands.throttle**2.2 - 8.0 * commands.brake - 0.02 * self.speed_mps - 0.1
        self.speed_mps = np.maximum(self.speed_mps + push * dt_s, 0.0)
        wheelbase = 2.0 * 0.58 * self.half_size_m[:, 0]
        curvature = commands.steer / (1.28 * wheelbase)
        yaw = np.radians(self.yaw_deg)
        rear = self.location[:, :2] - 0.5 * wheelbase[:, None] * np.stack((np.cos(yaw), np.sin(yaw)), axis=1)
        middle = yaw + 0.5 * curvature * self.speed_mps * dt_s
        rear += (self.speed_mps * dt_s)[:, None] * np.stack((np.cos(middle), np.sin(middle)), axis=1)
        yaw = yaw + curvature * self.speed_mps * dt_s
        self.location[:, :2] = rear + 0.5 * wheelbase[:, None] * np.stack((np.cos(yaw), np.sin(yaw)), axis=1)
        self.yaw_deg = np.degrees(yaw)

    def follow_ground(self, graph: LaneGraph) -> None:
        for i, place in enumerate(self.location):
            match = graph.nearest(place, float(self.yaw_deg[i]), 12.0)
            if match is not None:
                self.location[i, 2] = graph.location[match.point, 2]


def nobody() -> RoadUsers:
    return RoadUsers(np.zeros((0, 3)), np.zeros(0), np.zeros((0, 3)), np.zeros((0, 2)))


def scatter(
    network: TrafficNetwork, count: int, rng: np.random.Generator, apart_m: float = 15.0
) -> np.ndarray:
    """Lane points outside of junctions, some metres apart and away from the ends of their segments."""
    graph = network.graph
    to_end = graph.length_m[graph.segment_of] - graph.distance_m
    fit = network.drivable[graph.segment_of] & ~graph.in_junction[graph.segment_of]
    fit &= (graph.distance_m > 5.0) & (to_end > 8.0)
    chosen: list[int] = []
    for point in rng.permutation(np.flatnonzero(fit)):
        if all(np.linalg.norm(graph.location[point] - graph.location[other]) > apart_m for other in chosen):
            chosen.append(int(point))
            if len(chosen) == count:
                break
    return np.array(chosen)


def overlaps(location: Float, yaw_deg: Float, half_size_m: Float) -> Bool:
    """(N, N) whether two boxes overlap (separating axes), diagonal False."""
    yaw = np.radians(yaw_deg)
    axes = np.stack((np.cos(yaw), np.sin(yaw)), axis=1)
    sides = np.stack((-np.sin(yaw), np.cos(yaw)), axis=1)
    apart = location[:, None, :2] - location[None, :, :2]
    hit = np.abs(location[:, None, 2] - location[None, :, 2]) < 3.0
    for own in (axes, sides):
        reach = half_size_m[:, 0] * np.abs(own @ axes.T) + half_size_m[:, 1] * np.abs(own @ sides.T)
        own_reach = half_size_m[:, 0] if own is axes else half_size_m[:, 1]
        distance = np.abs((apart * own[:, None, :]).sum(axis=2))
        miss = distance > reach + own_reach[:, None]
        hit &= ~miss & ~miss.T
    np.fill_diagonal(hit, False)
    return hit


def fleet_on(network: TrafficNetwork, points: np.ndarray, rng: np.random.Generator) -> KinematicFleet:
    graph = network.graph
    half = np.stack((rng.uniform(1.85, 2.6, len(points)), rng.uniform(0.9, 1.08, len(points))), axis=1)
    return KinematicFleet(
        graph.location[points].copy(), graph.rotation_deg[points, 1].copy(), np.zeros(len(points)), half
    )


def drivers_for(network: TrafficNetwork, fleet: KinematicFleet, seed: int) -> IdmDrivers:
    return IdmDrivers(
        network, fleet.location, fleet.yaw_deg, fleet.half_size_m, np.random.default_rng(seed), DT_S
    )
