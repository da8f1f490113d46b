"""Assemble: what runs left behind -> a data set, split by route; what was driven badly is left out."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from harness.campaign.plan import Plan, versions
from harness.events import EventType
from harness.outcome import Outcome
from harness.record import EpisodeRecord, is_complete, read_episode
from harness.record.run_folder import POLICY_FILES, PlannedEpisode, attempts_of
from harness.seeds import episode_seed
from scenarios.route import Route
from training.data.sample import SampleError
from training.demonstrations.config import CollectConfig
from training.demonstrations.lerobot import LeRobotWriter, split_ranges
from training.demonstrations.manifest import (
    SCHEMA,
    CameraEntry,
    EpisodeEntry,
    Manifest,
    RejectedEntry,
    hash_files,
    write_manifest,
)
from training.demonstrations.recording import PART, features_of_rig
from training.demonstrations.settings import DriverSettings
from training.demonstrations.splits import SPLITS, assign_splits, check_disjoint, route_key

_COLLISIONS = (EventType.COLLISION_PEDESTRIAN, EventType.COLLISION_VEHICLE, EventType.COLLISION_STATIC)
_FAULTS_OF_EXPERT = (*_COLLISIONS, EventType.RED_LIGHT, EventType.STOP_SIGN)
_SHORTEST_FRAMES = 20


@dataclass(frozen=True, slots=True)
class Drive:
    """A finished run.

    Attributes:
        folder: of the run.
        plan: of it.
        traffic: background vehicles.
    """

    folder: Path
    plan: Plan
    traffic: int


@dataclass(frozen=True, slots=True)
class _Driven:
    """An episode that is to go into the data set."""

    route: Route
    traffic: int
    record: EpisodeRecord
    last_tick: int
    split: str


def assemble(out: Path, config: CollectConfig, settings: DriverSettings, drives: Sequence[Drive]) -> Manifest:
    """Write `meta`, `data` and the manifest of a collection.

    Raises:
        SampleError: the driver failed, an episode's part is missing, or nothing is left.
        SplitError: a route is in two splits.
    """
    for name in ("meta", "data"):
        shutil.rmtree(out / name, ignore_errors=True)
    routes = [route for drive in drives for route in drive.plan.routes]
    split_of = assign_splits(
        routes,
        val_towns=config.routes.val_towns,
        val_share=config.routes.val_share,
        test_share=config.routes.test_share,
        seed=config.run.seed,
    )
    driven, rejected = _judge(drives, split_of, alone=settings.policy == "expert")
    driven.sort(key=lambda one: (SPLITS.index(one.split), one.route.town, one.route.id, one.traffic))
    if not driven:
        raise SampleError(f"{out}: none of the {len(rejected)} episodes is fit for a data set")
    writer = LeRobotWriter(out, features_of_rig(settings.camera_specs(), settings.lidar_specs()))
    entries: list[EpisodeEntry] = []
    for one in driven:
        table = pq.read_table(one.record.folder / POLICY_FILES / PART)
        kept = table.filter(pc.less_equal(table["tick"], one.last_tick))
        writer.add(kept.combine_chunks())
        entries.append(_entry(len(entries), one, kept, table, config.run.seed))
    check_disjoint(entry.model_dump() for entry in entries)
    writer.finish(split_ranges([entry.split for entry in entries]))
    manifest = Manifest(
        schema_version=SCHEMA,
        config=config.model_dump(mode="json"),
        driver=asdict(settings),
        versions=versions(),
        server=driven[0].record.header.server_kind,
        cameras=[CameraEntry.of(spec) for spec in settings.camera_specs()],
        episodes=entries,
        rejected=rejected,
        files=hash_files(out),
    )
    write_manifest(out, manifest)
    return manifest


def _judge(
    drives: Sequence[Drive], split_of: dict[str, str], *, alone: bool
) -> tuple[list[_Driven], list[RejectedEntry]]:
    """Sort out which episodes to keep, and up to where."""
    kept: list[_Driven] = []
    rejected: list[RejectedEntry] = []
    for drive in drives:
        routes = {route.id: route for route in drive.plan.routes}
        for planned in drive.plan.planned:
            route = routes[planned.route_id]
            record = _record(drive, planned)
            if record.outcome is Outcome.POLICY_FAULT:
                raise SampleError(
                    f"{record.folder}: the driver failed ({record.reason}). Mend that, take this folder away,"
                    " and go on with --resume"
                )
            why = _why_not(record) if alone else None
            last_tick = record.tick_count - 1 if alone else _last_good_tick(record)
            if why is None and last_tick < 2 * _SHORTEST_FRAMES:
                why = "over at once"
            if why is None:
                kept.append(_Driven(route, drive.traffic, record, last_tick, split_of[route.id]))
            else:
                rejected.append(RejectedEntry(route_id=route.id, traffic=drive.traffic, reason=why))
    return kept, rejected


def _record(drive: Drive, planned: PlannedEpisode) -> EpisodeRecord:
    """The record of an episode that counts: of its last attempt."""
    for folder in reversed(attempts_of(drive.folder, planned)):
        if is_complete(folder):
            record = read_episode(folder)
            if record.outcome is not Outcome.INFRA_FAULT:
                return record
    raise SampleError(f"{drive.folder}: route {planned.route_id} was not driven; go on with --resume")


def _why_not(record: EpisodeRecord) -> str | None:
    """Why the expert's own drive is no example, if it is none."""
    if record.outcome is not Outcome.COMPLETED:
        return record.reason
    found = [event.type.value for event in record.events if event.type in _FAULTS_OF_EXPERT]
    return found[0] if found else None


def _last_good_tick(record: EpisodeRecord) -> int:
    """Where to cut a drive that another policy had a part in: before its first collision."""
    hits = [event.tick for event in record.events if event.type in _COLLISIONS]
    return min([*hits, record.tick_count]) - 1


def _entry(index: int, one: _Driven, kept: pa.Table, table: pa.Table, seed: int) -> EpisodeEntry:
    route = one.route
    return EpisodeEntry(
        episode_index=index,
        split=one.split,
        route_id=route.id,
        town=route.town,
        route_key=route_key(route),
        weather=dict(route.weather[0].parameters) if route.weather else {},
        traffic=one.traffic,
        seed=episode_seed(seed, route.id, one.record.header.repeat),
        outcome=one.record.outcome.value,
        frames=len(kept),
        recorded=len(table),
    )
