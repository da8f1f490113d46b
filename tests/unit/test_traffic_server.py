"""Background traffic on a real server through the real client."""

from __future__ import annotations

from collections.abc import Iterator

import carla
import numpy as np
import pytest

from harness.client.landmarks import Landmarks, read_landmarks
from harness.traffic.background import ROLE_NAME, BackgroundTraffic, spawn_background
from harness.traffic.interface import FleetState, RoadUsers, SpawnReport
from scenarios.lane_graph import LaneGraph
from tests.support.kinematic_town import DT_S, nobody, overlaps

pytestmark = [pytest.mark.server, pytest.mark.timeout(600)]
TOWN = "Town02"


class Town:
    """A freshly loaded town in synchronous mode, and traffic in it."""

    def __init__(self, client: carla.Client) -> None:
        self.client = client
        self.world = client.get_world()
        self._settle()
        self.world = client.load_world(TOWN, reset_settings=False)
        self._settle()
        self.world.tick()
        self.map = self.world.get_map()
        self.graph = LaneGraph.from_map(self.map)
        self.landmarks: Landmarks = read_landmarks(list(self.world.get_actors()), self.world, self.map)

    def _settle(self) -> None:
        settings = self.world.get_settings()
        settings.synchronous_mode, settings.fixed_delta_seconds = True, DT_S
        self.world.apply_settings(settings)

    def traffic(self, count: int, seed: int, keep_clear: np.ndarray | None = None) -> BackgroundTraffic:
        return spawn_background(
            self.client,
            self.world,
            self.graph,
            self.landmarks.lights,
            count=count,
            rng=np.random.default_rng(seed),
            dt_s=DT_S,
            spawn_points=self.map.get_spawn_points(),
            keep_clear=np.zeros((0, 3)) if keep_clear is None else keep_clear,
        )

    def fleet(self, traffic: BackgroundTraffic) -> FleetState:
        snapshot = self.world.get_snapshot()
        found = [snapshot.find(actor_id) for actor_id in traffic.actor_ids]
        places = [actor.get_transform() for actor in found]
        speeds = [actor.get_velocity() for actor in found]
        return FleetState(
            np.array([(p.location.x, p.location.y, p.location.z) for p in places]),
            np.array([p.rotation.yaw for p in places]),
            np.array([(v.x, v.y, v.z) for v in speeds]),
        )

    def advance(self, traffic: BackgroundTraffic, others: RoadUsers) -> FleetState:
        """One tick; returns where the vehicles were before it."""
        fleet = self.fleet(traffic)
        lights = np.array([int(light.state) for light in self.landmarks.light_actors], dtype=np.uint8)
        traffic.send(traffic.decide(fleet, others, lights))
        self.world.tick()
        return fleet


@pytest.fixture
def town(client: carla.Client) -> Iterator[Town]:
    town = Town(client)
    yield town
    settings = town.world.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = False, None
    town.world.apply_settings(settings)


def _half_sizes(town: Town, traffic: BackgroundTraffic) -> np.ndarray:
    boxes = [town.world.get_actor(actor_id).bounding_box.extent for actor_id in traffic.actor_ids]
    return np.array([(box.x, box.y) for box in boxes])


def test_traffic_flows_without_a_collision(town: Town) -> None:
    traffic = town.traffic(40, 1)
    assert traffic.report == SpawnReport(40, 40)
    town.world.tick()
    half = _half_sizes(town, traffic)
    driven = np.zeros(40)
    before = town.fleet(traffic).location
    for _ in range(600):
        fleet = town.advance(traffic, nobody())
        assert not overlaps(fleet.location, fleet.yaw_deg, half).any()
        driven += np.linalg.norm(fleet.location - before, axis=1)
        before = fleet.location
    assert np.median(driven) > 30.0
    assert driven.min() > 1.0


def test_the_same_seed_gives_the_same_bytes(client: carla.Client) -> None:
    records = []
    for _ in range(2):
        town = Town(client)
        traffic = town.traffic(15, 9)
        town.world.tick()
        rows = [town.advance(traffic, nobody()) for _ in range(300)]
        kinds = [town.world.get_actor(actor_id).type_id for actor_id in traffic.actor_ids]
        records.append((kinds, b"".join(row.location.tobytes() + row.yaw_deg.tobytes() for row in rows)))
        traffic.destroy()
    assert records[0] == records[1]


def test_keeps_clear_of_the_ego_and_of_each_other(town: Town) -> None:
    ego = town.map.get_spawn_points()[10].location
    traffic = town.traffic(30, 2, np.array([[ego.x, ego.y, ego.z]]))
    town.world.tick()
    places = town.fleet(traffic).location
    assert np.linalg.norm(places - [ego.x, ego.y, ego.z], axis=1).min() > 24.0
    apart = np.linalg.norm(places[:, None] - places[None], axis=2) + 1e3 * np.eye(len(places))
    assert apart.min() > 14.0


def test_spawns_what_fits_and_says_so(town: Town) -> None:
    traffic = town.traffic(1000, 3)
    assert traffic.report.requested == 1000
    assert 40 <= traffic.report.spawned == len(traffic.actor_ids) < 200


def test_vehicles_are_marked_and_leave_when_told(town: Town) -> None:
    traffic = town.traffic(5, 4)
    town.world.tick()
    ids = traffic.actor_ids
    actors = [town.world.get_actor(actor_id) for actor_id in ids]
    assert {actor.attributes["role_name"] for actor in actors} == {ROLE_NAME}
    assert {actor.attributes["base_type"] for actor in actors} <= {"car", "van"}
    traffic.destroy()
    town.world.tick()
    assert not set(ids) & {actor.id for actor in town.world.get_actors()}
    assert traffic.actor_ids == ()


def test_no_traffic_is_traffic_too(town: Town) -> None:
    traffic = town.traffic(0, 5)
    assert traffic.report == SpawnReport(0, 0)
    nobody_drives = FleetState(np.zeros((0, 3)), np.zeros(0), np.zeros((0, 3)))
    traffic.send(traffic.decide(nobody_drives, nobody(), np.zeros(0, dtype=np.uint8)))
    traffic.destroy()
