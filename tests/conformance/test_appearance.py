"""Doors, wheels, skeletons, textures: what a world without a renderer answers about what is drawn."""

from __future__ import annotations

import carla
import pytest

from tests.support.mailbox import attach

pytestmark = pytest.mark.server

FRONT_LEFT = carla.VehicleWheelLocation.FL_Wheel


def test_doors_open_and_close_and_leave_the_box_alone(world: carla.World, car: carla.Vehicle) -> None:
    before = car.bounding_box
    for door in (carla.VehicleDoor.FL, carla.VehicleDoor.All):
        car.open_door(door)
        world.tick()
        car.close_door(door)
        world.tick()
    assert car.bounding_box == before


def test_wheels_turn_as_told_only_without_physics(world: carla.World, car: carla.Vehicle) -> None:
    car.set_wheel_steer_direction(FRONT_LEFT, 25.0)
    car.set_wheel_pitch_angle(FRONT_LEFT, 12.5)
    world.tick()
    assert car.get_wheel_steer_angle(FRONT_LEFT) == 0.0
    car.set_simulate_physics(False)
    car.set_wheel_steer_direction(FRONT_LEFT, 25.0)
    car.set_wheel_pitch_angle(FRONT_LEFT, 12.5)
    world.tick()
    assert car.get_wheel_steer_angle(FRONT_LEFT) == pytest.approx(25.0)
    assert car.get_wheel_pitch_angle(FRONT_LEFT) == pytest.approx(12.5)
    assert car.get_wheel_steer_angle(carla.VehicleWheelLocation.FR_Wheel) == 0.0
    car.set_simulate_physics(True)
    car.apply_control(carla.VehicleControl(steer=-0.5))
    for _ in range(20):
        world.tick()
    assert car.get_wheel_steer_angle(FRONT_LEFT) < -5.0


@pytest.mark.own_server
def test_actors_have_no_skeleton(world: carla.World, car: carla.Vehicle) -> None:
    place = world.get_map().get_spawn_points()[5]
    walker = world.spawn_actor(world.get_blueprint_library().find("walker.pedestrian.0001"), place)
    world.tick()
    walker.get_pose_from_animation()
    walker.blend_pose(0.5)
    walker.show_pose()
    walker.hide_pose()
    walker.set_bones(carla.WalkerBoneControlIn([("crl_hand__R", carla.Transform())]))
    assert list(walker.get_bones().bone_transforms) == []
    assert list(car.get_vehicle_bone_world_transforms()) == []
    for actor in (car, walker):
        assert list(actor.get_bone_names()) == []
        assert list(actor.get_bone_relative_transforms()) == []
        assert list(actor.get_bone_world_transforms()) == []
        assert list(actor.get_socket_names()) == []
        assert list(actor.get_socket_relative_transforms()) == []
        assert list(actor.get_socket_world_transforms()) == []
        assert list(actor.get_component_names()) == []
        for ask in (actor.get_component_world_transform, actor.get_component_relative_transform):
            with pytest.raises(RuntimeError, match="Component could not be found in this actor"):
                ask("VehicleMesh")


def test_textures_need_an_object_that_is_there(world: carla.World) -> None:
    texture = carla.TextureColor(2, 2)
    floats = carla.TextureFloatColor(2, 2)
    material = carla.MaterialParameter.Diffuse
    name = world.get_names_of_all_objects()[0]
    world.apply_color_texture_to_object(name, material, texture)
    world.apply_float_color_texture_to_object(name, material, floats)
    with pytest.raises(RuntimeError, match="unable to find Actor to apply the texture"):
        world.apply_color_texture_to_object("no such object", material, texture)
    world.set_annotations_traverse_translucency(True)


def test_sensors_ignore_vehicles_only(world: carla.World, car: carla.Vehicle) -> None:
    sensor = attach(world, car, "sensor.other.obstacle")
    sensor.set_ignored_vehicles([car.id])
    light = world.get_actors().filter("traffic.traffic_light")[0]
    with pytest.raises(RuntimeError, match=f"Actor Id: {light.id} is not a vehicle"):
        sensor.set_ignored_vehicles([light.id])
    with pytest.raises(RuntimeError, match="Target Actor Id: 999999"):
        sensor.set_ignored_vehicles([999_999])


@pytest.mark.own_server
def test_there_is_no_ros_bridge(world: carla.World, car: carla.Vehicle) -> None:
    sensor = attach(world, car, "sensor.other.imu")
    sensor.enable_for_ros()
    assert not sensor.is_enabled_for_ros()
    sensor.disable_for_ros()


@pytest.mark.own_server
def test_one_engine_is_enough(world: carla.World, car: carla.Vehicle) -> None:
    car.enable_carsim("simfile")
    car.use_carsim_road(True)
    car.enable_chrono_physics(1, 0.01)
    car.restore_physx_physics()
    car.show_debug_telemetry(True)
    before = car.get_location()
    car.apply_control(carla.VehicleControl(throttle=1.0))
    for _ in range(40):
        world.tick()
    assert car.get_location().distance(before) > 3.0


def test_debug_shapes_are_taken(world: carla.World) -> None:
    here, there = carla.Location(0.0, 0.0, 1.0), carla.Location(5.0, 0.0, 1.0)
    debug = world.debug
    debug.draw_point(here)
    debug.draw_line(here, there)
    debug.draw_arrow(here, there)
    debug.draw_box(carla.BoundingBox(here, carla.Vector3D(1.0, 1.0, 1.0)), carla.Rotation())
    debug.draw_string(here, "here")
    debug.draw_hud_point(here)
    debug.draw_hud_line(here, there)
    debug.draw_hud_arrow(here, there)
    debug.draw_hud_box(carla.BoundingBox(here, carla.Vector3D(1.0, 1.0, 1.0)), carla.Rotation())
    debug.clear_debug_shape()
    debug.clear_debug_string()
    assert world.tick() == world.get_snapshot().frame
