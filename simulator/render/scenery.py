"""A town as a filled triangle store: roads, ground, bridges, paint, and what is handed in from elsewhere."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

import numpy as np

from simulator.render.decals import build_decals
from simulator.render.edges import parapets, skirts, undersides
from simulator.render.fleet import all_templates
from simulator.render.junctions import fill_junctions
from simulator.render.lane_strips import build_roads, join_roads
from simulator.render.mesh import Mesh, joined
from simulator.render.patterns import PatternBook
from simulator.render.road_file import read_roads
from simulator.render.signals import sign_meshes, signal_templates
from simulator.render.store import TriangleStore
from simulator.render.terrain import build_terrain
from simulator.world.blueprints import Blueprint
from simulator.world.town import Town


def build_store(town: Town, blueprints: Iterable[Blueprint], furniture: Iterable[Mesh] = ()) -> TriangleStore:
    """All triangles of a town.

    Args:
        town: what the roads, signs and lights are taken from.
        blueprints: what can be spawned.
        furniture: meshes in world coordinates: buildings, trees, poles …
    """
    seed = zlib.crc32(town.name.encode())
    book = PatternBook()
    roads = read_roads(town.opendrive)
    made = build_roads(roads, book, town.roads)
    surface = join_roads(made)
    terrain = build_terrain(np.concatenate(made.samples), seed)
    static = joined(
        [
            surface,
            fill_junctions(roads, surface),
            terrain.mesh(),
            skirts(made.edges, terrain, town.roads),
            parapets(made.edges, terrain, town.roads),
            undersides(surface, terrain),
            build_decals(town, roads, book),
            *sign_meshes(town),
            *furniture,
        ]
    ).cleaned()
    return TriangleStore(static, [*all_templates(tuple(blueprints)), *signal_templates()], *book.tables())
