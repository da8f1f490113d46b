"""Collisions: momentum, energy and separation for arbitrary encounters, and who is told what."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from simulator.world.actors import Actor, ActorKind, Box
from simulator.world.bodies import BODY, new_body
from simulator.world.collisions import LYING_S, PAIR, near_pairs, resolve, static_grid
from simulator.world.town import Town
from simulator.world.world import World

DT_S = 0.05
NO_POLES = static_grid(np.zeros(0, BODY))

speeds = st.floats(-30.0, 30.0)
angles = st.floats(-180.0, 180.0)
masses = st.floats(500.0, 15000.0)


@st.composite
def bodies(draw: st.DrawFn) -> NDArray[np.void]:
    """A vehicle somewhere within 4 m of the origin."""
    extent = (draw(st.floats(0.8, 5.0)), draw(st.floats(0.4, 1.5)), 0.8)
    pose = (draw(st.floats(-4.0, 4.0)), draw(st.floats(-4.0, 4.0)), 0.0, 0.0, draw(angles), 0.0)
    table = new_body(ActorKind.VEHICLE, Box((draw(st.floats(-0.3, 0.3)), 0.0, 0.8), extent), pose)
    body = table[0]
    body["vx"], body["vy"], body["yaw_rate"] = draw(speeds), draw(speeds), draw(st.floats(-3.0, 3.0))
    body["mass_kg"] = draw(masses)
    body["inertia"] = body["mass_kg"] * (extent[0] ** 2 + extent[1] ** 2) / 3.0
    body["com_x"] = draw(st.floats(-0.3, 0.3))
    return table


def energy(table: NDArray[np.void]) -> float:
    linear = table["mass_kg"] * (table["vx"] ** 2 + table["vy"] ** 2)
    return float(np.sum(linear + table["inertia"] * table["yaw_rate"] ** 2) / 2.0)


def momentum(table: NDArray[np.void]) -> NDArray[np.float64]:
    return np.array([(table["mass_kg"] * table["vx"]).sum(), (table["mass_kg"] * table["vy"]).sum()])


def angular_momentum(table: NDArray[np.void]) -> float:
    x = table["x"] + table["com_x"] * np.cos(table["yaw"])
    y = table["y"] + table["com_x"] * np.sin(table["yaw"])
    orbital = table["mass_kg"] * (x * table["vy"] - y * table["vx"])
    return float(np.sum(orbital + table["inertia"] * table["yaw_rate"]))


@settings(max_examples=300)
@given(st.lists(bodies(), min_size=2, max_size=4))
def test_impulses_keep_momentum_and_never_add_energy(drawn: list[NDArray[np.void]]) -> None:
    table = np.concatenate(drawn)
    room = np.zeros(16, PAIR)
    pairs = room[: near_pairs(table, NO_POLES, DT_S, room)]
    before, spin, joules = momentum(table), angular_momentum(table), energy(table)
    places = table[["x", "y"]].copy()
    resolve(table, NO_POLES, pairs)
    moved = table[["x", "y"]].copy()
    table["x"], table["y"] = places["x"], places["y"]  # pushing apart is no part of the impulse
    scale = float(np.sum(table["mass_kg"])) * 30.0
    assert np.allclose(momentum(table), before, atol=1e-9 * scale)
    assert angular_momentum(table) == pytest.approx(spin, abs=1e-8 * scale)
    assert energy(table) <= joules * (1.0 + 1e-12)
    if not (pairs["touched"] == 1).any():
        assert moved.tolist() == places.tolist()


@settings(max_examples=100)
@given(bodies(), bodies())
def test_overlapping_bodies_drift_apart_and_stay_apart(a: NDArray[np.void], b: NDArray[np.void]) -> None:
    table = np.concatenate([a, b])
    table["vx"] = table["vy"] = table["yaw_rate"] = 0.0
    room = np.zeros(4, PAIR)
    for _ in range(60):
        pairs = room[: near_pairs(table, NO_POLES, DT_S, room)]
        resolve(table, NO_POLES, pairs)
    touched_at_first = (pairs["touched"] == 1).any()
    distance = math.dist((table["x"][0], table["y"][0]), (table["x"][1], table["y"][1]))
    for _ in range(10):
        resolve(table, NO_POLES, pairs)
    later = math.dist((table["x"][0], table["y"][0]), (table["x"][1], table["y"][1]))
    assert abs(later - distance) < 1e-3, touched_at_first
    assert energy(table) == 0.0


def empty_world() -> World:
    return World(Town.load("Town01"), seed=0)


def spawn(
    world: World, x: float, y: float = 0.0, yaw: float = 0.0, model: str = "vehicle.tesla.model3"
) -> Actor:
    z = 1.0 if model.startswith("walker") else 0.0
    return world.spawn(world.library[model], (), (5000.0 + x, y, z, 0.0, yaw, 0.0))


@settings(max_examples=25)
@given(speed=st.floats(5.0, 35.0), side=st.floats(-1.5, 1.5), yaw=st.floats(-90.0, 90.0))
def test_a_car_does_not_pass_through_another(speed: float, side: float, yaw: float) -> None:
    world = empty_world()
    hitter, hit = spawn(world, -7.0), spawn(world, 0.0, side, yaw)
    world.tick(DT_S)
    world.set_target_velocity(hitter.id, (speed, 0.0, 0.0))
    told = []
    for _ in range(60):
        told += list(world.tick(DT_S))
        gap = overlap_m(world, hitter, hit)
        assert gap < 0.35
    assert {(c.actor_id, c.other_id) for c in told} == {(hitter.id, hit.id), (hit.id, hitter.id)}
    assert overlap_m(world, hitter, hit) < 0.02
    first = next(c for c in told if c.actor_id == hitter.id)
    other = next(c for c in told if c.actor_id == hit.id)
    assert first.normal_impulse[0] < 0.0 < other.normal_impulse[0]
    assert np.allclose(first.normal_impulse, -np.array(other.normal_impulse))


def overlap_m(world: World, a: Actor, b: Actor) -> float:
    """Smallest overlap of two boxes over their four axes, negative when apart."""

    def frame(actor: Actor) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        x, y, _, _, yaw_deg, _ = world.transform(actor.id)
        yaw = math.radians(yaw_deg)
        axes = np.array([[math.cos(yaw), math.sin(yaw)], [-math.sin(yaw), math.cos(yaw)]])
        return np.array([x, y]) + actor.box.center[0] * axes[0], axes, np.array(actor.box.extent[:2])

    (pa, axes_a, half_a), (pb, axes_b, half_b) = frame(a), frame(b)
    overlaps = [
        np.sum(half_a * np.abs(axes_a @ u)) + np.sum(half_b * np.abs(axes_b @ u)) - abs((pb - pa) @ u)
        for u in (*axes_a, *axes_b)
    ]
    return float(min(overlaps))


def test_a_head_on_crash_of_equals_stops_both_and_tells_newtons_impulse() -> None:
    world = empty_world()
    left, right = spawn(world, -4.0), spawn(world, 4.0, 0.0, 180.0)
    world.tick(DT_S)
    world.set_target_velocity(left.id, (10.0, 0.0, 0.0))
    world.set_target_velocity(right.id, (-10.0, 0.0, 0.0))
    total = 0.0
    for _ in range(20):
        total += sum(c.normal_impulse[0] for c in world.tick(DT_S) if c.actor_id == left.id)
    assert abs(total) == pytest.approx(world.physics(left.id).mass_kg * 11.0, rel=0.06)
    assert np.abs(world.states["velocity"][[left.row, right.row], 0]).max() < 1.5


def test_a_pressed_contact_is_told_every_tick() -> None:
    world = empty_world()
    front, back = spawn(world, 0.0), spawn(world, -4.9)
    world.apply_vehicle_control(front.id, (0.0, 0.0, 1.0, True, False, False, 0))
    world.apply_vehicle_control(back.id, (0.6, 0.0, 0.0, False, False, False, 0))
    told = [len(world.tick(DT_S)) for _ in range(60)]
    assert told[-30:] == [2] * 30
    assert world.transform(front.id)[0] == pytest.approx(5000.0, abs=0.3)


def test_a_walker_is_knocked_away_and_walks_on() -> None:
    world = empty_world()
    car, walker = spawn(world, -8.0), spawn(world, 0.0, model="walker.pedestrian.0001")
    world.apply_walker_control(walker.id, (0.0, 1.0, 0.0), 0.2, False)
    world.tick(DT_S)
    world.set_target_velocity(car.id, (8.0, 0.0, 0.0))
    told = []
    for _ in range(40):
        told += [(c.actor_id, c.other_id) for c in world.tick(DT_S)]
    assert {(car.id, walker.id), (walker.id, car.id)} <= set(told)
    assert world.transform(walker.id)[0] > 5001.0
    assert np.linalg.norm(world.states["velocity"][car.row]) > 4.5
    world.apply_vehicle_control(car.id, (0.0, 0.0, 1.0, False, False, False, 0))
    for _ in range(round((LYING_S + 3.0) / DT_S)):
        world.tick(DT_S)
    assert world.states["velocity"][walker.row].tolist() == pytest.approx([0.0, 0.2, 0.0], abs=0.05)


def test_props_and_poles_stop_a_car_and_poles_are_their_lights() -> None:
    world = empty_world()
    light = next(a for a in world.actors.values() if a.kind is ActorKind.TRAFFIC_LIGHT)
    x, y, *_ = world.transform(light.id)
    car = world.spawn(world.library["vehicle.tesla.model3"], (), (x - 6.0, y, 0.0, 0.0, 0.0, 0.0))
    prop = spawn(world, 4.0, model="static.prop.container")
    other = spawn(world, 0.0)
    world.tick(DT_S)
    world.set_target_velocity(car.id, (10.0, 0.0, 0.0))
    world.set_target_velocity(other.id, (10.0, 0.0, 0.0))
    told = {(c.actor_id, c.other_id) for _ in range(40) for c in world.tick(DT_S)}
    assert {(car.id, light.id), (other.id, prop.id), (prop.id, other.id)} <= told
    assert world.transform(prop.id)[0] == 5004.0
    assert world.transform(car.id)[0] < x


def test_a_bridge_keeps_cars_apart() -> None:
    world = empty_world()
    world.set_enable_gravity(
        above := world.spawn(world.library["vehicle.audi.tt"], (), (5000.0, 0.0, 6.0, 0.0, 0.0, 0.0)).id,
        False,
    )
    spawn(world, 0.0)
    assert [world.tick(DT_S) for _ in range(5)] == [()] * 5
    assert world.transform(above)[2] == 6.0


def test_without_collisions_cars_pass_through() -> None:
    world = empty_world()
    a, b = spawn(world, -6.0), spawn(world, 0.0)
    world.set_collisions(b.id, False)
    world.enable_constant_velocity(a.id, (10.0, 0.0, 0.0))
    assert [world.tick(DT_S) for _ in range(40)] == [()] * 40
    assert world.transform(a.id)[0] > world.transform(b.id)[0]
