"""The scene of every packaged town, judged by `carla.Map` rather than by the reader that laid it out."""

from __future__ import annotations

import math
import subprocess
import sys

import carla
import numpy as np
import pytest
from numpy.typing import NDArray

from simulator.scene.objects import KINDS, PARKED_MODELS, SOLID, Kind
from simulator.scene.strips import Surface
from simulator.world.blueprints import default_library
from simulator.world.town import Town, packaged_towns

MARGIN_M = 0.5
SIGHT_M = 3.0
BIG = (Kind.BUILDING, Kind.FENCE, Kind.WALL, Kind.PARKED_CAR, Kind.TREE, Kind.BUS_STOP, Kind.KIOSK)
LANE_TYPES = {
    carla.LaneType.Driving,
    carla.LaneType.Sidewalk,
    carla.LaneType.Shoulder,
    carla.LaneType.Parking,
    carla.LaneType.Bidirectional,
    carla.LaneType.Biking,
    carla.LaneType.Median,
}

every_town = pytest.mark.parametrize("name", packaged_towns())


def lane_points(map_: carla.Map, spacing_m: float = 2.0) -> NDArray[np.float64]:
    """x, y, z, width, lies in a junction, is a parking lane: centres of lanes of every type."""
    rows = []
    seen = set()
    for point in map_.generate_waypoints(spacing_m):
        for step in (carla.Waypoint.get_left_lane, carla.Waypoint.get_right_lane):
            lane = point
            while lane is not None:
                key = (lane.road_id, lane.section_id, lane.lane_id, round(lane.s, 2))
                if key in seen and lane is not point:
                    break
                seen.add(key)
                if lane.lane_type in LANE_TYPES:
                    at = lane.transform.location
                    parking = lane.lane_type == carla.LaneType.Parking
                    rows.append((at.x, at.y, at.z, lane.lane_width, lane.is_junction, parking))
                lane = step(lane)
    return np.array(rows, dtype=np.float64)


def clearance_m(solids: NDArray[np.void], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) distance of each box, from above, to the nearest lane: as discs of the lane's width."""
    nearest = np.full(len(solids), np.inf)
    for k, box in enumerate(solids):
        reach = box["reach"] + 12.0
        near = points[(np.abs(points[:, 0] - box["x"]) < reach) & (np.abs(points[:, 1] - box["y"]) < reach)]
        near = near[np.abs(near[:, 2] - box["z"] + box["extent_z"]) < 4.0]
        if len(near):
            c, s = math.cos(box["yaw"]), math.sin(box["yaw"])
            dx, dy = near[:, 0] - box["x"], near[:, 1] - box["y"]
            across = np.maximum(np.abs(c * dx + s * dy) - box["extent_x"], 0.0)
            along = np.maximum(np.abs(-s * dx + c * dy) - box["extent_y"], 0.0)
            nearest[k] = np.min(np.hypot(across, along) - near[:, 3] / 2.0)
    return nearest


def low_solids(town: Town) -> tuple[NDArray[np.void], NDArray[np.int64]]:
    """What stands lower than heads, and its kinds."""
    solids = town.scene.solids
    low = solids[solids["collides"] == 1]
    return low, town.scene.objects["kind"][low["object"]]


@every_town
def test_nothing_stands_on_any_lane_or_near_one(name: str) -> None:
    town = Town.load(name)
    points = lane_points(carla.Map(name, town.opendrive))
    solids, kinds = low_solids(town)
    parked = kinds == Kind.PARKED_CAR
    assert clearance_m(solids[~parked], points).min() >= MARGIN_M - 0.05
    # Parked cars may stand on parking lanes, and on the shoulders beside them.
    driving = points[(points[:, 5] == 0.0) & (points[:, 3] > 1.5)]
    if parked.any():
        assert clearance_m(solids[parked], driving).min() > 0.0


@every_town
def test_nothing_big_hides_who_comes_to_a_junction(name: str) -> None:
    town = Town.load(name)
    inside = town.lanes.is_junction
    points = np.column_stack(
        [
            town.lanes.location[inside],
            town.lanes.width_m[inside],
            np.ones(inside.sum()),
            np.zeros(inside.sum()),
        ]
    )
    solids, kinds = low_solids(town)
    assert clearance_m(solids[np.isin(kinds, BIG)], points).min() >= SIGHT_M


@every_town
def test_spawn_points_are_free(name: str) -> None:
    town = Town.load(name)
    solids = town.scene.solids[town.scene.solids["collides"] == 1]
    for x, y, z, _, yaw_deg, _ in town.spawn_points:
        dx, dy = solids["x"] - x, solids["y"] - y
        near = solids[(np.hypot(dx, dy) < 4.0 + solids["reach"]) & (np.abs(solids["z"] - z) < 6.0)]
        c, s = math.cos(math.radians(yaw_deg)), math.sin(math.radians(yaw_deg))
        for corner in ((2.8, 1.2), (2.8, -1.2), (-2.8, 1.2), (-2.8, -1.2), (0.0, 0.0)):
            at_x, at_y = x + c * corner[0] - s * corner[1], y + s * corner[0] + c * corner[1]
            cy, sy = np.cos(near["yaw"]), np.sin(near["yaw"])
            u = np.abs(cy * (at_x - near["x"]) + sy * (at_y - near["y"]))
            v = np.abs(-sy * (at_x - near["x"]) + cy * (at_y - near["y"]))
            assert not ((u < near["extent_x"]) & (v < near["extent_y"])).any()


