"""What the harness adds to a tick: two loops drive the same route, in the same world, with the same policy.

- *bare*: `world.tick()`, the policy's `step` on bundles recorded before, the controls of ego and traffic;
- *episode*: the whole of `harness.episode`: facts, criteria, record, bundle, policy, traffic, controls.

Both see the same world tick for tick, because it is deterministic; what the bare loop needs for that
(reading facts, letting the drivers decide) is done between the timed parts. The loops alternate, and
medians are compared, so that a busy machine slows both.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from harness.campaign.tasks import EpisodeTask
from harness.client.scene import SceneBuilder
from harness.client.session import Session
from harness.config import DriveConfig, MachineConfig, PolicyConfig
from harness.episode import EpisodeRunner
from harness.policy_guard import PolicyGuard
from harness.record import read_episode
from harness.servers.base import ServerKind
from policies import registry
from policies.frames import control_to_carla
from policies.interface import EpisodeContext, Policy, SensorSpec
from policies.plan import Control
from policies.sensor_bundle import SensorBundle
from scenarios.route import Route

_SEED = 1


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
        simulator=ServerKind.EMBEDDED.value,
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


def lines_of(loops: Sequence[LoopTimes]) -> list[str]:
    """The results for people."""
    lines = [
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
    return lines
