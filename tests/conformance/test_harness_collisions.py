"""Collision messages belong to the tick in which they happened, every time, on a busy machine too."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import carla
import pytest

from harness.client.collisions import CollisionLog
from harness.client.session import Session
from harness.servers.embedded import EmbeddedServer
from tests.support.harness_runs import free_block

pytestmark = pytest.mark.server

_DT_S = 0.05
_ROUNDS = 60
_TICKS = 30
_SPEED_MPS = 15.0


@contextlib.contextmanager
def _busy_machine(count: int) -> Iterator[None]:
    hogs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


@dataclass(frozen=True)
class _Range:
    """A straight lane: the ego at its beginning, two cars side by side in its way, one behind them."""

    session: Session
    log: CollisionLog
    start: carla.Transform
    cars: tuple[tuple[carla.Vehicle, carla.Transform], ...]

    def crash(self) -> list[tuple[tuple[int, int], ...]]:
        """Drive the ego into the others; per tick, (ticks since it happened, which car) of each message."""
        forward = self.start.get_forward_vector()
        for car, place in self.cars:
            car.set_transform(place)
            car.set_target_velocity(carla.Vector3D())
        self.cars[0][0].set_target_velocity(
            carla.Vector3D(forward.x * _SPEED_MPS, forward.y * _SPEED_MPS, 0.0)
        )
        number = {car.id: i for i, (car, _) in enumerate(self.cars)}
        seen = []
        for _ in range(_TICKS):
            frame = self.session.tick().frame
            seen.append(tuple((frame - m.frame, number[m.other_id]) for m in self.log.take(frame)))
        return seen


@contextlib.contextmanager
def _range(folder: Path) -> Iterator[_Range]:
    with EmbeddedServer(folder, first_port=free_block(), dt_s=_DT_S, start_deadline_s=180.0) as server:
        session = Session(
            server.endpoint,
            is_alive=server.is_alive,
            dt_s=_DT_S,
            tick_deadline_s=60.0,
            request_deadline_s=60.0,
        )
        lane_map = session.load("Town01")
        start = lane_map.get_waypoint(lane_map.get_spawn_points()[10].location).transform
        forward, right = start.get_forward_vector(), start.get_right_vector()

        def place(ahead_m: float, right_m: float = 0.0) -> carla.Transform:
            offset = forward * ahead_m + right * right_m
            location = start.location + carla.Location(offset.x, offset.y, offset.z + 0.3)
            return carla.Transform(location, start.rotation)

        rotation = start.rotation
        ego = session.spawn_ego(
            (start.location.x, start.location.y, start.location.z),
            (rotation.pitch, rotation.yaw, rotation.roll),
        )
        log = session.listen_for_collisions(ego)
        blueprint = session.blueprint("vehicle.audi.tt")
        places = (place(14.0, 1.1), place(14.0, -1.1), place(22.0))
        cars = tuple((session.spawn(blueprint, where), where) for where in places)
        log.discard(session.settle(ego, 20).frame)
        yield _Range(session, log, start, ((ego, place(0.0)), *cars))


@pytest.mark.parametrize("hogs", [0, 3])
def test_every_collision_is_handed_over_in_its_tick(tmp_path: Path, hogs: int) -> None:
    with _range(tmp_path) as lane, _busy_machine(hogs):
        rounds = [lane.crash() for _ in range(_ROUNDS)]
    messages = [message for ticks in rounds for tick in ticks for message in tick]
    assert len(messages) >= 2 * _ROUNDS
    assert {delay for delay, _ in messages} == {0}
    assert lane.log.late_count == 0
    assert max(len(tick) for ticks in rounds for tick in ticks) >= 2  # two cars hit in one tick
