"""How vehicles, walkers and loose bodies move between collisions: one kernel, any number of substeps.

A vehicle is a single-track model with two axles: lateral tyre forces grow linearly with the slip angle and
saturate at the friction left over by braking or driving; lateral velocity and yaw rate are solved implicitly,
so that stiff tyres need no small steps. Below a few metres per second the rolling geometry takes over, which
is exact at standstill. The drive train is a table of the acceleration that CARLA's Lincoln MKZ reaches in
the published fit (docs/calibration.md), scaled by mass and by what
engine and gears give (`engine`); shifting takes no time.
"""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

from simulator.world.actors import ActorKind

GRAVITY = 9.81
"""m/s²."""

# The reference car, CARLA's Lincoln MKZ 2020, on level ground. The tables stand in this file, as a cached
# kernel would not see that another file's constants have changed.

REFERENCE_DRAG_PER_M = 3.2e-4
"""Air drag: 1/2 · 1.2 kg/m³ · 0.94 m² over 1760 kg."""

_ROLLING_MPS2 = 0.12
_ENGINE_DRAG_MPS2 = 1.0  # in gear without throttle
_ENGINE_DRAG_FROM_MPS = 3.0  # speed from which the engine drags in full
_SPEED_STEP_KMH = 10.0
_THROTTLE_STEP = 0.1

_FIT_THROTTLES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
_FIT_MPS2 = (
    (0.24, 0.71, 1.37, 2.23, 3.28, 4.53, 5.97, 7.61),
    (-0.48, 0.18, 0.98, 1.89, 2.94, 4.10, 5.39, 6.80),
    (-0.48, 0.00, 0.66, 1.60, 2.61, 3.69, 4.84, 6.05),
    (-0.48, 0.00, 0.50, 1.36, 2.32, 3.30, 4.31, 5.35),
    (-0.48, 0.00, 0.50, 1.17, 2.05, 2.94, 3.82, 4.71),
    (-0.48, 0.00, 0.50, 1.02, 1.81, 2.59, 3.36, 4.12),
    (-0.48, 0.00, 0.50, 0.92, 1.60, 2.27, 2.93, 3.58),
    (-0.48, 0.00, 0.50, 0.92, 1.41, 1.96, 2.53, 3.10),
    (-0.48, 0.00, 0.50, 0.92, 1.25, 1.68, 2.16, 2.67),
    (-0.48, 0.00, 0.50, 0.92, 1.12, 1.42, 1.81, 2.30),
    (-0.48, 0.00, 0.50, 0.92, 1.02, 1.18, 1.50, 1.98),
)
"""Net acceleration by speed (rows, 0-100 km/h) and throttle (columns).

The closest table to the fit, in least squares, in which more throttle never pushes less, and more speed never
lets the same throttle push harder: the fit itself does both (at 100 km/h a throttle of 0.3 gives it the
1.9 m/s² of full throttle), and a car would run away.
"""

_BEYOND_KMH = (100.0, 140.0, 190.0)
_BEYOND_MPS2 = (1.98, 0.9, 0.0)
"""Net full-throttle acceleration beyond the fit: our choice, for a top speed of 190 km/h."""

FULL_BRAKE_MPS2 = 7.4
"""Deceleration that belongs to the wheels' brake torques as clients read them."""

_BRAKE_MPS2 = np.array([7.9, 7.9, 7.9, 7.9, 5.9, 6.4, 6.9, 6.35, 5.45, 5.35, 6.0])
"""What full brakes add to rolling, drag and engine, by speed as above: together the fit from 30 km/h on.

Below, the fit reaches 23 m/s²; the brakes keep their strength of 30 km/h (docs/decisions/0007).
"""


