"""The fence around a policy: whatever goes wrong behind it is booked to the policy, and nothing else is."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from harness.errors import PolicyFaultError
from policies.control.plan_tracker import PlanTracker
from policies.interface import EpisodeContext, KeepsFiles, Policy, SensorSpec
from policies.plan import Control, Plan
from policies.sensor_bundle import SensorBundle

T = TypeVar("T")


class PolicyGuard:
    """A policy for one episode. Every method raises `PolicyFaultError` with the policy's own message.

    Args:
        policy: the thing under test.

    Attributes:
        plan: where it means to go, by its last answer: the plan that it gave, or the forecast beside a
            control; None if it did not say.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._tracker: PlanTracker | None = None
        self.plan: Plan | None = None

    def sensors(self) -> tuple[SensorSpec, ...]:
        """What the policy wants to see."""
        return guarded("sensors", lambda: tuple(self._policy.sensors()))

    def begin_files(self, folder: Path) -> None:
        """Tell a policy that keeps files where they go."""
        policy = self._policy
        if isinstance(policy, KeepsFiles):
            guarded("begin_files", lambda: policy.begin_files(folder))

    def end_files(self) -> None:
        """Let it write what it has not written yet."""
        policy = self._policy
        if isinstance(policy, KeepsFiles):
            guarded("end_files", policy.end_files)

    def reset(self, context: EpisodeContext) -> None:
        """Begin an episode."""
        self._tracker = PlanTracker(context.ego.center_from_rear_axle_m)
        guarded("reset", lambda: self._policy.reset(context))

    def step(self, bundle: SensorBundle) -> Control:
        """Return the policy's control for a tick; a plan is tracked."""
        return guarded("step", lambda: self._answer(bundle))

    def _answer(self, bundle: SensorBundle) -> Control:
        self.plan = None
        answer = self._policy.step(bundle)
        if isinstance(answer, Control):
            if isinstance(answer.forecast, Plan):
                self.plan = answer.forecast
            return answer
        if isinstance(answer, Plan) and self._tracker is not None:
            self.plan = answer
            return self._tracker.step(answer, bundle.ego)
        raise TypeError(f"the answer is a {type(answer).__name__}, neither a Control nor a Plan")


def guarded(what: str, call: Callable[[], T]) -> T:
    """Run a policy's code.

    Raises:
        PolicyFaultError: it raised; names the error and the line. `sys.exit` in a policy counts as raising.
    """
    try:
        return call()
    except (Exception, SystemExit) as error:
        raise PolicyFaultError(f"{what}: {type(error).__name__}: {error}{_where(error)}") from error


def _where(error: BaseException) -> str:
    """Name the line that raised, without the folders of this machine."""
    frames = traceback.extract_tb(error.__traceback__)
    return f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
