"""Timings as ratios in one run: `python -m harness.bench` (make bench).

1. The bare client: a world with N vehicles that get changed controls in every tick, one request each or all
   in one batch, and nothing else.
2. What the harness adds. Two loops drive the same route in the same world with the same policy calls:

   - *bare*: `world.tick()`, the policy's `step` on bundles recorded before, the controls of ego and traffic;
   - *episode*: the whole of `harness.episode`: facts, criteria, record, bundle, policy, traffic, controls.

   Both see the same world tick for tick, because it is deterministic; what the bare loop needs for that
   (reading facts, letting the drivers decide) is done between the timed parts. The loops alternate, and
   medians are compared, so that a busy machine slows both.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from harness.campaign.tasks import EpisodeTask
from harness.client.load import ControlLoad
from harness.client.scene import SceneBuilder
from harness.client.session import Session
from harness.config import DriveConfig, MachineConfig, PolicyConfig
from harness.episode import EpisodeRunner
from harness.policy_guard import PolicyGuard
from harness.processes import thread_pool_environment
from harness.record import read_episode
from harness.servers.base import ServerKind
from harness.servers.embedded import EmbeddedServer
from policies import registry
from policies.frames import control_to_carla
from policies.interface import EpisodeContext, Policy, SensorSpec
from policies.plan import Control
from policies.sensor_bundle import SensorBundle
from scenarios.route import Route
from scenarios.suites import suite

_SEED = 1
_WARM_TICKS = 100


@dataclass(frozen=True, slots=True)
class BareTimes:
    """Ticks per second of a bare client, medians over ticks.

    Attributes:
        vehicles: in the world.
        idle_hz: `world.tick()` alone.
        single_hz: with one `apply_control` per vehicle and tick.
        batch_hz: with one `apply_batch` per tick.
    """

    vehicles: int
    idle_hz: float
    single_hz: float
    batch_hz: float


@dataclass(frozen=True, slots=True)
class LoopTimes:
    """Median wall-clock times of a tick.

    Attributes:
        vehicles: background vehicles in the world.
        bare_s: of the bare client loop.
        episode_s: of the episode loop.
        phase_s: mean times of the episode loop's phases.
    """

    vehicles: int
    bare_s: float
    episode_s: float
    phase_s: dict[str, float]

    @property
    def added_s(self) -> float:
        """What the harness adds to a tick."""
        return self.episode_s - self.bare_s


class _Recorder:
    """A policy that notes when it is called, what it saw, and what it answered."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self.bundles: list[SensorBundle] = []
        self.answers: list[Control] = []
        self.called_s: list[float] = []

    def sensors(self) -> tuple[SensorSpec, ...]:
        """Ask for what the policy asks for."""
        return self._policy.sensors()

    def reset(self, context: EpisodeContext) -> None:
        """Begin an episode."""
        self._policy.reset(context)

    def step(self, bundle: SensorBundle) -> Control:
        """Answer as the policy does."""
        self.called_s.append(time.perf_counter())
        answer = self._policy.step(bundle)
        if not isinstance(answer, Control):
            raise TypeError("the bench needs a policy that answers controls")
        self.bundles.append(bundle)
        self.answers.append(answer)
        return answer

    def close(self) -> None:
        """Release what the policy holds."""
        self._policy.close()


def measure_bare(session: Session, town: str, *, vehicles: int, ticks: int) -> BareTimes:
    """Time a client that does nothing but send controls and tick.

    Args:
        session: at an embedded server.
        town: to load.
        vehicles: to spawn.
        ticks: per way of sending.
    """
    lane_map = session.load(town)
    load = ControlLoad.spawn(session, lane_map, vehicles)

    def rate_hz(way: str) -> float:
        times = []
        for tick in range(_WARM_TICKS + ticks):
            throttle = 0.5 + 0.3 * math.sin(0.1 * tick)
            steer = 0.1 * math.sin(0.03 * tick)
            began_s = time.perf_counter()
            if way == "single":
                load.apply_one_by_one(throttle, steer)
            elif way == "batch":
                load.apply_in_a_batch(throttle, steer)
            session.tick()
            times.append(time.perf_counter() - began_s)
        return 1.0 / statistics.median(times[_WARM_TICKS:])

    result = BareTimes(vehicles, rate_hz("idle"), rate_hz("single"), rate_hz("batch"))
    session.clear()
    return result


def measure_harness(
    session: Session, route: Route, policy: str, *, vehicles: int, rounds: int, folder: Path
) -> LoopTimes:
    """Compare the two loops.

    Args:
        session: at an embedded server.
        route: to drive, all of it.
        policy: name in the registry.
        vehicles: background vehicles.
        rounds: how often the loops alternate.
        folder: for the records.
    """
    bare: list[float] = []
    episode: list[float] = []
    phase_s: dict[str, float] = {}
    for number in range(rounds):
        recorder = _Recorder(registry.create(policy))
        record = folder / f"{vehicles}-{number}"
        _episode_loop(session, route, recorder, vehicles, record)
        timing = read_episode(record).timing
        ticks = len(recorder.called_s)
        if timing is not None:
            phase_s = {name: sum_s / ticks for name, sum_s in timing.phase_wall_s.items()}
        episode += [after - before for before, after in pairwise(recorder.called_s)]
        bare += _bare_loop(session, route, recorder, registry.create(policy), vehicles)
    return LoopTimes(vehicles, statistics.median(bare), statistics.median(episode), phase_s)


