"""Who may enter a junction: first come, first served, one passage at a time where centre lines conflict.

A driver asks when its gate comes within braking distance and nobody waits before it. It is let in when its
light allows, nobody holds a conflicting crossing, nobody who waited long before it wants one, the ego does
not claim one, and there is room for its car behind the junction. So a driver that is let in can always leave,
and nobody blocks a crossing for good.
"""

from __future__ import annotations

import numpy as np

from harness.traffic.arrays import MAX_CROSSINGS, NEVER, Bodies, Claims, Gates, Leaders
from harness.traffic.compiled import entry, part
from harness.traffic.corridor import first_in_corridor
from harness.traffic.network import Bool, Float, Int
from harness.traffic.paths import PathWindow

_RED, _YELLOW = 0, 1
_ROOM_M = 3.5
"""Gap that a car leaves to the one before it where it stands, and some."""

_PATIENCE_TICKS = 160
_COMFORT_STOP_MPS2 = 3.0
_HARD_STOP_MPS2 = 5.0


@entry
def find_gates(
    window: PathWindow, bodies: Bodies, s_m: Float, speed_mps: Float, claims: Claims, gates: Gates
) -> None:
    """Free what drivers have left behind them, and find the next gate of each."""
    last = window.x.shape[1] - 1
    for i in range(len(s_m)):
        front, rear = s_m[i] + bodies.half_length[i], s_m[i] - bodies.half_length[i]
        _release(claims, i, rear)
        need = 2.0 * bodies.half_length[i] + _ROOM_M
        k = window.cursor[i]
        while k > 0 and window.s[i, k] > rear:
            k -= 1
        # A car that stands in a junction without leave (it was spawned there) takes what it stands on.
        while k < last and window.s[i, k] <= front:
            if window.crossing[i, k] >= 0 and window.s[i, k] > claims.exit_m[i] + 0.1:
                k = _collect(window, i, k, need, gates)
                _grant(claims, gates, i)
            else:
                k += 1
        _next_gate(window, i, k, front, speed_mps[i], need, claims, gates)


@part
def _release(claims: Claims, i: int, rear: float) -> None:
    kept = 0
    for j in range(claims.size[i]):
        if claims.until_m[i, j] > rear:
            claims.crossing[i, kept] = claims.crossing[i, j]
            claims.until_m[i, kept] = claims.until_m[i, j]
            kept += 1
    claims.kept[i] = max(0, claims.kept[i] - (claims.size[i] - kept))
    claims.size[i] = kept
    if claims.exit_m[i] < rear:
        claims.exit_m[i] = NEVER


@part
def _collect(window: PathWindow, i: int, k: int, need: float, gates: Gates) -> int:
    """List the crossings from point k on, until there is room for the car outside; return the exit point."""
    last = window.x.shape[1] - 1
    count = 0
    exit_point = k
    while k < last:
        crossing = window.crossing[i, k]
        if crossing >= 0:
            if count == 0 or gates.crossing[i, count - 1] != crossing:
                if count == MAX_CROSSINGS:
                    break
                gates.crossing[i, count] = crossing
                count += 1
            gates.until_m[i, count - 1] = window.s[i, k + 1]
            exit_point = k + 1
        elif window.s[i, k] - window.s[i, exit_point] > need:
            break
        k += 1
    gates.size[i] = count
    gates.exit_point[i] = exit_point
    gates.exit_m[i] = window.s[i, exit_point]
    return exit_point


@part
def _next_gate(
    window: PathWindow, i: int, k: int, front: float, speed: float, need: float, claims: Claims, gates: Gates
) -> None:
    last = window.x.shape[1] - 1
    reach = front + speed * speed / (2.0 * 1.8) + 15.0
    light, stop = -1, 0.0
    gates.wish[i] = False
    while k < last and window.s[i, k] < reach:
        if window.s[i, k] >= claims.exit_m[i] - 0.1:
            if window.light[i, k] >= 0:
                light, stop = window.light[i, k], window.s[i, k]
            if window.crossing[i, k] < 0 and window.crossing[i, k + 1] >= 0:
                gates.wish[i] = True
                gates.gate_m[i] = window.s[i, k]
                gates.light[i] = light
                gates.stop_m[i] = stop if light >= 0 else window.s[i, k]
                _collect(window, i, k + 1, need, gates)
                return
        k += 1


