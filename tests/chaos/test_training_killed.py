"""`make train`'s own profile, made small, is killed in each of its stages and ends all the same."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.record.files import write_atomically
from policies.checkpoint import find_checkpoint
from tests.support import harness_runs as runs
from tests.support.student import TINY
from training.pipeline.run import STATE

pytest.importorskip("lightning", reason="needs Lightning: pip install 'drivegate[train]'")
pytest.importorskip("onnxscript", reason="needs what exports: pip install 'drivegate[export]'")

pytestmark = [pytest.mark.server, pytest.mark.chaos, pytest.mark.slow, pytest.mark.timeout(900)]

_PICTURE = {"image_height": "--image-height", "image_width": "--image-width", "frames": "--frames"}
_IN_ITS_MIDDLE = {
    "collect": "demonstrations/expert/runs/*/episodes/*/*/*/outcome.json",
    "train": "checkpoints/first/*_latest.json",
    "export-first": "checkpoints/first/*.onnx.tmp",
    "correct": "demonstrations/corrections/runs/*/episodes/*/*/*/ticks.arrow",
    "train-on": "checkpoints/student/*_latest.json",
    "export": "checkpoints/student/*.onnx.tmp",
    "evaluate": ".evaluate.begun",
}
"""A file of each stage that is there when something is done, and something is left to do."""


def small_profile(folder: Path) -> Path:
    """The profile cpu with few and short routes, and a student that learns in seconds."""
    profile: dict[str, Any] = yaml.safe_load((runs.REPOSITORY / "training/profiles/cpu.yaml").read_text())
    profile["values"] |= {"episodes": 4, "corrections": 1, "epochs": 6, "more_epochs": 6}
    for stage in profile["stages"]:
        words = stage["run"]
        if words[0] == "collect":
            words[words.index("--route-length") + 1] = "60"
            words += ["--image-height", "32", "--image-width", "48"]
            words += ["--set", "machine.first_port=24000"]  # where no other test is, for minutes
        if words[0] == "train":
            for name, value in TINY.items():
                flag = _PICTURE.get(name)
                words += [flag, str(value)] if flag else [f"--set=model.overrides.{name}={value}"]
    path = folder / "small.yaml"
    write_atomically(path, profile)  # JSON is YAML, too
    return path


def test_it_goes_on_after_a_kill_in_every_stage(tmp_path: Path) -> None:
    work = tmp_path / "work"
    call = runs.command(
        "pipeline", "--profile", str(small_profile(tmp_path)), "--out", str(work), "--workers", "2"
    )
    alone = os.environ | {"OMP_NUM_THREADS": "1"}  # two threads in a tiny net wait for each other
    for name, witness in _IN_ITS_MIDDLE.items():
        with (tmp_path / f"{name}.log").open("w") as told:
            process = subprocess.Popen(call, cwd=runs.REPOSITORY, env=alone, stdout=told, stderr=told)
            try:
                runs.wait_for(name, partial(has_come_to, work, witness, process))
            finally:
                process.kill()
                process.wait()
        assert process.returncode == -signal.SIGKILL, (tmp_path / f"{name}.log").read_text()
        assert name not in done(work), "it was over before it was killed"
        assert (work / f".{name}.begun").exists()
        runs.wait_for("the end of its processes", lambda: not at_work(work))
    last = subprocess.run(call, cwd=runs.REPOSITORY, env=alone, capture_output=True, text=True, check=False)
    assert last.returncode == 0, last.stderr
    assert done(work) == set(_IN_ITS_MIDDLE)
    student = find_checkpoint(work / "checkpoints/student/best").manifest
    assert student.metrics["export/parity"] <= 1e-4
    assert "onnx" in student.files


def has_come_to(work: Path, witness: str, process: subprocess.Popen[bytes]) -> bool:
    """Whether the file is there, or never will be."""
    return any(work.glob(witness)) or process.poll() is not None


def at_work(folder: Path) -> bool:
    """Whether a process has this folder in its command line."""
    return any(str(folder) in line for _, line in runs.processes().values())


def done(work: Path) -> set[str]:
    """Stages that are done."""
    path = work / STATE
    return set(json.loads(path.read_text())["stages"]) if path.is_file() else set()
