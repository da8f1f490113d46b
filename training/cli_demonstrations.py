"""`drivegate data extract` and the checks of demonstrations: the data set of `drivegate collect` as files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from harness.cli_finish import console
from training.cli_finish import finish_training

Advance = Callable[[int, int], None]


@contextmanager
def progress(what: str) -> Iterator[Advance]:
    """A bar with the time that is left."""
    with Progress(
        TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console()
    ) as bars:
        task = bars.add_task(what, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)


def extract(
    demonstrations: Annotated[Path, typer.Argument(help="Folder that `drivegate collect` wrote.")],
    labels_dir: Annotated[Path, typer.Option(help="For labels, ego history and routes.")] = Path(
        "teacher_labels"
    ),
    frames_dir: Annotated[Path, typer.Option(help="For pictures.")] = Path("extracted_frames"),
    every: Annotated[int, typer.Option(help="Every n-th frame, of ten a second.", min=1)] = 5,
) -> None:
    """Write demonstrations as files in the published layout, a folder and a labels file per split.

    Training does not need this (`--demonstrations` reads the data set itself); teachers that run elsewhere,
    and other people's code, do.

    Examples:
        drivegate data extract demonstrations/expert

        drivegate data verify --split train --model-size nano
    """

    def work() -> int:
        from training.data.files import write_split
        from training.demonstrations.manifest import read_manifest
        from training.demonstrations.source import DemonstrationSource, Selection
        from training.demonstrations.verify import student_of

        manifest = read_manifest(demonstrations)
        config = student_of(manifest)
        for split in dict.fromkeys(entry.split for entry in manifest.episodes):
            source = DemonstrationSource(demonstrations, split, config, Selection(every=every))
            with progress(f"writing {split}") as advance:
                path = write_split(source, labels_dir, frames_dir, split, advance)
            console().print(f"wrote {path}: {len(source)} samples", highlight=False)
        return 0

    finish_training(work, "Call it again.")


def verify_collected(folder: Path) -> None:
    """Check a data set of `drivegate collect` and print what it holds."""
    from training.demonstrations.verify import verify_demonstrations

    with progress("reading samples") as advance:
        found = verify_demonstrations(folder, advance)
    for split in found:
        console().print(
            f"{split.split}: {split.episodes} episodes, {split.samples} samples, {split.sentences} different"
            " sentences",
            highlight=False,
        )
    console().print("all good: hashes, splits, counts, every sample", highlight=False)
