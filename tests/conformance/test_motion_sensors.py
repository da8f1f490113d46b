"""Normals, optical flow, events and radar through the real client, against the geometry of the world."""

from __future__ import annotations

import carla
import numpy as np
import pytest

from tests.support.mailbox import Mailbox, attach
from tests.support.motion_pictures import detections, events, flow, rays
from tests.support.pictures import in_sensor, in_world, pixels, project, tags

pytestmark = pytest.mark.server

SIZE = {"image_size_x": "320", "image_size_y": "192"}
ABOVE = carla.Transform(carla.Location(x=1.0, z=2.0), carla.Rotation(pitch=-8.0))
ROAD, SKY, CAR = 1, 11, 14
SPEED_MPS = 8.0


def camera(world: carla.World, car: carla.Actor, kind: str, **more: str) -> Mailbox:
    return Mailbox(attach(world, car, f"sensor.camera.{kind}", at=ABOVE, **{**SIZE, **more}))


def drive(car: carla.Vehicle, speed_mps: float = SPEED_MPS) -> None:
    """Straight on at a constant speed, from the next tick on."""
    car.enable_constant_velocity(carla.Vector3D(speed_mps, 0.0, 0.0))


def grey(image: object) -> np.ndarray:
    blue, green, red, _ = np.moveaxis(pixels(image).astype(np.float64), -1, 0)
    return np.asarray(0.2989 * red + 0.587 * green + 0.114 * blue)


def test_normals_are_those_of_the_world(world: carla.World, car: carla.Vehicle) -> None:
    """The road points up although the camera looks down, but for edges of paving; the sky points nowhere."""
    normals, labels = camera(world, car, "normals"), camera(world, car, "semantic_segmentation")
    frame = world.tick()
    image, label = normals.wait_for_frame(frame), tags(labels.wait_for_frame(frame))
    assert (image.width, image.height, image.fov) == (320, 192, pytest.approx(90.0))  # type: ignore[attr-defined]
    found = pixels(image)
    vector = found[:, :, 2::-1].astype(np.float64) / 127.5 - 1.0  # red is x, green y, blue z
    assert (found[:, :, 3] == 255).all()
    assert (label == ROAD).mean() > 0.1
    upright = np.abs(vector[label == ROAD] - (0.0, 0.0, 1.0)).max(axis=1) < 0.05
    assert upright.mean() > 0.999, upright.mean()
    assert np.abs(vector[label == SKY]).max() < 0.01
    assert np.abs(np.linalg.norm(vector[label != SKY], axis=1) - 1.0).max() < 0.02
    upright = (np.abs(vector[..., 2]) < 0.05) & (label != SKY)
    assert upright.mean() > 0.01  # walls and poles
    assert found[:, :, :3].std() > 20.0


def test_flow_warps_a_picture_onto_the_next(world: carla.World, car: carla.Vehicle) -> None:
    boxes = {kind: camera(world, car, kind) for kind in ("rgb", "optical_flow", "semantic_segmentation")}
    drive(car)
    for _ in range(4):
        frame = world.tick()
    colours = [
        pixels(m)[:, :, :3].astype(int) for m in (boxes["rgb"].wait_for_frame(f) for f in (frame - 1, frame))
    ]
    labels = [tags(boxes["semantic_segmentation"].wait_for_frame(f)) for f in (frame - 1, frame)]
    motion = flow(boxes["optical_flow"].wait_for_frame(frame))
    assert motion.shape == (192, 320, 2)
    assert motion.std() > 0.3
    assert np.abs(flow(boxes["optical_flow"].messages[0])).max() == 0.0  # there is none before the first
    v, u = np.mgrid[0:192, 0:320] + 0.5
    u0, v0 = u - motion[..., 0], v - motion[..., 1]
    inside = (u0 >= 0) & (v0 >= 0) & (u0 < 320) & (v0 < 192)
    column, row = u0[inside].astype(int), v0[inside].astype(int)
    assert inside.mean() > 0.8
    before, now = labels
    assert (before[row, column] == now[inside]).mean() > 0.97
    warped, still = colours[0][row, column] - colours[1][inside], colours[0][inside] - colours[1][inside]
    assert np.abs(warped).mean() < 0.6 * np.abs(still).mean()


