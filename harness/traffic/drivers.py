"""IdmDrivers: the pure core of the background traffic. It knows no server: arrays in, controls out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness.traffic.arrays import Bodies, Claims, Gates, Leaders, Pedals, Traits
from harness.traffic.control import SIDE_MARGIN_M, control, locate
from harness.traffic.corridor import find_leaders
from harness.traffic.interface import FleetControls, FleetState, RoadUsers
from harness.traffic.junctions import arbitrate, find_gates
from harness.traffic.network import Bool, Float, TrafficNetwork
from harness.traffic.paths import PathPlanner

_START_M = 2.5
"""A car farther from its lane than this stands on another one."""

_EGO_MATCH_M = 4.0
_EGO_REACH_S = 3.0
_EGO_REACH_M = 8.0
_EGO_STANDS_MPS = 0.5
_WALKER_HALF_M = 0.5


class NotOnALaneError(ValueError):
    """A driver was placed where it cannot drive."""


class IdmDrivers:
    """N drivers: they follow lanes and each other, obey lights, share junctions, choose their way at random.

    Bit-deterministic: the same network, places, seed and inputs give the same commands.

    Args:
        network: the town.
        location: (N, 3) m, actor origins.
        yaw_deg: (N,).
        half_size_m: (N, 2) half length and half width of their boxes.
        rng: every driver gets a generator of its own from it.
        dt_s: simulated time between steps.

    Raises:
        NotOnALaneError: a vehicle stands farther than 2.5 m from every lane on which one can drive on.
    """

    def __init__(
        self,
        network: TrafficNetwork,
        location: Float,
        yaw_deg: Float,
        half_size_m: Float,
        rng: np.random.Generator,
        dt_s: float,
    ) -> None:
        count = len(location)
        self._network = network
        self._dt_s = dt_s
        self._half_size_m = half_size_m
        generators = tuple(rng.spawn(count))
        self._traits = Traits.draw(generators, half_size_m[:, 0])
        points = np.array(
            [start_point(network, place, float(yaw)) for place, yaw in zip(location, yaw_deg, strict=True)],
            dtype=np.int64,
        )
        self._planner = PathPlanner(network, points, generators)
        self._claims = Claims.none(count)
        self._gates = Gates.none(count)
        self._leaders = Leaders.none(count)
        self._pedals = Pedals.none(count)
        self._s_m = np.zeros(count)
        self._speed_mps = np.zeros(count)
        self._tick = 0

    def step(
        self,
        fleet: FleetState,
        others: RoadUsers,
        light_states: NDArray[np.uint8],
        limit_mps: Float,
    ) -> FleetControls:
        """Decide for one tick.

        Args:
            fleet: the drivers' own vehicles.
            others: everybody else.
            light_states: CARLA's numbers, in the order of the lights that the network was built with.
            limit_mps: (N,) legal speed limit where each vehicle is.
        """
        bodies = _bodies(fleet, self._half_size_m, others)
        network, window = self._network, self._planner.window
        s_m, speed_mps = self._s_m, self._speed_mps
        locate(window, bodies, s_m, speed_mps)
        find_leaders(window, bodies, s_m, speed_mps, SIDE_MARGIN_M, self._leaders)
        find_gates(window, bodies, s_m, speed_mps, self._claims, self._gates)
        blocked = self._blocked(others, light_states)
        lights = light_states.astype(np.int64)
        arbitrate(
            self._tick,
            window,
            bodies,
            s_m,
            speed_mps,
            self._leaders,
            network.conflicts,
            blocked,
            lights,
            self._claims,
            self._gates,
        )
        control(
            self._dt_s,
            window,
            bodies,
            self._traits,
            limit_mps,
            s_m,
            speed_mps,
            self._leaders,
            self._gates,
            self._pedals,
        )
        self._planner.refill()
        self._tick += 1
        pedals = self._pedals
        return FleetControls(pedals.throttle.copy(), pedals.steer.copy(), pedals.brake.copy())

    def _blocked(self, others: RoadUsers, light_states: NDArray[np.uint8]) -> Bool:
        """Crossings that conflict with what other vehicles (the ego) are on, or will be on in a moment."""
        network = self._network
        blocked = np.zeros(len(network.conflicts), dtype=np.bool_)
        speeds = np.hypot(others.velocity_mps[:, 0], others.velocity_mps[:, 1])
        for i in np.flatnonzero((others.half_size_m[:, 0] > _WALKER_HALF_M) & (speeds > _EGO_STANDS_MPS)):
            for crossing in self._in_use(
                others.location[i], float(others.yaw_deg[i]), float(speeds[i]), light_states
            ):
                blocked |= network.conflicts[crossing]
        return blocked

    def _in_use(
        self, location: Float, yaw_deg: float, speed_mps: float, light_states: NDArray[np.uint8]
    ) -> list[int]:
        graph, network = self._network.graph, self._network
        match = graph.nearest(location, yaw_deg, _EGO_MATCH_M)
        if match is None:
            return []
        segment = int(graph.segment_of[match.point])
        if graph.in_junction[segment]:
            near = [int(graph.segment_of[other.point]) for other in graph.near(location, 2.0)]
            return [int(network.crossing_of[other]) for other in near if graph.in_junction[other]]
        to_gate_m = float(graph.length_m[segment] - graph.distance_m[match.point])
        if to_gate_m > max(_EGO_REACH_M, _EGO_REACH_S * speed_mps):
            return []
        light = int(network.light_of[segment])
        can_stop = speed_mps**2 / (2.0 * max(to_gate_m, 0.1)) < 5.0
        if light >= 0 and int(light_states[light]) == 0 and can_stop:
            return []
        return [int(network.crossing_of[way]) for way in graph.successors[segment] if graph.in_junction[way]]


def start_point(network: TrafficNetwork, location: Float, yaw_deg: float) -> int:
    """The lane point from which a vehicle at a place drives on.

    Raises:
        NotOnALaneError: there is none within 2.5 m that leads on.
    """
    graph = network.graph
    matches = [
        match for match in graph.near(location, _START_M) if network.drivable[graph.segment_of[match.point]]
    ]
    if not matches:
        raise NotOnALaneError(
            f"no lane within {_START_M:g} m of {np.round(location, 2).tolist()} on which one can drive on;"
            " choose another place"
        )
    turns = [abs((float(graph.rotation_deg[m.point, 1]) - yaw_deg + 180.0) % 360.0 - 180.0) for m in matches]
    best = min(range(len(matches)), key=lambda k: matches[k].distance_m + turns[k] / 15.0)
    return matches[best].point


def _bodies(fleet: FleetState, half_size_m: Float, others: RoadUsers) -> Bodies:
    location = np.concatenate((fleet.location, others.location))
    yaw_rad = np.radians(np.concatenate((fleet.yaw_deg, others.yaw_deg)))
    half = np.concatenate((half_size_m, others.half_size_m))
    velocity = np.concatenate((fleet.velocity_mps, others.velocity_mps))
    x, y, z, half_length, half_width, vx, vy = (
        np.ascontiguousarray(column) for column in (*location.T, *half.T, velocity[:, 0], velocity[:, 1])
    )
    return Bodies(x, y, z, np.cos(yaw_rad), np.sin(yaw_rad), half_length, half_width, vx, vy)
