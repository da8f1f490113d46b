"""Cameras through the real client: formats, geometry, tags, time, weather."""

from __future__ import annotations

import math

import carla
import numpy as np
import pytest

from tests.support.mailbox import Mailbox, attach
from tests.support.pictures import depth_m, instances, pixels, project, tags

pytestmark = pytest.mark.server

ROAD, SIDEWALK, PEDESTRIAN, CAR, ROAD_LINE = 1, 2, 12, 14, 24
KINDS = ("rgb", "depth", "semantic_segmentation", "instance_segmentation")
ABOVE = carla.Transform(carla.Location(x=1.0, z=2.0), carla.Rotation(pitch=-8.0))
SIZE = {"image_size_x": "320", "image_size_y": "192"}


def cameras(
    world: carla.World, car: carla.Actor | None, at: carla.Transform = ABOVE, **more: str
) -> dict[str, Mailbox]:
    return {
        kind: Mailbox(attach(world, car, f"sensor.camera.{kind}", at=at, **{**SIZE, **more}))
        for kind in KINDS
    }


def snap(world: carla.World, boxes: dict[str, Mailbox]) -> dict[str, carla.Image]:
    frame = world.tick()
    return {kind: box.wait_for_frame(frame) for kind, box in boxes.items()}  # type: ignore[misc]


def ahead(car: carla.Actor, forward_m: float, right_m: float = 0.0, up_m: float = 0.5) -> carla.Transform:
    """A pose beside a car's way, turned as the car is."""
    now = car.get_transform()
    place = now.transform(carla.Location(x=forward_m, y=right_m, z=up_m))
    return carla.Transform(place, carla.Rotation(yaw=now.rotation.yaw))


def test_every_kind_sends_an_image_of_its_size_that_is_not_constant(
    world: carla.World, car: carla.Vehicle
) -> None:
    images = snap(world, cameras(world, car, fov="70.0"))
    for kind, image in images.items():
        found = pixels(image)
        assert (image.width, image.height) == (320, 192)
        assert image.fov == pytest.approx(70.0)
        assert (found[:, :, 3] == 255).all()
        assert found[:, :, :3].std() > 1.0, kind
    colours = pixels(images["rgb"])[:, :, :3]
    assert len(np.unique(colours.reshape(-1, 3), axis=0)) > 1000
    assert depth_m(images["depth"]).max() == pytest.approx(1000.0)  # the sky
    assert (tags(images["semantic_segmentation"]) == tags(images["instance_segmentation"])).all()
    assert {ROAD, ROAD_LINE, SIDEWALK}.issubset(np.unique(tags(images["semantic_segmentation"])))


def test_depth_is_the_distance_of_the_lane_along_the_axis(world: carla.World, car: carla.Vehicle) -> None:
    boxes = cameras(world, car, image_size_x="640", image_size_y="384")
    images = snap(world, boxes)
    depth, label = depth_m(images["depth"]), tags(images["semantic_segmentation"])
    waypoint = world.get_map().get_waypoint(car.get_location())
    checked = 0
    for distance in np.arange(6.0, 40.0, 1.0):
        there = waypoint.next(float(distance))[0]
        place = there.transform.location
        u, v, exact = project(images["depth"], np.array([[place.x, place.y, place.z]]))[0]
        column, row = int(u), int(v)
        if not (0 <= column < 640 and 0 <= row < 384) or label[row, column] not in (ROAD, ROAD_LINE):
            continue
        # The pixel's centre is another point of the same plane: go from its depth to that of the place.
        above, below = depth[row - 1, column], depth[row + 1, column]
        inverse = 1.0 / depth[row, column] + (v - row - 0.5) * (1.0 / below - 1.0 / above) / 2.0
        assert 1.0 / inverse == pytest.approx(exact, abs=0.01 + 0.001 * exact)
        checked += 1
    assert checked >= 15


def test_actors_are_where_they_are_projected_with_their_tags_and_ids(
    world: carla.World, car: carla.Vehicle
) -> None:
    library = world.get_blueprint_library()
    other = world.spawn_actor(library.find("vehicle.audi.tt"), ahead(car, 14.0))
    walker = world.spawn_actor(library.find("walker.pedestrian.0001"), ahead(car, 9.0, 2.5, 1.1))
    for _ in range(20):
        world.tick()
    images = snap(world, cameras(world, car))
    label, number = tags(images["semantic_segmentation"]), instances(images["instance_segmentation"])
    for actor, tag in ((other, CAR), (walker, PEDESTRIAN)):
        middle = actor.get_transform().transform(actor.bounding_box.location)
        u, v, distance = project(images["rgb"], np.array([[middle.x, middle.y, middle.z]]))[0]
        assert label[int(v), int(u)] == tag
        assert number[int(v), int(u)] == actor.id
        assert depth_m(images["depth"])[int(v), int(u)] < distance
        mine = number == actor.id
        assert mine.sum() > 20
        assert set(np.unique(label[mine])) == {tag}
    assert other.id in np.unique(number)
    other.destroy()
    assert other.id not in np.unique(instances(snap(world, cameras(world, car))["instance_segmentation"]))


