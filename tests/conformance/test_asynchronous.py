"""A world that advances by itself: time steps, listeners, several clients, changes of mode."""

from __future__ import annotations

import itertools
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import carla
import pytest

from simulator.clock import FRAME_S
from tests.support.carla_client import DELTA_S, connect, go_asynchronous, go_synchronous
from tests.support.headless import Endpoint

pytestmark = pytest.mark.server

WAIT_S = 30.0
LONGEST_S = 0.1  # what ten physics steps of a hundredth of a second can fill


@pytest.fixture
def free(client: carla.Client) -> Iterator[carla.World]:
    """Town01 in asynchronous mode with a variable time step."""
    world = client.load_world("Town01")
    go_asynchronous(world)
    yield world
    go_asynchronous(world)


def snapshots(world: carla.World, count: int) -> list[carla.WorldSnapshot]:
    return [world.wait_for_tick(WAIT_S) for _ in range(count)]


@pytest.mark.own_server  # a real server's frames may take longer
def test_variable_time_adds_up(free: carla.World) -> None:
    seen = snapshots(free, 20)
    for before, after in itertools.pairwise(seen):
        assert after.frame > before.frame
        assert 0.0 < after.timestamp.delta_seconds <= LONGEST_S + 1e-6
        if after.frame == before.frame + 1:
            elapsed_s = after.timestamp.elapsed_seconds - before.timestamp.elapsed_seconds
            assert elapsed_s == pytest.approx(after.timestamp.delta_seconds, abs=1e-5)
    # No frame is as long as any other: they follow the real time.
    assert len({snapshot.timestamp.delta_seconds for snapshot in seen}) > 10


def test_fixed_time_runs_freely(free: carla.World) -> None:
    settings = free.get_settings()
    settings.fixed_delta_seconds = 0.02
    free.apply_settings(settings)
    free.wait_for_tick(WAIT_S)
    seen = snapshots(free, 30)
    assert {round(snapshot.timestamp.delta_seconds, 6) for snapshot in seen} == {0.02}
    for before, after in itertools.pairwise(seen):
        elapsed_s = after.timestamp.elapsed_seconds - before.timestamp.elapsed_seconds
        assert elapsed_s == pytest.approx(0.02 * (after.frame - before.frame), abs=1e-4)


def test_a_car_drives_while_nobody_ticks(free: carla.World) -> None:
    blueprint = free.get_blueprint_library().find("vehicle.lincoln.mkz_2020")
    car = free.spawn_actor(blueprint, free.get_map().get_spawn_points()[0])
    car.apply_control(carla.VehicleControl(throttle=1.0))
    for _ in range(600):
        state = free.wait_for_tick(WAIT_S).find(car.id)
        if state is not None and state.get_velocity().length() > 3.0:
            return
    pytest.fail("the car did not get going")


def test_tick_waits_for_the_next_frame(free: carla.World) -> None:
    frames = [free.tick(WAIT_S) for _ in range(5)]
    assert frames == sorted(set(frames))
    assert free.get_snapshot().frame >= frames[-1]


def test_listeners_hear_frames_in_order_until_they_leave(free: carla.World) -> None:
    frames: list[int] = []
    enough = threading.Event()

    def hear(snapshot: carla.WorldSnapshot) -> None:
        frames.append(snapshot.frame)
        if len(frames) >= 10:
            enough.set()

    number = free.on_tick(hear)
    assert enough.wait(WAIT_S)
    free.remove_on_tick(number)
    assert frames == sorted(set(frames))
    snapshots(free, 2)  # a frame may have been on its way
    count = len(frames)
    snapshots(free, 5)
    assert len(frames) == count


def test_clients_see_the_same_frames(server: Endpoint, free: carla.World) -> None:
    other = connect(server).get_world()
    mine = {s.frame: s.timestamp.elapsed_seconds for s in snapshots(free, 10)}
    theirs = {s.frame: s.timestamp.elapsed_seconds for s in snapshots(other, 10)}
    assert max(mine) < max(theirs)
    everything = {**mine, **theirs}
    assert all(everything[frame] == elapsed_s for frame, elapsed_s in mine.items())


def test_modes_change_back_and_forth(free: carla.World) -> None:
    for _ in range(3):
        go_synchronous(free)
        first = free.tick()
        assert [free.tick() for _ in range(5)] == list(range(first + 1, first + 6))
        assert free.get_snapshot().timestamp.delta_seconds == pytest.approx(DELTA_S)
        go_asynchronous(free)
        assert free.wait_for_tick(WAIT_S).frame > first + 5


def test_synchronous_world_stands_still_without_ticks(server: Endpoint, free: carla.World) -> None:
    go_synchronous(free)
    frame = free.tick()
    other = connect(server).get_world()
    assert other.get_settings().synchronous_mode
    with pytest.raises(RuntimeError, match="time-out"):
        other.wait_for_tick(10 * FRAME_S)
    assert free.tick() == frame + 1


@pytest.mark.parametrize("reset", [True, False])
def test_reload_keeps_settings_when_asked(client: carla.Client, free: carla.World, reset: bool) -> None:
    settings = free.get_settings()
    settings.fixed_delta_seconds = 0.04
    settings.no_rendering_mode = True
    free.apply_settings(settings)
    old_id = free.id
    again = client.reload_world(reset)
    assert again.id != old_id
    read = again.get_settings()
    assert read.no_rendering_mode is not reset
    assert read.fixed_delta_seconds == (None if reset else pytest.approx(0.04))
    assert not read.synchronous_mode
    assert again.wait_for_tick(WAIT_S).frame > 0


def test_load_if_different_leaves_the_same_map_alone(client: carla.Client, free: carla.World) -> None:
    before = free.id
    client.load_world_if_different("Town01")
    assert client.get_world().id == before
    client.load_world_if_different("Town02")
    assert client.get_world().id != before


def test_a_client_gives_up_on_a_server_that_does_not_answer() -> None:
    """In a process of its own: the 0.9.16 client may abort when a connection ends before a call does."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        script = (
            "import carla\n"
            f"client = carla.Client('127.0.0.1', {silent.getsockname()[1]}, 1)\n"
            "client.set_timeout(0.5)\n"
            "try:\n"
            "    client.get_server_version()\n"
            "except RuntimeError as error:\n"
            "    print(error, flush=True)\n"
        )
        result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "time-out of 500ms while waiting for the simulator" in result.stdout
