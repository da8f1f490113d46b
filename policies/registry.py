"""Names of policies -> objects. A plain table; a policy's module is imported only when it is asked for."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from policies.checkpoint import Checkpoint, CheckpointError, find_checkpoint
from policies.interface import Policy

ArgumentValue = str | float | int | bool
_IDENTITY = "identity"


class UnknownPolicyError(LookupError):
    """No policy has this name."""


class PolicyArgumentError(ValueError):
    """An argument of a policy is unknown, of the wrong type, or out of range."""


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument that a policy takes and that is a number.

    Attributes:
        name: with its unit.
        default: what it is when nobody says.
        low, high: bounds, both allowed.
        meaning: one line.
    """

    name: str
    default: float
    low: float
    high: float
    meaning: str

    @property
    def shown(self) -> str:
        """The default, for people."""
        return f"{self.default:g}"

    def parse(self, policy: str, value: ArgumentValue | None) -> float:
        """Return the value as a number in range.

        Raises:
            PolicyArgumentError: it is not a number, or not in the range.
        """
        try:
            number = math.nan if value is None or isinstance(value, bool) else float(value)
        except ValueError:
            number = math.nan
        if not self.low <= number <= self.high:
            raise PolicyArgumentError(
                f"policy {policy!r}: argument {self.name}={value!r} must be a number in"
                f" [{self.low:g}, {self.high:g}] ({self.meaning})"
            )
        return number


@dataclass(frozen=True, slots=True)
class TextArgument:
    """One argument that a policy takes and that is text, such as a path.

    Attributes:
        name: what it is called.
        default: what it is when nobody says; None if somebody must.
        meaning: one line.
        choices: what it may be; anything if empty.
        is_checkpoint: whether it names a trained checkpoint, which `check` looks for.
    """

    name: str
    default: str | None
    meaning: str
    choices: tuple[str, ...] = ()
    is_checkpoint: bool = False

    @property
    def shown(self) -> str:
        """The default, for people."""
        return "(required)" if self.default is None else self.default

    def parse(self, policy: str, value: ArgumentValue | None) -> str:
        """Return the value as text.

        Raises:
            PolicyArgumentError: it is missing, or not one of the choices.
        """
        if value is None:
            raise PolicyArgumentError(
                f"policy {policy!r} needs {self.name} ({self.meaning}): --policy-arg {policy}.{self.name}=..."
            )
        if self.choices and value not in self.choices:
            allowed = ", ".join(self.choices)
            raise PolicyArgumentError(
                f"policy {policy!r}: argument {self.name}={value!r} must be one of {allowed} ({self.meaning})"
            )
        return str(value)


@dataclass(frozen=True, slots=True)
class PolicyEntry:
    """One line of the table.

    Attributes:
        name: how to ask for it.
        summary: one line for people.
        privileged: whether it sees ground truth.
        target: "module:attribute" of its factory, which takes the arguments by name.
        arguments: what it takes.
    """

    name: str
    summary: str
    privileged: bool
    target: str
    arguments: tuple[Argument | TextArgument, ...] = ()


_ENTRIES: tuple[PolicyEntry, ...] = (
    PolicyEntry(
        "brake",
        "Stands still; shows what a route is worth without driving",
        False,
        "policies.baselines:BrakePolicy",
    ),
    PolicyEntry(
        "constant",
        "Drives straight on at a set speed, never steers",
        False,
        "policies.baselines:ConstantPolicy",
        (Argument("speed_mps", 6.0, 0.0, 40.0, "speed to hold"),),
    ),
    PolicyEntry(
        "expert",
        "Rule-based planner on ground truth; the yardstick for the harness and the teacher for training",
        True,
        "policies.expert:make_expert",
        (
            Argument("limit_factor", 0.72, 0.1, 1.0, "share of the speed limit to drive"),
            Argument("top_speed_mps", 14.0, 1.0, 40.0, "never faster than this"),
            Argument("lateral_acceleration_mps2", 2.2, 0.5, 5.0, "bound in curves"),
        ),
    ),
    PolicyEntry(
        "student",
        "Camera student: the one that comes with drivegate, or what `drivegate train student` made",
        False,
        "policies.student.policy:make_student",
        (
            TextArgument(
                "checkpoint",
                "shipped/student",
                "a file or folder, or checkpoints/<experiment>/latest",
                is_checkpoint=True,
            ),
            TextArgument("runtime", "auto", "what runs it", ("auto", "torch", "onnx")),
            TextArgument("device", "cpu", "for torch, such as cuda:0"),
            Argument("creep_after_s", 40.0, 0.0, 600.0, "creep on after standing for so long (0: never)"),
            TextArgument("identity", "", "hash that the checkpoint must have; a run fills it in"),
        ),
    ),
)


def describe() -> tuple[PolicyEntry, ...]:
    """Return all policies of the table, by name."""
    return _ENTRIES