def _drive_table() -> NDArray[np.float64]:
    """(speeds, throttles) driving acceleration without any resistance, from 0 km/h and from throttle 0."""
    kmh = np.arange(0.0, _BEYOND_KMH[-1] + 1.0, _SPEED_STEP_KMH)
    speed = kmh / 3.6
    resistance = _ROLLING_MPS2 + REFERENCE_DRAG_PER_M * speed * speed
    fitted = len(_FIT_MPS2)
    throttle = np.array(_FIT_THROTTLES)
    fade = np.minimum(1.0, speed / _ENGINE_DRAG_FROM_MPS)[:, None]
    engine = _ENGINE_DRAG_MPS2 * fade * (1.0 - throttle)
    table = np.zeros((len(kmh), round(1.0 / _THROTTLE_STEP) + 1))
    table[:fitted, 3:] = np.maximum(np.array(_FIT_MPS2) + resistance[:fitted, None] + engine[:fitted], 0.0)
    full = np.interp(kmh, _BEYOND_KMH, _BEYOND_MPS2) + resistance
    table[fitted:, 3:] = table[fitted - 1, 3:] * (full[fitted:] / full[fitted - 1])[:, None]
    # Below a throttle of 0.3 the fit is silent, and the car hardly moves.
    table[:, 1], table[:, 2] = table[:, 3] / 3.0, table[:, 3] * 2.0 / 3.0
    return table


_DRIVE_MPS2 = _drive_table()
"""(20, 11) driving acceleration by speed and throttle."""

STEER_GAIN_RAD = 0.3685
"""Shape of steer -> wheel angle in the fit: tan(wheel) grows with tan(STEER_GAIN_RAD * steer)."""

_TAN_STEER_GAIN = math.tan(STEER_GAIN_RAD)
HAND_BRAKE_MPS2 = 4.5
"""Deceleration that belongs to the wheels' hand brake torques as clients read them."""

_HOLD_MPS2 = 1.5  # what keeps a car without throttle from creeping: about 15 % of slope
_HOLD_BELOW_MPS = 0.15
_REVERSE_SHARE = 0.7
_REVERSE_TOP_MPS = 11.0

_THROTTLE_LAG_S = 0.015
_BRAKE_LAG_S = 0.015
_STEER_LAG_S = 0.015

FRONT_STIFFNESS = 50.0
REAR_STIFFNESS = 55.0
"""Cornering stiffness per axle load, 1/rad, of default tyres: the fit knows no slip up to 4 m/s²."""

_HAND_BRAKE_GRIP = 0.3  # what a locked rear axle keeps of its lateral grip
_CENTER_HEIGHT_M = 0.5
_ROLLING_BELOW_MPS = 0.5  # rolling geometry alone
_SLIDING_ABOVE_MPS = 3.0  # tyre slip alone

_SUSPENSION_M = 0.08  # how far wheels follow ground that drops away
_ATTITUDE_LAG_S = 0.05
_PUSH_LAG_S = 0.5
_JUMP_MPS = 3.0
_FALL_LAG_S = 0.15  # of falling over and of getting up
_LYING_RAD = 0.5 * math.pi
_SLIDING_MPS2 = 5.0  # of a body on the road

_VEHICLE = int(ActorKind.VEHICLE)
_WALKER = int(ActorKind.WALKER)


def advance_bodies(bodies: NDArray[np.void], substep_s: float, substeps: int) -> None:
    """Move every body that is not attached to another by `substeps` steps of `substep_s`. No collisions."""
    _advance(bodies, float(substep_s), int(substeps))


@numba.njit(cache=True, fastmath=False)
def _advance(bodies, h, substeps):  # type: ignore[no-untyped-def]
    lags = (
        1.0 - math.exp(-h / _THROTTLE_LAG_S),
        1.0 - math.exp(-h / _BRAKE_LAG_S),
        1.0 - math.exp(-h / _STEER_LAG_S),
        1.0 - math.exp(-h / _ATTITUDE_LAG_S),
    )
    for i in range(bodies.shape[0]):
        body = bodies[i]
        if body.attached == 1:
            continue
        for _ in range(substeps):
            if body.simulates == 0:
                body.x += h * body.vx
                body.y += h * body.vy
                body.z += h * body.vz
                body.yaw += h * body.yaw_rate
            elif body.kind == _VEHICLE:
                _advance_vehicle(body, h, lags)
            elif body.kind == _WALKER:
                _advance_walker(body, h)


