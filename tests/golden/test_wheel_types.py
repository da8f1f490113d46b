"""What travels as bytes, against the types inside the installed client.

Provenance: nothing is stored here. The expected side of every comparison is read, in each run, from the DWARF
debug information that the PyPI wheel of `carla` ships inside its extension module (seen: 0.9.16, built by
clang 10, Linux x86-64). Eight of its 95 compile units are parsed, which takes about 2 s and 250 MB; nothing
is cached. A client of another version fails here, type by type, before it misreads a stream.

The order in which msgpack structures travel is not in the debug information: they are declared in the order
in which they are packed, and a field that is new, gone or moved is what these tests notice.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from enum import IntEnum, IntFlag
from importlib.metadata import version
from struct import Struct

import numpy as np
import pytest

from simulator.rpc.batch import COMMANDS
from simulator.rpc.environment import WEATHER_FIELDS
from simulator.rpc.episode import CARLA_VERSION
from simulator.wire import layouts
from simulator.wire.layouts import SensorType
from simulator.wire.settings import EpisodeSettings
from simulator.wire.streams import TOKEN_SIZE, Token
from simulator.world.blueprints import AttributeType, SemanticTag
from simulator.world.physics_control import GearControl, PhysicsControl, WheelControl
from tests.support.debug_info import (
    ELF_MAGIC,
    Leaf,
    NoDebugInformationError,
    WheelTypes,
    extension_module,
)

UNITS = (
    "carla/client/ServerSideSensor.cpp",  # the smallest that knows every command and every label
    "carla/sensor/Deserializer.cpp",
    "carla/sensor/s11n/CollisionEventSerializer.cpp",
    "carla/sensor/s11n/EpisodeStateSerializer.cpp",
    "carla/sensor/s11n/GnssSerializer.cpp",
    "carla/sensor/s11n/IMUSerializer.cpp",
    "carla/sensor/s11n/ObstacleDetectionEventSerializer.cpp",
    "carla/streaming/detail/Token.cpp",
)

DATA = "carla::sensor::data::"
S11N = "carla::sensor::s11n::"
RPC = "carla::rpc::"

Field = tuple[int, str, int]
"""Offset, kind, size."""

REGISTRY = {
    "ACollisionSensor": SensorType.COLLISION,
    "ADepthCamera": SensorType.DEPTH,
    "ANormalsCamera": SensorType.NORMALS,
    "ADVSCamera": SensorType.DVS,
    "AGnssSensor": SensorType.GNSS,
    "AInertialMeasurementUnit": SensorType.IMU,
    "ALaneInvasionSensor": SensorType.LANE_INVASION,
    "AObstacleDetectionSensor": SensorType.OBSTACLE,
    "AOpticalFlowCamera": SensorType.OPTICAL_FLOW,
    "ARadar": SensorType.RADAR,
    "ARayCastSemanticLidar": SensorType.LIDAR_SEMANTIC,
    "ARayCastLidar": SensorType.LIDAR,
    "ARssSensor": SensorType.RSS,
    "ASceneCaptureCamera": SensorType.RGB,
    "ASemanticSegmentationCamera": SensorType.SEMANTIC_SEGMENTATION,
    "AInstanceSegmentationCamera": SensorType.INSTANCE_SEGMENTATION,
    "ACosmosControlSensor": SensorType.COSMOS_CONTROL,
    "FWorldObserver": SensorType.WORLD_OBSERVER,
    "FCameraGBufferUint8": SensorType.GBUFFER_U8,
    "FCameraGBufferFloat": SensorType.GBUFFER_FLOAT,
    "AV2XSensor": SensorType.V2X,
    "ACustomV2XSensor": SensorType.V2X_CUSTOM,
}
"""Class of the server's sensor -> our name for its messages."""


@pytest.fixture(scope="module")
def types() -> WheelTypes:
    module = extension_module()
    with module.open("rb") as file:
        if file.read(4) != ELF_MAGIC:
            pytest.skip(f"{module.name} is no ELF file: only the Linux wheel carries DWARF")
    return WheelTypes(module, UNITS)


def of_leaves(leaves: Sequence[Leaf], base: int = 0) -> list[Field]:
    return [(leaf.offset - base, leaf.kind, leaf.size) for leaf in leaves]


def of_dtype(dtype: np.dtype[np.void]) -> list[Field]:
    """Offsets, kinds and sizes of a dtype's numbers."""
    fields: list[Field] = []
    for name in dtype.names or ():
        assert dtype.fields is not None
        kind, offset = dtype.fields[name][:2]
        element, count = kind.base, int(np.prod(kind.shape, dtype=int))
        fields += [(offset + k * element.itemsize, element.kind, element.itemsize) for k in range(count)]
    return fields


