"""`drivegate collect`: demonstrations from closed loop."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from harness.cli_finish import console
from training.cli_finish import finish_training
from training.demonstrations.config import CollectConfig
from training.engine.flags import given, with_options

COLLECT_HELP = """Drive the expert, and write what it sees and why it drives so as a LeRobot v3 data set.

Short routes are drawn in the towns (or taken from suites), each with a weather and a number of other
vehicles. Pulses on steering and pedals push the car off its way; the label of every frame is the expert's own
plan from where the car is, so the data show the way back. With `--policy student:CHECKPOINT` the student
drives most of the time and the expert labels and rescues (DAgger).

A route belongs to one split, never a frame. The folder can be taken up again with `--resume` after any
interruption; `manifest.json` is written last, with a hash of every file. Train on it with `drivegate train
student --demonstrations OUT`.

Examples:

    drivegate collect --out demonstrations/expert --episodes 80 --workers 2

    drivegate collect --out demonstrations/busy --towns Town01,Town04 --traffic 0,20 --weathers training

    drivegate collect --out demonstrations/round1 --policy student:checkpoints/student/best --seed 1

    drivegate collect --out demonstrations/big --rig surround6 --lidar --server docker --gpus 0

Exit codes: 0 done, 2 wrong use, 4 episodes could not be driven because of the infrastructure, 130
interrupted.
"""


@with_options(CollectConfig)
def collect(
    out: Annotated[Path, typer.Option(help="Folder of the data set.")] = Path("demonstrations/expert"),
    resume: Annotated[bool, typer.Option("--resume", help="Go on with what is in the folder.")] = False,
    config: Annotated[
        Path | None, typer.Option(help="YAML file with the sections routes, driver, sensors and run.")
    ] = None,
    server: Annotated[
        str | None, typer.Option(help="embedded, docker (see --image), or remote[:host[:port]].")
    ] = None,
    image: Annotated[str | None, typer.Option(help="Of the containers.")] = None,
    gpus: Annotated[str | None, typer.Option(help="For CARLA in containers: 0,1, or none.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes, each with a server of its own. [1]")] = None,
    keep_runs: Annotated[
        bool, typer.Option("--keep-runs", help="Keep the records of the drives beside the data set.")
    ] = False,
    override: Annotated[
        list[str] | None,
        typer.Option("--set", help="Any value of the harness: machine.first_port=30000. Repeatable."),
    ] = None,
    **options: Any,
) -> None:
    """Collect demonstrations (the help text is above)."""

    def work() -> int:
        from harness.cli_options import given_options
        from harness.typed_config import read_model
        from training.demonstrations.collect import CollectRequest, remove_parts
        from training.demonstrations.collect import collect as collect_demonstrations

        machine = given_options(
            suites=None,
            policies=None,
            policy_args=None,
            server=server,
            image=image,
            gpus=gpus,
            repeats=None,
            workers=workers,
            traffic=None,
            seed=None,
            infra_retries=None,
        )
        wanted = read_model(CollectConfig, config, given(CollectConfig, options))
        begun_s = time.monotonic()
        request = CollectRequest(wanted, machine, tuple(override or ()), out, resume)
        made = collect_demonstrations(request, console())
        if not keep_runs:
            remove_parts(out)
        console().print(_summary(out, made, time.monotonic() - begun_s), highlight=False)
        return 0

    again = " ".join([*sys.argv[1:], *(() if "--resume" in sys.argv else ("--resume",))])
    finish_training(work, f"Finished episodes are kept. Go on with: drivegate {again}")


def _summary(out: Path, made: Any, wall_s: float) -> str:
    from training.demonstrations.features import FPS

    frames = sum(episode.frames for episode in made.episodes)
    megabytes = sum((out / name).stat().st_size for name in made.files) / 1e6
    hours = frames / FPS / 3600.0
    splits = ", ".join(
        f"{split} {sum(e.split == split for e in made.episodes)}"
        for split in dict.fromkeys(e.split for e in made.episodes)
    )
    return (
        f"{out}: {len(made.episodes)} episodes ({splits}), {len(made.rejected)} left out; {frames} frames,"
        f" {hours * 60.0:.1f} minutes of driving, {megabytes:.1f} MB ({megabytes / hours:.0f} MB per hour);"
        f" {frames / wall_s:.0f} frames per second of this call"
    )
