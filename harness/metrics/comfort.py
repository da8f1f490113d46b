"""Comfort: accelerations, jerk and turning from the ego's recorded motion, by nuPlan's filters and bounds.

Source of bounds and filters: nuplan-devkit, `planning/metrics/utils/state_extractors.py` and the
configuration of `ego_is_comfortable_statistics`. nuPlan samples at 10 Hz and gives its filter windows in
samples, so that the recorded ticks are thinned to 10 Hz first. Acceleration is the derivative of the
recorded velocity (and not the server's own figure, which differs between servers).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.signal import savgol_filter

from harness.metrics.catalogue import CATALOGUE
from harness.metrics.measurement import Measurement
from harness.record.tick_table import Float, TickTable

SAMPLE_S = 0.1
ACCELERATION_WINDOW, JERK_WINDOW, YAW_WINDOW = 8, 15, 5
"""Window lengths of the Savitzky-Golay filters, in samples. nuPlan declares 15 for the yaw rate but hands
it on
nowhere, so that 5 is what works."""

LON_ACC_MPS2 = (-4.05, 2.40)
LAT_ACC_MPS2 = 4.89
JERK_MPS3 = 8.37
LON_JERK_MPS3 = 4.13
YAW_RATE_RADPS = 0.95
YAW_ACC_RADPS2 = 1.93

NAMES = (
    "comfort",
    "max_acceleration",
    "max_braking",
    "max_lateral_acceleration",
    "max_jerk",
    "max_longitudinal_jerk",
    "max_yaw_rate",
    "max_yaw_acceleration",
)


@dataclass(frozen=True, slots=True)
class Motion:
    """The ego's filtered motion, one value per sample, in its own axes.

    Attributes:
        lon_acc_mps2: (S,) forward.
        lat_acc_mps2: (S,) sideways.
        jerk_mps3: (S,) derivative of the amount of the acceleration.
        lon_jerk_mps3: (S,) derivative of the forward acceleration.
        yaw_rate_radps, yaw_acc_radps2: (S,).
    """

    lon_acc_mps2: Float
    lat_acc_mps2: Float
    jerk_mps3: Float
    lon_jerk_mps3: Float
    yaw_rate_radps: Float
    yaw_acc_radps2: Float

    def is_comfortable(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """(S,) whether a sample is inside all six bounds."""
        inside: np.ndarray[tuple[int], np.dtype[np.bool_]] = (
            (self.lon_acc_mps2 > LON_ACC_MPS2[0])
            & (self.lon_acc_mps2 < LON_ACC_MPS2[1])
            & (np.abs(self.lat_acc_mps2) < LAT_ACC_MPS2)
            & (np.abs(self.jerk_mps3) < JERK_MPS3)
            & (np.abs(self.lon_jerk_mps3) < LON_JERK_MPS3)
            & (np.abs(self.yaw_rate_radps) < YAW_RATE_RADPS)
            & (np.abs(self.yaw_acc_radps2) < YAW_ACC_RADPS2)
        )
        return inside


def filtered_motion(velocity_mps: Float, yaw_deg: Float, dt_s: float) -> Motion | None:
    """Filter a recorded motion.

    Args:
        velocity_mps: (T, 3) or (T, 2), world axes.
        yaw_deg: (T,).
        dt_s: time between ticks.

    Returns:
        The motion at 10 Hz (or at every tick if ticks are further apart), None if it is shorter than the
        longest filter window.
    """
    stride = max(round(SAMPLE_S / dt_s), 1)
    step_s = stride * dt_s
    velocity = velocity_mps[::stride, :2]
    if len(velocity) < JERK_WINDOW:
        return None
    yaw_rad = np.unwrap(np.radians(yaw_deg[::stride]))
    acceleration = np.gradient(velocity, step_s, axis=0)
    forward = np.stack([np.cos(yaw_rad), np.sin(yaw_rad)], axis=1)
    lon = np.einsum("ij,ij->i", acceleration, forward)
    lat = acceleration[:, 1] * forward[:, 0] - acceleration[:, 0] * forward[:, 1]
    lon_acc = _smooth(lon)
    return Motion(
        lon_acc_mps2=lon_acc,
        lat_acc_mps2=_smooth(lat),
        jerk_mps3=_derivative(_smooth(np.hypot(lon, lat)), JERK_WINDOW, 2, 1, step_s),
        lon_jerk_mps3=_derivative(lon_acc, JERK_WINDOW, 2, 1, step_s),
        yaw_rate_radps=_derivative(yaw_rad, YAW_WINDOW, 2, 1, step_s),
        yaw_acc_radps2=_derivative(yaw_rad, YAW_WINDOW, 3, 2, step_s),
    )


def measure_comfort(table: TickTable, dt_s: float) -> Mapping[str, Measurement]:
    """Measure the metrics `NAMES` of one episode."""
    motion = filtered_motion(table.ego_velocity_mps, table.ego_rotation_deg[:, 1], dt_s)
    if motion is None:
        why = f"{len(table.ego_velocity_mps)} ticks are fewer than the comfort filters need"
        return {name: Measurement.missing(CATALOGUE[name].unit, why) for name in NAMES}
    count = len(motion.lon_acc_mps2)
    values = (
        100.0 * float(np.mean(motion.is_comfortable())),
        max(float(np.max(motion.lon_acc_mps2)), 0.0),
        max(float(np.max(-motion.lon_acc_mps2)), 0.0),
        float(np.max(np.abs(motion.lat_acc_mps2))),
        float(np.max(np.abs(motion.jerk_mps3))),
        float(np.max(np.abs(motion.lon_jerk_mps3))),
        float(np.max(np.abs(motion.yaw_rate_radps))),
        float(np.max(np.abs(motion.yaw_acc_radps2))),
    )
    return {
        name: Measurement(value, CATALOGUE[name].unit, count)
        for name, value in zip(NAMES, values, strict=True)
    }


def _smooth(values: Float) -> Float:
    smooth: Float = savgol_filter(values, ACCELERATION_WINDOW, 2)
    return smooth


def _derivative(values: Float, window: int, order: int, deriv: int, step_s: float) -> Float:
    derivative: Float = savgol_filter(values, window, order, deriv=deriv, delta=step_s)
    return derivative
