"""Rays through the scene, and the things that stand in it."""

from __future__ import annotations

import carla
import pytest

from tests.support.carla_client import connect
from tests.support.headless import Endpoint

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
    pole = next(one for one in world.get_environment_objects(Label.Poles) if one.name.endswith("_Pole"))
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
    for label in (Label.Roads, Label.Sidewalks, Label.Buildings, Label.Vegetation, Label.Fences, Label.Walls):
        things = world.get_environment_objects(label)
        assert things
        assert {thing.type for thing in things} == {label}


def test_a_map_has_the_same_things_after_a_reload(client: carla.Client, world: carla.World) -> None:
    before = {thing.id: thing.transform.location.x for thing in world.get_environment_objects(Label.Any)}
    again = client.reload_world(False).get_environment_objects(Label.Any)
    assert {thing.id: thing.transform.location.x for thing in again} == before


def test_rays_meet_a_building_with_its_label_until_it_is_disabled(world: carla.World) -> None:
    house = world.get_environment_objects(Label.Buildings)[7]
    box = house.bounding_box
    top = box.location + carla.Location(z=box.extent.z + 5.0)
    down = carla.Vector3D(0.0, 0.0, -1.0)

    def below() -> carla.LabelledPoint:
        return world.project_point(top, down, 100.0)

    assert below().label == Label.Buildings
    assert below().location.z == pytest.approx(box.location.z + box.extent.z, abs=0.02)
    world.enable_environment_objects({house.id}, False)
    assert below().label == Label.Terrain
    assert house.id in {thing.id for thing in world.get_environment_objects(Label.Buildings)}
    world.enable_environment_objects({house.id}, True)
    assert below().label == Label.Buildings


def test_rays_tell_sidewalks_from_roads(world: carla.World) -> None:
    for point in world.get_map().generate_waypoints(60.0)[:12]:
        lane = point
        while lane is not None and lane.lane_type != carla.LaneType.Sidewalk:
            lane = lane.get_right_lane()
        if lane is not None and not lane.is_junction:
            above = lane.transform.location + carla.Location(z=2.0)
            assert world.ground_projection(above, 10.0).label == Label.Sidewalks


def test_unloaded_layers_are_gone_and_come_back(
    client: carla.Client, world: carla.World, server: Endpoint
) -> None:
    houses = len(world.get_environment_objects(Label.Buildings))
    top = world.get_environment_objects(Label.Buildings)[0].bounding_box
    above = top.location + carla.Location(z=top.extent.z + 5.0)
    world.unload_map_layer(carla.MapLayer.Buildings)
    assert not world.get_environment_objects(Label.Buildings)
    assert not world.get_level_bbs(Label.Buildings)
    assert world.ground_projection(above, 100.0).label == Label.Terrain
    assert world.get_environment_objects(Label.Roads)
    assert world.get_environment_objects(Label.Vegetation)
    world.load_map_layer(carla.MapLayer.Buildings)
    assert len(world.get_environment_objects(Label.Buildings)) == houses
    bare = client.load_world("Town02", False, carla.MapLayer.Foliage)
    assert bare.get_environment_objects(Label.Vegetation)
    assert not bare.get_environment_objects(Label.Buildings)
    # A client never forgets the lights that it has seen; a new one sees that there are none.
    newcomer = connect(server)
    seen = newcomer.get_world()
    assert not seen.get_lightmanager().get_all_lights()


def test_a_car_against_a_wall_is_told_of_the_wall(world: carla.World) -> None:
    """CARLA's other actor of such a contact has id 0 and the label of the thing as its type."""
    library = world.get_blueprint_library()
    house = world.get_environment_objects(Label.Buildings)[3]
    front = house.transform.transform(carla.Location(x=house.bounding_box.extent.x + 8.0))
    pose = carla.Transform(front, carla.Rotation(yaw=house.transform.rotation.yaw + 180.0))
    layers = carla.MapLayer
    for layer in (layers.Foliage, layers.Props, layers.Walls, layers.ParkedVehicles):
        world.unload_map_layer(layer)
    car = world.spawn_actor(library.find("vehicle.lincoln.mkz_2020"), pose)
    sensor = world.spawn_actor(library.find("sensor.other.collision"), carla.Transform(), attach_to=car)
    events: list[carla.CollisionEvent] = []
    sensor.listen(events.append)
    world.tick()
    car.enable_constant_velocity(carla.Vector3D(10.0, 0.0, 0.0))
    for _ in range(40):
        world.tick()
    assert events
    assert {(event.other_actor.id, event.other_actor.type_id) for event in events} == {(0, "static.building")}
    assert list(events[0].other_actor.semantic_tags) == [int(Label.Buildings)]
    sensor.destroy()


def test_level_boxes_of_lights_are_their_light_boxes(world: carla.World) -> None:
    boxes = world.get_level_bbs(Label.TrafficLight)
    light = world.get_actors().filter("traffic.traffic_light*")[0]
    (own,) = light.get_light_boxes()
    assert min(own.location.distance(box.location) for box in boxes) < 1e-3


def test_level_boxes_of_cars_are_in_the_world(world: carla.World, car: carla.Vehicle) -> None:
    world.unload_map_layer(carla.MapLayer.ParkedVehicles)
    (box,) = world.get_level_bbs(Label.Car)
    assert box.location.distance(car.get_transform().transform(car.bounding_box.location)) < 0.05
    assert box.extent == car.bounding_box.extent
    world.load_map_layer(carla.MapLayer.ParkedVehicles)
    assert len(world.get_level_bbs(Label.Car)) == 1 + len(world.get_environment_objects(Label.Car)) > 1
    assert world.get_level_bbs(Label.Pedestrians) == []


def test_gravity_of_imus_is_kept(world: carla.World) -> None:
    world.set_imui_sensor_gravity(3.7)
    assert world.get_imui_sensor_gravity() == pytest.approx(3.7)
    world.set_imui_sensor_gravity(9.81)
