"""From the situation to throttle, steer and brake, for all drivers at once."""

from __future__ import annotations

import math

from harness.traffic.arrays import Bodies, Gates, Leaders, Pedals, Traits
from harness.traffic.compiled import entry, part
from harness.traffic.corridor import first_crosser, look_ahead_m
from harness.traffic.idm import COMFORT_BRAKE_MPS2, HARD_BRAKE_MPS2, acceleration
from harness.traffic.network import Float
from harness.traffic.paths import PathWindow

SIDE_MARGIN_M = 0.3
"""Room that a driver wants beside its car."""

_LINE_GAP_M = 1.0
"""How far before a stop line the front comes to rest."""

_LOST_M = 4.0
_STEER_PER_CURVATURE = 1.28
"""steer = 1.28 * wheelbase * curvature: the fit for CARLA's Lincoln MKZ that World on Rails and PDM-Lite use
(steer 0.1, 0.5, 1 give 0.028, 0.138, 0.269 1/m), scaled by the wheelbase."""


@entry
def locate(window: PathWindow, bodies: Bodies, s_m: Float, speed_mps: Float) -> None:
    """Write each driver's arc length along its path and its forward speed; move the cursors."""
    last = window.x.shape[1] - 2
    for i in range(len(s_m)):
        k = window.cursor[i]
        while True:
            tx, ty = window.x[i, k + 1] - window.x[i, k], window.y[i, k + 1] - window.y[i, k]
            along = (bodies.x[i] - window.x[i, k]) * tx + (bodies.y[i] - window.y[i, k]) * ty
            length2 = tx * tx + ty * ty
            if k == last or along < length2:
                break
            k += 1
        window.cursor[i] = k
        s_m[i] = window.s[i, k] + along / math.sqrt(max(length2, 1e-12))
        speed_mps[i] = bodies.vx[i] * bodies.cos[i] + bodies.vy[i] * bodies.sin[i]


@entry
def control(
    dt_s: float,
    window: PathWindow,
    bodies: Bodies,
    traits: Traits,
    limit_mps: Float,
    s_m: Float,
    speed_mps: Float,
    leaders: Leaders,
    gates: Gates,
    pedals: Pedals,
) -> None:
    """Write every driver's controls."""
    count = len(s_m)
    for i in range(count):
        speed = max(speed_mps[i], 0.0)
        wish = _wish(window, bodies, traits, limit_mps[i], s_m[i], speed, leaders, gates, i)
        offset = math.hypot(
            bodies.x[i] - window.x[i, window.cursor[i]], bodies.y[i] - window.y[i, window.cursor[i]]
        )
        if offset > _LOST_M:  # pushed off its lane: stay put rather than plough through the town
            wish = -HARD_BRAKE_MPS2
        _press(i, wish, speed, dt_s, pedals)
        pedals.steer[i] = _steer(window, bodies, traits.wheelbase_m[i], speed, i)


@part
def _wish(
    window: PathWindow,
    bodies: Bodies,
    traits: Traits,
    limit_mps: float,
    s: float,
    speed: float,
    leaders: Leaders,
    gates: Gates,
    i: int,
) -> float:
    front = s + bodies.half_length[i]
    horizon = front + look_ahead_m(speed)
    wanted = _wanted_speed(window, traits, limit_mps, s, horizon, i)
    accel, headway = traits.accel_mps2[i], traits.headway_s[i]
    gap = leaders.rear_m[i] - front if leaders.body[i] >= 0 else math.inf
    wish = acceleration(speed, wanted, gap, leaders.speed_mps[i], accel, headway)
    crosser = first_crosser(
        window, bodies, i, len(leaders.body), leaders.begin[i], horizon, 2.0 * SIDE_MARGIN_M
    )
    if crosser.body >= 0:
        gap = crosser.rear_m - front
        wish = min(wish, acceleration(speed, wanted, gap, crosser.speed_mps, accel, 0.5))
    if not gates.open[i]:
        # IDM keeps its standstill gap of 2 m to a car; to a line the front may come closer.
        gap = max(gates.stop_m[i] - _LINE_GAP_M + 2.0 - front, 0.2)
        wish = min(wish, acceleration(speed, wanted, gap, 0.0, accel, 0.3))
    return wish


