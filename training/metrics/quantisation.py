"""What discrete action tokens lose by themselves, before any learning."""

from __future__ import annotations

import numpy as np
import torch

from policies.nets.student.unicycle import actions_of, tokens_of
from policies.sensor_bundle import Float
from policies.unicycle import integrate, invert


def quantisation_ade_m(poses: Float, v0_mps: float, bounds: Float, bins: int) -> float:
    """Mean distance between recorded poses and those of their actions as tokens, made as for training.

    Args:
        poses: (T, 3) x m, y m, yaw rad, in the ego frame of the start.
        v0_mps: speed at the start.
        bounds: (2,) of acceleration in m/s² and curvature in 1/m.
        bins: per action.

    Returns:
        m. Includes what the smoothing of the inverse loses.
    """
    actions, limits = torch.from_numpy(invert(poses, v0_mps)), torch.from_numpy(bounds)
    kept = actions_of(tokens_of(actions, limits, bins), limits, bins).numpy()
    return float(np.hypot(*(integrate(kept, v0_mps) - poses)[:, :2].T).mean())
