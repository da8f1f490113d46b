"""Paint on the road that is no lane marking: crosswalks, stop lines, arrows, words."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from simulator.render.ground import ground_offsets
from simulator.render.labels import Label, Material
from simulator.render.lane_strips import ASPHALT_RGB
from simulator.render.lettering import outlines
from simulator.render.mesh import Mesh, cross, divided, fan, joined, make_mesh, quads, upward
from simulator.render.patterns import WHITE, Line, PatternBook
from simulator.render.road_file import Painted, RoadShape
from simulator.world.roads import RoadSurface
from simulator.world.town import Town

_LAYER = 3
_STOP_WIDTH_M, _STOP_BEFORE_M = 0.40, 0.5
_PIECE_M, _OFF_M = 0.5, 3e-4  # pieces where one flat triangle would be that far off the ground
_FRAME_M = 0.08  # asphalt around a line, over which its edge is smoothed
_NEAR_M = 9.0  # a line of the file this close to a lane's end stands for it
_BAR_M, _BAR_PERIOD_M = 0.55, 1.1
_SIDE_LINE_M = 0.25
_PATH_WIDTH_M = 0.12


def build_decals(town: Town, roads: tuple[RoadShape, ...], book: PatternBook) -> Mesh:
    """Everything painted, as thin surfaces of a higher layer at the road's own height."""
    parts, stops = [], []
    for road in roads:
        for item in road.objects:
            place = _Place(road, item, town.roads)
            name = item.name.lower()
            if item.type == "crosswalk" and len(item.outline) >= 4:
                parts.append(_crosswalk(place, item, book))
            elif name == "stopline":
                stops.append(place.points(np.zeros((1, 2)))[0])
                half = max(item.size_m[1], 2.0) / 2.0
                parts.append(_bar(place, half, book))
            elif name.startswith("stencil_arrow"):
                parts.append(_arrow(place, item))
            elif name == "stencil_stop":
                parts.append(_word(place, "STOP", item))
            elif name in ("solidsinglewhite", "dashedshortsinglewhite") and len(item.outline) >= 2:
                parts.append(_path(place, item.outline, dashed=name.startswith("dashed"), book=book))
    parts.append(_missing_stop_lines(town, roads, np.array(stops).reshape(-1, 3), book))
    return joined(parts).cleaned()


