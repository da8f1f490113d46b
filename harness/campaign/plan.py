"""What a run is to drive, and how much of it is done: run.json, resuming, attempts."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Self

from pydantic import ValidationError

from harness.campaign.shards import Shard, shard_to_json, stored_shard
from harness.campaign.tasks import EpisodeTask
from harness.config import DriveConfig, PolicyConfig, RunConfig, differences
from harness.errors import ConfigError, ResumeMismatchError
from harness.outcome import Outcome
from harness.record import RecordError, is_complete, read_episode
from harness.record.files import RECORD_VERSION, write_atomically
from harness.record.run_folder import RUN, PlannedEpisode, attempt_folder, attempts_of, planned_to_json
from harness.seeds import episode_seed
from scenarios.route import Route
from scenarios.suites import Suite, suite

_DISTRIBUTIONS = ("drivegate", "carla", "numpy", "pyarrow")


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a run is to drive.

    Attributes:
        config: of the run.
        suites: by name.
        whole: policy after policy, route after route, repeat after repeat.
        shard: which part of it is to be driven here, None for all of it.
    """

    config: RunConfig
    suites: tuple[Suite, ...]
    whole: tuple[PlannedEpisode, ...]
    shard: Shard | None = None

    @classmethod
    def of(cls, config: RunConfig, shard: Shard | None = None) -> Self:
        """Find the suites and lay out the episodes.

        Raises:
            UnknownSuiteError, RouteXmlError: from `scenarios`.
            ConfigError: two routes or two policies go by the same name, or `only` names none of the routes.
        """
        suites = tuple(suite(name) for name in config.drive.suites)
        _refuse_twins("policy", [policy.name for policy in config.drive.policies])
        _refuse_twins("route id", [route.id for one in suites for route in one.routes])
        whole = tuple(
            PlannedEpisode(policy.name, route.id, repeat)
            for policy in config.drive.policies
            for one in suites
            for route in one.routes
            for repeat in range(_repeats(config))
            if _is_wanted(route.id, repeat, config.drive)
        )
        _refuse_idle(config.drive.only, whole)
        return cls(config, suites, whole, shard)

    @property
    def planned(self) -> tuple[PlannedEpisode, ...]:
        """What is to be driven here, in the order of the whole plan."""
        return self.whole if self.shard is None else self.shard.pick(self.whole)

    @property
    def routes(self) -> tuple[Route, ...]:
        """All routes."""
        return tuple(route for one in self.suites for route in one.routes)

    @property
    def suite_name(self) -> str:
        """Name of everything that is driven: several suites are joined by a plus sign."""
        return "+".join(one.name for one in self.suites)

    @property
    def suite_sha256(self) -> str:
        """Content hash of everything that is driven."""
        if len(self.suites) == 1:
            return self.suites[0].sha256
        return hashlib.sha256(" ".join(one.sha256 for one in self.suites).encode()).hexdigest()

    def task(self, folder: Path, episode: PlannedEpisode, attempt: int) -> EpisodeTask:
        """Return what a worker needs to know about one attempt."""
        route = next(route for route in self.routes if route.id == episode.route_id)
        policy: PolicyConfig = next(p for p in self.config.drive.policies if p.name == episode.policy)
        return EpisodeTask(
            policy=policy,
            route=route,
            suite=self.suite_name,
            suite_sha256=self.suite_sha256,
            repeat=episode.repeat,
            attempt=attempt,
            seed=episode_seed(self.config.drive.seed, episode.route_id, episode.repeat),
            folder=attempt_folder(folder, episode, attempt),
        )


def versions() -> dict[str, str]:
    """Versions of the software that can change a result."""
    found = {}
    for name in _DISTRIBUTIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def open_run(folder: Path, plan: Plan, *, resume: bool) -> None:
    """Write run.json, or make sure that the one that is there belongs to the same run.

    Raises:
        ConfigError: the folder holds something and resuming was not asked for.
        ResumeMismatchError: it holds another run; tells the difference.
    """
    path = folder / RUN
    if not path.exists():
        if folder.exists() and any(folder.iterdir()):
            raise ConfigError(f"{folder} is not empty and holds no run; choose another --out.")
        write_run(folder, plan)
        return
    if not resume:
        raise ConfigError(
            f"{folder} already holds a run. Go on with it by --resume, or choose another --out."
        )
    stored = read_run(folder)
    if (part := stored_shard(folder)) != plan.shard:
        raise ResumeMismatchError(
            f"{folder} holds {_called(part)}, not {_called(plan.shard)}. Use the same --shard, or another"
            " --out."
        )
    # More repeats are the same run, only longer: what was driven before stays as it is.
    grows = plan.config.drive.repeats > stored.drive.repeats
    repeats = plan.config.drive.repeats if grows else stored.drive.repeats
    found = differences(stored.drive.model_copy(update={"repeats": repeats}), plan.config.drive, "drive.")
    hashes = {one.name: one.sha256 for one in plan.suites}
    stored_hashes = _stored_hashes(path)
    found += [
        f"routes of suite {name}: sha256 {stored_hashes.get(name)} in the run, {sha256} now"
        for name, sha256 in hashes.items()
        if not found and stored_hashes.get(name) != sha256
    ]
    if found:
        raise ResumeMismatchError(
            f"The run in {folder} was made with another configuration, so that its results and new ones would"
            f" not belong together. {'; '.join(found)}. Use the same configuration, or another --out."
        )
    if grows:
        write_run(folder, plan)


