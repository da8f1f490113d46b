"""Triangles from the shelf are those that were built, and a bad shelf is no obstacle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from simulator.render.camera import Camera
from simulator.render.labels import Label
from simulator.render.light import Weather, make_light
from simulator.render.mesh import make_mesh
from simulator.render.patterns import PatternBook
from simulator.render.shapes import box
from simulator.render.store import TriangleStore
from simulator.sensors.shelf import KEPT_OF_A_TOWN, shelved
from simulator.sensors.stage import Stage
from simulator.world.blueprints import default_library
from simulator.world.town import Town

NAME = "Town02-0123456789abcdef"


def small_store() -> TriangleStore:
    mesh = make_mesh(box((6.0, 0.0, 0.0), (1.0, 1.0, 1.0)), (0.5, 0.4, 0.3), Label.BUILDINGS)
    return TriangleStore(
        mesh, [("thing", mesh), ("other/part", mesh.scaled(2.0, 1.0, 1.0))], *PatternBook().tables()
    )


def refuse() -> TriangleStore:
    raise AssertionError("it was built again")


def same(a: TriangleStore, b: TriangleStore) -> bool:
    pairs = zip((*a.triangles, *a.blocks), (*b.triangles, *b.blocks), strict=True)
    return a.templates == b.templates and all(
        one.dtype == other.dtype and np.array_equal(one, other) for one, other in pairs
    )


def test_a_store_comes_back_as_it_was(tmp_path: Path) -> None:
    built = shelved(tmp_path / "new" / "shelf", NAME, small_store)
    again = shelved(tmp_path / "new" / "shelf", NAME, refuse)
    assert same(built, again)
    pose, light = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0), make_light(Weather())
    pictures = [Camera(64, 48, 90.0).render(s, s.objects(), pose, light).bgra for s in (built, again)]
    assert pictures[0].std() > 1.0
    assert np.array_equal(*pictures)


@pytest.mark.parametrize("harm", ["cut", "gone", "pickle"])
def test_a_damaged_store_is_built_anew(tmp_path: Path, harm: str) -> None:
    shelved(tmp_path, NAME, small_store)
    path = tmp_path / NAME / "triangles.corners.npy"
    if harm == "cut":
        path.write_bytes(path.read_bytes()[:90])
    elif harm == "gone":
        path.unlink()
    else:
        np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    assert same(shelved(tmp_path, NAME, small_store), small_store())
    assert same(shelved(tmp_path, NAME, refuse), small_store())


def test_a_shelf_that_cannot_be_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    assert same(shelved(tmp_path / "file" / "shelf", NAME, small_store), small_store())


def test_old_versions_go(tmp_path: Path) -> None:
    for number in range(KEPT_OF_A_TOWN + 2):
        shelved(tmp_path, f"Town02-{number:016x}", small_store)
    shelved(tmp_path, f"Town01-{0:016x}", small_store)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert len([name for name in names if name.startswith("Town02-")]) == KEPT_OF_A_TOWN
    assert f"Town02-{KEPT_OF_A_TOWN + 1:016x}" in names
    assert f"Town01-{0:016x}" in names


def test_a_town_from_the_shelf_is_the_town(tmp_path: Path) -> None:
    """With its things taken away and put back, which changes the mapped columns but not the files."""
    town, library = Town.load("Town02"), default_library()
    built, kept = Stage(town, library, tmp_path), Stage(town, library, tmp_path)
    assert same(built.store, kept.store)
    standing = np.ones(len(town.scene.objects), np.bool_)
    standing[: len(standing) // 2] = False
    assert kept.show(standing)
    assert not same(built.store, kept.store)
    assert same(built.store, Stage(town, library, tmp_path).store)
    assert kept.show(np.ones_like(standing))
    assert same(built.store, kept.store)