def test_flow_of_the_road_is_that_of_its_points(world: carla.World, car: carla.Vehicle) -> None:
    motion, labels = camera(world, car, "optical_flow"), camera(world, car, "semantic_segmentation")
    drive(car)
    for _ in range(4):
        frame = world.tick()
    before, image = motion.wait_for_frame(frame - 1), motion.wait_for_frame(frame)
    found, label = flow(image), tags(labels.wait_for_frame(frame))
    waypoint, checked = world.get_map().get_waypoint(car.get_location()), 0
    for distance in np.arange(6.0, 30.0, 1.0):
        place = waypoint.next(float(distance))[0].transform.location
        point = np.array([[place.x, place.y, place.z]])
        u, v, _ = project(image, point)[0]
        u0, v0, _ = project(before, point)[0]
        if not (0 <= u < 320 and 0 <= v < 192) or label[int(v), int(u)] != ROAD:
            continue
        assert found[int(v), int(u)] == pytest.approx((u - u0, v - v0), abs=0.25)
        checked += 1
    assert checked > 8


def test_events_are_where_the_picture_changes(world: carla.World, car: carla.Vehicle) -> None:
    """With one picture before, a pixel makes events exactly if its log brightness moved by the threshold."""
    car.set_simulate_physics(False)
    dvs, colour = camera(world, car, "dvs"), camera(world, car, "rgb")
    for _ in range(3):
        frame = world.tick()
    first = grey(colour.wait_for_frame(frame))
    assert dvs.messages == []  # nothing changes
    car.set_transform(
        carla.Transform(car.get_transform().transform(carla.Location(x=0.5)), car.get_transform().rotation)
    )
    frame = world.tick()
    found = events(dvs.wait_for_frame(frame))
    change = np.log(0.001 + grey(colour.wait_for_frame(frame)) / 255.0) - np.log(0.001 + first / 255.0)
    assert len(found) > 200
    assert (np.diff(found["t"]) >= 0).all()
    now_ns = world.get_snapshot().timestamp.elapsed_seconds * 1e9
    assert (found["t"] > now_ns - 0.0501e9).all()
    assert (found["t"] <= now_ns + 1e3).all()
    up, down = np.zeros((192, 320), int), np.zeros((192, 320), int)
    np.add.at(up, (found["y"][found["pol"]], found["x"][found["pol"]]), 1)
    np.add.at(down, (found["y"][~found["pol"]], found["x"][~found["pol"]]), 1)
    clear = np.abs(np.abs(change) / 0.3 - np.round(np.abs(change) / 0.3)) > 1e-3
    assert (up == np.where(change > 0, np.abs(change) // 0.3, 0))[clear].all()
    assert (down == np.where(change < 0, np.abs(change) // 0.3, 0))[clear].all()
    count = len(dvs.messages)
    for _ in range(3):
        world.tick()
    assert len(dvs.messages) == count  # it stands still again


def seen_of(target: carla.Vehicle, radar: object, found: np.ndarray, margin_m: float) -> np.ndarray:
    """Which detections lie in the box of a vehicle, above the road, or so near to it."""
    places = in_world(radar.transform, rays(found) * found[:, 3:])  # type: ignore[attr-defined]
    local = in_sensor(target.get_transform(), places)
    half, middle = target.bounding_box.extent, target.bounding_box.location
    off = np.abs(local - (middle.x, middle.y, middle.z)) - (half.x, half.y, half.z)
    return np.asarray((off.max(axis=1) < margin_m) & ((local[:, 2] > 0.15) | (margin_m > 0.5)))


@pytest.mark.parametrize(("own_mps", "other_mps"), [(0.0, 10.0), (9.0, 0.0), (8.0, 3.0), (4.0, 9.0)])
def test_radar_tells_the_relative_speed(
    world: carla.World, car: carla.Vehicle, own_mps: float, other_mps: float
) -> None:
    ahead = car.get_transform().transform(carla.Location(x=18.0, z=0.3))
    blueprint = world.get_blueprint_library().find("vehicle.audi.tt")
    other = world.spawn_actor(blueprint, carla.Transform(ahead, car.get_transform().rotation))
    for _ in range(20):
        world.tick()
    front = carla.Transform(carla.Location(x=2.8, z=0.8))
    numbers = {"points_per_second": "40000", "range": "60", "horizontal_fov": "30", "vertical_fov": "12"}
    box = Mailbox(attach(world, car, "sensor.other.radar", at=front, **numbers))
    for vehicle, speed in ((car, own_mps), (other, other_mps)):
        if speed > 0.0:
            drive(vehicle, speed)
    for _ in range(6):
        frame = world.tick()
    message = box.wait_for_frame(frame)
    found = detections(message)
    assert 500 < len(found) <= 2000  # of 2000 rays
    assert np.abs(found[:, 1]).max() <= np.radians(15.01)
    assert np.abs(found[:, 2]).max() <= np.radians(6.01)
    assert found[:, 3].std() > 1.0
    mine = seen_of(other, message, found, 0.1)
    assert mine.sum() > 20
    yaw = message.transform.get_forward_vector()  # type: ignore[attr-defined]
    own = np.array([yaw.x, yaw.y, yaw.z]) * own_mps
    direction = rays(found) @ np.array(message.transform.get_matrix())[:3, :3].T  # type: ignore[attr-defined]
    theirs = other.get_velocity()
    assert other_mps == pytest.approx(theirs.length(), abs=0.1)
    expected = direction @ -own
    expected[mine] += direction[mine] @ (theirs.x, theirs.y, theirs.z)
    still = ~seen_of(other, message, found, 1.0)
    assert np.abs(found[:, 0] - expected)[mine].max() < 0.1
    assert np.median(found[mine, 0]) == pytest.approx(other_mps - own_mps, abs=0.15)
    assert still.sum() > 300
    assert np.abs(found[:, 0] - expected)[still].max() < 0.1


def test_radar_ranges_are_those_of_the_road(world: carla.World, car: carla.Vehicle) -> None:
    front = carla.Transform(carla.Location(x=2.8, z=0.8))
    numbers = {"points_per_second": "20000", "noise_seed": "5"}
    box, again = (Mailbox(attach(world, car, "sensor.other.radar", at=front, **numbers)) for _ in range(2))
    frame = world.tick()
    message = box.wait_for_frame(frame)
    found = detections(message)
    places = in_world(message.transform, rays(found) * found[:, 3:])  # type: ignore[attr-defined]
    down = found[:, 2] < np.radians(-8.0)
    ground = car.get_location().z
    assert down.sum() > 50
    assert np.abs(places[down, 2] - ground).max() < 0.1
    assert (found[:, 3] <= 100.0 / np.cos(np.radians(15.0)) ** 2).all()
    assert np.array_equal(found, detections(again.wait_for_frame(frame)))
    frame = world.tick()
    assert not np.array_equal(found[:50], detections(box.wait_for_frame(frame))[:50])


@pytest.mark.parametrize(
    ("kind", "attribute", "value"),
    [
        ("sensor.camera.dvs", "positive_threshold", "0"),
        ("sensor.camera.dvs", "log_eps", "-1"),
        ("sensor.other.radar", "horizontal_fov", "180"),
        ("sensor.other.radar", "points_per_second", "-1"),
    ],
)
def test_sensors_that_could_not_work_are_refused(
    world: carla.World, car: carla.Vehicle, kind: str, attribute: str, value: str
) -> None:
    with pytest.raises(RuntimeError, match=f"{attribute} must be between"):
        attach(world, car, kind, **{attribute: value})


def test_motion_sensors_of_two_places_stay_apart(world: carla.World, car: carla.Vehicle) -> None:
    """Cameras of one size share their buffers: what one draws must not end in the message of the other."""
    behind = carla.Transform(carla.Location(x=-1.0, z=2.0), carla.Rotation(pitch=-8.0, yaw=180.0))
    pairs = [
        (
            Mailbox(attach(world, car, "sensor.camera.semantic_segmentation", at=at, **SIZE)),
            Mailbox(attach(world, car, "sensor.camera.normals", at=at, **SIZE)),
        )
        for at in (ABOVE, behind)
    ]
    late = Mailbox(attach(world, car, "sensor.camera.normals", at=ABOVE, **SIZE))
    frame = world.tick()
    for labels, normals in pairs:
        sky = tags(labels.wait_for_frame(frame)) == SKY
        blank = (np.abs(pixels(normals.wait_for_frame(frame))[:, :, :3].astype(int) - 128) <= 1).all(axis=2)
        assert (sky == blank).all()
    assert (pixels(late.wait_for_frame(frame)) == pixels(pairs[0][1].messages[0])).all()
