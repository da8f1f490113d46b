"""Rays through the scene, and the things that stand in it."""

from __future__ import annotations

import carla
import pytest

pytestmark = pytest.mark.server

Label = carla.CityObjectLabel


def test_ground_projection_finds_the_road(world: carla.World, spawn_points: list[carla.Transform]) -> None:
    for place in spawn_points[:5]:
        road = world.get_map().get_waypoint(place.location).transform.location
        found = world.ground_projection(road + carla.Location(z=30.0), 100.0)
        assert found.label == Label.Roads
        assert found.location.distance(road) < 0.2


def test_ground_out_of_reach_is_none(world: carla.World, spawn_points: list[carla.Transform]) -> None:
    assert world.ground_projection(spawn_points[0].location + carla.Location(z=30.0), 10.0) is None


def test_projection_finds_the_roof_of_a_car_before_the_road(world: carla.World, car: carla.Vehicle) -> None:
    here = car.get_location()
    found = world.project_point(here + carla.Location(z=20.0), carla.Vector3D(0.0, 0.0, -1.0), 50.0)
    assert found.label == Label.Car
    roof = here.z + car.bounding_box.location.z + car.bounding_box.extent.z
    assert found.location.z == pytest.approx(roof, abs=0.05)


def test_ray_along_the_road_meets_the_cars_side_and_back(world: carla.World, car: carla.Vehicle) -> None:
    """The car is seen from behind at the distance of its bumper, and not when the ray passes beside it."""
    pose, box = car.get_transform(), car.bounding_box
    begin = pose.transform(carla.Location(x=-8.0, z=0.6))
    end = pose.transform(carla.Location(x=8.0, z=0.6))
    hits = [hit for hit in world.cast_ray(begin, end) if hit.label == Label.Car]
    assert len(hits) == 1
    assert hits[0].location.distance(begin) == pytest.approx(8.0 + box.location.x - box.extent.x, abs=0.05)
    begin, end = (pose.transform(carla.Location(x=x, y=2.5, z=0.6)) for x in (-8.0, 8.0))
    assert not [hit for hit in world.cast_ray(begin, end) if hit.label == Label.Car]


def test_ray_lists_what_it_meets_in_order(world: carla.World, car: carla.Vehicle) -> None:
    here = car.get_location()
    hits = world.cast_ray(here + carla.Location(z=10.0), here + carla.Location(z=-10.0))
    assert [hit.label for hit in hits] == [Label.Car, Label.Roads]


def test_pole_of_a_light_stops_a_ray(world: carla.World) -> None:
    pole = next(iter(world.get_environment_objects(Label.Poles)))
    middle = pole.bounding_box.location
    hits = world.cast_ray(middle + carla.Location(x=-2.0), middle + carla.Location(x=2.0))
    assert Label.Poles in {hit.label for hit in hits}


def test_environment_objects_are_those_of_the_label(world: carla.World) -> None:
    everything = world.get_environment_objects(Label.Any)
    heads = world.get_environment_objects(Label.TrafficLight)
    lights = world.get_actors().filter("traffic.traffic_light*")
    assert len(heads) == len(lights) == 36
    assert {thing.id for thing in heads} < {thing.id for thing in everything}
    assert len({thing.id for thing in everything}) == len({thing.name for thing in everything})
    assert {thing.name for thing in everything} == set(world.get_names_of_all_objects())
    assert not world.get_environment_objects(Label.Buildings)


def test_level_boxes_of_lights_are_their_light_boxes(world: carla.World) -> None:
    boxes = world.get_level_bbs(Label.TrafficLight)
    light = world.get_actors().filter("traffic.traffic_light*")[0]
    (own,) = light.get_light_boxes()
    assert min(own.location.distance(box.location) for box in boxes) < 1e-3


def test_level_boxes_of_cars_are_in_the_world(world: carla.World, car: carla.Vehicle) -> None:
    (box,) = world.get_level_bbs(Label.Car)
    assert box.location.distance(car.get_transform().transform(car.bounding_box.location)) < 0.05
    assert box.extent == car.bounding_box.extent
    assert world.get_level_bbs(Label.Pedestrians) == []


def test_gravity_of_imus_is_kept(world: carla.World) -> None:
    world.set_imui_sensor_gravity(3.7)
    assert world.get_imui_sensor_gravity() == pytest.approx(3.7)
    world.set_imui_sensor_gravity(9.81)
