"""The rig: facts of a tick -> the SensorBundle that a policy asked for.

Every part is made from the same `TickFacts`, so all of a bundle is of one tick by construction, and a bundle
can be made again from a stored record, but for what its cameras and LiDARs saw. The crossing of frames is
`policies.frames`; nothing is turned or mirrored by hand here.
"""

from __future__ import annotations

from collections.abc import Sequence

import carla
import numpy as np
from numpy.typing import NDArray

from harness.client.observer import OtherActorInfo, OtherKind
from harness.client.route_progress import RouteProgress, lights_on_route, stop_signs_on_route
from harness.facts import EpisodeFacts, TickFacts, Vector
from policies.frames import EgoPose, ego_state_from_actor, mirror_vectors, yaw_to_map_rad
from policies.interface import EgoGeometry, LaneMap, PrivilegedSpec, RouteSpec, SensorSpec
from policies.sensor_bundle import (
    NO_VIEWS,
    ActorKind,
    ActorTable,
    Command,
    LightAhead,
    LightState,
    Privileged,
    RouteAhead,
    SensorBundle,
    StopSignAhead,
    Views,
)
from scenarios.lane_graph import LaneGraph
from scenarios.route import RoadOption

_CM_PER_M = 100.0
_KMH_PER_MPS = 3.6
_BEHIND_LINE_M = 2.0
"""A light or stop sign is reported until the rear axle is this far beyond its line."""

_COMMAND_OF = {
    RoadOption.VOID: Command.LANE_FOLLOW,
    RoadOption.LEFT: Command.LEFT,
    RoadOption.RIGHT: Command.RIGHT,
    RoadOption.STRAIGHT: Command.STRAIGHT,
    RoadOption.LANEFOLLOW: Command.LANE_FOLLOW,
    RoadOption.CHANGELANELEFT: Command.CHANGE_LANE_LEFT,
    RoadOption.CHANGELANERIGHT: Command.CHANGE_LANE_RIGHT,
}
_KIND_OF = {
    OtherKind.VEHICLE: ActorKind.VEHICLE,
    OtherKind.TWO_WHEELER: ActorKind.TWO_WHEELER,
    OtherKind.WALKER: ActorKind.WALKER,
    OtherKind.STATIC: ActorKind.STATIC,
}


def ego_geometry(ego: carla.Vehicle) -> tuple[EgoGeometry, Vector]:
    """Measure the ego vehicle.

    The server gives the wheels' positions in the world, in centimetres. Axles are the means of their two
    wheels; the actor's origin is on the ground.

    Returns:
        Its size, and the rear axle's ground point in the actor's axes (m, y to the right).
    """
    transform = ego.get_transform()
    origin = np.array([transform.location.x, transform.location.y, transform.location.z])
    forward = transform.get_forward_vector()
    axis = np.array([forward.x, forward.y, forward.z])
    wheels = np.array([(w.position.x, w.position.y, w.position.z) for w in ego.get_physics_control().wheels])
    along = (wheels / _CM_PER_M - origin) @ axis
    front_m, rear_m = float(along[:2].mean()), float(along[2:4].mean())
    box = ego.bounding_box
    geometry = EgoGeometry(
        length_m=2.0 * box.extent.x,
        width_m=2.0 * box.extent.y,
        height_m=2.0 * box.extent.z,
        center_from_rear_axle_m=box.location.x - rear_m,
        wheelbase_m=front_m - rear_m,
    )
    return geometry, (rear_m, 0.0, 0.0)


def lane_map_of(graph: LaneGraph) -> LaneMap:
    """Give a town's lanes to a policy, in the map frame."""
    return LaneMap(
        points_in_map=mirror_vectors(graph.location),
        yaw_in_map_rad=yaw_to_map_rad(graph.rotation_deg[:, 1]),
        width_m=graph.width_m,
        segment_start=graph.segment_start,
        in_junction=graph.in_junction,
        successors=graph.successors,
        left=graph.left,
        right=graph.right,
    )