def _episode_loop(session: Session, route: Route, recorder: _Recorder, vehicles: int, record: Path) -> None:
    drive = DriveConfig(suites=("bench",), policies=(PolicyConfig(name="bench"),), traffic=vehicles)
    runner = EpisodeRunner(
        session,
        drive=drive,
        machine=MachineConfig(),
        server_kind=ServerKind.EMBEDDED,
        versions={},
        should_stop=lambda: False,
    )
    task = EpisodeTask(drive.policies[0], route, "bench", "", 0, 0, _SEED, record)
    runner.run(task, lambda: PolicyGuard(recorder), lambda _: None)


def _bare_loop(
    session: Session, route: Route, recorder: _Recorder, policy: Policy, vehicles: int
) -> list[float]:
    """Replay the answers; returns the time of each tick, s."""
    settle_ticks = DriveConfig.model_fields["settle_ticks"].default
    builder = SceneBuilder(session, traffic=vehicles, settle_ticks=settle_ticks)
    scene = builder.build(route, _SEED)
    policy.reset(scene.context)
    snapshot = session.tick()
    times = []
    for tick, (bundle, control) in enumerate(zip(recorder.bundles, recorder.answers, strict=True)):
        traffic = scene.fleet.decide(scene.observer.read(tick, snapshot))
        began_s = time.perf_counter()
        policy.step(bundle)
        scene.control_ego(*control_to_carla(control))
        scene.fleet.send(traffic)
        snapshot = session.tick()
        times.append(time.perf_counter() - began_s)
    builder.clear(scene)
    return times


def report(bare: Sequence[BareTimes], loops: Sequence[LoopTimes]) -> str:
    """Return the results as lines for people."""
    lines = [
        "Bare client, ticks/s (median tick)",
        "vehicles   tick alone   apply_control each   apply_batch",
    ]
    lines += [f"{b.vehicles:8d}   {b.idle_hz:10.0f}   {b.single_hz:18.0f}   {b.batch_hz:11.0f}" for b in bare]
    lines += [
        "",
        "Episode loop against the bare loop, same world, same policy calls (median tick)",
        "vehicles   bare ticks/s   episode ticks/s   ratio   harness adds",
    ]
    lines += [
        f"{one.vehicles:8d}   {1 / one.bare_s:12.0f}   {1 / one.episode_s:15.0f}"
        f"   {one.bare_s / one.episode_s:5.2f}   {one.added_s * 1e3:6.3f} ms per tick"
        for one in loops
    ]
    lines += ["", "Phases of the episode loop, mean ms per tick"]
    for one in loops:
        phases = ", ".join(f"{name} {sum_s * 1e3:.3f}" for name, sum_s in one.phase_s.items())
        lines.append(f"{one.vehicles:8d}   {phases}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m harness.bench")
    parser.add_argument("--suite", default="longest6-town01", help="its first route is driven")
    parser.add_argument("--policy", default="expert", help="must answer controls (default: %(default)s)")
    parser.add_argument("--bare-vehicles", type=int, nargs="*", default=[1, 20, 100])
    parser.add_argument("--vehicles", type=int, nargs="*", default=[0, 40], help="background vehicles")
    parser.add_argument("--ticks", type=int, default=1000, help="of the bare client, per way of sending")
    parser.add_argument("--rounds", type=int, default=2, help="how often the two loops alternate")
    parser.add_argument("--first-port", type=int, default=21000, help="of the embedded server")
    options = parser.parse_args(arguments)
    route = suite(options.suite).routes[0]
    config = DriveConfig(suites=(options.suite,), policies=(PolicyConfig(name=options.policy),))
    machine = MachineConfig()
    with (
        tempfile.TemporaryDirectory(prefix="drivegate-bench-") as folder,
        EmbeddedServer(
            Path(folder) / "logs",
            first_port=options.first_port,
            dt_s=config.dt_s,
            start_deadline_s=machine.start_deadline_s,
            environment=thread_pool_environment(1),
        ) as server,
    ):
        session = Session(
            server.endpoint,
            is_alive=server.is_alive,
            dt_s=config.dt_s,
            tick_deadline_s=machine.tick_deadline_s,
            request_deadline_s=machine.request_deadline_s,
        )
        bare = [
            measure_bare(session, route.town, vehicles=count, ticks=options.ticks)
            for count in options.bare_vehicles
        ]
        loops = [
            measure_harness(
                session, route, options.policy, vehicles=count, rounds=options.rounds, folder=Path(folder)
            )
            for count in options.vehicles
        ]
    print(report(bare, loops))
    return 0


if __name__ == "__main__":
    sys.exit(main())
