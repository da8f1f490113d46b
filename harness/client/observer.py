"""The observer: what the carla client knows at a tick -> facts. It judges nothing.

Everything comes from the client's cached snapshot and from its own copy of the map, so that a tick's facts
cost no round trip to the server (a new actor costs one).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import carla
import numpy as np

from harness.client.collisions import CollisionLog, CollisionMessage
from harness.client.landmarks import Landmarks
from harness.client.session import Session
from harness.errors import SensorLostError
from harness.facts import CollisionFact, EgoFacts, EpisodeFacts, LaneFacts, OtherActors, TickFacts, Vector
from scenarios.route import DenseRoute

_ENUMERATE_EVERY_TICKS = 10
_STOP_SIGN_RADIUS_M = 10.0
_AHEAD_STEP_M = 0.5
_AHEAD_STEPS = 8
_TAIL_MARGIN_M = 1.0
_LEVEL_INDEX = -1


class OtherKind(Enum):
    """Coarse class of another actor."""

    VEHICLE = "vehicle"
    TWO_WHEELER = "two_wheeler"
    WALKER = "walker"
    STATIC = "static"


@dataclass(frozen=True, slots=True)
class OtherActorInfo:
    """What does not change about another actor.

    Attributes:
        index: episode-wide, from 0, in the order of appearance.
        actor_id: the server's id, for talking to the server only.
        type_id: blueprint id.
        kind: coarse class.
        extent: half sizes, m.
        box_center: centre of its box in its own axes, m.
    """

    index: int
    actor_id: int
    type_id: str
    kind: OtherKind
    extent: Vector
    box_center: Vector


class Observer:
    """Reads facts, tick by tick, for one episode.

    Args:
        session: with the town loaded, the ego settled, and the frame just ticked.
        lane_map: of that town.
        ego: the vehicle under test.
        collisions: of its sensor.
        landmarks: of the world.
        route: that it is to drive.
        town: name of the town.
    """

    def __init__(
        self,
        session: Session,
        lane_map: carla.Map,
        ego: carla.Vehicle,
        collisions: CollisionLog,
        landmarks: Landmarks,
        route: DenseRoute,
        town: str,
    ) -> None:
        self._session = session
        self._map = lane_map
        self._ego = ego
        self._collisions = collisions
        self._has_parking = 'type="parking"' in lane_map.to_opendrive()
        self._lights = landmarks.light_actors
        extent = session.repeat("describe the ego", lambda: ego.bounding_box).extent
        self.facts = EpisodeFacts(
            town=town,
            dt_s=session.dt_s,
            route=route,
            ego_extent=(extent.x, extent.y, extent.z),
            lights=landmarks.lights,
            stop_signs=landmarks.stop_signs,
        )
        self._tail_m = extent.x + _TAIL_MARGIN_M
        self._stop_centers = np.array([sign.trigger_center for sign in self.facts.stop_signs]).reshape(-1, 3)
        self.others: list[OtherActorInfo] = []
        self._index_of: dict[int, int] = {}
        self._present: list[
            tuple[int, int]
        ] = []  # (server's id, index) of vehicles and walkers now in the world
        self._known_ids: set[int] = {ego.id}
        self._snapshot_size = -1

    def read(self, tick: int, snapshot: carla.WorldSnapshot) -> TickFacts:
        """Return the facts of a tick.

        Args:
            tick: 0-based count since the episode began.
            snapshot: of that tick.

        Raises:
            SensorLostError: the ego is no longer in the world.
        """
        ego_state = snapshot.find(self._ego.id)
        if ego_state is None:
            raise SensorLostError(
                f"The ego vehicle is gone from the world at tick {tick}: somebody destroyed it."
            )
        transform = ego_state.get_transform()
        others = self._read_others(tick, snapshot)
        return TickFacts(
            tick=tick,
            t_s=tick * self._session.dt_s,
            ego=self._read_ego(ego_state, transform),
            lane=self._read_lane(transform),
            light_states=np.array([light.state for light in self._lights], dtype=np.uint8),
            collisions=tuple(self._collision(message) for message in self._collisions.take(snapshot.frame)),
            others=others,
        )

    def _read_ego(self, state: carla.ActorSnapshot, transform: carla.Transform) -> EgoFacts:
        rotation = transform.rotation
        control = self._ego.get_control()
        return EgoFacts(
            location=_vector(transform.location),
            rotation_deg=(rotation.pitch, rotation.yaw, rotation.roll),
            velocity_mps=_vector(state.get_velocity()),
            acceleration_mps2=_vector(state.get_acceleration()),
            angular_velocity_degps=_vector(state.get_angular_velocity()),
            speed_limit_kmh=self._ego.get_speed_limit(),
            throttle=control.throttle,
            steer=control.steer,
            brake=control.brake,
            reverse=control.reverse,
        )

    def _read_lane(self, transform: carla.Transform) -> LaneFacts:
        location = transform.location
        lane_point = self._map.get_waypoint(location)
        center = lane_point.transform
        rotation = center.rotation
        forward = transform.get_forward_vector()
        tail = self._map.get_waypoint(
            carla.Location(
                location.x - self._tail_m * forward.x,
                location.y - self._tail_m * forward.y,
                location.z - self._tail_m * forward.z,
            )
        )
        parking = (
            self._map.get_waypoint(location, lane_type=carla.LaneType.Parking) if self._has_parking else None
        )
        return LaneFacts(
            road_id=lane_point.road_id,
            lane_id=lane_point.lane_id,
            is_junction=lane_point.is_junction,
            location=_vector(center.location),
            rotation_deg=(rotation.pitch, rotation.yaw, rotation.roll),
            lane_width_m=lane_point.lane_width,
            parking_distance_m=parking.transform.location.distance(location) if parking else float("inf"),
            parking_width_m=parking.lane_width if parking else 0.0,
            tail_road_id=tail.road_id,
            tail_lane_id=tail.lane_id,
            ahead=self._lane_centers_ahead(lane_point),
        )

    def _lane_centers_ahead(self, lane_point: carla.Waypoint) -> tuple[Vector, ...]:
        """Lane centres forward of the ego, when a stop sign is near enough to matter."""
        if not len(self._stop_centers):
            return ()
        difference = self._stop_centers - _vector(lane_point.transform.location)
        if np.einsum("ij,ij->i", difference, difference).min() > _STOP_SIGN_RADIUS_M**2:
            return ()
        centers = [_vector(lane_point.transform.location)]
        for _ in range(_AHEAD_STEPS):
            following = lane_point.next(_AHEAD_STEP_M)
            if not following:
                break
            lane_point = following[0]
            centers.append(_vector(lane_point.transform.location))
        return tuple(centers)

    # ---- others

    def _read_others(self, tick: int, snapshot: carla.WorldSnapshot) -> OtherActors:
        if len(snapshot) != self._snapshot_size or tick % _ENUMERATE_EVERY_TICKS == 0:
            self._enumerate(snapshot)
        rows = []
        indices = []
        gone = False
        for actor_id, index in self._present:
            state = snapshot.find(actor_id)
            if state is None:
                gone = True
                continue
            transform = state.get_transform()
            location = transform.location
            velocity = state.get_velocity()
            indices.append(index)
            rows.append(
                (
                    location.x, location.y, location.z, transform.rotation.yaw,
                    velocity.x, velocity.y, velocity.z,
                )
            )  # fmt: skip
        if gone:
            self._snapshot_size = -1
        table = np.array(rows, dtype=np.float32).reshape(-1, 7)
        return OtherActors(
            index=np.array(indices, dtype=np.int32),
            location=table[:, 0:3],
            yaw_deg=table[:, 3],
            velocity_mps=table[:, 4:7],
        )

    def _enumerate(self, snapshot: carla.WorldSnapshot) -> None:
        """Find out who is new and who has gone."""
        ids = {state.id for state in snapshot}
        self._snapshot_size = len(snapshot)
        self._present = [pair for pair in self._present if pair[0] in ids]
        new = sorted(ids - self._known_ids)
        if not new:
            return
        self._known_ids.update(new)
        world = self._session.world
        for actor in sorted(
            self._session.request("describe new actors", lambda: world.get_actors(new)), key=lambda a: a.id
        ):
            kind = _kind_of(actor)
            if kind is not None:
                info = self._describe(actor, kind)
                self._present.append((actor.id, info.index))

    def _describe(self, actor: carla.Actor, kind: OtherKind) -> OtherActorInfo:
        box = self._session.repeat("describe an actor", lambda: actor.bounding_box)
        return self._add(actor.id, actor.type_id, kind, _vector(box.extent), _vector(box.location))

    def _add(
        self, actor_id: int, type_id: str, kind: OtherKind, extent: Vector, box_center: Vector
    ) -> OtherActorInfo:
        info = OtherActorInfo(len(self.others), actor_id, type_id, kind, extent, box_center)
        self.others.append(info)
        self._index_of[actor_id] = info.index
        return info

    def _collision(self, message: CollisionMessage) -> CollisionFact:
        """Replace the server's id by ours; props and the like get an index when they are first hit."""
        if message.other_id == 0:
            index = _LEVEL_INDEX
        elif message.other_id in self._index_of:
            index = self._index_of[message.other_id]
        else:
            index = self._add(
                message.other_id, message.other_type, OtherKind.STATIC, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)
            ).index
        return CollisionFact(other=index, other_type=message.other_type, impulse=message.impulse)


def _kind_of(actor: carla.Actor) -> OtherKind | None:
    """Class of an actor that belongs into `OtherActors`; None for signs, sensors, props and the spectator."""
    type_id: str = actor.type_id
    if type_id.startswith("walker.") or type_id == "walker":
        return OtherKind.WALKER
    if type_id.startswith("vehicle."):
        wheels = actor.attributes.get("number_of_wheels", "4")
        return OtherKind.TWO_WHEELER if wheels == "2" else OtherKind.VEHICLE
    return None


def _vector(vector: carla.Vector3D) -> Vector:
    return vector.x, vector.y, vector.z