def of_struct(layout: Struct) -> list[Field]:
    """Offsets, kinds and sizes of a packed `struct` format."""
    kinds = {"B": "u", "H": "u", "I": "u", "Q": "u", "i": "i", "f": "f", "d": "f", "s": "S"}
    fields: list[Field] = []
    offset, count = 0, ""
    for character in layout.format.lstrip("<"):
        if character.isdigit():
            count += character
            continue
        repeats = int(count or 1)
        each = [repeats] if character == "s" else [Struct("<" + character).size] * repeats
        for size in each:
            fields.append((offset, kinds[character], size))
            offset += size
        count = ""
    return fields


def test_the_server_speaks_the_version_of_this_wheel() -> None:
    assert version("carla") == CARLA_VERSION


# ---- streams


def test_actor_state(types: WheelTypes) -> None:
    name = DATA + "ActorDynamicState"
    assert types.size(name) == layouts.ACTOR_STATE.itemsize == 119
    leaves = [leaf for leaf in types.layout(name) if not leaf.path.startswith("state.")]
    assert of_dtype(layouts.ACTOR_STATE)[: len(leaves)] == of_leaves(leaves)
    assert types.members(name) == (
        "id", "actor_state", "transform", "velocity", "angular_velocity", "acceleration", "state",
    )  # fmt: skip
    union = name + "::TypeDependentState"
    assert types.size(union) == layouts.UNION_SIZE
    assert layouts.ACTOR_STATE.fields is not None
    assert {leaf.offset for leaf in types.layout(name) if leaf.path.endswith("sign_id")} == {
        layouts.ACTOR_STATE.fields["u"][1]
    }


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("detail::VehicleData", layouts.VEHICLE_UNION),
        ("detail::PackedWalkerControl", layouts.WALKER_UNION),
        ("detail::TrafficLightData", layouts.LIGHT_UNION),
        ("detail::TrafficSignData", layouts.SIGN_UNION),
    ],
)
def test_parts_of_the_union(types: WheelTypes, name: str, ours: np.dtype[np.void]) -> None:
    leaves = types.layout(DATA + name)
    assert of_dtype(ours) == of_leaves(leaves)
    theirs = [leaf.path.removeprefix("control.") for leaf in leaves]
    axes = {f"direction.{k}": f"direction_{axis}" for k, axis in enumerate("xyz")}
    assert list(ours.names or ()) == [axes.get(path, path) for path in theirs]


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        (S11N + "SensorHeaderSerializer::Header", layouts.SENSOR_HEADER),
        (S11N + "EpisodeStateSerializer::Header", layouts.WORLD_HEADER),
    ],
)
def test_headers(types: WheelTypes, name: str, ours: Struct) -> None:
    assert types.size(name) == ours.size
    assert of_struct(ours) == of_leaves(types.layout(name))


def test_order_inside_the_headers(types: WheelTypes) -> None:
    assert types.members(S11N + "SensorHeaderSerializer::Header") == (
        "sensor_type", "frame", "timestamp", "sensor_transform",
    )  # fmt: skip
    assert types.members(S11N + "EpisodeStateSerializer::Header") == (
        "episode_id", "platform_timestamp", "delta_seconds", "map_origin", "simulation_state",
    )  # fmt: skip


def test_token(types: WheelTypes) -> None:
    name = "carla::streaming::detail::token_data"
    assert types.size(name) == TOKEN_SIZE
    at = {leaf.path: leaf for leaf in types.layout(name)}
    encoded = Token(0x01020304, 0x0506).encode()

    def there(path: str) -> int:
        leaf = at[path]
        return int.from_bytes(encoded[leaf.offset : leaf.offset + leaf.size], "little")

    assert there("stream_id") == 0x01020304
    assert there("port") == 0x0506
    assert there("protocol") == types.enumerations[name + "::protocol"]["tcp"]
    assert there("address_type") == types.enumerations[name + "::address"]["not_set"]


def test_sensor_registry(types: WheelTypes) -> None:
    pairs = types.template_arguments("carla::sensor::CompositeSerializer<")
    classes = [pair.removeprefix("std::pair<").split(" *", 1)[0] for pair in pairs]
    assert {name: number for number, name in enumerate(classes)} == REGISTRY
    assert set(REGISTRY.values()) == set(SensorType)


@pytest.mark.parametrize(
    ("name", "members"),
    [
        (S11N + "CollisionEventSerializer::Data", ("self_actor", "other_actor", "normal_impulse")),
        (S11N + "ObstacleDetectionEventSerializer::Data", ("self_actor", "other_actor", "distance")),
        (S11N + "IMUSerializer::Data", ("accelerometer", "gyroscope", "compass")),
        ("carla::geom::GeoLocation", ("latitude", "longitude", "altitude")),
    ],
)
def test_payloads_of_sensors_without_rays(types: WheelTypes, name: str, members: tuple[str, ...]) -> None:
    assert types.members(name) == members


# ---- enumerations


