"""Vehicle dynamics against published figures, each with its own tolerance, and against plain physics."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from simulator.world.actors import Actor
from simulator.world.physics_control import PhysicsControl
from simulator.world.town import Town
from simulator.world.world import World

DT_S = 0.05
FAR_OFF = (5000.0, 0.0, 0.0, 0.0, 0.0, 0.0)
"""Level ground beside Town01: nothing to hit."""

ACCELERATION_TOLERANCE_MPS2 = 0.25
ACCELERATION_TOLERANCE_PART_THROTTLE_MPS2 = 0.4
CURVATURE_TOLERANCE = 0.03
BRAKING_MPS2 = (7.3, 9.3)

FULL_THROTTLE = {0: 7.6, 10: 6.8, 30: 5.35, 50: 4.1, 70: 3.1, 100: 2.0}
"""km/h -> m/s²: the fit to CARLA's Lincoln MKZ published with World on Rails, over 0.05 s."""

THREE_QUARTER_THROTTLE = {0: 3.9, 10: 3.5, 30: 2.8, 50: 2.2, 70: 1.7, 100: 1.1}


def spawn(world: World, pose: tuple[float, ...] = FAR_OFF, model: str = "lincoln.mkz_2020") -> Actor:
    x, y, z, pitch, yaw, roll = pose
    actor = world.spawn(world.library[f"vehicle.{model}"], (), (x, y, z, pitch, yaw, roll))
    for _ in range(10):
        world.tick(DT_S)
    return actor


def control(
    world: World, actor: Actor, throttle: float = 0.0, steer: float = 0.0, brake: float = 0.0, **more: bool
) -> None:
    world.vehicles.apply_control(
        actor.id,
        (throttle, steer, brake, more.get("hand_brake", False), more.get("reverse", False), False, 0),
    )


def state(world: World, actor: Actor) -> np.void:
    row: np.void = world.states[actor.row]
    return row


def speed_mps(world: World, actor: Actor) -> float:
    return float(np.linalg.norm(state(world, actor)["velocity"].astype(float)))


def acceleration_at(kmh: float, **pedals: float) -> float:
    """Change of speed over one tick, after the actuators have settled."""
    world = World(Town.load("Town01"), seed=0)
    car = spawn(world)
    control(world, car, **pedals)
    for _ in range(12):
        world.set_target_velocity(car.id, (kmh / 3.6, 0.0, 0.0))
        world.tick(DT_S)
    return (speed_mps(world, car) - kmh / 3.6) / DT_S


@pytest.mark.parametrize(("kmh", "expected"), FULL_THROTTLE.items())
def test_full_throttle(kmh: float, expected: float) -> None:
    assert acceleration_at(kmh, throttle=1.0) == pytest.approx(expected, abs=ACCELERATION_TOLERANCE_MPS2)


@pytest.mark.parametrize(("kmh", "expected"), THREE_QUARTER_THROTTLE.items())
def test_three_quarter_throttle(kmh: float, expected: float) -> None:
    found = acceleration_at(kmh, throttle=0.75)
    assert found == pytest.approx(expected, abs=ACCELERATION_TOLERANCE_PART_THROTTLE_MPS2)


@pytest.mark.parametrize("throttle", [0.05, 0.15, 0.25])
def test_little_throttle_does_almost_nothing(throttle: float) -> None:
    assert 0.0 <= acceleration_at(0.0, throttle=throttle) < 0.3


@pytest.mark.parametrize("kmh", [30, 50, 70, 100])
def test_full_brake(kmh: float) -> None:
    low, high = BRAKING_MPS2
    assert low < -acceleration_at(kmh, brake=1.0) < high


def test_half_brake_is_half_of_full_brake() -> None:
    coasting = acceleration_at(50.0)
    full, half = acceleration_at(50.0, brake=1.0) - coasting, acceleration_at(50.0, brake=0.5) - coasting
    assert half / full == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("sign", [-1.0, 1.0])
