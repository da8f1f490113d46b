"""The Docker engine: connect, find or pull an image, list and remove containers of ours.

The docker SDK (extra `docker`) is imported when an engine is needed, not before. What it raises leaves here
as a typed error with the remedy.
"""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from harness.errors import (
    EngineDeniedError,
    EngineError,
    GpuMissingError,
    ImageMissingError,
    NoEngineError,
    PortTakenError,
    ServerStartError,
)
from harness.servers.images import SERVER_LABEL, Image, ImageKind
from harness.servers.owners import Owner, OwnerState

OWNER_LABEL = "drivegate.owner"
WORKER_LABEL = "drivegate.worker"
RUN_LABEL = "drivegate.run"

_TIMEOUT_S = 60.0
_GPU_WORDS = ("could not select device driver", "nvidia-container", "nvidia", "unknown or invalid runtime")
_PORT_WORDS = ("port is already allocated", "address already in use")
_GPU_REMEDY = (
    "Install the NVIDIA driver and the NVIDIA Container Toolkit, run `sudo nvidia-ctk runtime configure"
    " --runtime=docker`, restart the engine, and try `docker run --rm --gpus all IMAGE nvidia-smi`. Without a"
    " GPU: --gpus none."
)

PullNews = Callable[[str, int, int], None]
"""(layer id, bytes here, bytes in all) while an image is pulled."""


@dataclass(frozen=True, slots=True)
class Found:
    """A container of ours.

    Attributes:
        id: of the container.
        image: its name.
        state: as the engine calls it: "running", "exited", ...
        owner: the campaign's process, None if its label cannot be read.
        worker: number of the worker in the campaign.
        run: folder of the run.
        ports: of the host, that it has published.
    """

    id: str
    image: str
    state: str
    owner: Owner | None
    worker: str
    run: str
    ports: tuple[int, ...]

    @property
    def owner_state(self) -> OwnerState:
        """Whether its owner lives."""
        return OwnerState.ELSEWHERE if self.owner is None else self.owner.state()


class Engine:
    """A connection to the Docker engine of this machine.

    Raises:
        EngineError: on making one: no SDK, no engine, no permission, or an engine on another machine.
    """

    def __init__(self) -> None:
        self.client = _connect()

    def close(self) -> None:
        """Hang up."""
        self.client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ---- images

    def image(self, name: str, kind: ImageKind | None, news: PullNews | None = None) -> Image:
        """Find an image, and pull it if it is not here.

        Args:
            name: such as "carlasim/carla:0.9.16".
            kind: what is in it, None to go by its label.
            news: told how far the pull is.

        Raises:
            ImageMissingError: neither here nor to be had.
        """
        import docker

        with _translated(f"look for the image {name}"):
            try:
                found = self.client.images.get(name)
            except docker.errors.ImageNotFound:
                self._pull(name, news)
                found = self.client.images.get(name)
        if kind is None:
            label = (found.labels or {}).get(SERVER_LABEL, ImageKind.CARLA.value)
            kind = next((one for one in ImageKind if one.value == label), None)
            if kind is None:
                raise EngineError(
                    f"The image {name} says that it holds a server of the kind {label!r}, which this version"
                    f" does not know. Say what it is: --set machine.docker.kind=headless (or carla)."
                )
        return Image(name, str(found.id), kind)

    def _pull(self, name: str, news: PullNews | None) -> None:
        import docker

        repository, tag = docker.utils.parse_repository_tag(name)
        try:
            for line in self.client.api.pull(repository, tag=tag or "latest", stream=True, decode=True):
                if "error" in line:
                    raise ImageMissingError(_cannot_pull(name, str(line["error"])))
                detail = line.get("progressDetail") or {}
                if news is not None and "total" in detail:
                    news(str(line.get("id")), int(detail["current"]), int(detail["total"]))
        except docker.errors.APIError as error:
            raise ImageMissingError(_cannot_pull(name, error.explanation or str(error))) from error

    # ---- containers

    def start(self, image: Image, command: list[str], options: Mapping[str, Any]) -> Any:
        """Create and start a container; one that does not start is removed.

        Raises:
            PortTakenError: its ports belong to somebody else.
            GpuMissingError: the engine has no GPU for it.
            ServerStartError: anything else.
        """
        import docker

        with _translated(f"make a container of {image.name}"):
            container = self.client.containers.create(image.id, command, **options)
        try:
            container.start()
        except BaseException as error:
            remove(container)
            if not isinstance(error, docker.errors.APIError):
                raise
            words = str(error.explanation or error)
            if any(word in words for word in _PORT_WORDS):
                raise PortTakenError(words) from error
            if any(word in words.lower() for word in _GPU_WORDS):
                raise GpuMissingError(
                    f"The engine has no GPU for a container: {words} {_GPU_REMEDY}"
                ) from error
            raise ServerStartError(
                f"The engine did not start a container of {image.name}: {words}"
            ) from error
        return container

    def ours(self, owner: Owner | None = None, worker: int | None = None) -> Iterator[Any]:
        """Yield containers of ours, running or not; of one owner and worker if they are given."""
        labels = [OWNER_LABEL if owner is None else f"{OWNER_LABEL}={owner}"]
        if worker is not None:
            labels.append(f"{WORKER_LABEL}={worker}")
        with _translated("list containers"):
            found = self.client.containers.list(all=True, filters={"label": labels}, ignore_removed=True)
        yield from found

    def list(self) -> list[Found]:
        """Describe all containers of ours."""
        return [_describe(container) for container in self.ours()]

    def remove_of(self, owner: Owner, worker: int | None = None) -> int:
        """Remove an owner's containers, or those of one of its workers. Returns how many."""
        return sum(remove(container) for container in self.ours(owner, worker))

    def remove_orphans(self, *, unknown_too: bool = False) -> int:
        """Remove containers whose owner is dead. Returns how many.

        Args:
            unknown_too: also those whose owner cannot be seen from here.
        """
        gone = {OwnerState.DEAD, OwnerState.ELSEWHERE} if unknown_too else {OwnerState.DEAD}
        return sum(remove(container) for container in self.ours() if _describe(container).owner_state in gone)