@part
def _wanted_speed(
    window: PathWindow, traits: Traits, limit_mps: float, s: float, horizon: float, i: int
) -> float:
    """Share of the limit, and slow enough for every curve ahead at a comfortable braking."""
    wanted = limit_mps * traits.limit_share[i]
    squared = wanted * wanted
    k = window.cursor[i]
    while k < window.x.shape[1] and window.s[i, k] < horizon:
        cap = traits.lateral_mps2[i] / max(window.curvature[i, k], 1e-4)
        squared = min(squared, cap + 2.0 * 0.7 * COMFORT_BRAKE_MPS2 * max(window.s[i, k] - s, 0.0))
        k += 1
    return float(math.sqrt(squared))


@part
def _press(i: int, wish: float, speed: float, dt_s: float, pedals: Pedals) -> None:
    """Acceleration -> pedals: a feed-forward for CARLA's cars, a proportional part on speed, a slow trim.

    Feed-forward from the fit published with World on Rails for the Lincoln MKZ: full throttle gives about
    7.6 m/s² at standstill and 2 at 28 m/s, and goes roughly with the square of the throttle; full brake gives
    8 m/s² and more.
    """
    if speed < 0.2 and wish <= 0.05:
        pedals.aim_mps[i], pedals.trim[i] = 0.0, 0.5 * pedals.trim[i]
        pedals.throttle[i], pedals.brake[i] = 0.0, 0.8
        return
    aim = min(max(pedals.aim_mps[i] + wish * dt_s, speed - 0.8), speed + 0.8)
    pedals.aim_mps[i] = max(aim if wish > 0.0 else min(aim, speed), 0.0)
    miss = pedals.aim_mps[i] - speed
    if wish < -0.3:
        pedals.throttle[i] = 0.0
        pedals.brake[i] = min(max((-wish - 0.2) / 8.0 - 0.2 * miss, 0.0), 1.0)
        return
    full = max(7.6 - 0.2 * speed, 2.0)
    resistance = 0.15 + 0.0004 * speed * speed
    throttle = math.sqrt(max(wish + resistance, 0.0) / full) + 0.35 * miss + pedals.trim[i]
    if 0.0 < throttle < 0.85 and speed > 0.5:
        pedals.trim[i] = min(max(pedals.trim[i] + 0.15 * miss * dt_s, -0.3), 0.3)
    pedals.throttle[i] = min(max(throttle, 0.0), 0.85)
    pedals.brake[i] = 0.0


@part
def _steer(window: PathWindow, bodies: Bodies, wheelbase: float, speed: float, i: int) -> float:
    """Pure pursuit from the rear axle (Coulter, CMU-RI-TR-92-01); positive to the right as in CARLA."""
    rear_x = bodies.x[i] - 0.5 * wheelbase * bodies.cos[i]
    rear_y = bodies.y[i] - 0.5 * wheelbase * bodies.sin[i]
    look = min(max(0.45 * speed + 0.8 * wheelbase, 3.0), 12.0)
    k = max(window.cursor[i] - 3, 0)
    last = window.x.shape[1] - 1
    while k < last:
        far = math.hypot(window.x[i, k] - rear_x, window.y[i, k] - rear_y)
        ahead = (window.x[i, k] - rear_x) * bodies.cos[i] + (window.y[i, k] - rear_y) * bodies.sin[i]
        if ahead > 0.0 and far >= look:
            break
        k += 1
    dx, dy = window.x[i, k] - rear_x, window.y[i, k] - rear_y
    beside = -dx * bodies.sin[i] + dy * bodies.cos[i]
    curvature = 2.0 * beside / max(dx * dx + dy * dy, 1.0)
    return float(min(max(_STEER_PER_CURVATURE * wheelbase * curvature, -1.0), 1.0))
