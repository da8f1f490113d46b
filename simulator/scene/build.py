"""From what may stand to tables of things: names, ids, solids, lamps, and pieces of the road itself."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from simulator.scene.layout import Ground, lay_out
from simulator.scene.objects import KINDS, LAMP, OBJECT, SOLID, Kind, Scene
from simulator.scene.roadside import LIGHT_ARM_M
from simulator.scene.strips import Surface, read_roads

PROP_KIND = 3
"""`ActorKind.PROP`: what a solid is to the kernels that read bodies and solids alike."""

_PIECE_STRIPS = 12
_TRUNK_HALF_M = 0.18
_CROWN_FROM = 0.35  # of a tree's height
_ARM_HALF_M = 0.08
_LAMP_BELOW_M = 0.15
_FLAT_HALF_M = 0.05

Corners = NDArray[np.float64]


def build_scene(
    name: str, root: Element, poles: NDArray[np.float64], crosswalks: Iterable[Corners], ground: Ground
) -> tuple[Scene, NDArray[np.void]]:
    """The scene of a packaged town, and (N,) STRIP of its lanes.

    Args:
        name: of the town.
        root: its OpenDRIVE document.
        poles: (N, 3) m, of traffic lights and signs.
        crosswalks: (K, 3) outlines, m.
        ground: height of the ground at (N, 3) points.
    """
    roads = read_roads(root)
    standing = lay_out(name, roads, poles, ground)
    flat = np.concatenate([_pieces(roads.strips), _crosswalks(crosswalks)])
    return furnish(name, np.concatenate([_things(standing), flat])), roads.strips


def furnish(name: str, objects: NDArray[np.void]) -> Scene:
    """The scene of a town that consists of some objects.

    Args:
        name: of the town.
        objects: (N,) OBJECT without id, label and layer.
    """
    objects = objects[np.argsort(objects["kind"], kind="stable")]
    names = _name(name, objects)
    return Scene(objects, names, _solids(objects), _lamps(objects))


def _things(standing: NDArray[np.void]) -> NDArray[np.void]:
    rows = np.zeros(len(standing), OBJECT)
    for field in ("kind", "variant", "x", "y", "z", "yaw", "roll", "half_x", "half_y", "half_z"):
        rows[field] = standing[field]
    rows["box_z"] = rows["half_z"]
    lights = rows["kind"] == Kind.STREET_LIGHT
    # The box of a light holds its arm.
    rows["box_x"][lights] = 0.5 * LIGHT_ARM_M
    rows["half_x"][lights] += 0.5 * LIGHT_ARM_M
    return rows


def _pieces(strips: NDArray[np.void]) -> NDArray[np.void]:
    """Roads and sidewalks in pieces: at most `_PIECE_STRIPS` strips of one lane, as a flat box."""
    chosen = strips[(strips["surface"] == Surface.ROAD) | (strips["surface"] == Surface.SIDEWALK)]
    if not len(chosen):
        return np.zeros(0, OBJECT)
    lane = np.stack([chosen["road"], chosen["section"], chosen["lane"]], axis=1)
    begins = np.flatnonzero(np.any(lane[1:] != lane[:-1], axis=1)) + 1
    begins = np.concatenate([[0], begins])
    position = np.arange(len(chosen)) - np.repeat(begins, np.diff([*begins, len(chosen)]))
    starts = np.flatnonzero(position % _PIECE_STRIPS == 0)
    ends = np.append(starts[1:], len(chosen)) - 1
    low, high = chosen[starts], chosen[ends]
    # From the middle of the first cross section to that of the last one.
    first = low["corner"][:, [0, 3]].mean(axis=1)
    last = high["corner"][:, [1, 2]].mean(axis=1)
    rows = np.zeros(len(starts), OBJECT)
    rows["kind"] = np.where(low["surface"] == Surface.ROAD, Kind.ROAD, Kind.SIDEWALK)
    rows["yaw"] = np.arctan2(last[:, 1] - first[:, 1], last[:, 0] - first[:, 0])
    c, s = np.cos(rows["yaw"]), np.sin(rows["yaw"])
    piece = np.repeat(np.arange(len(starts)), ends - starts + 1)
    along = chosen["corner"] @ np.stack([c, s])[:, piece].T[:, :, None]
    across = chosen["corner"] @ np.stack([-s, c])[:, piece].T[:, :, None]
    extremes = []
    for values in (along, across):
        least = np.minimum.reduceat(values.min(axis=(1, 2)), starts)
        most = np.maximum.reduceat(values.max(axis=(1, 2)), starts)
        extremes.append((0.5 * (least + most), 0.5 * (most - least)))
    (u, rows["half_x"]), (v, rows["half_y"]) = extremes
    rows["x"], rows["y"] = c * u - s * v, s * u + c * v
    lowest, highest = np.minimum.reduceat(chosen["z"], starts), np.maximum.reduceat(chosen["z"], starts)
    rows["z"] = 0.5 * (lowest + highest)
    rows["half_z"] = 0.5 * (highest - lowest) + _FLAT_HALF_M
    return rows


def _crosswalks(outlines: Iterable[Corners]) -> NDArray[np.void]:
    """Flat boxes round crosswalks, along their longest side."""
    rows = []
    for outline in outlines:
        sides = np.diff(outline[:, :2], axis=0)
        longest = sides[int(np.argmax(np.hypot(*sides.T)))]
        yaw = math.atan2(longest[1], longest[0])
        axes = np.array([[math.cos(yaw), math.sin(yaw)], [-math.sin(yaw), math.cos(yaw)]])
        inside = outline[:, :2] @ axes.T
        low, high = inside.min(axis=0), inside.max(axis=0)
        row = np.zeros(1, OBJECT)
        row["kind"], row["yaw"] = int(Kind.CROSSWALK), yaw
        row["x"], row["y"] = axes.T @ (0.5 * (low + high))
        row["z"] = outline[:, 2].mean()
        row["half_x"], row["half_y"] = 0.5 * (high - low)
        row["half_z"] = _FLAT_HALF_M
        rows.append(row)
    return np.concatenate(rows) if rows else np.zeros(0, OBJECT)


def _name(town: str, objects: NDArray[np.void]) -> tuple[str, ...]:
    """Names by kind and number; fills in labels, layers and ids, which come from the names."""
    names: list[str] = []
    for kind in Kind:
        here = objects["kind"] == kind
        facts = KINDS[kind]
        objects["label"][here], objects["layer"][here] = int(facts.label), int(facts.layer)
        names += [f"{town}_{facts.name}_{number:04d}" for number in range(int(here.sum()))]
    objects["id"] = [object_id(name) for name in names]
    return tuple(names)


def object_id(name: str) -> int:
    """Id of an environment object: 64 bits of a hash of its name, as in CARLA; never 0."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little") or 1


