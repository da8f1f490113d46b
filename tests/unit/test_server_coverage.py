"""The table of remote methods and the page that is generated from it."""

from __future__ import annotations

from collections import Counter

from simulator.coverage import PATH, render
from simulator.rpc.batch import COMMANDS
from simulator.rpc_methods import METHODS


def test_page_is_up_to_date() -> None:
    assert PATH.read_text(encoding="utf-8") == render(), "run `python -m simulator.coverage`"


def test_every_name_is_listed_once() -> None:
    assert max(Counter(method.name for method in METHODS).values()) == 1


def test_batches_have_all_commands() -> None:
    assert len(COMMANDS) == 22
    assert [COMMANDS[i].name for i in (0, 1, 2, 6, 19, 21)] == [
        "SpawnActor",
        "DestroyActor",
        "ApplyVehicleControl",
        "ApplyTransform",
        "ApplyLocation",
        "SetTrafficLightState",
    ]
