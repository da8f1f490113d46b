"""StudentPolicy: a trained student behind the step interface."""

from __future__ import annotations

import numpy as np

from policies.checkpoint import CheckpointError, find_checkpoint
from policies.interface import EpisodeContext, RouteSpec, SensorSpec
from policies.plan import Plan
from policies.sensor_bundle import EgoState, Float, SensorBundle
from policies.student.config import HISTORY_STEPS, PLAN_STEPS, StudentConfig, StudentConfigError
from policies.student.creep import AFTER_S, Creep
from policies.student.features import features_of
from policies.student.observation import CameraHistory, Observation, ObservationMemory
from policies.student.runtime import StudentAnswer, StudentRuntime, open_runtime
from policies.unicycle import DT_S

FAMILY = "student"
_PLAN_T_S: Float = DT_S * np.arange(1.0, PLAN_STEPS + 1.0)
_MIN_STEPS = 2


class StudentPolicy:
    """Plans at 10 Hz and hands the plan, moved along with the car, out at every tick; a controller tracks it.

    Attributes:
        answer: of the last planning step, None before the first.
    """

    def __init__(
        self, config: StudentConfig, runtime: StudentRuntime, creep_after_s: float = AFTER_S
    ) -> None:
        self._config = config
        self._creep = Creep(creep_after_s)
        self._runtime = runtime
        self._memory = ObservationMemory(config.frames)
        self.answer: StudentAnswer | None = None
        self._plan_in_map: Float = np.empty((0, 2))
        self._planned_at_s = 0.0

    def sensors(self) -> tuple[SensorSpec, ...]:
        """Ask for the cameras it was trained with, and its stretch of route."""
        return (RouteSpec(self._config.route_horizon_m), *self._config.camera_specs())

    def reset(self, context: EpisodeContext) -> None:  # noqa: ARG002 - the interface gives it
        """Forget the last episode; run once, so that the first step is not the slowest."""
        self._memory.reset()
        self._creep.reset()
        self.answer = None
        self._runtime.answer(features_of(_blank(self._config), self._config))

    def step(self, bundle: SensorBundle) -> Plan:
        """Plan if a tenth of a second has passed; return the plan as it lies from here."""
        if self._memory.add(bundle):
            features = features_of(self._memory.observation(bundle.route), self._config)
            self.answer = self._runtime.answer(features)
            self._plan_in_map = _to_map(self.answer.best[:, :2].astype(np.float64), bundle.ego)
            self._planned_at_s = bundle.t_s
        creeping = self._creep.plan(bundle, sees_red=self.answer is not None and self.answer.sees_red)
        if creeping is not None:
            return creeping
        age_s = bundle.t_s - self._planned_at_s
        ahead = min(int(np.searchsorted(_PLAN_T_S, age_s + 1e-6, side="right")), PLAN_STEPS - _MIN_STEPS)
        t_s: Float = _PLAN_T_S[ahead:] - age_s
        return Plan(t_s, _to_ego(self._plan_in_map[ahead:], bundle.ego))

    def close(self) -> None:
        """Forget the pictures."""
        self._memory.reset()


def make_student(
    checkpoint: str = "shipped/student",
    runtime: str = "auto",
    device: str = "cpu",
    identity: str = "",
    creep_after_s: float = AFTER_S,
) -> StudentPolicy:
    """Build a student from the arguments of the registry.

    Args:
        checkpoint: see `policies.checkpoint.find_checkpoint`.
        runtime: "auto", "torch" or "onnx".
        device: for torch.
        identity: what the checkpoint's `identity` must be, if not empty.
        creep_after_s: see `policies.student.creep`; 0 for never.

    Raises:
        CheckpointError: there is none, it is damaged, or it is not a student's.
    """
    found = find_checkpoint(checkpoint)
    if found.manifest.policy != FAMILY:
        raise CheckpointError(f"{found.manifest_path} is a {found.manifest.policy}, not a {FAMILY}")
    if identity not in {"", found.identity}:
        raise CheckpointError(f"{found.manifest_path} has changed since this run was begun; begin a new one")
    try:
        config = StudentConfig.from_json(found.manifest.model)
    except StudentConfigError as error:
        raise CheckpointError(f"{found.manifest_path}: {error}") from error
    return StudentPolicy(config, open_runtime(found, config, runtime, device), creep_after_s)


def _to_map(points_in_ego: Float, ego: EgoState) -> Float:
    cosine, sine = np.cos(ego.yaw_in_map_rad), np.sin(ego.yaw_in_map_rad)
    turned = points_in_ego @ np.array([[cosine, sine], [-sine, cosine]])
    return np.asarray(turned + ego.position_in_map[:2])


def _to_ego(points_in_map: Float, ego: EgoState) -> Float:
    cosine, sine = np.cos(ego.yaw_in_map_rad), np.sin(ego.yaw_in_map_rad)
    offset = points_in_map - ego.position_in_map[:2]
    return np.asarray(offset @ np.array([[cosine, -sine], [sine, cosine]]))


def _blank(config: StudentConfig) -> Observation:
    """An observation of nothing, of the right shapes."""
    from policies.sensor_bundle import RouteAhead

    shape = (config.frames, config.image_height, config.image_width, 3)
    cameras = {
        spec.name: CameraHistory(
            np.zeros(shape, dtype=np.uint8), spec.intrinsics, np.array(spec.position_in_ego), np.eye(3)
        )
        for spec in config.camera_specs()
    }
    route = RouteAhead(np.zeros((1, 3)), np.zeros(1, dtype=np.int64), np.zeros(1), remaining_m=0.0)
    return Observation(cameras, np.zeros((HISTORY_STEPS, 3)), np.zeros((HISTORY_STEPS, 3)), route)
