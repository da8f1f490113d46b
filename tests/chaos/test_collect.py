"""`drivegate collect` on a real server, killed in the middle, and taken up again."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from harness.record import is_complete
from tests.support import harness_runs as runs
from training.demonstrations.manifest import read_manifest
from training.demonstrations.verify import verify_demonstrations

pytestmark = [pytest.mark.server, pytest.mark.chaos, pytest.mark.timeout(600)]


def arguments(folder: Path, out: str) -> tuple[str, ...]:
    routes = folder / "routes.xml"
    runs.route_file(routes, "a", start=(338.68, 176.0), end=(338.65, 150.0))
    other = folder / "more.xml"
    runs.route_file(other, "b", start=(338.68, 176.0), end=(338.65, 146.0))
    return (
        *("collect", "--out", str(folder / out), "--suites", f"{routes},{other}", "--val-share", "0.5"),
        *("--image-height", "24", "--image-width", "32", "--keep-runs"),
        *("--set", f"machine.first_port={runs.free_block(40)}"),
    )


def finished(folder: Path) -> list[Path]:
    return [path for path in folder.glob("runs/*/episodes/*/*/*") if is_complete(path)]


def test_killed_and_resumed_gives_the_same_data_set(tmp_path: Path) -> None:
    whole = runs.drivegate(*arguments(tmp_path, "whole"), timeout_s=280.0)
    assert whole.code == 0, whole.err
    assert "2 episodes (train 1, val 1)" in whole.out
    assert [split.split for split in verify_demonstrations(tmp_path / "whole")] == ["train", "val"]

    with runs.started(*arguments(tmp_path, "torn")) as process:
        runs.wait_for("the first episode", lambda: finished(tmp_path / "torn"))
        workers, servers = runs.workers_of(process), runs.servers_of(process)
        os.killpg(process.pid, signal.SIGKILL)
        for pid in (*workers, *servers):
            runs.kill(pid)
    assert not (tmp_path / "torn" / "manifest.json").exists()
    refused = runs.drivegate(*arguments(tmp_path, "torn"))
    assert refused.code == 2
    assert "--resume" in refused.err
    resumed = runs.drivegate(*arguments(tmp_path, "torn"), "--resume", timeout_s=280.0)
    assert resumed.code == 0, resumed.err
    assert read_manifest(tmp_path / "torn").files == read_manifest(tmp_path / "whole").files

    again = runs.drivegate(*arguments(tmp_path, "torn"), "--resume")
    assert again.code == 0
    assert "complete already" in again.out
    other = runs.drivegate(*arguments(tmp_path, "torn"), "--resume", "--noise", "0.5")
    assert other.code == 2
    assert "driver.noise" in other.err
