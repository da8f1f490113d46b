"""Facts: what happened, as numbers, before anybody judges it. CARLA's frame, units in the names.

`EpisodeFacts` holds what does not change during an episode, `TickFacts` one tick. Criteria see nothing else,
so a stored episode can be judged again without a simulator. Angles are degrees as on CARLA's wire.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scenarios.route import DenseRoute

Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class StopLine:
    """Where a lane must stop for a traffic light: the last lane point before the junction.

    Attributes:
        location: lane centre, m.
        rotation_deg: pitch, yaw, roll of the lane there.
        road_id, lane_id: OpenDRIVE ids of the lane.
        lane_width_m: width of the lane there.
    """

    location: Vector
    rotation_deg: Vector
    road_id: int
    lane_id: int
    lane_width_m: float


@dataclass(frozen=True, slots=True)
class TrafficLightFacts:
    """A traffic light of the town.

    Attributes:
        opendrive_id: signal id in the OpenDRIVE file (actor ids differ between servers).
        location: of the actor, m.
        trigger_center: centre of the trigger volume in the world, m.
        stop_lines: one per lane that the light governs.
    """

    opendrive_id: str
    location: Vector
    trigger_center: Vector
    stop_lines: tuple[StopLine, ...]


@dataclass(frozen=True, slots=True)
class StopSignFacts:
    """A stop sign of the town.

    Attributes:
        opendrive_id: signal id in the OpenDRIVE file.
        location: of the actor, m.
        trigger_center: centre of the trigger volume in the world, m.
        trigger_extent: half sizes of the trigger volume, m.
    """

    opendrive_id: str
    location: Vector
    trigger_center: Vector
    trigger_extent: Vector


@dataclass(frozen=True, slots=True)
class EpisodeFacts:
    """What does not change during an episode.

    Attributes:
        town: map name, "Town01".
        dt_s: simulated time between ticks.
        route: the dense route.
        ego_extent: half sizes of the ego's box, m.
        lights, stop_signs: of the whole town, sorted by OpenDRIVE id.
    """

    town: str
    dt_s: float
    route: DenseRoute
    ego_extent: Vector
    lights: tuple[TrafficLightFacts, ...]
    stop_signs: tuple[StopSignFacts, ...]


@dataclass(frozen=True, slots=True)
class EgoFacts:
    """The ego vehicle at one tick (actor origin, world axes)."""

    location: Vector
    rotation_deg: Vector  # pitch, yaw, roll
    velocity_mps: Vector
    acceleration_mps2: Vector
    angular_velocity_degps: Vector
    speed_limit_kmh: float
    throttle: float  # the control that was in force during this tick, CARLA's sign
    steer: float
    brake: float
    reverse: bool


@dataclass(frozen=True, slots=True)
class LaneFacts:
    """The map around the ego at one tick.

    Attributes:
        road_id, lane_id: nearest Driving lane.
        is_junction: whether that lane is in a junction.
        location, rotation_deg: centre of that lane abreast of the ego.
        lane_width_m: its width.
        parking_distance_m: distance to the nearest Parking lane's centre, inf if the town has none.
        parking_width_m: that lane's width, 0 if none.
        tail_road_id, tail_lane_id: Driving lane nearest to the point `ego_extent.x + 1 m` behind the ego's
            origin, by its yaw only (same z).
        ahead: (M, 3) lane centres from the ego forward at 0.5 m steps (M <= 9), first `location`; given
            whenever `location` (not the ego) is within 10 m of a stop sign's trigger centre, else empty.
    """

    road_id: int
    lane_id: int
    is_junction: bool
    location: Vector
    rotation_deg: Vector
    lane_width_m: float
    parking_distance_m: float
    parking_width_m: float
    tail_road_id: int
    tail_lane_id: int
    ahead: tuple[Vector, ...]


@dataclass(frozen=True, slots=True)
class CollisionFact:
    """One message of the ego's collision sensor.

    Attributes:
        other: episode-wide index of the other actor (see `OtherActors`), or -1 for the level itself.
        other_type: its blueprint id, "vehicle.audi.tt", or CARLA's "static.*" type id for the level.
        impulse: normal impulse, N·s.
    """

    other: int
    other_type: str
    impulse: Vector


@dataclass(frozen=True, slots=True)
class OtherActors:
    """Other vehicles and walkers at one tick, one row each.

    Attributes:
        index: (N,) int32; an actor's index is given at its first appearance and stays for the episode, so
            that records do not depend on the ids of a particular server.
        location: (N, 3) float32 m, actor origin.
        yaw_deg: (N,) float32.
        velocity_mps: (N, 3) float32, world axes.
    """

    index: NDArray[np.int32]
    location: NDArray[np.float32]
    yaw_deg: NDArray[np.float32]
    velocity_mps: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class TickFacts:
    """Everything that the criteria may know about one tick.

    Attributes:
        tick: 0-based, gap-free.
        t_s: tick * dt_s.
        ego, lane: see there.
        light_states: (number of lights,) uint8 in the order of `EpisodeFacts.lights`; CARLA's numbers (0 red,
            1 yellow, 2 green, 3 off, 4 unknown).
        collisions: messages of this tick, in the server's order.
        others: other vehicles and walkers.
    """

    tick: int
    t_s: float
    ego: EgoFacts
    lane: LaneFacts
    light_states: NDArray[np.uint8]
    collisions: tuple[CollisionFact, ...]
    others: OtherActors
