"""Static props on the road: flat ones are driven over, light ones pushed, others stop a car."""

from __future__ import annotations

import carla
import pytest

AHEAD_M = 12.0


def drive_at(world: carla.World, car: carla.Vehicle, prop: str) -> tuple[float, int]:
    """Drive at a prop that lies ahead: how far the car comes in 6 s, and how often it collides."""
    start = car.get_transform()
    place = start.transform(carla.Location(x=AHEAD_M))
    world.spawn_actor(world.get_blueprint_library().find(prop), carla.Transform(place, start.rotation))
    sensor = world.spawn_actor(
        world.get_blueprint_library().find("sensor.other.collision"), carla.Transform(), attach_to=car
    )
    events: list[carla.CollisionEvent] = []
    sensor.listen(events.append)
    car.apply_control(carla.VehicleControl(throttle=0.6))
    for _ in range(120):
        world.tick()
    sensor.stop()
    return start.location.distance(car.get_location()), len(events)


@pytest.mark.parametrize("prop", ["static.prop.dirtdebris01", "static.prop.creasedbox03"])
def test_a_car_drives_over_what_lies_flat(world: carla.World, car: carla.Vehicle, prop: str) -> None:
    distance, events = drive_at(world, car, prop)
    assert distance > AHEAD_M + 3.0
    assert events == 0


def test_a_heavy_prop_stops_a_car(world: carla.World, car: carla.Vehicle) -> None:
    distance, events = drive_at(world, car, "static.prop.container")
    assert distance < AHEAD_M
    assert events > 0


def test_a_light_prop_is_pushed_away(world: carla.World, car: carla.Vehicle) -> None:
    distance, events = drive_at(world, car, "static.prop.streetbarrier")
    assert distance > AHEAD_M + 3.0
    assert events > 0
