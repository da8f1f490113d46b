"""Control, physics and lamps of vehicles."""

from __future__ import annotations

import carla
import pytest

pytestmark = pytest.mark.server


def ticks(world: carla.World, count: int) -> None:
    for _ in range(count):
        world.tick()


def along(vector: carla.Vector3D, axis: carla.Vector3D) -> float:
    return float(vector.x * axis.x + vector.y * axis.y + vector.z * axis.z)


def test_throttle_drives_forward_and_brake_stops(world: carla.World, car: carla.Vehicle) -> None:
    before = car.get_transform()
    car.apply_control(carla.VehicleControl(throttle=1.0))
    ticks(world, 40)
    assert along(car.get_velocity(), before.get_forward_vector()) > 3.0
    assert along(car.get_location() - before.location, before.get_forward_vector()) > 3.0
    car.apply_control(carla.VehicleControl(brake=1.0))
    ticks(world, 100)
    assert car.get_velocity().length() < 0.1


def test_reverse_drives_backward(world: carla.World, car: carla.Vehicle) -> None:
    forward = car.get_transform().get_forward_vector()
    car.apply_control(carla.VehicleControl(throttle=1.0, reverse=True))
    ticks(world, 40)
    assert along(car.get_velocity(), forward) < -1.0


@pytest.mark.parametrize(("steer", "sign"), [(0.5, 1.0), (-0.5, -1.0)])
def test_positive_steer_turns_right(
    world: carla.World, car: carla.Vehicle, steer: float, sign: float
) -> None:
    before = car.get_transform().rotation.yaw
    car.apply_control(carla.VehicleControl(throttle=0.6, steer=steer))
    ticks(world, 30)
    turned = (car.get_transform().rotation.yaw - before + 180.0) % 360.0 - 180.0
    assert sign * turned > 2.0
    assert sign * car.get_angular_velocity().z > 1.0


def test_control_in_force_reads_back_at_the_next_tick(world: carla.World, car: carla.Vehicle) -> None:
    car.apply_control(carla.VehicleControl(throttle=0.25, steer=-0.5, brake=0.125, hand_brake=True))
    world.tick()
    control = car.get_control()
    assert (control.throttle, control.steer, control.brake) == pytest.approx((0.25, -0.5, 0.125))
    assert control.hand_brake
    assert not control.reverse


def test_control_that_is_not_finite_changes_nothing(world: carla.World, car: carla.Vehicle) -> None:
    car.apply_control(carla.VehicleControl(throttle=float("nan")))
    ticks(world, 5)
    assert car.get_location() == car.get_location()
    assert car.get_control().throttle == 0.0


def test_batched_controls_act_like_single_ones(
    client: carla.Client, world: carla.World, car: carla.Vehicle
) -> None:
    control = carla.VehicleControl(throttle=0.5)
    (answer,) = client.apply_batch_sync([carla.command.ApplyVehicleControl(car.id, control)], True)
    assert answer.actor_id == car.id
    assert car.get_control().throttle == pytest.approx(0.5)


def test_target_velocity_sets_the_speed(world: carla.World, car: carla.Vehicle) -> None:
    forward = car.get_transform().get_forward_vector()
    car.set_target_velocity(carla.Vector3D(forward.x * 8.0, forward.y * 8.0, 0.0))
    ticks(world, 2)
    assert along(car.get_velocity(), forward) == pytest.approx(8.0, abs=1.0)


def test_without_physics_a_car_stays_where_it_is(world: carla.World, car: carla.Vehicle) -> None:
    car.set_simulate_physics(False)
    before = car.get_location()
    car.apply_control(carla.VehicleControl(throttle=1.0))
    ticks(world, 20)
    assert car.get_location().distance(before) < 0.01


def test_physics_control_round_trip(world: carla.World, car: carla.Vehicle) -> None:
    physics = car.get_physics_control()
    assert physics.mass > 500.0
    assert len(physics.wheels) == 4
    assert physics.wheels[0].max_steer_angle > 20.0
    assert physics.wheels[2].max_steer_angle == 0.0
    physics.mass = 2345.0
    physics.drag_coefficient = 0.5
    car.apply_physics_control(physics)
    world.tick()
    read = car.get_physics_control()
    assert read.mass == pytest.approx(2345.0)
    assert read.drag_coefficient == pytest.approx(0.5)
    assert len(read.wheels) == 4


def test_front_wheels_turn_with_the_steer(world: carla.World, car: carla.Vehicle) -> None:
    car.apply_control(carla.VehicleControl(steer=0.5))
    ticks(world, 20)
    assert car.get_wheel_steer_angle(carla.VehicleWheelLocation.FL_Wheel) > 5.0
    assert car.get_wheel_steer_angle(carla.VehicleWheelLocation.BL_Wheel) == 0.0


def test_lamps_round_trip(world: carla.World, car: carla.Vehicle) -> None:
    lamps = carla.VehicleLightState(carla.VehicleLightState.LowBeam | carla.VehicleLightState.Brake)
    car.set_light_state(lamps)
    world.tick()
    assert int(car.get_light_state()) == int(lamps)
    assert world.get_vehicles_light_states()[car.id] == lamps


def test_telemetry_belongs_to_the_motion(world: carla.World, car: carla.Vehicle) -> None:
    car.apply_control(carla.VehicleControl(throttle=0.75))
    ticks(world, 20)
    told = car.get_telemetry_data()
    physics = car.get_physics_control()
    assert told.throttle == pytest.approx(0.75)
    assert told.speed == pytest.approx(along(car.get_velocity(), car.get_transform().get_forward_vector()))
    assert told.gear == car.get_control().gear >= 1
    assert len(told.wheels) == 4
    radius_m = physics.wheels[2].radius / 100.0
    for wheel, own in zip(told.wheels, physics.wheels, strict=True):
        assert wheel.tire_friction == pytest.approx(own.tire_friction)
        assert wheel.omega == pytest.approx(told.speed / radius_m, rel=0.02)
        assert wheel.long_slip == 0.0
        assert wheel.normalized_tire_load == pytest.approx(1.0)
        assert wheel.torque == pytest.approx(wheel.long_force * own.radius / 100.0, rel=1e-4)
        assert wheel.normalized_long_force == pytest.approx(wheel.long_force / wheel.tire_load, rel=1e-4)
    assert sum(wheel.tire_load for wheel in told.wheels) == pytest.approx(9.81 * physics.mass, rel=1e-3)
    pull_n = physics.mass * along(car.get_acceleration(), car.get_transform().get_forward_vector())
    assert sum(wheel.long_force for wheel in told.wheels) == pytest.approx(pull_n, rel=0.01)
    ratio = physics.forward_gears[told.gear - 1].ratio * physics.final_ratio
    assert told.engine_rpm == pytest.approx(told.wheels[2].omega * ratio * 60.0 / 6.2831853, rel=0.01)


def test_telemetry_shows_which_way_tyres_slip(world: carla.World, car: carla.Vehicle) -> None:
    car.apply_control(carla.VehicleControl(throttle=0.7, steer=0.3))
    ticks(world, 40)
    told = car.get_telemetry_data()
    assert told.steer == pytest.approx(0.3)
    assert all(wheel.lat_force > 0.0 for wheel in told.wheels)
    assert told.wheels[0].omega > told.wheels[1].omega  # the left wheels are the outer ones
    assert all(wheel.lat_slip < 0.0 for wheel in told.wheels)


def test_speed_limit_comes_with_the_state(world: carla.World, car: carla.Vehicle) -> None:
    assert 20.0 <= car.get_speed_limit() <= 130.0
