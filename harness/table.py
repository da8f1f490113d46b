"""A run as a table: per policy one line per episode, and a line of means. It decides nothing."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.events import EventType
from harness.metrics import AggregateMetrics, EpisodeMetrics, Measurement, aggregate, measure_episode
from harness.outcome import Outcome
from harness.record import read_episode
from harness.record.run_folder import PlannedEpisode, attempt_folder, read_planned
from harness.score import EpisodeScore, PolicyScore, ScoreCard, ScoreVersion

_PRIVILEGED_MARK = " *"
_WIDE_COLUMNS = 115
_MISSING = "-"

_Columns = tuple[tuple[str, EventType], ...]

_INFRACTION_COLUMNS: _Columns = (
    ("ped", EventType.COLLISION_PEDESTRIAN),
    ("veh", EventType.COLLISION_VEHICLE),
    ("static", EventType.COLLISION_STATIC),
    ("red", EventType.RED_LIGHT),
    ("stop", EventType.STOP_SIGN),
    ("dev", EventType.ROUTE_DEVIATION),
    ("block", EventType.BLOCKED),
    ("time", EventType.ROUTE_TIMEOUT),
)

_ENDINGS = {
    Outcome.COMPLETED: "completed",
    Outcome.ENDED_BY_RULE: "ended",
    Outcome.POLICY_FAULT: "policy fault",
}


def print_table(console: Console, folder: Path, card: ScoreCard) -> None:
    """Print the table of a run, and what must be known to read it.

    Args:
        console: where to.
        folder: of the run.
        card: its scores under one version.
    """
    planned = read_planned(folder)
    scores = {score.episode: score for score in card.per_episode}
    shown, left_out = _columns(card, console.width)
    for policy in card.per_policy:
        episodes = [one for one in planned if one.policy == policy.policy]
        console.print(_policy_table(folder, policy, episodes, scores, card.version, shown))
    for line in (*_notes(card), *left_out):
        console.print(Text(line, style="dim"))


def _columns(card: ScoreCard, width: int) -> tuple[_Columns, list[str]]:
    """Choose the columns of infractions: on a narrow terminal those that nobody committed become one line."""
    if width >= _WIDE_COLUMNS:
        return _INFRACTION_COLUMNS, []
    seen = {kind for score in card.per_episode for kind, count in score.infractions.items() if count}
    shown = tuple(column for column in _INFRACTION_COLUMNS if column[1] in seen)
    absent = [name for name, kind in _INFRACTION_COLUMNS if kind not in seen]
    return shown, [f"0 per km, not shown: {', '.join(absent)}."] if absent else []


def _policy_table(
    folder: Path,
    policy: PolicyScore,
    episodes: Iterable[PlannedEpisode],
    scores: dict[PlannedEpisode, EpisodeScore],
    version: ScoreVersion,
    shown: _Columns,
) -> Table:
    mark = _PRIVILEGED_MARK if policy.privileged else ""
    table = Table(
        title=f"{policy.policy}{mark}",
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        padding=0,
        pad_edge=False,
    )
    table.add_column("route", no_wrap=True)
    table.add_column("how it\nended", no_wrap=True)
    for name in ("done\n%", "penalty", version.score_name):
        table.add_column(name, justify="right", no_wrap=True)
    for name, _ in shown:
        table.add_column(f"{name}\n/km", justify="right", no_wrap=True)
    for name in ("off\nkm", "ticks\n/s", "x real\ntime"):
        table.add_column(name, justify="right", no_wrap=True)
    measured = []
    for episode in episodes:
        name = f"{episode.route_id}-r{episode.repeat}"
        score = scores.get(episode)
        if score is None:
            table.add_row(name, Text("no valid record", style="red"))
            continue
        metrics = measure_episode(read_episode(attempt_folder(folder, episode, score.attempt)))
        measured.append(metrics)
        table.add_row(name, *_episode_cells(score, metrics, shown))
    table.add_section()
    table.add_row("all", *_mean_cells(policy, aggregate(measured), shown), style="bold")
    return table


def _episode_cells(score: EpisodeScore, metrics: EpisodeMetrics, shown: _Columns) -> list[str]:
    how = _ENDINGS[score.outcome]
    if score.failure is not None and score.outcome is not Outcome.POLICY_FAULT:
        how = score.failure.value.replace("_", " ")
    return [
        how,
        f"{score.route_completion_pct:.1f}",
        f"{score.penalty:.3f}",
        f"{score.driving_score:.2f}",
        *_rates(aggregate([metrics]), shown),
    ]


def _mean_cells(policy: PolicyScore, metrics: AggregateMetrics, shown: _Columns) -> list[str]:
    valid = f"{policy.n_valid}/{policy.n_planned} valid"
    return [
        valid,
        _number(policy.route_completion_pct, 1),
        _number(policy.penalty, 3),
        _number(policy.driving_score, 2),
        *_rates(metrics, shown),
    ]


def _rates(metrics: AggregateMetrics, shown: _Columns) -> list[str]:
    return [
        *(_number(metrics.infractions_per_km[kind], 2) for _, kind in shown),
        _number(metrics.outside_lanes, 3),
        _number(metrics.tick_rate, 0),
        _number(metrics.real_time_factor, 1),
    ]


def _number(measurement: Measurement, digits: int) -> str:
    """A missing value is a dash, never a zero."""
    return _MISSING if measurement.value is None else f"{measurement.value:.{digits}f}"


def _notes(card: ScoreCard) -> list[str]:
    notes = [
        f"{card.version.score_name}: driving score by the CARLA Leaderboard's rules {card.version.value}."
        " /km: infractions per km driven. off km: driven outside the route's lanes."
    ]
    if any(policy.privileged for policy in card.per_policy):
        notes.append("* sees ground truth (privileged); not to be ranked with policies that do not.")
    if card.not_judged:
        notes.append(f"Not judged in this version: {', '.join(card.not_judged)}.")
    for policy in card.per_policy:
        if policy.n_valid != policy.n_planned:
            notes.append(
                f"{policy.policy}: {policy.n_planned - policy.n_valid} of {policy.n_planned} episodes have no"
                " valid record; over the others the mean score is"
                f" {_number(policy.driving_score_valid, 2)}. INVALID."
            )
        if policy.n_retries:
            notes.append(
                f"{policy.policy}: {policy.n_retries} attempts were repeated after infrastructure faults;"
                " counting those episodes as zero the score would be"
                f" {_number(policy.driving_score_crash_as_zero, 2)}."
            )
    return notes
