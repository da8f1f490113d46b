"""The pure core of the background traffic, in a kinematic loop on shipped towns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest

from harness.traffic.drivers import IdmDrivers, NotOnALaneError
from harness.traffic.interface import FleetControls, RoadUsers
from harness.traffic.network import TrafficNetwork
from scenarios.lane_graph import LaneGraph
from tests.support.kinematic_town import (
    DT_S,
    KinematicFleet,
    approach_lights,
    drivers_for,
    fleet_on,
    light_states,
    nobody,
    overlaps,
    scatter,
    town_map,
)

RED, YELLOW, GREEN = 0, 1, 2
LIMIT_MPS = 10.0


@dataclass
class Run:
    """A fleet under way."""

    network: TrafficNetwork
    fleet: KinematicFleet
    drivers: IdmDrivers
    commands: list[FleetControls] = field(default_factory=list)

    def ticks(
        self,
        count: int,
        others: Callable[[int], RoadUsers] = lambda _: nobody(),
        lights: Callable[[int], np.ndarray] = lambda _: np.zeros(0, dtype=np.uint8),
    ) -> None:
        limit = np.full(len(self.fleet.yaw_deg), LIMIT_MPS)
        for tick in range(count):
            self.commands.append(self.drivers.step(self.fleet.state(), others(tick), lights(tick), limit))
            self.fleet.advance(self.commands[-1], DT_S)
            assert not overlaps(self.fleet.location, self.fleet.yaw_deg, self.fleet.half_size_m).any()


@pytest.fixture(scope="module")
def graph() -> LaneGraph:
    return LaneGraph.from_map(town_map("Town02"))


@pytest.fixture(scope="module")
def network(graph: LaneGraph) -> TrafficNetwork:
    return TrafficNetwork.build(graph, ())


def _run(network: TrafficNetwork, count: int, seed: int) -> Run:
    rng = np.random.default_rng(seed)
    fleet = fleet_on(network, scatter(network, count, rng), rng)
    return Run(network, fleet, drivers_for(network, fleet, seed))


def _alone(network: TrafficNetwork, point: int, seed: int = 1) -> Run:
    fleet = fleet_on(network, np.array([point]), np.random.default_rng(seed))
    return Run(network, fleet, drivers_for(network, fleet, seed))


def _box(
    location: np.ndarray, yaw_deg: float, velocity: tuple[float, float], half: tuple[float, float]
) -> RoadUsers:
    return RoadUsers(
        np.array([location]), np.array([yaw_deg]), np.array([[*velocity, 0.0]]), np.array([half])
    )


def _long_segment(graph: LaneGraph) -> int:
    return int(np.argmax(np.where(graph.in_junction, 0.0, graph.length_m)))


def test_controls_are_in_range_and_one_pedal_at_a_time(network: TrafficNetwork) -> None:
    run = _run(network, 20, 3)
    run.ticks(1200)
    for name, low in (("throttle", 0.0), ("steer", -1.0), ("brake", 0.0)):
        table = np.array([getattr(commands, name) for commands in run.commands])
        assert np.isfinite(table).all()
        assert table.min() >= low
        assert table.max() <= 1.0
    assert all(((commands.throttle == 0.0) | (commands.brake == 0.0)).all() for commands in run.commands)


def test_same_seed_same_bits_other_seed_another_way(network: TrafficNetwork) -> None:
    runs = [_run(network, 10, 5), _run(network, 10, 5)]
    other = Run(network, _run(network, 10, 5).fleet, drivers_for(network, runs[0].fleet, 6))
    for run in (*runs, other):
        run.ticks(1500)
    first, second, third = (run.fleet.location for run in (*runs, other))
    assert first.tobytes() == second.tobytes()
    assert np.linalg.norm(first - third, axis=1).max() > 50.0


def test_a_driver_chooses_its_way_whatever_the_others_do(network: TrafficNetwork) -> None:
    """Its generator is its own: alone or in company it takes the same turns."""
    company = _run(network, 8, 11)
    start = company.fleet.location.copy()
    alone = Run(network, _run(network, 8, 11).fleet, drivers_for(network, company.fleet, 11))
    far = np.array([[1e4 * (i + 1), 0.0, 0.0] for i in range(8)])
    far[0] = start[0]
    ways = []
    for run, only_first in ((company, False), (alone, True)):
        if only_first:
            run.fleet.location[:] = far
        crossings: list[int] = []
        for _ in range(2400):
            run.ticks(1)
            match = network.graph.nearest(run.fleet.location[0], float(run.fleet.yaw_deg[0]))
            assert match is not None
            road = int(network.graph.road_id[network.graph.segment_of[match.point]])
            if (
                not network.graph.in_junction[network.graph.segment_of[match.point]]
                and road not in crossings[-1:]
            ):
                crossings.append(road)
        ways.append(crossings)
    shorter = min(len(way) for way in ways)
    assert shorter >= 3
    assert ways[0][:shorter] == ways[1][:shorter]


def test_follows_its_lane_within_the_limit(network: TrafficNetwork) -> None:
    run = _run(network, 6, 2)
    fastest = 0.0
    for _ in range(2400):
        run.ticks(1)
        fastest = max(fastest, float(run.fleet.speed_mps.max()))
        for place, yaw in zip(run.fleet.location, run.fleet.yaw_deg, strict=True):
            match = network.graph.nearest(place, float(yaw))
            assert match is not None
            assert match.distance_m < 1.2
    assert 0.7 * LIMIT_MPS < fastest < LIMIT_MPS


def test_curves_are_taken_slowly(network: TrafficNetwork) -> None:
    run = _run(network, 6, 2)
    for _ in range(2400):
        before = np.radians(run.fleet.yaw_deg)
        run.ticks(1)
        turned = np.abs(np.radians(run.fleet.yaw_deg) - before) / DT_S
        assert (turned * run.fleet.speed_mps < 3.5).all()


@pytest.mark.parametrize("state", [RED, YELLOW])
def test_stops_at_a_light_and_goes_on_green(graph: LaneGraph, state: int) -> None:
    lights, _ = approach_lights(graph)
    network = TrafficNetwork.build(graph, lights)
    segment = next(
        s for s in np.argsort(-graph.length_m) if network.light_of[s] >= 0 and not graph.in_junction[s]
    )
    points = graph.points(int(segment))
    run = _alone(network, points.stop - 70)
    shown = np.full(len(lights), GREEN, dtype=np.uint8)
    shown[network.light_of[segment]] = state
    run.ticks(500, lights=lambda _: shown)
    to_line = float(np.linalg.norm(graph.location[points.stop - 1] - run.fleet.location[0]))
    assert run.fleet.speed_mps[0] == 0.0
    assert 0.3 < to_line - run.fleet.half_size_m[0, 0] < 3.0
    shown[:] = GREEN
    run.ticks(200, lights=lambda _: shown)
    assert run.fleet.speed_mps[0] > 2.0


def test_does_not_stop_in_the_junction_when_the_light_changes_late(graph: LaneGraph) -> None:
    lights, _ = approach_lights(graph)
    network = TrafficNetwork.build(graph, lights)
    segment = int(next(s for s in np.argsort(-graph.length_m) if network.light_of[s] >= 0))
    end = graph.location[graph.points(segment).stop - 1]
    run = _alone(network, graph.points(segment).stop - 70)
    shown = np.full(len(lights), GREEN, dtype=np.uint8)
    while np.linalg.norm(run.fleet.location[0] - end) > 4.0:
        run.ticks(1, lights=lambda _: shown)
    shown[:] = RED
    run.ticks(100, lights=lambda _: shown)
    assert np.linalg.norm(run.fleet.location[0] - end) > 8.0
    match = graph.nearest(run.fleet.location[0], float(run.fleet.yaw_deg[0]))
    assert match is not None
    assert graph.segment_of[match.point] != segment


def test_stops_behind_a_standing_ego(network: TrafficNetwork) -> None:
    graph = network.graph
    points = graph.points(_long_segment(graph))
    run = _alone(network, points.start + 20)
    there = graph.location[points.start + 75]
    yaw = float(graph.rotation_deg[points.start + 75, 1])
    run.ticks(600, others=lambda _: _box(there, yaw, (0.0, 0.0), (2.45, 0.92)))
    gap = float(np.linalg.norm(there - run.fleet.location[0])) - 2.45 - run.fleet.half_size_m[0, 0]
    assert run.fleet.speed_mps[0] == 0.0
    assert 0.5 < gap < 4.0


def test_stops_for_a_walker_who_steps_out(network: TrafficNetwork) -> None:
    graph = network.graph
    points = graph.points(_long_segment(graph))
    run = _alone(network, points.start + 10)
    middle = graph.location[points.start + 70]
    yaw = np.radians(graph.rotation_deg[points.start + 70, 1])
    side = np.array([-np.sin(yaw), np.cos(yaw), 0.0])

    def walker(tick: int) -> RoadUsers:
        across = min(1.4 * DT_S * max(tick - 60, 0), 6.0) - 6.0
        velocity = 1.4 * side if tick > 60 and across < 0.0 else np.zeros(3)
        return _box(middle + across * side, 0.0, (velocity[0], velocity[1]), (0.25, 0.25))

    for tick in range(700):
        run.ticks(1, others=lambda _, now=tick: walker(now))
        both = np.vstack((run.fleet.location, walker(tick).location))
        assert not overlaps(
            both, np.append(run.fleet.yaw_deg, 0.0), np.vstack((run.fleet.half_size_m, [[0.25, 0.25]]))
        ).any()
    assert run.fleet.speed_mps[0] == 0.0


def test_brakes_for_a_car_that_cuts_in(network: TrafficNetwork) -> None:
    graph = network.graph
    points = graph.points(_long_segment(graph))
    run = _alone(network, points.start + 10)
    run.ticks(160)
    yaw_deg = float(run.fleet.yaw_deg[0])
    yaw = np.radians(yaw_deg)
    forward, side = np.array([np.cos(yaw), np.sin(yaw), 0.0]), np.array([-np.sin(yaw), np.cos(yaw), 0.0])
    start = run.fleet.location[0] + 9.0 * forward + 3.5 * side

    def intruder(tick: int) -> RoadUsers:
        place = start + 5.0 * DT_S * tick * forward - min(1.0 * DT_S * tick, 3.5) * side
        velocity = 5.0 * forward - (1.0 if DT_S * tick < 3.5 else 0.0) * side
        return _box(place, yaw_deg, (velocity[0], velocity[1]), (2.4, 0.95))

    for tick in range(160):
        run.ticks(1, others=lambda _, now=tick: intruder(now))
        both = np.vstack((run.fleet.location, intruder(tick).location))
        assert not overlaps(
            both, np.append(run.fleet.yaw_deg, yaw_deg), np.vstack((run.fleet.half_size_m, [[2.4, 0.95]]))
        ).any()
    assert run.fleet.speed_mps[0] == pytest.approx(5.0, abs=1.5)


def test_conflicting_crossings_are_symmetric_and_spare_siblings(network: TrafficNetwork) -> None:
    graph = network.graph
    conflicts = network.conflicts
    assert conflicts.any()
    np.testing.assert_array_equal(conflicts, conflicts.T)
    assert not conflicts.diagonal().any()
    crossings = np.flatnonzero(graph.in_junction)
    for i, j in np.argwhere(conflicts):
        a, b = int(crossings[i]), int(crossings[j])
        assert graph.junction_id[a] == graph.junction_id[b]
        assert not set(graph.predecessors[a]) & set(graph.predecessors[b])


def test_crossings_into_the_same_lane_conflict(network: TrafficNetwork) -> None:
    graph = network.graph
    crossings = [int(segment) for segment in np.flatnonzero(graph.in_junction)]
    for i, a in enumerate(crossings):
        for j, b in enumerate(crossings[:i]):
            if set(graph.successors[a]) & set(graph.successors[b]):
                assert network.conflicts[i, j]


def test_dead_ends_are_not_driven() -> None:
    graph = LaneGraph.from_map(town_map("Town06"))
    network = TrafficNetwork.build(graph, ())
    assert 0 < (~network.drivable).sum() < 40
    for segment in np.flatnonzero(network.drivable):
        assert any(network.drivable[way] for way in graph.successors[segment])


def test_a_place_off_the_lanes_is_refused(network: TrafficNetwork) -> None:
    with pytest.raises(NotOnALaneError, match=r"no lane within 2\.5 m"):
        IdmDrivers(
            network,
            np.array([[1e4, 0.0, 0.0]]),
            np.zeros(1),
            np.array([[2.4, 1.0]]),
            np.random.default_rng(0),
            DT_S,
        )


def test_no_vehicles_at_all(network: TrafficNetwork) -> None:
    run = Run(network, fleet_on(network, np.zeros(0, dtype=np.int64), np.random.default_rng(0)), None)
    drivers = drivers_for(network, run.fleet, 0)
    commands = drivers.step(run.fleet.state(), nobody(), np.zeros(0, dtype=np.uint8), np.zeros(0))
    assert len(commands.throttle) == 0


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("town", "count", "with_lights"), [("Town02", 40, True), ("Town02", 40, False)])
def test_ten_minutes_without_a_collision(town: str, count: int, with_lights: bool) -> None:
    """40 cars and an ego that drives like one of them, in the smallest town."""
    graph = LaneGraph.from_map(town_map(town))
    lights, phases = approach_lights(graph) if with_lights else ([], np.zeros((0, 2), dtype=np.int64))
    network = TrafficNetwork.build(graph, lights)
    rng = np.random.default_rng(4)
    points = scatter(network, count + 1, rng)
    fleet, ego = fleet_on(network, points[:-1], rng), fleet_on(network, points[-1:], rng)
    drivers, ego_driver = drivers_for(network, fleet, 4), drivers_for(network, ego, 104)
    half = np.vstack((fleet.half_size_m, ego.half_size_m))
    limit, standing = np.full(count + 1, LIMIT_MPS), np.zeros(count + 1)
    for tick in range(int(600.0 / DT_S)):
        a, b = fleet.state(), ego.state()
        shown = light_states(phases, tick * DT_S) if lights else np.zeros(0, dtype=np.uint8)
        ours = drivers.step(
            a, RoadUsers(b.location, b.yaw_deg, b.velocity_mps, ego.half_size_m), shown, limit[:-1]
        )
        theirs = ego_driver.step(
            b, RoadUsers(a.location, a.yaw_deg, a.velocity_mps, fleet.half_size_m), shown, limit[-1:]
        )
        fleet.advance(ours, DT_S)
        ego.advance(theirs, DT_S)
        place, yaw = np.vstack((fleet.location, ego.location)), np.append(fleet.yaw_deg, ego.yaw_deg)
        assert not overlaps(place, yaw, half).any(), f"collision at {tick * DT_S:.2f} s"
        moving = np.append(fleet.speed_mps, ego.speed_mps) > 0.1
        standing = np.where(moving, 0.0, standing + DT_S)
        assert standing.max() < 150.0, "gridlock"
