"""Stage: a town's triangles with all that stands in it, some of which can be taken away again.

Built once per town and machine: the triangles are kept on a shelf, where the next process maps them into its
memory instead of building them. What is taken away stays in the store: its triangles lose their planes, so
that they face nobody and neither cameras, rays nor the sun see them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simulator.render.cast import linear
from simulator.render.fleet import vehicle_mesh, wheel_mesh, wheel_places
from simulator.render.furniture import KINDS, mesh_of
from simulator.render.labels import Slot
from simulator.render.mesh import Mesh, joined
from simulator.render.poses import rotation_matrices
from simulator.render.scenery import build_store
from simulator.render.signals import LightHeads
from simulator.scene.objects import PARKED_MODELS, Kind
from simulator.sensors.shelf import shelved
from simulator.world.blueprints import BlueprintLibrary
from simulator.world.town import Town, packaged_towns

TOWNS_KEPT = 1
"""Stages of towns that are kept: one takes some hundred megabytes."""

_NOWHERE = (0.0, 0.0, 0.0, 1.0)
"""Plane of a triangle that faces nobody: nothing is above it."""

_PAINTS = ((196, 198, 200), (24, 25, 28), (92, 16, 18), (28, 52, 96), (226, 226, 220), (70, 78, 72))


class Stage:
    """One town, drawn.

    Objects of the scene have negative instance numbers, -1 for the first; actors have their ids.

    Attributes:
        store: all triangles.
        heads: of the traffic lights.
    """

    def __init__(self, town: Town, library: BlueprintLibrary, shelf: Path | None = None) -> None:
        """Build a town's triangles, or take them from a shelf.

        Args:
            town: map and scene.
            library: what can be spawned.
            shelf: folder that triangles of packaged towns are kept in from one process to the next.
        """
        if shelf is None or town.name not in packaged_towns():
            self.store = build_store(town, library, _furniture(town, library))
        else:
            self.store = shelved(
                shelf,
                f"{town.name}-{_origin_of(town, library)}",
                lambda: build_store(town, library, _furniture(town, library)),
            )
        self.heads = LightHeads(town)
        triangles = self.store.triangles
        count = len(town.scene.objects)
        movable = np.flatnonzero(triangles.instance < 0)
        order = np.argsort(-triangles.instance[movable], kind="stable")
        self._rows = movable[order]
        self._objects = -1 - triangles.instance[self._rows].astype(np.int64)
        self._planes = triangles.plane[self._rows].copy()
        self._standing = np.ones(count, np.bool_)

    def show(self, standing: NDArray[np.bool_]) -> bool:
        """Let only some objects of the scene stand; True if that changed anything.

        Args:
            standing: (N,) one for every object of the town's scene.
        """
        changed = standing != self._standing
        if not changed.any():
            return False
        touched = changed[self._objects]
        stays = standing[self._objects[touched]]
        self.store.triangles.plane[self._rows[touched]] = np.where(
            stays[:, None], self._planes[touched], np.array(_NOWHERE, np.float32)
        )
        self._standing = standing.copy()
        return True


@lru_cache(maxsize=TOWNS_KEPT)
def stage_of(town: Town, library: BlueprintLibrary, shelf: Path | None = None) -> Stage:
    """The stage of a town; the same one as long as it is the last that was asked for. See `Stage`."""
    return Stage(town, library, shelf)


def _origin_of(town: Town, library: BlueprintLibrary) -> str:
    """A name for all that triangles are made from: the map, the blueprints and the code itself."""
    digest = hashlib.sha256(f"{town.opendrive}\n{tuple(library)!r}\n{np.__version__}".encode())
    program = Path(__file__).parents[1]
    for room in ("render", "scene", "sensors", "world"):
        for path in sorted((program / room).glob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _furniture(town: Town, library: BlueprintLibrary) -> Iterator[Mesh]:
    """Everything of the scene but its surfaces, in the world."""
    parked = [_parked(library, blueprint_id) for blueprint_id, _ in PARKED_MODELS]
    for row, found in enumerate(town.scene.objects):
        kind, variant = Kind(int(found["kind"])), int(found["variant"])
        name = kind.name.lower()
        if kind is Kind.PARKED_CAR:
            mesh = _painted(parked[variant % len(parked)], _PAINTS[variant // len(parked) % len(_PAINTS)])
        elif name in KINDS:
            half = (float(found["half_x"]), float(found["half_y"]), float(found["half_z"]))
            mesh = mesh_of(name, half, variant)
            mesh = mesh.at(float(found["box_x"]), 0.0, float(found["box_z"]) - half[2])
        else:
            continue  # roads, sidewalks and crosswalks are surfaces of the map
        turn = np.array([0.0, np.degrees(found["yaw"]), np.degrees(found["roll"])])
        place = np.array([found["x"], found["y"], found["z"]], np.float64)
        yield mesh.moved(rotation_matrices(turn), place).as_instance(-1 - row)


def _parked(library: BlueprintLibrary, blueprint_id: str) -> Mesh:
    """A car with its wheels, in the actor's frame."""
    spec = library[blueprint_id].vehicle
    if spec is None:
        raise KeyError(blueprint_id)
    wheel = wheel_mesh(spec)
    wheels = (wheel.at(x, y, z) for x, y, z, _ in wheel_places(spec))
    return joined([vehicle_mesh(blueprint_id, spec), *wheels])


def _painted(mesh: Mesh, rgb: tuple[int, int, int]) -> Mesh:
    """The same mesh with a fixed paint, its lamps off."""
    body = (mesh.slot == Slot.BODY)[:, None]
    colour = np.where(body, np.array(linear(rgb), np.float32), mesh.rgb)
    return replace(mesh, rgb=colour.astype(np.float32), slot=np.full_like(mesh.slot, int(Slot.NONE)))
