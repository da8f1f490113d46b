"""Rays through the level."""

from __future__ import annotations

from simulator.rpc.table import Method, value
from simulator.simulation import Simulation
from simulator.wire.arguments import Vector, number, vector
from simulator.world.rays import RayHit
from simulator.world.rays import cast_ray as cast
from simulator.world.rays import project_point as project

_ORIGIN = (0.0, 0.0, 0.0)


def cast_ray(simulation: Simulation, start: Vector, end: Vector) -> list[object]:
    """All that a ray enters, in the order of its way."""
    return [_labelled(hit) for hit in cast(simulation.world, start, end)]


def project_point(
    simulation: Simulation, start: Vector, direction: Vector, distance_m: float
) -> list[object]:
    """The first thing in a direction; the client's `ground_projection` asks for the one below."""
    hit = project(simulation.world, start, direction, distance_m)
    return [False, [list(_ORIGIN), 0]] if hit is None else [True, _labelled(hit)]


def _labelled(hit: RayHit) -> list[object]:
    return [list(hit.location), hit.label]


METHODS: tuple[Method, ...] = (
    value(
        "cast_ray",
        cast_ray,
        vector,
        vector,
        note="hits the ground, boxes of vehicles, walkers and props, and the boxes of the scene",
    ),
    value("project_point", project_point, vector, vector, number, note="as `cast_ray`"),
)
