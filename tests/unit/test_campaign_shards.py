"""Shards: who drives what, and what may be put together."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.campaign.plan import Plan, open_run, read_run
from harness.campaign.shards import Shard, merge_runs, stored_shard
from harness.config import RunConfig
from harness.errors import ConfigError, MergeError, ResumeMismatchError
from harness.outcome import Outcome
from harness.record.errors import CorruptRecordError
from harness.record.run_folder import PlannedEpisode, attempt_folder, read_faults, read_planned
from harness.score import ScoreVersion, score_run
from tests.support.facts_builder import episode_facts, tick_facts
from tests.support.records import drive_and_record, header


def plan(shard: Shard | None = None, **drive: Any) -> Plan:
    policies = ({"name": "expert"}, {"name": "constant"})
    values = {"suites": ("smoke",), "policies": policies, "repeats": 2, **drive}
    return Plan.of(RunConfig.model_validate({"drive": values}), shard)


def drive(folder: Path, planned: Plan, *, lose: PlannedEpisode | None = None) -> Path:
    """A run folder with a record of everything planned; one episode may be lost to the infrastructure."""
    open_run(folder, planned, resume=False)
    for one in planned.planned:
        drive_and_record(
            attempt_folder(folder, one, 0),
            episode_facts(),
            [tick_facts(k, 0.5 * k + 0.25 + 0.01 * one.repeat) for k in range(204)],
            head=header(one.policy, one.route_id, one.repeat),
            fault=Outcome.INFRA_FAULT if one == lose else None,
        )
        if one == lose:
            fault = {"policy": one.policy, "route_id": one.route_id, "repeat": one.repeat}
            (folder / "infra.jsonl").write_text(json.dumps(fault) + "\n")
    (folder / "logs").mkdir()
    (folder / "logs/server.log").write_text(folder.name)
    return folder


@pytest.mark.parametrize("text", ["2", "0/2", "3/2", "1/0", "-1/2", "1/2/3", "a/b", "1.0/2", "", "²/3"])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--shard"):
        Shard.parse(text)


def test_a_shard_is_read_and_written() -> None:
    assert Shard.parse("2/4") == Shard(2, 4)
    assert str(Shard(2, 4)) == "2/4"


@given(
    routes=st.integers(1, 7), policies=st.integers(1, 3), repeats=st.integers(1, 4), count=st.integers(1, 9)
)
def test_every_episode_is_in_exactly_one_shard(routes: int, policies: int, repeats: int, count: int) -> None:
    planned = [
        PlannedEpisode(f"p{p}", f"r{r}", k)
        for p in range(policies)
        for r in range(routes)
        for k in range(repeats)
    ]
    shards = [Shard(index, count).pick(planned) for index in range(1, count + 1)]
    assert sorted(one for shard in shards for one in shard) == sorted(planned)
    sizes = [len(shard) for shard in shards]
    # Each repeat is dealt evenly by itself.
    assert max(sizes) - min(sizes) <= repeats
    # More repeats leave the others where they are.
    fewer = [one for one in planned if one.repeat < repeats - 1]
    for index, shard in enumerate(shards, start=1):
        assert Shard(index, count).pick(fewer) == tuple(one for one in shard if one in fewer)


def test_a_merged_run_equals_the_whole_one(tmp_path: Path) -> None:
    lost = plan().planned[3]
    whole = drive(tmp_path / "whole", plan(), lose=lost)
    # A fourth of 12 episodes each; more shards than a route has repeats.
    parts = [drive(tmp_path / f"part{i}", plan(Shard(i, 4)), lose=lost) for i in (1, 2, 3, 4)]
    merged = tmp_path / "deep" / "merged"
    assert merge_runs([parts[2], parts[0], parts[3], parts[1]], merged) == 12
    assert json.loads((merged / "run.json").read_text()) == json.loads((whole / "run.json").read_text())
    assert read_planned(merged) == read_planned(whole) == plan().planned
    assert read_faults(merged) == read_faults(whole) == {lost: 1}
    assert score_run(merged, ScoreVersion.LB2_1) == score_run(whole, ScoreVersion.LB2_1)
    files = {path.relative_to(whole): path.read_bytes() for path in whole.glob("episodes/**/*.*")}
    assert {path.relative_to(merged): path.read_bytes() for path in merged.glob("episodes/**/*.*")} == files
    assert (merged / "logs/shard-3/server.log").read_text() == "part3"
    # It goes on as the whole run would.
    open_run(merged, plan(), resume=True)
    assert stored_shard(merged) is None
    assert not (tmp_path / "deep" / "merged.merging").exists()


def test_a_shard_without_work_is_part_of_the_run(tmp_path: Path) -> None:
    parts = [drive(tmp_path / f"{i}", plan(Shard(i, 7), repeats=1)) for i in range(1, 8)]
    assert read_planned(parts[6]) == ()
    assert merge_runs(parts, tmp_path / "merged") == 6
    assert score_run(tmp_path / "merged", ScoreVersion.LB2_1).n_valid == 6


def rewrite(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads((folder / "run.json").read_text())
    change(content)
    (folder / "run.json").write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda c: c["config"]["drive"].update(seed=5), r"drive.seed differs \(0 there, 5 here\)"),
        (lambda c: c["config"]["drive"].pop("traffic"), "drive.traffic differs"),
        (lambda c: c["suites"].update(smoke="0"), "the suites' content differs"),
        (lambda c: c["versions"].update(numpy="1.0"), "the software differs"),
        (lambda c: c["shard"].update(count=3), "the number of shards differs"),
        (lambda c: c["shard"]["whole"].pop(), "the plan differs;"),
        (lambda c: c.pop("shard"), "is a whole run, not a shard"),
        (lambda c: c["shard"].update(index=1), "shard 1/2 is there twice"),
        (lambda c: c["planned"].pop(), "does not plan what its shard must"),
    ],
)
def test_parts_of_different_runs_are_not_put_together(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], says: str
) -> None:
    parts = [drive(tmp_path / f"{i}", plan(Shard(i, 2))) for i in (1, 2)]
    rewrite(parts[1], change)
    with pytest.raises(MergeError, match=says):
        merge_runs(parts, tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


def test_how_the_work_was_done_may_differ(tmp_path: Path) -> None:
    parts = [drive(tmp_path / f"{i}", plan(Shard(i, 2))) for i in (1, 2)]
    rewrite(parts[1], lambda content: content["config"]["machine"].update(workers=8))
    merge_runs(parts, tmp_path / "merged")
    assert read_run(tmp_path / "merged").machine.workers == 1


def test_missing_and_repeated_parts_are_named(tmp_path: Path) -> None:
    parts = [drive(tmp_path / f"{i}", plan(Shard(i, 4))) for i in (1, 3)]
    with pytest.raises(MergeError, match="shard 2/4, 4/4 is missing"):
        merge_runs(parts, tmp_path / "merged")
    with pytest.raises(MergeError, match="named twice"):
        merge_runs([parts[0], parts[0]], tmp_path / "merged")
    with pytest.raises(CorruptRecordError, match=r"run\.json"):
        merge_runs([tmp_path / "nowhere"], tmp_path / "merged")


def test_nothing_is_written_over(tmp_path: Path) -> None:
    part = drive(tmp_path / "1", plan(Shard(1, 1)))
    with pytest.raises(ConfigError, match="is not empty"):
        merge_runs([part], part)
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="is not empty"):
        merge_runs([part], tmp_path / "file")
    # What an interrupted merge left is taken away; an empty folder is fine.
    (tmp_path / "merged.merging").mkdir()
    (tmp_path / "merged.merging" / "half").write_text("")
    (tmp_path / "merged").mkdir()
    assert merge_runs([part], tmp_path / "merged") == 12
    assert not (tmp_path / "merged" / "half").exists()


def test_a_shard_goes_on_as_the_same_shard_only(tmp_path: Path) -> None:
    folder = drive(tmp_path / "1", plan(Shard(1, 2)))
    assert stored_shard(folder) == Shard(1, 2)
    open_run(folder, plan(Shard(1, 2)), resume=True)
    with pytest.raises(ResumeMismatchError, match="holds shard 1/2, not shard 2/2"):
        open_run(folder, plan(Shard(2, 2)), resume=True)
    with pytest.raises(ResumeMismatchError, match="holds shard 1/2, not a whole run"):
        open_run(folder, plan(), resume=True)
    open_run(folder, plan(Shard(1, 2), repeats=3), resume=True)
    assert len(read_planned(folder)) == 9
