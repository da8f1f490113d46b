"""Methods about what is drawn of actors, or would be: doors, wheels, skeletons, textures."""

from __future__ import annotations

from collections.abc import Callable

from simulator.appearance import Door
from simulator.rpc.environment_objects import get_names_of_all_objects
from simulator.rpc.refusals import (
    NO_CARSIM,
    NO_COMPONENT,
    NOT_FOUND,
    TYPE_MISMATCH,
    CarlaRefusalError,
    about_actor,
)
from simulator.rpc.table import Answer, Converter, Coverage, Handler, Method, constant, ignored, value, void
from simulator.simulation import Simulation
from simulator.wire.arguments import (
    BadArgumentError,
    array_of,
    number,
    short_text,
    text,
    unsigned,
)
from simulator.wire.rpc import Value
from simulator.world.actors import Actor, ActorKind
from simulator.world.errors import WrongActorKindError

WHEELS_MAX = 8
"""More than any vehicle of CARLA has."""

MAX_OBJECT_NAMES = 4096
"""Most names in a call about textures."""


def wheel_number(wire: Value) -> int:
    """A `VehicleWheelLocation`.

    Raises:
        BadArgumentError: no such wheel.
    """
    number_ = unsigned(wire)
    if number_ >= WHEELS_MAX:
        raise BadArgumentError(f"{number_} is no wheel")
    return number_


def door(wire: Value) -> Door:
    """A `VehicleDoor`.

    Raises:
        BadArgumentError: no such door.
    """
    number_ = unsigned(wire)
    if number_ > Door.ALL:
        raise BadArgumentError(f"{number_} is no door")
    return Door(number_)


def vehicle(simulation: Simulation, actor_id: int) -> Actor:
    """A live vehicle.

    Raises:
        UnknownActorError, WrongActorKindError: there is none with this id.
    """
    return _of_kind(simulation, actor_id, ActorKind.VEHICLE)


def walker(simulation: Simulation, actor_id: int) -> Actor:
    """A live walker.

    Raises:
        UnknownActorError, WrongActorKindError: there is none with this id.
    """
    return _of_kind(simulation, actor_id, ActorKind.WALKER)


def any_actor(simulation: Simulation, actor_id: int) -> Actor:
    """A live actor.

    Raises:
        UnknownActorError: there is none with this id.
    """
    return simulation.world.actor(actor_id)


def _of_kind(simulation: Simulation, actor_id: int, kind: ActorKind) -> Actor:
    actor = simulation.world.actor(actor_id)
    if actor.kind is not kind:
        raise WrongActorKindError(actor_id, actor.blueprint_id, kind.name.lower())
    return actor


# ---- doors and wheels


def open_vehicle_door(simulation: Simulation, actor_id: int, which: Door) -> None:
    """Open a door."""
    simulation.appearance.set_door(vehicle(simulation, actor_id).id, which, True)


def close_vehicle_door(simulation: Simulation, actor_id: int, which: Door) -> None:
    """Close a door."""
    simulation.appearance.set_door(vehicle(simulation, actor_id).id, which, False)


def set_wheel_steer_direction(simulation: Simulation, actor_id: int, wheel: int, angle_deg: float) -> None:
    """Turn a wheel of a vehicle without physics; of one with physics the steering decides, as in CARLA."""
    if not simulation.world.vehicles.simulates_physics(actor_id):
        simulation.appearance.wheel_yaw_deg[actor_id, wheel] = angle_deg


def get_wheel_steer_angle(simulation: Simulation, actor_id: int, wheel: int) -> float:
    """Angle of a wheel, deg: of the steering with physics, else the one that was set."""
    if simulation.world.vehicles.simulates_physics(actor_id):
        return simulation.world.vehicles.wheel_steer_angle(actor_id, wheel)
    return simulation.appearance.wheel_yaw_deg.get((actor_id, wheel), 0.0)