class Rig:
    """Makes bundles for one policy in one episode.

    Args:
        specs: what the policy asked for.
        facts: of the episode.
        others: the observer's list of other actors; it grows while the episode runs.
        rear_axle_in_actor: see `ego_geometry`.
    """

    def __init__(
        self,
        specs: Sequence[SensorSpec],
        facts: EpisodeFacts,
        others: Sequence[OtherActorInfo],
        rear_axle_in_actor: Vector,
    ) -> None:
        self._facts = facts
        self._others = others
        self._rear_axle_in_actor = rear_axle_in_actor
        self._horizon_m = max(
            (s.horizon_m for s in specs if isinstance(s, RouteSpec)), default=RouteSpec().horizon_m
        )
        privileged = [s for s in specs if isinstance(s, PrivilegedSpec)]
        self._radius_m = max((s.radius_m for s in privileged), default=None)
        route = facts.route
        self._route_in_map = mirror_vectors(route.location)
        self._commands = np.array(
            [_COMMAND_OF[RoadOption(option)] for option in route.options], dtype=np.int64
        )
        self._progress = RouteProgress(route)
        self._lights = lights_on_route(route, facts.lights)
        self._stop_signs = stop_signs_on_route(route, facts.stop_signs)
        self._kinds: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._size_m: NDArray[np.float64] = np.empty((0, 3))
        self._box_center: NDArray[np.float64] = np.empty((0, 3))

    @property
    def is_privileged(self) -> bool:
        """Whether the policy asked for ground truth."""
        return self._radius_m is not None

    def bundle(self, facts: TickFacts, views: Views = NO_VIEWS) -> SensorBundle:
        """Return what the policy sees of a tick. Call it once per tick, in order.

        Args:
            facts: of the tick.
            views: of its cameras and LiDARs at that tick.
        """
        ego = facts.ego
        pose = EgoPose.from_actor(ego.location, ego.rotation_deg, self._rear_axle_in_actor)
        state = ego_state_from_actor(
            pose=pose,
            velocity_in_world=ego.velocity_mps,
            acceleration_in_world=ego.acceleration_mps2,
            angular_velocity_degps=ego.angular_velocity_degps,
            carla_steer=ego.steer,
            rear_axle_in_actor=self._rear_axle_in_actor,
        )
        self._progress.update(mirror_vectors(pose.position_in_map))
        return SensorBundle(
            tick=facts.tick,
            t_s=facts.t_s,
            dt_s=self._facts.dt_s,
            ego=state,
            route=self._route_ahead(pose),
            privileged=None if self._radius_m is None else self._privileged(facts, pose, self._radius_m),
            views=views,
        )

    def _route_ahead(self, pose: EgoPose) -> RouteAhead:
        progress = self._progress
        distance_m = self._facts.route.distance_m
        end = int(np.searchsorted(distance_m, progress.along_m + self._horizon_m, side="right"))
        ahead = slice(progress.index, max(end, progress.index + 1))
        return RouteAhead(
            points_in_ego=pose.map_to_ego(self._route_in_map[ahead]),
            commands=self._commands[ahead],
            distances_m=distance_m[ahead] - progress.along_m,
            remaining_m=float(distance_m[-1]) - progress.along_m,
        )

    def _privileged(self, facts: TickFacts, pose: EgoPose, radius_m: float) -> Privileged:
        start_m = self._progress.along_m
        stretch = (start_m - _BEHIND_LINE_M, start_m + self._horizon_m)
        return Privileged(
            actors=self._actors(facts, pose, radius_m),
            lights=tuple(
                LightAhead(index, LightState(int(facts.light_states[index])), along_m - start_m)
                for along_m, index in self._lights.between(*stretch)
            ),
            stop_signs=tuple(
                StopSignAhead(index, along_m - start_m)
                for along_m, index in self._stop_signs.between(*stretch)
            ),
            speed_limit_mps=facts.ego.speed_limit_kmh / _KMH_PER_MPS,
        )

    def _actors(self, facts: TickFacts, pose: EgoPose, radius_m: float) -> ActorTable:
        if len(self._kinds) != len(self._others):
            self._learn_others()
        others = facts.others
        yaw_rad = np.deg2rad(others.yaw_deg.astype(np.float64))
        cosine, sine = np.cos(yaw_rad), np.sin(yaw_rad)
        offset = self._box_center[others.index]
        # The box's centre is given in the actor's own axes, still in CARLA's frame.
        center = others.location + np.stack(
            [
                cosine * offset[:, 0] - sine * offset[:, 1],
                sine * offset[:, 0] + cosine * offset[:, 1],
                offset[:, 2],
            ],
            axis=1,
        )
        position = pose.world_to_ego(center)
        distance_m = np.hypot(position[:, 0], position[:, 1])
        order = np.argsort(distance_m, kind="stable")
        order = order[distance_m[order] <= radius_m]
        index = others.index[order]
        return ActorTable(
            ids=index.astype(np.int64),
            kinds=self._kinds[index],
            position_in_ego=position[order],
            yaw_in_ego_rad=pose.yaw_to_ego_rad(others.yaw_deg[order]),
            velocity_in_ego=pose.rotate_world_to_ego(others.velocity_mps[order]),
            size_m=self._size_m[index],
        )

    def _learn_others(self) -> None:
        self._kinds = np.array([_KIND_OF[other.kind] for other in self._others], dtype=np.int64)
        self._size_m = 2.0 * np.array([other.extent for other in self._others]).reshape(-1, 3)
        self._box_center = np.array([other.box_center for other in self._others]).reshape(-1, 3)
