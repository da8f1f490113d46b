"""Do the 3-D boxes of vehicles, as the client tells them, agree with their masks in its pictures?

A view is a camera 1.2 to 3 m above a lane that looks roughly towards some vehicle. Judged is every vehicle
within 50 m that is wholly in the picture and unoccluded: at no pixel where a ray meets its box does the depth
camera see something in front of that box. The score is the IoU of the rectangle around the vehicle's
pixels and the rectangle around the eight projected corners of its box, in pixels.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import carla
import numpy as np
from numpy.typing import NDArray

from tests.support.carla_client import go_synchronous
from tests.support.mailbox import Mailbox, attach, close_all
from tests.support.pictures import depth_m, in_sensor, instances, project

WIDTH, HEIGHT, FOV_DEG = 1280, 720, 70.0
REACH_M = 50.0
LEAST_IOU = 0.8

_VEHICLES = 70
_EYE_M = (1.2, 3.0)
_CLEAR_M = 5.0  # no camera inside a vehicle
_SETTLE_TICKS = 30
_NEAREST_M = 0.5
_SLACK_M = 0.05  # between a body's skin and its box, and the rounding of depths
_SIGNS = np.array(list(itertools.product((-1.0, 1.0), repeat=3)))


@dataclass(frozen=True, slots=True)
class Judged:
    """One vehicle in one view.

    Attributes:
        view: number of the view.
        type_id: its blueprint.
        base_type: car, truck, van, bus, motorcycle or bicycle.
        distance_m: from the camera to the middle of its box.
        iou: see the module.
    """

    view: int
    type_id: str
    base_type: str
    distance_m: float
    iou: float


def populate(world: carla.World, seed: int) -> list[carla.Vehicle]:
    """Vehicles of all blueprints, standing at random spawn points, after they have come to rest."""
    go_synchronous(world)
    rng = np.random.default_rng(seed)
    models = sorted(world.get_blueprint_library().filter("vehicle.*"), key=lambda model: model.id)
    places = world.get_map().get_spawn_points()
    vehicles = []
    for number, place in enumerate(rng.permutation(len(places))[:_VEHICLES]):
        actor = world.try_spawn_actor(models[number % len(models)], places[place])
        if actor is not None:
            actor.apply_control(carla.VehicleControl(hand_brake=True))
            vehicles.append(actor)
    for _ in range(_SETTLE_TICKS):
        world.tick()
    return vehicles


def judge_views(
    world: carla.World, vehicles: list[carla.Vehicle], views: int, seed: int
) -> Iterator[list[Judged]]:
    """What each view shows; a view may show nothing that can be judged."""
    rng = np.random.default_rng(seed)
    size = {"image_size_x": str(WIDTH), "image_size_y": str(HEIGHT), "fov": str(FOV_DEG)}
    depths, numbers = (
        attach(world, None, f"sensor.camera.{kind}", at=carla.Transform(), **size)
        for kind in ("depth", "instance_segmentation")
    )
    boxes = Mailbox(depths), Mailbox(numbers)
    places = np.array([_array(one.get_transform().location) for one in vehicles])
    lanes = [point.transform for point in world.get_map().generate_waypoints(4.0)]
    eyes = np.array([_array(one.location) for one in lanes])
    for view in range(views):
        pose = _random_pose(rng, places, lanes, eyes)
        depths.set_transform(pose)
        numbers.set_transform(pose)
        frame = world.tick()
        depth, number = (box.wait_for_frame(frame) for box in boxes)
        for box in boxes:
            box.messages.clear()
        assert isinstance(depth, carla.Image)
        yield list(_judge(depth, depth_m(depth), instances(number), vehicles, view))
    close_all()


def _array(place: carla.Location | carla.Vector3D) -> NDArray[np.float64]:
    return np.array([place.x, place.y, place.z])


def _random_pose(
    rng: np.random.Generator,
    vehicles: NDArray[np.float64],
    lanes: list[carla.Transform],
    eyes: NDArray[np.float64],
) -> carla.Transform:
    """Above a lane, within reach of a vehicle and turned towards it, but not exactly."""
    while True:
        target = vehicles[rng.integers(len(vehicles))]
        near = np.flatnonzero(np.linalg.norm(eyes - target, axis=1) < REACH_M)
        if len(near) == 0:
            continue
        chosen = int(rng.choice(near))
        eye = eyes[chosen] + np.array([0.0, 0.0, rng.uniform(*_EYE_M)])
        if np.linalg.norm(vehicles - eyes[chosen], axis=1).min() > _CLEAR_M:
            break
    yaw = math.degrees(math.atan2(*(target - eye)[1::-1])) + rng.uniform(-25.0, 25.0)
    rotation = carla.Rotation(pitch=rng.uniform(-8.0, 4.0), yaw=yaw, roll=rng.uniform(-2.0, 2.0))
    return carla.Transform(carla.Location(*eye.tolist()), rotation)


def _judge(
    image: carla.Image,
    depth: NDArray[np.float64],
    number: NDArray[np.int64],
    vehicles: list[carla.Vehicle],
    view: int,
) -> Iterator[Judged]:
    for vehicle in vehicles:
        transform, box = vehicle.get_transform(), vehicle.bounding_box
        matrix = np.array(transform.get_matrix())
        half = _array(box.extent)
        corners = (_array(box.location) + _SIGNS * half) @ matrix[:3, :3].T + matrix[:3, 3]
        middle = corners.mean(axis=0)
        distance = float(np.linalg.norm(in_sensor(image.transform, middle[None])))
        if distance > REACH_M:
            continue
        on_image = project(image, corners)
        if on_image[:, 2].min() < _NEAREST_M:
            continue
        low, high = on_image[:, :2].min(axis=0), on_image[:, :2].max(axis=0)
        if (low < 0.0).any() or high[0] > image.width or high[1] > image.height:
            continue
        if _covered(image, depth, number, vehicle.id, (low, high), (middle, matrix[:3, :3], half)):
            continue
        rows, columns = np.nonzero(number == vehicle.id)
        iou = 0.0
        if len(rows):
            mask = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
            iou = _iou(mask, np.concatenate([low, high]))
        yield Judged(view, vehicle.type_id, vehicle.attributes["base_type"], distance, iou)


def _covered(
    image: carla.Image,
    depth: NDArray[np.float64],
    number: NDArray[np.int64],
    actor_id: int,
    rectangle: tuple[NDArray[np.float64], NDArray[np.float64]],
    box: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
) -> bool:
    """Whether anything is in front of a box (middle, rotation, half sizes) where a ray meets it."""
    low, high = (np.floor(rectangle[0]).astype(int), np.ceil(rectangle[1]).astype(int))
    rows, columns = np.mgrid[low[1] : min(high[1], image.height), low[0] : min(high[0], image.width)]
    focal = image.width / (2.0 * math.tan(math.radians(image.fov) / 2.0))
    rays = np.stack(
        [
            np.ones(rows.shape),
            (columns + 0.5 - image.width / 2.0) / focal,
            -(rows + 0.5 - image.height / 2.0) / focal,
        ],
        axis=-1,
    )
    camera = np.array(image.transform.get_matrix())
    middle, rotation, half = box
    d = rays @ (camera[:3, :3].T @ rotation)
    eye = (camera[:3, 3] - middle) @ rotation
    with np.errstate(divide="ignore"):
        a, b = (-half - eye) / d, (half - eye) / d
    enters, leaves = np.minimum(a, b).max(axis=-1), np.maximum(a, b).min(axis=-1)
    here = (slice(rows[0, 0], rows[-1, 0] + 1), slice(columns[0, 0], columns[0, -1] + 1))
    others = (number[here] != actor_id) & (leaves > enters) & (enters > 0.0)
    return bool((others & (depth[here] < enters - _SLACK_M - 0.002 * enters)).any())


def _iou(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Of two rectangles left, top, right, bottom."""
    inner = float(np.prod(np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0.0)))
    return inner / (float(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2])) - inner)
