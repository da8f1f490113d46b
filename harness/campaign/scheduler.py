"""The campaign: suite x policies x repeats over worker processes.

A free worker gets the next episode. An infrastructure fault costs an attempt, never a score: the episode is
driven again on a fresh server, at most `infra_retries` times, and every fault is written to infra.jsonl with
its evidence. A worker that dies is such a fault too. Who drives what, and in which order, has no influence on
any record.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Protocol

from harness.campaign.plan import Plan, take_stock
from harness.campaign.tasks import (
    EpisodeResult,
    EpisodeTask,
    Fault,
    Hello,
    Message,
    Progress,
    Refused,
    ServerReady,
    Stopped,
)
from harness.campaign.worker import WorkerSetup, worker_main
from harness.errors import DrivegateError, InfraError, InfraFaultKind, TownMissingError, UsageError
from harness.processes import kill_group, thread_pool_environment
from harness.record.run_folder import INFRA_LOG, PlannedEpisode
from harness.servers.choice import ServerChoice

_STOP_GRACE_S = 10.0
_HANG_GRACE_S = 60.0
_WAKE_EVERY_S = 1.0
_MOST_STILLBORN = 3


class Display(Protocol):
    """Who watches a campaign."""

    def begun(self, total: int, done_before: int) -> None:
        """It begins: so many episodes, so many of them done in an earlier call."""
        ...

    def started(self, worker: int, task: EpisodeTask) -> None:
        """A worker took an episode."""
        ...

    def progressed(self, worker: int, task: EpisodeTask, progress: Progress) -> None:
        """A worker drives."""
        ...

    def finished(self, worker: int, task: EpisodeTask, result: EpisodeResult) -> None:
        """An episode has a record that counts."""
        ...

    def faulted(self, worker: int, task: EpisodeTask, fault: Fault, will_retry: bool) -> None:
        """The infrastructure ended an attempt."""
        ...


@dataclass(frozen=True, slots=True)
class CampaignResult:
    """What came of a campaign.

    Attributes:
        planned: episodes of the run.
        done: those that have a record that counts, earlier calls included.
        lost: those that the infrastructure ended in every attempt.
        faults: infrastructure faults in this call.
    """

    planned: int
    done: int
    lost: tuple[PlannedEpisode, ...]
    faults: int


class CampaignInterrupted(KeyboardInterrupt):
    """Somebody pressed Ctrl-C or sent SIGTERM; the run folder keeps what is finished."""


@dataclass(slots=True)
class _Work:
    """An episode that waits for a worker."""

    episode: PlannedEpisode
    attempt: int
    retries_left: int


@dataclass(slots=True)
class _Worker:
    """A worker process, seen from the campaign."""

    number: int
    process: SpawnProcess
    connection: Connection
    is_up: bool = False
    server_group: int | None = None
    work: _Work | None = None
    task: EpisodeTask | None = None
    started_s: float = 0.0

    def send(self, message: EpisodeTask | None) -> None:
        """Send something; a worker that has died is noticed elsewhere."""
        with contextlib.suppress(BrokenPipeError, OSError):
            self.connection.send(message)


class Campaign:
    """Drives what a plan has left to drive.

    Args:
        plan: of the run.
        folder: of the run; run.json is there.
        servers: that its workers get.
        display: who watches.
    """

    def __init__(self, plan: Plan, folder: Path, servers: ServerChoice, display: Display) -> None:
        self._plan = plan
        self._folder = folder
        self._servers = servers
        self._display = display
        self._context = multiprocessing.get_context("spawn")
        self._queue: deque[_Work] = deque()
        self._workers: dict[int, _Worker] = {}
        self._done = 0
        self._lost: list[PlannedEpisode] = []
        self._faults = 0
        self._server_was_ready = False
        self._stillborn = 0

    def run(self) -> CampaignResult:
        """Drive everything that is not done yet.

        Raises:
            UsageError: an input is wrong: a policy, a route, a town that the server lacks.
            InfraError: no server ever became ready, or no worker came up.
            CampaignInterrupted: Ctrl-C or SIGTERM.
        """
        self._take_stock()
        self._display.begun(len(self._plan.planned), self._done)
        with _sigterm_as_interrupt():
            try:
                for number in range(min(self._plan.config.machine.workers, len(self._queue))):
                    self._start_worker(number)
                while self._queue or any(worker.work for worker in self._workers.values()):
                    self._serve()
                self._dismiss()
            except KeyboardInterrupt:
                self._stop()
                raise CampaignInterrupted from None
            except BaseException:
                self._stop()
                raise
        return CampaignResult(len(self._plan.planned), self._done, tuple(self._lost), self._faults)

    def _take_stock(self) -> None:
        retries = self._plan.config.machine.infra_retries
        for episode in self._plan.planned:
            standing = take_stock(self._folder, episode)
            if standing.is_done:
                self._done += 1
            else:
                self._queue.append(_Work(episode, standing.next_attempt, retries))

    # ---- the loop

    def _serve(self) -> None:
        """Give work to free workers, then wait for news."""
        for worker in self._workers.values():
            if worker.is_up and worker.work is None and self._queue:
                self._assign(worker, self._queue.popleft())
        sources: dict[object, _Worker] = {}
        for worker in self._workers.values():
            sources[worker.connection] = worker
            sources[worker.process.sentinel] = worker
        ready = wait(list(sources), timeout=_WAKE_EVERY_S)  # type: ignore[arg-type]  # sentinels are ints
        for worker in {sources[source].number: sources[source] for source in ready}.values():
            self._hear(worker)
        for worker in list(self._workers.values()):
            self._check_hang(worker)

    def _assign(self, worker: _Worker, work: _Work) -> None:
        worker.work = work
        worker.task = self._plan.task(self._folder, work.episode, work.attempt)
        worker.started_s = time.monotonic()
        self._display.started(worker.number, worker.task)
        worker.send(worker.task)

    def _hear(self, worker: _Worker) -> None:
        """Take a worker's messages; when there are no more to come, find out why."""
        try:
            while worker.connection.poll():
                self._take(worker, worker.connection.recv())
        except (EOFError, OSError):
            worker.process.join(_STOP_GRACE_S)
        if not worker.process.is_alive():
            self._bury(worker)

    def _take(self, worker: _Worker, message: Message) -> None:
        if isinstance(message, Progress) and worker.task is not None:
            self._display.progressed(worker.number, worker.task, message)
        elif isinstance(message, Hello):
            worker.is_up = True
            self._stillborn = 0
        elif isinstance(message, ServerReady):
            worker.server_group = message.process_group
            self._server_was_ready = True
            self._check_towns(message.towns)
        elif isinstance(message, EpisodeResult) and worker.task is not None:
            self._done += 1
            self._display.finished(worker.number, worker.task, message)
            worker.work = worker.task = None
        elif isinstance(message, Fault):
            self._book(worker, message)
        elif isinstance(message, Refused):
            raise UsageError(message.message)
        elif isinstance(message, Stopped):
            raise KeyboardInterrupt  # somebody stopped the worker by hand: treat it as stopping the campaign

    def _check_towns(self, towns: tuple[str, ...]) -> None:
        """Refuse the run before anything is driven if a town is missing."""
        for town in sorted({route.town for route in self._plan.routes}):
            if town not in towns:
                needing = tuple(route.id for route in self._plan.routes if route.town == town)
                raise TownMissingError(town, needing, towns)

    # ---- faults

    def _book(self, worker: _Worker, fault: Fault) -> None:
        """Write a fault down, and queue the episode again if it has attempts left."""
        work, task = worker.work, worker.task
        worker.work = worker.task = None
        worker.server_group = None
        if work is None or task is None:
            return
        self._faults += 1
        will_retry = work.retries_left > 0 and not fault.is_hopeless
        self._log(worker.number, work, fault, will_retry)
        self._display.faulted(worker.number, task, fault, will_retry)
        if will_retry:
            self._queue.appendleft(_Work(work.episode, work.attempt + 1, work.retries_left - 1))
            return
        if fault.is_hopeless:
            raise UsageError(fault.message)
        if not self._server_was_ready:
            raise InfraError(fault.message)
        self._lost.append(work.episode)

    def _log(self, worker: int, work: _Work, fault: Fault, will_retry: bool) -> None:
        line = {
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            **asdict(work.episode),
            "attempt": work.attempt,
            "worker": worker,
            "kind": fault.kind.value,
            "message": fault.message,
            "evidence": None if fault.evidence is None else asdict(fault.evidence),
            "will_retry": will_retry,
        }
        with (self._folder / INFRA_LOG).open("a") as log:
            log.write(json.dumps(line) + "\n")
            log.flush()
            os.fsync(log.fileno())

    def _bury(self, worker: _Worker) -> None:
        """A worker's process has ended: take its server down, book the fault, start another worker."""
        del self._workers[worker.number]
        worker.connection.close()
        self._take_server_down(worker)
        if not worker.is_up:
            self._stillborn += 1
            if self._stillborn >= _MOST_STILLBORN:
                raise InfraError(
                    f"Worker processes end before they are up (exit code {worker.process.exitcode}). See"
                    f" {self._folder / 'logs'}."
                )
        self._book(worker, Fault(InfraFaultKind.WORKER_DIED, _epitaph(worker), None))
        if self._queue:
            self._start_worker(worker.number)

    def _check_hang(self, worker: _Worker) -> None:
        """End a worker that is stuck where it cannot look at the clock itself."""
        limit_s = self._plan.config.machine.episode_wall_limit_s + _HANG_GRACE_S
        if worker.work is not None and time.monotonic() - worker.started_s > limit_s:
            worker.process.kill()

    # ---- processes

    def _start_worker(self, number: int) -> None:
        here, there = self._context.Pipe()
        setup = WorkerSetup(number, self._servers, os.getpid())
        process = self._context.Process(
            target=worker_main, args=(setup, there), name=f"drivegate-{number}", daemon=False
        )
        with _environment(thread_pool_environment(self._plan.config.machine.threads_per_worker)):
            process.start()
        there.close()
        self._workers[number] = _Worker(number, process, here)

    def _dismiss(self) -> None:
        """Send everybody home."""
        for worker in self._workers.values():
            worker.send(None)
        self._end(_STOP_GRACE_S)

    def _stop(self) -> None:
        """Stop everybody: episodes in progress are abandoned and leave no record that counts."""
        for worker in self._workers.values():
            worker.process.terminate()
        self._end(_STOP_GRACE_S)

    def _end(self, grace_s: float) -> None:
        """Wait for the workers to end, and kill those that do not."""
        deadline = time.monotonic() + grace_s
        for worker in self._workers.values():
            with contextlib.suppress(KeyboardInterrupt):  # a second Ctrl-C: no more patience
                worker.process.join(max(deadline - time.monotonic(), 0.0))
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            self._take_server_down(worker)
            worker.connection.close()
        self._workers.clear()

    def _take_server_down(self, worker: _Worker) -> None:
        """Kill the server of a worker that could not do so itself; one that ended in order has."""
        if worker.process.exitcode == 0:
            return
        if worker.server_group is not None:
            kill_group(worker.server_group)
        with contextlib.suppress(DrivegateError):  # an engine that has gone: the next run finds the container
            self._servers.reap(worker.number)


def _epitaph(worker: _Worker) -> str:
    code = worker.process.exitcode
    how = f"by {signal.Signals(-code).name}" if code is not None and code < 0 else f"with exit code {code}"
    return f"Worker process {worker.number} (pid {worker.process.pid}) was ended {how}."


@contextlib.contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    """Let SIGTERM (how CI systems cancel a job) end the campaign as Ctrl-C does."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Start a child with these variables, and with Ctrl-C ignored until it decides for itself."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    on_interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, on_interrupt)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
