"""A few of the cases of `make compat`, as tests: one of each client and mode, and provoked infractions."""

from __future__ import annotations

import json
import os
from argparse import Namespace
from pathlib import Path

import pytest

from tests.compat import report
from tests.compat.__main__ import EXPECTED, clients_at
from tests.compat.cases import Case, all_cases
from tests.compat.runs import Clients, read, run
from tests.support.headless import Endpoint

pytestmark = [pytest.mark.compat, pytest.mark.server, pytest.mark.slow, pytest.mark.timeout(1200)]

PATHS = ("SCENARIO_RUNNER", "LEADERBOARD", "CARLA_AGENTS", "COMPAT_PYTHON")
"""Variables of the environment that say where the clients are; docs/compatibility.md explains them."""

CHOSEN = (
    "FollowLeadingVehicle-FollowLeadingVehicle_1",
    "ControlLoss-ControlLoss_4",
    "xosc-LaneChangeSimple",
    "osc2-keep_lane",
    "route-Town02-10-runs-red-lights",
    "route-Town07-stop-runs-stop-signs",
    "leaderboard-Town07-stop-autopilot",
)


@pytest.fixture(scope="module")
def clients() -> Clients:
    """The clients as they were pinned."""
    missing = [name for name in PATHS if name not in os.environ]
    if missing:
        pytest.skip(f"not set: {', '.join(missing)}; see docs/compatibility.md")
    scenario_runner, leaderboard, agents, python = (Path(os.environ[name]) for name in PATHS)
    options = Namespace(
        scenario_runner=scenario_runner, leaderboard=leaderboard, carla_agents=agents, python=python
    )
    found, differences = clients_at(options)
    if differences:
        pytest.skip("; ".join(differences))
    return found


@pytest.mark.parametrize("name", CHOSEN)
def test_a_case_comes_out_as_it_is_known_to(
    name: str, clients: Clients, server: Endpoint, tmp_path: Path
) -> None:
    case = _case(name, clients)
    run(case, clients, server, tmp_path)
    result = read(case, tmp_path)
    judged = report.verdict(case, result, json.loads(EXPECTED.read_text()))
    assert judged.good, (judged.word, result)


def _case(name: str, clients: Clients) -> Case:
    return next(case for case in all_cases(clients.scenario_runner) if case.name == name)
