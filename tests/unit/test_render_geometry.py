"""What a camera sees agrees with the world's geometry."""

from __future__ import annotations

import math

import carla
import numpy as np
import pytest

from simulator.render.camera import Camera, view_matrix
from simulator.render.labels import Label
from simulator.render.light import Weather, make_light
from simulator.render.poses import rotation_matrices
from simulator.world.roads import SURFACE, query_surface
from simulator.world.town import Town
from tests.support.render_town import corners, stage, store_of

TOWNS = ("Town01", "Town02", "Town04", "Town06", "Town07", "Town10HD")
EYE_M = 1.6
LIGHT = make_light(Weather())


def aimed(eye: np.ndarray, target: np.ndarray) -> tuple[float, float, float, float, float, float]:
    """Pose of a camera that looks from one place to another."""
    d = target - eye
    yaw, pitch = math.degrees(math.atan2(d[1], d[0])), math.degrees(math.atan2(d[2], math.hypot(d[0], d[1])))
    return (float(eye[0]), float(eye[1]), float(eye[2]), pitch, yaw, 0.0)


def test_carla_rotations() -> None:
    """Our matrices are those of `carla.Transform`."""
    rng = np.random.default_rng(0)
    for pitch, yaw, roll in rng.uniform(-170.0, 170.0, (50, 3)):
        theirs = np.array(carla.Transform(carla.Location(), carla.Rotation(pitch, yaw, roll)).get_matrix())
        ours = rotation_matrices(np.array([pitch, yaw, roll]))
        assert np.allclose(ours, theirs[:3, :3], atol=1e-5)


@pytest.mark.parametrize("name", TOWNS)
def test_depth_at_lane_centres_is_the_geometric_distance(name: str) -> None:
    """Within 1 cm + 0.1 %, seen along the lane from a driver's height."""
    town, store = Town.load(name), store_of(name)
    lanes = town.lanes
    camera = Camera(3, 3, 2.0)
    rng = np.random.default_rng(1)
    errors, crossing = [], []
    for k in rng.choice(len(lanes) - 12, 400, replace=False):
        ahead = int(k + rng.integers(3, 12))
        if lanes.lane[ahead] != lanes.lane[k]:
            continue
        eye = lanes.location[k] + np.array([0.0, 0.0, EYE_M])
        target = lanes.location[ahead].copy()
        if lanes.is_junction[
            ahead
        ]:  # roads of different heights overlap: the ground that cars stand on counts
            target[2] = town.roads.query(*target)["ground_z"]
        frame = camera.render(store, store.blocks, aimed(eye, target), LIGHT)
        distance = float(np.linalg.norm(target - eye))
        error = abs(float(frame.depth[1, 1]) - distance) - 0.001 * distance
        (crossing if lanes.is_junction[ahead] else errors).append(error)
    assert len(errors) > 50
    on_roads, in_junctions = (float(np.mean(np.array(some) <= 0.01)) for some in (errors, crossing))
    print(
        f"{name}: {on_roads:.1%} of {len(errors)} places, {in_junctions:.1%} of {len(crossing)} in junctions"
    )
    assert on_roads == in_junctions == 1.0


@pytest.mark.parametrize("name", TOWNS)
def test_no_kerb_lies_across_a_lane_of_a_junction(name: str) -> None:
    """Seen from above, within 1.2 m of the middle of a driving lane."""
    town, store = Town.load(name), store_of(name)
    lanes, rng, size, high_m = town.lanes, np.random.default_rng(2), 96, 10.0
    camera = Camera(size, size, 60.0)
    spread = (np.arange(size) + 0.5 - size / 2.0) / (size / 2.0) * math.tan(math.radians(30.0)) * high_m
    right, down = np.meshgrid(spread, spread)
    inside = np.flatnonzero(lanes.is_junction)
    on_lanes = 0
    for k in rng.choice(inside, min(60, len(inside)), replace=False):
        x, y, z = lanes.location[k]
        frame = camera.render(store, store.blocks, (x, y, z + high_m, -90.0, 0.0, 0.0), LIGHT)
        seen = np.column_stack([(x - down).ravel(), (y + right).ravel(), np.full(size * size, z)])
        found = np.zeros(len(seen), SURFACE)
        query_surface(town.roads.grid, seen, found)
        on_lane = (found["road_distance_m"] < 1.2) & (np.abs(found["ground_z"] - z) < 0.5)
        on_lanes += int(on_lane.sum())
        assert not (frame.label.ravel()[on_lane] == Label.SIDEWALKS).any(), lanes.location[k]
    assert on_lanes > 50_000


SOLID = (carla.LaneMarkingType.Solid, carla.LaneMarkingType.SolidSolid)
BROKEN = (carla.LaneMarkingType.Broken, carla.LaneMarkingType.BrokenBroken)