def set_wheel_pitch_angle(simulation: Simulation, actor_id: int, wheel: int, angle_deg: float) -> None:
    """Roll a wheel of a vehicle without physics."""
    if not simulation.world.vehicles.simulates_physics(actor_id):
        simulation.appearance.wheel_pitch_deg[actor_id, wheel] = angle_deg


def get_wheel_pitch_angle(simulation: Simulation, actor_id: int, wheel: int) -> float:
    """The rolling angle that was set, deg; 0 with physics."""
    if simulation.world.vehicles.simulates_physics(actor_id):
        return 0.0
    return simulation.appearance.wheel_pitch_deg.get((actor_id, wheel), 0.0)


# ---- sensors


def set_ignored_vehicles(simulation: Simulation, actor_id: int, vehicle_ids: tuple[int, ...]) -> None:
    """Let the rays of a sensor pass through vehicles."""
    sensor = _of_kind(simulation, actor_id, ActorKind.SENSOR)
    actors = simulation.world.actors
    for vehicle_id in vehicle_ids:
        if vehicle_id not in actors:
            raise CarlaRefusalError(NOT_FOUND, f" Target Actor Id: {vehicle_id}")
        if actors[vehicle_id].kind is not ActorKind.VEHICLE:
            raise about_actor(TYPE_MISMATCH, vehicle_id, " is not a vehicle")
    simulation.appearance.ignored_vehicles[sensor.id] = frozenset(vehicle_ids)


def no_camera(simulation: Simulation, actor_id: int) -> None:
    """A method of cameras on an actor that is none."""
    raise about_actor(TYPE_MISMATCH, simulation.world.actor(actor_id).id)


def no_carsim(simulation: Simulation, actor_id: int) -> None:
    """What CARLA without the CarSim plugin answers."""
    raise about_actor(NO_CARSIM, vehicle(simulation, actor_id).id)


# ---- skeletons and components: nothing here has any


def component_transform(simulation: Simulation, actor_id: int, component: str) -> None:
    """No actor has components, so none has the one that is asked for."""
    simulation.world.actor(actor_id)
    raise CarlaRefusalError(NO_COMPONENT, f" Component Name: {component}")


# ---- textures


def apply_texture(simulation: Simulation, names: tuple[str, ...]) -> None:
    """Take a texture for objects; nothing is drawn of it.

    Raises:
        BadArgumentError: none of the names is an object of the level, in CARLA's words.
    """
    if len(names) > MAX_OBJECT_NAMES:
        raise BadArgumentError(f"at most {MAX_OBJECT_NAMES} names are taken")
    if not set(names) & set(get_names_of_all_objects(simulation)):
        raise BadArgumentError("unable to find Actor to apply the texture")


def _names(wire: Value) -> tuple[str, ...]:
    return array_of(short_text, wire)


def checked(
    name: str,
    check: Callable[[Simulation, int], Actor],
    note: str,
    *,
    answer: object = None,
) -> Method:
    """A method without effect that still tells a client that the actor is gone, or of the wrong kind.

    Args:
        name: on the wire.
        check: raises when the actor is not what it should be.
        note: for COVERAGE.md.
        answer: the value that it answers; None for a method that answers nothing.
    """

    def handler(simulation: Simulation, actor_id: int) -> object:
        check(simulation, actor_id)
        return answer

    kind = Answer.VOID if answer is None else Answer.VALUE
    return Method(name, kind, (unsigned,), handler, Coverage.NO_EFFECT, note)


def _refused(name: str, answer: Answer, handler: Handler, note: str, *takes: Converter) -> Method:
    return Method(name, answer, (unsigned, *takes), handler, Coverage.REFUSED, note)


_NO_SKELETON = "actors have no skeleton"
_NOTHING_DRAWN = "nothing is drawn"
_NO_CAMERA = "cameras have no G-buffers here: tells CARLA's text about an actor that is none"
_WITHOUT_PHYSICS = "of a vehicle without physics, as in CARLA"
_ONE_ENGINE = "one physics engine only"
_NO_ROS = "there is no ROS bridge in the server"

