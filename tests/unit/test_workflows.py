"""Workflows and the action: what GitHub would refuse, what a stranger could abuse, what shellcheck finds."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.github.expressions import ExpressionError, condition, evaluate, expressions_in, interpolate
from tests.support.github.runner import Runner, load

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
ACTION = ROOT / "action.yml"
JOB_KEYS = {
    "runs-on", "timeout-minutes", "strategy", "steps", "needs", "if", "permissions", "outputs"
}  # fmt: skip
STEP_KEYS = {"name", "id", "if", "uses", "with", "run", "env", "shell"}
EVENTS = {"push", "pull_request", "schedule", "workflow_dispatch"}
"""Not among them: pull_request_target, which hands a writing token to a stranger's code."""

SHELLCHECK = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}:/usr/bin:/usr/local/bin")


def steps() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in WORKFLOWS:
        for name, job in load(path)["jobs"].items():
            for step in job["steps"]:
                yield f"{path.name}:{name}", step
    for step in load(ACTION)["runs"]["steps"]:
        yield "action.yml", step


def test_there_is_something_to_look_at() -> None:
    assert {path.name for path in WORKFLOWS} == {"ci.yml", "closed-loop.yml", "nightly-carla.yml"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_has_the_shape_that_github_reads(path: Path) -> None:
    workflow = load(path)
    assert set(workflow) == {"name", "on", "permissions", "concurrency", "jobs"}
    assert set(workflow["on"]) <= EVENTS
    assert workflow["permissions"] == {"contents": "read"}
    assert set(workflow["concurrency"]) == {"group", "cancel-in-progress"}
    before: dict[str, set[str]] = {}
    for name, job in workflow["jobs"].items():
        assert set(job) <= JOB_KEYS, name
        assert {"runs-on", "timeout-minutes", "steps"} <= set(job), name
        needs = [job["needs"]] if isinstance(job.get("needs"), str) else job.get("needs", [])
        assert set(needs) <= set(before), f"{name} needs a job that does not stand before it"
        for text in re.findall(r"needs\.([\w-]+)\.outputs\.([\w-]+)", str(job)):
            assert text[1] in before[text[0]]
        writes = {key for key, value in job.get("permissions", {}).items() if value == "write"}
        assert writes <= {"pull-requests"}, name
        before[name] = set(job.get("outputs", {}))


@pytest.mark.parametrize(
    ("where", "step"), list(steps()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_step_is_whole_pinned_and_safe(where: str, step: dict[str, Any]) -> None:
    assert set(step) <= STEP_KEYS
    assert ("run" in step) != ("uses" in step)
    if "uses" in step:
        assert step["uses"] == "./" or re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", step["uses"]), "not pinned"
        if step["uses"] == "./":
            assert set(step.get("with", {})) <= set(load(ACTION)["inputs"])
        return
    # A title or a branch name that is pasted into a script is executed; through the environment it is a text.
    assert not expressions_in(step["run"])
    assert where != "action.yml" or step["shell"] == "bash"
    parsed = subprocess.run(["bash", "-n"], input=step["run"], text=True, capture_output=True, check=False)
    assert parsed.returncode == 0, parsed.stderr


def test_every_version_is_written_beside_its_hash() -> None:
    for path in [*WORKFLOWS, ACTION]:
        for line in path.read_text().splitlines():
            assert (
                "uses:" not in line
                or line.strip().endswith("uses: ./")
                or re.search(r" # v\d+\.\d+\.\d+$", line)
            )


def test_what_the_action_refers_to_is_there() -> None:
    action, text = load(ACTION), ACTION.read_text()
    assert set(re.findall(r"inputs\.([\w-]+)", text)) <= set(action["inputs"])
    unused = set(action["inputs"]) - set(re.findall(r"inputs\.([\w-]+)", text))
    assert not unused
    written = {
        step["id"]: set(re.findall(r'echo "([\w-]+)=[^"]*"[^\n]*GITHUB_OUTPUT', step["run"]))
        | set(re.findall(r'echo "([\w-]+)=\$', step["run"]))
        for step in action["runs"]["steps"]
        if "id" in step
    }
    for step_id, output in re.findall(r"steps\.([\w-]+)\.outputs\.([\w-]+)", text):
        assert output in written[step_id]


@pytest.mark.skipif(SHELLCHECK is None, reason="shellcheck is not installed (make setup brings it)")
def test_shellcheck_has_nothing_to_say() -> None:
    assert SHELLCHECK is not None
    for _, step in steps():
        if "run" in step:
            script = f"#!/bin/bash\n{step['run']}"
            done = subprocess.run(
                [SHELLCHECK, "-"], input=script, text=True, capture_output=True, check=False
            )
            assert done.returncode == 0, done.stdout
    for path in sorted((ROOT / "ci").glob("*.sh")):
        done = subprocess.run([SHELLCHECK, str(path)], text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stdout


def test_the_steps_of_ci_run(tmp_path: Path) -> None:
    """The scripts as they stand; make only says what it would do, because they are what runs this test."""
    repository = tmp_path / "repository"
    subprocess.run(["git", "clone", "--quiet", "--no-local", str(ROOT), str(repository)], check=True)
    shutil.copy(ROOT / "Makefile", repository / "Makefile")
    github = {
        "event_name": "push",
        "repository": "us/cars",
        "ref": "refs/heads/main",
        "event": {},
        "token": "",
    }
    bring = lambda workspace: shutil.copy(ROOT / "Makefile", workspace / "Makefile")  # noqa: E731
    results = Runner(repository, tmp_path / "jobs", github, bring, {"MAKEFLAGS": "n"}).run(
        ROOT / ".github/workflows/ci.yml"
    )
    assert {name: job.result for name, job in results.items()} == {
        "check": "success",
        "test (3.11)": "success",
        "test (3.12)": "success",
        "closed-loop": "success",
    }
    assert "mypy" in results["check"].log
    assert "ci/verdict.sh" in results["closed-loop"].log


def comment_condition(**event: Any) -> bool:
    (step,) = [step for step in load(ACTION)["runs"]["steps"] if step.get("name") == "Comment"]
    github = {"event_name": "pull_request", "repository": "us/cars", "event": event}
    functions = {"success": lambda: True}
    return condition(
        step["if"], {"github": github, "inputs": {"mode": "judge", "comment": "true"}, "functions": functions}
    )


def test_forks_get_no_comment() -> None:
    def event(name: str) -> dict[str, Any]:
        return {"head": {"repo": {"full_name": name}}}

    assert comment_condition(pull_request=event("us/cars"))
    assert not comment_condition(pull_request=event("them/cars"))
    assert not comment_condition()


def test_the_evaluator_refuses_what_it_does_not_know() -> None:
    contexts = {"github": {"ref": "main", "event": {}}, "functions": {"always": lambda: True}}
    assert evaluate("github.ref == 'MAIN' && !false || null", contexts) is True
    assert evaluate("github.event.pull_request.number", contexts) is None
    assert interpolate("on ${{ github.ref }}: ${{ 'it''s' }}", contexts) == "on main: it's"
    for wrong in (
        "github.reff",
        "secrets.x",
        "failure()",
        "github.ref ==",
        "(true",
        "true true",
        "a[0]",
        "#",
    ):
        with pytest.raises(ExpressionError):
            evaluate(wrong, contexts)
