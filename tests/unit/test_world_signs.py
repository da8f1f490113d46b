"""Stop and yield signs: whom they tell to wait, for how long, and what they look at."""

from __future__ import annotations

import math

import numpy as np
import pytest

from simulator.wire.layouts import VEHICLE_UNION, TrafficLightState
from simulator.world.actors import Actor
from simulator.world.sign_signals import STANDS_S, STOP_S
from simulator.world.town import Town
from simulator.world.world import World

RED, GREEN = TrafficLightState.RED, TrafficLightState.GREEN
DT_S = 0.1
CAR = "vehicle.tesla.model3"


@pytest.fixture
def world() -> World:
    return World(Town.load("Town07"), seed=0)


def sign(world: World, *, stops: bool) -> np.void:
    """The first sign of a kind."""
    signs = world.level.signs.signs
    row: np.void = signs[np.flatnonzero(signs["stops"] == stops)[0]]
    return row


def put(world: World, x: float, y: float, z: float, yaw_deg: float, blueprint: str = CAR) -> Actor:
    """Spawn what stays where it is put."""
    actor = world.spawn(world.library[blueprint], (), (x, y, z, 0.0, yaw_deg, 0.0))
    world.set_simulate_physics(actor.id, False)
    return actor


def waiting(world: World, at: np.void, *, turned_deg: float = 0.0) -> Actor:
    """A car in the middle of a sign's volume."""
    yaw_deg = math.degrees(math.atan2(at["travel_sin"], at["travel_cos"])) + turned_deg
    return put(world, float(at["x"]), float(at["y"]), float(at["z"]), yaw_deg)


def crossing(world: World, at: np.void, blueprint: str = CAR) -> Actor:
    """An actor on the watched square that is farthest from the sign."""
    squares = world.level.signs.squares[at["first"] : at["end"]]
    far = squares[np.argmax(np.hypot(squares["x"] - at["x"], squares["y"] - at["y"]))]
    yaw_deg = math.degrees(math.atan2(far["sin"], far["cos"]))
    return put(world, float(far["x"]), float(far["y"]), float(far["z"]) + 0.5, yaw_deg, blueprint)


def told(world: World, actor: Actor) -> tuple[int, int, int]:
    """Light state, whether a light is named, and its id, as the snapshot tells them."""
    row = world.states["u"].view(VEHICLE_UNION)[world.actor(actor.id).row, 0]
    return int(row["traffic_light_state"]), int(row["has_traffic_light"]), int(row["traffic_light_id"])


def run(world: World, seconds: float) -> None:
    for _ in range(round(seconds / DT_S)):
        world.tick(DT_S)


def test_only_towns_with_signs_have_any() -> None:
    counts = {n: len(World(Town.load(n), 0).level.signs.signs) for n in ("Town01", "Town07", "Town10HD")}
    assert counts == {"Town01": 0, "Town07": 39, "Town10HD": 4}


def test_every_sign_watches_lanes_but_not_its_own_approach(world: World) -> None:
    level = world.level.signs
    for one in level.signs:
        squares = level.squares[one["first"] : one["end"]]
        assert len(squares) >= 10
        ahead = (squares["x"] - one["x"]) * one["travel_cos"] + (squares["y"] - one["y"]) * one["travel_sin"]
        aside = (squares["y"] - one["y"]) * one["travel_cos"] - (squares["x"] - one["x"]) * one["travel_sin"]
        same_way = squares["cos"] * one["travel_cos"] + squares["sin"] * one["travel_sin"] > 0.9
        assert not np.any(same_way & (np.abs(aside) < 1.0) & (ahead < -4.0))


def test_a_stop_sign_tells_red_for_two_seconds_without_a_light(world: World) -> None:
    car = waiting(world, sign(world, stops=True))
    run(world, STOP_S)
    assert told(world, car) == (RED, 0, 0)
    run(world, 2 * DT_S)
    assert told(world, car) == (GREEN, 0, 0)


def test_a_yield_sign_tells_nothing_on_a_free_road(world: World) -> None:
    car = waiting(world, sign(world, stops=False))
    for _ in range(30):
        world.tick(DT_S)
        assert told(world, car) == (GREEN, 0, 0)


@pytest.mark.parametrize("stops", [True, False])
def test_one_waits_while_another_vehicle_crosses(world: World, stops: bool) -> None:
    at = sign(world, stops=stops)
    car, other = waiting(world, at), crossing(world, at)
    run(world, STANDS_S - 2 * DT_S)
    assert told(world, car)[0] == RED
    world.destroy(other.id)
    run(world, DT_S)
    assert told(world, car)[0] == GREEN


def test_who_stands_in_the_junction_holds_nobody_up_for_long(world: World) -> None:
    at = sign(world, stops=False)
    car, other = waiting(world, at), crossing(world, at)
    run(world, STANDS_S + DT_S)
    assert told(world, car)[0] == GREEN
    world.set_target_velocity(other.id, (1.0, 0.0, 0.0))
    run(world, 2 * DT_S)
    assert told(world, car)[0] == RED


def test_people_do_not_count_as_crossing_traffic(world: World) -> None:
    at = sign(world, stops=False)
    car = waiting(world, at)
    crossing(world, at, "walker.pedestrian.0001")
    run(world, 1.0)
    assert told(world, car)[0] == GREEN


def test_two_at_the_same_sign_do_not_wait_for_each_other(world: World) -> None:
    at = sign(world, stops=False)
    car = waiting(world, at)
    yaw_deg = math.degrees(math.atan2(at["travel_sin"], at["travel_cos"]))
    x, y = (float(at[axis] - 5.5 * at[f"travel_{turn}"]) for axis, turn in (("x", "cos"), ("y", "sin")))
    put(world, x, y, float(at["z"]), yaw_deg)
    run(world, 1.0)
    assert told(world, car)[0] == GREEN


def test_who_comes_the_other_way_is_not_told(world: World) -> None:
    car = waiting(world, sign(world, stops=True), turned_deg=180.0)
    run(world, 1.0)
    assert told(world, car)[0] == GREEN


def test_who_leaves_the_volume_is_free_and_must_stop_anew(world: World) -> None:
    car = waiting(world, sign(world, stops=True))
    run(world, STOP_S + 1.0)
    place = world.transform(car.id)
    world.set_location(car.id, (place[0] + 100.0, place[1], place[2]))
    run(world, DT_S)
    assert told(world, car)[0] == GREEN
    world.set_location(car.id, place[:3])
    run(world, DT_S)
    assert told(world, car)[0] == RED


def test_a_traffic_light_counts_more_than_a_sign(world: World) -> None:
    at = sign(world, stops=True)
    car = waiting(world, at)
    lights = world.level.lights.lights
    world.signals.freeze_all(True)
    lights[0]["state"] = GREEN
    for name in ("x", "y", "z", "travel_cos", "travel_sin"):
        lights[0][name] = at[name]
    run(world, 1.0)
    assert told(world, car) == (GREEN, 0, 0)
