"""A worker process: one server, one session, one episode at a time. It knows nothing of the other workers.

The scheduler starts it with `spawn`, sends `EpisodeTask` objects and gets `Message` objects back (both of
`harness.campaign.tasks`). It ends when it is told to (None instead of a task, SIGTERM) or when the campaign's
process ends, however that happens.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

from harness.campaign.plan import versions
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
from harness.client.session import Session
from harness.config import PolicyConfig, RunConfig
from harness.episode import EpisodeRunner
from harness.errors import (
    DrivegateError,
    InfraError,
    InfraFaultKind,
    NotCarlaError,
    PolicyFaultError,
    ServerVersionError,
    StopRequested,
    UsageError,
)
from harness.policy_guard import PolicyGuard, guarded
from harness.processes import die_with_parent
from harness.servers.base import Evidence, Server, ServerKind
from harness.servers.choice import ServerChoice
from harness.servers.ports import BLOCK_PORTS
from policies import registry
from policies.interface import Policy
from scenarios.planner import RouteError

_REPORT_EVERY_S = 0.25
_PORT_SPAN = 20_000


@dataclass(frozen=True, slots=True)
class WorkerSetup:
    """What a worker is started with.

    Attributes:
        number: 0-based.
        servers: of the run, with its configuration and its folder.
        parent_pid: the campaign's process.
    """

    number: int
    servers: ServerChoice
    parent_pid: int

    @property
    def config(self) -> RunConfig:
        """Of the run."""
        return self.servers.config

    @property
    def log_path(self) -> Path:
        """Where everything goes that the worker, its policies and CARLA's client print."""
        return self.servers.folder / "logs" / f"worker-{self.number}.log"


