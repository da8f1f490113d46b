"""Two sets of answers side by side: what is equal, close enough, known to differ, or neither."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

MISSING = "(nothing)"


class Verdict(StrEnum):
    """How two answers relate."""

    EQUAL = "equal"
    CLOSE = "within tolerance"
    KNOWN = "known difference"
    DIFFERENT = "different"


@dataclass(frozen=True)
class Known:
    """A difference that is expected of a real server.

    Attributes:
        pattern: of the path to the answer, as in a shell: "towns/*/spawn points/*".
        reason: why it differs.
    """

    pattern: str
    reason: str


@dataclass(frozen=True)
class Tolerance:
    """How far apart two numbers may be.

    Attributes:
        pattern: of the path to the answer.
        absolute, relative: the larger of the two allowances counts.
    """

    pattern: str
    absolute: float
    relative: float = 0.0


KNOWN = (
    Known("server/maps*", "a real server has all of CARLA's maps, and those that its owner added"),
    Known("server/required files*", "a real server offers OpenDRIVE and navigation files; ours has none"),
    Known("server/weather*", "a real server begins with the weather of its level"),
    Known(
        "towns/*/spawn points/*", "real spawn points were placed by hand in the level; ours follow the lanes"
    ),
    Known("towns/*/objects by label/*", "buildings and street furniture are meshes of the level"),
    Known("towns/*/lights/*/boxes", "each lamp of the real model has a box; ours has one for each head"),
    Known("towns/*/lights/*/trigger/*", "real trigger volumes were placed by hand in the level"),
    Known("walkers_and_props/*", "our boxes come from published tables where there are any"),
    Known("manoeuvres/*", "driven on different spawn points and physics engines: read the figures"),
)
"""In order: the first that fits is told."""

TOLERANCES = (
    Tolerance("sensors/*/last*", 0.05, 0.01),
    Tolerance("snapshots/standing car/*", 0.05),
    Tolerance("vehicles/*/box/*", 0.02, 0.01),
    Tolerance("towns/*/lights/*/pose*", 0.5),
)


@dataclass(frozen=True)
class Difference:
    """Two answers to a question.

    Attributes:
        path: of the question.
        ours, theirs: the answers; `MISSING` where there is none.
        verdict: how they relate.
        reason: of a known difference.
    """

    path: str
    ours: object
    theirs: object
    verdict: Verdict
    reason: str = ""

    @property
    def section(self) -> str:
        """First part of the path."""
        return self.path.split("/")[0]


def leaves(answers: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Every single answer with its path; lists count from 0."""
    if isinstance(answers, dict) and answers:
        for key, value in answers.items():
            yield from leaves(value, f"{path}/{key}" if path else str(key))
    elif isinstance(answers, list | tuple) and answers:
        for number, value in enumerate(answers):
            yield from leaves(value, f"{path}/{number}")
    else:
        yield path, answers


def compare(ours: dict[str, object], theirs: dict[str, object]) -> list[Difference]:
    """Every question of either side, in the order of ours."""
    mine, other = dict(leaves(ours)), dict(leaves(theirs))
    paths = [*mine, *(path for path in other if path not in mine)]
    return [_judge(path, mine.get(path, MISSING), other.get(path, MISSING)) for path in paths]


def count(differences: list[Difference]) -> dict[str, Counter[Verdict]]:
    """Verdicts by section."""
    sections: dict[str, Counter[Verdict]] = {}
    for one in differences:
        sections.setdefault(one.section, Counter())[one.verdict] += 1
    return sections


def _judge(path: str, ours: object, theirs: object) -> Difference:
    if ours == theirs and type(ours) is type(theirs):
        return Difference(path, ours, theirs, Verdict.EQUAL)
    if _is_number(ours) and _is_number(theirs):
        gap = abs(float(ours) - float(theirs))  # type: ignore[arg-type]
        for tolerance in TOLERANCES:
            allowed = max(tolerance.absolute, tolerance.relative * abs(float(theirs)))  # type: ignore[arg-type]
            if fnmatchcase(path, tolerance.pattern) and gap <= allowed:
                return Difference(path, ours, theirs, Verdict.CLOSE)
        if gap == 0.0:
            return Difference(path, ours, theirs, Verdict.EQUAL)
    for known in KNOWN:
        if fnmatchcase(path, known.pattern):
            return Difference(path, ours, theirs, Verdict.KNOWN, known.reason)
    return Difference(path, ours, theirs, Verdict.DIFFERENT)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
