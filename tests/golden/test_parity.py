"""What our server answers to the parity questionnaire changes only when somebody says so."""

from __future__ import annotations

import pytest

from tests.parity.__main__ import OURS
from tests.parity.compare import Verdict, compare, count
from tests.parity.questionnaire import SECTIONS, answers_of
from tests.parity.report import page, read_answers
from tests.support import headless

pytestmark = pytest.mark.server


def test_our_answers_are_those_that_were_accepted() -> None:
    accepted = read_answers(OURS)
    assert set(accepted) == set(SECTIONS)
    with headless.running() as server:
        answers = answers_of(server.endpoint)
    changed = [one for one in compare(accepted, answers) if one.verdict is not Verdict.EQUAL]
    told = "\n".join(f"{one.path}: {one.ours} was accepted, now {one.theirs}" for one in changed[:40])
    assert not changed, (
        f"{len(changed)} answers changed; if they should: make parity ACCEPT=1, and read the diff\n{told}"
    )


def test_comparison_tells_equal_close_known_and_different_apart() -> None:
    ours = {
        "vehicles": {"a": {"box": {"extent": [1.0, 2.0]}, "mass": 1000.0, "gone": "x"}},
        "server": {"maps": ["Town01"]},
    }
    theirs = {
        "vehicles": {"a": {"box": {"extent": [1.01, 3.0]}, "mass": 1000.0, "new": True}},
        "server": {"maps": ["Town01", "Town03"]},
    }
    verdicts = {one.path: one.verdict for one in compare(ours, theirs)}
    assert verdicts == {
        "vehicles/a/box/extent/0": Verdict.CLOSE,
        "vehicles/a/box/extent/1": Verdict.DIFFERENT,
        "vehicles/a/mass": Verdict.EQUAL,
        "vehicles/a/gone": Verdict.DIFFERENT,
        "vehicles/a/new": Verdict.DIFFERENT,
        "server/maps/0": Verdict.EQUAL,
        "server/maps/1": Verdict.KNOWN,
    }
    report = page("somebody", "2026-01-01", compare(ours, theirs), ["12 passed."])
    assert "| vehicles | 1 | 1 | 0 | 3 |" in report
    assert "| vehicles/a/box/extent/1 | 2.0 | 3.0 |" in report
    assert "those that its owner added" in report
    assert count(compare(ours, ours))["server"] == {Verdict.EQUAL: 1}