@numba.njit(cache=True, fastmath=False)
def _interpolate(x, xs, ys):  # type: ignore[no-untyped-def]
    """Piecewise linear, flat outside; `xs` ascending."""
    if x <= xs[0]:
        return ys[0]
    for k in range(1, len(xs)):
        if x < xs[k]:
            return ys[k - 1] + (ys[k] - ys[k - 1]) * (x - xs[k - 1]) / (xs[k] - xs[k - 1])
    return ys[len(ys) - 1]


@numba.njit(cache=True, fastmath=False)
def _approach(now, wanted, share):  # type: ignore[no-untyped-def]
    return now + (wanted - now) * share


@numba.njit(cache=True, fastmath=False)
def _drive_mps2(body, speed_along):  # type: ignore[no-untyped-def]
    """Driving acceleration along the chosen direction, without any resistance."""
    if body.throttle_now < 1e-4:
        return 0.0
    speed = max(speed_along, 0.0)
    row = min(3.6 * speed / _SPEED_STEP_KMH, _DRIVE_MPS2.shape[0] - 1.001)
    column = min(body.throttle_now / _THROTTLE_STEP, _DRIVE_MPS2.shape[1] - 1.001)
    i, j = int(row), int(column)
    low = _DRIVE_MPS2[i, j] + (column - j) * (_DRIVE_MPS2[i, j + 1] - _DRIVE_MPS2[i, j])
    high = _DRIVE_MPS2[i + 1, j] + (column - j) * (_DRIVE_MPS2[i + 1, j + 1] - _DRIVE_MPS2[i + 1, j])
    drive = low + (row - i) * (high - low)
    if body.reverse == 1:
        drive *= _REVERSE_SHARE * max(0.0, 1.0 - speed / _REVERSE_TOP_MPS)
    return drive * (body.pull[i] + (row - i) * (body.pull[i + 1] - body.pull[i]))


@numba.njit(cache=True, fastmath=False)
def _resistance_mps2(body, speed, neutral):  # type: ignore[no-untyped-def]
    """Deceleration that friction can put against any motion."""
    total = _ROLLING_MPS2 + body.drag_per_m * speed * speed
    if body.brake_now > 0.0:
        row = min(3.6 * speed / _SPEED_STEP_KMH, len(_BRAKE_MPS2) - 1.001)
        i = int(row)
        full = _BRAKE_MPS2[i] + (row - i) * (_BRAKE_MPS2[i + 1] - _BRAKE_MPS2[i])
        total += body.brake_now * body.brake_scale * full
    if not neutral:
        fade = min(1.0, speed / _ENGINE_DRAG_FROM_MPS)
        total += _ENGINE_DRAG_MPS2 * (1.0 - body.throttle_now) * fade
    if body.hand_brake == 1:
        total += body.hand_brake_mps2
    if speed < _HOLD_BELOW_MPS and body.throttle < 0.01:
        total += _HOLD_MPS2
    return min(total, body.grip * GRAVITY)


@numba.njit(cache=True, fastmath=False)
def _actuate(body, lags, speed):  # type: ignore[no-untyped-def]
    """Let throttle, brake and steering follow the control."""
    body.throttle_now = _approach(body.throttle_now, body.throttle, lags[0])
    body.brake_now = _approach(body.brake_now, body.brake, lags[1])
    body.steer_now = _approach(body.steer_now, body.steer, lags[2])
    factor = _interpolate(3.6 * speed, body.curve_kmh, body.curve_factor)
    body.wheel_tan = body.lock_tan * math.tan(STEER_GAIN_RAD * body.steer_now * factor) / _TAN_STEER_GAIN


@numba.njit(cache=True, fastmath=False)
def _axle_stiffness(stiffness, slip, force_max):  # type: ignore[no-untyped-def]
    """Secant cornering stiffness, N/rad: linear up to `force_max`, constant force beyond."""
    if abs(slip) * stiffness <= force_max:
        return stiffness
    return force_max / abs(slip)


