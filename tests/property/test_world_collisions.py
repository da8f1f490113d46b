"""Collisions: momentum, energy and separation for arbitrary encounters, and who is told what."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from simulator.scene.objects import SOLID, Kind, Label, MapLayer
from simulator.world.actors import Actor, ActorKind, Box
from simulator.world.bodies import new_body
from simulator.world.collision_kernels import LYING_S
from simulator.world.collisions import PAIR, near_pairs, resolve
from simulator.world.errors import SpawnCollisionError
from simulator.world.static_grid import static_grid
from simulator.world.town import Town
from simulator.world.world import World

DT_S = 0.05
NO_POLES = static_grid(np.zeros(0, SOLID))

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
    assert abs(total) == pytest.approx(world.vehicles.physics(left.id).mass_kg * 11.0, rel=0.06)
    assert np.abs(world.states["velocity"][[left.row, right.row], 0]).max() < 1.5


@pytest.mark.parametrize("model", ["vehicle.carlamotors.firetruck", "vehicle.lincoln.mkz_2020"])
@pytest.mark.parametrize(("met_m", "passes"), [(0.03, True), (0.14, True), (0.5, False)])
def test_a_corner_that_is_only_grazed_stops_nobody(model: str, met_m: float, passes: bool) -> None:
    world = empty_world()
    driver = spawn(world, -15.0, model=model)
    stander = spawn(world, 0.0, 2.0 * driver.box.extent[1] - met_m, 180.0, model=model)
    world.vehicles.apply_control(stander.id, (0.0, 0.0, 1.0, False, False, False, 0))
    world.tick(DT_S)
    world.set_target_velocity(driver.id, (10.0, 0.0, 0.0))
    told = [one for _ in range(60) for one in world.tick(DT_S) if one.actor_id == driver.id]
    assert told
    assert bool(world.states["velocity"][driver.row, 0] > 5.0) is passes
    assert overlap_m(world, driver, stander) < 0.02


def test_a_pressed_contact_is_told_every_tick() -> None:
    world = empty_world()
    front, back = spawn(world, 0.0), spawn(world, -4.9)
    world.vehicles.apply_control(front.id, (0.0, 0.0, 1.0, True, False, False, 0))
    world.vehicles.apply_control(back.id, (0.6, 0.0, 0.0, False, False, False, 0))
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
    world.vehicles.apply_control(car.id, (0.0, 0.0, 1.0, False, False, False, 0))
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


STREET = "Town04"


def things_of(world: World, kind: Kind) -> NDArray[np.void]:
    """What of a kind can be hit."""
    solids = world.town.scene.solids
    kinds = world.town.scene.objects["kind"][solids["object"]]
    chosen: NDArray[np.void] = solids[(kinds == kind) & (solids["collides"] == 1)]
    return chosen


@pytest.mark.parametrize(
    "kind", [Kind.BUILDING, Kind.GUARD_RAIL, Kind.TREE, Kind.FENCE, Kind.STREET_LIGHT, Kind.PARKED_CAR]
)
@pytest.mark.parametrize("speed_mps", [12.0, 40.0])
def test_no_car_gets_through_what_stands(kind: Kind, speed_mps: float) -> None:
    """At 40 m/s a tick is 2 m long, and a rail 0.24 m thick."""
    world = World(Town.load(STREET), seed=0)
    free = 0
    for thing in things_of(world, kind)[::7]:
        yaw = float(thing["yaw"])
        # From the side of the road, where the thing's x axis points, a little askew.
        start = float(thing["extent_x"]) + 9.0
        x, y = thing["x"] + start * math.cos(yaw), thing["y"] + start * math.sin(yaw)
        ground = float(world.town.roads.query(x, y, thing["z"])["ground_z"])
        heading = math.degrees(yaw) + 180.0 + 4.0
        try:
            car = world.spawn(world.library["vehicle.tesla.model3"], (), (x, y, ground, 0.0, heading, 0.0))
        except SpawnCollisionError:
            continue
        world.tick(DT_S)
        c, s = math.cos(math.radians(heading)), math.sin(math.radians(heading))
        world.set_target_velocity(car.id, (speed_mps * c, speed_mps * s, 0.0))
        told = [hit for _ in range(20) for hit in world.tick(DT_S)]
        at = world.transform(car.id)
        ahead = (at[0] - thing["x"]) * math.cos(yaw) + (at[1] - thing["y"]) * math.sin(yaw)
        assert {hit.actor_id for hit in told} == {car.id}
        assert {hit.other_id for hit in told} == {0}
        if {hit.thing for hit in told} == {int(thing["object"])}:
            free += 1
            assert ahead > 0.0
            first = told[0].normal_impulse
            assert first[0] * c + first[1] * s < -0.5 * speed_mps * world.vehicles.physics(car.id).mass_kg
        world.destroy(car.id)
        if free == 3:
            break
    assert free > 0


def test_a_car_slides_along_a_rail_and_loses_little() -> None:
    world = World(Town.load(STREET), seed=0)
    rail = things_of(world, Kind.GUARD_RAIL)
    rail = rail[np.abs(rail["roll"]) < 1e-6][100]
    yaw = float(rail["yaw"])
    along = yaw + math.pi / 2.0
    x = rail["x"] + 1.6 * math.cos(yaw) - 4.0 * math.cos(along)
    y = rail["y"] + 1.6 * math.sin(yaw) - 4.0 * math.sin(along)
    car = world.spawn(
        world.library["vehicle.tesla.model3"],
        (),
        (x, y, rail["z"] - 0.4, 0.0, math.degrees(along) + 6.0, 0.0),
    )
    world.tick(DT_S)
    world.set_target_velocity(car.id, (20.0 * math.cos(along), 20.0 * math.sin(along), 0.0))
    labels = set()
    for _ in range(16):
        labels |= {
            int(world.town.scene.objects["label"][hit.thing]) for hit in world.tick(DT_S) if hit.other_id == 0
        }
    assert labels == {Label.GUARD_RAIL}
    assert np.linalg.norm(world.states["velocity"][car.row]) > 12.0


def test_what_was_taken_away_stops_nobody() -> None:
    world = World(Town.load(STREET), seed=0)
    rail = things_of(world, Kind.GUARD_RAIL)[100]
    yaw = float(rail["yaw"])
    pose = (rail["x"] + 6.0 * math.cos(yaw), rail["y"] + 6.0 * math.sin(yaw), rail["z"] - 0.4)
    world.load_layers(MapLayer.WALLS | MapLayer.FOLIAGE, on=False)
    car = world.spawn(world.library["vehicle.tesla.model3"], (), (*pose, 0.0, math.degrees(yaw) + 180.0, 0.0))
    world.tick(DT_S)
    world.set_target_velocity(car.id, (-15.0 * math.cos(yaw), -15.0 * math.sin(yaw), 0.0))
    assert [world.tick(DT_S) for _ in range(12)] == [()] * 12
    at = world.transform(car.id)
    assert (at[0] - rail["x"]) * math.cos(yaw) + (at[1] - rail["y"]) * math.sin(yaw) < 0.0


def test_light_props_fly_and_heavy_ones_stay_until_their_physics_are_on() -> None:
    for prop_id, moves in (("trafficcone01", True), ("kiosk_01", False)):
        world = empty_world()
        prop = spawn(world, 6.0, model=f"static.prop.{prop_id}")
        car = spawn(world, 0.0)
        world.tick(DT_S)
        world.set_target_velocity(car.id, (10.0, 0.0, 0.0))
        told = {hit.other_id for _ in range(60) for hit in world.tick(DT_S) if hit.actor_id == car.id}
        assert told == {prop.id}
        pace = float(np.linalg.norm(world.states["velocity"][car.row]))
        assert (world.transform(prop.id)[0] > 5010.0) == moves
        assert (pace > 6.0) == moves
        rest = world.transform(prop.id)
        world.tick(DT_S)
        if not moves:
            assert rest[0] == 5006.0
    world = empty_world()
    heavy = spawn(world, 6.0, model="static.prop.kiosk_01")
    car = spawn(world, 0.0)
    world.set_simulate_physics(heavy.id, True)
    world.tick(DT_S)
    world.set_target_velocity(car.id, (10.0, 0.0, 0.0))
    for _ in range(60):
        world.tick(DT_S)
    assert world.transform(heavy.id)[0] > 5006.5


def test_a_loose_prop_falls_and_a_fixed_one_hangs() -> None:
    world = empty_world()
    cone = world.spawn(world.library["static.prop.trafficcone01"], (), (5000.0, 0.0, 2.0, 0.0, 0.0, 0.0))
    still = world.spawn(world.library["static.prop.trafficcone01"], (), (5020.0, 0.0, 2.0, 0.0, 0.0, 0.0))
    world.set_simulate_physics(still.id, False)
    for _ in range(30):
        world.tick(DT_S)
    assert world.transform(cone.id)[2] == pytest.approx(0.0, abs=0.01)
    assert world.transform(still.id)[2] == 2.0


@pytest.mark.parametrize("other", ["walker.pedestrian.0002", "static.prop.kiosk_01", "static.prop.bin"])
def test_a_walker_stops_before_walkers_and_props(other: str) -> None:
    world = empty_world()
    walker = spawn(world, 0.0, model="walker.pedestrian.0001")
    blocker = spawn(world, 4.0, model=other)
    before = world.transform(blocker.id)
    world.apply_walker_control(walker.id, (1.0, 0.0, 0.0), 1.5, False)
    told = {(hit.actor_id, hit.other_id) for _ in range(120) for hit in world.tick(DT_S)}
    assert told == {(walker.id, blocker.id), (blocker.id, walker.id)}
    gap = before[0] - world.transform(walker.id)[0] - blocker.box.extent[0] - walker.box.extent[0]
    assert gap == pytest.approx(0.0, abs=0.05)
    assert world.transform(blocker.id)[:2] == pytest.approx(before[:2], abs=1e-3)
    assert abs(float(world.states["velocity"][walker.row][0])) < 0.1


def test_a_walker_is_stopped_by_a_wall_and_slides_along_it() -> None:
    world = World(Town.load(STREET), seed=0, layers=MapLayer.BUILDINGS)
    house = things_of(world, Kind.BUILDING)[5]
    yaw = float(house["yaw"])
    reach = float(house["extent_x"]) + 2.0
    x, y = house["x"] + reach * math.cos(yaw), house["y"] + reach * math.sin(yaw)
    ground = float(world.town.roads.query(x, y, house["z"])["ground_z"])
    walker = world.spawn(world.library["walker.pedestrian.0001"], (), (x, y, ground + 1.0, 0.0, 0.0, 0.0))
    askew = yaw + math.pi - 0.6
    world.apply_walker_control(walker.id, (math.cos(askew), math.sin(askew), 0.0), 1.5, False)
    things = {hit.thing for _ in range(60) for hit in world.tick(DT_S)}
    assert things == {int(house["object"])}
    at = world.transform(walker.id)
    dx, dy = at[0] - house["x"], at[1] - house["y"]
    assert dx * math.cos(yaw) + dy * math.sin(yaw) > float(house["extent_x"]) + 0.1
    assert abs(-dx * math.sin(yaw) + dy * math.cos(yaw)) > 0.8
