"""Which servers a run gets: asked for by the configuration, checked once, then made for each worker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from harness.config import RunConfig, parse_server
from harness.errors import ConfigError
from harness.processes import thread_pool_environment
from harness.servers.base import Endpoint, Server, ServerKind
from harness.servers.docker import Berth, DockerServer
from harness.servers.embedded import EmbeddedServer
from harness.servers.engine import Engine
from harness.servers.images import Image, ImageKind
from harness.servers.owners import Owner
from harness.servers.remote import RemoteServer


@dataclass(frozen=True, slots=True)
class ServerChoice:
    """The servers of a run; plain values, so that a worker process can have it.

    Attributes:
        folder: of the run.
        config: of the run.
        owner: the campaign's process.
        endpoint: of a remote server, None for others.
        image: of containers, None for others.
    """

    folder: Path
    config: RunConfig
    owner: Owner
    endpoint: Endpoint | None = None
    image: Image | None = None

    @property
    def versions(self) -> dict[str, str]:
        """What can change a result besides the distributions: the image that holds CARLA.

        Our own headless image is not among them: it holds a version of ours, and gives the records of the
        embedded server bit for bit.
        """
        if self.image is None or self.image.kind is ImageKind.HEADLESS:
            return {}
        return {"image": f"{self.image.name} {self.image.id}"}

    def make(self, worker: int, port: int) -> Server:
        """Return a server that is not started yet.

        Args:
            worker: who will use it.
            port: first block of ports to try, if it takes ports.
        """
        machine, dt_s = self.config.machine, self.config.drive.dt_s
        if self.endpoint is not None:
            return RemoteServer(self.endpoint, dt_s=dt_s, start_deadline_s=machine.start_deadline_s)
        if self.image is not None:
            return DockerServer(
                self.image,
                Berth(self.owner, worker, self.folder),
                machine.docker,
                first_port=port,
                dt_s=dt_s,
                start_deadline_s=machine.start_deadline_s,
                environment=thread_pool_environment(machine.threads_per_worker),
            )
        return EmbeddedServer(
            self.folder / "logs",
            first_port=port,
            dt_s=dt_s,
            start_deadline_s=machine.start_deadline_s,
            environment=thread_pool_environment(machine.threads_per_worker),
        )

    def reap(self, worker: int | None = None) -> None:
        """Remove containers that a worker, or any worker, left behind."""
        if self.image is not None:
            with Engine() as engine:
                engine.remove_of(self.owner, worker)


def choose_servers(config: RunConfig, folder: Path, console: Console) -> ServerChoice:
    """Find out, before anything is driven, whether the servers that a run asks for can be had.

    For containers: the engine answers, the image is here or is pulled, and containers that a killed run left
    behind are removed.

    Raises:
        ConfigError: several workers would share one remote server, or a GPU was neither named nor declined.
        EngineError: there is no engine or no image.
    """
    owner = Owner.this_process()
    kind = config.drive.server
    if kind is ServerKind.DOCKER:
        return ServerChoice(folder, config, owner, image=_image(config, console))
    if kind is ServerKind.EMBEDDED:
        return ServerChoice(folder, config, owner)
    if config.machine.workers > 1:
        raise ConfigError("A remote server drives one episode at a time: use --workers 1.")
    endpoint = parse_server(f"{ServerKind.REMOTE}:{config.machine.remote or ''}".rstrip(":"))[1]
    return ServerChoice(folder, config, owner, endpoint=endpoint)


def _image(config: RunConfig, console: Console) -> Image:
    docker = config.machine.docker
    with Engine() as engine:
        orphans = engine.remove_orphans()
        if orphans:
            console.print(f"removed {orphans} container(s) that a killed run had left behind")
        with _PullBars(console) as bars:
            image = engine.image(config.drive.image, docker.kind, bars.news)
    if image.kind is ImageKind.CARLA and docker.gpus is None:
        raise ConfigError(
            f"{image.name} draws on a GPU: say which, --gpus 0 (or --gpus 0,1: workers take turns). With"
            " --gpus none it runs without cameras (-nullrhi)."
        )
    return image


class _PullBars:
    """A bar for an image that is pulled; nothing for one that is here."""

    def __init__(self, console: Console) -> None:
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            console=console,
        )
        self._layers: dict[str, tuple[int, int]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    @property
    def news(self) -> Callable[[str, int, int], None]:
        """Told how far each layer is."""
        return self._take

    def _take(self, layer: str, here: int, total: int) -> None:
        if not self._layers:
            self._bars.start()
            self._bars.add_task("pulling the image")
        self._layers[layer] = (here, total)
        self._bars.update(
            self._bars.task_ids[0],
            completed=sum(pair[0] for pair in self._layers.values()),
            total=sum(pair[1] for pair in self._layers.values()),
        )
