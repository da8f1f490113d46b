"""nightly-carla.yml from first step to last on a real engine, with our headless image in CARLA's place."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.servers.engine import Engine
from tests.support import engine as docker
from tests.support.github.runner import Runner, load
from tests.support.github.workspace import commit, copy_repository, stand_in_venv

pytestmark = [
    pytest.mark.docker,
    pytest.mark.server,
    pytest.mark.timeout(900),
    pytest.mark.xdist_group("containers"),
]

SHORTER = {
    "carlasim/carla:0.9.16": None,  # the image under test
    'gpus: "0"': 'gpus: "none"',
    "longest6-town01 longest6-town02": "smoke",
    'traffic: "20"': 'traffic: "5"',
    'repeats: "3"': 'repeats: "1"',
}


def test_a_night_drives_on_containers_and_asks_for_a_baseline(
    engine: Engine, image: str, tmp_path: Path
) -> None:
    repository = copy_repository(tmp_path / "repository")
    workflow = repository / ".github/workflows/nightly-carla.yml"
    text = workflow.read_text()
    for old, new in SHORTER.items():
        assert old in text
        text = text.replace(old, new or image)
    workflow.write_text(text)
    github = {
        "event_name": "schedule",
        "event": {"repository": {"fork": False}},
        "repository": "us/cars",
        "ref": "refs/heads/main",
        "token": "",
    }
    before = docker.inventory(engine)
    runner = Runner(commit(repository, "A night"), tmp_path / "jobs", github, stand_in_venv, {})
    job = runner.run(workflow)["carla"]
    assert job.result == "success", job.log
    assert "drivegate: NONE" in job.log
    assert "drivegate baseline update" in job.log
    kept = tmp_path / "jobs/artifacts/nightly-carla-report"
    assert len(list(kept.glob("drivegate-run/episodes/expert/*/attempt-0/outcome.json"))) == 3
    assert list(kept.glob("drivegate-run/logs/server-*.log"))
    assert (kept / "drivegate-verdict/report.html").exists()
    assert docker.left_behind(engine, before) == set()
    assert not [one for one in engine.list() if one.run.startswith(str(tmp_path))]


def test_the_night_says_which_gpu() -> None:
    """CARLA's image is refused without a word about it."""
    (_, step) = load(Path(__file__).parents[2] / ".github/workflows/nightly-carla.yml")["jobs"]["carla"][
        "steps"
    ]
    assert step["with"]["server"] == "docker"
    assert step["with"]["gpus"]