METHODS: tuple[Method, ...] = (
    void("open_vehicle_door", open_vehicle_door, unsigned, door, note="kept for what draws; boxes stay"),
    void("close_vehicle_door", close_vehicle_door, unsigned, door, note="kept for what draws; boxes stay"),
    void(
        "set_wheel_steer_direction",
        set_wheel_steer_direction,
        unsigned,
        wheel_number,
        number,
        note=_WITHOUT_PHYSICS,
    ),
    value("get_wheel_steer_angle", get_wheel_steer_angle, unsigned, wheel_number),
    void(
        "set_wheel_pitch_angle", set_wheel_pitch_angle, unsigned, wheel_number, number, note=_WITHOUT_PHYSICS
    ),
    value(
        "get_wheel_pitch_angle",
        get_wheel_pitch_angle,
        unsigned,
        wheel_number,
        note="0 with physics: how far wheels have rolled is not kept",
    ),
    checked("show_vehicle_debug_telemetry", vehicle, _NOTHING_DRAWN),
    checked("enable_carsim", vehicle, _ONE_ENGINE),
    _refused("use_carsim_road", Answer.VOID, no_carsim, "what CARLA answers without the CarSim plugin"),
    checked("enable_chrono_physics", vehicle, _ONE_ENGINE),
    checked("restore_physx_physics", vehicle, _ONE_ENGINE),
    checked("get_bones_transform", walker, _NO_SKELETON, answer=[]),
    checked("set_bones_transform", walker, _NO_SKELETON),
    checked("blend_pose", walker, _NO_SKELETON),
    checked("get_pose_from_animation", walker, _NO_SKELETON),
    *(
        checked(f"get_actor_{part}_{what}", any_actor, _NO_SKELETON, answer=[])
        for part in ("bone", "socket")
        for what in ("names", "relative_transforms", "world_transforms")
    ),
    checked("get_actor_component_names", any_actor, _NO_SKELETON, answer=[]),
    _refused("get_actor_component_relative_transform", Answer.VALUE, component_transform, _NO_SKELETON, text),
    _refused("get_actor_component_world_transform", Answer.VALUE, component_transform, _NO_SKELETON, text),
    checked("get_vehicle_bone_world_transforms", vehicle, _NO_SKELETON, answer=[]),
    Method(
        "apply_color_texture_to_objects",
        Answer.VOID,
        (_names,),
        apply_texture,
        Coverage.NO_EFFECT,
        f"{_NOTHING_DRAWN}; names that no object has are an error, as in CARLA",
    ),
    Method(
        "apply_float_color_texture_to_objects",
        Answer.VOID,
        (_names,),
        apply_texture,
        Coverage.NO_EFFECT,
        f"{_NOTHING_DRAWN}; names that no object has are an error, as in CARLA",
    ),
    ignored("set_annotations_traverse_translucency", _NOTHING_DRAWN),
    void(
        "set_ignored_vehicles",
        set_ignored_vehicles,
        unsigned,
        lambda wire: array_of(unsigned, wire),
        note="kept for sensors with rays",
    ),
    _refused("get_gbuffer_token", Answer.VALUE, no_camera, _NO_CAMERA),
    _refused("are_gbuffers_enabled", Answer.VALUE, no_camera, _NO_CAMERA),
    _refused("enable_gbuffers", Answer.VOID, no_camera, _NO_CAMERA),
    ignored("enable_sensor_for_ros", _NO_ROS),
    ignored("disable_sensor_for_ros", _NO_ROS),
    constant("is_sensor_enabled_for_ros", False, _NO_ROS),
    _refused(
        "send", Answer.VOID, no_camera, "there are no V2X sensors: CARLA's text about an actor that is none"
    ),
)
