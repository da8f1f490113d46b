"""Our server with a hundred vehicles in traffic, against other simulators with a hundred vehicles.

Ours: `apply_batch_sync(controls, True)`, which is two calls over a socket and the world snapshot back, with
changed controls for every vehicle, on vehicles that follow lanes, lights and one another in Town01 with full
dynamics and collisions, in physics steps of 0.01 s. The drivers sit in the harness and decide in a first
drive; the timed second drive replays what they decided, tick for tick the same, because the world is
deterministic. So no driver's time is in our figure; what is in the others' figures stands beside them.
Ours is wall clock, theirs is processor time: what others do on the machine slows only ours, so that the
faster of our two measurements, one before and one after the others, counts; both are printed.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import carla

from harness.bench.peers.timing import DT_S, VEHICLES, moving
from harness.client.scene import SceneBuilder
from harness.client.session import Session
from harness.config import DriveConfig
from harness.processes import thread_pool_environment
from scenarios.route import Route

_SEED = 1
_WARM_TICKS = 100
_PEER_LIMIT_S = 90.0

PEERS = (
    ("highway-env", "harness.bench.peers.highway", 20.0),
    ("MetaDrive", "harness.bench.peers.metadrive_traffic", 20.0),
    ("libsumo", "harness.bench.peers.sumo_traffic", 0.25),
)
"""Name, program, and the ratio that ours is to reach."""


@dataclass(frozen=True, slots=True)
class OurRate:
    """Our side.

    Attributes:
        vehicles: in traffic, the ego not counted.
        moving: of them, in the middle of the measurement.
        rate_hz: calls per second, median.
        processor_hz: calls per second of processor time, client and server together, mean; 0 if unknown.
    """

    vehicles: int
    moving: int
    rate_hz: float
    processor_hz: float


@dataclass(frozen=True, slots=True)
class PeerRate:
    """One peer with one load, or why there is none."""

    name: str
    load: str
    vehicles: int
    moving: int
    rate_hz: float
    wanted_ratio: float
    reason: str = ""


def measure_ours(
    session: Session, route: Route, *, ticks: int, server_processor_s: Callable[[], float | None]
) -> OurRate:
    """Let the traffic drive once, then time a client that sends the same controls again.

    Args:
        session: at an embedded server.
        route: whose beginning the traffic keeps clear of.
        ticks: to time.
        server_processor_s: asks how much processor time the server has used.
    """
    settle_ticks = DriveConfig.model_fields["settle_ticks"].default
    builder = SceneBuilder(session, traffic=VEHICLES, settle_ticks=settle_ticks)
    scene = builder.build(route, _SEED)
    decided = []
    snapshot = session.tick()
    for tick in range(_WARM_TICKS + ticks):
        controls = scene.fleet.decide(scene.observer.read(tick, snapshot))
        if controls is None:
            raise ValueError("the comparison needs vehicles")
        decided.append(
            list(
                zip(controls.throttle.tolist(), controls.steer.tolist(), controls.brake.tolist(), strict=True)
            )
        )
        scene.fleet.send(controls)
        snapshot = session.tick()
    builder.clear(scene)
    scene = builder.build(route, _SEED)
    session.tick()
    ids = scene.fleet.actor_ids
    batches = [
        [
            carla.command.ApplyVehicleControl(
                actor_id, carla.VehicleControl(throttle=throttle, steer=steer, brake=brake)
            )
            for actor_id, (throttle, steer, brake) in zip(ids, row, strict=True)
        ]
        for row in decided
    ]
    times = []
    speeds: list[float] = []
    server_s, client_s = server_processor_s(), time.process_time()
    for tick, batch in enumerate(batches):
        began_s = time.perf_counter()
        session.client.apply_batch_sync(batch, True)
        times.append(time.perf_counter() - began_s)
        if tick == len(batches) // 2:
            now = session.world.get_snapshot()
            speeds = [float(now.find(actor_id).get_velocity().length()) for actor_id in ids]
    client_s, server_end_s = time.process_time() - client_s, server_processor_s()
    processor_hz = 0.0
    if server_s is not None and server_end_s is not None:
        processor_hz = len(batches) / (client_s + server_end_s - server_s)
    builder.clear(scene)
    return OurRate(len(ids), moving(speeds), 1.0 / statistics.median(times[_WARM_TICKS:]), processor_hz)


def measure_peer(name: str, program: str, wanted_ratio: float) -> list[PeerRate]:
    """Run a peer's program; one entry per load, or one with the reason why there is none."""

    def skipped(reason: str) -> list[PeerRate]:
        return [PeerRate(name, "", 0, 0, 0.0, wanted_ratio, reason)]

    try:
        done = subprocess.run(  # noqa: S603 - our own program, no shell
            [sys.executable, "-m", program],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PEER_LIMIT_S,
            check=False,
            env=os.environ | thread_pool_environment(1),
        )
    except subprocess.TimeoutExpired:
        return skipped(f"not done after {_PEER_LIMIT_S:g} s")
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        if "ModuleNotFoundError" in last:
            last += " (it comes with: pip install --constraint constraints.txt --editable '.[bench]')"
        return skipped(last)
    told = json.loads(done.stdout.strip().splitlines()[-1])
    return [
        PeerRate(f"{name} {told['version']}", load, told["vehicles"], told["moving"], hz, wanted_ratio)
        for load, hz in told["rates_hz"].items()
    ]


def lines_of(ours: Sequence[OurRate], peers: Sequence[PeerRate]) -> list[str]:
    """The results for people; `ours` was measured before and after the peers."""
    ours_hz = max(one.rate_hz for one in ours)  # whatever else ran on the machine only slowed it
    each = ", ".join(f"{one.rate_hz:.0f}" for one in ours)
    lines = [
        f"A hundred vehicles in traffic, steps of {DT_S} s of simulated time, steps/s (median step)",
        f"ours: apply_batch_sync with changed controls, tick, full dynamics and collisions: {ours_hz:.0f}"
        f"  ({each}; {ours[0].vehicles} vehicles, {ours[0].moving} moving; per second of processor time, both"
        f" processes together: {statistics.median(one.processor_hz for one in ours):.0f})",
    ]
    for one in peers:
        if one.reason:
            lines.append(f"{one.name}: skipped: {one.reason}")
        else:
            lines.append(
                f"{one.name}, {one.load}: {one.rate_hz:.1f}  ({one.vehicles} vehicles, {one.moving} moving);"
                f" ours is {ours_hz / one.rate_hz:.3g} x of it, wanted {one.wanted_ratio:g}"
            )
    return lines
