"""CARLA's own words for what goes wrong, method by method: clients print them, and some compare them.

The world's errors say what a user of this server should know, and go into its log. What a client is told is
what CARLA 0.9.16 would tell it (its `CarlaServer.cpp`, `CarlaServerResponse.cpp` and `ActorSpawnResult.cpp`),
slips of the original included. Errors that CARLA does not know keep the words of this server.
"""

from __future__ import annotations

from simulator.world.blueprints import UnknownBlueprintError
from simulator.world.errors import (
    NoBodyError,
    OpenDriveError,
    UnknownActorError,
    UnknownParentError,
    UnknownTownError,
    WrongActorKindError,
)

NOT_FOUND = "Actor could not be found in the registry"
TYPE_MISMATCH = "Actor does not match the expected type"
NO_COMPONENT = "Component could not be found in this actor"
NOT_A_TRAFFIC_LIGHT = "Actor is not a traffic light"
NO_CARSIM = "CarSim plugin is not enabled"
NOT_SUPPORTED = "unknown error"
"""CARLA has a response "function not supported", for actors without a body, but forgot its text."""

COMMAND_METHODS = {
    "SpawnActor": "spawn_actor",
    "DestroyActor": "destroy_actor",
    "ApplyVehicleControl": "apply_control_to_vehicle",
    "ApplyVehicleAckermannControl": "apply_ackermann_control_to_vehicle",
    "ApplyWalkerControl": "apply_control_to_walker",
    "ApplyVehiclePhysicsControl": "apply_physics_control",
    "ApplyTransform": "set_actor_transform",
    "ApplyWalkerState": "set_walker_state",
    "ApplyTargetVelocity": "set_actor_target_velocity",
    "ApplyTargetAngularVelocity": "set_actor_target_angular_velocity",
    "ApplyImpulse": "add_actor_impulse",
    "ApplyForce": "add_actor_force",
    "ApplyAngularImpulse": "add_actor_angular_impulse",
    "ApplyTorque": "add_actor_torque",
    "SetSimulatePhysics": "set_actor_simulate_physics",
    "SetEnableGravity": "set_actor_enable_gravity",
    "SetAutopilot": "set_actor_autopilot",
    "ShowDebugTelemetry": "show_vehicle_debug_telemetry",
    "SetVehicleLightState": "set_vehicle_light_state",
    "ApplyLocation": "set_actor_location",
    "ConsoleCommand": "console_command",
    "SetTrafficLightState": "set_traffic_light_state",
}
"""Batch command -> method that it is short for: CARLA's texts name the method."""

_WITHOUT_FUNCTION = {
    ("destroy_actor", NOT_FOUND): "unable to destroy actor: not found",
    ("get_group_traffic_lights", NOT_FOUND): "unable to get group traffic lights: actor not found",
    (
        "get_group_traffic_lights",
        TYPE_MISMATCH,
    ): "unable to get group traffic lights: actor is not a traffic light",
}
_MISNAMED = {
    ("are_gbuffers_enabled", NOT_FOUND): "enable_gbuffers",
    ("are_gbuffers_enabled", TYPE_MISMATCH): "enable_gbuffers",
    ("get_actor_component_relative_transform", NO_COMPONENT): "get_actor_component_world_transform",
}
"""Where CARLA's text names another method than the one that was called."""


class CarlaRefusalError(Exception):
    """A call that CARLA refuses too.

    Attributes:
        response: one of the texts above.
        extra: what follows it.
    """

    def __init__(self, response: str, extra: str) -> None:
        self.response = response
        self.extra = extra
        super().__init__(f"{response}. {extra}")


def about_actor(response: str, actor_id: int, more: str = "") -> CarlaRefusalError:
    """A refusal that names an actor."""
    return CarlaRefusalError(response, f" Actor Id: {actor_id}{more}")


def carla_text(name: str, error: Exception) -> str:
    """What CARLA tells the client of a method, or a batch command, that failed so.

    Args:
        name: of the method or the command.
        error: one of those that a client can bring about.
    """
    method = COMMAND_METHODS.get(name, name)
    match error:
        case UnknownActorError(actor_id=actor_id):
            return _responding(method, NOT_FOUND, f" Actor Id: {actor_id}")
        case NoBodyError(actor_id=actor_id):
            return _responding(method, NOT_SUPPORTED, f" Actor Id: {actor_id}")
        case WrongActorKindError(actor_id=actor_id):
            wrong = NOT_A_TRAFFIC_LIGHT if method == "get_light_boxes" else TYPE_MISMATCH
            return _responding(method, wrong, f" Actor Id: {actor_id}")
        case CarlaRefusalError(response=response, extra=extra):
            return _responding(method, response, extra)
        case UnknownBlueprintError():
            return "Spawn failed because of invalid actor description"
        case UnknownParentError():
            return "unable to attach actor: parent actor not found"
        case UnknownTownError(name=town):
            return f"Map '{town}' not found"
        case OpenDriveError():
            return f"opendrive could not be correctly parsed: {error}"
    return str(error)


def _responding(method: str, response: str, extra: str) -> str:
    short = _WITHOUT_FUNCTION.get((method, response))
    if short is not None:
        return short
    return f"Responding error from function {_MISNAMED.get((method, response), method)}: {response}. {extra}"
