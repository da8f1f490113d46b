"""Lanes, road marks and painted objects of an OpenDRIVE text, for drawing.

The text has been checked by `simulator.world.opendrive` and accepted by `carla.Map` before it comes here.
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree.ElementTree import Element

import numpy as np
from defusedxml.ElementTree import fromstring
from numpy.typing import NDArray

from simulator.render.reference_line import Polynomials, RoadLine, read_line, read_polynomials

MARK_WIDTH_M = 0.125
"""Of a mark that does not tell its width; CARLA's towns use it throughout."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A road mark from `s_m` on.

    Attributes:
        s_m: along the road.
        type: OpenDRIVE's word: "solid", "broken", "solid solid", "curb", "none" …
        color: "white", "yellow", "standard" …
        width_m: of one line.
        lines: (length, space, left offset, width) of each stated line, m; empty if the type says it all.
    """

    s_m: float
    type: str
    color: str
    width_m: float
    lines: tuple[tuple[float, float, float, float], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Lane:
    """One lane of a section; `id` is positive on the left."""

    id: int
    type: str
    width: Polynomials
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """Lanes between two places of a road, from the middle outwards on each side.

    Attributes:
        start_m: along the road.
        end_m: along the road.
        left: lanes 1, 2 …
        right: lanes -1, -2 …
        marks: of the middle.
    """

    start_m: float
    end_m: float
    left: tuple[Lane, ...]
    right: tuple[Lane, ...]
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Painted:
    """An object of the file.

    Attributes:
        name: "StopLine", "LadderCrosswalk", "SignPost_10ft" …
        type: "crosswalk" or anything.
        s_m: along the road.
        left_m: to the left of the reference line.
        heading_rad: relative to the reference line.
        size_m: width, length, height; 0 where unstated.
        outline: (N, 2) corners in the object's own frame (forward, left), m; empty if it has none.
    """

    name: str
    type: str
    s_m: float
    left_m: float
    heading_rad: float
    size_m: tuple[float, float, float]
    outline: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class RoadShape:
    """One road; `junction_id` is -1 outside junctions, `meets_junction` says it of its start and its end."""

    id: int
    junction_id: int
    meets_junction: tuple[bool, bool]
    line: RoadLine
    sections: tuple[Section, ...]
    objects: tuple[Painted, ...]

    def bounds(self, section: Section, s: NDArray[np.float64]) -> dict[int, NDArray[np.float64]]:
        """Outer edge of every lane, and the middle as lane 0: (N,) m to the left of the reference line."""
        middle = self.line.offset(s)
        edges = {0: middle}
        for lanes, sign in ((section.left, 1.0), (section.right, -1.0)):
            edge = middle
            for lane in lanes:
                edge = edge + sign * np.maximum(lane.width(s), 0.0)
                edges[lane.id] = edge
        return edges


def read_roads(text: str) -> tuple[RoadShape, ...]:
    """All roads in the order of the file."""
    return tuple(_road(road) for road in fromstring(text).findall("road"))


def _road(road: Element) -> RoadShape:
    line = read_line(road)
    found = sorted(road.findall("lanes/laneSection"), key=lambda e: float(e.get("s", 0.0)))
    starts = [float(e.get("s", 0.0)) for e in found] + [line.length_m]
    sections = [_section(e, starts[k], starts[k + 1]) for k, e in enumerate(found)]
    return RoadShape(
        int(road.get("id", 0)),
        int(road.get("junction", -1)),
        (_meets_junction(road, "predecessor"), _meets_junction(road, "successor")),
        line,
        tuple(section for section in sections if section.end_m - section.start_m > 1e-3),
        tuple(_painted(e) for e in road.findall("objects/object")),
    )


def _meets_junction(road: Element, end: str) -> bool:
    link = road.find(f"link/{end}")
    return link is not None and link.get("elementType") == "junction"


def _section(element: Element, start: float, end: float) -> Section:
    lanes = [_lane(e, start) for e in element.findall("left/lane") + element.findall("right/lane")]
    middle = element.find("center/lane")
    return Section(
        start,
        end,
        tuple(sorted((lane for lane in lanes if lane.id > 0), key=lambda lane: lane.id)),
        tuple(sorted((lane for lane in lanes if lane.id < 0), key=lambda lane: -lane.id)),
        _marks(middle, start) if middle is not None else (),
    )


def _lane(element: Element, start: float) -> Lane:
    width = read_polynomials(element.findall("width"), "sOffset", start)
    return Lane(int(element.get("id", 0)), element.get("type", "none"), width, _marks(element, start))


def _marks(lane: Element, start: float) -> tuple[Mark, ...]:
    marks = []
    for e in lane.findall("roadMark"):
        width = float(e.get("width") or MARK_WIDTH_M)
        lines = tuple(
            (
                float(part.get("length", 0.0)),
                float(part.get("space", 0.0)),
                float(part.get("tOffset", 0.0)),
                float(part.get("width") or width),
            )
            for part in e.findall("type/line")
        )
        place = start + float(e.get("sOffset", 0.0))
        marks.append(Mark(place, e.get("type", "none"), e.get("color", "standard"), width, lines))
    return tuple(sorted(marks, key=lambda mark: mark.s_m))


def _painted(e: Element) -> Painted:
    corners = [(float(c.get("u", 0.0)), float(c.get("v", 0.0))) for c in e.findall("outline/cornerLocal")]
    sizes = [float(e.get(name) or 0.0) for name in ("width", "length", "height")]
    return Painted(
        e.get("name", ""),
        e.get("type", ""),
        float(e.get("s", 0.0)),
        float(e.get("t", 0.0)),
        float(e.get("hdg") or 0.0),
        (sizes[0], sizes[1], sizes[2]),
        np.array(corners, np.float64).reshape(-1, 2),
    )
