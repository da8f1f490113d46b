"""Where vehicles can be spawned: on driving lanes, clear of junctions, apart from one another."""

from __future__ import annotations

import math

import numpy as np

from simulator.world.actors import Transform
from simulator.world.lanes import SPACING_M, LaneSamples

HEIGHT_M = 0.5
"""Above the road, so that a vehicle falls onto it rather than into it."""

_GAP_M = 16.0  # along a lane
_MARGIN_M = 8.0  # to the ends of a lane next to a junction
_SHORT_LANE_MARGIN_M = 4.0
_CLEARANCE_M = 8.0  # to spawn points of the same direction that are not abreast
_BESIDE_M = 2.4  # half of what two vehicles abreast need
_MIN_WIDTH_M = 2.5


def spawn_points(lanes: LaneSamples) -> tuple[Transform, ...]:
    """Poses every `_GAP_M` along each lane, in the order of road, section and lane.

    Two poses never overlap as 5.5 m x 2.2 m boxes: lanes that run into one another share their places.
    """
    chosen: list[int] = []
    for number in range(len(lanes.keys)):
        first, end = int(lanes.starts[number]), int(lanes.starts[number + 1])
        length = (end - first - 1) * SPACING_M
        if lanes.is_junction[first]:
            continue
        margin = _MARGIN_M if length > 3.0 * _MARGIN_M else _SHORT_LANE_MARGIN_M
        for offset in np.arange(margin, length - margin + 1e-9, _GAP_M):
            sample = first + round(offset / SPACING_M)
            if lanes.width_m[sample] >= _MIN_WIDTH_M and _is_clear(lanes, sample, chosen):
                chosen.append(sample)
    return tuple(
        (
            float(lanes.location[i, 0]),
            float(lanes.location[i, 1]),
            float(lanes.location[i, 2]) + HEIGHT_M,
            math.degrees(float(lanes.pitch_rad[i])),
            (math.degrees(float(lanes.yaw_rad[i])) + 180.0) % 360.0 - 180.0,
            0.0,
        )
        for i in chosen
    )


def _is_clear(lanes: LaneSamples, sample: int, chosen: list[int]) -> bool:
    if not chosen:
        return True
    c, s = math.cos(lanes.yaw_rad[sample]), math.sin(lanes.yaw_rad[sample])
    apart = lanes.location[chosen] - lanes.location[sample]
    ahead = np.abs(apart[:, 0] * c + apart[:, 1] * s)
    beside = np.abs(-apart[:, 0] * s + apart[:, 1] * c)
    near = (ahead < _CLEARANCE_M) & (beside < _BESIDE_M) & (np.abs(apart[:, 2]) < 3.0)
    return not bool(near.any())