@pytest.mark.parametrize(("steer", "curvature_per_m"), [(0.1, 0.0278), (0.5, 0.138), (1.0, 0.269)])
@pytest.mark.parametrize("speed", [1.5, 4.0])
def test_steering_at_low_speed(steer: float, curvature_per_m: float, sign: float, speed: float) -> None:
    """Positive steering turns right, which is towards positive yaw."""
    world = World(Town.load("Town01"), seed=0)
    car = spawn(world)
    control(world, car, steer=sign * steer)
    world.enable_constant_velocity(car.id, (speed, 0.0, 0.0))
    for _ in range(40):
        world.tick(DT_S)
    world.disable_constant_velocity(car.id)
    control(world, car, throttle=0.55, steer=sign * steer)
    for _ in range(10):
        world.tick(DT_S)
    rate = math.radians(float(state(world, car)["angular_velocity"][2]))
    assert rate / speed_mps(world, car) == pytest.approx(sign * curvature_per_m, rel=CURVATURE_TOLERANCE)


def test_a_fast_car_understeers_and_stays_within_its_grip() -> None:
    world = World(Town.load("Town01"), seed=0)
    car = spawn(world)
    world.set_target_velocity(car.id, (25.0, 0.0, 0.0))
    control(world, car, throttle=0.7, steer=0.1)
    for _ in range(20):
        world.tick(DT_S)
    rate = math.radians(float(state(world, car)["angular_velocity"][2]))
    assert 0.5 * 0.0278 < rate / speed_mps(world, car) < 0.0278
    control(world, car, throttle=0.7, steer=1.0)
    sideways = []
    for _ in range(60):
        world.tick(DT_S)
        sideways.append(float(np.linalg.norm(state(world, car)["acceleration"][:2].astype(float))))
    assert max(sideways) < 2.2 * 9.81 + 1.0


def test_velocity_is_what_the_position_does() -> None:
    world = World(Town.load("Town01"), seed=0)
    car = spawn(world)
    control(world, car, throttle=0.8, steer=0.15)
    for _ in range(60):
        before = state(world, car).copy()
        world.tick(DT_S)
        after = state(world, car)
        moved = (after["location"].astype(float) - before["location"].astype(float)) / DT_S
        mean = (after["velocity"].astype(float) + before["velocity"].astype(float)) / 2.0
        assert np.allclose(moved[:2], mean[:2], atol=0.08)
        change = (after["velocity"].astype(float) - before["velocity"].astype(float)) / DT_S
        assert np.allclose(after["acceleration"], change, atol=1e-3)


def test_reverse_drives_backwards_and_steers_mirrored() -> None:
    world = World(Town.load("Town01"), seed=0)
    car = spawn(world)
    control(world, car, throttle=0.7, steer=0.5, reverse=True)
    for _ in range(60):
        world.tick(DT_S)
    heading = math.radians(float(state(world, car)["rotation"][1]))
    along = state(world, car)["velocity"][:2].astype(float) @ [math.cos(heading), math.sin(heading)]
    assert along < -1.0
    assert state(world, car)["angular_velocity"][2] < -5.0
    gear = world.states["u"][car.row][15:19].view("<i4")[0]
    assert gear == -1


@pytest.mark.parametrize("pedals", [{"brake": 1.0}, {"hand_brake": True}, {}])
def test_a_car_at_rest_stays_exactly_where_it_is(pedals: dict[str, float]) -> None:
    world = World(Town.load("Town01"), seed=0)
    car = spawn(world)
    control(world, car, steer=0.3, **pedals)
    world.tick(DT_S)
    before = state(world, car)["location"].copy()
    for _ in range(200):
        world.tick(DT_S)
    assert state(world, car)["location"].tolist() == before.tolist()
    assert speed_mps(world, car) == 0.0


@pytest.mark.parametrize("pedals", [{"brake": 1.0}, {"hand_brake": True}])
@pytest.mark.parametrize("model", ["lincoln.mkz_2020", "yamaha.yzf", "gazelle.omafiets"])
def test_vehicles_hold_still_on_slopes_with_a_brake_on(model: str, pedals: dict[str, float]) -> None:
    tried = 0
    for name in ("Town04", "Town07"):
        town = Town.load(name)
        world = World(town, seed=0)
        steep = [p for p in town.spawn_points if abs(p[3]) > 2.3][:8]
        cars = [world.spawn(world.library[f"vehicle.{model}"], (), p) for p in steep]
        for car in cars:
            control(world, car, **pedals)
        for _ in range(40):
            world.tick(DT_S)
        before = world.states["location"].copy()
        for _ in range(100):
            world.tick(DT_S)
        assert world.states["location"].tolist() == before.tolist()
        tried += len(cars)
    assert tried >= 6


