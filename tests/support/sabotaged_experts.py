"""The expert with one defect each: what a gate must find, and name.

Each is the shipped expert behind a small, realistic fault, so that a gate is tried on what goes wrong in
practice (a slow actuator, a miscalibrated sensor, a lost detection) and not on made-up numbers.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from policies.expert import make_expert
from policies.interface import EpisodeContext, SensorSpec
from policies.plan import Control
from policies.sensor_bundle import LightState, SensorBundle

BRAKE_DELAY_S = 0.4
STEERING_BIAS = 0.03
SPEED_FACTOR = 1.2
IGNORED_EVERY = 3


class _Sabotaged:
    """The healthy expert; each subclass spoils what it sees or what it answers."""

    def __init__(self, **arguments: float) -> None:
        self._expert = make_expert(**arguments)

    def sensors(self) -> tuple[SensorSpec, ...]:
        return self._expert.sensors()

    def reset(self, context: EpisodeContext) -> None:
        self._expert.reset(context)

    def step(self, bundle: SensorBundle) -> Control:
        return self._expert.step(bundle)

    def close(self) -> None:
        self._expert.close()


class LateBrake(_Sabotaged):
    """Every braking acts 0.4 s late."""

    def reset(self, context: EpisodeContext) -> None:
        super().reset(context)
        self._brakes: deque[float] = deque([0.0] * round(BRAKE_DELAY_S / context.dt_s))

    def step(self, bundle: SensorBundle) -> Control:
        control = super().step(bundle)
        self._brakes.append(control.brake)
        return replace(control, brake=self._brakes.popleft())


class SteeringBias(_Sabotaged):
    """The steering is off centre by 3 % of its range."""

    def step(self, bundle: SensorBundle) -> Control:
        control = super().step(bundle)
        return replace(control, steer=min(control.steer + STEERING_BIAS, 1.0))


class ColourBlind(_Sabotaged):
    """Every third light that it meets is green to it, whatever it shows."""

    def reset(self, context: EpisodeContext) -> None:
        super().reset(context)
        self._met: dict[int, int] = {}

    def step(self, bundle: SensorBundle) -> Control:
        privileged = bundle.privileged
        if privileged is not None:
            for light in privileged.lights:
                self._met.setdefault(light.id, len(self._met))
            lights = tuple(
                replace(light, state=LightState.GREEN) if self._met[light.id] % IGNORED_EVERY == 0 else light
                for light in privileged.lights
            )
            bundle = replace(bundle, privileged=replace(privileged, lights=lights))
        return super().step(bundle)


class Hasty(_Sabotaged):
    """Believes to drive a sixth slower than it does, so that it drives 20 % faster."""

    def step(self, bundle: SensorBundle) -> Control:
        ego = replace(bundle.ego, speed_mps=bundle.ego.speed_mps / SPEED_FACTOR)
        return super().step(replace(bundle, ego=ego))