def snake(name: str) -> str:
    """CamelCase to SNAKE_CASE."""
    return "".join("_" + c if c.isupper() and k else c for k, c in enumerate(name)).upper()


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        (RPC + "ActorState", layouts.ActorLiveState),
        (RPC + "TrafficLightState", layouts.TrafficLightState),
        (RPC + "VehicleFailureState", layouts.FailureState),
        (RPC + "AttachmentType", layouts.AttachmentType),
        (S11N + "EpisodeStateSerializer::SimulationState", layouts.SimulationState),
    ],
)
def test_enumerations(types: WheelTypes, name: str, ours: type[IntEnum | IntFlag]) -> None:
    bounds = ("SIZE", "INVALID") if name != RPC + "ActorState" else ()
    theirs = {snake(key): value for key, value in types.enumerations[name].items() if key not in bounds}
    assert {member.name: member.value for member in ours} | _zero(ours) == theirs


def _zero(ours: type[IntEnum | IntFlag]) -> dict[str, int]:
    """The zero of a set of flags, which Python does not list among its members."""
    return {"NONE": 0} if issubclass(ours, IntFlag) else {}


def test_attribute_types(types: WheelTypes) -> None:
    theirs = types.enumerations[RPC + "ActorAttributeType"]
    names = {"Bool": "BOOL", "Int": "INT", "Float": "FLOAT", "String": "STRING", "RGBColor": "RGB"}
    assert {names[key]: theirs[key] for key in names} == {
        member.name: member.value for member in AttributeType
    }
    assert set(theirs) - set(names) == {"SIZE", "INVALID"}


def test_labels_of_actors(types: WheelTypes) -> None:
    theirs = types.enumerations[RPC + "CityObjectLabel"]
    plural = {"TRAFFIC_SIGN": "TrafficSigns", "PEDESTRIAN": "Pedestrians"}
    by_name = {snake(key): value for key, value in theirs.items()}
    for tag in SemanticTag:
        assert by_name[snake(plural.get(tag.name, tag.name.title().replace("_", "")))] == tag.value, tag.name


# ---- msgpack structures


def test_commands(types: WheelTypes) -> None:
    theirs = types.template_arguments("boost::variant2::variant<carla::rpc::Command::")
    assert [name.removeprefix(RPC + "Command::") for name in theirs] == [command.name for command in COMMANDS]


def test_fields_of_commands(types: WheelTypes) -> None:
    theirs = [len(types.members(f"{RPC}Command::{command.name}")) for command in COMMANDS]
    understood = [command for command in COMMANDS if len(command.takes) > 1]
    for command, count in zip(COMMANDS, theirs, strict=True):
        if command in understood:
            assert len(command.takes) == count, command.name
    assert len(understood) >= 15


@pytest.mark.parametrize(
    ("name", "members"),
    [
        ("ActorDescription", ("uid", "id", "attributes")),
        ("ActorAttributeValue", ("id", "type", "value")),
        (
            "ActorAttribute",
            ("id", "type", "value", "recommended_values", "is_modifiable", "restrict_to_recommended"),
        ),
        (
            "VehicleControl",
            ("throttle", "steer", "brake", "hand_brake", "reverse", "manual_gear_shift", "gear"),
        ),
        ("WalkerControl", ("direction", "speed", "jump")),
        ("GearPhysicsControl", ("ratio", "down_ratio", "up_ratio")),
        (
            "Command::SpawnActor",
            ("description", "transform", "parent", "attachment_type", "socket_name", "do_after"),
        ),
    ],
)
def test_structures_that_are_packed_by_hand(types: WheelTypes, name: str, members: tuple[str, ...]) -> None:
    assert types.members(RPC + name) == members


def test_settings_weather_and_physics_have_no_other_fields(types: WheelTypes) -> None:
    settings = [field.name for field in dataclasses.fields(EpisodeSettings)]
    units = {"fixed_delta_s": "fixed_delta_seconds", "max_substep_s": "max_substep_delta_time"}
    assert [units.get(name, name).removesuffix("_m") for name in settings] == list(
        types.members(RPC + "EpisodeSettings")
    )
    assert len(types.members(RPC + "WeatherParameters")) == WEATHER_FIELDS
    ours = {"Vehicle": PhysicsControl, "Wheel": WheelControl, "Gear": GearControl}
    assert {name: len(dataclasses.fields(kind)) for name, kind in ours.items()} == {
        name: len(types.members(f"{RPC}{name}PhysicsControl")) for name in ours
    }


# ---- the reader itself


@pytest.mark.parametrize(
    "ask",
    [
        lambda types: types.size(RPC + "NoSuchType"),
        lambda types: types.layout(RPC + "NoSuchType"),
        lambda types: types.template_arguments("std::no_such_template<"),
        lambda _types: WheelTypes(extension_module(), ("carla/NoSuchFile.cpp",)),
    ],
)
def test_what_is_not_there_is_an_error(types: WheelTypes, ask: Callable[[WheelTypes], object]) -> None:
    with pytest.raises(NoDebugInformationError, match=r"(?i)no_?such"):
        ask(types)
