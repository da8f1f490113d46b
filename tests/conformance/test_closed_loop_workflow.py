"""closed-loop.yml from its first step to its last, on a pull request that makes the expert drive too fast."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.github.api import comment_server
from tests.support.github.runner import Runner, load
from tests.support.github.workspace import ROOT, commit, copy_repository, stand_in_venv


def pull_request(folder: Path) -> Path:
    """A copy of this repository in which somebody has put the hasty expert in the expert's place."""
    copy_repository(folder)
    table = folder / "policies/registry.py"
    healthy, hasty = "policies.expert:make_expert", "tests.support.sabotaged_experts:Hasty"
    assert healthy in table.read_text()
    table.write_text(table.read_text().replace(healthy, hasty))
    return commit(folder, "Arrive earlier")


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
        runner = Runner(repository, tmp_path / "jobs", github, stand_in_venv, {"GITHUB_API_URL": server.url})
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
    assert (kept / "drivegate-verdict/report.html").stat().st_size > 100_000
    # Every script of the action was executed, here or in the other job.
    scripts = {step["name"] for step in load(ROOT / "action.yml")["runs"]["steps"] if "run" in step}
    assert scripts <= {name for job in results.values() for name in job.ran}