@numba.njit(cache=True, fastmath=False)
def _advance_vehicle(body, h, lags):  # type: ignore[no-untyped-def]
    c, s = math.cos(body.yaw), math.sin(body.yaw)
    along = body.vx * c + body.vy * s
    across = -body.vx * s + body.vy * c
    rate = body.yaw_rate
    _actuate(body, lags, abs(along))
    accel_x = (body.force_x * c + body.force_y * s) / body.mass_kg
    accel_y = (-body.force_x * s + body.force_y * c) / body.mass_kg
    rate += h * body.torque_z / body.inertia
    if body.on_ground == 1:
        uphill = body.grade_x * c + body.grade_y * s
        uphill_right = -body.grade_x * s + body.grade_y * c
        accel_x -= GRAVITY * uphill
        accel_y -= GRAVITY * uphill_right
        along, across, rate = _tyres(body, h, along, across, rate, accel_x, accel_y)
    else:
        along, across = along + h * (accel_x + rate * across), across + h * (accel_y - rate * along)
    if body.holds_velocity == 1:
        along, across = body.held_x, body.held_y
        rate = along * body.wheel_tan / (body.front_m + body.rear_m)
    _move(body, h, lags[3], along, across, rate)


@numba.njit(cache=True, fastmath=False)
def _tyres(body, h, along, across, rate, accel_x, accel_y):  # type: ignore[no-untyped-def]
    """Velocities in the body's axes and yaw rate after one step on the ground."""
    front, rear, m = body.front_m, body.rear_m, body.mass_kg
    wheelbase = front + rear
    neutral = body.manual == 1 and body.manual_gear == 0
    direction = -1.0 if body.reverse == 1 else 1.0
    drive = 0.0 if neutral else direction * _drive_mps2(body, direction * along)
    friction = _resistance_mps2(body, abs(along), neutral)
    steered = body.wheel_tan

    # Across: slip angles with the velocity that they must bring to rest, solved for the end of the step.
    speed = max(abs(along), _ROLLING_BELOW_MPS)
    slip_steer = steered * along / speed
    slip_front = (across + front * rate) / speed - slip_steer
    slip_rear = (across - rear * rate) / speed
    lengthwise = drive - math.copysign(friction, along)
    transfer = lengthwise * _CENTER_HEIGHT_M
    load_front = m * max(GRAVITY * rear - transfer, 0.1 * GRAVITY * rear) / wheelbase
    load_rear = m * max(GRAVITY * front + transfer, 0.1 * GRAVITY * front) / wheelbase
    used = min(abs(lengthwise) / (body.grip * GRAVITY), 0.95)
    left = body.grip * math.sqrt(1.0 - used * used)
    grip_rear = left * (_HAND_BRAKE_GRIP if body.hand_brake == 1 else 1.0)
    k_front = _axle_stiffness(body.front_stiffness * load_front, slip_front, left * load_front)
    k_rear = _axle_stiffness(body.rear_stiffness * load_rear, slip_rear, grip_rear * load_rear)
    inertia = body.inertia
    a11 = 1.0 + h * (k_front + k_rear) / (m * speed)
    a12 = h * ((front * k_front - rear * k_rear) / (m * speed) + along)
    a21 = h * (front * k_front - rear * k_rear) / (inertia * speed)
    a22 = 1.0 + h * (front * front * k_front + rear * rear * k_rear) / (inertia * speed)
    b1 = across + h * (k_front * slip_steer / m + accel_y)
    b2 = rate + h * front * k_front * slip_steer / inertia
    determinant = a11 * a22 - a12 * a21
    sliding_across = (b1 * a22 - a12 * b2) / determinant
    sliding_rate = (a11 * b2 - a21 * b1) / determinant

    # Along: friction can stop a vehicle but not turn it round.
    pace = math.hypot(along, across) + abs(rate)
    q = min(max((pace - _ROLLING_BELOW_MPS) / (_SLIDING_ABOVE_MPS - _ROLLING_BELOW_MPS), 0.0), 1.0)
    q = q * q * (3.0 - 2.0 * q)
    force_front = k_front * ((sliding_across + front * sliding_rate) / speed - slip_steer)
    cornering = q * force_front * steered / (m * math.sqrt(1.0 + steered * steered))
    along += h * (drive + accel_x + q * rate * across + cornering)
    along = math.copysign(max(abs(along) - h * friction, 0.0), along)

    rolling_rate = along * steered / wheelbase
    rolling_across = rolling_rate * rear
    across = rolling_across + q * (sliding_across - rolling_across)
    rate = rolling_rate + q * (sliding_rate - rolling_rate)
    return along, across, rate


