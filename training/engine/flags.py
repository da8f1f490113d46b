"""Options of a command line from a typed configuration: one list of names, defaults and meanings.

A field of a section that carries `flag("--name", "help")` becomes an option of that name. The value goes to
`section.field`; what is not given keeps the value of the file, and that the default.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from pydantic import BaseModel, Field

_FLAG = "flag"
_INVERTS = "inverts"


def flag(name: str, default: Any, meaning: str, *, inverts: bool = False, **checks: Any) -> Any:
    """A field of a configuration that is also an option.

    Args:
        name: of the option, such as "--lr".
        default: of the field.
        meaning: one line.
        inverts: the option sets the field to False ("--no-unicycle").
        checks: of pydantic's `Field`, such as ge=0.
    """
    return Field(default, description=meaning, json_schema_extra={_FLAG: name, _INVERTS: inverts}, **checks)


@dataclass(frozen=True, slots=True)
class Option:
    """One option.

    Attributes:
        name: such as "--lr".
        key: "section.field".
        kind: type of the value.
        default: of the field.
        meaning: one line.
        inverts: the option sets the field to False.
    """

    name: str
    key: str
    kind: Any
    default: Any
    meaning: str
    inverts: bool

    @property
    def parameter(self) -> str:
        """Name of the function's parameter."""
        return self.name.lstrip("-").replace("-", "_")

    @property
    def shown_default(self) -> str:
        """The option's default, for people."""
        value = False if self.inverts else self.default
        if value is None or value == ():
            return "none"
        return str(value).lower() if isinstance(value, bool) else f"{value}"


def options(config: type[BaseModel]) -> Iterator[Option]:
    """All options of a configuration, section by section."""
    for section, section_field in config.model_fields.items():
        kind = section_field.annotation
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            continue
        for name, field in kind.model_fields.items():
            extra = field.json_schema_extra
            if isinstance(extra, dict) and _FLAG in extra:
                yield Option(
                    name=str(extra[_FLAG]),
                    key=f"{section}.{name}",
                    kind=field.annotation,
                    default=field.default,
                    meaning=field.description or "",
                    inverts=bool(extra[_INVERTS]),
                )


def given(config: type[BaseModel], values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Values of parameters, None where not given -> nested values of the configuration."""
    nested: dict[str, dict[str, Any]] = {}
    for option in options(config):
        value = values.get(option.parameter)
        if value is None:
            continue
        section, _, field = option.key.partition(".")
        nested.setdefault(section, {})[field] = (not value) if option.inverts else value
    return nested


def with_options(
    config: type[BaseModel],
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of a configuration; it gets them as keyword arguments, None if not given."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = [
            p
            for p in inspect.signature(command, eval_str=True).parameters.values()
            if p.kind is not inspect.Parameter.VAR_KEYWORD
        ]
        made = [
            inspect.Parameter(
                option.parameter,
                inspect.Parameter.KEYWORD_ONLY,
                default=None,
                annotation=Annotated[_kind(option), typer.Option(option.name, help=_help(option))],
            )
            for option in options(config)
        ]

        def run(**values: Any) -> None:
            command(**values)

        run.__name__, run.__doc__ = command.__name__, command.__doc__
        parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own] + made
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # typer reads it
        run.__annotations__ = {p.name: p.annotation for p in parameters}
        return run

    return decorate


def _kind(option: Option) -> Any:
    """Type of the option's value; choices are checked by the configuration, whose message lists them."""
    for kind in (bool, int, float):
        if option.kind in (kind, kind | None):
            return kind | None
    return str | None


def _help(option: Option) -> str:
    return f"{option.meaning} [{option.shown_default}]"


def table(config: type[BaseModel]) -> str:
    """All options as a Markdown table."""
    rows = ["| option | default | key of the file | meaning |", "|---|---|---|---|"]
    rows += [f"| `{o.name}` | `{o.shown_default}` | `{o.key}` | {o.meaning} |" for o in options(config)]
    return "\n".join(rows)