def _solids(objects: NDArray[np.void]) -> NDArray[np.void]:
    standing = np.flatnonzero(objects["kind"] > Kind.CROSSWALK)
    rows = _boxes(objects, standing)
    kind = objects["kind"][standing]
    light = kind == Kind.STREET_LIGHT
    arms = _boxes(objects, standing[light])
    arms["z"] += objects["half_z"][standing[light]] - _ARM_HALF_M
    arms["extent_z"] = _ARM_HALF_M
    arms["extent_y"] = _ARM_HALF_M
    arms["collides"] = 0
    pole = rows[light]
    pole["x"] -= np.cos(pole["yaw"]) * objects["box_x"][standing[light]]
    pole["y"] -= np.sin(pole["yaw"]) * objects["box_x"][standing[light]]
    pole["extent_x"] = pole["extent_y"]
    rows[light] = pole
    tree = kind == Kind.TREE
    crowns = _boxes(objects, standing[tree])
    half = crowns["extent_z"].copy()
    crowns["z"] += half * _CROWN_FROM
    crowns["extent_z"] = half * (1.0 - _CROWN_FROM)
    crowns["collides"] = 0
    trunks = rows[tree]
    trunks["z"] -= half * (1.0 - _CROWN_FROM)
    trunks["extent_z"] = half * _CROWN_FROM
    trunks["extent_x"] = trunks["extent_y"] = _TRUNK_HALF_M
    rows[tree] = trunks
    solids = np.concatenate([rows, arms, crowns])
    solids["reach"] = np.hypot(solids["extent_x"], solids["extent_y"])
    return solids


def _boxes(objects: NDArray[np.void], chosen: NDArray[np.int64]) -> NDArray[np.void]:
    """SOLIDs that are the bounding boxes of objects."""
    of = objects[chosen]
    rows = np.zeros(len(chosen), SOLID)
    rows["object"], rows["label"] = chosen, of["label"]
    rows["kind"], rows["collides"], rows["stands"] = PROP_KIND, 1, 1
    rows["x"] = of["x"] + np.cos(of["yaw"]) * of["box_x"]
    rows["y"] = of["y"] + np.sin(of["yaw"]) * of["box_x"]
    rows["z"] = of["z"] + of["box_z"]
    rows["yaw"], rows["roll"] = of["yaw"], of["roll"]
    for axis in "xyz":
        rows[f"extent_{axis}"] = of[f"half_{axis}"]
    return rows


def _lamps(objects: NDArray[np.void]) -> NDArray[np.void]:
    chosen = np.flatnonzero(objects["kind"] == Kind.STREET_LIGHT)
    of = objects[chosen]
    rows = np.zeros(len(chosen), LAMP)
    rows["object"] = chosen
    rows["x"] = of["x"] + np.cos(of["yaw"]) * LIGHT_ARM_M
    rows["y"] = of["y"] + np.sin(of["yaw"]) * LIGHT_ARM_M
    rows["z"] = of["z"] + 2.0 * of["half_z"] - _LAMP_BELOW_M
    return rows
