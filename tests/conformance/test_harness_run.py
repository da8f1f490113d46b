"""Whole runs on the embedded server: policies pay for what they do, equal runs are equal to the byte."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.record import read_episode
from harness.record.layout import LANES, PLANS
from tests.support import harness_runs as runs
from tests.support.carla_client import connect
from tests.support.headless import Headless
from tests.support.odd_policies import FAULT_TICK

pytestmark = pytest.mark.server

_ODD = {
    "Raises": "KeyError: 'no such feature'",
    "Leaves": "SystemExit: 3",
    "NotANumber": "throttle=nan",
    "OutOfRange": "steer=-1.01",
    "BrokenPlan": "strictly increasing",
    "AnswersNothing": "NoneType",
    "Peeks": "lanes False, others False",
    "RaisesInReset": "reset: RuntimeError: no weights",
    "CannotBeMade": "set-up: MemoryError: too large",
    "Sensitive": "sensors: ValueError: no sensors today",
}


def _run(out: Path, *arguments: str) -> runs.Finished:
    port = f"machine.first_port={runs.free_block(40)}"
    return runs.drivegate("run", *arguments, "--out", str(out), "--set", port, timeout_s=280.0)


def _short_route(tmp_path: Path, *ids: str) -> str:
    return str(runs.route_file(tmp_path / "short.xml", *ids, start=(338.68, 176.0), end=(338.65, 150.0)))


def test_every_fault_of_a_policy_is_scored_as_its_own(tmp_path: Path) -> None:
    out = tmp_path / "run"
    names = [f"tests.support.odd_policies:{name}" for name in _ODD]
    policies = [word for name in names for word in ("--policy", name)]
    done = _run(out, "--suite", _short_route(tmp_path, "1"), *policies)
    assert done.code == 0, done.err
    assert runs.infra_log(out) == []
    assert len(runs.outcomes(out)) == len(_ODD)
    for path in out.glob("episodes/*/1-r0/attempt-0"):
        record = read_episode(path)
        name = record.header.policy.partition(":")[2]
        assert record.outcome.value == "policy_fault"
        assert _ODD[name] in record.reason
        before_first_step = name in ("RaisesInReset", "CannotBeMade", "Sensitive")
        assert record.tick_count == (0 if before_first_step else FAULT_TICK + 1)


def test_a_plan_drives_the_route(tmp_path: Path) -> None:
    out = tmp_path / "run"
    done = _run(out, "--suite", _short_route(tmp_path, "1"), "--policy", "tests.support.odd_policies:Planner")
    assert done.code == 0, done.err
    (record,) = [read_episode(path) for path in out.glob("episodes/*/*/*")]
    assert record.outcome.value == "completed", record.reason
    assert not record.header.privileged
    plans = record.plans()
    assert plans is not None
    assert plans.tick.tolist() == list(range(record.tick_count - 1))  # the last tick is not shown to it
    first = plans.point_in_world[plans.start[:-1]]
    ahead = first - record.table().ego_location[:-1, :2]
    yaw = np.radians(record.table().ego_rotation_deg[:-1, 1])
    assert (ahead[:, 0] * np.cos(yaw) + ahead[:, 1] * np.sin(yaw) > -2.0).all()
    assert np.abs(ahead[:, 1] * np.cos(yaw) - ahead[:, 0] * np.sin(yaw)).max() < 1.5
    lanes = record.lanes()
    assert lanes is not None
    middle = 0.5 * (lanes.left_in_world + lanes.right_in_world)
    route = record.facts.route.location[:, :2]
    assert np.linalg.norm(middle[:, None] - route[None], axis=2).min(axis=0).max() < 16.0


def test_a_front_camera_for_the_report_changes_nothing(tmp_path: Path) -> None:
    arguments = ("--suite", _short_route(tmp_path, "1"), "--policy", "expert", "--traffic", "8")
    without, filmed = tmp_path / "without", tmp_path / "filmed"
    assert _run(without, *arguments).code == 0
    assert _run(filmed, *arguments, "--record-camera").code == 0
    assert runs.scored_records(without) == runs.scored_records(filmed)
    (bare,) = [read_episode(path) for path in without.glob("episodes/*/*/*")]
    (record,) = [read_episode(path) for path in filmed.glob("episodes/*/*/*")]
    assert bare.sha256[PLANS] == record.sha256[PLANS]
    assert bare.sha256[LANES] == record.sha256[LANES]
    assert bare.camera() == ()
    pictures = record.camera()
    ticks = [tick for tick, _ in pictures]
    assert len(ticks) >= record.tick_count // 20 - 1
    assert set(np.diff(ticks).tolist()) == {20}
    seen = [np.asarray(Image.open(path).convert("RGB")) for _, path in pictures]
    assert all(image.std() > 10.0 for image in seen)  # the town, not a blank
    assert np.abs(seen[0].astype(int) - seen[-1]).mean() > 1.0  # the ego has moved


def test_equal_runs_are_equal_to_the_byte_whatever_the_workers(tmp_path: Path) -> None:
    arguments = (
        "--suite",
        _short_route(tmp_path, "1", "2", "3"),
        "--policy",
        "expert",
        "--policy",
        "constant",
    )
    arguments += ("--traffic", "12", "--repeats", "2", "--seed", "5")
    one, two = tmp_path / "one", tmp_path / "two"
    assert _run(one, *arguments, "--workers", "1").code == 0
    assert _run(two, *arguments, "--workers", "2").code == 0
    records = runs.scored_records(one)
    assert len(records) == 12
    assert records == runs.scored_records(two)
    assert (
        len({ticks for ticks, _, _ in records.values()}) == 12
    )  # another route, repeat or policy: other ticks


def test_a_run_says_what_it_was_and_can_be_scored_again(tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert _run(out, "--suite", _short_route(tmp_path, "1"), "--policy", "constant", "--seed", "3").code == 0
    content = json.loads((out / "run.json").read_text())
    assert content["config"]["drive"]["seed"] == 3
    assert content["versions"]["carla"] == "0.9.16"
    assert content["planned"] == [{"policy": "constant", "repeat": 0, "route_id": "1"}]
    for command, version in (("show", "lb2_1"), ("score", "lb2_0")):
        done = runs.drivegate(command, str(out), "--version", version)
        assert done.code == 0, done.err
        assert f"ds_{version}" in done.out


def test_a_remote_server_gives_the_same_records_and_is_left_running(
    tmp_path: Path, start_server: Callable[..., Headless]
) -> None:
    server = start_server()
    arguments = ("--suite", _short_route(tmp_path, "1", "2"), "--policy", "constant", "--traffic", "5")
    here, there = tmp_path / "here", tmp_path / "there"
    assert _run(here, *arguments).code == 0
    done = _run(there, *arguments, "--server", f"remote:{server.endpoint.host}:{server.endpoint.port}")
    assert done.code == 0, done.err
    assert runs.scored_records(there) == runs.scored_records(here)
    assert server.process.poll() is None
    assert not connect(server.endpoint).get_world().get_settings().synchronous_mode


@pytest.mark.parametrize(
    ("town", "start", "says"),
    [("Town05", (338.68, 176.0), "Town05"), ("Town01", (330.0, 120.0), "key point 0")],
)
def test_a_route_that_cannot_be_driven_here_is_refused(
    tmp_path: Path, town: str, start: tuple[float, float], says: str
) -> None:
    path = runs.route_file(tmp_path / "lost.xml", "1", start=start, end=(338.65, 100.0))
    path.write_text(path.read_text().replace("Town01", town))
    out = tmp_path / "run"
    done = _run(out, "--suite", str(path), "--policy", "constant")
    assert done.code == 2, done.err
    assert says in done.err
    assert "Traceback" not in done.err
    assert runs.infra_log(out) == []