def test_cars_lie_on_the_slope_and_gravity_pulls_them_down() -> None:
    town = Town.load("Town04")
    world = World(town, seed=0)
    x, y, z, pitch, yaw, roll = max(town.spawn_points, key=lambda p: p[3])
    car = spawn(world, (x, y, z, 0.0, yaw, roll))
    assert state(world, car)["rotation"][0] == pytest.approx(pitch, abs=0.3)
    c, s = math.cos(math.radians(yaw)), math.sin(math.radians(yaw))
    losses = []
    for factor in (1.0, -1.0):  # up, then down
        world.set_transform(car.id, (x, y, z - 0.5, 0.0, yaw, roll))
        for _ in range(10):
            world.set_target_velocity(car.id, (0.0, 0.0, 0.0))
            world.tick(DT_S)
        world.set_target_velocity(car.id, (8.0 * c * factor, 8.0 * s * factor, 0.0))
        world.tick(DT_S)
        losses.append(8.0 - float(np.hypot(*state(world, car)["velocity"][:2].astype(float))))
    expected = 2.0 * 9.81 * math.tan(math.radians(pitch)) * DT_S
    assert losses[0] - losses[1] == pytest.approx(expected, rel=0.1)


def test_a_car_falls_to_the_road() -> None:
    town = Town.load("Town01")
    world = World(town, seed=0)
    x, y, z, *rotation = town.spawn_points[0]
    car = world.spawn(world.library["vehicle.audi.tt"], (), (x, y, z + 4.5, *rotation))
    world.tick(DT_S)
    assert state(world, car)["acceleration"][2] == pytest.approx(-9.81, abs=0.05)
    heights = []
    for _ in range(40):
        world.tick(DT_S)
        heights.append(float(state(world, car)["location"][2]))
    assert heights == sorted(heights, reverse=True)
    assert heights[-1] == pytest.approx(0.0, abs=1e-6)
    assert state(world, car)["velocity"].tolist() == [0.0, 0.0, 0.0]


def test_without_gravity_a_car_stays_up() -> None:
    world = World(Town.load("Town01"), seed=0)
    car = world.spawn(world.library["vehicle.audi.tt"], (), (5000.0, 0.0, 10.0, 0.0, 0.0, 0.0))
    world.set_enable_gravity(car.id, False)
    for _ in range(20):
        world.tick(DT_S)
    assert state(world, car)["location"][2] == 10.0


def test_constant_velocity_is_held_along_the_car() -> None:
    world = World(Town.load("Town01"), seed=0)
    car = spawn(world, (5000.0, 0.0, 0.0, 0.0, 90.0, 0.0))
    world.enable_constant_velocity(car.id, (7.0, 0.0, 0.0))
    control(world, car, brake=1.0)
    for _ in range(20):
        world.tick(DT_S)
    assert state(world, car)["velocity"].tolist() == pytest.approx([0.0, 7.0, 0.0], abs=1e-5)
    world.disable_constant_velocity(car.id)
    for _ in range(40):
        world.tick(DT_S)
    assert speed_mps(world, car) == 0.0


def test_without_physics_only_transforms_and_target_velocities_move_a_car() -> None:
    world = World(Town.load("Town01"), seed=0)
    car = spawn(world)
    world.set_target_velocity(car.id, (5.0, 0.0, 0.0))
    world.set_simulate_physics(car.id, False)
    control(world, car, throttle=1.0)
    world.add_impulse(car.id, (5000.0, 0.0, 0.0))
    for _ in range(5):
        world.tick(DT_S)
    assert state(world, car)["location"][0] == 5000.0
    world.set_transform(car.id, (5010.0, 3.0, 2.0, 0.0, 45.0, 0.0))
    world.tick(DT_S)
    assert state(world, car)["location"].tolist() == [5010.0, 3.0, 2.0]
    world.set_target_velocity(car.id, (0.0, 2.0, 0.0))
    for _ in range(10):
        world.tick(DT_S)
    assert state(world, car)["location"].tolist() == pytest.approx([5010.0, 4.0, 2.0], abs=1e-4)


