"""Records for tests: written with the product's own writer from hand-made or drawn facts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from harness.criteria import CriteriaSet
from harness.events import EventType
from harness.facts import EpisodeFacts, TickFacts
from harness.outcome import Outcome
from harness.record import EpisodeHeader, EpisodeTiming, EpisodeWriter
from harness.record.files import write_atomically
from harness.record.run_folder import RUN, PlannedEpisode, planned_to_json
from tests.support.drives import ACTOR_TYPES


def header(policy: str = "idle", route_id: str = "1", repeat: int = 0, attempt: int = 0) -> EpisodeHeader:
    """A header; only what tells episodes apart can be chosen."""
    return EpisodeHeader(
        policy=policy,
        policy_config={"gain": 0.1, "layers": [1, 2]},
        privileged=policy == "expert",
        route_id=route_id,
        suite="smoke",
        suite_sha256="0" * 64,
        seed=7,
        repeat=repeat,
        attempt=attempt,
        traffic="none",
        server_kind="embedded",
        versions={"drivegate": "0.1.0"},
    )


def drive_and_record(
    folder: Path,
    facts: EpisodeFacts,
    ticks: Iterable[TickFacts],
    *,
    head: EpisodeHeader | None = None,
    timing: EpisodeTiming | None = None,
    fault: Outcome | None = None,
) -> CriteriaSet:
    """Drive ticks through the criteria and the writer as an episode does, until an ending or their end.

    If no rule ends the drive it is a policy fault, or `fault`.
    """
    criteria = CriteriaSet(facts)
    with EpisodeWriter(folder, header() if head is None else head, facts) as writer:
        for index, type_id in enumerate(ACTOR_TYPES):
            writer.declare_actor(index, type_id, (2.0, 1.0, 0.75))
        for tick in ticks:
            writer.append(tick, criteria.update(tick))
            if criteria.ending is not None:
                break
        if fault is Outcome.INFRA_FAULT:
            writer.finish(fault, "the server died")
            return criteria
        if criteria.ending is None:
            outcome = fault or Outcome.POLICY_FAULT
        elif criteria.ending is EventType.ROUTE_COMPLETED:
            outcome = Outcome.COMPLETED
        else:
            outcome = Outcome.ENDED_BY_RULE
        writer.finish(outcome, "test", criteria.finish(), timing)
    return criteria


def write_plan(run_folder: Path, planned: Sequence[PlannedEpisode]) -> None:
    """run.json as the score needs it."""
    run_folder.mkdir(parents=True, exist_ok=True)
    write_atomically(run_folder / RUN, {"schema_version": 1, "planned": planned_to_json(planned)})


def same_facts(a: TickFacts, b: TickFacts) -> bool:
    """Whether two ticks are equal bit for bit (-0.0 is not 0.0, and NaN is NaN)."""
    return _bits(a) == _bits(b)


def _bits(tick: TickFacts) -> tuple[object, ...]:
    arrays = (
        tick.light_states,
        tick.others.index,
        tick.others.location,
        tick.others.yaw_deg,
        tick.others.velocity_mps,
    )
    plain = (tick.tick, tick.t_s, tick.ego, tick.lane, tick.collisions)
    return (repr(plain), *((a.dtype.str, a.shape, np.ascontiguousarray(a).tobytes()) for a in arrays))
