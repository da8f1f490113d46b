"""Priority: whether the ego's own light gives it the junction, and what it does there."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from policies.expert.path import STEP_M, LocalPath
from policies.expert.signals import SignalRules
from policies.sensor_bundle import Privileged

_LOOK_AHEAD_M = 40.0
_LEFT_TURN_RAD = 0.5


@dataclass(frozen=True, slots=True)
class RightOfWay:
    """What the ego's own light gives it.

    Attributes:
        protected: the ego has a green light for the junction ahead, or is crossing on one.
        turns_left: it turns left there.
        heading_rad: with which it enters.
    """

    protected: bool
    turns_left: bool
    heading_rad: float


class PriorityRules:
    """Finds the ego's right of way; remembers the junction that it has entered on green."""

    def __init__(self, signals: SignalRules, front_m: float) -> None:
        """Take the rules for lights, and the distance from the rear axle to the front bumper."""
        self._signals = signals
        self._front_m = front_m
        self._protected_until_m = -math.inf

    def right_of_way(self, privileged: Privileged, path: LocalPath) -> RightOfWay:
        """Describe the ego's way through the junction ahead, or the one it is in."""
        protected = self._is_protected(privileged, path)
        place = self._next_junction(path)
        if place is None:
            return RightOfWay(protected, turns_left=False, heading_rad=float(path.yaws[0]))
        heading = float(path.yaws[max(place - 2, 0)])
        after = _end_of_junction(path, place)
        turned = float(path.yaws[min(after + 2, len(path.yaws) - 1)]) - heading
        return RightOfWay(protected, turns_left=turned > _LEFT_TURN_RAD, heading_rad=heading)

    def _is_protected(self, privileged: Privileged, path: LocalPath) -> bool:
        for light in privileged.lights:
            distance = light.stop_line_distance_m
            if distance > _LOOK_AHEAD_M:
                break
            if not self._signals.has_right_of_way(light):
                if distance > self._front_m:
                    break
                continue  # its line is behind the front: what it shows now is for those behind
            line = min(int((path.offset_m + max(distance, 0.0)) / STEP_M), len(path.in_junction) - 1)
            inside = path.in_junction[line:]
            if inside.any():
                end = _end_of_junction(path, line + int(np.argmax(inside)))
                self._protected_until_m = float(path.station_m[end])
            return True
        return path.ego_station_m < self._protected_until_m

    def _next_junction(self, path: LocalPath) -> int | None:
        """Return the first place in a junction from the ego's rear axle on, None if there is none near."""
        start = int(path.offset_m / STEP_M)
        ahead = path.in_junction[start : start + int((self._front_m + _LOOK_AHEAD_M) / STEP_M)]
        return start + int(np.argmax(ahead)) if ahead.any() else None


def _end_of_junction(path: LocalPath, place: int) -> int:
    """Return the first place after `place` that is not in the junction (or the last place of the path)."""
    inside = path.in_junction[place:]
    return place + int(np.argmin(inside)) if not inside.all() else len(path.in_junction) - 1
