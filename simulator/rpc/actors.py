"""Methods about actors of any kind: definitions, coming and going, poses, pushes; and walkers."""

from __future__ import annotations

from simulator.actor_records import NO_BOX, box_to_wire
from simulator.rpc.appearance import walker
from simulator.rpc.table import Method, value, void
from simulator.simulation import Simulation
from simulator.wire.arguments import (
    BadArgumentError,
    Pose,
    Vector,
    array,
    array_of,
    flag,
    integer,
    number,
    pose,
    short_text,
    unsigned,
    vector,
)
from simulator.wire.rpc import Encoded, Value, encode_value
from simulator.world.actors import AttributeValue
from simulator.world.blueprints import Attribute, Blueprint

MAX_ATTRIBUTES = 256
"""Most attributes of an actor; every client is told all of them."""

MAX_ATTRIBUTE_TYPE = 5
"""Largest number of CARLA's attribute types (a colour)."""

Description = tuple[str, tuple[AttributeValue, ...]]
"""Blueprint id and attributes of an actor to spawn."""


def description(wire: Value) -> Description:
    """An `ActorDescription`; its number is ignored, the id decides.

    Raises:
        BadArgumentError: wrong types.
    """
    _, blueprint_id, attributes, *_ = array(wire, 3)
    if len(array(attributes)) > MAX_ATTRIBUTES:
        raise BadArgumentError(f"an actor has at most {MAX_ATTRIBUTES} attributes")
    return short_text(blueprint_id), array_of(_attribute_value, attributes)


def _attribute_value(wire: Value) -> AttributeValue:
    name, kind, content, *_ = array(wire, 3)
    number_of_type = integer(kind)
    if not 0 <= number_of_type <= MAX_ATTRIBUTE_TYPE:
        # It would be passed on to other clients, whose readers break on it.
        raise BadArgumentError(f"{number_of_type} is no attribute type")
    return short_text(name), number_of_type, short_text(content)


def _attribute_to_wire(attribute: Attribute) -> list[object]:
    return [
        attribute.id,
        int(attribute.type),
        attribute.value,
        list(attribute.recommended),
        attribute.is_modifiable,
        attribute.restrict_to_recommended,
    ]


def _definition_to_wire(blueprint: Blueprint) -> list[object]:
    attributes = [_attribute_to_wire(attribute) for attribute in blueprint.attributes]
    return [blueprint.uid, blueprint.id, blueprint.tags, attributes]


def get_actor_definitions(simulation: Simulation) -> list[object]:
    """The blueprint library."""
    return [_definition_to_wire(blueprint) for blueprint in simulation.library]


def get_spectator(simulation: Simulation) -> Encoded:
    """The spectator's actor."""
    return Encoded(simulation.records.of_actor(simulation.world.spectator_id))


def get_actors_by_id(simulation: Simulation, actor_ids: tuple[int, ...]) -> Encoded:
    """Those of the actors that are alive, each once however often it was asked for."""
    return simulation.records.of_actors(list(dict.fromkeys(actor_ids)))


def spawn_actor(simulation: Simulation, what: Description, where: Pose) -> Encoded:
    """Spawn an actor in the world."""
    return Encoded(simulation.records.of_actor(simulation.spawn(*what, where).id))


def spawn_actor_with_parent(
    simulation: Simulation, what: Description, where: Pose, parent_id: int, attachment: int
) -> Encoded:
    """Spawn an actor attached to another; the pose is relative to it."""
    actor = simulation.spawn(*what, where, parent_id, attachment)
    return Encoded(simulation.records.of_actor(actor.id))


def destroy_actor(simulation: Simulation, actor_id: int) -> bool:
    """Remove an actor and what is attached to it.

    Raises:
        UnknownActorError: there is none.
        BadArgumentError: it belongs to the town.
    """
    simulation.world.actor(actor_id)
    if not simulation.destroy(actor_id):
        raise BadArgumentError("internal error: unable to destroy actor")
    return True


def get_actor_bounding_box(simulation: Simulation, actor_id: int) -> Encoded:
    """The box of an actor.

    An actor that has gone gives an empty box: the client's traffic manager asks for vehicles that were just
    destroyed and aborts the whole process on an error.
    """
    actor = simulation.world.actors.get(actor_id)
    return Encoded(encode_value(box_to_wire(NO_BOX if actor is None else actor.box, actor_id)))


# ---- motion


def set_actor_transform(simulation: Simulation, actor_id: int, where: Pose) -> None:
    """Teleport."""
    simulation.world.set_transform(actor_id, where)


def set_actor_location(simulation: Simulation, actor_id: int, location: Vector) -> None:
    """Teleport without turning."""
    simulation.world.set_location(actor_id, location)


def set_actor_target_velocity(simulation: Simulation, actor_id: int, velocity_mps: Vector) -> None:
    """Give a velocity, world axes."""
    simulation.world.set_target_velocity(actor_id, velocity_mps)


def set_actor_target_angular_velocity(simulation: Simulation, actor_id: int, velocity_degps: Vector) -> None:
    """Give an angular velocity, deg/s."""
    simulation.world.set_target_angular_velocity(actor_id, velocity_degps)


