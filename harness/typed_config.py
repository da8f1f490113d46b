"""Typed configuration from YAML: unknown keys are refused, and an error names the file and the key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails
from yaml import YAMLError  # type: ignore[import-untyped]

from harness.errors import ConfigError


class StrictModel(BaseModel):
    """A section of a configuration: no unknown keys, no changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Model = TypeVar("Model", bound=StrictModel)


def read_model(
    kind: type[Model],
    path: Path | None,
    given: Mapping[str, object],
    overrides: Sequence[str] = (),
    remedies: Mapping[str, str] | None = None,
) -> Model:
    """Build a configuration: file, then given values, then `key=value` overrides.

    Args:
        kind: what to build.
        path: YAML file, or None.
        given: nested values.
        overrides: such as "machine.tick_deadline_s=30".
        remedies: key -> what to say if it is missing.

    Raises:
        ConfigError: naming the file and the key, and what is allowed.
    """
    where = str(path) if path is not None else "the command line"
    try:
        merged = OmegaConf.merge(
            OmegaConf.load(path) if path is not None else OmegaConf.create(),
            OmegaConf.create(dict(given.items())),
            OmegaConf.from_dotlist(list(overrides)),
        )
        values = OmegaConf.to_container(merged, resolve=True)
    except FileNotFoundError as error:
        raise ConfigError(f"There is no configuration file {path}.") from error
    except (OmegaConfBaseException, YAMLError, ValueError, OSError) as error:
        raise ConfigError(f"The configuration cannot be read ({where}): {error}") from error
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        problems = "; ".join(_explain(problem, remedies or {}) for problem in error.errors())
        raise ConfigError(f"The configuration is wrong ({where}): {problems}") from error


def _explain(problem: ErrorDetails, remedies: Mapping[str, str]) -> str:
    key = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "missing":
        return f"{key} is missing{remedies.get(key, '')}"
    return f"{key}: {problem['msg']} (got {problem.get('input')!r:.60})"
