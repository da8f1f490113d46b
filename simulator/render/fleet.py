"""Meshes of all blueprints that can be spawned, by template key.

A vehicle is "<blueprint>" and "<blueprint>/wheel"; a walker is "<blueprint>/trunk", "/arm" and "/leg".
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from functools import cache

import numpy as np

from simulator.render.cars import car_mesh
from simulator.render.coachwork import BODY_SHARE, wheel
from simulator.render.labels import Label
from simulator.render.lorries import bus_mesh, lorry_mesh, wedge_mesh
from simulator.render.mesh import Mesh, Rgb, make_mesh
from simulator.render.people import walker_parts
from simulator.render.shapes import box
from simulator.render.two_wheelers import bicycle_mesh, motorcycle_mesh
from simulator.world.blueprints import Blueprint, VehicleSpec

OWN_COLORS: dict[str, Rgb] = {
    "carlamotors.carlacola": (0.45, 0.02, 0.02),
    "carlamotors.european_hgv": (0.05, 0.12, 0.32),
    "carlamotors.firetruck": (0.42, 0.02, 0.02),
    "dodge.charger_police": (0.02, 0.02, 0.022),
    "dodge.charger_police_2020": (0.02, 0.02, 0.022),
    "ford.ambulance": (0.72, 0.72, 0.70),
    "ford.crown": (0.72, 0.42, 0.03),
    "tesla.cybertruck": (0.46, 0.47, 0.49),
    "mitsubishi.fusorosa": (0.66, 0.63, 0.55),
}
"""Linear colour of vehicles that cannot be painted."""

_LOADS: dict[str, Rgb] = {
    "carlamotors.carlacola": (0.50, 0.03, 0.03),
    "carlamotors.european_hgv": (0.60, 0.60, 0.58),
    "carlamotors.firetruck": (0.42, 0.02, 0.02),
}
_STRIPES: dict[str, Rgb] = {
    "dodge.charger_police": (0.72, 0.72, 0.70),
    "dodge.charger_police_2020": (0.72, 0.72, 0.70),
    "ford.ambulance": (0.55, 0.04, 0.03),
    "ford.crown": (0.03, 0.03, 0.03),
}
_EMERGENCY = frozenset(
    {"carlamotors.firetruck", "dodge.charger_police", "dodge.charger_police_2020", "ford.ambulance"}
)


def model_of(blueprint_id: str) -> str:
    """The blueprint's id without its first word: "audi.tt"."""
    return blueprint_id.split(".", 1)[1]


def number_of(blueprint_id: str) -> int:
    """A number that stands for a blueprint and is the same in every process."""
    return zlib.crc32(blueprint_id.encode())


@cache
def all_templates(blueprints: tuple[Blueprint, ...]) -> tuple[tuple[str, Mesh], ...]:
    """Keys and meshes of many blueprints. Made once per process: they are the same in every town."""
    return tuple(entry for blueprint in blueprints for entry in templates_of(blueprint))


def templates_of(blueprint: Blueprint) -> Iterator[tuple[str, Mesh]]:
    """Keys and meshes that a blueprint needs; none if it has no body."""
    if blueprint.vehicle is not None:
        yield blueprint.id, vehicle_mesh(blueprint.id, blueprint.vehicle)
        yield f"{blueprint.id}/wheel", wheel_mesh(blueprint.vehicle)
    elif blueprint.id.startswith("walker.") and blueprint.box is not None:
        for part, mesh in walker_parts(number_of(blueprint.id), blueprint.box[1]).items():
            yield f"{blueprint.id}/{part}", mesh
    elif blueprint.id.startswith("static.prop.") and blueprint.box is not None:
        center, half = blueprint.box
        rng = np.random.default_rng(number_of(blueprint.id))
        shade = rng.uniform(0.15, 0.45, 3)
        rgb = (float(shade[0]), float(shade[1]), float(shade[2]))
        yield blueprint.id, make_mesh(box(center, half), rgb, Label.DYNAMIC)


