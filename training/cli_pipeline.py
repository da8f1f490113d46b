"""`drivegate pipeline`: collect, train, correct, export, judge; `make train`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from harness.cli_finish import console
from training.cli_finish import finish_training


def pipeline(
    profile: Annotated[str, typer.Option(help="cpu, gpu, full, or a YAML file.")] = "cpu",
    out: Annotated[Path, typer.Option(help="Folder for all of it.")] = Path("runs/train"),
    workers: Annotated[int, typer.Option(help="Processes that drive (0: one per core).", min=0)] = 0,
    override: Annotated[
        list[str] | None, typer.Option("--set", help="A value of the profile: seed=7. Repeatable.")
    ] = None,
    show: Annotated[bool, typer.Option(help="Print the commands and run nothing.")] = False,
) -> None:
    """Make a driving policy: every command of a profile, one after the other.

    Each stage is a drivegate command that you can also type yourself (--show prints them). Call the same
    again after an interruption, even a kill -9: what is done is skipped, and what was begun is resumed.

    Examples:
        drivegate pipeline --profile cpu --out runs/train

        drivegate pipeline --profile cpu --out runs/train-7 --set seed=7
    """

    def work() -> int:
        from harness.errors import ConfigError
        from training.pipeline.profile import read_profile
        from training.pipeline.run import commands, run_pipeline

        values = {}
        for text in override or ():
            name, equals, value = text.partition("=")
            if not equals:
                raise ConfigError(f"--set {text!r} is not name=value.")
            values[name] = value
        chosen = read_profile(profile, values)
        count = workers or len(os.sched_getaffinity(0))
        screen = console()
        screen.print(chosen.summary, highlight=False)
        if show:
            for command in commands(chosen, out, count):
                screen.print(command.text, highlight=False, markup=False, soft_wrap=True)
            return 0
        minutes = run_pipeline(chosen, out, count, screen)
        screen.print(f"All stages are done, in {minutes:.1f} min.", highlight=False)
        return 0

    finish_training(work, "Call the same command again: it goes on from here.")
