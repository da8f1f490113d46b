"""Traffic lights and stop signs: where to stop for them, if at all."""

from __future__ import annotations

from dataclasses import dataclass

from policies.expert.config import ExpertConfig
from policies.expert.decision import Reason
from policies.sensor_bundle import LightAhead, LightState, Privileged, StopSignAhead

_STANDSTILL_MPS = 0.1
_PAST_LINE_M = 3.0
"""A bumper further beyond its line than this has passed it: stopping would not help any more."""

_AT_SIGN_M = 1.0
"""A stop at a sign counts when the bumper is at most this far before the place where it should be."""

_STOPS_AT_ONCE_MPS = 4.0
"""From this speed the car stops within a metre or so: never a reason to run a red light."""

_LAST_CHANCE_MPS2 = 7.0
"""A red light is run only if even this deceleration would not end before its line."""


@dataclass(frozen=True, slots=True)
class StopPoint:
    """A place where the ego's rear axle must not pass.

    Attributes:
        distance_m: from the rear axle along the path, not negative.
        reason: why.
        culprit: id of the light or sign.
    """

    distance_m: float
    reason: Reason
    culprit: int


class SignalRules:
    """Decides on lights and stop signs; remembers yellows it passed on and signs it has served."""

    def __init__(self, config: ExpertConfig, front_m: float, dt_s: float) -> None:
        """Set up for one episode; `front_m` is the distance from the rear axle to the front bumper."""
        self._config = config
        self._front_m = front_m
        self._dt_s = dt_s
        self._committed: set[int] = set()
        self._stood_s: dict[int, float] = {}

    def stop_points(self, privileged: Privileged, speed_mps: float) -> list[StopPoint]:
        """Return where to stop for the lights and signs of this tick."""
        seen = {light.id for light in privileged.lights}
        self._committed &= seen
        points = [self._light(light, speed_mps) for light in privileged.lights]
        points += [self._sign(sign, speed_mps) for sign in privileged.stop_signs]
        return [point for point in points if point is not None]

    def has_right_of_way(self, light: LightAhead) -> bool:
        """Whether the ego may enter the junction behind a light, by green or by a yellow it has passed on."""
        return light.state is LightState.GREEN or light.id in self._committed

    def _light(self, light: LightAhead, speed_mps: float) -> StopPoint | None:
        if light.state not in (LightState.RED, LightState.YELLOW):
            self._committed.discard(light.id)
            return None
        to_line_m = light.stop_line_distance_m - self._front_m
        if to_line_m < -_PAST_LINE_M or light.id in self._committed:
            return None
        is_yellow = light.state is LightState.YELLOW
        bound = self._config.yellow_brake_mps2 if is_yellow else _LAST_CHANCE_MPS2
        needed_mps2 = speed_mps**2 / (2.0 * max(to_line_m, 0.01))
        if needed_mps2 > bound and speed_mps > (1.0 if is_yellow else _STOPS_AT_ONCE_MPS):
            self._committed.add(light.id)
            return None
        return StopPoint(max(to_line_m - self._config.stop_margin_m, 0.0), Reason.RED_LIGHT, light.id)

    def _sign(self, sign: StopSignAhead, speed_mps: float) -> StopPoint | None:
        stood_s = self._stood_s.get(sign.id, 0.0)
        to_line_m = sign.stop_line_distance_m - self._front_m
        if stood_s >= self._config.stop_sign_wait_s or to_line_m < -_PAST_LINE_M:
            return None
        stop_m = max(to_line_m - 0.5 * self._config.stop_margin_m, 0.0)
        if speed_mps < _STANDSTILL_MPS and stop_m < _AT_SIGN_M:
            self._stood_s[sign.id] = stood_s + self._dt_s
        return StopPoint(stop_m, Reason.STOP_SIGN, sign.id)
