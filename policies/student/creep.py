"""Creeping: a car that has stood for long, and not at a red light, is moved on a little.

A student that stands sees the same picture again and again, and gives the same answer. The published waypoint
agents therefore creep (TransFuser: after 55 s, for 1.5 s); a few metres further there is another picture.
Nobody creeps into a junction at a light that says stop, unless it has said so for longer than any does.
And who does not go on after a few of them is stuck: creeping helps a policy that drives, it does not drive.
Without that limit a student that was never trained, and only stood, was carried through 17 % of its routes.
"""

from __future__ import annotations

import numpy as np

from policies.plan import Plan
from policies.sensor_bundle import RouteAhead, SensorBundle

AFTER_S = 25.0
"""Long enough for the car before it to go on, if there is one."""

AFTER_RED_S = 60.0
"""Longer than a light of CARLA's towns is red: at most four approaches take turns of 15 s each."""

IN_A_ROW = 2
"""So often, until the car has driven by itself. In 24 drives the shipped student never needed a second."""

BY_ITSELF_MPS = 4.0
"""Faster than a creep makes it (3.0 m/s)."""

_FOR_S = 1.5
_SPEED_MPS = 3.0
_STANDS_MPS = 0.1
_T_S = np.arange(0.1, 3.05, 0.1)


class Creep:
    """Watches over an episode.

    Args:
        after_s: how long the car must have stood; 0 for never.
    """

    def __init__(self, after_s: float = AFTER_S) -> None:
        self._after_s = after_s
        self.reset()

    def reset(self) -> None:
        """Forget the last episode."""
        self._stands_from_s: float | None = None
        self._until_s = 0.0
        self._in_a_row = 0

    def plan(self, bundle: SensorBundle, *, sees_red: bool = False) -> Plan | None:
        """The plan to creep by, or None; to be asked in every tick."""
        if self._after_s <= 0.0 or bundle.route is None:
            return None
        now_s = bundle.t_s
        if bundle.ego.speed_mps > BY_ITSELF_MPS:
            self._in_a_row = 0
        if now_s < self._until_s:
            return _along(bundle.route)
        if self._in_a_row >= IN_A_ROW:
            return None
        if abs(bundle.ego.speed_mps) > _STANDS_MPS:
            self._stands_from_s = None
        elif self._stands_from_s is None:
            self._stands_from_s = now_s
        elif now_s - self._stands_from_s > (max(self._after_s, AFTER_RED_S) if sees_red else self._after_s):
            self._stands_from_s, self._until_s = None, now_s + _FOR_S
            self._in_a_row += 1
            return _along(bundle.route)
        return None


def _along(route: RouteAhead) -> Plan:
    """Along the route, slowly."""
    at_m = _SPEED_MPS * _T_S
    points = [np.interp(at_m, route.distances_m, route.points_in_ego[:, axis]) for axis in (0, 1)]
    return Plan(_T_S, np.stack(points, 1))
