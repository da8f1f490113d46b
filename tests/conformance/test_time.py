"""Settings, ticks and frames."""

from __future__ import annotations

import carla
import pytest

from tests.support.carla_client import DELTA_S

pytestmark = pytest.mark.server


def test_settings_round_trip(world: carla.World) -> None:
    settings = world.get_settings()
    settings.fixed_delta_seconds = 0.02
    settings.max_substep_delta_time = 0.005
    settings.max_substeps = 4
    settings.no_rendering_mode = True
    world.apply_settings(settings)
    read = world.get_settings()
    assert read.fixed_delta_seconds == pytest.approx(0.02)
    assert read.max_substep_delta_time == pytest.approx(0.005)
    assert read.max_substeps == 4
    assert read.no_rendering_mode
    assert read.synchronous_mode


def test_every_tick_is_one_frame_and_one_step_of_time(world: carla.World) -> None:
    before = world.get_snapshot()
    for count in range(1, 101):
        frame = world.tick()
        snapshot = world.get_snapshot()
        assert frame == snapshot.frame == before.frame + count
        assert snapshot.timestamp.delta_seconds == pytest.approx(DELTA_S)
        elapsed_s = snapshot.timestamp.elapsed_seconds - before.timestamp.elapsed_seconds
        assert elapsed_s == pytest.approx(DELTA_S * count, abs=1e-6)


def test_listeners_get_every_frame_in_order(world: carla.World) -> None:
    frames: list[int] = []
    callback = world.on_tick(lambda snapshot: frames.append(snapshot.frame))
    ticked = [world.tick() for _ in range(50)]
    world.remove_on_tick(callback)
    # The callback of the last frame may still be running when tick() returns.
    assert frames[:49] == ticked[:49]


def test_time_stands_still_without_ticks(world: carla.World) -> None:
    frame = world.tick()
    for _ in range(20):
        world.get_settings()
    assert world.get_snapshot().frame == frame
    assert world.tick() == frame + 1


def test_asynchronous_time_runs_by_itself(world: carla.World) -> None:
    settings = world.get_settings()
    settings.synchronous_mode = False
    world.apply_settings(settings)
    first = world.wait_for_tick()
    second = world.wait_for_tick()
    assert second.frame > first.frame
    assert second.timestamp.elapsed_seconds > first.timestamp.elapsed_seconds


def test_synchronous_mode_can_be_entered_again(world: carla.World) -> None:
    settings = world.get_settings()
    for mode in (False, True, False, True):
        settings.synchronous_mode = mode
        world.apply_settings(settings)
    frame = world.tick()
    assert world.get_snapshot().frame == frame
    assert world.tick() == frame + 1