def write_run(folder: Path, plan: Plan) -> None:
    """Begin a run folder."""
    folder.mkdir(parents=True, exist_ok=True)
    content: Mapping[str, object] = {
        "schema_version": RECORD_VERSION,
        "config": plan.config.model_dump(mode="json"),
        "suites": {one.name: one.sha256 for one in plan.suites},
        "versions": versions(),
        "planned": planned_to_json(plan.planned),
    }
    if plan.shard is not None:
        content = {**content, "shard": shard_to_json(plan.shard, plan.whole)}
    write_atomically(folder / RUN, content)


def read_run(folder: Path) -> RunConfig:
    """Return the configuration that a run folder was made with.

    Raises:
        ConfigError: there is no run, or it is not readable.
    """
    path = folder / RUN
    try:
        return RunConfig.model_validate(json.loads(path.read_text())["config"])
    except FileNotFoundError as error:
        raise ConfigError(f"{folder} holds no run ({RUN} is missing).") from error
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error


def _called(shard: Shard | None) -> str:
    return "a whole run" if shard is None else f"shard {shard}"


def _stored_hashes(path: Path) -> dict[str, str]:
    return dict(json.loads(path.read_text()).get("suites", {}))


@dataclass(frozen=True, slots=True)
class Standing:
    """How far an episode is when a run begins or goes on.

    Attributes:
        is_done: it has a record that counts.
        next_attempt: number of the next attempt.
        torn: attempts without end marker that were thrown away.
    """

    is_done: bool
    next_attempt: int
    torn: int


def take_stock(folder: Path, episode: PlannedEpisode) -> Standing:
    """Look at the attempts at an episode, and throw away those that were interrupted.

    A record that has an end marker but does not match it is left where it is: something is wrong with the
    disk, and scoring will say so.
    """
    torn = 0
    next_attempt = 0
    is_done = False
    for path in attempts_of(folder, episode):
        number = int(path.name.partition("-")[2])
        if not is_complete(path):
            shutil.rmtree(path)
            torn += 1
            continue
        next_attempt = number + 1
        is_done = is_done or _is_scored(path)
    return Standing(is_done, next_attempt, torn)


def _is_scored(path: Path) -> bool:
    try:
        return read_episode(path).outcome is not Outcome.INFRA_FAULT
    except RecordError:
        return False


def _is_wanted(route_id: str, repeat: int, drive: DriveConfig) -> bool:
    if f"{route_id}-r{repeat}" in drive.only:
        return True
    return repeat < drive.repeats and (not drive.only or route_id in drive.only)


def _repeats(config: RunConfig) -> int:
    """Repeats to look among: an episode that is asked for by name is there, whatever --repeats says."""
    numbers = [word.rpartition("-r")[2] for word in config.drive.only]
    return max([config.drive.repeats, *(int(number) + 1 for number in numbers if number.isdecimal())])


def _refuse_idle(only: tuple[str, ...], planned: tuple[PlannedEpisode, ...]) -> None:
    there_are = {word for one in planned for word in (one.route_id, f"{one.route_id}-r{one.repeat}")}
    unknown = [word for word in only if word not in there_are]
    if unknown:
        raise ConfigError(
            f"--only {', '.join(unknown)}: the suites have no such route or episode; write route, or route-r1"
            " for its second repeat."
        )


def _refuse_twins(what: str, names: list[str]) -> None:
    twins = sorted({name for name in names if names.count(name) > 1})
    if twins:
        raise ConfigError(
            f"The {what} {', '.join(twins)} is there twice; in a run each needs a name of its own."
        )