def vehicle_mesh(blueprint_id: str, spec: VehicleSpec) -> Mesh:
    """The body, without wheels, in the actor's frame; its extremes are those of the blueprint's box."""
    model, half = model_of(blueprint_id), spec.extent
    axles, radius = _drawn_axles(spec), spec.wheel_radius_m
    number = number_of(blueprint_id)
    if model == "tesla.cybertruck":
        mesh = wedge_mesh(half, axles, radius)
    elif spec.base_type == "truck":
        mesh = lorry_mesh(
            half, axles, radius, _LOADS.get(model, (0.6, 0.6, 0.58)), beacons=model in _EMERGENCY
        )
    elif spec.base_type == "bus":
        mesh = bus_mesh(half, axles, radius, OWN_COLORS.get(model, (0.6, 0.6, 0.6)), (0.06, 0.22, 0.30))
    elif spec.base_type == "bicycle":
        mesh = bicycle_mesh(half, axles, radius, number)
    elif spec.base_type == "motorcycle":
        mesh = motorcycle_mesh(half, axles, radius, number)
    else:
        mesh = car_mesh(
            half,
            axles,
            radius,
            Label.CAR,
            van=spec.base_type == "van",
            beacons=model in _EMERGENCY,
            stripe=_STRIPES.get(model),
        )
    return _fitted(mesh, spec)


def _drawn_axles(spec: VehicleSpec) -> tuple[float, float]:
    """Where the axles are along x, the front one first; the wheels of two-wheelers are drawn within the box.

    The wheelbases are estimates (docs/vehicles.md), and some bicycles would roll out of CARLA's boxes.
    """
    front, rear = spec.front_axle_x_m, spec.rear_axle_x_m
    if spec.base_type in ("bicycle", "motorcycle"):
        reach = spec.extent[0] - spec.wheel_radius_m
        return min(front, spec.box_center[0] + reach), max(rear, spec.box_center[0] - reach)
    return front, rear


def _fitted(mesh: Mesh, spec: VehicleSpec) -> Mesh:
    """The same body, stretched by some per cent so that it fills the blueprint's box."""
    points = mesh.corners.reshape(-1, 3)
    low, high = points.min(axis=0), points.max(axis=0)
    hx, hy, hz = spec.extent
    wheels = spec.wheel_radius_m
    front, rear = _drawn_axles(spec)
    low_x, high_x = min(low[0], rear - wheels), max(high[0], front + wheels)
    if spec.base_type in ("bicycle", "motorcycle"):
        low[0], high[0] = low_x, high_x
    stretch = np.array(
        [2.0 * hx / (high[0] - low[0]), hy / max(-low[1], high[1]), (spec.box_center[2] + hz) / high[2]]
    )
    moved = mesh.scaled(float(stretch[0]), float(stretch[1]), float(stretch[2]))
    shift = spec.box_center[0] - stretch[0] * (low[0] + high[0]) / 2.0
    if spec.base_type in ("bicycle", "motorcycle"):
        shift = 0.0  # the frame must stay where its wheels are
    return moved.at(float(shift), 0.0, 0.0)


def wheel_mesh(spec: VehicleSpec) -> Mesh:
    """One wheel about its own centre."""
    label = {"truck": Label.TRUCK, "bus": Label.BUS, "motorcycle": Label.MOTORCYCLE, "bicycle": Label.BICYCLE}
    width = {"bicycle": 0.035, "motorcycle": 0.14, "truck": 0.30, "bus": 0.28}.get(spec.base_type, 0.21)
    return wheel(spec.wheel_radius_m, width, label.get(spec.base_type, Label.CAR))


def wheel_places(spec: VehicleSpec) -> list[tuple[float, float, float, bool]]:
    """x, y, z of every wheel's centre, and whether it is steered."""
    front, rear = _drawn_axles(spec)
    half = spec.extent[1] * BODY_SHARE - 0.10 if spec.track_m > 0.0 else 0.0
    if spec.base_type in ("truck", "bus"):
        half = spec.extent[1] * 0.93 - 0.16
    sides = (-half, half) if half > 0.0 else (0.0,)
    return [
        (x, y, spec.wheel_radius_m, steered) for x, steered in ((front, True), (rear, False)) for y in sides
    ]
