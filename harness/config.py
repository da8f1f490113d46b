"""The configuration of a run: typed, from YAML and `key=value` overrides, stored whole in run.json.

`RunConfig.drive` says what is measured; two runs that differ there are not the same run. `RunConfig.machine`
says how the work is done (workers, deadlines); it may differ when a run is resumed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, Field, PositiveFloat

from harness.errors import ConfigError
from harness.servers.base import Endpoint, ServerKind
from harness.servers.images import DEFAULT_IMAGE, ImageKind
from harness.typed_config import StrictModel, read_model

ArgumentValue = bool | int | float | str


class PolicyConfig(StrictModel):
    """A policy to judge.

    Attributes:
        name: in the registry, or "module:attribute" of a user's own.
        args: its arguments.
    """

    name: str = Field(min_length=1)
    args: dict[str, ArgumentValue] = Field(default_factory=dict)


class DriveConfig(StrictModel):
    """What is driven and measured.

    Attributes:
        suites: names of suites or paths of route files.
        policies: to be judged, each on every route.
        repeats: how often each policy drives each route, with another seed each time.
        seed: of the campaign; every random choice comes from it.
        traffic: background vehicles per episode.
        light_times_s: how long traffic lights are green, yellow, and red before it is the next one's turn;
            None: as the server has them.
        server: how servers come to be.
        image: of the containers, if they are containers.
        dt_s: simulated time of a tick; the Leaderboard's rules are made for 0.05 s.
        settle_ticks: ticks before the first one that counts, for the ego to come to rest on the road.
        only: episodes to drive, "<route>-r<repeat>" or "<route>" for all its repeats; empty for all. They are
            driven with the seeds that they have in the whole run.
        policy_budget_s: wall-clock time of one step of a policy; more is a policy fault. None: any time
            will do, and results do not depend on the machine.
    """

    suites: tuple[str, ...] = Field(min_length=1)
    policies: tuple[PolicyConfig, ...] = Field(min_length=1)
    repeats: int = Field(default=1, ge=1)
    seed: int = Field(default=0, ge=0)
    traffic: int = Field(default=0, ge=0, le=1000)
    light_times_s: tuple[PositiveFloat, PositiveFloat, PositiveFloat] | None = None
    server: ServerKind = ServerKind.EMBEDDED
    image: str = Field(default=DEFAULT_IMAGE, min_length=1)
    dt_s: float = Field(default=0.05, gt=0.0, le=0.1)
    settle_ticks: int = Field(default=20, ge=1, le=1000)
    only: tuple[str, ...] = ()
    policy_budget_s: float | None = Field(default=None, gt=0.0)


class DockerConfig(StrictModel):
    """Containers with servers: limits of each, and the GPUs that they share.

    Attributes:
        gpus: numbers or UUIDs of GPUs; workers take turns. Empty: none. None: nobody has said.
        memory: such as "8g", no swap beyond it; None: what the kind of image needs.
        shm_size: of /dev/shm.
        cpus: processors' worth of time; None: no limit.
        pids: most processes and threads.
        kind: what is in the image, None to go by its label.
    """

    gpus: tuple[str, ...] | None = None
    memory: str | None = Field(default=None, pattern=r"^[0-9]+[bkmgBKMG]?$")
    shm_size: str = Field(default="1g", pattern=r"^[0-9]+[bkmgBKMG]?$")
    cpus: float | None = Field(default=None, gt=0.0)
    pids: int = Field(default=4096, ge=16)
    kind: ImageKind | None = None


class MachineConfig(StrictModel):
    """How the work is done; nothing here may change a result.

    Attributes:
        workers: processes, each with a server of its own.
        threads_per_worker: size of each worker's thread pools, and of its server's.
        infra_retries: how often an episode is driven again after an infrastructure fault.
        first_port: embedded servers and containers take blocks of ten ports from here on.
        remote: address of the remote server.
        docker: containers with servers.
        start_deadline_s: from starting a server to its first tick (the first start on a machine compiles
            kernels).
        request_deadline_s: for loading a town and other requests.
        tick_deadline_s: for a tick; then the server counts as hung.
        episode_wall_limit_s: wall-clock time of an episode; beyond it something is wrong with the machine.
        record_camera: keep a small picture of a front camera per second, for the report.
    """

    workers: int = Field(default=1, ge=1, le=256)
    threads_per_worker: int = Field(default=1, ge=1)
    infra_retries: int = Field(default=2, ge=0)
    first_port: int = Field(default=20000, ge=1024, le=65000)
    remote: str | None = None
    docker: DockerConfig = DockerConfig()
    start_deadline_s: float = Field(default=180.0, gt=0.0)
    request_deadline_s: float = Field(default=60.0, gt=0.0)
    tick_deadline_s: float = Field(default=20.0, gt=1.0)
    episode_wall_limit_s: float = Field(default=3600.0, gt=0.0)
    record_camera: bool = False


class RunConfig(StrictModel):
    """The whole configuration of a run."""

    drive: DriveConfig
    machine: MachineConfig = MachineConfig()


_OPTION_OF = {
    "drive.suites": "; name what to drive with --suite (see drivegate suites)",
    "drive.policies": "; name who drives with --policy (see drivegate policies)",
}


def load_config(path: Path | None, given: Mapping[str, object], overrides: Sequence[str] = ()) -> RunConfig:
    """Build the configuration: file, then options given on the command line, then `key=value` overrides.

    Args:
        path: YAML file with the sections `drive` and `machine`, or None.
        given: nested values of the options that were given.
        overrides: such as "machine.tick_deadline_s=30".

    Raises:
        ConfigError: naming the key and what is allowed.
    """
    return read_model(RunConfig, path, given, overrides, _OPTION_OF)


def parse_server(text: str) -> tuple[ServerKind, Endpoint | None]:
    """Read "embedded", "docker", "remote", "remote:port", "remote:host" or "remote:host:port".

    The host is 127.0.0.1 and the port 2000 unless given.

    Raises:
        ConfigError: it is none of these.
    """
    kind, _, address = text.partition(":")
    if kind in (ServerKind.EMBEDDED, ServerKind.DOCKER) and not address:
        return ServerKind(kind), None
    if kind == ServerKind.REMOTE:
        host, _, port = address.rpartition(":")
        if not host and not port.isdecimal():
            host, port = port, ""
        if not port or (port.isdecimal() and 0 < int(port) < 65536):
            return ServerKind.REMOTE, Endpoint(host or "127.0.0.1", int(port or 2000))
    raise ConfigError(
        f"--server {text!r} is not 'embedded', 'docker' or 'remote[:host[:port]]', such as remote:gpu7:2000."
    )


def differences(stored: BaseModel, wanted: BaseModel, prefix: str = "") -> list[str]:
    """Say in which values two models of a kind differ: "drive.seed: 0 in the run, 1 now"."""
    found: list[str] = []
    for name in type(stored).model_fields:
        a, b = getattr(stored, name), getattr(wanted, name)
        if isinstance(a, BaseModel) and isinstance(b, BaseModel):
            found += differences(a, b, f"{prefix}{name}.")
        elif a != b:
            found.append(f"{prefix}{name}: {_plain(a)} in the run, {_plain(b)} now")
    return found


def _plain(value: object) -> str:
    if isinstance(value, BaseModel):
        return value.model_dump_json()
    if isinstance(value, tuple):
        return "[" + ", ".join(_plain(item) for item in value) + "]"
    return str(value)
