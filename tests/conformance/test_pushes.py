"""Forces, impulses and switches of single actors, each by its own remote method."""

from __future__ import annotations

from collections.abc import Callable

import carla
import pytest

pytestmark = pytest.mark.server

Push = Callable[[carla.Vehicle, carla.Vector3D], None]


def ticks(world: carla.World, count: int) -> None:
    for _ in range(count):
        world.tick()


def ahead(car: carla.Vehicle, length: float) -> carla.Vector3D:
    forward = car.get_transform().get_forward_vector()
    return carla.Vector3D(forward.x * length, forward.y * length, 0.0)


def speed(car: carla.Vehicle) -> float:
    velocity, forward = car.get_velocity(), car.get_transform().get_forward_vector()
    return float(velocity.x * forward.x + velocity.y * forward.y)


def test_an_impulse_gives_speed_at_once(world: carla.World, car: carla.Vehicle) -> None:
    car.add_impulse(ahead(car, 5.0 * car.get_physics_control().mass))
    world.tick()
    assert speed(car) == pytest.approx(5.0, abs=0.3)


def test_a_force_acts_for_a_tick(world: carla.World, car: carla.Vehicle) -> None:
    car.apply_control(carla.VehicleControl(throttle=0.4))
    ticks(world, 40)
    before = speed(car)
    car.add_force(ahead(car, 40.0 * car.get_physics_control().mass))
    world.tick()
    assert speed(car) - before == pytest.approx(40.0 * 0.05, abs=0.3)


def test_spin_and_torque_turn_a_car(world: carla.World, car: carla.Vehicle) -> None:
    car.apply_control(carla.VehicleControl(throttle=0.6))
    ticks(world, 60)  # tyres hold a car that stands
    car.add_angular_impulse(carla.Vector3D(0.0, 0.0, 200_000.0))
    world.tick()
    assert car.get_angular_velocity().z > 2.0
    ticks(world, 40)
    car.add_torque(carla.Vector3D(0.0, 0.0, -4_000_000.0))
    world.tick()
    assert car.get_angular_velocity().z < -2.0


def test_target_angular_velocity_turns_what_has_no_physics(world: carla.World, car: carla.Vehicle) -> None:
    car.set_simulate_physics(False)
    car.set_target_angular_velocity(carla.Vector3D(0.0, 0.0, 90.0))
    yaw = car.get_transform().rotation.yaw
    ticks(world, 10)
    turned = (car.get_transform().rotation.yaw - yaw + 180.0) % 360.0 - 180.0
    assert turned == pytest.approx(45.0, abs=5.0)


def test_constant_velocity_is_held_until_it_is_let_go(world: carla.World, car: carla.Vehicle) -> None:
    car.enable_constant_velocity(carla.Vector3D(6.0, 0.0, 0.0))
    ticks(world, 20)
    assert speed(car) == pytest.approx(6.0, abs=0.1)
    car.disable_constant_velocity()
    car.apply_control(carla.VehicleControl(brake=1.0))
    ticks(world, 60)
    assert speed(car) == pytest.approx(0.0, abs=0.1)


def test_location_changes_and_heading_stays(world: carla.World, car: carla.Vehicle) -> None:
    before = car.get_transform()
    place = before.transform(carla.Location(x=10.0))
    car.set_location(place)
    world.tick()
    after = car.get_transform()
    assert after.location.distance(place) < 0.3
    assert after.rotation.yaw == pytest.approx(before.rotation.yaw, abs=0.5)


def test_without_gravity_a_car_hangs_in_the_air(world: carla.World, car: carla.Vehicle) -> None:
    car.set_enable_gravity(False)
    place = car.get_transform()
    place.location.z += 5.0
    car.set_transform(place)
    ticks(world, 20)
    assert car.get_location().z == pytest.approx(place.location.z, abs=0.1)
    car.set_enable_gravity(True)
    ticks(world, 60)
    assert car.get_location().z < place.location.z - 4.0


def test_without_collisions_cars_pass_through_each_other(world: carla.World, car: carla.Vehicle) -> None:
    blueprint = world.get_blueprint_library().find("vehicle.audi.tt")
    place = car.get_transform()
    place.location = place.transform(carla.Location(x=12.0, z=0.3))
    other = world.spawn_actor(blueprint, place)
    ticks(world, 10)
    stood = other.get_location()
    car.set_collisions(False)
    car.enable_constant_velocity(carla.Vector3D(10.0, 0.0, 0.0))
    ticks(world, 60)
    assert car.get_location().distance(stood) > 10.0
    assert other.get_location().distance(stood) < 0.1
    # What has no body takes the call too, as in CARLA.
    world.get_actors().filter("traffic.traffic_light")[0].set_collisions(False)
    assert world.tick() == world.get_snapshot().frame


def test_all_lights_begin_anew(world: carla.World) -> None:
    lights = list(world.get_actors().filter("traffic.traffic_light"))
    first = [light.state for light in lights]
    ticks(world, 240)
    assert [light.state for light in lights] != first
    world.reset_all_traffic_lights()
    world.tick()
    assert [light.state for light in lights] == first


def test_layers_and_street_lights_are_taken(world: carla.World) -> None:
    world.unload_map_layer(carla.MapLayer.Buildings)
    world.load_map_layer(carla.MapLayer.Buildings)
    objects = world.get_environment_objects(carla.CityObjectLabel.Poles)
    world.enable_environment_objects({objects[0].id}, False)
    world.enable_environment_objects({objects[0].id}, True)
    manager = world.get_lightmanager()
    manager.set_day_night_cycle(False)
    lights = manager.get_all_lights()
    manager.turn_on(lights)
    manager.turn_off(lights)
    ticks(world, 3)
    assert world.get_environment_objects(carla.CityObjectLabel.Poles)[0].id == objects[0].id
