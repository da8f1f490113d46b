"""The expert's reason as a sentence: a short chain of causation, what the car does and why."""

from __future__ import annotations

from collections.abc import Mapping

from policies.expert import Reason
from policies.sensor_bundle import Command

_STANDS_MPS, _STEADY_MPS2 = 0.3, 0.35

_WHY: Mapping[Reason, str] = {
    Reason.CRUISE: "the road ahead is free",
    Reason.CURVE: "the road bends ahead",
    Reason.FOLLOWING: "there is a vehicle ahead",
    Reason.RED_LIGHT: "the traffic light ahead is red",
    Reason.STOP_SIGN: "there is a stop sign ahead",
    Reason.YIELD_VEHICLE: "another vehicle has to pass first",
    Reason.YIELD_PEDESTRIAN: "a pedestrian is in the way",
    Reason.LANE_CHANGE: "the lane beside is not free yet",
}
_WHERE: Mapping[Command, str] = {
    Command.LANE_FOLLOW: "Following the lane",
    Command.LEFT: "Turning left at the junction",
    Command.RIGHT: "Turning right at the junction",
    Command.STRAIGHT: "Going straight on at the junction",
    Command.CHANGE_LANE_LEFT: "Changing to the lane on the left",
    Command.CHANGE_LANE_RIGHT: "Changing to the lane on the right",
}
STEADY = f"keeping the speed because {_WHY[Reason.CRUISE]}."
"""How the sentence of the dullest moments ends."""

TASKS: Mapping[Command, str] = {
    Command.LANE_FOLLOW: "follow the lane",
    Command.LEFT: "turn left at the next junction",
    Command.RIGHT: "turn right at the next junction",
    Command.STRAIGHT: "go straight on at the next junction",
    Command.CHANGE_LANE_LEFT: "change to the lane on the left",
    Command.CHANGE_LANE_RIGHT: "change to the lane on the right",
}
"""What the route asks for, as a data set's task."""


def sentence(reason: Reason, command: Command, speed_mps: float, acceleration_mps2: float) -> str:
    """Say what the car does and why.

    Args:
        reason: the rule that bounded the acceleration.
        command: of the route here or shortly ahead.
        speed_mps: now.
        acceleration_mps2: wanted.
    """
    return f"{_WHERE[command]}, {_what(speed_mps, acceleration_mps2)} because {_WHY[reason]}."


def _what(speed_mps: float, acceleration_mps2: float) -> str:
    if speed_mps < _STANDS_MPS:
        return "setting off" if acceleration_mps2 > 0.0 else "waiting"
    if acceleration_mps2 > _STEADY_MPS2:
        return "speeding up"
    return "slowing down" if acceleration_mps2 < -_STEADY_MPS2 else "keeping the speed"
