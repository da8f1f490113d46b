"""`drivegate evaluate`: what students are worth in open loop, and whether closed loop agrees."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer
from rich.table import Table

from harness.cli_finish import console
from training.cli_finish import finish_training

if TYPE_CHECKING:
    from policies.checkpoint import Checkpoint
    from training.student.evaluate import Baselines, OpenLoop

_METRICS = ("ade_1s", "fde_1s", "ade_3s", "fde_3s", "ade_6.4s", "fde_6.4s")
_RANKED = "ade_3s"
_SCORE = "closed_loop/ds_lb2_1"


class Measured(NamedTuple):
    """A student with what is known of it; the driving score is None if it has not driven."""

    name: str
    open_loop: OpenLoop
    driving_score: float | None


def evaluate(
    checkpoints: Annotated[list[Path], typer.Argument(help="Checkpoints, or FOLDER/latest or FOLDER/best.")],
    train_labels: Annotated[Path, typer.Option(help="Labels that the ego-history MLP is fitted on.")] = Path(
        "teacher_labels/train_labels.npz"
    ),
    val_labels: Annotated[Path, typer.Option(help="Held-out labels.")] = Path(
        "teacher_labels/val_labels.npz"
    ),
    demonstrations: Annotated[
        str | None, typer.Option(help="Folders of `drivegate collect`, with commas; instead of label files.")
    ] = None,
    ego_history_dir: Annotated[Path, typer.Option(help="Ego history and routes.")] = Path("teacher_labels"),
    frames_dir: Annotated[Path, typer.Option(help="Pictures.")] = Path("extracted_frames"),
    runs: Annotated[
        list[Path] | None,
        typer.Option("--run", help="Folder of a run that one of the checkpoints drove; may be repeated."),
    ] = None,
    limit: Annotated[int, typer.Option(help="Most samples of each split (0: all).", min=0)] = 0,
) -> None:
    """Measure students on held-out samples, beside baselines that see nothing.

    Displacement errors (m) at 1, 3 and 6.4 s; the margin to constant velocity and to an MLP that is given the
    ego's history alone; how often the text embedding finds the teacher's sentence; what 256 action bins and
    the inverse of the unicycle lose. Checkpoints that have driven (while they were trained, or in a `--run`)
    show how both ways of judging rank them.

    Examples:
        drivegate evaluate checkpoints/student/best

        drivegate evaluate checkpoints/student/*_epoch*.json --val-labels demos/labels/val_labels.npz

        drivegate evaluate a/best b/best --demonstrations demos --run runs/a --run runs/b
    """

    def work() -> int:
        from harness.score import ScoreVersion
        from policies.checkpoint import find_checkpoint
        from policies.student.config import StudentConfig
        from training.engine.closed_loop import scores_of_runs
        from training.student.config import DataSection
        from training.student.evaluate import action_space, baselines, open_loop
        from training.student.sources import sources

        driven = scores_of_runs(runs or (), ScoreVersion.LB2_1)
        found = [find_checkpoint(path) for path in checkpoints]
        scores = [driven.get(c.identity, c.manifest.metrics.get(_SCORE)) for c in found]
        config = StudentConfig.from_json(found[0].manifest.model)
        data: dict[str, object] = {
            "train_labels": train_labels,
            "val_labels": val_labels,
            "ego_history_dir": ego_history_dir,
            "frames_dir": frames_dir,
            "demonstrations": demonstrations or (),
        }
        train, val = sources(DataSection.model_validate(data), config)
        beside = baselines(train, val, config, limit or 4000)
        measured = [open_loop(checkpoint, val, limit) for checkpoint in found]
        bounds = (config.acceleration_bound_mps2, config.curvature_bound_radpm)
        lost = action_space(val, bounds, limit or 500)
        screen = console()
        students = [Measured(*each) for each in zip(_names(found), measured, scores, strict=True)]
        screen.print(_table(beside, students))
        for line in _lines(beside, students):
            screen.print(line, highlight=False)
        screen.print(
            f"256 bins alone: ADE {lost.quantisation_ade_m:.3f} m; unicycle there and back:"
            f" {lost.round_trip_m:.1e} m",
            highlight=False,
        )
        return 0

    finish_training(work)


def _names(found: list[Checkpoint]) -> list[str]:
    """A short name of each that tells them apart: as much of its path as that takes."""
    parts = [checkpoint.manifest_path.resolve().with_suffix("").parts for checkpoint in found]
    for length in range(1, max(map(len, parts)) + 1):
        names = ["/".join(part[-length:]) for part in parts]
        if len(set(names)) == len(set(parts)):
            break
    return names


def _table(beside: Baselines, students: list[Measured]) -> Table:
    table = Table("open loop, m", *_METRICS, "closed loop", pad_edge=False)
    rows = [("constant velocity", beside.constant_velocity, "-"), ("ego-history MLP", beside.ego_mlp, "-")]
    for name, result, score in students:
        rows.append((name, result.errors, "-" if score is None else f"{score:.1f}"))
    for name, errors, score_text in rows:
        table.add_row(name, *(f"{errors[m]:.2f}" if m in errors else "-" for m in _METRICS), score_text)
    return table


def _lines(beside: Baselines, students: list[Measured]) -> list[str]:
    """Margins, retrieval, and how the two ways of judging agree."""
    from training.student.evaluate import rank_agreement

    lines = []
    for name, result, _ in students:
        margins = ", ".join(
            f"{metric} {beside.constant_velocity[metric] - result.errors[metric]:+.2f} /"
            f" {beside.ego_mlp[metric] - result.errors[metric]:+.2f} m"
            for metric in ("ade_1s", "ade_3s", "ade_6.4s")
        )
        lines.append(f"{name}: better than constant velocity / the MLP by {margins}")
        if result.retrieval is not None:
            text = result.retrieval
            lines.append(
                f"{name}: finds the teacher's sentence in {100 * text.top1:.1f} % ({text.classes} different"
                f" sentences; always naming the most frequent: {100 * text.chance:.1f} %)"
            )
    scored = [(result.errors[_RANKED], score) for _, result, score in students if score is not None]
    tau = rank_agreement([e for e, _ in scored], [s for _, s in scored])
    if tau is not None:
        lines.append(
            f"order by {_RANKED} and by {_SCORE}: Kendall's tau {tau:+.2f} over {len(scored)} checkpoints"
        )
    return lines