@part
def _grant(claims: Claims, gates: Gates, i: int) -> None:
    kept = claims.size[i]
    claims.kept[i], claims.kept_exit_m[i] = kept, claims.exit_m[i]
    for j in range(gates.size[i]):
        if kept == MAX_CROSSINGS:  # drop the oldest: the car is about to leave it
            for m in range(MAX_CROSSINGS - 1):
                claims.crossing[i, m] = claims.crossing[i, m + 1]
                claims.until_m[i, m] = claims.until_m[i, m + 1]
            kept -= 1
            claims.kept[i] = max(0, claims.kept[i] - 1)
        claims.crossing[i, kept] = gates.crossing[i, j]
        claims.until_m[i, kept] = gates.until_m[i, j]
        kept += 1
    claims.size[i] = kept
    claims.gate_m[i] = gates.gate_m[i]
    claims.exit_m[i] = gates.exit_m[i]
    claims.asked_tick[i] = -1


@part
def _must_stop(state: int, distance: float, speed: float) -> bool:
    """Whether a light that is `distance` ahead of the front must be obeyed: not if it cannot be any more."""
    if distance < 0.0:
        return False
    needed = speed * speed / (2.0 * max(distance, 0.1))
    return (state == _RED and needed < _HARD_STOP_MPS2) or (state == _YELLOW and needed < _COMFORT_STOP_MPS2)


@part
def _conflicts_with_claims(conflicts: Bool, claims: Claims, gates: Gates, i: int) -> bool:
    for j in range(len(claims.size)):
        if j != i:
            for a in range(gates.size[i]):
                for b in range(claims.size[j]):
                    if conflicts[gates.crossing[i, a], claims.crossing[j, b]]:
                        return True
    return False


@part
def _conflicts_with_wish(conflicts: Bool, gates: Gates, i: int, j: int) -> bool:
    for a in range(gates.size[i]):
        for b in range(gates.size[j]):
            if conflicts[gates.crossing[i, a], gates.crossing[j, b]]:
                return True
    return False


@part
def _conflicts_with_others(blocked: Bool, crossing: Int, count: int) -> bool:
    for a in range(count):  # noqa: SIM110 - numba takes no generator expression
        if blocked[crossing[a]]:
            return True
    return False


@part
def _is_first(i: int, s_m: Float, bodies: Bodies, leaders: Leaders, claims: Claims, gates: Gates) -> bool:
    """Whether nobody without leave stands before the driver's gate.

    A claim that cannot be used yet, because the car ahead waits, could close a circle of waiting cars.
    """
    j = leaders.body[i]
    if j < 0 or leaders.rear_m[i] > gates.gate_m[i]:
        return True
    return bool(j < len(s_m) and claims.exit_m[j] > s_m[j] + bodies.half_length[j])


@part
def _has_room(window: PathWindow, bodies: Bodies, claims: Claims, gates: Gates, i: int) -> bool:
    """Whether the car fits behind the junction, after everybody who stands there or comes there first."""
    need = 2.0 * bodies.half_length[i] + _ROOM_M
    last = window.x.shape[1] - 1
    target = window.segment[i, min(gates.exit_point[i] + 1, last)]
    for j in range(len(claims.size)):
        if j != i and claims.size[j] > 0:
            k = window.cursor[j]
            while k < last and window.s[j, k] < claims.exit_m[j] + 0.5:
                k += 1
            if window.segment[j, k] == target:
                need += 2.0 * bodies.half_length[j] + _ROOM_M
    hit = first_in_corridor(window, bodies, i, gates.exit_point[i], gates.exit_m[i] + need, 0.2)
    if hit.body < 0:
        return True
    return bool(hit.rear_m + hit.speed_mps * hit.speed_mps / 8.0 - gates.exit_m[i] >= need)


