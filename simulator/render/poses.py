"""CARLA's rotations as matrices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def rotation_matrices(rotation_deg: NDArray[np.float64]) -> NDArray[np.float64]:
    """(..., 3, 3) matrices from a body's axes to the world's, of (..., 3) pitch, yaw, roll in degrees.

    Unreal's convention, left-handed with z up: yaw turns x towards y, pitch lifts the nose, roll lowers the
    right side.
    """
    pitch, yaw, roll = np.moveaxis(np.radians(rotation_deg), -1, 0)
    cp, sp, cy, sy, cr, sr = (
        np.cos(pitch),
        np.sin(pitch),
        np.cos(yaw),
        np.sin(yaw),
        np.cos(roll),
        np.sin(roll),
    )
    rows = (
        (cp * cy, cy * sp * sr - sy * cr, -cy * sp * cr - sy * sr),
        (cp * sy, sy * sp * sr + cy * cr, -sy * sp * cr + cy * sr),
        (sp, -cp * sr, cp * cr),
    )
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
