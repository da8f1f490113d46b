"""Run a profile: each stage is a `drivegate` command of its own, and what is done is not done again.

Every stage can be killed at any moment: its command resumes by itself, and the same call of the pipeline goes
on with it. `pipeline.json` says what is done; it is replaced whole or not at all. Stages do not outlive the
pipeline, so that two calls never work on the same files.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from rich.console import Console

from harness.errors import ConfigError, DrivegateError
from harness.processes import die_with_parent
from harness.record.files import write_atomically
from training.pipeline.profile import Profile, StageConfig

STATE, LOCK = "pipeline.json", ".pipeline.lock"


class StageError(DrivegateError):
    """A stage ended with an error; its own output says which."""


@dataclass(frozen=True, slots=True)
class Command:
    """A stage with its words filled in."""

    stage: StageConfig
    run: tuple[str, ...]
    again: tuple[str, ...]
    again_if: Path | None

    @property
    def text(self) -> str:
        """As a person would type it."""
        return " ".join(("drivegate", *self.run))


def commands(profile: Profile, work: Path, workers: int) -> tuple[Command, ...]:
    """Fill in the words of a profile."""
    words = {**profile.values, "work": str(work), "workers": str(workers)}

    def filled(text: str) -> str:
        return text.format_map(words)

    return tuple(
        Command(
            stage,
            tuple(map(filled, stage.run)),
            tuple(map(filled, stage.again)),
            None if stage.again_if is None else Path(filled(stage.again_if)),
        )
        for stage in profile.stages
    )


def run_pipeline(profile: Profile, work: Path, workers: int, console: Console) -> float:
    """Run what is not done yet.

    Args:
        profile: what to do.
        work: folder for everything.
        workers: processes for stages that use several.
        console: is told what happens.

    Returns:
        Minutes of wall-clock time over all calls.

    Raises:
        StageError: a stage failed.
        ConfigError: the folder belongs to another profile, or somebody works in it.
    """
    planned = commands(profile, work, workers)
    work.mkdir(parents=True, exist_ok=True)
    with _alone(work):
        done = _read(work, planned)
        left = [command for command in planned if command.stage.name not in done]
        for name in done:
            console.print(f"done already: {name}", highlight=False, style="dim")
        for place, command in enumerate(left):
            minutes = sum(c.stage.minutes for c in left[place:])
            _announce(console, command, len(planned) - len(left) + place + 1, len(planned), minutes)
            begun = time.monotonic()
            _run(command, begun_before=_begin(work, command))
            done[command.stage.name] = {
                "command": command.text,
                "minutes": round((time.monotonic() - begun) / 60.0, 2),
            }
            write_atomically(work / STATE, {"stages": done})
    return sum(float(str(entry["minutes"])) for entry in done.values())


def _announce(console: Console, command: Command, number: int, count: int, minutes_left: float) -> None:
    ends = datetime.now().astimezone() + timedelta(minutes=minutes_left)
    stage = command.stage
    console.rule(f"[{number}/{count}] {stage.name}", align="left", characters="-")
    console.print(
        f"{stage.about}: about {stage.minutes:g} min; everything is done about {ends:%H:%M}",
        highlight=False,
        markup=False,
    )
    console.print(f"$ {command.text}", highlight=False, markup=False, style="dim", soft_wrap=True)


def _begin(work: Path, command: Command) -> bool:
    """Note that a stage has begun; say whether it had before."""
    mark = work / f".{command.stage.name}.begun"
    before = mark.exists()
    mark.touch()
    return before


def _run(command: Command, *, begun_before: bool) -> None:
    arguments = list(command.run)
    if begun_before and (command.again_if is None or command.again_if.exists()):
        arguments += command.again
    parent = os.getpid()
    process = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "harness.cli", *arguments],
        preexec_fn=lambda: die_with_parent(parent),
    )
    try:
        code = process.wait()
    except KeyboardInterrupt:
        process.wait()  # the terminal told it, too
        raise
    if code != 0:
        raise StageError(
            f"The stage {command.stage.name} ended with exit code {code}; what is above says why. Mend that"
            " and call the same command again: it goes on from here."
        )


def _read(work: Path, planned: tuple[Command, ...]) -> dict[str, dict[str, object]]:
    """Stages that are done; those whose command is another one now are refused."""
    path = work / STATE
    if not path.is_file():
        return {}
    try:
        stages: Mapping[str, dict[str, object]] = json.loads(path.read_bytes())["stages"]
        done = {name: dict(entry) for name, entry in stages.items()}
        wanted = {command.stage.name: command.text for command in planned}
        for name, entry in done.items():
            if wanted.get(name) != entry["command"]:
                raise ConfigError(
                    f"{work} was begun otherwise: its stage {name} was {entry['command']!r}. Use the same"
                    " profile and values, or another --out."
                )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"{path} is damaged ({error!r}): delete it; stages that are done end at once."
        ) from error
    return done


@contextlib.contextmanager
def _alone(work: Path) -> Iterator[None]:
    with (work / LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ConfigError(
                f"Another drivegate pipeline works in {work}: wait for it, or end it."
            ) from error
        yield