def remove(container: Any) -> bool:
    """Kill and remove a container with its anonymous volumes; one that has gone already is fine."""
    import docker

    try:
        container.remove(force=True, v=True)
    except docker.errors.NotFound:
        return False
    except docker.errors.APIError as error:
        if "already in progress" not in str(error):
            raise
    return True


def _describe(container: Any) -> Found:
    labels: Mapping[str, str] = container.labels
    published = (container.attrs.get("HostConfig") or {}).get("PortBindings") or {}
    hosts = [binding.get("HostPort") for bindings in published.values() for binding in bindings or ()]
    return Found(
        id=str(container.short_id),
        image=str((container.attrs.get("Config") or {}).get("Image", "")),
        state=str(container.status),
        owner=Owner.parse(labels.get(OWNER_LABEL, "")),
        worker=labels.get(WORKER_LABEL, ""),
        run=labels.get(RUN_LABEL, ""),
        ports=tuple(sorted(int(port) for port in hosts if port)),
    )


def _connect() -> Any:
    try:
        import docker
    except ImportError as error:
        raise EngineError(
            "The docker SDK is not installed. Install it: pip install 'drivegate[docker]'."
        ) from error
    _knock(docker.utils.parse_host(os.environ.get("DOCKER_HOST")))
    try:
        client = docker.from_env(timeout=_TIMEOUT_S)
    except docker.errors.DockerException as error:
        raise _unreachable(error) from error
    if not str(client.api.base_url).startswith(("http+docker", "http://localhost", "http+unix", "npipe")):
        client.close()
        raise EngineError(
            f"DOCKER_HOST names an engine on another machine ({client.api.base_url}); servers publish their"
            " ports on that machine's loopback only. Run drivegate there, or start the servers there by hand"
            " and use --server remote:host:port."
        )
    try:
        client.ping()
    except (docker.errors.DockerException, OSError) as error:
        client.close()
        raise _unreachable(error) from error
    return client


def _knock(address: str) -> None:
    """See whether anybody is behind a Unix socket: the SDK leaves its own open where nobody is.

    Raises:
        EngineError: nobody is, or this user may not ask.
    """
    scheme = "http+unix://"
    if not address.startswith(scheme):
        return
    with socket.socket(socket.AF_UNIX) as trial:
        trial.settimeout(_TIMEOUT_S)
        try:
            trial.connect("/" + address.removeprefix(scheme).lstrip("/"))
        except OSError as error:
            raise _unreachable(error) from error


def _unreachable(error: BaseException) -> EngineError:
    """Tell "may not" from "is not there"."""
    words = f"{error!r} {error.__cause__!r} {error.__context__!r}"
    if "PermissionError" in words or "ermission denied" in words:
        user = getpass.getuser()
        return EngineDeniedError(
            f"You ({user}) may not talk to the Docker engine. Join its group (`sudo usermod -aG docker"
            f" {user}` and log in again), or use rootless Docker. Its members are as good as root on this"
            " machine."
        )
    return NoEngineError(
        f"No Docker engine answers ({error}). Start it (`sudo systemctl start docker`, or Docker Desktop), or"
        " drive without one: --server embedded."
    )


def _cannot_pull(name: str, why: str) -> str:
    remedy = "Check its name and the network, or load it from a file: docker load < image.tar."
    if name.startswith("drivegate/"):
        remedy = "Build it from a checkout of drivegate: make docker."
    return f"The image {name} is not on this machine and cannot be pulled ({why.strip()}). {remedy}"


@contextmanager
def _translated(what: str) -> Iterator[None]:
    """Make a typed error of what the SDK raises when the engine refuses or has gone."""
    import docker
    import requests

    try:
        yield
    except (docker.errors.DockerException, requests.RequestException) as error:
        raise ServerStartError(f"The Docker engine failed to {what}: {error}") from error
