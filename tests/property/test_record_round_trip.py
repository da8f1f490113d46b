"""Records give back what was written, bit for bit, and their facts give the same events again."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings

from harness.criteria import CriteriaSet
from harness.facts import EpisodeFacts, TickFacts
from harness.record import EpisodeWriter, iter_ticks, read_episode
from harness.score.rescore import check_events, replay
from tests.support.drives import ACTOR_TYPES, drives
from tests.support.records import drive_and_record, header, same_facts

FEW = settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
Drive = tuple[EpisodeFacts, list[TickFacts]]


@FEW
@given(drives())
def test_stored_facts_give_the_live_events(drive: Drive) -> None:
    facts, ticks = drive
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "attempt-0"
        live = CriteriaSet(facts)
        events = []
        for tick in ticks:
            events += live.update(tick)
            if live.ending is not None:
                break
        events += live.finish()
        drive_and_record(path, facts, ticks)
        record = read_episode(path)
        assert record.events == tuple(events)
        assert replay(record) == (tuple(events), live.ending)
        check_events(record)


@FEW
@given(drives(max_ticks=12))
def test_ticks_come_back_bit_for_bit(drive: Drive) -> None:
    facts, ticks = drive
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a"
        with EpisodeWriter(path, header(), facts) as writer:
            for index, type_id in enumerate(ACTOR_TYPES):
                writer.declare_actor(index, type_id, (1.0, 1.0, 1.0))
            for tick in ticks:
                writer.append(tick)
            writer.abandon("test")
        stored = list(iter_ticks(path))
        assert len(stored) == len(ticks)
        assert all(same_facts(a, b) for a, b in zip(stored, ticks, strict=True))


@FEW
@given(drives(max_ticks=20))
def test_the_same_drive_gives_the_same_bytes(drive: Drive) -> None:
    facts, ticks = drive
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("a", "b")]
        for path in paths:
            drive_and_record(path, facts, ticks)
        for name in ("episode.json", "actors.jsonl", "ticks.arrow", "events.jsonl", "outcome.json"):
            assert (paths[0] / name).read_bytes() == (paths[1] / name).read_bytes(), name
