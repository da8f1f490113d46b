"""Where a road is cut into pieces, so that flat triangles follow it closely enough."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from simulator.render.road_file import RoadShape, Section

_LATERAL_M = 0.004  # a marking may lie this far beside the true one
_HEIGHT_M = 0.0003  # seen from a car, 1 mm of height is 3 cm of depth 50 m ahead
_LONGEST_M = 8.0
_SHORTEST_M = 0.25
OVERLAP_M = 0.06
"""Roads go on this far beyond their ends, so that no crack opens where two of them meet."""


def stations(road: RoadShape, section: Section, longest_m: float = _LONGEST_M) -> NDArray[np.float64]:
    """Ascending s at which the section is cut; beyond the road's ends by `OVERLAP_M`.

    Args:
        road: that the section is of.
        section: of lanes.
        longest_m: no piece is longer.
    """
    line = road.line
    lanes = section.left + section.right
    breaks = [line.starts, line.elevation.start, line.offset.start]
    breaks += [lane.width.start for lane in lanes]
    breaks += [np.array([mark.s_m for mark in marks]) for marks in (section.marks, *(x.marks for x in lanes))]
    inner = np.unique(np.concatenate(breaks).round(4))
    inner = inner[(inner > section.start_m + 0.02) & (inner < section.end_m - 0.02)]
    cuts = np.concatenate([[section.start_m], inner, [section.end_m]])
    parts = [
        np.linspace(a, b, _pieces(road, section, a, b, longest_m) + 1)[:-1]
        for a, b in itertools.pairwise(cuts)
    ]
    s = np.concatenate([*parts, [section.end_m]])
    if section is road.sections[0]:
        s = np.concatenate([[s[0] - OVERLAP_M], s])
    if section is road.sections[-1]:
        s = np.concatenate([s, [s[-1] + OVERLAP_M]])
    return s


def _pieces(road: RoadShape, section: Section, a: float, b: float, longest: float) -> int:
    line = road.line
    probe = np.linspace(a, b - 1e-6, 5)
    piece = max(int(np.searchsorted(line.starts, (a + b) / 2.0, side="right")) - 1, 0)
    bend = float(line.curvatures[piece])
    edges = road.bounds(section, probe)
    reach = max(float(np.abs(edge).max()) for edge in edges.values())
    sideways = bend * (1.0 + bend * reach) + float(np.abs(line.offset(probe, 2)).max())
    for lanes in (section.left, section.right):
        sideways += max((float(np.abs(lane.width(probe, 2)).max()) for lane in lanes), default=0.0)
    # On a slope, what lies aside lies higher or lower, too.
    slope = float(np.abs(line.elevation(probe, 1)).max())
    upward = float(np.abs(line.elevation(probe, 2)).max()) + 0.25 * slope * sideways
    step = longest
    if sideways > 1e-9:
        step = min(step, float(np.sqrt(8.0 * _LATERAL_M / sideways)))
    if upward > 1e-9:
        step = min(step, float(np.sqrt(8.0 * _HEIGHT_M / upward)))
    return max(int(np.ceil((b - a) / max(step, _SHORTEST_M))), 1)
