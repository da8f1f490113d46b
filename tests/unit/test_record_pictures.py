"""The files of a record that only pictures need: plans, lanes, camera. No score depends on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from harness.record import CorruptRecordError, EpisodeWriter, RecordError, read_episode
from harness.record.errors import FutureRecordError
from harness.record.lanes import read_lanes, write_lanes
from harness.record.layout import LANES, PICTURE_FILES, PLANS
from harness.record.plans import PlanStream, read_plans
from harness.record.run_folder import PlannedEpisode, attempt_folder
from harness.score import ScoreVersion, score_run
from tests.support.facts_builder import episode_facts, tick_facts
from tests.support.records import header
from tests.support.report_runs import STRIPS, jpeg, run_folder


@pytest.fixture
def attempt(tmp_path: Path) -> Path:
    run = run_folder(tmp_path / "run", routes=("1",), repeats=1, pictures=True)
    return attempt_folder(run, PlannedEpisode("net", "1", 0), 0)


def test_plans_and_lanes_come_back(attempt: Path) -> None:
    record = read_episode(attempt)
    plans, lanes = record.plans(), record.lanes()
    assert plans is not None
    assert lanes is not None
    assert plans.tick.tolist() == list(range(record.tick_count - 1))
    assert plans.start.tolist() == [4 * k for k in range(record.tick_count)]
    assert plans.t_s[:4].tolist() == [0.5, 1.0, 1.5, 2.0]
    np.testing.assert_allclose(plans.point_in_world[:4], [[2.25, 0], [4.25, 0], [6.25, 0], [8.25, 0]])
    np.testing.assert_array_equal(lanes.left_in_world, STRIPS.left_in_world)
    np.testing.assert_array_equal(lanes.start, STRIPS.start)
    np.testing.assert_array_equal(lanes.left, STRIPS.left)
    assert [tick for tick, _ in record.camera()][:3] == [0, 20, 40]
    assert record.camera()[1][1].read_bytes() == jpeg(20)


def test_the_end_marker_knows_them_and_a_score_does_not_need_them(attempt: Path) -> None:
    before = read_episode(attempt)
    assert set(PICTURE_FILES) <= set(before.sha256)
    run = attempt.parents[3]
    score = score_run(run, ScoreVersion.LB2_1).per_episode
    for name in PICTURE_FILES:
        (attempt / name).unlink()
    after = read_episode(attempt)
    assert (after.plans(), after.lanes()) == (None, None)
    assert score_run(run, ScoreVersion.LB2_1).per_episode == score


@pytest.mark.parametrize("name", PICTURE_FILES)
def test_a_changed_file_is_said_and_never_shown(attempt: Path, name: str) -> None:
    path = attempt / name
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    record = read_episode(attempt)
    with pytest.raises(CorruptRecordError, match="no score needs it"):
        record.plans() if name == PLANS else record.lanes()


def test_a_policy_that_says_nothing_leaves_no_file(tmp_path: Path) -> None:
    with EpisodeWriter(tmp_path / "a", header(), episode_facts()) as writer:
        writer.append(tick_facts(0))
        writer.abandon("test")
    assert not (tmp_path / "a" / PLANS).exists()
    assert not (tmp_path / "a" / LANES).exists()


def test_one_plan_per_tick(tmp_path: Path) -> None:
    times, points = np.array([0.5, 1.0]), np.zeros((2, 2))
    stream = PlanStream(tmp_path / PLANS)
    stream.add(3, times, points)
    with pytest.raises(RecordError, match="plan of tick 3"):
        stream.add(3, times, points)
    with pytest.raises(RecordError, match="shape"):
        stream.add(4, times, np.zeros((3, 2)))
    stream.close()
    assert read_plans(tmp_path / PLANS).tick.tolist() == [3]


def test_plans_of_any_length_and_number(tmp_path: Path) -> None:
    stream = PlanStream(tmp_path / PLANS)
    rng = np.random.default_rng(1)
    plans = {2 * k: rng.normal(size=(int(rng.integers(1, 6)), 2)) for k in range(1203)}
    for tick, points in plans.items():
        stream.add(tick, np.arange(1, len(points) + 1) * 0.1, points)
    stream.close()
    found = read_plans(tmp_path / PLANS)
    assert found.tick.tolist() == list(plans)
    for number, points in enumerate(plans.values()):
        piece = slice(found.start[number], found.start[number + 1])
        np.testing.assert_allclose(found.point_in_world[piece], points, atol=1e-6)
        assert len(found.t_s[piece]) == len(points)


def test_other_versions_and_torn_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / LANES
    write_lanes(path, STRIPS)
    data = path.read_bytes()
    with pa.ipc.open_stream(data) as reader:
        table = reader.read_all().replace_schema_metadata({"lanes_version": "9"})
    with pa.ipc.new_stream(path, table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(FutureRecordError):
        read_lanes(path)
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(CorruptRecordError):
        read_lanes(path)
    with pytest.raises(CorruptRecordError, match="cannot be read"):
        read_plans(tmp_path / "none.arrow")
