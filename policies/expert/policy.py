"""ExpertPolicy: the expert behind the step interface."""

from __future__ import annotations

from policies.expert.config import ExpertConfig
from policies.expert.decision import Decision
from policies.expert.drive import Drive
from policies.expert.intent import Intent
from policies.interface import EpisodeContext, PrivilegedSpec, RouteSpec, SensorSpec
from policies.plan import Control
from policies.sensor_bundle import SensorBundle


class PrivilegeMissingError(RuntimeError):
    """The expert was run without the ground truth that it asks for."""


class ExpertPolicy:
    """A rule-based planner with ground truth.

    Attributes:
        decision: of the last tick, None before the first.
    """

    def __init__(self, config: ExpertConfig | None = None) -> None:
        """Take the settings; everything else comes with `reset`."""
        self._config = config or ExpertConfig()
        self.decision: Decision | None = None
        self._drive: Drive | None = None

    def sensors(self) -> tuple[SensorSpec, ...]:
        """Ask for the route and for ground truth."""
        horizon_m = self._config.horizon_m
        return (RouteSpec(horizon_m=horizon_m), PrivilegedSpec(radius_m=horizon_m))

    def reset(self, context: EpisodeContext) -> None:
        """Prepare the town's lanes and forget the last episode.

        Raises:
            PrivilegeMissingError: the context has no lane map.
        """
        if context.lane_map is None:
            raise PrivilegeMissingError("the expert needs the lane map that its PrivilegedSpec asks for")
        self.decision = None
        self._drive = Drive(self._config, context, context.lane_map)

    def step(self, bundle: SensorBundle) -> Control:
        """Decide one tick.

        Raises:
            PrivilegeMissingError: the bundle has no ground truth, or `reset` was not called.
        """
        if bundle.privileged is None or self._drive is None:
            raise PrivilegeMissingError("the expert needs `reset` first and ground truth in every bundle")
        self.decision, control = self._drive.step(bundle, bundle.privileged)
        return control

    def intent(self) -> Intent | None:
        """Where it means to go from the tick of the last step on, whoever drives; None before the first."""
        return None if self._drive is None else self._drive.intent()

    def close(self) -> None:
        """Let go of the town's lanes."""
        self._drive = None


def make_expert(
    limit_factor: float = 0.72, top_speed_mps: float = 14.0, lateral_acceleration_mps2: float = 2.2
) -> ExpertPolicy:
    """Build an expert from the arguments of the registry."""
    config = ExpertConfig(
        limit_factor=limit_factor,
        top_speed_mps=top_speed_mps,
        lateral_acceleration_mps2=lateral_acceleration_mps2,
    )
    return ExpertPolicy(config)
