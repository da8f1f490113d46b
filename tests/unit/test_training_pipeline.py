"""`drivegate pipeline`: profiles are read and checked, stages are done once, a killed one goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from harness.errors import ConfigError
from training.pipeline.profile import Profile, profile_names, read_profile
from training.pipeline.run import STATE, StageError, commands, run_pipeline

QUIET = Console(quiet=True)


def written(folder: Path, text: str) -> str:
    path = folder / "profile.yaml"
    path.write_text(text)
    return str(path)


def stage(name: str, run: list[str], **more: object) -> dict[str, object]:
    return {"name": name, "about": name, "minutes": 1, "run": run, **more}


def profile(*stages: dict[str, object]) -> Profile:
    return Profile.model_validate({"summary": "a test", "stages": list(stages)})


@pytest.mark.parametrize("name", profile_names())
def test_shipped_profiles_are_commands_that_exist(name: str, tmp_path: Path) -> None:
    """Every stage's words are parsed by the command that they name, also those of going on."""
    import typer
    from typer.core import TyperGroup

    from harness.cli import app

    for command in commands(read_profile(name, {}), tmp_path, 2):
        for words in (command.run, (*command.run, *command.again)):
            at, rest = typer.main.get_command(app), list(words)
            while isinstance(at, TyperGroup):
                found = at.commands.get(rest[0])
                assert found is not None, words
                at, rest = found, rest[1:]
            at.make_context(command.stage.name, rest)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("summary: s\nstages: []", "stages"),
        ("summary: s\nstages: [{name: a, about: b, minutes: 1, run: [suites, '{sed}']}]", "no value 'sed'"),
        ("summary: s\nstages: [{name: a, about: b, minutes: 1, runs: [suites]}]", "runs"),
        (
            "summary: s\nstages: [{name: a, about: b, minutes: 1, run: [suites]},"
            " {name: a, about: b, minutes: 1, run: [suites]}]",
            "same name",
        ),
    ],
)
def test_wrong_profiles_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_profile(written(tmp_path, text), {})


def test_routes_are_driven_among_the_traffic_of_their_turn() -> None:
    """A number that is given twice is one run, not two in the same folder."""
    from scenarios.suites import suite
    from training.demonstrations.collect import _by_traffic

    routes = suite("held-out-town02").routes[:7]
    parts = _by_traffic(routes, (0, 0, 15))
    assert {count: len(part) for count, part in parts.items()} == {0: 5, 15: 2}
    assert parts[15] == (routes[2], routes[5])


def test_values_can_be_set_and_must_be_known(tmp_path: Path) -> None:
    name = written(
        tmp_path,
        "summary: s\nvalues: {seed: 42}\n"
        "stages: [{name: a, about: b, minutes: 1, run: [show, '{work}/{seed}', '{workers}']}]",
    )
    (command,) = commands(read_profile(name, {"seed": "7"}), tmp_path, 3)
    assert command.run == ("show", f"{tmp_path}/7", "3")
    with pytest.raises(ConfigError, match=r"no value 'sede'.*seed"):
        read_profile(name, {"sede": "7"})
    with pytest.raises(ConfigError, match=r"no profile 'cup'"):
        read_profile("cup", {})


def test_what_is_done_is_not_done_again_and_failures_stop(tmp_path: Path) -> None:
    good, bad = stage("good", ["suites"]), stage("bad", ["show", str(tmp_path / "nothing")])
    with pytest.raises(StageError, match=r"bad ended with exit code"):
        run_pipeline(profile(good, bad), tmp_path, 1, QUIET)
    before = json.loads((tmp_path / STATE).read_text())
    assert list(before["stages"]) == ["good"]
    run_pipeline(profile(good), tmp_path, 1, QUIET)
    assert json.loads((tmp_path / STATE).read_text()) == before
    with pytest.raises(ConfigError, match="begun otherwise"):
        run_pipeline(profile(stage("good", ["policies"])), tmp_path, 1, QUIET)
    (tmp_path / STATE).write_text("{")
    with pytest.raises(ConfigError, match="damaged"):
        run_pipeline(profile(good), tmp_path, 1, QUIET)


PIPELINE = """
summary: a training that takes a while
stages:
  - name: train
    about: many short epochs
    minutes: 1
    run: [train, student, --config, {config}, --output-dir, "{{work}}"]
    again: [--resume, "{{work}}/student/latest"]
    again_if: "{{work}}/student/latest"
"""
TRAINING = """
model: {size: nano, overrides: {image_height: 32, image_width: 48, frames: 2, backbone_stages: 2, dim: 32,
  heads: 2, layers: 1, ffn: 64, bev_cell_m: 8.0}}
data: {offline: true, offline_samples: 8}
optimizer: {batch_size: 8, warmup_epochs: 0}
run: {max_epochs: EPOCHS, patience: 0, precision: "32", threads: 1}
output: {loggers: []}
"""


@pytest.mark.chaos
def test_a_killed_pipeline_goes_on_where_it_was(tmp_path: Path) -> None:
    pytest.importorskip("lightning", reason="needs Lightning: pip install 'drivegate[train]'")
    config = tmp_path / "training.yaml"
    config.write_text(TRAINING.replace("EPOCHS", "4000"))
    out = tmp_path / "out"
    call = [
        *(sys.executable, "-m", "harness.cli", "pipeline", "--out", str(out)),
        *("--profile", written(tmp_path, PIPELINE.format(config=config))),
    ]
    latest = out / "student" / "baseline_seed42_latest.json"
    first = subprocess.Popen(call, stdout=subprocess.DEVNULL)
    wait_for(lambda: latest.is_file() and epoch_of(latest) >= 2)
    locked = subprocess.run(call, capture_output=True, text=True, check=False)
    assert locked.returncode == 2
    assert "Another drivegate pipeline works in" in locked.stderr
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    wait_for(lambda: not is_growing(latest))  # the stage died with the pipeline
    reached = epoch_of(latest)
    config.write_text(TRAINING.replace("EPOCHS", str(reached + 2)))
    again = subprocess.run(call, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert epoch_of(latest) == reached + 2
    assert "All stages are done" in again.stdout


def epoch_of(path: Path) -> int:
    return int(json.loads(path.read_text())["provenance"]["epoch"])


def is_growing(path: Path) -> bool:
    before = path.read_bytes()
    time.sleep(1.0)
    return path.read_bytes() != before


def wait_for(condition: object, deadline_s: float = 120.0) -> None:
    end = time.monotonic() + deadline_s
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)
