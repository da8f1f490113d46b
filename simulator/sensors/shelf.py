"""Shelf: the triangles of towns on disk, from one process to the next.

A store is a folder of plain `.npy` files, which are mapped into memory: nothing is read before it is looked
at, and servers of the same town share it. It is written aside and then renamed, so that nobody sees half of
one. A shelf that cannot be written or read costs time, never an error.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.render.store import Objects, Template, Triangles, TriangleStore

KEPT_OF_A_TOWN = 3
"""Stores of one town that are kept: of other versions of this program, say. The latest ones."""

_SMALL = 65_536  # files of so many bytes are read, not mapped: an empty array cannot be mapped

logger = logging.getLogger(__name__)


def shelved(shelf: Path, name: str, build: Callable[[], TriangleStore]) -> TriangleStore:
    """The store of that name, built and put on the shelf unless it is there.

    Args:
        shelf: folder; made if it is not there.
        name: of the store: the town, "-", and what tells this version of it from all others.
        build: makes it.
    """
    folder = shelf / name
    if folder.is_dir():
        try:
            return _read(folder)
        except (OSError, ValueError, EOFError) as error:
            logger.warning("%s is damaged and is built anew: %s", folder, error)
            shutil.rmtree(folder, ignore_errors=True)
    store = build()
    try:
        _write(folder, store)
        _tidy(shelf, name)
    except OSError as error:
        logger.info("the triangles of %s are not kept: %s", name, error)
    return store


def _columns(store: TriangleStore) -> dict[str, NDArray[Any]]:
    """Everything that a store is made of, by file name."""
    found: dict[str, NDArray[Any]] = {}
    for part, rows in (("triangles", store.triangles), ("blocks", store.blocks)):
        found |= {f"{part}.{field}": column for field, column in rows._asdict().items()}
    found["template.keys"] = np.array(list(store.templates), dtype=np.str_)
    found["template.span"] = np.array([one.span for one in store.templates.values()], np.int64)
    found["template.ball"] = np.array([one.ball for one in store.templates.values()], np.float64)
    return found


def _read(folder: Path) -> TriangleStore:
    """A store from its folder.

    Raises:
        OSError, ValueError, EOFError: a file is missing or damaged.
    """
    triangles = Triangles(*(_load(folder / f"triangles.{field}.npy") for field in Triangles._fields))
    blocks = Objects(*(_load(folder / f"blocks.{field}.npy") for field in Objects._fields))
    keys, spans, balls = (_load(folder / f"template.{field}.npy") for field in ("keys", "span", "ball"))
    templates = {
        str(key): Template((span[0], span[1]), (ball[0], ball[1], ball[2], ball[3]))
        for key, span, ball in zip(keys, spans.tolist(), balls.tolist(), strict=True)
    }
    return TriangleStore.of(triangles, blocks, templates)


def _load(path: Path) -> NDArray[Any]:
    """An array whose changes stay in this process."""
    if path.stat().st_size <= _SMALL:
        return np.asarray(np.load(path, allow_pickle=False))
    return np.asarray(np.load(path, mmap_mode="c", allow_pickle=False))


def _write(folder: Path, store: TriangleStore) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=".", dir=folder.parent))
    try:
        for field, column in _columns(store).items():
            np.save(aside / f"{field}.npy", column, allow_pickle=False)
        try:
            aside.rename(folder)
        except OSError:
            if not folder.is_dir():  # somebody else was faster otherwise, with the same bytes
                raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _tidy(shelf: Path, name: str) -> None:
    """Remove old stores of the same town."""
    town = name.rsplit("-", 1)[0]
    versions = sorted(shelf.glob(f"{town}-*"), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in versions[KEPT_OF_A_TOWN:]:
        shutil.rmtree(old, ignore_errors=True)
