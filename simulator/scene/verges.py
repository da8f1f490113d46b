"""The outer edges of a town's roads as places: what stands there is proposed along and beside them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from simulator.scene.objects import KINDS, Kind
from simulator.scene.placing import EVERY_SURFACE, PROPOSAL

_Floats = NDArray[np.float64]

_BETWEEN_RUNS_M = 1000.0
_FAST_KMH = 100.0
_ELEVATED_M = 1.5
_SHORTEST_LINK_M, _LONGEST_LINK_M = 0.5, 12.0  # at the ends of runs there is none


class Setting(IntEnum):
    """What is beside a road."""

    TOWN = 0
    COUNTRY = 1
    HIGHWAY = 2


@dataclass(frozen=True, slots=True)
class Places:
    """Points of edges: (N,) m, rad, Setting, side, and whether the road is raised there."""

    x: _Floats
    y: _Floats
    z: _Floats
    out_rad: _Floats
    setting: NDArray[np.int64]
    raised: NDArray[np.bool_]
    half_m: _Floats

    def __len__(self) -> int:
        return len(self.x)

    def only(self, chosen: NDArray[np.bool_]) -> Places:
        """Some of them."""
        return Places(*(getattr(self, name)[chosen] for name in self.__slots__))


class Verges:
    """Edges by one running length: `at` finds any place between their points.

    Attributes:
        length_m: (R,) of each run.
        halfway: (R,) for `every`, so that the sides of a road take turns.
    """

    def __init__(self, edges: NDArray[np.void]) -> None:
        """Take (N,) EDGE."""
        self._edges = edges
        _, begins = np.unique(edges["run"], return_index=True)
        order = np.argsort(begins)
        self._first = begins[order]
        self._last = np.append(self._first[1:], len(edges)) - 1
        self.length_m: _Floats = edges["along"][self._last]
        self._start = np.concatenate([[0.0], np.cumsum(self.length_m + _BETWEEN_RUNS_M)[:-1]])
        self._where = edges["along"] + np.repeat(self._start, self._last - self._first + 1)
        self._yaw = np.unwrap(edges["yaw"])
        town = edges["sidewalk"] == 1
        fast = edges["speed_kmh"] >= _FAST_KMH
        self._setting = np.where(town, Setting.TOWN, np.where(fast, Setting.HIGHWAY, Setting.COUNTRY))
        raised = (edges["z"] > _ELEVATED_M) & fast
        self._raised = (raised | (edges["bridge"] == 1)) & ~town
        self.halfway: _Floats = np.where(edges["side"][self._first] == 1, 0.25, 0.75)

    def __len__(self) -> int:
        return len(self.length_m)

    def every(self, spacing_m: float, *, end_m: float = 0.0, shift: _Floats | float = 0.5) -> _Floats:
        """Running lengths every so many metres, kept from the ends of each run.

        Args:
            spacing_m: between them.
            end_m: distance to the ends of runs.
            shift: share of the spacing before the first; one for each run, or one for all.
        """
        shifts = np.broadcast_to(np.asarray(shift, dtype=np.float64), self.length_m.shape)
        found = [
            start + np.arange(end_m + part * spacing_m, length - end_m, spacing_m)
            for start, length, part in zip(self._start, self.length_m, shifts, strict=True)
        ]
        return np.concatenate(found) if found else np.zeros(0)

    def at(self, where: _Floats) -> Places:
        """The places at running lengths."""
        near = np.clip(np.searchsorted(self._where, where), 0, len(self._where) - 1)
        edges = self._edges

        def between(values: _Floats) -> _Floats:
            return np.interp(where, self._where, values)

        return Places(
            between(edges["x"]),
            between(edges["y"]),
            between(edges["z"]),
            between(self._yaw),
            self._setting[near],
            self._raised[near],
            edges["half_m"][near],
        )


def propose(
    kind: Kind,
    places: Places,
    out_m: _Floats | float,
    half_m: tuple[_Floats | float, _Floats | float, _Floats | float] | None = None,
    *,
    turn_rad: _Floats | float = 0.0,
    margin_m: float = 0.5,
    junction_m: float = 3.0,
    gap_m: float = 0.3,
    variant: NDArray[np.int64] | None = None,
) -> NDArray[np.void]:
    """(N,) PROPOSAL of one kind, facing the road.

    Args:
        kind: of the things.
        places: where.
        out_m: from the edge of the road to the middle of the thing.
        half_m: half sizes; those of the kind if None.
        turn_rad: away from facing the road.
        margin_m: to every lane.
        junction_m: to driving lanes of junctions.
        gap_m: to other things.
        variant: random numbers.
    """
    rows = np.zeros(len(places), PROPOSAL)
    rows["x"] = places.x + out_m * np.cos(places.out_rad)
    rows["y"] = places.y + out_m * np.sin(places.out_rad)
    rows["z"] = places.z
    rows["yaw"] = places.out_rad + np.pi + turn_rad
    rows["half_x"], rows["half_y"], rows["half_z"] = half_m or KINDS[kind].half_m
    rows["margin_m"], rows["junction_m"], rows["gap_m"] = margin_m, junction_m, gap_m
    rows["avoids"], rows["grounded"], rows["kind"] = EVERY_SURFACE, 1, int(kind)
    if variant is not None:
        rows["variant"] = variant
    return rows


def propose_chain(
    kind: Kind, begin: Places, end: Places, out_m: float, half_thick_m: float, half_height_m: float
) -> NDArray[np.void]:
    """(N,) PROPOSAL of links of a rail, fence or wall from places to places, parallel to the road's edge."""
    rows = propose(kind, begin, out_m, (half_thick_m, 1.0, half_height_m), junction_m=2.0)
    to_x = end.x + out_m * np.cos(end.out_rad)
    to_y = end.y + out_m * np.sin(end.out_rad)
    dx, dy = to_x - rows["x"], to_y - rows["y"]
    length = np.hypot(dx, dy)
    rows["half_y"] = 0.5 * length
    rows["x"] += 0.5 * dx
    rows["y"] += 0.5 * dy
    rows["z"] = 0.5 * (begin.z + end.z)
    # The thing's y axis points along the chord, one way or the other: x towards the road.
    across = np.arctan2(dy, dx) - np.pi / 2.0
    towards = np.cos(across - rows["yaw"]) >= 0.0
    rows["yaw"] = np.where(towards, across, across + np.pi)
    rows["roll"] = -np.arctan2(np.where(towards, 1.0, -1.0) * (end.z - begin.z), np.maximum(length, 1e-6))
    rows["chain"] = 1
    kept: NDArray[np.void] = rows[(length > _SHORTEST_LINK_M) & (length < _LONGEST_LINK_M)]
    return kept
