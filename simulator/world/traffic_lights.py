"""Traffic lights: the cycle of each junction, and which vehicles stand in a light's trigger volume.

As in CARLA, the controllers of a junction take turns: green, yellow, red, and only then the next controller,
so that the red time is a phase in which the whole junction is red. Also as in CARLA, each tick compares how
long the phase has lasted with the phase's time as it is then: new times hold for the running phase too, and
given less than it has lasted, it ends with the next tick. Scenarios hold a junction by giving it 10000 s, and
let it go on by giving the old times back.
"""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

from simulator.wire.layouts import TrafficLightState
from simulator.world.actors import ActorKind
from simulator.world.landmarks import LINE_SLACK_M, LightGroupPlan, SignalPlan

GREEN_S, YELLOW_S, RED_S = 10.0, 3.0, 2.0
"""CARLA's defaults."""

LIGHT = np.dtype(
    [
        ("actor_id", "i8"),
        ("group", "i8"),
        ("controller", "i8"),  # over all groups
        ("state", "i8"),  # TrafficLightState
        ("elapsed_s", "f8"),  # of the phase of its controller, 0 while it is another's turn
        # trigger volume: centre, direction of travel, half sizes
        ("x", "f8"),
        ("y", "f8"),
        ("z", "f8"),
        ("travel_cos", "f8"),
        ("travel_sin", "f8"),
        ("half_across", "f8"),
        ("half_along", "f8"),
        ("half_height", "f8"),
        ("to_line", "f8"),  # from the centre on to the stop line
    ]
)
"""One traffic light."""

CONTROLLER = np.dtype([("green_s", "f8"), ("yellow_s", "f8"), ("red_s", "f8")])
"""Times of the lights that are green together."""

GROUP = np.dtype(
    [
        ("first", "i8"),  # controller
        ("count", "i8"),
        ("turn", "i8"),  # which of its controllers, from 0
        ("phase", "i8"),  # TrafficLightState of that controller's cycle
        ("elapsed_s", "f8"),  # of the phase
        ("frozen", "i8"),
    ]
)
"""One junction."""

_RED = int(TrafficLightState.RED)
_YELLOW = int(TrafficLightState.YELLOW)
_GREEN = int(TrafficLightState.GREEN)
_VEHICLE = int(ActorKind.VEHICLE)
_BRAKES_MPS2 = 6.0  # what a driver reckons with who sees the light turn yellow
_EPSILON_S = 1e-9  # phases are whole numbers of ticks as a rule; sums of floats are not


class TrafficLights:
    """All lights of a world."""

    def __init__(
        self, plans: tuple[SignalPlan, ...], groups: tuple[LightGroupPlan, ...], first_id: int
    ) -> None:
        """Start every junction with its first controller green.

        Args:
            plans: the lights; their actors are numbered from `first_id` in this order.
            groups: controllers over `plans`.
            first_id: actor id of the first light.
        """
        self.lights = np.zeros(len(plans), LIGHT)
        self.lights["actor_id"] = np.arange(first_id, first_id + len(plans))
        for light, plan in zip(self.lights, plans, strict=True):
            _place(light, plan)
        controllers = [members for group in groups for members in group.controllers]
        self.controllers = np.zeros(len(controllers), CONTROLLER)
        self.controllers["green_s"], self.controllers["yellow_s"] = GREEN_S, YELLOW_S
        self.controllers["red_s"] = RED_S
        self.groups = np.zeros(len(groups), GROUP)
        first = 0
        for number, group in enumerate(groups):
            self.groups[number]["first"], self.groups[number]["count"] = first, len(group.controllers)
            for controller, members in enumerate(group.controllers, start=first):
                self.lights["group"][list(members)] = number
                self.lights["controller"][list(members)] = controller
            first += len(group.controllers)
        self._first_id = first_id
        self.reset_all()

    def advance(self, dt_s: float) -> None:
        """Let `dt_s` pass."""
        _advance(self.lights, self.controllers, self.groups, float(dt_s))

    def mark_vehicles(self, bodies: NDArray[np.void]) -> None:
        """Tell every vehicle the red or yellow light that it is at: in its trigger volume, heading its way.

        As in CARLA, a light counts from the entry into its volume if it is not green then, until it turns
        green. CARLA never tells those who entered at green that it has changed; here they are told while
        their front is before the stop line, of yellow only where they can still stop, so that queues obey.
        Nor does CARLA notice that a vehicle has left the volume; here it is at no light then.
        """
        _mark(self.lights, bodies)

    def index(self, actor_id: int) -> int:
        """Row of a light in `lights`."""
        return actor_id - self._first_id

    def set_state(self, actor_id: int, state: int) -> None:
        """Show a state until the cycle changes it; freeze the lights to keep it."""
        self.lights["state"][self.index(actor_id)] = int(state)

    def set_times(
        self, actor_id: int, *, green_s: float | None, yellow_s: float | None, red_s: float | None
    ) -> None:
        """Change the times of the light's controller, its running phase included."""
        controller = self.controllers[self.lights["controller"][self.index(actor_id)]]
        for name, value in (("green_s", green_s), ("yellow_s", yellow_s), ("red_s", red_s)):
            if value is not None:
                controller[name] = max(float(value), 0.0)

    def freeze(self, actor_id: int, frozen: bool) -> None:
        """Stop or continue the cycle of the light's junction."""
        self.groups["frozen"][self.lights["group"][self.index(actor_id)]] = int(frozen)

    def freeze_all(self, frozen: bool) -> None:
        """Stop or continue every cycle."""
        self.groups["frozen"] = int(frozen)

    def reset_group(self, actor_id: int) -> None:
        """Begin the cycle of the light's junction anew."""
        self._reset(int(self.lights["group"][self.index(actor_id)]))

    def reset_all(self) -> None:
        """Begin every cycle anew."""
        for number in range(len(self.groups)):
            self._reset(number)

    def members(self, actor_id: int) -> tuple[int, ...]:
        """Actor ids of the lights of the same junction, in the order of their controllers."""
        same = self.lights[self.lights["group"] == self.lights["group"][self.index(actor_id)]]
        return tuple(int(i) for i in same["actor_id"])

    def _reset(self, number: int) -> None:
        group = self.groups[number]
        group["turn"], group["phase"] = 0, _GREEN
        group["elapsed_s"] = 0.0
        mine = self.lights["group"] == number
        self.lights["state"][mine] = _RED
        self.lights["state"][mine & (self.lights["controller"] == group["first"])] = _GREEN
        self.lights["elapsed_s"][mine] = 0.0


