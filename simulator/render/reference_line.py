"""Reference lines of OpenDRIVE roads, evaluated for many places at once.

Everything here is in OpenDRIVE's own right-handed frame (y left of x); `RoadLine.points` is the crossing to
CARLA's frame, which is the same with y reversed. Lane heights follow the elevation alone, as in `carla.Map`:
superelevation and lane heights do not move its waypoints.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

_TABLE_STEP_M = 0.1  # of curves that have no closed form


@dataclass(frozen=True, slots=True, eq=False)
class Polynomials:
    """Cubic pieces over s.

    Attributes:
        start: (N,) where each begins, ascending.
        abcd: (N, 4).
    """

    start: NDArray[np.float64]
    abcd: NDArray[np.float64]

    def __call__(self, s: NDArray[np.float64], order: int = 0) -> NDArray[np.float64]:
        """Values, or the first or second derivative; before the first piece that piece counts."""
        if not len(self.start):
            return np.zeros_like(s)
        piece = np.maximum(np.searchsorted(self.start, s, side="right") - 1, 0)
        ds = s - self.start[piece]
        a, b, c, d = self.abcd[piece].T
        if order == 1:
            return np.asarray(b + ds * (2.0 * c + ds * 3.0 * d))
        if order == 2:
            return np.asarray(2.0 * c + ds * 6.0 * d)
        return np.asarray(a + ds * (b + ds * (c + ds * d)))


def read_polynomials(elements: list[Element], key: str = "s", base: float = 0.0) -> Polynomials:
    """Cubic pieces from elements with attributes `key`, a, b, c and d."""
    rows = sorted((base + float(e.get(key, 0.0)), *(float(e.get(k, 0.0)) for k in "abcd")) for e in elements)
    table = np.array(rows, np.float64).reshape(-1, 5)
    return Polynomials(table[:, 0], table[:, 1:])


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """One <geometry>: a curve from (x, y, heading), `length` long; `table` is s, x, y, heading or empty."""

    x: float
    y: float
    heading: float
    length: float
    curvature: float
    table: NDArray[np.float64]

    def evaluate(self, ds: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
        if len(self.table):
            inside = np.clip(ds, 0.0, self.length)
            u, v, h = (np.interp(inside, self.table[:, 0], self.table[:, k]) for k in (1, 2, 3))
            u, v = u + (ds - inside) * np.cos(h), v + (ds - inside) * np.sin(h)
        elif abs(self.curvature) > 1e-9:
            h = self.curvature * ds
            u, v = np.sin(h) / self.curvature, (1.0 - np.cos(h)) / self.curvature
        else:
            h = np.zeros_like(ds)
            u, v = ds, np.zeros_like(ds)
        c, s = math.cos(self.heading), math.sin(self.heading)
        return self.x + c * u - s * v, self.y + s * u + c * v, self.heading + h


@dataclass(frozen=True, slots=True, eq=False)
class RoadLine:
    """The reference line of one road.

    Attributes:
        length_m: of the road.
        starts: (N,) s of each curve.
        curvatures: (N,) the greatest curvature of each, 1/m.
        elevation: height over s.
        offset: of lane 0, to the left, over s.
    """

    length_m: float
    starts: NDArray[np.float64]
    curvatures: NDArray[np.float64]
    elevation: Polynomials
    offset: Polynomials
    _pieces: tuple[_Piece, ...]

    def points(
        self, s: NDArray[np.float64], left_m: NDArray[np.float64], lift_m: float = 0.0
    ) -> NDArray[np.float64]:
        """(..., 3) places in CARLA's frame.

        Args:
            s: (N,) along the line; beyond its ends it goes straight on.
            left_m: (N,) or (K, N): to the left of the line, against CARLA's y axis.
            lift_m: above the road.
        """
        x, y, h = self.poses(s)
        z = self.elevation(np.clip(s, 0.0, self.length_m)) + lift_m
        px, py = x - np.sin(h) * left_m, y + np.cos(h) * left_m
        return np.stack([px, -py, np.broadcast_to(z, px.shape)], axis=-1)

    def poses(self, s: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
        """x, y and heading (N,) of the line in OpenDRIVE's frame."""
        which = np.maximum(np.searchsorted(self.starts, s, side="right") - 1, 0)
        x, y, h = np.empty_like(s), np.empty_like(s), np.empty_like(s)
        for k in np.unique(which):
            mine = which == k
            piece = self._pieces[k]
            ds = s[mine] - self.starts[k]
            over = np.maximum(ds - piece.length, 0.0) if k == len(self._pieces) - 1 else np.zeros_like(ds)
            under = np.minimum(ds, 0.0) if k == 0 else np.zeros_like(ds)
            px, py, ph = piece.evaluate(ds - over - under)
            x[mine] = px + (over + under) * np.cos(ph)
            y[mine] = py + (over + under) * np.sin(ph)
            h[mine] = ph
        return x, y, h


