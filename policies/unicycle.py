"""The unicycle that turns (acceleration, curvature) into poses, and back. NumPy, float64.

Steps of `dt_s`, actions constant within a step, origin and heading 0 at the start; for t = 0 .. T-1:

    v[t+1]     = v[t] + a[t] dt
    yaw[t+1]   = yaw[t] + kappa[t] (v[t] dt + a[t] dt^2 / 2)           exact: curvature times arc length
    x[t+1]     = x[t] + dt/2 (v[t] cos yaw[t] + v[t+1] cos yaw[t+1])   trapezoid; y with sin

This is the published action space of Alpamayo-R1 and its distilled students. `policies.nets.student.unicycle`
is the same in torch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from policies.sensor_bundle import Float

DT_S = 0.1
"""Time between plan steps, and between poses of the ego's history."""


@dataclass(frozen=True, slots=True)
class Smoothing:
    """Tikhonov weights of the inverse; larger is smoother. All are relative to a unit weight on the poses.

    The defaults lose 0.1 mm on a smooth drive, and calm the accelerations of poses with 2 cm of noise a
    hundredfold.

    Attributes:
        speed: on third differences of the speed.
        action: on second differences of acceleration and curvature.
        ridge: on deviations of the speed from its plain estimate; keeps the problem well posed.
        slow_mps: below this mean speed of a step its curvature cannot be told from noise; it is taken as 0.
    """

    speed: float = 1.0
    action: float = 0.1
    ridge: float = 1e-6
    slow_mps: float = 0.05


EXACT = Smoothing(speed=0.0, action=0.0, ridge=1e-12, slow_mps=1e-6)
"""For poses that a unicycle made: gives its actions back to rounding."""


def integrate(actions: Float, v0_mps: Float | float, dt_s: float = DT_S) -> Float:
    """Drive a unicycle.

    Args:
        actions: (..., T, 2) acceleration m/s² and curvature 1/m (positive to the left).
        v0_mps: (...) speed at the start.
        dt_s: length of a step.

    Returns:
        (..., T, 3) x m, y m, yaw rad (not wrapped) after each step, in the frame of the start.
    """
    acceleration, curvature = actions[..., 0], actions[..., 1]
    start = np.asarray(v0_mps, dtype=np.float64)[..., None]
    speed = np.concatenate(
        [start + 0.0 * acceleration[..., :1], start + np.cumsum(acceleration, -1) * dt_s], -1
    )
    arc_m = speed[..., :-1] * dt_s + 0.5 * acceleration * dt_s**2
    yaw = np.cumsum(curvature * arc_m, -1)
    yaw0 = np.concatenate([np.zeros_like(yaw[..., :1]), yaw], -1)
    vx, vy = speed * np.cos(yaw0), speed * np.sin(yaw0)
    x = np.cumsum(0.5 * dt_s * (vx[..., :-1] + vx[..., 1:]), -1)
    y = np.cumsum(0.5 * dt_s * (vy[..., :-1] + vy[..., 1:]), -1)
    return np.stack([x, y, yaw], -1)


def invert(poses: Float, v0_mps: float, dt_s: float = DT_S, smoothing: Smoothing | None = None) -> Float:
    """Find the actions that drive through given poses, by Tikhonov least squares.

    Args:
        poses: (T, 3) x, y, yaw after each step; the start is the origin with yaw 0.
        v0_mps: speed at the start.
        dt_s: length of a step.
        smoothing: None for the default weights, `EXACT` for poses of a unicycle.

    Returns:
        (T, 2) acceleration m/s² and curvature 1/m.
    """
    weights = smoothing or Smoothing()
    yaw = np.concatenate([[0.0], np.unwrap(np.concatenate([[0.0], poses[:, 2]]))[1:]])
    speed = _speeds(poses[:, :2], yaw, v0_mps, dt_s, weights)
    acceleration: Float = np.asarray(np.diff(speed) / dt_s, dtype=np.float64)
    arc_m = 0.5 * (speed[:-1] + speed[1:]) * dt_s
    turn = np.diff(yaw)
    # Curvature is what turns by `turn` over `arc_m`; where the car hardly moves, only the smoothing speaks.
    moving = np.abs(arc_m) >= weights.slow_mps * dt_s
    count = len(arc_m)
    second = _differences(count, 2)
    weight = np.where(moving, arc_m, 0.0)
    still = np.where(moving, 0.0, 1e-9)  # curvature 0 where nothing says otherwise
    left = np.diag(weight**2 + still) + weights.action * second.T @ second * dt_s**2
    curvature = np.linalg.solve(left, weight * np.where(moving, turn, 0.0))
    if weights.action > 0.0:
        smooth = np.eye(count) + weights.action * second.T @ second
        acceleration = np.asarray(np.linalg.solve(smooth, acceleration), dtype=np.float64)
    return np.stack([acceleration, curvature], -1)