def worker_main(setup: WorkerSetup, connection: Connection) -> None:
    """Run a worker; the target of its process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the campaign, which then stops its workers
    die_with_parent(setup.parent_pid)
    _send_output_to(setup.log_path)
    faulthandler.enable()
    with _Worker(setup, connection) as worker, suppress(BrokenPipeError, EOFError):
        worker.serve()


def _send_output_to(path: Path) -> None:
    """Let the log take what is printed, also by C++ code."""
    path.parent.mkdir(parents=True, exist_ok=True)
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(log, stream.fileno())
    os.close(log)


class _Worker:
    """The state of a worker: its server, its session, its policies."""

    def __init__(self, setup: WorkerSetup, connection: Connection) -> None:
        self._setup = setup
        self._connection = connection
        self._stop = False
        self._policies: dict[str, Policy] = {}
        self._server: Server | None = None
        self._runner: EpisodeRunner | None = None
        self._session: Session | None = None
        self._first_port = setup.config.machine.first_port + BLOCK_PORTS * setup.number
        self._next_port = self._first_port

    def __enter__(self) -> Self:
        signal.signal(signal.SIGTERM, self._on_terminate)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None and self._server is not None and self._server.kind is ServerKind.REMOTE:
            self._session.release()
        self._give_up_server()
        for policy in self._policies.values():
            with suppress(Exception):
                policy.close()

    def _on_terminate(self, _number: int, _frame: FrameType | None) -> None:
        self._stop = True

    def serve(self) -> None:
        """Do what the campaign asks for until it asks for no more."""
        refusal = self._try_policies()
        if refusal is not None:
            self._send(refusal)
            return
        self._send(Hello())
        while not self._stop:
            if not self._connection.poll(0.2):
                continue
            task = self._connection.recv()
            if task is None:
                return
            message = self._attempt(task)
            self._send(message)
            if isinstance(message, Refused | Stopped):
                return

    def _send(self, message: Message) -> None:
        self._connection.send(message)

    def _try_policies(self) -> Refused | None:
        """Find out before the first episode whether the policies exist and take their arguments."""
        for config in self._setup.config.drive.policies:
            try:
                self._policies[config.name] = registry.create(config.name, config.args)
            except (registry.UnknownPolicyError, registry.PolicyArgumentError) as error:
                return Refused(_sentence(error))
            except Exception:  # noqa: S112 - raised again, and booked to the policy, when it is to drive
                continue
        return None

    def _attempt(self, task: EpisodeTask) -> Message:
        """Drive one attempt and say how it ended."""
        try:
            return self._drive(task)
        except StopRequested:
            return Stopped()
        except (UsageError, RouteError) as error:
            return Refused(_sentence(error))
        except InfraError as error:
            wrong_address = isinstance(error, NotCarlaError | ServerVersionError)
            return self._fault(
                error.kind, str(error), wrong_address and self._setup.servers.endpoint is not None
            )
        except Exception as error:  # a defect of the harness: never the policy's
            sys.excepthook(type(error), error, error.__traceback__)
            return self._fault(InfraFaultKind.HARNESS, f"{type(error).__name__}: {error}", False)

    def _drive(self, task: EpisodeTask) -> EpisodeResult:
        runner = self._ready_runner()
        last_report_s = time.monotonic()

        def report(progress: Progress) -> None:
            nonlocal last_report_s
            now_s = time.monotonic()
            if now_s - last_report_s >= _REPORT_EVERY_S:
                last_report_s = now_s
                self._send(progress)

        result = runner.run(task, self._guard_maker(task.policy), report)
        if result.outcome.value == "policy_fault":
            self._forget_policy(task.policy.name)
        return result

    def _guard_maker(self, config: PolicyConfig) -> Callable[[], PolicyGuard]:
        def make() -> PolicyGuard:
            if config.name not in self._policies:
                self._policies[config.name] = guarded(
                    "set-up", lambda: registry.create(config.name, config.args)
                )
            return PolicyGuard(self._policies[config.name])

        return make

    def _forget_policy(self, name: str) -> None:
        """A policy that failed may be in any state: the next episode gets a new one."""
        policy = self._policies.pop(name, None)
        if policy is not None:
            with suppress(PolicyFaultError):
                guarded("close", policy.close)

    # ---- the server

    def _ready_runner(self) -> EpisodeRunner:
        if self._runner is None:
            machine, drive = self._setup.config.machine, self._setup.config.drive
            self._server = self._make_server()
            self._server.__enter__()
            self._session = Session(
                self._server.endpoint,
                is_alive=self._server.is_alive,
                dt_s=drive.dt_s,
                tick_deadline_s=machine.tick_deadline_s,
                request_deadline_s=machine.request_deadline_s,
            )
            self._send(ServerReady(self._server.process_group, self._session.towns()))
            self._runner = EpisodeRunner(
                self._session,
                drive=drive,
                machine=machine,
                simulator=self._server.simulator,
                versions=versions() | self._setup.servers.versions,
                should_stop=lambda: self._stop,
            )
        return self._runner

    def _make_server(self) -> Server:
        port = self._next_port
        # Never the same port twice in a row: a client given up on may still knock at the old one.
        stride = BLOCK_PORTS * self._setup.config.machine.workers
        self._next_port = self._first_port + (port - self._first_port + stride) % _PORT_SPAN
        return self._setup.servers.make(self._setup.number, port)

    def _fault(self, kind: InfraFaultKind, message: str, is_hopeless: bool) -> Fault:
        """Describe a fault, and give up the server: the next attempt gets a fresh one."""
        evidence = self._evidence()
        if kind is InfraFaultKind.HARNESS and evidence is not None and not evidence.alive:
            kind = InfraFaultKind.SERVER_DIED  # whatever went wrong in the client then is its consequence
        self._give_up_server()
        if evidence is not None and evidence.diagnosis and evidence.diagnosis not in message:
            message = f"{message} {evidence.diagnosis}"
        return Fault(kind, message, evidence, is_hopeless)

    def _evidence(self) -> Evidence | None:
        return None if self._server is None else self._server.evidence()

    def _give_up_server(self) -> None:
        self._runner = None
        self._session = None
        server, self._server = self._server, None
        if server is not None:
            server.__exit__(None, None, None)


def _sentence(error: Exception) -> str:
    text = str(error) if isinstance(error, DrivegateError | ValueError) else str(error.args[0])
    return text[:1].upper() + text[1:]
