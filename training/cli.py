"""`drivegate train`, `export`, `evaluate`, `pipeline`, `data`: commands of the training room.

The harness may not import training. Its command line finds these commands through the entry point group
`drivegate.commands` instead, and the heavy libraries are imported when a command runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from harness.cli_finish import console
from training.cli_collect import COLLECT_HELP, collect
from training.cli_demonstrations import extract, verify_collected
from training.cli_evaluate import evaluate
from training.cli_finish import finish_training
from training.cli_pipeline import pipeline
from training.engine.flags import given, with_options
from training.student.config import StudentTraining

_TRAIN_HELP = """Train the camera student.

Options beat the file of --config; --set beats both. Checkpoints go to OUTPUT_DIR/EXPERIMENT, whose
`latest` and `best`
name them: drive one with `--policy student --policy-arg student.checkpoint=checkpoints/student/best`.

Examples:

    drivegate train student --model baseline --model-size nano --offline --max-epochs 2

    drivegate train student --model reasoning --reasoning-weight 0.25 --batch-size 32 --accumulation-steps 2

    drivegate train student --model reasoning --resume checkpoints/student/reasoning_seed42_latest.pt

    drivegate train student --model-size nano --seeds 42,123,456 --closed-loop-every 5
"""

train_app = typer.Typer(help="Train a policy.", no_args_is_help=True, rich_markup_mode="markdown")
data_app = typer.Typer(
    help="Training data: label, merge, verify.", no_args_is_help=True, rich_markup_mode="markdown"
)


def add_commands(app: typer.Typer) -> None:
    """Add the commands to `drivegate`."""
    app.add_typer(train_app, name="train")
    app.add_typer(data_app, name="data")
    app.command(name="export")(export)
    app.command(name="evaluate")(evaluate)
    app.command(name="pipeline")(pipeline)
    data_app.command(name="extract")(extract)
    app.command(name="collect", help=COLLECT_HELP)(collect)


@train_app.callback()
def _train() -> None:
    """Train a policy."""


@train_app.command(help=_TRAIN_HELP)
@with_options(StudentTraining)
def student(
    config: Annotated[
        Path | None, typer.Option(help="YAML file with the sections of the table in the docs.")
    ] = None,
    override: Annotated[
        list[str] | None,
        typer.Option("--set", help="Any value of the configuration: loss.yaw_weight=0.5. Repeatable."),
    ] = None,
    seeds: Annotated[str | None, typer.Option(help="Train once per seed: 42,123,456.")] = None,
    loggers: Annotated[
        str | None, typer.Option(help="tensorboard, wandb, csv, or several with commas.")
    ] = None,
    **options: Any,
) -> None:
    """Train the camera student."""

    def work() -> int:
        from harness.typed_config import read_model

        values = given(StudentTraining, options)
        if seeds is not None:
            values.setdefault("run", {})["seeds"] = [s.strip() for s in seeds.split(",")]
        if loggers is not None:
            values.setdefault("output", {})["loggers"] = [name for name in loggers.split(",") if name]
        plain = {
            section: {k: str(v) if isinstance(v, Path) else v for k, v in fields.items()}
            for section, fields in values.items()
        }
        settings = read_model(StudentTraining, config, plain, tuple(override or ()))
        from training.student.recipe import train_seeds

        screen = console()
        results = train_seeds(settings, lambda text: screen.print(text, highlight=False))
        for result in results:
            screen.print(f"{result.epochs} epochs; best: {result.best.manifest_path}", highlight=False)
        return 0

    finish_training(work, "Go on with the same command and --resume OUTPUT_DIR/EXPERIMENT/latest")


def export(
    checkpoint: Annotated[Path, typer.Argument(help="Checkpoint, or FOLDER/latest or FOLDER/best.")],
    ship_to: Annotated[
        Path | None, typer.Option("--ship", help="Folder for a copy that can drive and no more.")
    ] = None,
) -> None:
    """Export a student to ONNX beside its checkpoint, and check that it answers as in torch.

    Examples:
        drivegate export checkpoints/student/best

        drivegate export checkpoints/student/best --ship handed-over/student
    """

    def work() -> int:
        from policies.checkpoint import ONNX, find_checkpoint, ship
        from training.export import PARITY, export_student

        result = export_student(find_checkpoint(checkpoint))
        entry = result.checkpoint.manifest.files[ONNX]
        console().print(
            f"{checkpoint.parent / entry.name}: {entry.bytes / 1e6:.1f} MB, differs from torch by at most"
            f" {result.largest_difference:.1e} (allowed {PARITY:g}). One answer on one thread: torch"
            f" {result.torch_ms:.1f} ms, ONNX Runtime {result.onnx_ms:.1f} ms.",
            highlight=False,
        )
        if ship_to is not None:
            console().print(f"To drive with: {ship(result.checkpoint, ship_to).manifest_path}")
        return 0

    finish_training(work)


_SPLIT = typer.Option(help="Split, such as train or val.")
_LABELS_DIR = typer.Option(help="Folder of labels, ego history and routes.")
_FRAMES_DIR = typer.Option(help="Folder of pictures.")
_SIZE = typer.Option(help="Student that they are for.")


@data_app.command()
def label(
    split: Annotated[str, _SPLIT] = "train",
    teacher: Annotated[str, typer.Option(help="expert or alpamayo.")] = "expert",
    model: Annotated[str, typer.Option(help="Weights of the teacher, where it has any.")] = "",
    text_model: Annotated[
        Path | None, typer.Option(help="Folder of all-MiniLM-L6-v2; a hashing encoder without it.")
    ] = None,
    labels_dir: Annotated[Path, _LABELS_DIR] = Path("teacher_labels"),
    frames_dir: Annotated[Path, _FRAMES_DIR] = Path("extracted_frames"),
    out: Annotated[Path, typer.Option(help="Folder for the new labels.")] = Path("teacher_labels/taught"),
    model_size: Annotated[str, _SIZE] = "nano",
    shard: Annotated[int, typer.Option(help="Which shard to label, from 0.")] = 0,
    num_shards: Annotated[int, typer.Option(help="Into how many the work is split.")] = 1,
) -> None:
    """Let a teacher label a split again.

    Examples:
        drivegate data label --split train --teacher alpamayo --shard 0 --num-shards 4
    """

    def work() -> int:
        from policies.student.config import student_config
        from training.data import layout
        from training.data.files import FileSource
        from training.data.shards import write_labels
        from training.data.teacher import TaughtSource
        from training.data.teacher import teacher as make_teacher
        from training.data.text import text_encoder

        source = FileSource(
            layout.labels_path(labels_dir, split), labels_dir, frames_dir, student_config(model_size)
        )
        taught = TaughtSource(source, make_teacher(teacher, model), text_encoder(text_model))
        console().print(f"wrote {write_labels(taught, out, split, shard, num_shards)}", highlight=False)
        return 0

    finish_training(work, "The same command goes on.")


@data_app.command("merge-shards")
def merge(
    num_shards: Annotated[int, typer.Option(help="How many there are.")],
    split: Annotated[str, _SPLIT] = "train",
    labels_dir: Annotated[Path, _LABELS_DIR] = Path("teacher_labels"),
) -> None:
    """Put label shards together."""

    def work() -> int:
        from training.data.shards import merge_shards

        console().print(f"wrote {merge_shards(labels_dir, split, num_shards)}", highlight=False)
        return 0

    finish_training(work)


@data_app.command()
def verify(
    split: Annotated[str, _SPLIT] = "train",
    labels_dir: Annotated[Path, _LABELS_DIR] = Path("teacher_labels"),
    frames_dir: Annotated[Path, _FRAMES_DIR] = Path("extracted_frames"),
    model_size: Annotated[str, _SIZE] = "500m",
    demonstrations: Annotated[
        Path | None, typer.Option(help="Check a data set of `drivegate collect` instead, all splits.")
    ] = None,
) -> None:
    """Read every sample of a split as training would, and name the first thing that is wrong.

    Examples:
        drivegate data verify --split train --model-size nano

        drivegate data verify --demonstrations demonstrations/expert
    """

    def work() -> int:
        if demonstrations is not None:
            verify_collected(demonstrations)
            return 0
        from policies.student.config import student_config
        from training.data import layout
        from training.data.shards import verify_split

        labels = layout.labels_path(labels_dir, split)
        found = verify_split(labels, labels_dir, frames_dir, student_config(model_size))
        route = "with routes" if found.with_route else "without routes"
        console().print(
            f"{split}: {found.samples} samples of {found.clips} clips, {found.with_text} with text,"
            f" {route}; all good",
            highlight=False,
        )
        return 0

    finish_training(work)
