"""Traffic lights: the cycle, the groups, what clients can change, and which vehicles are told."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from simulator.wire.layouts import LIGHT_UNION, VEHICLE_UNION, TrafficLightState
from simulator.world.actors import Actor, ActorKind
from simulator.world.errors import WrongActorKindError
from simulator.world.town import Town
from simulator.world.world import World

RED, YELLOW, GREEN = TrafficLightState.RED, TrafficLightState.YELLOW, TrafficLightState.GREEN
DT_S = 0.5


@pytest.fixture
def world() -> World:
    return World(Town.load("Town01"), seed=0)


def lights(world: World) -> list[Actor]:
    return [actor for actor in world.actors.values() if actor.kind is ActorKind.TRAFFIC_LIGHT]


def light(world: World, actor: Actor) -> np.void:
    row: np.void = world.states["u"].view(LIGHT_UNION)[actor.row, 0]
    return row


def shown(world: World, actor_id: int) -> int:
    return int(light(world, world.actor(actor_id))["state"])


def test_one_controller_is_green_in_each_junction_at_the_start(world: World) -> None:
    groups = {world.signals.group_of(actor.id) for actor in lights(world)}
    assert Counter(len(group) for group in groups) == {3: 12}
    for group in groups:
        assert [shown(world, i) for i in group] == [GREEN, RED, RED]


def test_controllers_take_turns_green_ten_yellow_three_all_red_two(world: World) -> None:
    group = world.signals.group_of(lights(world)[0].id)
    seen = []
    for _ in range(round(45.0 / DT_S)):
        world.tick(DT_S)
        seen.append(tuple(shown(world, i) for i in group))
    expected = []
    for turn in range(3):
        for state, seconds in ((GREEN, 10.0), (YELLOW, 3.0), (RED, 2.0)):
            phase = [RED, RED, RED]
            phase[turn] = state
            expected += [tuple(phase)] * round(seconds / DT_S)
    assert seen == expected[1:] + expected[:1]


def test_never_two_controllers_may_go(world: World) -> None:
    groups = {world.signals.group_of(actor.id) for actor in lights(world)}
    for _ in range(200):
        world.tick(0.25)
        for group in groups:
            assert sum(shown(world, i) != RED for i in group) <= 1


def test_elapsed_time_counts_from_the_change(world: World) -> None:
    actor = lights(world)[0]
    for _ in range(5):
        world.tick(DT_S)
    assert light(world, actor)["elapsed_time"] == pytest.approx(2.5)
    for _ in range(16):
        world.tick(DT_S)
    assert shown(world, actor.id) == YELLOW
    assert light(world, actor)["elapsed_time"] == pytest.approx(0.5)


def test_a_frozen_light_stops_its_junction_only(world: World) -> None:
    first, other = lights(world)[0], lights(world)[3]
    world.signals.freeze(first.id, True)
    assert light(world, first)["time_is_frozen"] == 1
    assert light(world, other)["time_is_frozen"] == 0
    for _ in range(round(11.0 / DT_S)):
        world.tick(DT_S)
    assert shown(world, first.id) == GREEN
    assert shown(world, other.id) == YELLOW
    world.signals.freeze(first.id, False)
    for _ in range(round(11.0 / DT_S)):
        world.tick(DT_S)
    assert shown(world, first.id) == YELLOW


def test_freezing_all_and_setting_keeps_what_was_set(world: World) -> None:
    world.signals.freeze_all(True)
    for actor in lights(world):
        world.signals.set_state(actor.id, GREEN)
    for _ in range(100):
        world.tick(DT_S)
    assert {shown(world, actor.id) for actor in lights(world)} == {GREEN}
    world.signals.reset_all()
    world.signals.freeze_all(False)
    assert Counter(shown(world, actor.id) for actor in lights(world)) == {GREEN: 12, RED: 24}


def test_times_can_be_changed_and_are_told(world: World) -> None:
    actor = lights(world)[0]
    world.signals.set_times(actor.id, green_s=4.0, yellow_s=1.0, red_s=1.0)
    assert [light(world, actor)[f"{color}_time"] for color in ("green", "yellow", "red")] == [4.0, 1.0, 1.0]
    world.signals.reset_group(actor.id)
    seen = []
    for _ in range(6):
        world.tick(1.0)
        seen.append(shown(world, actor.id))
    assert seen == [GREEN, GREEN, GREEN, YELLOW, RED, RED]
    assert shown(world, world.signals.group_of(actor.id)[1]) == GREEN


def test_new_times_hold_for_the_running_phase(world: World) -> None:
    actor = lights(world)[0]
    for _ in range(8):
        world.tick(0.5)
    world.signals.set_times(actor.id, green_s=6.0)
    for _ in range(3):
        world.tick(0.5)
    assert shown(world, actor.id) == GREEN
    world.tick(0.5)
    assert shown(world, actor.id) == YELLOW


def test_a_junction_held_by_endless_times_goes_on_when_the_old_ones_come_back(world: World) -> None:
    """As scenarios do it: the phase that began in between must not stay for ever."""
    group = world.signals.group_of(lights(world)[0].id)
    for actor_id in group:
        world.signals.set_times(actor_id, green_s=1e4, yellow_s=1e4, red_s=1e4)
    for _ in range(40):
        world.tick(1.0)
    assert [shown(world, i) for i in group] == [GREEN, RED, RED]
    for actor_id in group:
        world.signals.set_times(actor_id, green_s=10.0, yellow_s=3.0, red_s=2.0)
    world.tick(1.0)
    assert [shown(world, i) for i in group] == [YELLOW, RED, RED]


def test_waiting_and_frozen_lights_count_no_time(world: World) -> None:
    group = [world.actor(i) for i in world.signals.group_of(lights(world)[0].id)]
    world.tick(DT_S)
    assert [light(world, one)["elapsed_time"] for one in group] == [DT_S, 0.0, 0.0]
    world.signals.freeze(group[0].id, True)
    world.signals.set_state(group[0].id, RED)
    world.tick(DT_S)
    assert [light(world, one)["elapsed_time"] for one in group] == [DT_S, 0.0, 0.0]


def test_rows_carry_the_opendrive_id(world: World) -> None:
    for actor in lights(world):
        assert light(world, actor)["sign_id"].decode() == actor.opendrive_id


def test_other_actors_are_no_lights(world: World) -> None:
    with pytest.raises(WrongActorKindError, match="not a traffic light"):
        world.signals.group_of(world.spectator_id)


def place_on(
    world: World, actor: Actor, forward_m: float, across_m: float = 0.0, turn_deg: float = 0.0
) -> Actor:
    """A car whose middle is so far ahead of the trigger volume's, in the direction of travel."""
    x, y, _, _, yaw_deg, _ = world.transform(actor.id)
    c, s = math.cos(math.radians(yaw_deg)), math.sin(math.radians(yaw_deg))
    local_x, local_y = actor.box.center[0] + across_m, actor.box.center[1] - forward_m
    pose = (
        x + c * local_x - s * local_y,
        y + s * local_x + c * local_y,
        0.0,
        0.0,
        yaw_deg - 90.0 + turn_deg,
        0.0,
    )
    car = world.spawn(world.library["vehicle.audi.tt"], (), pose)
    world.tick(0.05)
    return car


