"""The surface of the roads: one strip of triangles per lane, kerbs between them, edges at their sides."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from simulator.render.ground import ground_offsets, lane_goes_on
from simulator.render.labels import Label, Material
from simulator.render.mesh import Mesh, cross, joined, make_mesh, outward, quads, upward
from simulator.render.patterns import PatternBook, mark_lines
from simulator.render.road_file import Lane, Mark, RoadShape, Section
from simulator.render.stations import parts_across, stations
from simulator.world.roads import RoadSurface

KERB_HEIGHT_M = 0.15
_KERB_WIDTH_M = 0.15
_KERB_FOOT_M = 0.05  # how deep a kerb's face goes below the road
_GRASS_DROP_M = 0.03
_NARROW_M = 0.02
_BEFORE_END_M = 1e-6
_WARPED_M, _WARPED_STEP_M, _WARPED_PARTS = 0.002, 0.4, 4

ASPHALT_RGB = (0.082, 0.082, 0.085)
PAVEMENT_RGB = (0.26, 0.25, 0.235)
KERB_RGB = (0.36, 0.35, 0.33)
GRASS_RGB = (0.075, 0.096, 0.038)

_RAISED = frozenset({"sidewalk", "walking", "median", "curb"})
_GREEN = frozenset({"none", "border"})


@dataclass(frozen=True, slots=True, eq=False)
class Edge:
    """An outer edge of a road: a line of places, and which way is out.

    Attributes:
        points: (N, 3) m.
        out: (N, 2) unit vectors away from the road.
        raised: whether the surface there is raised by a kerb.
        in_junction: whether the road is part of a junction.
    """

    points: NDArray[np.float64]
    out: NDArray[np.float64]
    raised: bool
    in_junction: bool


@dataclass(slots=True)
class RoadMesh:
    """What `build_roads` makes.

    Attributes:
        parts: meshes.
        edges: outer edges, from which skirts and parapets are made.
        samples: (N, 5) x, y, z and slopes dz/dx, dz/dy, all over the roads.
    """

    parts: list[Mesh] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    samples: list[NDArray[np.float64]] = field(default_factory=list)


def build_roads(roads: tuple[RoadShape, ...], book: PatternBook, ground: RoadSurface) -> RoadMesh:
    """Strips, kerbs and edges of all roads; patterns of their marks go into `book`.

    In junctions, where roads of different heights overlap, `ground` says how high the surface is: vehicles
    stand on that.
    """
    made = RoadMesh()
    for road in roads:
        for section in road.sections:
            _Strips(road, section, book, made, ground).build()
    return made


def is_paved(lane: Lane) -> bool:
    """Whether wheels may roll on it: asphalt at the road's own height."""
    return lane.type not in _RAISED and lane.type not in _GREEN


