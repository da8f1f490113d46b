"""A scene: the town loaded anew, the ego at rest where its route begins, traffic around it, sensors heard."""

from __future__ import annotations

from dataclasses import dataclass

import carla

from harness.client.collisions import CollisionLog
from harness.client.fleet import Fleet
from harness.client.landmarks import read_landmarks, set_light_times
from harness.client.observer import Observer
from harness.client.rig import ego_geometry, lane_map_of
from harness.client.session import Session
from harness.client.weather import weather_at
from harness.facts import Vector
from harness.seeds import derive_seed
from policies.interface import EpisodeContext, LaneMap
from scenarios.lane_graph import LaneGraph
from scenarios.lane_strips import LaneStrips
from scenarios.planner import trace_route
from scenarios.route import Route

_SHOWN_AROUND_ROUTE_M = 140.0


@dataclass(frozen=True, slots=True)
class TownLanes:
    """A town's lanes, for the planner, for policies that may see them, and for pictures."""

    graph: LaneGraph
    lane_map: LaneMap
    strips: LaneStrips


@dataclass(frozen=True, slots=True)
class Scene:
    """A world with everything in place for the first tick.

    Attributes:
        observer: reads its facts; holds what does not change.
        ego: the vehicle under test.
        collisions: of its sensor.
        fleet: background traffic, possibly empty.
        context: what the policy learns before its first step.
        rear_axle_in_actor: the ego's rear axle on the ground, m, in the actor's axes.
        lanes: around the route, for pictures.
    """

    observer: Observer
    ego: carla.Vehicle
    collisions: CollisionLog
    fleet: Fleet
    context: EpisodeContext
    rear_axle_in_actor: Vector
    lanes: LaneStrips

    def control_ego(self, throttle: float, steer: float, brake: float, reverse: bool) -> None:
        """Send the ego's control (CARLA's sign: steer positive to the right); it acts in the next tick."""
        self.ego.apply_control(
            carla.VehicleControl(
                throttle=float(throttle), steer=float(steer), brake=float(brake), reverse=bool(reverse)
            )
        )


class SceneBuilder:
    """Builds scenes on one server, one after the other; none sees anything of the one before.

    Args:
        session: at a server that is ready.
        traffic: how many background vehicles.
        light_times_s: green, yellow and red of every traffic light; None to leave them.
        settle_ticks: for the ego to come to rest.
    """

    def __init__(
        self,
        session: Session,
        *,
        traffic: int,
        settle_ticks: int,
        light_times_s: tuple[float, float, float] | None = None,
    ) -> None:
        self._session = session
        self._traffic = traffic
        self._light_times_s = light_times_s
        self._settle_ticks = settle_ticks
        self._lanes_of_town: dict[str, TownLanes] = {}

    def build(self, route: Route, seed: int) -> Scene:
        """Set up a route.

        Args:
            route: to be driven.
            seed: of the episode.

        Raises:
            InfraError: the server failed.
            TownMissingError: it lacks the town.
            RouteError: the route does not lie on the town's lanes.
        """
        session = self._session
        lane_map = session.load(route.town)
        lanes = self._lanes(route.town, lane_map)
        dense = trace_route(lanes.graph, route)
        session.set_weather(weather_at(route.weather, 0.0))
        actors = session.actors()
        landmarks = session.repeat(
            "describe its lights", lambda: read_landmarks(actors, session.world, lane_map)
        )
        times_s = self._light_times_s
        if times_s is not None:
            session.repeat("time its lights", lambda: set_light_times(landmarks, times_s))
        x, y, z = dense.location[0].tolist()
        pitch, yaw, roll = dense.rotation_deg[0].tolist()
        ego = session.spawn_ego((x, y, z), (pitch, yaw, roll))
        traffic_seed = derive_seed(seed, "traffic")
        fleet = Fleet.spawn(session, lanes.graph, lane_map, landmarks, dense, self._traffic, traffic_seed)
        collisions = session.listen_for_collisions(ego)
        snapshot = session.settle(ego, self._settle_ticks)
        collisions.discard(snapshot.frame)
        geometry, rear_axle = session.repeat("describe the ego", lambda: ego_geometry(ego))
        observer = Observer(session, lane_map, ego, collisions, landmarks, dense, route.town)
        fleet.bind(observer)
        context = EpisodeContext(
            seed=derive_seed(seed, "policy"), dt_s=session.dt_s, ego=geometry, lane_map=lanes.lane_map
        )
        nearby = lanes.strips.near(dense.location, _SHOWN_AROUND_ROUTE_M)
        return Scene(observer, ego, collisions, fleet, context, rear_axle, nearby)

    def clear(self, scene: Scene) -> None:
        """Take everything out of the world again."""
        scene.fleet.destroy()
        self._session.clear()

    def _lanes(self, town: str, lane_map: carla.Map) -> TownLanes:
        """Pull a town's lanes out of its map once: maps do not change."""
        if town not in self._lanes_of_town:
            graph = LaneGraph.from_map(lane_map)
            self._lanes_of_town[town] = TownLanes(graph, lane_map_of(graph), LaneStrips.of(graph))
        return self._lanes_of_town[town]