@entry
def arbitrate(
    tick: int,
    window: PathWindow,
    bodies: Bodies,
    s_m: Float,
    speed_mps: Float,
    leaders: Leaders,
    conflicts: Bool,
    blocked: Bool,
    light_states: Int,
    claims: Claims,
    gates: Gates,
) -> None:
    """Decide for every driver whether its next gate is open.

    Args:
        tick: counts up by one per call.
        window: paths of all drivers.
        bodies: where everybody is.
        s_m: (N,) arc length of each driver along its path.
        speed_mps: (N,).
        leaders: who is ahead of each.
        conflicts: (J, J) crossings that exclude one another.
        blocked: (J,) crossings that conflict with what the ego is about to use.
        light_states: CARLA's numbers.
        claims: changed in place.
        gates: `open` is written.
    """
    count = len(s_m)
    order = np.empty(count, dtype=np.int64)
    asking = 0
    for i in range(count):
        gates.open[i] = True
        front = s_m[i] + bodies.half_length[i]
        _take_back(i, front, speed_mps[i], window, blocked, light_states, claims, gates)
        if not gates.wish[i]:
            continue
        gates.open[i] = False
        light = gates.light[i]
        stop = gates.stop_m[i] - front
        if light >= 0 and _must_stop(light_states[light], stop, speed_mps[i]):
            claims.asked_tick[i] = -1
            continue
        if not _is_first(i, s_m, bodies, leaders, claims, gates):
            claims.asked_tick[i] = -1
            continue
        if claims.asked_tick[i] < 0:
            claims.asked_tick[i] = tick
        order[asking] = i
        asking += 1
    for a in range(1, asking):  # by time of asking; equal times keep the drivers' order
        i, b = order[a], a - 1
        while b >= 0 and claims.asked_tick[order[b]] > claims.asked_tick[i]:
            order[b + 1] = order[b]
            b -= 1
        order[b + 1] = i
    waiting = np.empty(count, dtype=np.int64)
    long = 0
    for a in range(asking):
        i = order[a]
        free = not _conflicts_with_others(blocked, gates.crossing[i], gates.size[i])
        for b in range(long):
            free = free and not _conflicts_with_wish(conflicts, gates, i, waiting[b])
        if free and not _has_room(window, bodies, claims, gates, i):
            continue
        if free and not _conflicts_with_claims(conflicts, claims, gates, i):
            _grant(claims, gates, i)
            gates.open[i] = True
        elif tick - claims.asked_tick[i] > _PATIENCE_TICKS:
            waiting[long] = i
            long += 1


@part
def _take_back(
    i: int,
    front: float,
    speed: float,
    window: PathWindow,
    blocked: Bool,
    light_states: Int,
    claims: Claims,
    gates: Gates,
) -> None:
    """Withdraw a claim not yet used: the light has changed, or the ego comes and there is time to stop."""
    distance = claims.gate_m[i] - front
    if claims.exit_m[i] == NEVER or distance < 0.5:
        return
    light, stop = -1, claims.gate_m[i]
    k = window.cursor[i]
    while k < window.x.shape[1] - 1 and window.s[i, k] <= claims.gate_m[i] + 0.1:
        if window.light[i, k] >= 0 and window.s[i, k] > claims.kept_exit_m[i]:
            light, stop = window.light[i, k], window.s[i, k]
        k += 1
    withdrawn = light >= 0 and _must_stop(light_states[light], stop - front, speed)
    if not withdrawn:
        fresh = claims.size[i] - claims.kept[i]
        conflict = _conflicts_with_others(blocked, claims.crossing[i, claims.kept[i] :], fresh)
        withdrawn = conflict and speed * speed / (2.0 * max(stop - front, 0.1)) < _COMFORT_STOP_MPS2
    if withdrawn:
        claims.size[i] = claims.kept[i]
        claims.exit_m[i] = claims.kept_exit_m[i]
        gates.wish[i] = False
        gates.open[i] = False
        gates.stop_m[i] = stop
