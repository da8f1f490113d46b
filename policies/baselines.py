"""Policies without a brain: they show that the harness, and not the policy, earns or loses a score."""

from __future__ import annotations

from policies.control.actuators import acceleration_to_pedals
from policies.interface import EpisodeContext, RouteSpec, SensorSpec
from policies.plan import Control
from policies.sensor_bundle import SensorBundle

_RESPONSE_S = 0.5
"""A speed error should be gone after about this time."""


class ConstantPolicy:
    """Drives straight on at a set speed and never steers."""

    def __init__(self, speed_mps: float = 6.0) -> None:
        """Set the speed, m/s."""
        self._speed_mps = speed_mps

    def sensors(self) -> tuple[SensorSpec, ...]:
        """Ask for the least: a metre of route."""
        return (RouteSpec(horizon_m=1.0),)

    def reset(self, context: EpisodeContext) -> None:
        """Do nothing: nothing is remembered."""

    def step(self, bundle: SensorBundle) -> Control:
        """Hold the speed."""
        speed_mps = bundle.ego.speed_mps
        wanted_mps2 = (self._speed_mps - speed_mps) / _RESPONSE_S
        throttle, brake = acceleration_to_pedals(min(max(wanted_mps2, -4.0), 3.0), max(speed_mps, 0.0))
        return Control(throttle=throttle, steer=0.0, brake=brake)

    def close(self) -> None:
        """Do nothing."""


class BrakePolicy:
    """Never moves."""

    def sensors(self) -> tuple[SensorSpec, ...]:
        """Ask for the least: a metre of route."""
        return (RouteSpec(horizon_m=1.0),)

    def reset(self, context: EpisodeContext) -> None:
        """Do nothing: nothing is remembered."""

    def step(self, bundle: SensorBundle) -> Control:  # noqa: ARG002 - the interface gives it
        """Stand on the brake."""
        return Control(throttle=0.0, steer=0.0, brake=1.0)

    def close(self) -> None:
        """Do nothing."""