def enable_actor_constant_velocity(simulation: Simulation, actor_id: int, velocity_mps: Vector) -> None:
    """Hold a velocity along the actor's own axes."""
    simulation.world.enable_constant_velocity(actor_id, velocity_mps)


def disable_actor_constant_velocity(simulation: Simulation, actor_id: int) -> None:
    """Let go of it."""
    simulation.world.disable_constant_velocity(actor_id)


def set_actor_simulate_physics(simulation: Simulation, actor_id: int, enabled: bool) -> None:
    """Whether forces move the actor."""
    simulation.world.set_simulate_physics(actor_id, enabled)


def set_actor_enable_gravity(simulation: Simulation, actor_id: int, enabled: bool) -> None:
    """Whether the actor stays on the ground."""
    simulation.world.set_enable_gravity(actor_id, enabled)


def set_actor_collisions(simulation: Simulation, actor_id: int, enabled: bool) -> None:
    """Whether others can touch the actor."""
    simulation.world.set_collisions(actor_id, enabled)


def add_actor_impulse(simulation: Simulation, actor_id: int, impulse_ns: Vector) -> None:
    """Push at the centre of mass."""
    simulation.world.add_impulse(actor_id, impulse_ns)


def add_actor_impulse_at_location(
    simulation: Simulation, actor_id: int, impulse_ns: Vector, at: Vector
) -> None:
    """Push at a point of the world."""
    simulation.world.add_impulse(actor_id, impulse_ns, at)


def add_actor_force(simulation: Simulation, actor_id: int, force_n: Vector) -> None:
    """Pull at the centre of mass for the next tick."""
    simulation.world.add_force(actor_id, force_n)


def add_actor_force_at_location(simulation: Simulation, actor_id: int, force_n: Vector, at: Vector) -> None:
    """Pull at a point of the world for the next tick."""
    simulation.world.add_force(actor_id, force_n, at)


def add_actor_angular_impulse(simulation: Simulation, actor_id: int, impulse: Vector) -> None:
    """Spin."""
    simulation.world.add_angular_impulse(actor_id, impulse)


def add_actor_torque(simulation: Simulation, actor_id: int, torque: Vector) -> None:
    """Turn for the next tick."""
    simulation.world.add_torque(actor_id, torque)


# ---- walkers

WalkerControl = tuple[Vector, float, bool]


def walker_control(wire: Value) -> WalkerControl:
    """Direction, speed (m/s), jump.

    Raises:
        BadArgumentError: wrong types.
    """
    direction, speed_mps, jump, *_ = array(wire, 3)
    return vector(direction), number(speed_mps), flag(jump)


def set_actor_dead(simulation: Simulation, actor_id: int) -> None:
    """Let a walker lie for a while, then disappear."""
    simulation.let_die(walker(simulation, actor_id).id)


def apply_control_to_walker(simulation: Simulation, actor_id: int, control: WalkerControl) -> None:
    """Walk."""
    simulation.world.apply_walker_control(actor_id, *control)


METHODS: tuple[Method, ...] = (
    value("get_actor_definitions", get_actor_definitions),
    value("get_spectator", get_spectator),
    value("get_actors_by_id", get_actors_by_id, lambda wire: array_of(unsigned, wire)),
    value("spawn_actor", spawn_actor, description, pose),
    value(
        "spawn_actor_with_parent",
        spawn_actor_with_parent,
        description,
        pose,
        unsigned,
        unsigned,
        note="obstacles do not shorten spring arms; sockets are ignored",
    ),
    value("destroy_actor", destroy_actor, unsigned),
    value("get_actor_bounding_box", get_actor_bounding_box, unsigned),
    void("set_actor_transform", set_actor_transform, unsigned, pose),
    void("set_actor_location", set_actor_location, unsigned, vector),
    void("set_actor_target_velocity", set_actor_target_velocity, unsigned, vector),
    void("set_actor_target_angular_velocity", set_actor_target_angular_velocity, unsigned, vector),
    void("enable_actor_constant_velocity", enable_actor_constant_velocity, unsigned, vector),
    void("disable_actor_constant_velocity", disable_actor_constant_velocity, unsigned),
    void("set_actor_simulate_physics", set_actor_simulate_physics, unsigned, flag),
    void("set_actor_enable_gravity", set_actor_enable_gravity, unsigned, flag),
    void("set_actor_collisions", set_actor_collisions, unsigned, flag),
    void("set_actor_dead", set_actor_dead, unsigned, note="the walker disappears after ten seconds"),
    void("add_actor_impulse", add_actor_impulse, unsigned, vector),
    void("add_actor_impulse_at_location", add_actor_impulse_at_location, unsigned, vector, vector),
    void("add_actor_force", add_actor_force, unsigned, vector),
    void("add_actor_force_at_location", add_actor_force_at_location, unsigned, vector, vector),
    void("add_actor_angular_impulse", add_actor_angular_impulse, unsigned, vector),
    void("add_actor_torque", add_actor_torque, unsigned, vector),
    void("apply_control_to_walker", apply_control_to_walker, unsigned, walker_control),
)
