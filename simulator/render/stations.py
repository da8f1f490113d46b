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
_SHORT_M = 1.0  # rather than shorter pieces, cut the lane across
OVERLAP_M = 0.06
"""Roads go on this far beyond their ends, so that no crack opens where two of them meet.

Not into a junction: the roads inside follow the ground, which may be lower than this road's own height, and
reach out by themselves.
"""


def parts_across(road: RoadShape, section: Section) -> int:
    """Into how many parts a lane must be cut across, so that triangles follow a bend that climbs.

    Such a road is a helicoid. On the diagonal of a flat piece of a lane it is off by
    slope * curvature * width * length / 4, whatever the shape of the piece. An even number puts an edge of
    triangles on the middle of the lane.
    """
    s = np.linspace(section.start_m, section.end_m - 1e-6, 24)
    off_m = float(_winding(road, section, s).max()) * _SHORT_M / 4.0
    return 1 if off_m < _HEIGHT_M else 2 if off_m < 2.0 * _HEIGHT_M else 4


def stations(
    road: RoadShape, section: Section, longest_m: float = _LONGEST_M, across: int = 1
) -> NDArray[np.float64]:
    """Ascending s at which the section is cut; reaches out by `OVERLAP_M` where no junction begins.

    Args:
        road: that the section is of.
        section: of lanes.
        longest_m: no piece is longer.
        across: parts of each lane across.
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
        np.linspace(a, b, _pieces(road, section, a, b, longest_m, across) + 1)[:-1]
        for a, b in itertools.pairwise(cuts)
    ]
    s = np.concatenate([*parts, [section.end_m]])
    if section is road.sections[0] and not road.meets_junction[0]:
        s = np.concatenate([[s[0] - OVERLAP_M], s])
    if section is road.sections[-1] and not road.meets_junction[1]:
        s = np.concatenate([s, [s[-1] + OVERLAP_M]])
    return s


def _winding(road: RoadShape, section: Section, s: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) slope times curvature times the width of the widest lane."""
    line = road.line
    piece = np.maximum(np.searchsorted(line.starts, s, side="right") - 1, 0)
    widest = np.zeros_like(s)
    for lane in section.left + section.right:
        widest = np.maximum(widest, np.abs(lane.width(s)))
    return np.asarray(np.abs(line.elevation(s, 1)) * line.curvatures[piece] * widest)


def _pieces(road: RoadShape, section: Section, a: float, b: float, longest: float, across: int) -> int:
    line = road.line
    probe = np.linspace(a, b - 1e-6, 5)
    piece = max(int(np.searchsorted(line.starts, (a + b) / 2.0, side="right")) - 1, 0)
    bend = float(line.curvatures[piece])
    edges = road.bounds(section, probe)
    reach = max(float(np.abs(edge).max()) for edge in edges.values())
    sideways = bend * (1.0 + bend * reach) + float(np.abs(line.offset(probe, 2)).max())
    for lanes in (section.left, section.right):
        sideways += max((float(np.abs(lane.width(probe, 2)).max()) for lane in lanes), default=0.0)
    upward = float(np.abs(line.elevation(probe, 2)).max())
    winding = float(_winding(road, section, probe).max()) / across
    step = longest
    if sideways > 1e-9:
        step = min(step, float(np.sqrt(8.0 * _LATERAL_M / sideways)))
    if upward > 1e-9:
        step = min(step, float(np.sqrt(8.0 * _HEIGHT_M / upward)))
    if winding > 1e-9:
        step = min(step, 4.0 * _HEIGHT_M / winding)
    return max(int(np.ceil((b - a) / max(step, _SHORTEST_M))), 1)