class _Strips:
    """One section."""

    def __init__(
        self, road: RoadShape, section: Section, book: PatternBook, made: RoadMesh, ground: RoadSurface
    ) -> None:
        self._road, self._section, self._book, self._made = road, section, book, made
        self._ground = ground
        self._across = parts_across(road, section)
        self._s = stations(road, section, across=self._across)
        if self._is_warped():
            self._across, self._s = _WARPED_PARTS, stations(road, section, _WARPED_STEP_M, _WARPED_PARTS)
        # Offset and widths may jump where a section ends: its last station still belongs to it.
        inside = np.clip(self._s, section.start_m, section.end_m - _BEFORE_END_M)
        self._left = road.bounds(section, inside)

    def build(self) -> None:
        for lanes, side in ((self._section.left, 1), (self._section.right, -1)):
            inner_id, inner_marks, inner_lane = 0, self._section.marks, None
            for number, lane in enumerate(lanes):
                beyond = lanes[number + 1] if number + 1 < len(lanes) else None
                self._lane(lane, inner_id, inner_marks, inner_lane, beyond, side)
                inner_id, inner_marks, inner_lane = lane.id, lane.marks, lane
            self._outer_edge(lanes, inner_id, side)
        self._middle_kerb()

    def _points(self, left: NDArray[np.float64], lift: float = 0.0) -> NDArray[np.float64]:
        points = self._road.line.points(self._s, left, lift)
        if self._road.junction_id >= 0:
            points[:, 2] += ground_offsets(self._ground, points, lift)
        return points

    def _is_warped(self) -> bool:
        """Whether the ground leaves the road's own plane, so that larger pieces would not follow it."""
        if self._road.junction_id < 0:
            return False
        s = np.linspace(self._section.start_m, self._section.end_m - _BEFORE_END_M, 24)
        edges = np.stack(list(self._road.bounds(self._section, s).values()))
        points = self._road.line.points(s, edges).reshape(-1, 3)
        return float(np.abs(ground_offsets(self._ground, points)).max()) > _WARPED_M

    def _lane(
        self,
        lane: Lane,
        inner_id: int,
        inner_marks: tuple[Mark, ...],
        inner_lane: Lane | None,
        beyond: Lane | None,
        side: int,
    ) -> None:
        inner, outer = self._left[inner_id], self._left[lane.id]
        if float(np.abs(outer - inner).max()) < _NARROW_M:
            return
        in_junction = self._road.junction_id >= 0
        if lane.type in _GREEN and in_junction:
            return
        raised = lane.type in _RAISED
        lift = KERB_HEIGHT_M if raised else -_GRASS_DROP_M if lane.type in _GREEN else 0.0
        a, b = self._points(inner, lift), self._points(outer, lift)
        self._sample(a, b)
        width = np.abs(outer - inner)
        parts = 1 if raised else self._across
        lines = []
        for part in range(parts + 1):
            share = part / parts
            points = self._points(inner + share * (outer - inner), lift)
            lines.append(
                np.column_stack([points, self._s, share * width, (1.0 - share) * width])  # and u, v, w
            )
        both = np.concatenate([quads(c[:-1], c[1:], d[1:], d[:-1]) for c, d in itertools.pairwise(lines)])
        # Upward order, for corners and pattern coordinates alike.
        flat = both[:, :, :3]
        down = cross(flat[:, 1] - flat[:, 0], flat[:, 2] - flat[:, 0])[:, 2] < 0.0
        both = np.where(down[:, None, None], both[:, ::-1], both)
        if raised:
            self._raised(lane, both, inner_lane, beyond, a, b)
        elif lane.type in _GREEN:
            self._made.parts.append(
                make_mesh(both[:, :, :3], GRASS_RGB, Label.TERRAIN, Material.GRASS, layer=0)
            )
        else:
            pattern = self._patterns(inner_marks, lane.marks, side)
            marked = np.tile(np.repeat(pattern, 2), parts)
            mesh = make_mesh(
                both[:, :, :3], ASPHALT_RGB, Label.ROADS, Material.ASPHALT, pattern=marked, uvw=both[:, :, 3:]
            )
            if in_junction:  # where connecting roads overlap, the one with paint is seen
                mesh.layer[:] = np.where(marked > 0, 2, 1)
            self._made.parts.append(mesh)
            self._kerb_stone(lane, beyond, outer, side)

    def _sample(self, a: NDArray[np.float64], b: NDArray[np.float64]) -> None:
        """Places all over the strip, about 1.5 m apart, for the ground below."""
        across = max(int(np.linalg.norm(b[0, :2] - a[0, :2]) / 1.5), 1)
        share = np.linspace(0.0, 1.0, across + 1)[:, None, None]
        places = a + share * (b - a)
        step = np.diff(a, axis=0)
        length = np.linalg.norm(step[:, :2], axis=1)
        grade = step[:, 2:] * step[:, :2] / np.maximum(length, 1e-3)[:, None] ** 2
        slopes = np.broadcast_to(grade, (across + 1, *grade.shape))
        for begin, end, n in _runs(length):
            for k in range(n):
                mix = (k + 0.5) / n
                at = places[:, begin:end] * (1.0 - mix) + places[:, begin + 1 : end + 1] * mix
                self._made.samples.append(np.concatenate([at, slopes[:, begin:end]], axis=2).reshape(-1, 5))

    def _patterns(self, inner: tuple[Mark, ...], outer: tuple[Mark, ...], side: int) -> NDArray[np.int32]:
        """(len(s) - 1,) the pattern of each piece of the strip."""
        middle = np.clip((self._s[1:] + self._s[:-1]) / 2.0, self._section.start_m, self._section.end_m)
        found = [self._book.add(mark_lines(None, 0, 1))] * len(middle)
        known: dict[tuple[int, int], int] = {}
        for k, place in enumerate(middle):
            mine = (_current(inner, place), _current(outer, place))
            if mine not in known:
                marks = [marks[n] if n >= 0 else None for marks, n in zip((inner, outer), mine, strict=True)]
                lines = mark_lines(marks[0], 0, side) + mark_lines(marks[1], 1, -side)
                known[mine] = self._book.add(lines)
            found[k] = known[mine]
        return np.array(found, np.int32)

    def _raised(
        self,
        lane: Lane,
        both: NDArray[np.float64],
        inner_lane: Lane | None,
        beyond: Lane | None,
        a: NDArray[np.float64],
        b: NDArray[np.float64],
    ) -> None:
        green = lane.type == "median"
        kerbs = tuple((float(edge), 0.0, _KERB_WIDTH_M, 0.0, 0.0, 0.0, *KERB_RGB) for edge in (0, 1))
        self._made.parts.append(
            make_mesh(
                both[:, :, :3],
                GRASS_RGB if green else PAVEMENT_RGB,
                Label.TERRAIN if green else Label.SIDEWALKS,
                Material.GRASS if green else Material.PAVEMENT,
                pattern=self._book.add(kerbs),
                uvw=both[:, :, 3:],
            )
        )
        middle = (a + b) / 2.0
        for edge, other in ((a, inner_lane), (b, beyond)):
            if other is None or other.type not in _RAISED:
                self._wall(edge, edge - middle, KERB_HEIGHT_M + _KERB_FOOT_M, KERB_RGB, Label.SIDEWALKS)
        ends = np.stack([a[[0, -1]], b[[0, -1]]], axis=1)
        for end, inside in zip(ends, (middle[1], middle[-2]), strict=True):
            low = end - np.array([0.0, 0.0, KERB_HEIGHT_M + _KERB_FOOT_M])
            wall = outward(quads(end[:1], end[1:], low[1:], low[:1]), inside - np.array([0.0, 0.0, 0.1]))
            self._made.parts.append(make_mesh(wall, KERB_RGB, Label.SIDEWALKS))

    def _wall(
        self,
        top: NDArray[np.float64],
        away: NDArray[np.float64],
        depth: float,
        rgb: tuple[float, float, float],
        label: Label,
    ) -> None:
        low = top - np.array([0.0, 0.0, depth])
        triangles = quads(top[:-1], top[1:], low[1:], low[:-1])
        normal = cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
        wrong = np.einsum("ij,ij->i", normal[:, :2], np.repeat(away[:-1, :2], 2, axis=0)) < 0.0
        triangles = np.where(wrong[:, None, None], triangles[:, ::-1], triangles)
        self._made.parts.append(make_mesh(triangles, rgb, label))

    def _kerb_stone(self, lane: Lane, beyond: Lane | None, outer: NDArray[np.float64], side: int) -> None:
        """A kerb on the outer edge of a lane that has no raised lane behind it."""
        if not any(mark.type == "curb" for mark in lane.marks):
            return
        if beyond is None or beyond.type not in _RAISED:
            self._stone(outer, side)

    def _middle_kerb(self) -> None:
        """A kerb in the middle of a road that has lanes on one side only."""
        if any(mark.type == "curb" for mark in self._section.marks):
            if not self._section.left:
                self._stone(self._left[0], 1)
            elif not self._section.right:
                self._stone(self._left[0], -1)

    def _stone(self, edge: NDArray[np.float64], side: int) -> None:
        """A kerb along an edge; not where it would lie across another lane of a junction."""
        far = edge + side * _KERB_WIDTH_M
        near_top, far_top = self._points(edge, KERB_HEIGHT_M), self._points(far, KERB_HEIGHT_M)
        stands = np.ones(len(edge), np.bool_)
        if self._road.junction_id >= 0:
            out = (far_top - near_top)[:, :2]
            out /= np.linalg.norm(out, axis=1, keepdims=True)
            foot = far_top - np.array([0.0, 0.0, KERB_HEIGHT_M])
            stands = ~lane_goes_on(self._ground, foot, out)
        for begin, end in stretches(stands):
            self._stretch_of_stone(near_top[begin:end], far_top[begin:end])

    def _stretch_of_stone(self, near_top: NDArray[np.float64], far_top: NDArray[np.float64]) -> None:
        top = upward(quads(near_top[:-1], near_top[1:], far_top[1:], far_top[:-1]))
        self._made.parts.append(make_mesh(top, KERB_RGB, Label.SIDEWALKS, Material.PAVEMENT))
        away = near_top - far_top
        self._wall(near_top, away, KERB_HEIGHT_M + _KERB_FOOT_M, KERB_RGB, Label.SIDEWALKS)
        self._wall(far_top, -away, KERB_HEIGHT_M + 0.4, KERB_RGB, Label.SIDEWALKS)
        for end in (0, -1):
            corner = np.stack([near_top[end], far_top[end]])[:, None]
            low = corner - np.array([0.0, 0.0, KERB_HEIGHT_M + _KERB_FOOT_M])
            inside = (near_top[1 if end == 0 else -2] + far_top[1 if end == 0 else -2]) / 2.0
            wall = outward(quads(corner[0], corner[1], low[1], low[0]), inside - np.array([0.0, 0.0, 0.1]))
            self._made.parts.append(make_mesh(wall, KERB_RGB, Label.SIDEWALKS))

    def _outer_edge(self, lanes: tuple[Lane, ...], edge_id: int, side: int) -> None:
        if not self._section.left and not self._section.right:
            return
        raised = bool(lanes) and lanes[-1].type in _RAISED
        points = self._points(self._left[edge_id], KERB_HEIGHT_M if raised else 0.0)
        beside = self._points(self._left[edge_id] + side * 1.0, 0.0)
        self._made.edges.append(
            Edge(points, beside[:, :2] - points[:, :2], raised, self._road.junction_id >= 0)
        )


def stretches(wanted: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Begin and end of the runs of at least two wanted places."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], wanted.astype(np.int8), [0]))))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a > 1]


def _current(marks: tuple[Mark, ...], place: float) -> int:
    """Which of the marks is in force at a place, -1 for none."""
    return sum(mark.s_m <= place + 1e-3 for mark in marks) - 1


def _runs(length: NDArray[np.float64]) -> list[tuple[int, int, int]]:
    """Runs of pieces that are cut into the same number of samples: begin, end, number."""
    n = np.maximum((length / 1.5).astype(int), 1)
    borders = np.concatenate([[0], np.flatnonzero(np.diff(n)) + 1, [len(n)]])
    return [(int(a), int(b), int(n[a])) for a, b in itertools.pairwise(borders) if b > a]


def join_roads(made: RoadMesh) -> Mesh:
    """All parts as one mesh without empty triangles."""
    return joined(made.parts).cleaned()
