"""One policy, one route, one seed -> one record.

The order inside tick n is fixed:

1. the world advances by one tick; the controls sent after tick n-1 act in it;
2. the observer reads the facts of tick n;
3. the criteria judge them, and facts and events are appended to the record;
4. if a criterion ends the route, the episode is over: the policy does not see this tick;
5. the rig turns the same facts into a bundle, and the policy answers;
6. the answer becomes a control, the traffic decides; both are sent and act in tick n+1.

Simulated time is the only clock that anything above sees. Wall-clock times go into `timing.json` and are used
for two decisions only: an episode beyond its limit is an infrastructure fault, and a policy's step beyond its
budget is the policy's, if a budget was asked for (`drive.policy_budget_s`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from harness.campaign.tasks import EpisodeResult, EpisodeTask, Progress
from harness.client.eyes import Eyes
from harness.client.film import Film
from harness.client.rig import Rig
from harness.client.scene import Scene, SceneBuilder
from harness.client.session import Session
from harness.client.weather import weather_at
from harness.config import DriveConfig, MachineConfig
from harness.criteria import CriteriaSet, CriterionError
from harness.errors import (
    CriterionFailedError,
    DrivegateError,
    InfraError,
    PolicyFaultError,
    RecordFailedError,
    StopRequested,
    WallLimitError,
)
from harness.events import Event, EventType
from harness.facts import EpisodeFacts, TickFacts
from harness.outcome import Outcome
from harness.policy_guard import PolicyGuard
from harness.record import EpisodeHeader, EpisodeTiming, EpisodeWriter, RecordError
from harness.record.run_folder import POLICY_FILES
from harness.stopwatch import Stopwatch
from policies.frames import EgoPose, control_to_carla
from policies.interface import EpisodeContext, PrivilegedSpec, SensorSpec
from policies.plan import Plan

_REPORT_EVERY_TICKS = 20
_WEATHER_STEP_PCT = 1.0

_REASON = {
    EventType.ROUTE_COMPLETED: "drove the route to its end",
    EventType.ROUTE_DEVIATION: "left the route",
    EventType.BLOCKED: "stood still for too long",
    EventType.ROUTE_TIMEOUT: "took too long for the route",
}


class EpisodeRunner:
    """Drives episodes on one server, one after the other.

    Args:
        session: at a server that is ready.
        drive: what is measured.
        machine: limits.
        simulator: for the record: what simulates.
        versions: for the record.
        should_stop: asked once per tick.
    """

    def __init__(
        self,
        session: Session,
        *,
        drive: DriveConfig,
        machine: MachineConfig,
        simulator: str,
        versions: Mapping[str, str],
        should_stop: Callable[[], bool],
    ) -> None:
        self._session = session
        self._drive = drive
        self._machine = machine
        self._simulator = simulator
        self._versions = versions
        self._should_stop = should_stop
        self._scenes = SceneBuilder(
            session,
            traffic=drive.traffic,
            light_times_s=drive.light_times_s,
            settle_ticks=drive.settle_ticks,
        )

    def run(
        self, task: EpisodeTask, make_guard: Callable[[], PolicyGuard], report: Callable[[Progress], None]
    ) -> EpisodeResult:
        """Drive one episode and write its record.

        Args:
            task: what to drive.
            make_guard: gives the policy; may raise `PolicyFaultError`.
            report: called now and then.

        Raises:
            InfraError: something failed that is not the policy's doing; the record says so and is never
                scored. UsageError, RouteError: the route cannot be driven in this world.
            StopRequested: the record has no end marker.
        """
        guard, specs, fault = _prepare_policy(make_guard)
        scene = self._scenes.build(task.route, task.seed)
        header = self._header(task, specs)
        try:
            with EpisodeWriter(task.folder, header, scene.observer.facts, scene.lanes) as writer:
                drive = _Drive(self._session, scene, writer, task, specs, self._limits())
                try:
                    if guard is None:
                        raise fault or PolicyFaultError("the policy is missing")
                    guard.begin_files(task.folder / POLICY_FILES)
                    guard.reset(_visible(scene.context, specs))
                    result = drive.run(guard, report)
                except PolicyFaultError as error:
                    result = drive.finish(Outcome.POLICY_FAULT, str(error))
                except InfraError as error:
                    drive.fail(error)
                    raise
        except (RecordError, OSError) as error:
            raise RecordFailedError(f"The record cannot be written: {error}") from error
        self._scenes.clear(scene)
        return result

    def _limits(self) -> _Limits:
        return _Limits(
            wall_limit_s=self._machine.episode_wall_limit_s,
            policy_budget_s=self._drive.policy_budget_s,
            should_stop=self._should_stop,
            record_camera=self._machine.record_camera,
        )

    def _header(self, task: EpisodeTask, specs: tuple[SensorSpec, ...]) -> EpisodeHeader:
        return EpisodeHeader(
            policy=task.policy.name,
            policy_config=dict(task.policy.args),
            privileged=_is_privileged(specs),
            route_id=task.route.id,
            suite=task.suite,
            suite_sha256=task.suite_sha256,
            seed=task.seed,
            repeat=task.repeat,
            attempt=task.attempt,
            traffic=traffic_name(self._drive.traffic),
            server_kind=self._simulator,
            versions=self._versions,
        )


def traffic_name(count: int) -> str:
    """Name of the background traffic, as records carry it."""
    return f"idm-{count}" if count else "none"


@dataclass(frozen=True, slots=True)
class _Limits:
    wall_limit_s: float
    policy_budget_s: float | None
    should_stop: Callable[[], bool]
    record_camera: bool


class _Drive:
    """The loop of one episode, and its record."""

    def __init__(
        self,
        session: Session,
        scene: Scene,
        writer: EpisodeWriter,
        task: EpisodeTask,
        specs: tuple[SensorSpec, ...],
        limits: _Limits,
    ) -> None:
        self._session = session
        self._scene = scene
        self._writer = writer
        self._task = task
        self._specs = specs
        self._limits = limits
        self._criteria = _criteria(scene.observer.facts)
        self._rig = Rig(specs, scene.observer.facts, scene.observer.others, scene.rear_axle_in_actor)
        self._watch = Stopwatch()
        self._policy_step_us: list[int] = []
        self._declared = 0
        self._tick = 0
        self._weather_pct = 0.0

    def run(self, guard: PolicyGuard, report: Callable[[Progress], None]) -> EpisodeResult:
        """Drive until a criterion ends the route."""
        watch = self._watch
        scene = self._scene
        eyes = Eyes(self._session, scene.ego, self._specs, scene.rear_axle_in_actor)
        film = None
        if self._limits.record_camera:
            film = Film(self._session, scene.ego, scene.rear_axle_in_actor)
        while True:
            self._check_limits()
            watch.start()
            snapshot = self._session.tick()
            watch.lap("server")
            facts = self._scene.observer.read(self._tick, snapshot)
            watch.lap("observe")
            self._judge_and_record(facts)
            watch.lap("judge_and_record")
            if self._criteria.ending is not None:
                ending = self._criteria.ending
                guard.end_files()
                completed = ending is EventType.ROUTE_COMPLETED
                return self.finish(Outcome.COMPLETED if completed else Outcome.ENDED_BY_RULE, _REASON[ending])
            if film is not None:
                self._keep_pictures(film, int(snapshot.frame))
            bundle = self._rig.bundle(facts, eyes.look(int(snapshot.frame)))
            watch.lap("rig")
            control = guard.step(bundle)
            self._policy_step_us.append(round(watch.lap("policy") * 1e6))
            self._record_plan(facts, guard.plan)
            self._check_budget()
            self._scene.control_ego(*control_to_carla(control))
            watch.lap("control")
            self._scene.fleet.send(self._scene.fleet.decide(facts))
            watch.lap("traffic")
            self._tick += 1
            if self._tick % _REPORT_EVERY_TICKS == 0:
                self._change_weather()
                report(Progress(self._tick, self._criteria.route_completion_pct, watch.total_s))

    def finish(self, outcome: Outcome, reason: str) -> EpisodeResult:
        """Close the record with a scored outcome."""
        try:
            events = self._criteria.finish()
        except CriterionError as error:
            raise CriterionFailedError(str(error)) from error
        self._close(outcome, reason, events)
        completion_pct = self._criteria.route_completion_pct
        return EpisodeResult(outcome, reason, completion_pct, self._tick, self._watch.total_s)

    def fail(self, error: DrivegateError) -> None:
        """Close the record of an episode that the infrastructure ended."""
        self._close(Outcome.INFRA_FAULT, str(error), ())

    def _close(self, outcome: Outcome, reason: str, events: tuple[Event, ...]) -> None:
        late_count = self._scene.collisions.late_count
        if late_count:  # goes to the worker's log
            print(
                f"{self._task.folder}: {late_count} collision messages came later than their tick", flush=True
            )
        timing = EpisodeTiming(self._watch.total_s, self._watch.sums_s(), tuple(self._policy_step_us))
        self._writer.finish(outcome, reason, events, timing)

    def _judge_and_record(self, facts: TickFacts) -> None:
        try:
            events = self._criteria.update(facts)
        except CriterionError as error:
            raise CriterionFailedError(str(error)) from error
        others = self._scene.observer.others
        while self._declared < len(others):
            other = others[self._declared]
            self._writer.declare_actor(other.index, other.type_id, other.extent)
            self._declared += 1
        self._writer.append(facts, events)

    def _record_plan(self, facts: TickFacts, plan: Plan | None) -> None:
        """Write down where the policy means to go, on the map."""
        if plan is None:
            return
        pose = EgoPose.from_actor(facts.ego.location, facts.ego.rotation_deg, self._scene.rear_axle_in_actor)
        flat = np.column_stack([plan.position_in_ego, np.zeros(len(plan.t_s))])
        self._writer.append_plan(plan.t_s, pose.ego_to_world(flat)[:, :2])

    def _keep_pictures(self, film: Film, frame: int) -> None:
        """Save what the front camera has sent by now, each under the tick that it shows."""
        for shown, jpeg in film.develop():
            tick = self._tick - (frame - shown)
            if tick >= 0:
                self._writer.save_picture(tick, jpeg)

    def _check_budget(self) -> None:
        """In strict mode a policy that answers too late has failed, though the world waited for it."""
        budget_s = self._limits.policy_budget_s
        took_s = self._policy_step_us[-1] * 1e-6
        if budget_s is not None and took_s > budget_s:
            raise PolicyFaultError(
                f"step: took {took_s * 1e3:.1f} ms at tick {self._tick}, over the budget of"
                f" {budget_s * 1e3:g} ms (drive.policy_budget_s)"
            )

    def _check_limits(self) -> None:
        if self._limits.should_stop():
            raise StopRequested("The campaign was asked to stop.")
        if self._watch.total_s > self._limits.wall_limit_s:
            raise WallLimitError(
                f"The episode took more than {self._limits.wall_limit_s:g} s of wall-clock time at tick"
                f" {self._tick}: the machine is too slow or overloaded, or raise --set"
                " machine.episode_wall_limit_s."
            )

    def _change_weather(self) -> None:
        """Follow the route's weather in steps of a percent."""
        keyframes = self._task.route.weather
        now_pct = self._criteria.route_completion_pct
        if len(keyframes) > 1 and now_pct - self._weather_pct >= _WEATHER_STEP_PCT:
            self._weather_pct = now_pct
            self._session.set_weather(weather_at(keyframes, now_pct))


def _prepare_policy(
    make_guard: Callable[[], PolicyGuard],
) -> tuple[PolicyGuard | None, tuple[SensorSpec, ...], PolicyFaultError | None]:
    """Make the policy and ask for its sensors; a fault is kept until there is a record to write it to."""
    try:
        guard = make_guard()
        return guard, guard.sensors(), None
    except PolicyFaultError as error:
        return None, (), error


def _visible(context: EpisodeContext, specs: tuple[SensorSpec, ...]) -> EpisodeContext:
    """Keep the lanes from a policy that did not ask for ground truth."""
    return context if _is_privileged(specs) else replace(context, lane_map=None)


def _is_privileged(specs: tuple[SensorSpec, ...]) -> bool:
    return any(isinstance(spec, PrivilegedSpec) for spec in specs)


def _criteria(facts: EpisodeFacts) -> CriteriaSet:
    try:
        return CriteriaSet(facts)
    except CriterionError as error:
        raise CriterionFailedError(str(error)) from error
