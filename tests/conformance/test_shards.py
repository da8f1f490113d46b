"""A run driven in shards, each by a process of its own, and merged: the same records as in one piece."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.harness_runs import drivegate, route_file, scored_records


@pytest.mark.server
def test_merged_shards_are_the_run_in_one_piece(tmp_path: Path) -> None:
    routes = route_file(tmp_path / "routes.xml", "a", "b", "c", start=(92.1, 100.0), end=(92.1, 140.0))
    run = ("run", "--suite", str(routes), "--policy", "expert")
    whole = drivegate(*run, "--out", str(tmp_path / "whole"))
    assert whole.code == 0, whole.err
    for part in ("1", "2"):
        done = drivegate(*run, "--shard", f"{part}/2", "--out", str(tmp_path / part))
        assert done.code == 0, done.err
    merged = drivegate("merge", str(tmp_path / "2"), str(tmp_path / "1"), "--out", str(tmp_path / "merged"))
    assert merged.code == 0, merged.err
    assert scored_records(tmp_path / "merged") == scored_records(tmp_path / "whole")
    assert len(scored_records(tmp_path / "merged")) == 3
    gate = drivegate("gate", "--baseline", str(tmp_path / "whole"), "--candidate", str(tmp_path / "merged"))
    assert gate.code == 0, gate.out
    assert "3 of them identical" in gate.out
    missing = drivegate("merge", str(tmp_path / "2"), "--out", str(tmp_path / "half"))
    assert missing.code == 2
    assert "shard 1/2 is missing" in missing.err