def test_six_sensors_stay_in_step_for_a_hundred_ticks(world: carla.World, car: carla.Vehicle) -> None:
    boxes = cameras(world, car, image_size_x="160", image_size_y="96")
    for name in ("ray_cast", "ray_cast_semantic"):
        boxes[name] = Mailbox(attach(world, car, f"sensor.lidar.{name}", channels="8", range="30"))
    car.apply_control(carla.VehicleControl(throttle=0.5))
    frames = [world.tick() for _ in range(100)]
    for kind, box in boxes.items():
        box.wait_for_count(100)
        assert [message.frame for message in box.messages] == frames, kind  # type: ignore[attr-defined]
    first, last = boxes["rgb"].messages[0], boxes["rgb"].messages[-1]
    assert np.abs(pixels(first).astype(int) - pixels(last)).mean() > 2.0  # it drove
    place = last.transform.location  # type: ignore[attr-defined]
    assert place.distance(first.transform.location) > 5.0  # type: ignore[attr-defined]


def test_sensor_tick_thins_out_the_pictures(world: carla.World, car: carla.Vehicle) -> None:
    often = Mailbox(attach(world, car, "sensor.camera.rgb", sensor_tick="0.1", **SIZE))
    seldom = Mailbox(attach(world, car, "sensor.camera.depth", sensor_tick="0.25", **SIZE))
    frames = [world.tick() for _ in range(20)]
    often.wait_for_count(10)
    seldom.wait_for_count(4)
    assert [image.frame for image in often.messages] == frames[::2]  # type: ignore[attr-defined]
    assert [image.frame for image in seldom.messages] == frames[::5]  # type: ignore[attr-defined]


def test_a_destroyed_camera_stops_and_the_others_go_on(world: carla.World, car: carla.Vehicle) -> None:
    boxes = cameras(world, car)
    snap(world, boxes)
    gone = boxes.pop("rgb")
    gone.close()
    count = len(gone.messages)
    for _ in range(5):
        snap(world, boxes)
    assert len(gone.messages) == count
    assert [len(box.messages) for box in boxes.values()] == [6, 6, 6]


def test_weather_and_gamma_change_the_picture(world: carla.World, car: carla.Vehicle) -> None:
    plain = Mailbox(attach(world, car, "sensor.camera.rgb", at=ABOVE, **SIZE))
    bright = Mailbox(attach(world, car, "sensor.camera.rgb", at=ABOVE, gamma="3.0", **SIZE))
    labels = Mailbox(attach(world, car, "sensor.camera.semantic_segmentation", at=ABOVE, **SIZE))
    means, kinds = {}, set()
    for name in ("ClearNoon", "ClearSunset", "ClearNight", "HardRainNoon"):
        world.set_weather(getattr(carla.WeatherParameters, name))
        frame = world.tick()
        picture = pixels(plain.wait_for_frame(frame))[:, :, :3]
        means[name] = picture.mean()
        assert pixels(bright.wait_for_frame(frame))[:, :, :3].mean() > picture.mean()
        kinds.add(tags(labels.wait_for_frame(frame)).tobytes())
    assert means["ClearNight"] < means["ClearSunset"] < means["ClearNoon"]
    assert abs(means["HardRainNoon"] - means["ClearNoon"]) > 5.0
    assert len(kinds) == 1  # what things are does not depend on the weather


def test_rain_falls_and_a_lens_bends_the_picture(world: carla.World, car: carla.Vehicle) -> None:
    plain = Mailbox(attach(world, car, "sensor.camera.rgb", at=ABOVE, **SIZE))
    bent = Mailbox(attach(world, car, "sensor.camera.rgb", at=ABOVE, lens_circle_multiplier="2.0", **SIZE))

    def shot() -> np.ndarray:
        return pixels(plain.wait_for_frame(world.tick()))[:, :, :3].astype(int)

    def moved() -> float:
        return float((np.abs(shot() - shot()).max(axis=2) > 2).mean())

    car.set_simulate_physics(False)
    world.set_weather(carla.WeatherParameters.ClearNoon)
    still = moved()
    last = pixels(bent.wait_for_frame(world.get_snapshot().frame))[:, :, :3].astype(int)
    assert np.abs(last - pixels(plain.messages[-1])[:, :, :3]).mean() > 1.0
    world.set_weather(carla.WeatherParameters.HardRainNoon)
    assert moved() > still + 0.01  # every frame has its own drops