def told(world: World, car: Actor) -> tuple[bool, int, int]:
    vehicle = world.states["u"].view(VEHICLE_UNION)[car.row, 0]
    return (
        bool(vehicle["has_traffic_light"]),
        int(vehicle["traffic_light_id"]),
        int(vehicle["traffic_light_state"]),
    )


def show(world: World, actor: Actor, state: TrafficLightState) -> None:
    world.signals.freeze_all(True)
    world.signals.set_state(actor.id, state)
    world.tick(0.05)


@pytest.mark.parametrize("index", range(0, 36, 5))
def test_a_vehicle_that_enters_the_trigger_volume_at_red_is_told_until_green(
    world: World, index: int
) -> None:
    actor = lights(world)[index]
    show(world, actor, RED)
    car = place_on(world, actor, -2.0)
    assert told(world, car) == (True, actor.id, RED)
    show(world, actor, YELLOW)
    assert told(world, car) == (True, actor.id, YELLOW)
    show(world, actor, GREEN)
    assert told(world, car) == (False, 0, GREEN)


def test_a_queue_that_entered_at_green_is_told_when_the_light_changes(world: World) -> None:
    actor = lights(world)[0]
    show(world, actor, GREEN)
    car = place_on(world, actor, -2.0)
    assert told(world, car) == (False, 0, GREEN)
    show(world, actor, YELLOW)
    assert told(world, car) == (True, actor.id, YELLOW)


def test_who_cannot_stop_at_yellow_is_told_at_red_only(world: World) -> None:
    actor = lights(world)[0]
    show(world, actor, GREEN)
    car = place_on(world, actor, -2.0)
    yaw = math.radians(world.transform(car.id)[4])
    world.set_simulate_physics(car.id, False)
    world.set_target_velocity(car.id, (8.0 * math.cos(yaw), 8.0 * math.sin(yaw), 0.0))
    show(world, actor, YELLOW)
    assert told(world, car) == (False, 0, GREEN)
    show(world, actor, RED)
    assert told(world, car) == (True, actor.id, RED)


def test_who_has_passed_the_line_drives_on_at_red(world: World) -> None:
    actor = lights(world)[0]
    show(world, actor, GREEN)
    car = place_on(world, actor, 2.0)
    show(world, actor, RED)
    assert told(world, car) == (False, 0, GREEN)


def test_who_leaves_the_trigger_volume_is_at_no_light(world: World) -> None:
    actor = lights(world)[0]
    show(world, actor, RED)
    car = place_on(world, actor, -2.0)
    x, y, z, pitch, yaw, roll = world.transform(car.id)
    ahead = 15.0 * math.cos(math.radians(yaw)), 15.0 * math.sin(math.radians(yaw))
    world.set_transform(car.id, (x + ahead[0], y + ahead[1], z, pitch, yaw, roll))
    world.tick(0.05)
    assert told(world, car) == (False, 0, GREEN)


@pytest.mark.parametrize(
    ("forward_m", "across_m", "turn_deg"),
    [(-12.0, 0.0, 0.0), (12.0, 0.0, 0.0), (0.0, -4.0, 0.0), (0.0, 0.0, 180.0)],
)
def test_a_vehicle_elsewhere_or_the_other_way_round_is_not(
    world: World, forward_m: float, across_m: float, turn_deg: float
) -> None:
    show(world, lights(world)[0], RED)
    car = place_on(world, lights(world)[0], forward_m, across_m, turn_deg)
    assert told(world, car) == (False, 0, GREEN)
