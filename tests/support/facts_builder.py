"""Hand-made facts: a straight road along x with an ego, and whatever else a test asks for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from harness.criteria import CriteriaSet
from harness.events import Event, EventType
from harness.facts import (
    CollisionFact,
    EgoFacts,
    EpisodeFacts,
    LaneFacts,
    OtherActors,
    StopLine,
    StopSignFacts,
    TickFacts,
    TrafficLightFacts,
    Vector,
)
from scenarios.route import DenseRoute, RoadOption

DT_S = 0.05
EGO_HALF_LENGTH_M = 2.5
NO_OTHERS = OtherActors(
    index=np.empty(0, np.int32),
    location=np.empty((0, 3), np.float32),
    yaw_deg=np.empty(0, np.float32),
    velocity_mps=np.empty((0, 3), np.float32),
)


def route_through(points: Sequence[Vector], yaw_deg: float = 0.0) -> DenseRoute:
    """A dense route through points, all with the same heading."""
    location = np.array(points, np.float64)
    steps = np.linalg.norm(np.diff(location, axis=0), axis=1)
    return DenseRoute(
        location=location,
        rotation_deg=np.tile(np.array([0.0, yaw_deg, 0.0]), (len(points), 1)),
        options=np.full(len(points), RoadOption.LANEFOLLOW, np.int64),
        distance_m=np.concatenate([[0.0], np.cumsum(steps)]),
    )


def straight_route(length_m: int) -> DenseRoute:
    """A point per metre from the origin along x."""
    return route_through([(float(x), 0.0, 0.0) for x in range(length_m + 1)])


def episode_facts(
    route: DenseRoute | None = None,
    *,
    lights: tuple[TrafficLightFacts, ...] = (),
    stop_signs: tuple[StopSignFacts, ...] = (),
    dt_s: float = DT_S,
) -> EpisodeFacts:
    """Facts of an episode on a straight road of 100 m unless told otherwise."""
    return EpisodeFacts(
        town="Town01",
        dt_s=dt_s,
        route=straight_route(100) if route is None else route,
        ego_extent=(EGO_HALF_LENGTH_M, 1.0, 0.8),
        lights=lights,
        stop_signs=stop_signs,
    )


def light_at(
    x: float, opendrive_id: str = "7", lines: tuple[StopLine, ...] | None = None
) -> TrafficLightFacts:
    """A light whose trigger is on the road at x and whose stop line crosses road 1, lane -1 there."""
    return TrafficLightFacts(
        opendrive_id=opendrive_id,
        location=(x, 6.0, 0.0),
        trigger_center=(x, 0.0, 0.0),
        stop_lines=(stop_line_at(x),) if lines is None else lines,
    )


def stop_line_at(x: float, *, road_id: int = 1, lane_id: int = -1, yaw_deg: float = 0.0) -> StopLine:
    """A stop line across the road at x."""
    return StopLine((x, 0.0, 0.0), (0.0, yaw_deg, 0.0), road_id, lane_id, lane_width_m=4.0)


def stop_sign_at(x: float, opendrive_id: str = "9", half_length_m: float = 1.0) -> StopSignFacts:
    """A stop sign whose trigger box lies on the road around x; scaled by 1.2 it reaches 1.2 half lengths."""
    return StopSignFacts(opendrive_id, (x, 5.0, 0.0), (x, 0.0, 0.0), (half_length_m, 1.0, 1.0))


def lane_facts(x: float = 0.0, y: float = 0.0, **changes: object) -> LaneFacts:
    """The lane road 1, lane -1 along x, centred at y, 4 m wide; the eight points ahead are always given."""
    values: dict[str, object] = {
        "road_id": 1,
        "lane_id": -1,
        "is_junction": False,
        "location": (x, y, 0.0),
        "rotation_deg": (0.0, 0.0, 0.0),
        "lane_width_m": 4.0,
        "parking_distance_m": float("inf"),
        "parking_width_m": 0.0,
        "tail_road_id": 1,
        "tail_lane_id": -1,
        "ahead": tuple((x + 0.5 * step, y, 0.0) for step in range(9)),
    }
    return LaneFacts(**{**values, **changes})  # type: ignore[arg-type]


def tick_facts(
    tick: int,
    x: float = 0.0,
    y: float = 0.0,
    z: float = 0.0,
    *,
    yaw_deg: float = 0.0,
    speed_mps: float = 5.0,
    velocity_mps: Vector | None = None,
    speed_limit_kmh: float = 30.0,
    lane: LaneFacts | None = None,
    light_states: Iterable[int] = (),
    collisions: tuple[CollisionFact, ...] = (),
    others: OtherActors = NO_OTHERS,
    dt_s: float = DT_S,
) -> TickFacts:
    """One tick with the ego at (x, y, z), by default driving along x at 5 m/s in the middle of its lane."""
    return TickFacts(
        tick=tick,
        t_s=tick * dt_s,
        ego=EgoFacts(
            location=(x, y, z),
            rotation_deg=(0.0, yaw_deg, 0.0),
            velocity_mps=(speed_mps, 0.0, 0.0) if velocity_mps is None else velocity_mps,
            acceleration_mps2=(0.0, 0.0, 0.0),
            angular_velocity_degps=(0.0, 0.0, 0.0),
            speed_limit_kmh=speed_limit_kmh,
            throttle=0.5,
            steer=0.0,
            brake=0.0,
            reverse=False,
        ),
        lane=lane_facts(x) if lane is None else lane,
        light_states=np.array(list(light_states), np.uint8),
        collisions=collisions,
        others=others,
    )


def hit(other: int, other_type: str = "vehicle.audi.tt") -> CollisionFact:
    """A collision message."""
    return CollisionFact(other, other_type, (100.0, 0.0, 0.0))


def renumber(ticks: Iterable[TickFacts], dt_s: float = DT_S) -> list[TickFacts]:
    """The same ticks, counted from 0."""
    return [replace(tick, tick=number, t_s=number * dt_s) for number, tick in enumerate(ticks)]


def judge(facts: EpisodeFacts, ticks: Iterable[TickFacts]) -> tuple[list[Event], CriteriaSet]:
    """Run all criteria over ticks, without finishing them."""
    criteria = CriteriaSet(facts)
    events = [event for tick in ticks for event in criteria.update(tick)]
    return events, criteria


def kinds(events: Iterable[Event]) -> list[tuple[int, EventType]]:
    """When and what, in order."""
    return [(event.tick, event.type) for event in events]
