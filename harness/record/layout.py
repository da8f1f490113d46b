"""Layout of a record: names of its files, and the shapes of those in JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter

from harness.events import Event
from harness.facts import EpisodeFacts, StopSignFacts, TrafficLightFacts, Vector
from harness.outcome import Outcome
from harness.record.errors import CorruptRecordError
from scenarios.route import DenseRoute

EPISODE, ACTORS, TICKS, EVENTS = "episode.json", "actors.jsonl", "ticks.arrow", "events.jsonl"
TIMING, OUTCOME, ABANDONED = "timing.json", "outcome.json", "abandoned.json"
HASHED_FILES = (EPISODE, ACTORS, TICKS, EVENTS)
"""Files whose hashes the end marker holds: all that a score depends on."""
PLANS, LANES, CAMERA = "plans.arrow", "lanes.arrow", "camera"
PICTURE_FILES = (PLANS, LANES)
"""Files that only pictures need: hashed too where they are, and a record is whole without them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeHeader:
    """Who drove what, where and how.

    Attributes:
        policy: name in the registry.
        policy_config: what the policy was made with, JSON values.
        privileged: whether the policy asks for ground truth.
        route_id: unique within its suite.
        suite, suite_sha256: name and content hash of the suite.
        seed: of the episode.
        repeat: 0-based, of the same policy on the same route.
        attempt: 0-based, of the same repeat; later attempts follow infrastructure faults only.
        traffic: name of the background traffic.
        server_kind: what simulated: "embedded", "docker-headless", "docker-carla", "remote".
        versions: distribution or server -> version.
    """

    policy: str
    policy_config: Mapping[str, object]
    privileged: bool
    route_id: str
    suite: str
    suite_sha256: str
    seed: int
    repeat: int
    attempt: int
    traffic: str
    server_kind: str
    versions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class EpisodeTiming:
    """Wall-clock times of an episode; kept apart because nothing else in a record may depend on them.

    Attributes:
        wall_s: from the first tick to the last.
        phase_wall_s: sums per phase, such as "policy" or "server".
        policy_step_us: how long each step of the policy took, in the order of the ticks; empty if nobody
        looked.
    """

    wall_s: float
    phase_wall_s: Mapping[str, float] = field(default_factory=dict)
    policy_step_us: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ActorDeclaration:
    """Another road user of the episode: its index in the facts, blueprint id and half sizes in m."""

    index: int
    type_id: str
    extent: Vector


@dataclass(frozen=True, slots=True)
class _RouteFile:
    """A dense route as lists."""

    location: tuple[Vector, ...]
    rotation_deg: tuple[Vector, ...]
    options: tuple[int, ...]
    distance_m: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class _FactsFile:
    """EpisodeFacts as lists."""

    town: str
    dt_s: float
    route: _RouteFile
    ego_extent: Vector
    lights: tuple[TrafficLightFacts, ...]
    stop_signs: tuple[StopSignFacts, ...]

    def to_facts(self, path: Path) -> EpisodeFacts:
        """The facts, with arrays.

        Raises:
            CorruptRecordError: the route's lists differ in length or are empty.
        """
        route = self.route
        count = len(route.location)
        if count == 0 or not count == len(route.rotation_deg) == len(route.options) == len(route.distance_m):
            raise CorruptRecordError(path, "has a route of uneven lists", "run the episode again")
        return EpisodeFacts(
            town=self.town,
            dt_s=self.dt_s,
            route=DenseRoute(
                location=np.array(route.location, np.float64),
                rotation_deg=np.array(route.rotation_deg, np.float64),
                options=np.array(route.options, np.int64),
                distance_m=np.array(route.distance_m, np.float64),
            ),
            ego_extent=self.ego_extent,
            lights=self.lights,
            stop_signs=self.stop_signs,
        )


@dataclass(frozen=True, slots=True)
class _EpisodeFile:
    """episode.json."""

    schema_version: int
    header: EpisodeHeader
    facts: _FactsFile


@dataclass(frozen=True, slots=True)
class _OutcomeFile:
    """outcome.json."""

    schema_version: int
    outcome: Outcome
    reason: str
    ticks: int
    sha256: dict[str, str]


@dataclass(frozen=True, slots=True)
class _TimingFile:
    """timing.json."""

    schema_version: int
    wall_s: float
    phase_wall_s: dict[str, float]
    policy_step_us: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class _AbandonedFile:
    """abandoned.json."""

    schema_version: int
    reason: str


EPISODE_FILE = TypeAdapter(_EpisodeFile)
OUTCOME_FILE = TypeAdapter(_OutcomeFile)
TIMING_FILE = TypeAdapter(_TimingFile)
ABANDONED_FILE = TypeAdapter(_AbandonedFile)
EVENT_LINE = TypeAdapter(Event)
ACTOR_LINE = TypeAdapter(ActorDeclaration)


def facts_to_json(facts: EpisodeFacts) -> dict[str, object]:
    """The facts as JSON values; exact, because floats are written by their shortest exact form."""
    route = facts.route
    return {
        "town": facts.town,
        "dt_s": facts.dt_s,
        "route": {
            "location": route.location.tolist(),
            "rotation_deg": route.rotation_deg.tolist(),
            "options": route.options.tolist(),
            "distance_m": route.distance_m.tolist(),
        },
        "ego_extent": facts.ego_extent,
        "lights": [asdict(light) for light in facts.lights],
        "stop_signs": [asdict(sign) for sign in facts.stop_signs],
    }
