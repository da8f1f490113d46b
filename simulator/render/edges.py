"""What closes the roads at their sides: skirts down to the ground, bridges where the ground is far below."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulator.render.ground import lane_goes_on
from simulator.render.labels import Label, Material
from simulator.render.lane_strips import ASPHALT_RGB, Edge
from simulator.render.mesh import Mesh, cross, joined, make_mesh, outward, quads
from simulator.render.terrain import Terrain
from simulator.world.roads import RoadSurface

_SOIL_RGB = (0.10, 0.085, 0.06)
_CONCRETE_RGB = (0.30, 0.29, 0.27)
_SLAB_M = 0.9
_BRIDGE_M = 1.6  # above the ground: there the road is carried
_SAME_LEVEL_M = 1.0
_SHALLOW_M = 0.2
_RAMP_M = 0.25  # out and down
_PARAPET_HIGH_M, _PARAPET_THICK_M = 0.85, 0.22


def skirts(edges: list[Edge], terrain: Terrain, roads: RoadSurface) -> Mesh:
    """Walls below every outer edge of a road, down into the ground or as deep as a slab.

    In a junction the edges of most lanes lie on other lanes: there they are ramps of asphalt, which hide in
    the other lane and close the step or crack between the two.
    """
    parts = []
    for edge in edges:
        top = edge.points
        gap = top[:, 2] - terrain.at(top[:, 0], top[:, 1])
        depth = np.where(gap > _BRIDGE_M, _SLAB_M, np.clip(gap + 0.25, 0.3, _BRIDGE_M + 0.25))
        in_paving = edge.in_junction and not edge.raised
        covered = lane_goes_on(roads, top, edge.out) if in_paving else np.zeros(len(top), np.bool_)
        covered &= np.roll(covered, 1) & np.roll(covered, -1)  # not at the ends, where the lanes part
        depth[covered] = _RAMP_M
        low = top + np.column_stack([covered[:, None] * _RAMP_M * edge.out, -depth])
        walls = _standing(quads(top[:-1], top[1:], low[1:], low[:-1]), np.repeat(edge.out[:-1], 2, axis=0))
        high = np.repeat((gap[:-1] > _BRIDGE_M) | edge.raised, 2)
        rgb = np.where(high[:, None], _CONCRETE_RGB, _SOIL_RGB)
        paved = covered | (in_paving & (gap < _SHALLOW_M))
        paved = np.repeat(paved[:-1] & paved[1:], 2)
        rgb[paved] = ASPHALT_RGB
        mesh = make_mesh(walls, rgb, Label.TERRAIN, layer=0)
        mesh.label[high] = int(Label.SIDEWALKS) if edge.raised else int(Label.BRIDGE)
        mesh.label[paved], mesh.material[paved] = int(Label.ROADS), int(Material.ASPHALT)
        parts.append(mesh)
    return _all(parts)


def parapets(edges: list[Edge], terrain: Terrain, roads: RoadSurface) -> Mesh:
    """Concrete walls along bridges, except where another lane goes on beside the edge."""
    parts = []
    for edge in edges:
        points, out = edge.points, edge.out
        gap = points[:, 2] - terrain.at(points[:, 0] + 2.0 * out[:, 0], points[:, 1] + 2.0 * out[:, 1])
        if edge.raised or not (gap > _BRIDGE_M).any():
            continue
        beside = lane_goes_on(roads, points, out, beyond_m=0.9, reach_m=2.3, step_m=_SAME_LEVEL_M)
        free = ~beside & (gap > _BRIDGE_M)
        both = free[:-1] & free[1:]
        if not both.any():
            continue
        lift = np.array([0.0, 0.0, _PARAPET_HIGH_M])
        outer = np.column_stack([points[:, :2] + _PARAPET_THICK_M * out, points[:, 2]])
        drop = np.array([0.0, 0.0, -0.3])
        faces = (
            (points, points + lift, -out),
            (outer + drop, outer + lift, out),
        )
        for low, high, away in faces:
            wall = _standing(quads(low[:-1], low[1:], high[1:], high[:-1]), np.repeat(away[:-1], 2, axis=0))
            parts.append(make_mesh(wall[np.repeat(both, 2)], _CONCRETE_RGB, Label.GUARD_RAIL))
        a, b = points + lift, outer + lift
        top = quads(a[:-1], a[1:], b[1:], b[:-1])
        down = cross(top[:, 1] - top[:, 0], top[:, 2] - top[:, 0])[:, 2] < 0.0
        top = np.where(down[:, None, None], top[:, ::-1], top)
        parts.append(make_mesh(top[np.repeat(both, 2)], _CONCRETE_RGB, Label.GUARD_RAIL))
        for k in np.flatnonzero(np.diff(np.concatenate([[False], both, [False]]).astype(int))):
            end = np.stack([points[k], outer[k], outer[k] + lift, points[k] + lift])[:, None]
            inside = points[int(np.clip(k, 1, len(points) - 2))] + lift / 2.0
            parts.append(make_mesh(outward(quads(*end), inside), _CONCRETE_RGB, Label.GUARD_RAIL))
    return _all(parts)


def undersides(road_mesh: Mesh, terrain: Terrain) -> Mesh:
    """The lower faces of the slabs of bridges."""
    middle = road_mesh.corners.mean(axis=1)
    gap = middle[:, 2] - terrain.at(middle[:, 0], middle[:, 1])
    normal = cross(
        road_mesh.corners[:, 1] - road_mesh.corners[:, 0], road_mesh.corners[:, 2] - road_mesh.corners[:, 0]
    )
    flat = normal[:, 2] > 0.7 * np.linalg.norm(normal, axis=1)
    chosen = road_mesh.corners[flat & (gap > _BRIDGE_M)]
    lower = chosen[:, ::-1] - np.array([0.0, 0.0, _SLAB_M - 0.03])  # within the skirts
    return make_mesh(lower, _CONCRETE_RGB, Label.BRIDGE)


def _standing(triangles: NDArray[np.float64], out: NDArray[np.float64]) -> NDArray[np.float64]:
    """Triangles of a wall with their normals along `out` (N, 2)."""
    normals = cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    wrong = np.einsum("ij,ij->i", normals[:, :2], out) < 0.0
    return np.where(wrong[:, None, None], triangles[:, ::-1], triangles)


def _all(parts: list[Mesh]) -> Mesh:
    return joined(parts).cleaned()
