"""Judge stored ticks again, and compare with the events that were stored beside them."""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path

from harness.criteria import CriteriaSet, CriterionError
from harness.errors import DrivegateError
from harness.events import Event, EventType
from harness.outcome import Outcome
from harness.record import EpisodeRecord


class ScoreError(DrivegateError):
    """A record cannot be scored.

    Attributes:
        path: the record or run.
        problem: what is wrong.
        remedy: what to do about it.
    """

    def __init__(self, path: Path, problem: str, remedy: str) -> None:
        super().__init__(f"{path}: {problem}; {remedy}")
        self.path = path
        self.problem = problem
        self.remedy = remedy


class EventMismatchError(ScoreError):
    """The criteria, run again, say something else than the stored events."""


def replay(record: EpisodeRecord) -> tuple[tuple[Event, ...], EventType | None]:
    """Run the criteria over the stored ticks.

    Returns:
        All events in the order in which a live episode writes them, and the ending.

    Raises:
        CriterionError: the stored facts cannot be judged.
    """
    criteria = CriteriaSet(record.facts)
    events: list[Event] = []
    for tick in record.ticks():
        events += criteria.update(tick)
    ending = criteria.ending
    events += criteria.finish()
    return tuple(events), ending


def check_events(record: EpisodeRecord) -> None:
    """Refuse a record whose stored events or outcome are not what its facts give now.

    Raises:
        EventMismatchError: naming the first difference.
        ScoreError: the facts cannot be judged.
    """
    try:
        events, ending = replay(record)
    except CriterionError as error:
        raise ScoreError(record.folder, f"cannot be judged ({error})", "run the episode again") from error
    for number, (now, stored) in enumerate(zip_longest(events, record.events), start=1):
        if now != stored:
            raise EventMismatchError(
                record.folder,
                f"event {number} is stored as {stored} but the criteria now give {now}",
                "run the episode again, or trust the stored events if the criteria changed on purpose",
            )
    is_goal = ending is EventType.ROUTE_COMPLETED
    if (record.outcome is Outcome.COMPLETED and not is_goal) or (
        record.outcome is Outcome.ENDED_BY_RULE and (ending is None or is_goal)
    ):
        raise EventMismatchError(
            record.folder, f"is {record.outcome} but its facts end with {ending}", "run the episode again"
        )
