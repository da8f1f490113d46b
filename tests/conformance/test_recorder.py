"""The recorder and the replayer, of which there are none: nobody's run ends for the want of a recording."""

from __future__ import annotations

import carla
import pytest

pytestmark = [pytest.mark.server, pytest.mark.own_server]


def test_a_recorder_that_cannot_open_its_file_says_so_as_carla_does(
    client: carla.Client, world: carla.World
) -> None:
    assert client.start_recorder("run.log", True) == ""
    client.stop_recorder()
    assert client.show_recorder_file_info("run.log", True) == "File run.log not found on server\n"
    assert world.tick() == world.get_snapshot().frame


def test_the_replayer_takes_its_settings(client: carla.Client, world: carla.World) -> None:
    client.set_replayer_time_factor(2.0)
    client.set_replayer_ignore_hero(True)
    client.set_replayer_ignore_spectator(True)
    client.stop_replayer(False)
    assert world.tick() == world.get_snapshot().frame


def test_there_are_no_files_to_ask_for(client: carla.Client, world: carla.World) -> None:
    assert list(client.get_required_files("", False)) == []
    with pytest.raises(RuntimeError, match="no file"):
        client.request_file("Carla/Maps/Nav/Town01.bin")
    assert world.tick() == world.get_snapshot().frame
