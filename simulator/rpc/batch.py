"""The 22 commands of a batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from simulator.rpc import actors, appearance, environment, vehicles
from simulator.rpc.actors import Description
from simulator.rpc.table import Answer, Converter, Coverage, Handler, Method, run_command
from simulator.simulation import Simulation
from simulator.wire.arguments import (
    BadArgumentError,
    Pose,
    array,
    flag,
    integer,
    number,
    optional,
    pose,
    unsigned,
    vector,
)
from simulator.wire.control_batch import ControlBatch
from simulator.wire.rpc import BatchItem, Encoded, Value, ids_result
from simulator.world.errors import WorldError

FUTURE_ACTOR = 0
"""Stands for the spawned actor in the commands that follow a spawn."""

Command = tuple[int, list[Value]]
"""Number of the command and its fields."""


def command(wire: Value) -> Command:
    """`[[number, fields]]`.

    Raises:
        BadArgumentError: another shape, or no such command.
    """
    number_, fields, *_ = array(array(wire, 1)[0], 2)
    index = integer(number_)
    if not 0 <= index < len(COMMANDS):
        raise BadArgumentError(f"{index} is no batch command")
    return index, array(fields)


def _commands(wire: Value) -> list[Command]:
    return [command(item) for item in array(wire)]


def spawn(
    simulation: Simulation,
    what: Description,
    where: Pose,
    parent_id: int | None,
    attachment: int,
    _socket: Value,
    afterwards: list[Command],
) -> int:
    """Spawn an actor, then run commands on it. Their failure does not undo the spawn, as in CARLA."""
    actor = simulation.spawn(*what, where, parent_id or 0, attachment)
    for index, fields in afterwards:
        if fields and fields[0] == FUTURE_ACTOR:
            fields = [actor.id, *fields[1:]]
        run_command(simulation, COMMANDS[index], fields)
    return actor.id


def destroy(simulation: Simulation, actor_id: int) -> int:
    """Remove an actor."""
    actors.destroy_actor(simulation, actor_id)
    return actor_id


def walker_state(simulation: Simulation, actor_id: int, where: Pose, speed_mps: float) -> None:
    """Put a walker somewhere with a speed."""
    simulation.world.set_walker_state(actor_id, where, speed_mps)


def _echo(handler: Handler) -> Callable[..., int]:
    """A handler that answers the id of its actor, as commands do."""

    def run(simulation: Simulation, actor_id: int, *arguments: object) -> int:
        handler(simulation, actor_id, *arguments)
        return actor_id

    return run


def _on_actor(name: str, handler: Handler, *takes: Converter) -> Method:
    return Method(name, Answer.VALUE, (unsigned, *takes), _echo(handler))


def _ignored(name: str, note: str) -> Method:
    """A command for vehicles that does nothing."""
    return Method(name, Answer.VALUE, (unsigned,), _echo(appearance.vehicle), Coverage.NO_EFFECT, note)


def _anything(wire: Value) -> Value:
    return wire


COMMANDS: tuple[Method, ...] = (
    Method(
        "SpawnActor",
        Answer.VALUE,
        (actors.description, pose, lambda wire: optional(unsigned, wire), unsigned, _anything, _commands),
        spawn,
    ),
    Method("DestroyActor", Answer.VALUE, (unsigned,), destroy),
    _on_actor("ApplyVehicleControl", vehicles.apply_control_to_vehicle, vehicles.vehicle_control),
    _on_actor("ApplyVehicleAckermannControl", vehicles.apply_ackermann_control, vehicles.ackermann_control),
    _on_actor("ApplyWalkerControl", actors.apply_control_to_walker, actors.walker_control),
    _on_actor("ApplyVehiclePhysicsControl", vehicles.apply_physics_control, vehicles.physics_control),
    _on_actor("ApplyTransform", actors.set_actor_transform, pose),
    _on_actor("ApplyWalkerState", walker_state, pose, number),
    _on_actor("ApplyTargetVelocity", actors.set_actor_target_velocity, vector),
    _on_actor("ApplyTargetAngularVelocity", actors.set_actor_target_angular_velocity, vector),
    _on_actor("ApplyImpulse", actors.add_actor_impulse, vector),
    _on_actor("ApplyForce", actors.add_actor_force, vector),
    _on_actor("ApplyAngularImpulse", actors.add_actor_angular_impulse, vector),
    _on_actor("ApplyTorque", actors.add_actor_torque, vector),
    _on_actor("SetSimulatePhysics", actors.set_actor_simulate_physics, flag),
    _on_actor("SetEnableGravity", actors.set_actor_enable_gravity, flag),
    _ignored("SetAutopilot", "the client's traffic manager drives"),
    _ignored("ShowDebugTelemetry", "nothing is drawn"),
    _on_actor("SetVehicleLightState", vehicles.set_vehicle_light_state, unsigned),
    _on_actor("ApplyLocation", actors.set_actor_location, vector),
    Method(
        "ConsoleCommand", Answer.VALUE, (), lambda _simulation: 0, Coverage.NO_EFFECT, "there is no console"
    ),
    _on_actor("SetTrafficLightState", environment.set_traffic_light_state, environment.light_state),
)
"""Commands in the order of their numbers on the wire."""


def _batch(wire: Value) -> list[Value] | ControlBatch:
    return wire if isinstance(wire, ControlBatch) else array(wire)


def apply_batch(
    simulation: Simulation, commands: list[Value] | ControlBatch, tick: bool
) -> list[BatchItem] | Encoded:
    """Run commands in order, each with its own answer; then tick, if asked and in synchronous mode."""
    answers: list[BatchItem] | Encoded
    if isinstance(commands, ControlBatch):
        answers = _apply_controls(simulation, commands)
    else:
        answers = [_run(simulation, item) for item in commands]
    if tick and simulation.settings.synchronous_mode:
        simulation.tick()
    return answers


def _apply_controls(simulation: Simulation, controls: ControlBatch) -> list[BatchItem] | Encoded:
    """Control many vehicles at once; where that cannot be, one by one, each with its own error."""
    try:
        simulation.world.vehicles.apply_controls(controls.actor_ids, controls.pedals, controls.switches)
    except WorldError:
        return [_run(simulation, cast(Value, item)) for item in controls.commands()]
    actor_ids = controls.actor_ids.tolist()
    simulation.ackermann.leave_all(actor_ids)
    return Encoded(ids_result(actor_ids))


def _run(simulation: Simulation, wire: Value) -> BatchItem:
    try:
        index, fields = command(wire)
    except BadArgumentError as error:
        return BatchItem(0, str(error))
    return run_command(simulation, COMMANDS[index], fields)


METHODS: tuple[Method, ...] = (Method("apply_batch", Answer.BATCH, (_batch, flag), apply_batch),)