class _Place:
    """Where an object lies: its frame (forward, left) to the world."""

    def __init__(self, road: RoadShape, item: Painted, ground: RoadSurface) -> None:
        self._ground = ground
        self._road, self._s, self._left = road, item.s_m, item.left_m
        s = np.array([item.s_m])
        _, _, heading = road.line.poses(s)
        self._line_heading = float(heading[0])
        self._heading = self._line_heading + item.heading_rad
        self._at = road.line.points(s, np.array([item.left_m]))[0]

    def points(self, local: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N, 3) in the world of (N, 2) forward and left."""
        c, sn = math.cos(self._heading), math.sin(self._heading)
        dx, dy = c * local[:, 0] - sn * local[:, 1], sn * local[:, 0] + c * local[:, 1]
        along = dx * math.cos(self._line_heading) + dy * math.sin(self._line_heading)
        z = self._road.line.elevation(np.clip(self._s + along, 0.0, self._road.line.length_m))
        points = np.stack([self._at[0] + dx, self._at[1] - dy, z], axis=1)
        if self._road.junction_id >= 0:
            points[:, 2] += ground_offsets(self._ground, points)
        return points

    def triangles(self, outline: NDArray[np.float64]) -> NDArray[np.float64]:
        """(T, 3, 3) in the world of a convex polygon's (N, 2) corners: as many as the ground asks for."""
        return self.lay(outline, np.zeros((len(outline), 3)))[0]

    def lay(
        self, outline: NDArray[np.float64], uvw: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """`triangles`, and (T, 3, 3) the `uvw` of their corners, given those of the polygon's; all in m."""
        flat = fan(np.column_stack([outline, np.zeros(len(outline))])), fan(uvw)
        longest = float(np.linalg.norm(flat[0] - np.roll(flat[0], 1, axis=1), axis=2).max())
        fine = [divided(some, max(math.ceil(longest / _PIECE_M), 1)) for some in flat]
        laid = [self.points(some.reshape(-1, 3)[:, :2]).reshape(-1, 3, 3) for some in (flat[0], fine[0])]
        as_if_flat = divided(laid[0], max(math.ceil(longest / _PIECE_M), 1))
        if float(np.abs(as_if_flat - laid[1]).max()) < _OFF_M:
            return laid[0], flat[1]
        return laid[1], fine[1]


def _painted(place: _Place, outline: NDArray[np.float64], uvw: NDArray[np.float64], pattern: int) -> Mesh:
    return _patterned(*place.lay(outline, uvw), pattern)


def _patterned(corners: NDArray[np.float64], uvw: NDArray[np.float64], pattern: int) -> Mesh:
    both = np.concatenate([corners, uvw], axis=2)
    flat = both[:, :, :3]
    down = cross(flat[:, 1] - flat[:, 0], flat[:, 2] - flat[:, 0])[:, 2] < 0.0
    both = np.where(down[:, None, None], both[:, ::-1], both)
    return make_mesh(
        both[:, :, :3],
        ASPHALT_RGB,
        Label.ROADS,
        Material.ASPHALT,
        layer=_LAYER,
        pattern=pattern,
        uvw=both[:, :, 3:],
    )


def _line(low: float, high: float, period: float = 0.0, on: float = 0.0, edge: float = 0.0) -> Line:
    return (edge, low, high, period, on, 0.0, *WHITE)


def _crosswalk(place: _Place, item: Painted, book: PatternBook) -> Mesh:
    outline = item.outline
    if np.allclose(outline[0], outline[-1]):
        outline = outline[:-1]
    spread = outline - outline.mean(axis=0)
    axis = np.linalg.svd(spread)[2][0]  # the way that people walk
    across = np.array([-axis[1], axis[0]])
    u, v = outline @ axis, outline @ across
    width = float(np.ptp(v))
    uvw = np.stack([u - u.min(), v - v.min(), v.max() - v], axis=1)
    lines: tuple[Line, ...]
    if item.name == "SimpleCrosswalk":
        lines = (_line(0.05, 0.05 + _SIDE_LINE_M), _line(0.05, 0.05 + _SIDE_LINE_M, edge=1.0))
    else:
        lines = (_line(0.1, width - 0.1, _BAR_PERIOD_M, _BAR_M),)
        if item.name == "LadderCrosswalk":
            lines += (_line(0.0, _SIDE_LINE_M), _line(0.0, _SIDE_LINE_M, edge=1.0))
    return _painted(place, outline, uvw, book.add(lines))


def _bar(place: _Place, half: float, book: PatternBook) -> Mesh:
    wide = _STOP_WIDTH_M / 2.0 + _FRAME_M
    local = np.array([[-half, -wide], [half, -wide], [half, wide], [-half, wide]])
    uvw = np.stack([local[:, 0], local[:, 1] + wide, wide - local[:, 1]], axis=1)
    pattern = book.add((_line(_FRAME_M, _FRAME_M + _STOP_WIDTH_M),))
    return _painted(place, local, uvw, pattern)


def _path(place: _Place, outline: NDArray[np.float64], *, dashed: bool, book: PatternBook) -> Mesh:
    step = np.gradient(outline, axis=0)
    step /= np.maximum(np.linalg.norm(step, axis=1, keepdims=True), 1e-9)
    normal = np.column_stack([-step[:, 1], step[:, 0]]) * (_PATH_WIDTH_M / 2.0 + _FRAME_M)
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(outline, axis=0), axis=1))])
    wide = np.full_like(length, _PATH_WIDTH_M + 2.0 * _FRAME_M)
    a = np.concatenate([place.points(outline + normal), np.stack([length, 0.0 * wide, wide], axis=1)], axis=1)
    b = np.concatenate([place.points(outline - normal), np.stack([length, wide, 0.0 * wide], axis=1)], axis=1)
    both = quads(a[:-1], a[1:], b[1:], b[:-1])
    period, on = (1.2, 0.6) if dashed else (0.0, 0.0)
    pattern = book.add((_line(_FRAME_M, _FRAME_M + _PATH_WIDTH_M, period, on),))
    return _patterned(both[:, :, :3], both[:, :, 3:], pattern)


