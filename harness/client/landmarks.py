"""Traffic lights and stop signs of a town, with what the criteria need to know about them.

Stop lines follow ScenarioRunner's `RunningRedLightTest.get_traffic_light_waypoints`: sample the light's
trigger volume across the road every metre over 0.9 of its half width, take the lane under each sample, and
walk it forward in steps of half a metre as long as the next point is not in a junction.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import carla
import numpy as np

from harness.facts import StopLine, StopSignFacts, TrafficLightFacts, Vector

_SAMPLE_STEP_M = 1.0
_SAMPLE_SHARE = 0.9
_WALK_STEP_M = 0.5
_LONGEST_WALK_M = 500.0
_STOP_SIGN_TYPE = "206"
"""OpenDRIVE's number for a stop sign (German catalogue)."""


@dataclass(frozen=True, slots=True)
class Landmarks:
    """Lights and stop signs of the world that is loaded.

    Attributes:
        light_actors: the client's objects, in the order of `lights`.
        lights, stop_signs: by OpenDRIVE id.
    """

    light_actors: tuple[carla.TrafficLight, ...]
    lights: tuple[TrafficLightFacts, ...]
    stop_signs: tuple[StopSignFacts, ...]


def read_landmarks(actors: Sequence[carla.Actor], world: carla.World, lane_map: carla.Map) -> Landmarks:
    """Find the lights and stop signs among a world's actors."""
    lights = _traffic_lights(actors, lane_map)
    return Landmarks(
        light_actors=tuple(actor for actor, _ in lights),
        lights=tuple(facts for _, facts in lights),
        stop_signs=_stop_signs(actors, world, lane_map),
    )


def set_light_times(landmarks: Landmarks, times_s: tuple[float, float, float]) -> None:
    """Set how long each light is green, yellow, and red before the next one's turn."""
    green_s, yellow_s, red_s = times_s
    for light in landmarks.light_actors:
        light.set_green_time(green_s)
        light.set_yellow_time(yellow_s)
        light.set_red_time(red_s)


def _traffic_lights(
    actors: Sequence[carla.Actor], lane_map: carla.Map
) -> list[tuple[carla.TrafficLight, TrafficLightFacts]]:
    found = []
    for actor in actors:
        if "traffic_light" in actor.type_id:
            center = actor.get_transform().transform(carla.Location(actor.trigger_volume.location))
            facts = TrafficLightFacts(
                opendrive_id=actor.get_opendrive_id() or _place_name(actor),
                location=_vector(actor.get_transform().location),
                trigger_center=_vector(center),
                stop_lines=_stop_lines(actor, center, lane_map),
            )
            found.append((actor, facts))
    return sorted(found, key=lambda pair: pair[1].opendrive_id)


def _stop_lines(
    light: carla.TrafficLight, center: carla.Location, lane_map: carla.Map
) -> tuple[StopLine, ...]:
    yaw_rad = math.radians(light.get_transform().rotation.yaw)
    half_m = _SAMPLE_SHARE * light.trigger_volume.extent.x
    lanes: list[carla.Waypoint] = []
    for offset_m in np.arange(-half_m, half_m, _SAMPLE_STEP_M):
        lane_point = lane_map.get_waypoint(
            carla.Location(
                center.x + offset_m * math.cos(yaw_rad), center.y + offset_m * math.sin(yaw_rad), center.z
            )
        )
        # The samples are in order across the road, so a lane seen before can only be the last one.
        if not lanes or (lanes[-1].road_id, lanes[-1].lane_id) != (lane_point.road_id, lane_point.lane_id):
            lanes.append(lane_point)
    return tuple(_stop_line(lane_point) for lane_point in lanes)


def _stop_line(lane_point: carla.Waypoint) -> StopLine:
    for _ in range(round(_LONGEST_WALK_M / _WALK_STEP_M)):
        if lane_point.is_junction:
            break
        following = lane_point.next(_WALK_STEP_M)
        if not following or following[0].is_junction:
            break
        lane_point = following[0]
    rotation = lane_point.transform.rotation
    return StopLine(
        location=_vector(lane_point.transform.location),
        rotation_deg=(rotation.pitch, rotation.yaw, rotation.roll),
        road_id=lane_point.road_id,
        lane_id=lane_point.lane_id,
        lane_width_m=lane_point.lane_width,
    )


def _stop_signs(
    actors: Sequence[carla.Actor], world: carla.World, lane_map: carla.Map
) -> tuple[StopSignFacts, ...]:
    opendrive_ids = {}
    for landmark in lane_map.get_all_landmarks_of_type(_STOP_SIGN_TYPE):
        sign = world.get_traffic_sign(landmark)
        if sign is not None:
            opendrive_ids[sign.id] = landmark.id
    found = []
    for actor in actors:
        if "traffic.stop" in actor.type_id:
            transform = actor.get_transform()
            volume = actor.trigger_volume
            found.append(
                StopSignFacts(
                    opendrive_id=opendrive_ids.get(actor.id) or _place_name(actor),
                    location=_vector(transform.location),
                    trigger_center=_vector(transform.transform(carla.Location(volume.location))),
                    trigger_extent=_vector(volume.extent),
                )
            )
    return tuple(sorted(found, key=lambda sign: sign.opendrive_id))


def _place_name(actor: carla.Actor) -> str:
    """A name that is the same in every episode, for a sign that the map does not know."""
    location = actor.get_transform().location
    return f"at {location.x:.2f} {location.y:.2f}"


def _vector(vector: carla.Vector3D) -> Vector:
    return vector.x, vector.y, vector.z