def read_line(road: Element) -> RoadLine:
    """The reference line of a <road> that `simulator.world.opendrive` has accepted."""
    pieces, starts, curvatures = [], [], []
    found = sorted(road.findall("planView/geometry"), key=lambda g: float(g.get("s", 0.0)))
    for geometry in found:
        x, y, heading, length = (float(geometry.get(k, 0.0)) for k in ("x", "y", "hdg", "length"))
        curvature, table = _shape(geometry, length)
        bend = curvature
        if len(table) > 1:
            bend = float(np.abs(np.diff(table[:, 3]) / np.maximum(np.diff(table[:, 0]), 1e-9)).max())
        pieces.append(_Piece(x, y, heading, length, curvature, table))
        starts.append(float(geometry.get("s", 0.0)))
        curvatures.append(abs(bend))
    return RoadLine(
        float(road.get("length", 0.0)),
        np.array(starts),
        np.array(curvatures),
        read_polynomials(road.findall("elevationProfile/elevation")),
        read_polynomials(road.findall("lanes/laneOffset")),
        tuple(pieces),
    )


def _shape(geometry: Element, length: float) -> tuple[float, NDArray[np.float64]]:
    """Curvature of an arc or a line, or a table (s, u, v, heading) of anything else."""
    nothing = np.zeros((0, 4))
    shape = next(iter(geometry))
    if shape.tag == "arc":
        return float(shape.get("curvature", 0.0)), nothing
    if shape.tag == "line":
        return 0.0, nothing
    s = np.linspace(0.0, length, max(int(length / _TABLE_STEP_M), 2) + 1)
    if shape.tag == "spiral":
        first, last = float(shape.get("curvStart", 0.0)), float(shape.get("curvEnd", 0.0))
        h = first * s + (last - first) * s * s / (2.0 * max(length, 1e-9))
        middle = (h[1:] + h[:-1]) / 2.0
        ds = np.diff(s)
        u = np.concatenate([[0.0], np.cumsum(ds * np.cos(middle))])
        v = np.concatenate([[0.0], np.cumsum(ds * np.sin(middle))])
        return 0.0, np.stack([s, u, v, h], axis=1)
    if shape.tag == "poly3":
        a, b, c, d = (float(shape.get(k, 0.0)) for k in "abcd")
        p = np.linspace(0.0, length, len(s))
        u, v = p, a + p * (b + p * (c + p * d))
    else:
        top = length if shape.get("pRange", "arcLength") == "arcLength" else 1.0
        p = np.linspace(0.0, top, len(s))
        powers = np.stack([p**n for n in range(4)])
        u, v = (np.array([float(shape.get(f"{k}{axis}", 0.0)) for k in "abcd"]) @ powers for axis in "UV")
    h = np.unwrap(np.arctan2(np.gradient(v), np.gradient(u)))
    along = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(u), np.diff(v)))])
    return 0.0, np.stack([along * length / max(along[-1], 1e-9), u, v, h], axis=1)
