"""What a campaign shows while it runs: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from harness.campaign.tasks import EpisodeResult, EpisodeTask, Fault, Progress


def _name(task: EpisodeTask) -> str:
    return f"{task.policy.name} on route {task.route.id} ({task.route.town}), repeat {task.repeat}"


def _end_line(task: EpisodeTask, result: EpisodeResult, dt_s: float) -> str:
    factor = result.ticks * dt_s / result.wall_s if result.wall_s > 0.0 else 0.0
    return (
        f"{_name(task)}: {result.outcome.value.replace('_', ' ')}, {result.reason};"
        f" {result.route_completion_pct:.1f} % in {result.ticks * dt_s:.0f} s, {factor:.1f} x real time"
    )


def _fault_line(task: EpisodeTask, fault: Fault, will_retry: bool) -> str:
    then = "It is driven again." if will_retry else "No attempts are left: the run is INVALID."
    return f"infrastructure fault ({fault.kind.value}) with {_name(task)}. {fault.message} {then}"


class PlainDisplay:
    """A line when an episode begins, ends or is lost: for log files and CI."""

    def __init__(self, console: Console, dt_s: float) -> None:
        self._console = console
        self._dt_s = dt_s
        self._total = 0
        self._done = 0
        self._done_before = 0
        self._begun_s = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is open."""

    def begun(self, total: int, done_before: int) -> None:
        """Say what is to be done."""
        self._total, self._done, self._done_before = total, done_before, done_before
        self._begun_s = time.monotonic()
        again = f", {done_before} of them done before" if done_before else ""
        self._say(f"{total} episodes{again}")

    def started(self, worker: int, task: EpisodeTask) -> None:
        """Say who drives where."""
        attempt = f", attempt {task.attempt}" if task.attempt else ""
        self._say(f"worker {worker}: {_name(task)}{attempt}")

    def progressed(self, worker: int, task: EpisodeTask, progress: Progress) -> None:
        """Nothing: a log would drown."""

    def finished(self, worker: int, task: EpisodeTask, result: EpisodeResult) -> None:  # noqa: ARG002
        """Say how it ended."""
        self._done += 1
        self._say(f"[{self._done}/{self._total}] {_end_line(task, result, self._dt_s)}{self._time_left()}")

    def faulted(self, worker: int, task: EpisodeTask, fault: Fault, will_retry: bool) -> None:
        """Say what failed."""
        self._say(f"worker {worker}: {_fault_line(task, fault, will_retry)}")

    def _time_left(self) -> str:
        """How long the rest takes at the pace so far."""
        left = self._total - self._done
        if not left:
            return ""
        pace_s = (time.monotonic() - self._begun_s) / (self._done - self._done_before)
        return f"; about {max(round(left * pace_s / 60.0), 1)} min left"

    def _say(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


class BarDisplay:
    """A bar per worker with route, completion and speed, and one for all."""

    def __init__(self, console: Console, dt_s: float) -> None:
        self._dt_s = dt_s
        self._bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>5.1f} %"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[speed]}", style="cyan"),
            console=console,
        )
        self._all: TaskID | None = None
        self._bar_of: dict[int, TaskID] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def begun(self, total: int, done_before: int) -> None:
        """Draw the bar for all."""
        self._all = self._bars.add_task("[bold]all episodes", total=total, completed=done_before, speed="")

    def started(self, worker: int, task: EpisodeTask) -> None:
        """Give the worker's bar a new name."""
        self._remove(worker)
        self._bar_of[worker] = self._bars.add_task(_name(task), total=100.0, speed="")

    def progressed(self, worker: int, task: EpisodeTask, progress: Progress) -> None:  # noqa: ARG002
        """Move the worker's bar."""
        if worker in self._bar_of:
            factor = progress.tick * self._dt_s / max(progress.wall_s, 1e-9)
            self._bars.update(
                self._bar_of[worker],
                completed=progress.route_completion_pct,
                speed=f"{factor:.1f} x real time",
            )

    def finished(self, worker: int, task: EpisodeTask, result: EpisodeResult) -> None:
        """Say how it ended, above the bars."""
        self._remove(worker)
        if self._all is not None:
            self._bars.advance(self._all)
        self._bars.console.print(_end_line(task, result, self._dt_s), markup=False, highlight=False)

    def faulted(self, worker: int, task: EpisodeTask, fault: Fault, will_retry: bool) -> None:
        """Say what failed, above the bars."""
        self._remove(worker)
        self._bars.console.print(_fault_line(task, fault, will_retry), markup=False, style="yellow")

    def _remove(self, worker: int) -> None:
        bar = self._bar_of.pop(worker, None)
        if bar is not None:
            self._bars.remove_task(bar)


def display_for(console: Console, dt_s: float) -> PlainDisplay | BarDisplay:
    """Bars on a terminal, lines elsewhere."""
    return BarDisplay(console, dt_s) if console.is_terminal else PlainDisplay(console, dt_s)