def test_impulses_and_forces_have_newtons_magnitude() -> None:
    world = World(Town.load("Town01"), seed=0)
    car = spawn(world)
    world.set_target_velocity(car.id, (10.0, 0.0, 0.0))
    mass = world.vehicles.physics(car.id).mass_kg
    world.add_impulse(car.id, (2.0 * mass, 0.0, 0.0))
    world.tick(0.001)
    assert speed_mps(world, car) == pytest.approx(12.0, abs=0.01)
    world.add_force(car.id, (-3.0 * mass, 0.0, 0.0))
    coasting = 12.0 - speed_mps(world, car)
    world.tick(DT_S)
    assert 12.0 - speed_mps(world, car) - coasting == pytest.approx(3.0 * DT_S, abs=0.1)
    pushed = 12.0 - speed_mps(world, car)
    world.tick(DT_S)
    assert 12.0 - speed_mps(world, car) - pushed < 0.1, "a force lasts for one tick"


def test_physics_control_comes_back_as_it_was_set_and_counts() -> None:
    world = World(Town.load("Town01"), seed=0)
    car = spawn(world)
    default = world.vehicles.physics(car.id)
    assert [w.max_steer_angle_deg for w in default.wheels] == [70.0, 70.0, 0.0, 0.0]
    assert default.wheels[0].position_cm[0] > 500000.0 > default.wheels[2].position_cm[0]
    changed = replace(default, mass_kg=2.0 * default.mass_kg, drag_coefficient=0.1, moi=7.25)
    world.vehicles.set_physics(car.id, changed)
    assert world.vehicles.physics(car.id) == changed
    control(world, car, throttle=1.0)
    for _ in range(20):
        world.tick(DT_S)
    heavy = speed_mps(world, car)
    light_world = World(Town.load("Town01"), seed=0)
    light = spawn(light_world)
    control(light_world, light, throttle=1.0)
    for _ in range(20):
        light_world.tick(DT_S)
    assert heavy == pytest.approx(speed_mps(light_world, light) / 2.0, rel=0.05)


def with_wheels(physics: PhysicsControl, **change: float) -> PhysicsControl:
    return replace(physics, wheels=tuple(replace(wheel, **change) for wheel in physics.wheels))


def test_the_hand_brake_is_as_strong_as_its_torques() -> None:
    def hand_braking_mps2(scale: float) -> float:
        world = World(Town.load("Town01"), seed=0)
        car = spawn(world)
        physics = world.vehicles.physics(car.id)
        wheels = tuple(
            replace(wheel, max_handbrake_torque_nm=scale * wheel.max_handbrake_torque_nm)
            for wheel in physics.wheels
        )
        world.vehicles.set_physics(car.id, replace(physics, wheels=wheels))
        control(world, car, hand_brake=True)
        world.set_target_velocity(car.id, (15.0, 0.0, 0.0))
        world.tick(DT_S)
        return (15.0 - speed_mps(world, car)) / DT_S

    none, half, whole = (hand_braking_mps2(scale) for scale in (0.0, 0.5, 1.0))
    assert none < 1.5, "rolling, drag and engine alone"
    assert half - none == pytest.approx(0.5 * (whole - none), rel=0.02)
    assert whole - none > 3.0


def test_soft_tyres_slip_more_in_the_same_turn() -> None:
    def slip(lat_stiff_value: float) -> float:
        world = World(Town.load("Town01"), seed=0)
        car = spawn(world)
        world.vehicles.set_physics(
            car.id, with_wheels(world.vehicles.physics(car.id), lat_stiff_value=lat_stiff_value)
        )
        control(world, car, throttle=0.5, steer=0.1)
        world.set_target_velocity(car.id, (12.0, 0.0, 0.0))
        for _ in range(30):
            world.tick(DT_S)
        yaw = math.radians(float(state(world, car)["rotation"][1]))
        vx, vy, _ = state(world, car)["velocity"].astype(float)
        along, across = vx * math.cos(yaw) + vy * math.sin(yaw), -vx * math.sin(yaw) + vy * math.cos(yaw)
        rear = across - 1.4 * math.radians(float(state(world, car)["angular_velocity"][2]))
        return abs(rear / along)

    assert slip(17.0 / 3.0) > 2.0 * slip(17.0)


