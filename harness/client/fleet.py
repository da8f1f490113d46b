"""The background traffic of an episode, fed from the facts: one reading of the snapshot serves everybody."""

from __future__ import annotations

import contextlib
from typing import Self

import carla
import numpy as np
from numpy.typing import NDArray

from harness.client.landmarks import Landmarks
from harness.client.observer import Observer
from harness.client.session import Session
from harness.errors import InfraError, SensorLostError
from harness.facts import TickFacts
from harness.traffic.background import spawn_background
from harness.traffic.interface import FleetControls, FleetState, RoadUsers, Traffic
from scenarios.lane_graph import LaneGraph
from scenarios.route import DenseRoute

_SPAWN_DEADLINE_S = 15.0  # spawning in a batch holds Python's lock; 40 vehicles take 0.1 s


class Fleet:
    """Background vehicles, or none.

    Args:
        session: that they were spawned in.
        traffic: their drivers, None for an empty road.
    """

    def __init__(self, session: Session, traffic: Traffic | None) -> None:
        self._session = session
        self._traffic = traffic
        self._observer: Observer | None = None
        self._indices: NDArray[np.int32] = np.empty(0, dtype=np.int32)

    @classmethod
    def spawn(
        cls,
        session: Session,
        graph: LaneGraph,
        lane_map: carla.Map,
        landmarks: Landmarks,
        route: DenseRoute,
        count: int,
        seed: int,
    ) -> Self:
        """Put vehicles on the road, away from the start of the route.

        Args:
            session: with the town loaded.
            graph: its lanes.
            lane_map: the same as CARLA's client holds them.
            landmarks: its lights.
            route: of the ego.
            count: wished for.
            seed: of places, models and driving styles.
        """
        if count == 0:
            return cls(session, None)
        traffic = session.request(
            f"spawn {count} vehicles",
            lambda: spawn_background(
                session.client,
                session.world,
                graph,
                landmarks.lights,
                count=count,
                rng=np.random.default_rng(seed),
                dt_s=session.dt_s,
                spawn_points=lane_map.get_spawn_points(),
                keep_clear=route.location[:1],
            ),
            _SPAWN_DEADLINE_S,
        )
        return cls(session, traffic)

    @property
    def actor_ids(self) -> tuple[int, ...]:
        """The server's ids of the vehicles, in the order of the controls; empty on an empty road."""
        return () if self._traffic is None else tuple(self._traffic.actor_ids)

    def bind(self, observer: Observer) -> None:
        """Let an observer be the eyes of the drivers; call it before the first `decide`."""
        self._observer = observer

    def decide(self, facts: TickFacts) -> FleetControls | None:
        """Let every driver decide, once per tick; None on an empty road.

        Raises:
            SensorLostError: a vehicle is gone from the world.
        """
        if self._traffic is None or self._observer is None:
            return None
        if not len(self._indices):
            self._find_vehicles(self._traffic, self._observer)
        others = facts.others
        rows = np.searchsorted(others.index, self._indices)
        if len(others.index) < len(rows) or not np.array_equal(others.index[rows], self._indices):
            raise SensorLostError(f"Vehicles of the background traffic are gone at tick {facts.tick}.")
        fleet = FleetState(
            location=others.location[rows].astype(np.float64),
            yaw_deg=others.yaw_deg[rows].astype(np.float64),
            velocity_mps=others.velocity_mps[rows].astype(np.float64),
        )
        users = self._road_users(facts, rows, self._observer)
        return self._traffic.decide(fleet, users, facts.light_states)

    def send(self, controls: FleetControls | None) -> None:
        """Send what was decided; it acts in the next tick."""
        if self._traffic is not None and controls is not None:
            self._traffic.send(controls)

    def destroy(self) -> None:
        """Remove the vehicles; a server that is gone already is fine."""
        if self._traffic is not None:
            with contextlib.suppress(InfraError):
                self._session.request("remove the traffic", self._traffic.destroy, _SPAWN_DEADLINE_S)
            self._traffic = None

    def _find_vehicles(self, traffic: Traffic, observer: Observer) -> None:
        index_of = {other.actor_id: other.index for other in observer.others}
        self._indices = np.array([index_of[actor_id] for actor_id in traffic.actor_ids], dtype=np.int32)

    def _road_users(self, facts: TickFacts, rows: NDArray[np.int64], observer: Observer) -> RoadUsers:
        """The ego, and whoever else is not of the fleet."""
        others = facts.others
        strangers = np.ones(len(others.index), dtype=np.bool_)
        strangers[rows] = False
        half_sizes = [observer.others[index].extent[:2] for index in others.index[strangers].tolist()]
        ego = facts.ego
        return RoadUsers(
            location=np.vstack((ego.location, others.location[strangers])).astype(np.float64),
            yaw_deg=np.append(ego.rotation_deg[1], others.yaw_deg[strangers]).astype(np.float64),
            velocity_mps=np.vstack((ego.velocity_mps, others.velocity_mps[strangers])).astype(np.float64),
            half_size_m=np.array([observer.facts.ego_extent[:2], *half_sizes], dtype=np.float64),
        )