@pytest.mark.parametrize("name", TOWNS)
def test_lane_markings_lie_where_the_map_has_them(name: str) -> None:
    """Within 2 pixels of a picture of 640 pixels and 90 degrees; of broken lines across their direction.

    Where the map has two solid lines its point is in the gap between them: there must be one on either side,
    and the middle of their pixels counts, across their direction.
    """
    town, store = Town.load(name), store_of(name)
    map_ = carla.Map(name, town.opendrive)
    points = [p for p in map_.generate_waypoints(5.0) if not p.is_junction]
    rng = np.random.default_rng(2)
    rng.shuffle(points)
    size = 17
    camera = Camera(size, size, math.degrees(2.0 * math.atan(size / 2.0 / 320.0)))
    misses, gaps, dashes = [], 0, 0
    for point in points[:1500]:
        to = point.transform
        right, ahead = to.get_right_vector(), to.get_forward_vector()
        eye = np.array([to.location.x - 9.0 * ahead.x, to.location.y - 9.0 * ahead.y, to.location.z + EYE_M])
        for mark, side in ((point.left_lane_marking, -0.5), (point.right_lane_marking, 0.5)):
            if mark.type not in SOLID + BROKEN or len(misses) >= 200:
                continue
            place = to.location + right * (side * point.lane_width)
            target = np.array([place.x, place.y, place.z])
            pose = aimed(eye, target)
            rows, columns = np.nonzero(
                camera.render(store, store.blocks, pose, LIGHT).label == Label.ROAD_LINES
            )
            if mark.type == carla.LaneMarkingType.Solid:
                off = np.hypot(rows - size // 2, columns - size // 2)
                misses.append(float(off.min()) if len(off) else math.inf)
                continue
            view = view_matrix(pose)
            seen = (target + 0.5 * np.array([ahead.x, ahead.y, ahead.z]) - view[3]) @ view[:3].T
            du, dv = 320.0 * seen[0] / seen[2], 320.0 * seen[1] / seen[2]
            across = ((columns - size // 2) * dv - (rows - size // 2) * du) / math.hypot(du, dv)
            if mark.type in SOLID:
                both = len(across) > 0 and across.min() < 0.0 < across.max()
                misses.append(float(abs(across.mean())) if both else math.inf)
                continue
            dashes += len(rows) > 0
            gaps += len(rows) == 0
            if len(rows):
                misses.append(float(np.abs(across).min()))
    assert len(misses) > 50
    near = float(np.mean(np.array(misses) <= 2.0))
    print(f"{name}: {near:.1%} of {len(misses)} markings within 2 pixels, median {np.median(misses):.2f}")
    assert near >= 0.99
    assert dashes >= 0.3 * gaps  # dashes are there, and gaps between them


@pytest.mark.parametrize("name", TOWNS)
def test_boxes_of_vehicles_cover_their_masks(name: str) -> None:
    """Seen from a car, the mask's box and the projected 3-D box agree: IoU is 0.8 as a rule."""
    scene = stage(name, 40, seed=3)
    camera = Camera(640, 384, 90.0)
    rng = np.random.default_rng(4)
    ious = []
    for k in range(40):
        x, y, z, _, _yaw, _ = scene.transforms[k]
        turn = math.radians(float(rng.uniform(0.0, 360.0)))
        away = float(rng.uniform(8.0, 40.0))
        eye = np.array(
            [x + away * math.cos(turn), y + away * math.sin(turn), z + float(rng.uniform(1.2, 2.4))]
        )
        target = np.array([x, y, z + 1.0])
        alone = scene.store.objects()  # the town without other vehicles
        frame = camera.render(scene.store, scene.objects, aimed(eye, target), LIGHT)
        view = view_matrix(aimed(eye, target))
        local = corners(scene.players[k].blueprint)
        world = local @ rotation_matrices(scene.transforms[k, 3:]).T + scene.transforms[k, :3]
        seen = (world - view[3]) @ view[:3].T
        if seen[:, 2].min() < 1.0:
            continue
        u = camera.lens[0] * seen[:, 0] / seen[:, 2] + camera.lens[2]
        v = camera.lens[1] * seen[:, 1] / seen[:, 2] + camera.lens[3]
        if u.min() < 0 or v.min() < 0 or u.max() > 640 or v.max() > 384:
            continue
        # Nothing of the town or of the others may be nearer inside the box.
        box = (slice(int(v.min()), int(v.max()) + 1), slice(int(u.min()), int(u.max()) + 1))
        town_depth = camera.render(scene.store, alone, aimed(eye, target), LIGHT).depth[box]
        mask = frame.instance == 100 + k
        others = (frame.instance[box] >= 100) & ~mask[box] & (frame.depth[box] < seen[:, 2].max())
        if (town_depth < seen[:, 2].min() - 0.5).any() or others.any() or not mask.any():
            continue
        rows, columns = np.nonzero(mask)
        a = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        b = (u.min(), v.min(), u.max(), v.max())
        inner = max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
        areas = [(q[2] - q[0]) * (q[3] - q[1]) for q in (a, b)]
        ious.append(inner / (sum(areas) - inner))
    assert len(ious) >= 8
    assert min(ious) >= 0.7
    assert float(np.mean(np.array(ious) >= 0.8)) >= 0.85
    assert float(np.mean(ious)) >= 0.85