@numba.njit(cache=True, fastmath=False)
def _move(body, h, attitude_share, along, across, rate):  # type: ignore[no-untyped-def]
    """Turn body velocities back into the world, then move and settle on the ground."""
    c, s = math.cos(body.yaw), math.sin(body.yaw)
    center_x, center_y = body.x + body.com_x * c, body.y + body.com_x * s
    # The mean heading of the step keeps a steady turn on its circle.
    yaw_end = body.yaw + h * rate
    c_mean, s_mean = math.cos(body.yaw + 0.5 * h * rate), math.sin(body.yaw + 0.5 * h * rate)
    center_x += h * (along * c_mean - across * s_mean)
    center_y += h * (along * s_mean + across * c_mean)
    c, s = math.cos(yaw_end), math.sin(yaw_end)
    body.yaw, body.yaw_rate = yaw_end, rate
    body.vx, body.vy = along * c - across * s, along * s + across * c
    body.x, body.y = center_x - body.com_x * c, center_y - body.com_x * s

    ground = body.ground_z + body.grade_x * (body.x - body.ground_x) + body.grade_y * (body.y - body.ground_y)
    if body.gravity == 1:
        body.vz -= h * GRAVITY
    body.vz += h * body.force_z / body.mass_kg
    z = body.z + h * body.vz
    reach = _SUSPENSION_M if body.on_ground == 1 and body.gravity == 1 else 0.0
    if z <= ground + reach:
        body.on_ground = 1
        body.z = ground
        body.vz = body.grade_x * body.vx + body.grade_y * body.vy
        uphill = body.grade_x * c + body.grade_y * s
        uphill_right = -body.grade_x * s + body.grade_y * c
        body.pitch = _approach(body.pitch, math.atan(uphill), attitude_share)
        body.roll = _approach(body.roll, -math.atan(uphill_right * math.cos(body.pitch)), attitude_share)
    else:
        body.on_ground = 0
        body.z = z


@numba.njit(cache=True, fastmath=False)
def _advance_walker(body, h):  # type: ignore[no-untyped-def]
    body.push_x += h * body.force_x / body.mass_kg
    body.push_y += h * body.force_y / body.mass_kg
    pace = math.hypot(body.push_x, body.push_y)
    lies = body.down_s > 0.0
    # A standing walker takes the swing out with its legs; a lying one slides to a stop.
    keep = max(0.0, 1.0 - h * _SLIDING_MPS2 / max(pace, 1e-9)) if lies else math.exp(-h / _PUSH_LAG_S)
    body.push_x *= keep
    body.push_y *= keep
    body.vx, body.vy = body.push_x, body.push_y
    if lies and pace * keep == 0.0:
        body.down_s -= h  # the time runs from when it lies still
    elif not lies:
        body.vx += body.walk_x * body.walk_mps
        body.vy += body.walk_y * body.walk_mps
        if body.walk_mps > 0.0 and abs(body.walk_x) + abs(body.walk_y) > 0.0:
            body.yaw = math.atan2(body.walk_y, body.walk_x)
    if lies or body.pitch != 0.0:
        body.pitch = _approach(body.pitch, _LYING_RAD if lies else 0.0, 1.0 - math.exp(-h / _FALL_LAG_S))
        if not lies and body.pitch < 1e-3:
            body.pitch = 0.0
    body.x += h * body.vx
    body.y += h * body.vy
    ground = body.ground_z + body.grade_x * (body.x - body.ground_x) + body.grade_y * (body.y - body.ground_y)
    stand = ground + body.feet_m * math.cos(body.pitch) + body.extent_x * math.sin(body.pitch)
    if body.jump == 1 and body.on_ground == 1:
        body.vz = _JUMP_MPS
        body.on_ground = 0
    if body.gravity == 1:
        body.vz -= h * GRAVITY
    z = body.z + h * body.vz
    reach = _SUSPENSION_M if body.on_ground == 1 else 0.0
    if z <= stand + reach:
        body.on_ground = 1
        body.z = stand
        body.vz = 0.0
    else:
        body.on_ground = 0
        body.z = z
