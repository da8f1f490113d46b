"""Where lanes of every type lie in the plane, as quadrilaterals, and the roads' outer edges.

Computed from the OpenDRIVE text itself, because `carla.Map` lists driving lanes only; a test holds the strips
against `carla.Map`. Frame: CARLA's (left-handed, y to the right), so that OpenDRIVE's y and headings change
their signs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

STATION_M = 2.0
"""Distance between cross sections along a road, at most."""

_BEFORE_END_M = 1e-6
_MIN_WIDTH_M = 0.02  # lanes that begin or end are as narrow as this, and narrower is nothing
_DEFAULT_SPEED_KMH = 30.0
_KMH_PER_UNIT = {"mph": 1.609344, "km/h": 1.0, "m/s": 3.6}

_Floats = NDArray[np.float64]


class Surface(IntEnum):
    """What a lane is to those who move on it."""

    ROAD = 0
    SIDEWALK = 1
    PARKING = 2
    VERGE = 3
    """Shoulders, medians, borders and the like: people and cars come there, but not to stay."""


_SURFACE_OF_TYPE = {
    "driving": Surface.ROAD,
    "bidirectional": Surface.ROAD,
    "stop": Surface.ROAD,
    "entry": Surface.ROAD,
    "exit": Surface.ROAD,
    "onRamp": Surface.ROAD,
    "offRamp": Surface.ROAD,
    "rail": Surface.ROAD,
    "tram": Surface.ROAD,
    "sidewalk": Surface.SIDEWALK,
    "biking": Surface.SIDEWALK,
    "parking": Surface.PARKING,
}

STRIP = np.dtype(
    [
        ("corner", "f8", (4, 2)),  # m, in order round the strip
        ("z", "f8"),  # mean height, m
        ("surface", "i8"),  # Surface
        ("junction", "i8"),  # 1 inside a junction
        ("road", "i8"),  # OpenDRIVE numbers
        ("section", "i8"),
        ("lane", "i8"),
    ]
)
"""A piece of a lane, at most `STATION_M` long."""

EDGE = np.dtype(
    [
        ("x", "f8"),  # m
        ("y", "f8"),
        ("z", "f8"),
        ("yaw", "f8"),  # rad, to the outside of the road
        ("along", "f8"),  # m from the beginning of the run
        ("run", "i8"),  # consecutive points of one side of one road have one number
        ("side", "i8"),  # +1 where walking along the run has the road to the left, -1 to the right
        ("sidewalk", "i8"),  # 1 where the outermost lane is a sidewalk
        ("speed_kmh", "f8"),
        ("road", "i8"),
        ("bridge", "i8"),  # 1 where the file says that the road is on a bridge
        ("half_m", "f8"),  # from the middle of the road to the edge
    ]
)
"""A point of the outer edge of a road outside junctions, every `STATION_M`."""


@dataclass(frozen=True, slots=True)
class Roads:
    """The lanes of a town.

    Attributes:
        strips: (N,) STRIP.
        edges: (M,) EDGE, run after run.
    """

    strips: NDArray[np.void]
    edges: NDArray[np.void]


class UnknownShapeError(ValueError):
    """A road has a piece that is neither a line nor an arc; the packaged towns have no others."""


def read_roads(root: Element) -> Roads:
    """Strips and edges of an OpenDRIVE document that `simulator.world.opendrive` has accepted.

    Raises:
        UnknownShapeError: a reference line is not made of lines and arcs.
    """
    strips: list[NDArray[np.void]] = []
    edges: list[NDArray[np.void]] = []
    for road in root.findall("road"):
        reader = _Road(road)
        strips.extend(reader.strips())
        if not reader.is_junction:
            edges.extend(reader.edges(len(edges)))
    return Roads(
        np.concatenate(strips) if strips else np.zeros(0, STRIP),
        np.concatenate(edges) if edges else np.zeros(0, EDGE),
    )


@dataclass(slots=True)
class _Lane:
    id: int
    type: str
    inner: _Floats  # offset from the reference line at each station, to the left, m
    outer: _Floats


@dataclass(slots=True)
class _Section:
    s: _Floats
    x: _Floats
    y: _Floats
    z: _Floats
    heading: _Floats
    lanes: list[_Lane]


class _Road:
    """One road. Works in OpenDRIVE's frame; `_mirrored` leads to CARLA's."""

    def __init__(self, element: Element) -> None:
        self._element = element
        self._id = int(_float(element, "id"))
        self.is_junction = int(_float(element, "junction")) != -1
        self._length_m = _float(element, "length")
        self._elevation = _polynomials(element.iterfind("elevationProfile/elevation"), "s")
        self._offset = _polynomials(element.iterfind("lanes/laneOffset"), "s")
        self._bridges = [
            (_float(bridge, "s"), _float(bridge, "s") + _float(bridge, "length"))
            for bridge in element.iterfind("objects/bridge")
        ]
        self._speed_kmh = self._speed()
        self._sections = list(self._read_sections())

    def _speed(self) -> float:
        speed = self._element.find("type/speed")
        if speed is None:
            return _DEFAULT_SPEED_KMH
        try:
            return float(speed.get("max", "")) * _KMH_PER_UNIT.get(speed.get("unit", "m/s"), 1.0)
        except ValueError:
            return _DEFAULT_SPEED_KMH

    def _read_sections(self) -> Iterator[_Section]:
        elements = self._element.findall("lanes/laneSection")
        begins = [_float(element, "s") for element in elements]
        for element, begin, end in zip(elements, begins, [*begins[1:], self._length_m], strict=True):
            if end - begin < 1e-3:
                continue
            s = np.linspace(begin, end, max(2, math.ceil((end - begin) / STATION_M) + 1))
            x, y, heading = self._reference_line(s)
            # The offset may jump where a section ends: the last station still belongs to this one.
            middle = _value(self._offset, np.minimum(s, end - _BEFORE_END_M))
            lanes: list[_Lane] = []
            for sign in (1, -1):
                inner = middle
                found = [(int(lane.get("id", "0")), lane) for lane in element.iter("lane")]
                for lane_id, lane in sorted(found, key=lambda pair: abs(pair[0])):
                    if lane_id * sign <= 0:
                        continue
                    width = _value(_polynomials(lane.iterfind("width"), "sOffset"), s - begin)
                    outer = inner + sign * np.maximum(width, 0.0)
                    lanes.append(_Lane(lane_id, lane.get("type", "none"), inner, outer))
                    inner = outer
            yield _Section(s, x, y, _value(self._elevation, s), heading, lanes)

    def _reference_line(self, s: _Floats) -> tuple[_Floats, _Floats, _Floats]:
        pieces = self._element.findall("planView/geometry")
        begins = np.array([_float(piece, "s") for piece in pieces])
        number = np.clip(np.searchsorted(begins, s, side="right") - 1, 0, len(pieces) - 1)
        x, y, heading = np.empty_like(s), np.empty_like(s), np.empty_like(s)
        for k in np.unique(number):
            piece, here = pieces[k], number == k
            ds = s[here] - begins[k]
            x0, y0, h0 = _float(piece, "x"), _float(piece, "y"), _float(piece, "hdg")
            arc = piece.find("arc")
            if arc is None and piece.find("line") is None:
                raise UnknownShapeError(f"road {self._id} has a piece that is neither line nor arc")
            curvature = 0.0 if arc is None else _float(arc, "curvature")
            heading[here] = h0 + curvature * ds
            # Chord of the arc: sin(a)/a with a = half the angle; np.sinc takes it over pi.
            chord = ds * np.sinc(0.5 * curvature * ds / math.pi)
            x[here] = x0 + chord * np.cos(h0 + 0.5 * curvature * ds)
            y[here] = y0 + chord * np.sin(h0 + 0.5 * curvature * ds)
        return x, y, heading

    def strips(self) -> Iterator[NDArray[np.void]]:
        """STRIPs of every lane that is not of type "none"."""
        for number, section in enumerate(self._sections):
            for lane in section.lanes:
                wide = np.abs(lane.outer - lane.inner)
                kept = np.maximum(wide[:-1], wide[1:]) > _MIN_WIDTH_M
                if lane.type == "none" or not kept.any():
                    continue
                inner, outer = _mirrored(section, lane.inner), _mirrored(section, lane.outer)
                strips = np.zeros(len(section.s) - 1, STRIP)
                strips["corner"] = np.stack([inner[:-1], inner[1:], outer[1:], outer[:-1]], axis=1)
                strips["z"] = 0.5 * (section.z[:-1] + section.z[1:])
                strips["surface"] = _SURFACE_OF_TYPE.get(lane.type, Surface.VERGE)
                strips["junction"] = int(self.is_junction)
                strips["road"], strips["section"], strips["lane"] = self._id, number, lane.id
                yield strips[kept]

    def edges(self, first_run: int) -> Iterator[NDArray[np.void]]:
        """EDGEs of both sides, sections joined."""
        for run, sign in enumerate((1, -1), start=first_run):
            parts: list[NDArray[np.void]] = []
            for section in self._sections:
                lanes = [lane for lane in section.lanes if lane.id * sign > 0 and lane.type != "none"]
                # Without lanes on this side the reference line is the edge.
                offset = lanes[-1].outer if lanes else _value(self._offset, section.s)
                across = [lane.outer for lane in section.lanes] or [offset]
                part = np.zeros(len(section.s), EDGE)
                part["x"], part["y"] = _mirrored(section, offset).T
                part["z"] = section.z
                part["yaw"] = -(section.heading + sign * math.pi / 2.0)
                part["sidewalk"] = int(bool(lanes) and lanes[-1].type == "sidewalk")
                part["half_m"] = 0.5 * (np.max(across, axis=0) - np.min(across, axis=0))
                for low, high in self._bridges:
                    part["bridge"] |= (section.s >= low) & (section.s <= high)
                # A station at the end of a section is the first of the next one.
                parts.append(part if section is self._sections[-1] else part[:-1])
            if not parts:
                continue
            points = np.concatenate(parts)
            steps = np.hypot(np.diff(points["x"]), np.diff(points["y"]))
            points["along"] = np.concatenate([[0.0], np.cumsum(steps)])
            points["run"], points["side"] = run, sign
            points["speed_kmh"], points["road"] = self._speed_kmh, self._id
            yield points


def _mirrored(section: _Section, offset: _Floats) -> _Floats:
    """(N, 2) points beside the reference line in CARLA's frame."""
    x = section.x - offset * np.sin(section.heading)
    y = section.y + offset * np.cos(section.heading)
    return np.stack([x, -y], axis=1)


def _float(element: Element, name: str) -> float:
    return float(element.get(name, "0"))


def _polynomials(elements: Iterator[Element], start: str) -> _Floats:
    """(N, 5) rows of start, a, b, c, d; one row of zeros where there are none."""
    rows = [[_float(element, name) for name in (start, "a", "b", "c", "d")] for element in elements]
    return np.array(sorted(rows) or [[0.0] * 5])


def _value(rows: _Floats, s: _Floats) -> _Floats:
    """Values of piecewise cubics at each s."""
    if len(rows) == 1:
        start, a, b, c, d = rows[0]
    else:
        start, a, b, c, d = rows[np.clip(np.searchsorted(rows[:, 0], s, side="right") - 1, 0, None)].T
    ds = s - start
    return np.asarray(a + ds * (b + ds * (c + ds * d)))
