"""closed-loop.yml from its first step to its last, on a pull request that makes the expert drive too fast."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.github.api import comment_server
from tests.support.github.runner import Runner, load

ROOT = Path(__file__).parents[2]
VENV = Path(sys.executable).parents[1]


def pull_request(folder: Path) -> Path:
    """A copy of this repository in which somebody has put the hasty expert in the expert's place."""
    tracked = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout.split("\0")[:-1]
    for name in tracked:
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    table = folder / "policies/registry.py"
    healthy, hasty = "policies.expert:make_expert", "tests.support.sabotaged_experts:Hasty"
    assert healthy in table.read_text()
    table.write_text(table.read_text().replace(healthy, hasty))
    for command in (
        ["init", "--quiet", "--initial-branch", "faster"],
        ["add", "--all"],
        ["-c", "user.name=A", "-c", "user.email=a@b.c", "commit", "--quiet", "-m", "Arrive earlier"],
    ):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder


def prepare(workspace: Path) -> None:
    """Stand in for what `make core` would download and compile: the environment of this test.

    The simulator is left to that environment too, so that its compiled kernels need not be compiled again.
    """
    (workspace / ".venv").mkdir()
    for entry in VENV.iterdir():
        (workspace / ".venv" / entry.name).symlink_to(entry)
    for stamp in ("core.stamp", "dev.stamp"):
        (workspace / ".venv" / stamp).unlink(missing_ok=True)
        (workspace / ".venv" / stamp).touch()
    shutil.rmtree(workspace / "simulator")


@pytest.mark.slow
@pytest.mark.server
@pytest.mark.timeout(600)
def test_a_pull_request_that_regresses_fails_and_says_why(tmp_path: Path) -> None:
    repository = pull_request(tmp_path / "repository")
    event = {
        "pull_request": {"number": 7, "title": "`touch pwned`", "head": {"repo": {"full_name": "us/cars"}}}
    }
    github = {
        "event_name": "pull_request",
        "event": event,
        "repository": "us/cars",
        "ref": "refs/pull/7/merge",
        "token": "secret",
    }
    with comment_server() as server:
        runner = Runner(repository, tmp_path / "jobs", github, prepare, {"GITHUB_API_URL": server.url})
        results = runner.run(repository / ".github/workflows/closed-loop.yml")
    log = "\n".join(job.log for job in results.values())
    assert {name: job.result for name, job in results.items()} == {
        "drive (1/2)": "success",
        "drive (2/2)": "success",
        "judge": "failure",
    }, log
    judge = results["judge"]
    assert judge.exit_codes == [1], log
    assert judge.outputs == {"verdict": "FAIL"}
    assert [(method, path) for method, path in server.calls] == [
        ("GET", "/repos/us/cars/issues/7/comments"),
        ("POST", "/repos/us/cars/issues/7/comments"),
    ]
    (comment,) = server.comments
    for text in ("<!-- drivegate:closed-loop -->", "FAIL", "cruise_speed"):
        assert text in comment["body"]
    assert "FAIL" in judge.summary
    assert server.tokens == {"Bearer secret"}
    # The merged run is whole, and is kept with the verdict.
    kept = tmp_path / "jobs/artifacts/closed-loop-report"
    assert len(list(kept.glob("drivegate-run/episodes/expert/*/attempt-0/outcome.json"))) == 12
    assert (kept / "drivegate-verdict/summary.md").exists()
    # Every script of the action was executed, here or in the other job.
    scripts = {step["name"] for step in load(ROOT / "action.yml")["runs"]["steps"] if "run" in step}
    assert scripts <= {name for job in results.values() for name in job.ran}