def test_without_tyre_friction_a_car_can_neither_brake_nor_turn() -> None:
    world = World(Town.load("Town01"), seed=0)
    car = spawn(world)
    world.vehicles.set_physics(car.id, with_wheels(world.vehicles.physics(car.id), tire_friction=0.0))
    control(world, car, brake=1.0, steer=0.5)
    world.set_target_velocity(car.id, (15.0, 0.0, 0.0))
    for _ in range(20):
        world.tick(DT_S)
    assert speed_mps(world, car) > 14.5


def test_wheels_turn_by_ackermann() -> None:
    world = World(Town.load("Town01"), seed=0)
    car = spawn(world)
    control(world, car, steer=0.6)
    for _ in range(20):
        world.tick(DT_S)
    left, right, *rear = (world.vehicles.wheel_steer_angle(car.id, wheel) for wheel in range(4))
    assert 0.0 < left < right < 70.0
    assert rear == [0.0, 0.0]


@pytest.mark.parametrize(
    "model", ["carlamotors.firetruck", "bh.crossbike", "mitsubishi.fusorosa", "vespa.zx125"]
)
def test_every_kind_of_vehicle_drives_turns_and_stops(model: str) -> None:
    world = World(Town.load("Town01"), seed=0)
    vehicle = spawn(world, model=model)
    control(world, vehicle, throttle=0.8, steer=0.1)
    for _ in range(100):
        world.tick(DT_S)
    assert speed_mps(world, vehicle) > 3.0
    assert state(world, vehicle)["rotation"][1] > 5.0
    control(world, vehicle, brake=1.0)
    for _ in range(100):
        world.tick(DT_S)
    assert speed_mps(world, vehicle) == 0.0


def place_after_four_seconds(dt_s: float, substep_s_max: float = 0.01) -> list[float]:
    world = World(Town.load("Town01"), seed=0)
    car = spawn(world)
    control(world, car, throttle=0.8, steer=0.05)
    for _ in range(round(4.0 / dt_s)):
        world.tick(dt_s, substep_s_max=substep_s_max)
    place: list[float] = state(world, car)["location"][:2].tolist()
    return place


def test_the_tick_length_does_not_matter_within_the_substep_limit() -> None:
    expected = place_after_four_seconds(0.05)
    for dt_s in (0.01, 0.02, 0.1):
        assert place_after_four_seconds(dt_s) == pytest.approx(expected, abs=1e-3)


def test_smaller_substeps_give_nearly_the_same_drive() -> None:
    coarse, fine = place_after_four_seconds(0.05), place_after_four_seconds(0.05, 0.001)
    assert math.dist(coarse, fine) < 0.01 * math.dist(fine, FAR_OFF[:2])


def test_a_bicycle_stays_a_bicycle_and_a_lorry_brakes_longer_than_a_car() -> None:
    def ride(model: str) -> tuple[float, float]:
        """Speed after half a minute of full throttle, and the way to a stop from 50 km/h."""
        world = World(Town.load("Town01"), seed=0)
        vehicle = spawn(world, model=model)
        control(world, vehicle, throttle=1.0)
        for _ in range(600):
            world.tick(DT_S)
        fastest = speed_mps(world, vehicle)
        control(world, vehicle, brake=1.0)
        world.set_target_velocity(vehicle.id, (50.0 / 3.6, 0.0, 0.0))
        began = world.transform(vehicle.id)[0]
        for _ in range(200):
            world.tick(DT_S)
        return fastest * 3.6, world.transform(vehicle.id)[0] - began

    bicycle, lorry, car = (ride(m) for m in ("bh.crossbike", "carlamotors.european_hgv", "lincoln.mkz_2020"))
    assert 25.0 < bicycle[0] < 45.0
    assert 80.0 < lorry[0] < 115.0 < car[0]
    assert car[1] < 13.0 < lorry[1] < 20.0
