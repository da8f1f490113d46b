"""Options of the command line -> nested configuration values.

What was not given is left to the file and the defaults.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.config import ArgumentValue, parse_server
from harness.errors import ConfigError
from harness.servers.base import ServerKind


def given_options(
    *,
    suites: Sequence[str] | None,
    policies: Sequence[str] | None,
    policy_args: Sequence[str] | None,
    server: str | None,
    image: str | None = None,
    gpus: str | None = None,
    docker_memory: str | None = None,
    repeats: int | None,
    workers: int | None,
    traffic: int | None,
    seed: int | None,
    infra_retries: int | None,
    only: Sequence[str] | None = None,
    record_camera: bool | None = None,
) -> dict[str, object]:
    """Return the sections `drive` and `machine` with what was given.

    Raises:
        ConfigError: a policy argument or the server cannot be read.
    """
    drive: dict[str, object] = {}
    machine: dict[str, object] = {}
    if suites:
        drive["suites"] = list(suites)
    if policies:
        arguments = _policy_arguments(policy_args or (), policies)
        drive["policies"] = [{"name": name, "args": arguments[name]} for name in policies]
    elif policy_args:
        raise ConfigError("--policy-arg goes with --policy; in a file, give the arguments there.")
    if server is not None:
        kind, endpoint = parse_server(server)
        if kind is not ServerKind.DOCKER and (image or gpus or docker_memory):
            raise ConfigError(f"--image, --gpus and --docker-memory go with --server docker, not {server}.")
        drive["server"] = kind.value
        machine["remote"] = None if endpoint is None else str(endpoint)
    elif image or gpus or docker_memory:
        raise ConfigError("--image, --gpus and --docker-memory go with --server docker.")
    if image is not None:
        drive["image"] = image
    docker = {k: v for k, v in (("gpus", _gpus(gpus)), ("memory", docker_memory)) if v is not None}
    if docker:
        machine["docker"] = docker
    drive |= {k: v for k, v in (("repeats", repeats), ("traffic", traffic), ("seed", seed)) if v is not None}
    if only:
        drive["only"] = list(only)
    machine |= {k: v for k, v in (("workers", workers), ("infra_retries", infra_retries)) if v is not None}
    if record_camera:
        machine["record_camera"] = True
    return {"drive": drive, "machine": machine}


def _gpus(text: str | None) -> list[str] | None:
    """Read "0,1", "none", or nothing."""
    if text is None:
        return None
    return [] if text == "none" else [part.strip() for part in text.split(",") if part.strip()]


def _policy_arguments(texts: Sequence[str], policies: Sequence[str]) -> dict[str, dict[str, ArgumentValue]]:
    """Read "name.key=value"; the name may hold dots itself ("my.module:Policy.speed=3")."""
    found: dict[str, dict[str, ArgumentValue]] = {name: {} for name in policies}
    for text in texts:
        left, equals, value = text.partition("=")
        name, dot, key = left.rpartition(".")
        if not (equals and dot and key):
            raise ConfigError(
                f"--policy-arg {text!r} is not of the form name.key=value (constant.speed_mps=4)."
            )
        if name not in found:
            raise ConfigError(
                f"--policy-arg {text!r} is for {name!r}, which is not among --policy {list(policies)}."
            )
        found[name][key] = parse_value(value)
    return found


def parse_value(text: str) -> ArgumentValue:
    """Read true, false, an integer, a number, or text."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