def _flat(place: _Place, shapes: list[NDArray[np.float64]]) -> Mesh:
    """Polygons (right, ahead) of plain paint; readers come along the object's forward axis."""
    turned = [np.column_stack([shape[:, 1], -shape[:, 0]]) for shape in shapes]
    triangles = np.concatenate([place.triangles(shape) for shape in turned])
    return make_mesh(upward(triangles), WHITE, Label.ROAD_LINES, layer=_LAYER)


def _arrow(place: _Place, item: Painted) -> Mesh:
    long = max(item.size_m[1], item.size_m[0], 2.0)
    half = long / 2.0
    bend = 1.0 if item.name.endswith("R") else -1.0 if item.name.endswith("L") else 0.0
    shaft = np.array([[-0.07, -half], [0.07, -half], [0.07, 0.25 * half], [-0.07, 0.25 * half]])
    if bend == 0.0:
        shaft[2:, 1] = 0.4 * half
        return _flat(place, [shaft, np.array([[-0.3, 0.4 * half], [0.3, 0.4 * half], [0.0, half]])])
    branch = np.array(
        [[-0.07, 0.1 * half], [0.35, 0.1 * half + 0.22], [0.35, 0.1 * half + 0.40], [-0.07, 0.1 * half + 0.2]]
    )
    head = np.array([[0.32, 0.1 * half], [0.78, 0.1 * half + 0.34], [0.32, 0.1 * half + 0.68]])
    return _flat(place, [shape * np.array([bend, 1.0]) for shape in (shaft, branch, head)])


def _word(place: _Place, text: str, item: Painted) -> Mesh:
    return _flat(place, outlines(text, max(item.size_m[0], 1.6) * 0.85, max(item.size_m[1], 1.6), 0.16))


def _missing_stop_lines(
    town: Town, roads: tuple[RoadShape, ...], stops: NDArray[np.float64], book: PatternBook
) -> Mesh:
    """Stop lines of lanes that a light or a stop sign governs, where the file has none."""
    wanted = {lane for plan in town.lights for lane in plan.lanes}
    wanted |= {lane for plan in town.signs if plan.blueprint_id == "traffic.stop" for lane in plan.lanes}
    parts = []
    pattern = book.add((_line(_FRAME_M, _FRAME_M + _STOP_WIDTH_M),))
    by_id = {road.id: road for road in roads}
    for road_id, lane_id in sorted(wanted):
        road = by_id[road_id]
        ahead = lane_id < 0
        section = road.sections[-1 if ahead else 0]
        deep = _STOP_WIDTH_M + 2.0 * _FRAME_M
        s1 = road.line.length_m - _STOP_BEFORE_M if ahead else _STOP_BEFORE_M
        s = np.array([s1 - deep, s1] if ahead else [s1, s1 + deep])
        edges = road.bounds(section, s)
        if lane_id not in edges or s.min() < 0.0 or s.max() > road.line.length_m:
            continue
        inner, outer = edges[lane_id + 1 if ahead else lane_id - 1], edges[lane_id]
        margin = np.sign(outer - inner) * 0.12
        a, b = road.line.points(s, inner + margin), road.line.points(s, outer - margin)
        if len(stops) and float(np.linalg.norm(stops - (a[0] + b[0]) / 2.0, axis=1).min()) < _NEAR_M:
            continue
        zero, wide = np.zeros(1), np.full(1, float(np.abs(outer - inner)[0]))
        corners = [a[:1], a[1:], b[1:], b[:1]]
        full = np.full(1, deep)
        coordinates = [(zero, zero, full), (zero, full, zero), (wide, full, zero), (wide, zero, full)]
        both = quads(
            *(
                np.concatenate([p, np.stack(c, axis=1)], axis=1)
                for p, c in zip(corners, coordinates, strict=True)
            )
        )
        parts.append(_patterned(both[:, :, :3], both[:, :, 3:], pattern))
    return joined(parts)