def create(name: str, arguments: Mapping[str, ArgumentValue] | None = None) -> Policy:
    """Build a policy.

    Args:
        name: a name of the table, or "module:attribute" of a factory of your own (a class or a function);
            then the arguments are handed on as they are.
        arguments: by name; what is left out has its default.

    Raises:
        UnknownPolicyError: no such name, module or attribute.
        PolicyArgumentError: an argument is unknown, of the wrong type or out of range.
    """
    given = dict(arguments or {})
    entry = _find(name)
    if entry is not None:
        return _build(name, _load(name, entry.target), _checked(entry, given))
    return _build(name, _load(name, name), given)


def check(name: str, arguments: Mapping[str, ArgumentValue] | None = None) -> None:
    """Find out cheaply whether `create` can go well: nothing is built, and no module of a policy is run.

    Raises:
        UnknownPolicyError: no such name or module.
        PolicyArgumentError: as `create`; the arguments of a policy of your own are not looked at.
    """
    entry = _find(name)
    if entry is not None:
        checked = _checked(entry, dict(arguments or {}))
        for argument in entry.arguments:
            if isinstance(argument, TextArgument) and argument.is_checkpoint:
                identity = str(checked.get(_IDENTITY, ""))
                _look_for_checkpoint(name, argument.name, str(checked[argument.name]), identity)
        return
    package = name.partition(":")[0].partition(".")[0]  # finding more than this would run code
    if not package or importlib.util.find_spec(package) is None:
        raise UnknownPolicyError(
            f"policy {name!r}: there is no module {package!r}, neither in the current folder nor installed"
        )


def pin(name: str, arguments: Mapping[str, ArgumentValue]) -> dict[str, ArgumentValue]:
    """Add the hash of the checkpoint that arguments name, so that a stored run says what drove.

    Arguments that name none are handed back as they are.

    Raises:
        UnknownPolicyError, PolicyArgumentError: as `check`.
    """
    entry, pinned = _find(name), dict(arguments)
    for argument in entry.arguments if entry is not None else ():
        if isinstance(argument, TextArgument) and argument.is_checkpoint and not pinned.get(_IDENTITY):
            where = argument.parse(name, pinned.get(argument.name, argument.default))
            pinned[_IDENTITY] = _look_for_checkpoint(name, argument.name, where).identity
    return pinned


def _look_for_checkpoint(policy: str, argument: str, where: str, identity: str = "") -> Checkpoint:
    try:
        found = find_checkpoint(where)
    except CheckpointError as error:
        raise PolicyArgumentError(f"policy {policy!r}: argument {argument}: {error}") from error
    if identity not in {"", found.identity}:
        raise PolicyArgumentError(
            f"policy {policy!r}: {found.manifest_path} is not the checkpoint that this run was begun with: it"
            " was trained or exported again since. Begin a new run, or name the old checkpoint."
        )
    return found


def _find(name: str) -> PolicyEntry | None:
    """Entry of the table; None for "module:attribute"."""
    entry = next((candidate for candidate in _ENTRIES if candidate.name == name), None)
    if entry is None and ":" not in name:
        raise UnknownPolicyError(_unknown_name_message(name))
    return entry


def is_privileged(policy: Policy) -> bool:
    """Whether a policy asks for ground truth; holds for policies of a user's own, too."""
    from policies.interface import PrivilegedSpec

    return any(isinstance(spec, PrivilegedSpec) for spec in policy.sensors())


def _unknown_name_message(name: str) -> str:
    names = [candidate.name for candidate in _ENTRIES]
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"no policy {name!r}{hint} There are: {', '.join(names)}; your own goes by 'module:attribute'"


def _checked(entry: PolicyEntry, given: Mapping[str, ArgumentValue]) -> dict[str, ArgumentValue]:
    known = {argument.name: argument for argument in entry.arguments}
    for name in given:
        if name not in known:
            there_are = ", ".join(known) or "none"
            raise PolicyArgumentError(
                f"policy {entry.name!r} takes no argument {name!r}; there are: {there_are}"
            )
    return {name: one.parse(entry.name, given.get(name, one.default)) for name, one in known.items()}


def _load(name: str, target: str) -> Callable[..., Policy]:
    module_name, _, attribute = target.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise UnknownPolicyError(
            f"policy {name!r}: no module {error.name!r}; is it on PYTHONPATH?"
        ) from error
    factory = getattr(module, attribute, None)
    if not callable(factory):
        raise UnknownPolicyError(f"policy {name!r}: module {module_name!r} has no callable {attribute!r}")
    return factory  # type: ignore[no-any-return]  # the harness finds out at the first call what it is


def _build(name: str, factory: Callable[..., Policy], arguments: Mapping[str, ArgumentValue]) -> Policy:
    try:
        return factory(**arguments)
    except TypeError as error:
        raise PolicyArgumentError(
            f"policy {name!r} cannot be built from {dict(arguments)}: {error}"
        ) from error