def initial_speed_mps(position_in_ego: Float, yaw_in_ego_rad: Float, dt_s: float = DT_S) -> float:
    """Estimate the speed at the end of a pose history.

    A line is fitted to the along-track speeds of the last half second, weighted towards the end, and
    read at the last pose: one noisy pose does not make a jump, and steady acceleration gives no lag.

    Args:
        position_in_ego: (H, 2) or (H, 3) m, oldest first, last is now.
        yaw_in_ego_rad: (H,) headings.
        dt_s: time between poses.

    Returns:
        Signed speed in m/s; 0 for a single pose.
    """
    steps = np.diff(position_in_ego[-6:, :2], axis=0)
    if not len(steps):
        return 0.0
    yaw = np.unwrap(yaw_in_ego_rad)[-6:]
    heading = 0.5 * (yaw[:-1] + yaw[1:])
    along = (steps[:, 0] * np.cos(heading) + steps[:, 1] * np.sin(heading)) / dt_s
    t_s = (np.arange(len(along)) - len(along) + 0.5) * dt_s  # middle of each step; now is 0
    if len(along) < 2:
        return float(along[-1])
    design = np.stack([np.ones_like(t_s), t_s], 1)
    weight = np.exp(t_s / 0.3)
    # A weak ridge on the slope keeps a short history quiet.
    left = design.T @ (weight[:, None] * design) + np.diag([0.0, 1e-4])
    return float(np.linalg.solve(left, design.T @ (weight * along))[0])


def _speeds(position: Float, yaw: Float, v0_mps: float, dt_s: float, weights: Smoothing) -> Float:
    """(T + 1,) speeds v[0..T], v[0] given, by least squares over both components of every step."""
    count = len(position)
    steps = np.diff(np.vstack([np.zeros((1, 2)), position]), axis=0)
    cosine, sine = np.cos(yaw), np.sin(yaw)
    rows = np.arange(count)
    design = np.zeros((2, count, count + 1))
    for axis, direction in enumerate((cosine, sine)):
        design[axis, rows, rows] = 0.5 * dt_s * direction[:-1]
        design[axis, rows, rows + 1] = 0.5 * dt_s * direction[1:]
    stacked = design.reshape(2 * count, count + 1)
    target = np.concatenate([steps[:, 0], steps[:, 1]]) - stacked[:, 0] * v0_mps
    free = stacked[:, 1:]
    middle = 0.5 * (yaw[:-1] + yaw[1:])
    plain = (steps[:, 0] * np.cos(middle) + steps[:, 1] * np.sin(middle)) / dt_s
    rough = _differences(count + 1, 3) * dt_s
    left = free.T @ free + weights.speed * (rough.T @ rough)[1:, 1:] + weights.ridge * dt_s**2 * np.eye(count)
    right = (
        free.T @ target - weights.speed * (rough.T @ rough)[1:, 0] * v0_mps + weights.ridge * dt_s**2 * plain
    )
    return np.concatenate([[v0_mps], np.linalg.solve(left, right)])


def _differences(count: int, order: int) -> Float:
    """(count - order, count) matrix of finite differences; empty for a short series."""
    matrix = np.eye(count)
    for _ in range(min(order, count - 1)):
        matrix = np.diff(matrix, axis=0)
    return matrix
