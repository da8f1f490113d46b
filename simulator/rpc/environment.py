"""Methods about weather, traffic lights, and what is drawn."""

from __future__ import annotations

from simulator.actor_records import box_to_wire
from simulator.rpc.table import Method, constant, value, void
from simulator.simulation import Simulation
from simulator.wire.arguments import BadArgumentError, array, flag, number, unsigned
from simulator.wire.layouts import TrafficLightState
from simulator.wire.rpc import Value

WEATHER_FIELDS = 14


def weather(wire: Value) -> list[float]:
    """The 14 weather parameters.

    Raises:
        BadArgumentError: wrong types.
    """
    return [number(field) for field in array(wire, WEATHER_FIELDS)[:WEATHER_FIELDS]]


def light_state(wire: Value) -> int:
    """A `TrafficLightState`.

    Raises:
        BadArgumentError: no such state.
    """
    state = unsigned(wire)
    if state > TrafficLightState.UNKNOWN:
        raise BadArgumentError(f"{state} is no traffic light state")
    return state


def get_weather_parameters(simulation: Simulation) -> list[float]:
    """The weather."""
    return simulation.world.weather


def set_weather_parameters(simulation: Simulation, parameters: list[float]) -> None:
    """Change it."""
    simulation.world.set_weather(parameters)


def set_traffic_light_state(simulation: Simulation, actor_id: int, state: int) -> None:
    """Switch a light; its cycle goes on from there."""
    simulation.world.signals.set_state(actor_id, state)


def set_traffic_light_green_time(simulation: Simulation, actor_id: int, duration_s: float) -> None:
    """How long it stays green."""
    simulation.world.signals.set_times(actor_id, green_s=duration_s)


def set_traffic_light_yellow_time(simulation: Simulation, actor_id: int, duration_s: float) -> None:
    """How long it stays yellow."""
    simulation.world.signals.set_times(actor_id, yellow_s=duration_s)


def set_traffic_light_red_time(simulation: Simulation, actor_id: int, duration_s: float) -> None:
    """How long it stays red."""
    simulation.world.signals.set_times(actor_id, red_s=duration_s)


def freeze_traffic_light(simulation: Simulation, actor_id: int, frozen: bool) -> None:
    """Stop or start one light's clock."""
    simulation.world.signals.freeze(actor_id, frozen)


def freeze_all_traffic_lights(simulation: Simulation, frozen: bool) -> None:
    """Stop or start all of them; the 0.9.16 client sends this for a single light too."""
    simulation.world.signals.freeze_all(frozen)


def reset_traffic_light_group(simulation: Simulation, actor_id: int) -> None:
    """Begin the cycle of a light's group anew."""
    simulation.world.signals.reset_group(actor_id)


def reset_all_traffic_lights(simulation: Simulation) -> None:
    """Begin every cycle anew."""
    simulation.world.signals.reset_all()


def get_group_traffic_lights(simulation: Simulation, actor_id: int) -> list[int]:
    """Lights that take turns with this one, itself among them."""
    return list(simulation.world.signals.group_of(actor_id))


def get_light_boxes(simulation: Simulation, actor_id: int) -> list[object]:
    """Boxes of a light's heads in the world."""
    return [box_to_wire(box, actor_id) for box in simulation.world.signals.boxes(actor_id)]


def get_imui_gravity(simulation: Simulation) -> float:
    """The gravity that was set for IMUs, m/s²."""
    return simulation.imui_gravity


def set_imui_gravity(simulation: Simulation, gravity: float) -> None:
    """Keep it."""
    simulation.imui_gravity = gravity


METHODS: tuple[Method, ...] = (
    value("get_weather_parameters", get_weather_parameters),
    void("set_weather_parameters", set_weather_parameters, weather),
    void("set_traffic_light_state", set_traffic_light_state, unsigned, light_state),
    void("set_traffic_light_green_time", set_traffic_light_green_time, unsigned, number),
    void("set_traffic_light_yellow_time", set_traffic_light_yellow_time, unsigned, number),
    void("set_traffic_light_red_time", set_traffic_light_red_time, unsigned, number),
    void("freeze_traffic_light", freeze_traffic_light, unsigned, flag),
    void("freeze_all_traffic_lights", freeze_all_traffic_lights, flag),
    void("reset_traffic_light_group", reset_traffic_light_group, unsigned),
    void("reset_all_traffic_lights", reset_all_traffic_lights),
    value("get_group_traffic_lights", get_group_traffic_lights, unsigned),
    value("get_light_boxes", get_light_boxes, unsigned),
    value("get_imui_gravity", get_imui_gravity),
    void("set_imui_gravity", set_imui_gravity, number, note="kept; the IMU knows no other gravity"),
    constant("console_command", False, "there is no console: no command is recognised"),
)
