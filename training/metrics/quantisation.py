"""What discrete action tokens lose by themselves, before any learning."""

from __future__ import annotations

import numpy as np

from policies.sensor_bundle import Float
from policies.unicycle import integrate, invert


def quantise(actions: Float, bounds: Float, bins: int) -> Float:
    """Put (T, 2) actions onto the centres of uniform bins over [-bound, bound].

    As `policies.nets.student.unicycle.tokens_of`: sums over time are rounded.
    """
    share = (actions / bounds + 1.0) * (0.5 * bins) - 0.5
    sums = np.floor(np.cumsum(share, axis=0) + 0.5)
    tokens = np.clip(np.diff(sums, axis=0, prepend=0.0), 0, bins - 1)
    return np.asarray(((tokens + 0.5) / bins * 2.0 - 1.0) * bounds)


def quantisation_ade_m(poses: Float, v0_mps: float, bounds: Float, bins: int) -> float:
    """Mean distance between recorded poses and those of their quantised actions.

    Args:
        poses: (T, 3) x, y, yaw.
        v0_mps: speed at the start.
        bounds: (2,) of acceleration and curvature.
        bins: per action.

    Returns:
        m. Includes what the smoothing of the inverse loses.
    """
    driven = integrate(quantise(invert(poses, v0_mps), bounds, bins), v0_mps)
    return float(np.hypot(*(driven[:, :2] - poses[:, :2]).T).mean())
