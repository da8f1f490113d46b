"""What is in a driver's way: the first box that its path, as wide as its car, runs into."""

from __future__ import annotations

import math
from typing import NamedTuple

from harness.traffic.arrays import Bodies, Leaders
from harness.traffic.compiled import entry, part
from harness.traffic.network import Float
from harness.traffic.paths import PathWindow

_LEVEL_M = 3.0
_LONGEST_STEP_M = 1.5
"""Points of a path are nowhere farther apart; a free distance of d metres lets d / 1.5 points be skipped."""


class Hit(NamedTuple):
    """The nearest body in the way.

    Attributes:
        body: its row, or -1.
        rear_m: arc length along the driver's path where the body begins.
        speed_mps: its speed along the path, >= 0 (one that comes towards the driver counts as standing).
    """

    body: int
    rear_m: float
    speed_mps: float


@entry
def find_leaders(
    window: PathWindow, bodies: Bodies, s_m: Float, speed_mps: Float, margin_m: float, leaders: Leaders
) -> None:
    """Write who is ahead of each driver, as far as it needs to look."""
    for i in range(len(s_m)):
        front = s_m[i] + bodies.half_length[i]
        begin = window.cursor[i]
        while begin < window.x.shape[1] - 2 and window.s[i, begin] < front - 0.5:
            begin += 1
        leaders.begin[i] = begin
        hit = first_in_corridor(window, bodies, i, begin, front + look_ahead_m(speed_mps[i]), margin_m)
        leaders.body[i], leaders.rear_m[i], leaders.speed_mps[i] = hit.body, hit.rear_m, hit.speed_mps


@part
def look_ahead_m(speed_mps: float) -> float:
    """How far ahead of the front bumper a driver looks: twice the way of a comfortable stop, and some."""
    return float(min(30.0 + 0.25 * speed_mps * speed_mps, 110.0))


@part
def first_in_corridor(
    window: PathWindow, bodies: Bodies, i: int, begin: int, end_m: float, margin_m: float
) -> Hit:
    """Find the first body on driver i's path between a point of its window and an arc length.

    Args:
        window: paths of all drivers.
        bodies: row i is the driver's own car, which is left out.
        i: the driver.
        begin: first point of the window to look at.
        end_m: arc length where to stop looking.
        margin_m: room to keep beside the car.
    """
    found = Hit(-1, end_m, 0.0)
    x, y, s = window.x[i, begin], window.y[i, begin], window.s[i, begin]
    for j in range(len(bodies.x)):
        # The path is no shorter than the straight line: what is farther away than its end cannot be on it.
        reach = found.rear_m - s + bodies.half_length[i] + 2.0 * bodies.half_length[j] + 2.0 * _LONGEST_STEP_M
        near = (bodies.x[j] - x) ** 2 + (bodies.y[j] - y) ** 2 < reach * reach
        if near and j != i:
            hit = _meet(window, bodies, i, j, begin, found.rear_m, margin_m, 0.0)
            if hit.body >= 0 and hit.rear_m < found.rear_m:
                found = hit
    return found


@part
def first_crosser(
    window: PathWindow, bodies: Bodies, i: int, first_other: int, begin: int, end_m: float, margin_m: float
) -> Hit:
    """Find the first of the others (ego, walkers) that will be in the way if it keeps its velocity.

    Only those ahead that move across the driver's heading: one that follows, or comes along its own lane, is
    no matter.
    """
    found = Hit(-1, end_m, 0.0)
    cos, sin = bodies.cos[i], bodies.sin[i]
    for j in range(first_other, len(bodies.x)):
        ahead = (bodies.x[j] - bodies.x[i]) * cos + (bodies.y[j] - bodies.y[i]) * sin
        along = bodies.vx[j] * cos + bodies.vy[j] * sin
        across = abs(bodies.vy[j] * cos - bodies.vx[j] * sin)
        crosses = across > 0.3 and across > 0.4 * abs(along)
        cuts_in = across > 0.5 and along > 0.0
        if ahead < 0.0 or not (crosses or cuts_in):
            continue
        for step in range(1, 4):
            hit = _meet(window, bodies, i, j, begin, found.rear_m, margin_m, 0.5 * step)
            if hit.body >= 0 and hit.rear_m < found.rear_m:
                found = hit
    return found


@part
def _meet(
    window: PathWindow,
    bodies: Bodies,
    i: int,
    j: int,
    begin: int,
    end_m: float,
    margin_m: float,
    ahead_s: float,
) -> Hit:
    """Walk along the path by sphere tracing: no point nearer than the body's distance can touch it."""
    bx = bodies.x[j] + ahead_s * bodies.vx[j]
    by = bodies.y[j] + ahead_s * bodies.vy[j]
    half = bodies.half_width[i] + margin_m
    k = begin
    last = window.x.shape[1] - 2
    while k <= last and window.s[i, k] < end_m:
        dx, dy = window.x[i, k] - bx, window.y[i, k] - by
        along = abs(dx * bodies.cos[j] + dy * bodies.sin[j]) - bodies.half_length[j]
        beside = abs(-dx * bodies.sin[j] + dy * bodies.cos[j]) - bodies.half_width[j]
        free = math.hypot(max(along, 0.0), max(beside, 0.0)) - half
        if free <= 0.0 and abs(window.z[i, k] - bodies.z[j]) < _LEVEL_M:
            tx, ty = window.x[i, k + 1] - window.x[i, k], window.y[i, k + 1] - window.y[i, k]
            length = max(math.hypot(tx, ty), 1e-6)
            tx, ty = tx / length, ty / length
            reach = bodies.half_length[j] * abs(tx * bodies.cos[j] + ty * bodies.sin[j])
            reach += bodies.half_width[j] * abs(-tx * bodies.sin[j] + ty * bodies.cos[j])
            rear = window.s[i, k] - (dx * tx + dy * ty) - reach
            speed = max(bodies.vx[j] * tx + bodies.vy[j] * ty, 0.0)
            # The projection is smooth from tick to tick, the sampled touch is not; they differ where the body
            # stands askew, and there the touch has the last word.
            return Hit(j, max(rear, window.s[i, k] - 2.0 * _LONGEST_STEP_M), speed)
        k += max(1, int(free / _LONGEST_STEP_M))
    return Hit(-1, end_m, 0.0)
