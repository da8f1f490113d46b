"""What holds for every score, whatever the infractions."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from harness.events import Event, EventType
from harness.metrics import infractions_of
from harness.metrics.episode import INFRACTIONS
from harness.score.rules import RULES, ScoreVersion, penalty

VERSIONS = st.sampled_from(list(ScoreVersion))
KINDS = st.sampled_from(INFRACTIONS)
COUNTS = st.dictionaries(KINDS, st.integers(0, 50))
PERCENT = st.floats(0, 100)


@given(VERSIONS, COUNTS, PERCENT)
def test_a_penalty_is_a_factor_between_zero_and_one(
    version: ScoreVersion, counts: Mapping[EventType, int], outside_pct: float
) -> None:
    assert 0.0 <= penalty(RULES[version], counts, outside_pct) <= 1.0


@given(VERSIONS, COUNTS, PERCENT, KINDS)
def test_one_more_infraction_never_raises_a_score(
    version: ScoreVersion, counts: dict[EventType, int], outside_pct: float, kind: EventType
) -> None:
    more = counts | {kind: counts.get(kind, 0) + 1}
    before = penalty(RULES[version], counts, outside_pct)
    after = penalty(RULES[version], more, outside_pct)
    assert after <= before
    if kind in RULES[version].penalties and before > 1e-300:
        assert after < before


@given(VERSIONS, COUNTS, PERCENT, PERCENT)
def test_more_metres_outside_never_raise_a_score(
    version: ScoreVersion, counts: dict[EventType, int], one_pct: float, other_pct: float
) -> None:
    low, high = sorted((one_pct, other_pct))
    rules = RULES[version]
    assert penalty(rules, counts, high) <= penalty(rules, counts, low)


@given(VERSIONS, st.lists(KINDS, max_size=30), st.randoms(use_true_random=False), PERCENT)
def test_the_order_of_infractions_plays_no_part(
    version: ScoreVersion, kinds: list[EventType], shuffler: object, outside_pct: float
) -> None:
    shuffled = list(kinds)
    shuffler.shuffle(shuffled)  # type: ignore[attr-defined]
    both = [infractions_of(Event(0, kind, {}) for kind in order) for order in (kinds, shuffled)]
    assert penalty(RULES[version], both[0], outside_pct) == penalty(RULES[version], both[1], outside_pct)


@given(COUNTS)
def test_2_1_never_reaches_zero_where_2_0_collapses(counts: dict[EventType, int]) -> None:
    """The reason for 2.1: the sum grows by at most 1 per infraction, so the n-th costs ever less."""
    total = sum(counts.values())
    assert penalty(RULES[ScoreVersion.LB2_1], counts, 0.0) >= 1 / (1 + total)
