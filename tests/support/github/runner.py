"""A runner for our own workflows: jobs in order, steps as shell scripts, as a GitHub runner starts them.

The `run:` steps are executed as they stand. What GitHub offers around them is played with the least that
does the same: `actions/checkout` clones the commit, artifacts are folders, `actions/setup-python` gives the
python of the tests. Everything else that a workflow might use is an error.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import yaml

from tests.support.github.expressions import condition, interpolate

Step = dict[str, Any]
_SHELLS = {
    "bash": ("bash", "--noprofile", "--norc", "-eo", "pipefail"),
    None: ("bash", "-e"),
}


def load(path: Path) -> dict[Any, Any]:
    """Read a workflow or an action; YAML takes the key `on` for a truth value."""
    content = yaml.safe_load(path.read_text())
    assert isinstance(content, dict)
    return {"on" if key is True else key: value for key, value in content.items()}


@dataclass
class JobResult:
    """How a job went.

    Attributes:
        result: "success", "failure" or "skipped".
        outputs: that it declares.
        log: what its steps printed.
        ran: names (or first lines) of the `run:` steps that were executed.
        exit_codes: of the steps that failed.
        summary: the job summary.
    """

    result: str = "success"
    outputs: dict[str, str] = field(default_factory=dict)
    log: str = ""
    ran: list[str] = field(default_factory=list)
    exit_codes: list[int] = field(default_factory=list)
    summary: str = ""


class _StepFailedError(Exception):
    """A step failed."""


class Runner:
    """Runs workflows of a repository.

    Args:
        repository: what is checked out, a git repository.
        root: folder for workspaces and artifacts.
        github: the context `github`: event_name, event, repository, ref, token.
        prepare: called with a fresh workspace.
        environment: of every step, beside what a runner sets.
    """

    def __init__(
        self,
        repository: Path,
        root: Path,
        github: Mapping[str, Any],
        prepare: Any,
        environment: Mapping[str, str],
    ) -> None:
        self._repository = repository
        self._root = root
        self._github = dict(github)
        self._prepare = prepare
        self._environment = dict(environment)

    def run(self, workflow: Path) -> dict[str, JobResult]:
        """Run all jobs; a matrix gives "job (value)"."""
        results: dict[str, JobResult] = {}
        needed: dict[str, dict[str, Any]] = {}
        for name, job in load(workflow)[
            "jobs"
        ].items():  # in the order of the file, which must be that of needs
            needs = [job["needs"]] if isinstance(job.get("needs"), str) else job.get("needs", [])
            context = {one: needed[one] for one in needs}
            failed = any(one["result"] != "success" for one in context.values())
            matrix = job.get("strategy", {}).get("matrix", {})
            assert len(matrix) <= 1, "a matrix of one dimension is all that is known here"
            cells = [{key: value} for key, values in matrix.items() for value in values] or [{}]
            parts = [
                self._job(f"{name} ({','.join(cell.values())})" if cell else name, job, cell, context, failed)
                for cell in cells
            ]
            results |= dict(parts)
            worst = next((p.result for _, p in parts if p.result != "success"), "success")
            needed[name] = {"result": worst, "outputs": parts[-1][1].outputs}
        return results

    def _job(
        self,
        name: str,
        job: Mapping[str, Any],
        matrix: Mapping[str, str],
        needs: Mapping[str, Any],
        failed: bool,
    ) -> tuple[str, JobResult]:
        folder = self._root / name.replace("/", "-of-").replace(" ", "")
        (folder / "temp").mkdir(parents=True)
        run = _JobRun(self, folder, name)
        contexts = {
            "github": {**self._github, "workspace": str(run.workspace)},
            "runner": {"temp": str(folder / "temp"), "os": "Linux"},
            "matrix": matrix,
            "needs": needs,
            "functions": run.functions(failed),
        }
        if not condition(job.get("if", "success()"), contexts):
            return name, JobResult("skipped")
        contexts["functions"] = run.functions(False)
        outputs = run.steps(job["steps"], contexts)
        run.result.outputs = {
            key: interpolate(value, {**contexts, "steps": outputs})
            for key, value in job.get("outputs", {}).items()
        }
        run.result.summary = run.summary.read_text() if run.summary.exists() else ""
        return name, run.result


class _JobRun:
    """One job on its runner."""

    def __init__(self, runner: Runner, folder: Path, name: str) -> None:
        self._runner = runner
        self._temp = folder / "temp"
        self._name = name
        self._env: dict[str, str] = {}
        self._path: list[str] = []
        self.workspace = folder / "workspace"
        self.workspace.mkdir()
        self.summary = folder / "summary.md"
        self.result = JobResult()

    def functions(self, failed_before: bool) -> dict[str, Any]:
        """The status functions, as of now."""
        return {
            "always": lambda: True,
            "cancelled": lambda: False,
            "failure": lambda: failed_before or self.result.result == "failure",
            "success": lambda: not failed_before and self.result.result == "success",
        }

    def steps(self, steps: list[Step], contexts: Mapping[str, Any]) -> dict[str, Any]:
        """Run steps one after the other; after a failure only those that ask for it."""
        outputs: dict[str, Any] = {}
        for step in steps:
            here = {**contexts, "steps": outputs}
            if not condition(step.get("if", "success()"), here):
                outputs[step.get("id", "")] = {"outputs": _Silent(), "outcome": "skipped"}
                continue
            found: Mapping[str, str] = _Silent()
            try:
                found = self._uses(step, here) if "uses" in step else self._script(step, here)
            except _StepFailedError:
                self.result.result = "failure"
            outputs[step.get("id", "")] = {"outputs": _Silent(found), "outcome": self.result.result}
        return outputs

    # ---- steps

    def _script(self, step: Step, contexts: Mapping[str, Any]) -> dict[str, str]:
        files = {name: self._temp / name for name in ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH")}
        for path in files.values():
            path.write_text("")
        script = self._temp / "step.sh"
        script.write_text(interpolate(step["run"], contexts))
        environment = {
            **{key: os.environ[key] for key in ("HOME", "LANG", "TMPDIR") if key in os.environ},
            **self._runner._environment,
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_REPOSITORY": self._runner._github["repository"],
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "PATH": os.pathsep.join(
                [*reversed(self._path), str(Path(sys.executable).parent), os.environ["PATH"]]
            ),
            **{name: str(path) for name, path in files.items()},
            **self._env,
            **{key: interpolate(value, contexts) for key, value in step.get("env", {}).items()},
        }
        done = subprocess.run(
            [*_SHELLS[step.get("shell")], str(script)],
            cwd=self.workspace,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=600,
        )
        name = step.get("name", step["run"].strip().splitlines()[0])
        self.result.ran.append(name)
        self.result.log += f"--- {name} (exit code {done.returncode})\n{done.stdout}\n"
        self._env |= _pairs(files["GITHUB_ENV"])
        self._path += files["GITHUB_PATH"].read_text().split("\n")[:-1]
        if done.returncode != 0:
            self.result.exit_codes.append(done.returncode)
            raise _StepFailedError
        return _pairs(files["GITHUB_OUTPUT"])

    def _uses(self, step: Step, contexts: Mapping[str, Any]) -> dict[str, str]:
        action, _, _ = step["uses"].partition("@")
        given = {key: interpolate(value, contexts) for key, value in step.get("with", {}).items()}
        if action == "./":
            return self._composite(self.workspace, given, contexts)
        played = {
            "actions/checkout": self._checkout,
            "actions/setup-python": lambda _: None,
            "actions/upload-artifact": self._upload,
            "actions/download-artifact": self._download,
        }
        assert action in played, f"nobody plays {action} here"
        played[action](given)
        return {}

    def _composite(
        self, folder: Path, given: Mapping[str, str], contexts: Mapping[str, Any]
    ) -> dict[str, str]:
        action = load(folder / "action.yml")
        unknown = set(given) - set(action["inputs"])
        assert not unknown, f"the action has no input {unknown}"
        github = {**contexts["github"], "action_path": str(folder)}
        outer = {"github": github, "runner": contexts["runner"], "functions": contexts["functions"]}
        inputs = {}
        for name, spec in action["inputs"].items():
            assert name in given or not spec.get("required"), f"input {name} is missing"
            inputs[name] = given.get(name, interpolate(spec.get("default", ""), outer))
        assert action["runs"]["using"] == "composite"
        assert all("shell" in step for step in action["runs"]["steps"] if "run" in step)
        outputs = self.steps(action["runs"]["steps"], {**outer, "inputs": inputs})
        return {
            name: interpolate(spec["value"], {**outer, "inputs": inputs, "steps": outputs})
            for name, spec in action.get("outputs", {}).items()
        }

    # ---- what GitHub offers

    def _checkout(self, given: Mapping[str, str]) -> None:
        assert given.get("persist-credentials") == "false", "the token would stay in the workspace"
        subprocess.run(
            ["git", "clone", "--quiet", "--no-local", str(self._runner._repository), str(self.workspace)],
            check=True,
        )
        self._runner._prepare(self.workspace)

    def _upload(self, given: Mapping[str, str]) -> None:
        target = self._runner._root / "artifacts" / given["name"]
        paths = [Path(line) for line in given["path"].split("\n") if line]
        for path in paths:
            if path.exists():  # if not, GitHub warns
                shutil.copytree(path, target if len(paths) == 1 else target / path.name, dirs_exist_ok=True)

    def _download(self, given: Mapping[str, str]) -> None:
        for artifact in sorted((self._runner._root / "artifacts").glob("*")):
            if fnmatch(artifact.name, given["pattern"]):
                shutil.copytree(artifact, Path(given["path"]) / artifact.name)


class _Silent(dict[str, str]):
    """Outputs of a step: one that was not written is empty."""

    def __contains__(self, key: object) -> bool:
        return True

    def __missing__(self, key: str) -> str:
        return ""


def _pairs(path: Path) -> dict[str, str]:
    """Read "name=value" lines."""
    lines = path.read_text().splitlines()
    assert all("=" in line for line in lines), lines
    return dict(line.split("=", 1) for line in lines)
