"""A CARLA server in a container of its own: our headless one, or CARLA itself on a GPU.

The container publishes the same port numbers that its server listens on, on the loopback: CARLA tells its
clients the number of its streaming port, so that nothing may be remapped. Removing the container is the only
way to end it, and works on a server that hangs or is stopped. Nothing of it stays: no volume, no network.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from harness.config import DockerConfig
from harness.errors import GpuMissingError, PortTakenError, ServerStartError, ServerVersionError
from harness.servers.base import Endpoint, Evidence, ServerKind
from harness.servers.engine import OWNER_LABEL, RUN_LABEL, WORKER_LABEL, Engine, remove
from harness.servers.images import PORT_VARIABLE, Image, ImageKind, server_command
from harness.servers.log_signatures import KILLED_FOR_MEMORY, Cause, Signature, recognise
from harness.servers.logs import LOG_LINES, unused
from harness.servers.owners import Owner
from harness.servers.ports import HOST, NEEDED_PORTS, free_blocks, none_free
from harness.servers.readiness import make_sure_it_is_ready

_POLL_S = 0.1
_LIFE_CHECK_EVERY_S = 0.5
_LOOK_FOR_CAUSES_IN = 400  # lines of the log
_LOG_SIZE = "10m"
_LOG_FILES = "2"


@dataclass(frozen=True, slots=True)
class Berth:
    """Whose containers these are.

    Attributes:
        owner: the campaign's process.
        worker: number of the worker that starts them.
        run: folder of the run; logs go to its folder `logs`.
    """

    owner: Owner
    worker: int
    run: Path


class DockerServer:
    """A container with a CARLA server.

    Args:
        image: that is on this machine.
        berth: whose it is.
        docker: limits and GPUs.
        first_port: first block of ten ports to try.
        dt_s: simulated time of a tick.
        start_deadline_s: from start to ready.
        environment: of the server (thread pools).

    Raises:
        ServerStartError: on entering: it ended, did not become ready in time, or no ports were free.
        EngineError: on entering: there is no engine, or it has no GPU for a container.
    """

    kind = ServerKind.DOCKER
    process_group: int | None = None

    def __init__(
        self,
        image: Image,
        berth: Berth,
        docker: DockerConfig,
        *,
        first_port: int,
        dt_s: float,
        start_deadline_s: float,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._image = image
        self._berth = berth
        self._docker = docker
        self._first_port = first_port
        self._dt_s = dt_s
        self._start_deadline_s = start_deadline_s
        self._environment = dict(environment or {})
        self._engine: Engine | None = None
        self._container: Any = None
        self._endpoint = Endpoint(HOST, first_port)
        self._alive = False
        self._checked_at_s = -float("inf")

    @property
    def endpoint(self) -> Endpoint:
        """Where it is."""
        return self._endpoint

    @property
    def simulator(self) -> str:
        """What simulates."""
        return self._image.simulator

    @property
    def gpu(self) -> str | None:
        """The GPU of this worker: they take turns."""
        gpus = self._docker.gpus
        return gpus[self._berth.worker % len(gpus)] if gpus else None

    def is_alive(self) -> bool:
        """Whether the container runs; the engine is asked for it twice a second at most."""
        now_s = time.monotonic()
        if self._container is not None and now_s - self._checked_at_s >= _LIFE_CHECK_EVERY_S:
            self._checked_at_s = now_s
            self._alive = bool(self._state().get("Running"))
        return self._container is not None and self._alive

    def evidence(self) -> Evidence:
        """State of the container, the end of its log, and what that means."""
        state = self._state()
        running = bool(state.get("Running"))
        code = None if running or "ExitCode" not in state else int(state["ExitCode"])
        name = _signal_name(code)
        lines = self._log_lines()
        found = recognise(lines)
        diagnosis = None if found is None else found.remedy
        if state.get("OOMKilled"):
            diagnosis = KILLED_FOR_MEMORY
        return Evidence(
            endpoint=str(self._endpoint),
            alive=running,
            exit_code=None if name else code,
            signal_name=name,
            log_tail=tuple(lines[-LOG_LINES:]),
            diagnosis=diagnosis,
        )

    def __enter__(self) -> Self:
        self._engine = Engine()
        deadline = time.monotonic() + self._start_deadline_s
        try:
            for port in free_blocks(self._first_port):
                self._endpoint = Endpoint(HOST, port)
                try:
                    self._start(port)
                    self._wait_until_ready(deadline)
                except PortTakenError:
                    self._remove()
                    continue
                return self
        except BaseException:
            self._end()
            raise
        self._end()
        raise ServerStartError(none_free(self._first_port))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    # ---- starting

    def _start(self, port: int) -> None:
        assert self._engine is not None  # noqa: S101 - for the type checker
        command = server_command(self._image.kind, port, with_gpu=self.gpu is not None)
        self._container = self._engine.start(self._image, command, self._options(port))
        self._alive, self._checked_at_s = True, time.monotonic()

    def _options(self, port: int) -> dict[str, Any]:
        """Arguments of `containers.create`."""
        import docker

        memory = self._docker.memory or self._image.memory
        options: dict[str, Any] = {
            "detach": True,
            "init": self._image.kind is ImageKind.CARLA,  # its start script does not reap or pass signals on
            "labels": {
                OWNER_LABEL: str(self._berth.owner),
                WORKER_LABEL: str(self._berth.worker),
                RUN_LABEL: str(self._berth.run.absolute()),
            },
            "environment": {PORT_VARIABLE: str(port), **self._environment},
            "ports": {f"{p}/tcp": (HOST, p) for p in range(port, port + NEEDED_PORTS)},
            "mem_limit": memory,
            "memswap_limit": memory,
            "shm_size": self._docker.shm_size,
            "pids_limit": self._docker.pids,
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges"],
            "read_only": self._image.is_read_only,
            "tmpfs": {"/tmp": "size=256m,mode=1777"} if self._image.is_read_only else None,  # noqa: S108
            "healthcheck": {"test": ["NONE"]},  # readiness is asked for from outside, over the published port
            "restart_policy": {"Name": "no"},
            "log_config": docker.types.LogConfig(
                type="json-file", config={"max-size": _LOG_SIZE, "max-file": _LOG_FILES}
            ),
        }
        if self._docker.cpus is not None:
            options["nano_cpus"] = int(self._docker.cpus * 1e9)
        if self.gpu is not None:
            options["environment"]["NVIDIA_DRIVER_CAPABILITIES"] = (
                "all"  # Vulkan is not among the default ones
            )
            options["device_requests"] = [
                docker.types.DeviceRequest(driver="nvidia", device_ids=[self.gpu], capabilities=[["gpu"]])
            ]
        return options

    def _wait_until_ready(self, deadline: float) -> None:
        """Ask for version, map and tick again and again while the container runs.

        A port that answers proves nothing: the engine's proxy takes connections before the server does, and
        CARLA answers before its map is loaded.

        Raises:
            PortTakenError, GpuMissingError, ServerVersionError, ServerStartError: it will not become ready.
        """
        why = "it was never asked"
        while (left_s := deadline - time.monotonic()) > 0.0:
            self._look_for_trouble()
            try:
                make_sure_it_is_ready(
                    self._endpoint, is_alive=self.is_alive, dt_s=self._dt_s, deadline_s=max(left_s, 1.0)
                )
                return
            except ServerVersionError:
                raise
            except ServerStartError as error:
                why = str(error)
            time.sleep(_POLL_S)
        raise ServerStartError(
            f"The container of {self._image.name} at {self._endpoint} was not ready after"
            f" {self._start_deadline_s:g} s: {why} Its last words: {_words(self._log_lines())}"
        )

    def _look_for_trouble(self) -> None:
        """Raise as soon as the log or the container's state says that it will never be ready."""
        state = self._state()
        lines = self._log_lines()
        found = recognise(lines)
        if state.get("Running"):
            if found is not None and found.is_fatal and self.gpu is not None:
                raise self._failed("cannot draw", found, lines)
            return
        if found is not None and found.cause is Cause.PORT_IN_USE:
            raise PortTakenError(f"Ports from {self._endpoint.port} on are in use.")
        code = int(state.get("ExitCode", -1))
        how = _signal_name(code) or f"exit code {code}"
        if state.get("OOMKilled"):
            raise ServerStartError(
                f"The container of {self._image.name} ended before it was ready ({how}). {KILLED_FOR_MEMORY}"
            )
        raise self._failed(f"ended before it was ready ({how})", found, lines)

    def _failed(
        self, what: str, found: Signature | None, lines: list[str]
    ) -> ServerStartError | GpuMissingError:
        remedy = "" if found is None else f" {found.remedy}"
        text = (
            f"The server in a container of {self._image.name} {what}.{remedy} Its last words: {_words(lines)}"
        )
        return GpuMissingError(text) if found is not None and found.is_fatal else ServerStartError(text)

    # ---- the container

    def _state(self) -> Mapping[str, Any]:
        """What the engine knows; empty if the container has gone. A silent engine changes nothing."""
        import docker
        import requests

        if self._container is None:
            return {}
        try:
            self._container.reload()
        except docker.errors.NotFound:
            return {}
        except (docker.errors.APIError, requests.RequestException):
            return {"Running": self._alive}
        found: Mapping[str, Any] = self._container.attrs["State"]
        return found

    def _log_lines(self) -> list[str]:
        import docker
        import requests

        if self._container is None:
            return []
        try:
            raw = self._container.logs(tail=_LOOK_FOR_CAUSES_IN)
        except (docker.errors.APIError, requests.RequestException):
            return []
        return str(raw.decode(errors="replace")).splitlines()

    def _keep_log(self) -> None:
        """Write the container's log beside those of the workers, before it goes with the container."""
        import docker
        import requests

        folder = self._berth.run / "logs"
        folder.mkdir(parents=True, exist_ok=True)
        path = unused(folder, f"server-{self._endpoint.port}")
        try:
            with path.open("xb") as log:
                for chunk in self._container.logs(stream=True, follow=False):
                    log.write(chunk)
                log.flush()
                os.fsync(log.fileno())
        except (docker.errors.APIError, requests.RequestException):
            return

    def _remove(self) -> None:
        container, self._container = self._container, None
        if container is not None:
            remove(container)

    def _end(self) -> None:
        if self._container is not None:
            self._keep_log()
            self._remove()
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()


def _signal_name(code: int | None) -> str | None:
    """Name of the signal behind an exit code of 128 + n."""
    if code is None or not 128 < code < 128 + signal.NSIG:
        return None
    try:
        return signal.Signals(code - 128).name
    except ValueError:
        return None


def _words(lines: list[str]) -> str:
    return " | ".join(lines[-5:]) or "none"