def _place(light: np.void, plan: SignalPlan) -> None:
    x, y, z, _, yaw_deg, _ = plan.transform
    c, s = math.cos(math.radians(yaw_deg)), math.sin(math.radians(yaw_deg))
    center, extent = plan.box.center, plan.box.extent
    light["x"] = x + c * center[0] - s * center[1]
    light["y"] = y + s * center[0] + c * center[1]
    light["z"] = z + center[2]
    light["travel_cos"], light["travel_sin"] = s, -c  # the local x axis is right of the direction of travel
    light["half_across"], light["half_along"], light["half_height"] = extent
    light["to_line"] = plan.to_line_m


@numba.njit(cache=True, fastmath=False)
def _advance(lights, controllers, groups, dt_s):  # type: ignore[no-untyped-def]
    for g in range(groups.shape[0]):
        group = groups[g]
        if group.frozen == 1:
            continue
        group.elapsed_s += dt_s
        number = group.first + group.turn
        time_s = controllers[number].red_s
        if group.phase == _GREEN:
            time_s = controllers[number].green_s
        elif group.phase == _YELLOW:
            time_s = controllers[number].yellow_s
        ends = group.elapsed_s > time_s - _EPSILON_S
        if ends:
            group.elapsed_s = 0.0
            if group.phase == _GREEN:
                group.phase = _YELLOW
            elif group.phase == _YELLOW:
                group.phase = _RED
            else:
                group.turn = (group.turn + 1) % group.count
                group.phase = _GREEN
        for i in range(lights.shape[0]):
            if lights[i].controller == number:
                lights[i].elapsed_s = group.elapsed_s
            if ends and lights[i].controller == group.first + group.turn:
                lights[i].state = group.phase


@numba.njit(cache=True, fastmath=False)
def _mark(lights, bodies):  # type: ignore[no-untyped-def]
    for i in range(bodies.shape[0]):
        body = bodies[i]
        if body.kind != _VEHICLE:
            continue
        row = _light_around(lights, body)
        entered = row >= 0 and lights[row].actor_id != body.in_light_id
        body.in_light_id = lights[row].actor_id if row >= 0 else 0
        state = lights[row].state if row >= 0 else _GREEN
        told = row >= 0 and (entered or body.light_id == lights[row].actor_id)
        waits = state in (_RED, _YELLOW)
        holds = waits and (told or _can_stop(body, lights[row]))
        body.light_id = lights[row].actor_id if holds else 0
        body.light_state = state if holds or entered else _GREEN


@numba.njit(cache=True, fastmath=False)
def _light_around(lights, body):  # type: ignore[no-untyped-def]
    """Row of the first light whose trigger volume a vehicle touches, -1 for none."""
    for k in range(lights.shape[0]):
        light = lights[k]
        dx, dy = body.x - light.x, body.y - light.y
        reach = light.half_across + light.half_along + body.extent_x + body.extent_y
        if abs(dx) > reach or abs(dy) > reach or abs(body.z - light.z) > light.half_height + 1.0:
            continue
        if light.half_across > 0.0 and _touches(body, light):
            return k
    return -1


@numba.njit(cache=True, fastmath=False)
def _can_stop(body, light):  # type: ignore[no-untyped-def]
    """Whether a vehicle's front is before the stop line; at yellow, far enough to stop there."""
    c, s = math.cos(body.yaw), math.sin(body.yaw)
    front = body.box_x + body.extent_x
    dx, dy = body.x + c * front - light.x, body.y + s * front - light.y
    room = light.to_line - dx * light.travel_cos - dy * light.travel_sin
    needed = (body.vx * body.vx + body.vy * body.vy) / (2.0 * _BRAKES_MPS2) + LINE_SLACK_M
    return room > (needed if light.state == _YELLOW else 0.0)


@numba.njit(cache=True, fastmath=False)
def _touches(body, light):  # type: ignore[no-untyped-def]
    """Whether a vehicle's box meets the trigger volume while it heads the light's way."""
    c, s = math.cos(body.yaw), math.sin(body.yaw)
    facing = c * light.travel_cos + s * light.travel_sin
    if facing <= 0.0:
        return False
    turned = abs(c * light.travel_sin - s * light.travel_cos)
    dx = body.x + c * body.box_x - s * body.box_y - light.x
    dy = body.y + s * body.box_x + c * body.box_y - light.y
    along = abs(dx * light.travel_cos + dy * light.travel_sin)
    across = abs(-dx * light.travel_sin + dy * light.travel_cos)
    if along > light.half_along + body.extent_x * facing + body.extent_y * turned:
        return False
    # Across, the middle of the vehicle counts: a car in the next lane is not at this light.
    return across <= light.half_across
