"""Packed binary layouts of CARLA 0.9.16's streams: dtypes and packers, little-endian, no padding.

The sizes and offsets are those of the debug information shipped inside the client wheel
(`carla.rpc.ActorDynamicState` and its union, `RawEpisodeState`'s header, `SensorHeaderSerializer`).
"""

from __future__ import annotations

import struct
from enum import IntEnum, IntFlag

import numpy as np
from numpy.typing import NDArray

UNION_SIZE = 54
"""Bytes of the type-dependent part of an actor's state: as long as its longest member, a traffic light."""

SIGN_ID_SIZE = 32
"""Bytes for an OpenDRIVE signal id, zero-padded."""

ACTOR_STATE = np.dtype(
    [
        ("id", "<u4"),
        ("actor_state", "u1"),  # ActorLiveState
        ("location", "<f4", 3),  # m, world
        ("rotation", "<f4", 3),  # pitch, yaw, roll, deg
        ("velocity", "<f4", 3),  # m/s, world
        ("angular_velocity", "<f4", 3),  # deg/s, world
        ("acceleration", "<f4", 3),  # m/s², world
        ("u", "u1", UNION_SIZE),  # one of the four unions below, by the kind of the actor
    ]
)
"""One actor in a world snapshot: 119 bytes."""


def _union(fields: list[tuple[str, str]]) -> np.dtype[np.void]:
    """A dtype of the given packed fields, stretched with zero bytes to the size of the union."""
    packed = np.dtype(fields)
    return np.dtype(
        {
            "names": list(packed.names or ()),
            "formats": [packed[name] for name in packed.names or ()],
            "offsets": [packed.fields[name][1] for name in packed.names or ()] if packed.fields else [],
            "itemsize": UNION_SIZE,
        }
    )


VEHICLE_UNION = _union(
    [
        ("throttle", "<f4"),
        ("steer", "<f4"),
        ("brake", "<f4"),
        ("hand_brake", "u1"),
        ("reverse", "u1"),
        ("manual_gear_shift", "u1"),
        ("gear", "<i4"),
        ("speed_limit", "<f4"),  # km/h
        ("traffic_light_state", "u1"),  # TrafficLightState
        ("has_traffic_light", "u1"),
        ("traffic_light_id", "<u4"),
        ("failure_state", "u1"),  # FailureState
    ]
)
"""A vehicle's part of `ACTOR_STATE.u`: 30 bytes and padding."""

WALKER_UNION = _union(
    [("direction_x", "<f4"), ("direction_y", "<f4"), ("direction_z", "<f4"), ("speed", "<f4"), ("jump", "u1")]
)
"""A walker's part: 17 bytes and padding."""

LIGHT_UNION = _union(
    [
        ("sign_id", f"S{SIGN_ID_SIZE}"),  # OpenDRIVE signal id
        ("green_time", "<f4"),  # s
        ("yellow_time", "<f4"),  # s
        ("red_time", "<f4"),  # s
        ("elapsed_time", "<f4"),  # s
        ("pole_index", "<u4"),
        ("time_is_frozen", "u1"),
        ("state", "u1"),  # TrafficLightState
    ]
)
"""A traffic light's part: 54 bytes."""

SIGN_UNION = _union([("sign_id", f"S{SIGN_ID_SIZE}")])
"""A traffic sign's part: 32 bytes and padding."""


class ActorLiveState(IntEnum):
    """`ACTOR_STATE.actor_state`."""

    INVALID = 0
    ACTIVE = 1
    DORMANT = 2
    PENDING_KILL = 3


class TrafficLightState(IntEnum):
    """State of a traffic light, as in snapshots and in `set_traffic_light_state`."""

    RED = 0
    YELLOW = 1
    GREEN = 2
    OFF = 3
    UNKNOWN = 4


class FailureState(IntEnum):
    """`VEHICLE_UNION.failure_state`."""

    NONE = 0
    ROLLOVER = 1
    ENGINE = 2
    TIRE_PUNCTURE = 3


class AttachmentType(IntEnum):
    """How a spawned actor hangs on its parent."""

    RIGID = 0
    SPRING_ARM = 1
    SPRING_ARM_GHOST = 2


class SensorType(IntEnum):
    """First field of a sensor message: the index in the serializer registry of the 0.9.16 client."""

    COLLISION = 0
    DEPTH = 1
    NORMALS = 2
    DVS = 3
    GNSS = 4
    IMU = 5
    LANE_INVASION = 6
    OBSTACLE = 7
    OPTICAL_FLOW = 8
    RADAR = 9
    LIDAR_SEMANTIC = 10
    LIDAR = 11
    RSS = 12
    RGB = 13
    SEMANTIC_SEGMENTATION = 14
    INSTANCE_SEGMENTATION = 15
    COSMOS_CONTROL = 16
    WORLD_OBSERVER = 17
    GBUFFER_U8 = 18
    GBUFFER_FLOAT = 19
    V2X = 20
    V2X_CUSTOM = 21


class SimulationState(IntFlag):
    """Flags of a world snapshot that make the client throw away what it cached."""

    NONE = 0
    MAP_CHANGE = 1
    PENDING_LIGHT_UPDATE = 2


SENSOR_HEADER = struct.Struct("<QQd6f")
"""sensor type, frame, timestamp (s), x, y, z (m), pitch, yaw, roll (deg): 48 bytes."""

WORLD_HEADER = struct.Struct("<QdfiiiI")
"""episode id, platform timestamp (s), delta (s), map origin x, y, z, simulation state: 36 bytes."""

Pose = tuple[float, float, float, float, float, float]
"""x, y, z in metres, then pitch, yaw, roll in degrees: the order on the wire."""

_ORIGIN: Pose = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def pack_sensor_header(sensor_type: int, frame: int, timestamp_s: float, pose: Pose = _ORIGIN) -> bytes:
    """The 48 bytes that start every message of a stream.

    Args:
        sensor_type: a `SensorType`.
        frame: CARLA's frame counter of the tick that was measured.
        timestamp_s: simulated time since the episode began.
        pose: of the sensor in the world.
    """
    return SENSOR_HEADER.pack(sensor_type, frame, timestamp_s, *pose)


def pack_world_header(
    episode_id: int,
    platform_time_s: float,
    delta_s: float,
    state: SimulationState = SimulationState.NONE,
) -> bytes:
    """The 36 bytes between the sensor header and the actor states of a world snapshot.

    Args:
        episode_id: of the running episode.
        platform_time_s: wall clock of the server.
        delta_s: simulated time that this tick advanced.
        state: what changed outside the actor states.
    """
    return WORLD_HEADER.pack(episode_id, platform_time_s, delta_s, 0, 0, 0, int(state))


def pack_snapshot(
    frame: int,
    timestamp_s: float,
    episode_id: int,
    platform_time_s: float,
    delta_s: float,
    state: SimulationState,
    actor_states: NDArray[np.void],
) -> bytes:
    """A whole world snapshot without its length prefix.

    Args:
        frame: CARLA's frame counter.
        timestamp_s: simulated time since the episode began.
        episode_id: of the running episode.
        platform_time_s: wall clock of the server.
        delta_s: simulated time that this tick advanced.
        state: what changed outside the actor states.
        actor_states: (N,) `ACTOR_STATE`; N follows from the size of the message.
    """
    return b"".join(
        (
            pack_sensor_header(SensorType.WORLD_OBSERVER, frame, timestamp_s),
            pack_world_header(episode_id, platform_time_s, delta_s, state),
            actor_states.tobytes(),
        )
    )