def test_things_that_are_taken_away_are_not_seen(world: carla.World, car: carla.Vehicle) -> None:
    building = 3
    high = carla.Transform(carla.Location(z=60.0), carla.Rotation(pitch=-30.0))
    box = Mailbox(attach(world, car, "sensor.camera.semantic_segmentation", at=high, **SIZE))
    before = (tags(box.wait_for_frame(world.tick())) == building).mean()
    assert before > 0.01
    ids = {thing.id for thing in world.get_environment_objects(carla.CityObjectLabel.Buildings)}
    world.enable_environment_objects(ids, False)
    assert (tags(box.wait_for_frame(world.tick())) == building).mean() == 0.0
    world.enable_environment_objects(ids, True)
    assert (tags(box.wait_for_frame(world.tick())) == building).mean() == before


def test_a_traffic_light_shows_its_state(world: carla.World) -> None:
    light = next(iter(world.get_actors().filter("traffic.traffic_light")))
    light.freeze(True)
    (lamp,) = light.get_light_boxes()
    # A head faces traffic that comes towards it: look at it from there.
    yaw = light.get_transform().rotation.yaw - 90.0
    c, s = math.cos(math.radians(yaw)), math.sin(math.radians(yaw))
    place = carla.Location(lamp.location.x - 4.0 * c, lamp.location.y - 4.0 * s, lamp.location.z)
    at = carla.Transform(place, carla.Rotation(yaw=yaw))
    boxes = cameras(world, None, at, fov="30.0")
    found = {}
    for state in (carla.TrafficLightState.Red, carla.TrafficLightState.Green):
        light.set_state(state)
        images = snap(world, boxes)
        head = instances(images["instance_segmentation"]) == light.id
        assert head.sum() > 100
        assert set(np.unique(tags(images["semantic_segmentation"])[head])) == {7}
        blue, green, red = (pixels(images["rgb"])[:, :, k][head].astype(int) for k in range(3))
        found[state] = ((red > 150) & (green < 110)).sum() - ((green > 150) & (red < 110)).sum()
        assert blue.std() >= 0.0
    assert found[carla.TrafficLightState.Red] > 20
    assert found[carla.TrafficLightState.Green] < -20


def test_a_camera_that_could_not_work_is_refused(world: carla.World, car: carla.Vehicle) -> None:
    with pytest.raises(RuntimeError, match="image_size_x must be between"):
        attach(world, car, "sensor.camera.rgb", image_size_x="0")
    with pytest.raises(RuntimeError, match="fov must be between"):
        attach(world, car, "sensor.camera.depth", fov="180.0")


def test_a_world_can_be_generated_after_pictures_were_drawn(
    client: carla.Client, world: carla.World, car: carla.Vehicle
) -> None:
    """The child that reads the map first must not stumble over the threads that drew."""
    snap(world, cameras(world, car))
    text = world.get_map().to_opendrive()
    for box in cameras(world, car).values():
        box.close()
    generated = client.generate_opendrive_world(text, carla.OpendriveGenerationParameters())
    assert generated.get_map().get_spawn_points()


WEATHER = {
    "cloudiness": 90.0, "precipitation": 80.0, "precipitation_deposits": 90.0, "wind_intensity": 90.0,
    "sun_azimuth_angle": 120.0, "sun_altitude_angle": 10.0, "fog_density": 60.0, "fog_distance": 60.0,
    "fog_falloff": 3.0, "wetness": 90.0, "scattering_intensity": 4.0, "mie_scattering_scale": 0.4,
    "rayleigh_scattering_scale": 0.15, "dust_storm": 80.0,
}  # fmt: skip
"""Values far from those of the base below."""


def test_each_of_the_14_weather_parameters_changes_the_picture(
    world: carla.World, car: carla.Vehicle
) -> None:
    """By itself, by more than a third of a grey level on average over the whole picture."""
    car.set_simulate_physics(False)
    box = Mailbox(attach(world, car, "sensor.camera.rgb", at=ABOVE, **SIZE))

    def shot(**changed: float) -> np.ndarray:
        weather = carla.WeatherParameters(
            cloudiness=35.0, sun_azimuth_angle=300.0, sun_altitude_angle=45.0, fog_density=25.0,
            fog_distance=0.75, fog_falloff=0.1, wetness=20.0, scattering_intensity=1.0,
            mie_scattering_scale=0.03, rayleigh_scattering_scale=0.0331,
        )  # fmt: skip
        for name, value in changed.items():
            setattr(weather, name, value)
        world.set_weather(weather)
        return pixels(box.wait_for_frame(world.tick()))[:, :, :3].astype(float)

    base = shot()
    assert np.abs(shot() - base).mean() == 0.0
    assert len(WEATHER) == 14
    floors = {name: np.abs(shot(**{name: value}) - base).mean() for name, value in WEATHER.items()}
    assert min(floors.values()) > 0.35, floors