@every_town
def test_strips_are_the_lanes_of_the_clients_map(name: str) -> None:
    """Every lane centre of `carla.Map` lies in a strip of its lane, in the middle between its long sides."""
    town = Town.load(name)
    strips = town.strips
    for sample in range(0, len(town.lanes), 37):
        x, y, _ = town.lanes.location[sample]
        road, _, lane = town.lanes.keys[town.lanes.lane[sample]]
        own = strips[(strips["road"] == road) & (strips["lane"] == lane)]
        middle = own["corner"].mean(axis=1)
        k = int(np.argmin(np.hypot(*(middle - (x, y)).T)))
        assert own["surface"][k] == Surface.ROAD
        corner = own["corner"][k]
        axis = 0.5 * (corner[1] + corner[2] - corner[0] - corner[3])
        half_m = 0.5 * np.linalg.norm(axis)
        axis /= 2.0 * half_m
        offset = np.array([x, y]) - middle[k]
        # A chord of two metres in a tight bend is a decimetre beside its arc.
        assert abs(axis[0] * offset[1] - axis[1] * offset[0]) < 0.12
        assert (
            abs(axis @ offset) < half_m + 0.5
        )  # the neighbour's middle may be nearer than that of the own one


@every_town
def test_things_stand_on_the_ground_and_are_what_they_are_called(name: str) -> None:
    town = Town.load(name)
    objects = town.scene.objects
    assert len(set(town.scene.names)) == len(objects) == len(set(objects["id"].tolist()))
    assert (objects["id"] > 0).all()
    for row in range(0, len(objects), 29):
        facts = KINDS[Kind(int(objects["kind"][row]))]
        assert (objects["label"][row], objects["layer"][row]) == (facts.label, facts.layer)
        assert facts.name in town.scene.names[row]
    loose = objects[(objects["kind"] == Kind.TREE) | (objects["kind"] == Kind.BUILDING)]
    for thing in loose[::17]:
        ground = float(town.roads.query(thing["x"], thing["y"], thing["z"])["ground_z"])
        assert thing["z"] <= ground + 1e-6
        assert thing["z"] > ground - 2.5


@every_town
def test_every_town_has_its_things(name: str) -> None:
    town = Town.load(name)
    kinds = {Kind(int(kind)) for kind in town.scene.objects["kind"]}
    assert {Kind.ROAD, Kind.BUILDING, Kind.TREE, Kind.STREET_LIGHT, Kind.FENCE} <= kinds
    if name in ("Town04", "Town06"):
        assert (town.scene.objects["kind"] == Kind.GUARD_RAIL).sum() > 1000
    if name == "Town04":  # its highway crosses itself: rails up there too
        rails = town.scene.objects[town.scene.objects["kind"] == Kind.GUARD_RAIL]
        assert rails["z"].max() > 8.0
    crosswalks = town.scene.objects["kind"] == Kind.CROSSWALK
    assert crosswalks.any() == bool(carla.Map(name, town.opendrive).get_crosswalks())


@every_town
def test_lamps_hang_above_the_road_side_of_their_poles(name: str) -> None:
    town = Town.load(name)
    lamps = town.scene.lamps
    of = town.scene.objects[lamps["object"]]
    assert (lamps["z"] - of["z"] > 6.0).all()
    for k in range(0, len(lamps), 11):
        to_lamp, to_pole = (
            town.roads.query(at["x"], at["y"], of["z"][k])["road_distance_m"] for at in (lamps[k], of[k])
        )
        assert to_lamp < to_pole


@pytest.mark.parametrize("name", ["Town02", "Town07"])
def test_another_process_lays_out_the_same(name: str) -> None:
    code = (
        "import hashlib; from simulator.world.town import Town;"
        f"s = Town.load({name!r}).scene; bytes_ = s.objects.tobytes() + s.solids.tobytes();"
        "print(hashlib.sha256(bytes_).hexdigest())"
    )
    runs = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    }
    assert len(runs) == 1
    assert runs.pop().strip()


def test_props_and_parked_cars_have_the_sizes_of_their_blueprints() -> None:
    library = default_library()
    for model, half_m in PARKED_MODELS:
        box = library[model].box
        assert box is not None
        assert half_m == pytest.approx(box[1], abs=1e-3)
    for kind, blueprint in ((Kind.BENCH, "bench01"), (Kind.BUS_STOP, "busstop"), (Kind.BIN, "bin")):
        box = library[f"static.prop.{blueprint}"].box
        assert box is not None
        assert sorted(KINDS[kind].half_m) == pytest.approx(sorted(box[1]), abs=1e-3)


def test_a_map_that_a_client_brings_has_no_scene() -> None:
    town = Town.from_opendrive("OpenDriveMap", Town.load("Town02").opendrive)
    assert len(town.scene.objects) == len(town.strips) == 0
    assert town.scene.solids.dtype == SOLID
