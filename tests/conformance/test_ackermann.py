"""Ackermann control of vehicles."""

from __future__ import annotations

import carla
import pytest

from tests.support.carla_client import DELTA_S

pytestmark = pytest.mark.server


def ticks(world: carla.World, seconds: float) -> None:
    for _ in range(round(seconds / DELTA_S)):
        world.tick()


def speed_along(car: carla.Vehicle) -> float:
    return float(car.get_velocity().dot(car.get_transform().get_forward_vector()))


@pytest.fixture
def free_car(world: carla.World, spawn_points: list[carla.Transform]) -> carla.Vehicle:
    """A car in the middle of the longest straight of the map."""

    def straight_m(place: carla.Transform) -> float:
        here = world.get_map().get_waypoint(place.location)
        ahead = here.next(60.0) + here.previous(30.0)
        turns = [abs((p.transform.rotation.yaw - place.rotation.yaw + 180.0) % 360.0 - 180.0) for p in ahead]
        return -max(turns)

    blueprint = world.get_blueprint_library().find("vehicle.lincoln.mkz_2020")
    vehicle = world.spawn_actor(blueprint, max(spawn_points, key=straight_m))
    ticks(world, 1.0)
    return vehicle


def test_default_gains_are_carlas(car: carla.Vehicle) -> None:
    gains = car.get_ackermann_controller_settings()
    read = (
        gains.speed_kp, gains.speed_ki, gains.speed_kd, gains.accel_kp, gains.accel_ki, gains.accel_kd
    )  # fmt: skip
    assert read == pytest.approx((0.15, 0.0, 0.25, 0.01, 0.0, 0.01))


def test_gains_round_trip(world: carla.World, car: carla.Vehicle) -> None:
    gains = carla.AckermannControllerSettings(
        speed_kp=0.25, speed_ki=0.125, speed_kd=0.5, accel_kp=0.03125, accel_ki=0.0, accel_kd=0.0625
    )
    car.apply_ackermann_controller_settings(gains)
    world.tick()
    assert car.get_ackermann_controller_settings() == gains


@pytest.mark.parametrize("target_mps", [5.0, -2.0])
def test_wanted_speed_is_reached(world: carla.World, free_car: carla.Vehicle, target_mps: float) -> None:
    free_car.apply_ackermann_control(carla.VehicleAckermannControl(speed=target_mps))
    speeds = []
    for _ in range(round(14.0 / DELTA_S)):
        world.tick()
        speeds.append(speed_along(free_car))
    late = speeds[len(speeds) // 2 :]
    assert sum(late) / len(late) == pytest.approx(target_mps, abs=0.2 * abs(target_mps))
    assert free_car.get_control().reverse == (target_mps < 0.0)


def test_zero_speed_holds_with_the_brake(world: carla.World, car: carla.Vehicle) -> None:
    car.apply_ackermann_control(carla.VehicleAckermannControl(speed=0.0))
    ticks(world, 1.0)
    assert (car.get_control().throttle, car.get_control().brake) == (0.0, 1.0)
    assert car.get_velocity().length() < 0.05


def test_steer_is_an_angle_of_the_wheels(world: carla.World, car: carla.Vehicle) -> None:
    lock_deg = car.get_physics_control().wheels[0].max_steer_angle
    car.apply_ackermann_control(carla.VehicleAckermannControl(steer=0.35, speed=0.0))
    ticks(world, 0.5)
    assert car.get_control().steer == pytest.approx(0.35 / (lock_deg * 3.14159265 / 180.0), abs=1e-3)


def test_plain_control_takes_over(world: carla.World, free_car: carla.Vehicle) -> None:
    free_car.apply_ackermann_control(carla.VehicleAckermannControl(speed=5.0))
    ticks(world, 1.0)
    free_car.apply_control(carla.VehicleControl(brake=0.75))
    ticks(world, 0.2)
    assert (free_car.get_control().throttle, free_car.get_control().brake) == (0.0, 0.75)


def test_a_batch_can_apply_it(client: carla.Client, world: carla.World, free_car: carla.Vehicle) -> None:
    control = carla.VehicleAckermannControl(speed=4.0)
    commands = [
        carla.command.ApplyVehicleAckermannControl(actor_id, control) for actor_id in (free_car.id, 999_999)
    ]
    answers = client.apply_batch_sync(commands, True)
    assert [answer.has_error() for answer in answers] == [False, True]
    ticks(world, 5.0)
    assert speed_along(free_car) > 1.0
