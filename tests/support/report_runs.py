"""Run folders for tests of the report: short drives with all that it draws, by the product's writer."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from harness.criteria import CriteriaSet
from harness.events import EventType
from harness.facts import EpisodeFacts, OtherActors, TickFacts
from harness.outcome import Outcome
from harness.record import EpisodeTiming, EpisodeWriter
from harness.record.files import write_atomically
from harness.record.run_folder import INFRA_LOG, RUN, PlannedEpisode, attempt_folder, planned_to_json
from scenarios.lane_strips import Border, LaneStrips
from tests.support.facts_builder import episode_facts, hit, light_at, stop_sign_at, tick_facts
from tests.support.records import header

ROUTES, REPEATS = ("1", "2", "3", "4"), 2
RULES = """
metrics: {driving_score: {margin: 5}, collisions: {margin: 40}, mean_speed: {margin: 0.5}}
replicates: 300
"""
HOSTILE = "<script>alert('x')</script>|@all [a](http://evil.example) `b`\u0007 \u2028#1"
"""A name of a policy or route that tries everything."""

TICKS = 204
BESIDE = replace(stop_sign_at(90.0), trigger_center=(90.0, 20.0, 0.0))
"""A stop sign of another road."""
STRIPS = LaneStrips(
    start=np.array([0, 2, 4]),
    left_in_world=np.array([[-5.0, -2.0], [110.0, -2.0], [110.0, -2.0], [-5.0, -2.0]]),
    right_in_world=np.array([[-5.0, 2.0], [110.0, 2.0], [110.0, -6.0], [-5.0, -6.0]]),
    left=np.array([Border.OTHER_WAY, Border.OTHER_WAY], np.uint8),
    right=np.array([Border.EDGE, Border.EDGE], np.uint8),
    in_junction=np.array([False, False]),
)


def run_folder(
    folder: Path,
    *,
    policies: Sequence[str] = ("net",),
    routes: Sequence[str] = ROUTES,
    repeats: int = REPEATS,
    hits: int = 0,
    skip: int = 0,
    pictures: bool = False,
    with_maps: bool = True,
) -> Path:
    """A run of drives along 100 m.

    Args:
        folder: of the run.
        policies: "expert" counts as privileged.
        routes: what is planned.
        repeats: how often.
        hits: contacts with a thing in each drive of the policies.
        skip: so many planned episodes were lost to the infrastructure.
        pictures: a front camera was recorded.
        with_maps: lanes and plans are recorded.
    """
    planned = [PlannedEpisode(p, route, n) for p in policies for route in routes for n in range(repeats)]
    folder.mkdir(parents=True)
    drive = {
        "suites": ["smoke"],
        "policies": [{"name": name, "args": {"gain": 2.5}} for name in policies],
        "repeats": repeats,
        "seed": 3,
        "traffic": 20,
    }
    content = {"schema_version": 1, "config": {"drive": drive}, "planned": planned_to_json(planned)}
    write_atomically(folder / RUN, content)
    for one in planned[:skip]:
        fault = {
            "policy": one.policy,
            "route_id": one.route_id,
            "repeat": one.repeat,
            "attempt": 0,
            "kind": "server_died",
            "message": "The server died.",
            "evidence": {"endpoint": "127.0.0.1:2000", "signal_name": "SIGKILL", "log_tail": ["<b>last</b>"]},
            "will_retry": False,
            "time": "2026-11-20T10:00:00+00:00",
        }
        with (folder / INFRA_LOG).open("a") as log:
            log.write(json.dumps(fault) + "\n")
    facts = episode_facts(lights=(light_at(60.0),), stop_signs=(BESIDE,))
    for one in planned[skip:]:
        _drive(attempt_folder(folder, one, 0), one, facts, _ticks(one.repeat, hits), pictures, with_maps)
    return folder


def _ticks(repeat: int, hits: int) -> list[TickFacts]:
    found = []
    for k in range(TICKS):
        others = OtherActors(
            index=np.array([0, 1], np.int32),
            location=np.array([[100.0 - 0.4 * k, -4.0, 0.0], [50.0, 5.0, 0.0]], np.float32),
            yaw_deg=np.array([180.0, 90.0], np.float32),
            velocity_mps=np.array([[-8.0, 0.0, 0.0], [0.0, 0.0, 0.0]], np.float32),
        )
        contact = (hit(-1, "static.road"),) if 1 <= k / 20 <= hits and k % 20 == 0 else ()
        tick = tick_facts(
            k,
            0.5 * k + 0.25 + 0.01 * repeat,
            speed_mps=5.0 + np.sin(k / 20.0),
            light_states=(2,),
            collisions=contact,
            others=others,
        )
        found.append(replace(tick, ego=replace(tick.ego, brake=0.25 if k > 150 else 0.0)))
    return found


def _drive(
    folder: Path,
    one: PlannedEpisode,
    facts: EpisodeFacts,
    ticks: Sequence[TickFacts],
    pictures: bool,
    with_maps: bool,
) -> None:
    head = header(one.policy, one.route_id, one.repeat)
    criteria = CriteriaSet(facts)
    with EpisodeWriter(folder, head, facts, STRIPS if with_maps else None) as writer:
        writer.declare_actor(0, "vehicle.audi.tt", (2.1, 0.9, 0.7))
        writer.declare_actor(1, "walker.pedestrian.0001", (0.2, 0.2, 0.9))
        for tick in ticks:
            writer.append(tick, criteria.update(tick))
            if criteria.ending is not None:
                break
            if with_maps:
                ahead = tick.ego.location[0] + np.arange(1, 5) * 2.0
                writer.append_plan(0.5 * np.arange(1, 5), np.column_stack([ahead, np.zeros(4)]))
            if pictures and tick.tick % 20 == 0:
                writer.save_picture(tick.tick, jpeg(tick.tick))
        completed = criteria.ending is EventType.ROUTE_COMPLETED
        outcome = Outcome.COMPLETED if completed else Outcome.POLICY_FAULT
        writer.finish(outcome, "test", criteria.finish(), EpisodeTiming(1.5, {}, (1000, 2000, 9000)))


def jpeg(shade: int) -> bytes:
    """A small picture."""
    buffer = io.BytesIO()
    Image.new("RGB", (64, 36), (shade % 256, 120, 60)).save(buffer, "JPEG")
    return buffer.getvalue()
