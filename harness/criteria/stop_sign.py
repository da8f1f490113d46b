"""Stop sign: the ego leaves a stop sign's area without having stopped in it."""

from __future__ import annotations

from harness.criteria.errors import CriterionError
from harness.criteria.geometry import NearbyIndex, distance_m, dot, forward_vector
from harness.events import Event, EventType, EventValues
from harness.facts import LaneFacts, StopSignFacts, TickFacts, Vector

PROXIMITY_M = 4.0
STOPPED_SPEED_MPS = 0.1
BOX_SCALE = 1.2
OPPOSITE = -0.17
"""Below this a scalar product counts as backwards (m/s for the velocity, cosine for directions)."""


class StopSign:
    """Follows one stop sign at a time: from the tick that finds it to the tick that leaves it.

    A sign concerns the ego when the lane's centre beside the ego is within 4 m of the trigger volume's
    centre (in space) and that point or one of eight points ahead, 0.5 m apart, lies in the volume's box
    scaled by 1.2. The box is taken along the world's axes, whatever the sign's rotation, as in the
    original. Source: RunningStopTest of ScenarioRunner (branch leaderboard-2.0).

    Order inside a tick: a tick that finds a sign does nothing else, so a speed of 0 in that tick is no
    stop; a tick that leaves it looks at the speed first, so a stop in the last tick counts; and no new sign
    is looked for in a tick that leaves one. Leaving is judged also when reversing; only finding is not. The
    same sign twice in a row counts once. A forward velocity is compared without scaling, so the limit is
    -0.17 m/s and not an angle.

    Raises (update):
        CriterionError: the ego is beside a sign and the facts lack the lane points ahead.
    """

    __slots__ = ("_has_stopped", "_last_failed", "_nearby", "_signs", "_target")

    def __init__(self, signs: tuple[StopSignFacts, ...]) -> None:
        self._signs = signs
        self._nearby = NearbyIndex((sign.trigger_center for sign in signs), PROXIMITY_M)
        self._target: int | None = None
        self._has_stopped = False
        self._last_failed: int | None = None

    def update(self, tick: TickFacts, speed_mps: float, out: list[Event]) -> None:
        """Find a sign, or follow the one found."""
        if self._target is None:
            self._target = self._find(tick)
            return
        if speed_mps < STOPPED_SPEED_MPS:
            self._has_stopped = True
        if self._concerns(self._target, tick):
            return
        if not self._has_stopped and self._last_failed != self._target:
            sign = self._signs[self._target]
            x, y, z = sign.location
            values: EventValues = {"opendrive_id": sign.opendrive_id, "x_m": x, "y_m": y, "z_m": z}
            out.append(Event(tick.tick, EventType.STOP_SIGN, values))
            self._last_failed = self._target
        self._target = None
        self._has_stopped = False

    def _find(self, tick: TickFacts) -> int | None:
        """The first sign that concerns the ego, unless it drives backwards or against its lane."""
        candidates = self._nearby.near(tick.lane.location)
        if not candidates:
            return None
        forward = forward_vector(tick.ego.rotation_deg)
        if dot(tick.ego.velocity_mps, forward) < OPPOSITE:
            return None
        if dot(forward, forward_vector(tick.lane.rotation_deg)) < OPPOSITE:
            return None
        for number in candidates:
            if self._concerns(number, tick):
                return number
        return None

    def _concerns(self, number: int, tick: TickFacts) -> bool:
        """Whether a sign concerns the ego in this tick."""
        sign = self._signs[number]
        if distance_m(sign.trigger_center, tick.lane.location) > PROXIMITY_M:
            return False
        center_x, center_y, _ = sign.trigger_center
        half_x = BOX_SCALE * sign.trigger_extent[0]
        half_y = BOX_SCALE * sign.trigger_extent[1]
        for x, y, _ in _points_ahead(tick.tick, tick.lane, sign):
            if abs(x - center_x) < half_x and abs(y - center_y) < half_y:
                return True
        return False


def _points_ahead(tick: int, lane: LaneFacts, sign: StopSignFacts) -> tuple[Vector, ...]:
    """The lane points from the ego forward; beside a sign they must be there."""
    if not lane.ahead:
        raise CriterionError(
            tick,
            f"no lane points ahead although stop sign {sign.opendrive_id} is within {PROXIMITY_M:g} m",
            "give LaneFacts.ahead wherever the lane's centre is within 10 m of a stop sign's trigger centre",
        )
    return lane.ahead
