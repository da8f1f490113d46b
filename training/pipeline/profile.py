"""Profile: a YAML file that says which commands make a policy, one after the other.

summary: one line
values: {seed: "42", ...}          words that commands use as {seed}; --set seed=7 changes them
stages:
  - name: train
    about: what it does, for people
    minutes: 14                    about, on the machine that the summary names; for the ETA
    run: [train, student, --seed, "{seed}", ...]        of drivegate
    again: [--resume, "{work}/checkpoints/nano/latest"]  added when it goes on after an interruption,
    again_if: "{work}/checkpoints/nano/latest"           if this exists
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from string import Formatter

from pydantic import Field, field_validator

from harness.errors import ConfigError
from harness.typed_config import StrictModel, read_model

_ALWAYS = ("work", "workers")


class StageConfig(StrictModel):
    """One command."""

    name: str = Field(pattern=r"^[a-z0-9-]+$")
    about: str
    minutes: float = Field(gt=0.0)
    run: tuple[str, ...] = Field(min_length=1)
    again: tuple[str, ...] = ()
    again_if: str | None = None


class Profile(StrictModel):
    """All commands, with the values of their words."""

    summary: str
    values: dict[str, str] = Field(default_factory=dict)
    stages: tuple[StageConfig, ...] = Field(min_length=1)

    @field_validator("values", mode="before")
    @classmethod
    def _as_text(cls, values: Mapping[str, object]) -> dict[str, str]:
        return {str(name): str(value) for name, value in values.items()}


def profile_names() -> tuple[str, ...]:
    """Profiles that come with this project."""
    folder = resources.files("training") / "profiles"
    return tuple(sorted(Path(f.name).stem for f in folder.iterdir() if f.name.endswith(".yaml")))


def read_profile(name: str, values: Mapping[str, str]) -> Profile:
    """Read a shipped profile, or a file.

    Args:
        name: of a shipped one, or path of a YAML file.
        values: that replace those of the profile.

    Raises:
        ConfigError: no such profile, not a profile, an unknown word, or two stages of a name.
    """
    with resources.as_file(resources.files("training") / "profiles" / f"{name}.yaml") as shipped:
        path = shipped if name in profile_names() else Path(name)
        if not path.is_file():
            raise ConfigError(
                f"There is no profile {name!r}. There are: {', '.join(profile_names())}; a YAML file is one,"
                " too."
            )
        profile = read_model(Profile, path, {})
    unknown = sorted(set(values) - set(profile.values))
    if unknown:
        raise ConfigError(
            f"The profile {name} knows no value {unknown[0]!r};"
            f" there are: {', '.join(sorted(profile.values))}."
        )
    names = [stage.name for stage in profile.stages]
    if len(set(names)) != len(names):
        raise ConfigError(f"The profile {name} has two stages of the same name: {', '.join(names)}.")
    merged = profile.model_copy(update={"values": {**profile.values, **values}})
    known = {*merged.values, *_ALWAYS}
    for stage in merged.stages:
        for text in (*stage.run, *stage.again, stage.again_if or ""):
            for _, word, _, _ in Formatter().parse(text):
                if word is not None and word not in known:
                    raise ConfigError(
                        f"The profile {name}, stage {stage.name}: no value {word!r} for {text!r}."
                    )
    return merged
