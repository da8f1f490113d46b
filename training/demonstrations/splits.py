"""Splits by town and route, never by frame."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from scenarios.route import Route
from training.data.sample import SampleError

SPLITS = ("train", "val", "test")


class SplitError(SampleError):
    """Two splits share a route: what is measured on one would have been trained on in the other."""


def route_key(route: Route) -> str:
    """Hash of where a route goes, whatever its name and weather."""
    points = np.round(route.keypoints, 2) + 0.0
    return hashlib.sha256(route.town.encode() + points.astype("<f8").tobytes()).hexdigest()[:16]


def assign_splits(
    routes: Sequence[Route], *, val_towns: Sequence[str], val_share: float, test_share: float, seed: int
) -> dict[str, str]:
    """Give each route id a split.

    Routes that go the same way are kept together. Of each town's ways, the given shares go to val and test,
    at least one each if the share is not 0 and the town has two ways or more.

    Returns:
        Route id -> split.
    """
    ways: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for route in routes:
        ways[route.town][route_key(route)].append(route.id)
    found: dict[str, str] = {}
    for town, by_key in sorted(ways.items()):
        keys = sorted(by_key)
        np.random.default_rng([seed, 7, *town.encode()]).shuffle(keys)
        counts = {
            split: _count(share, len(keys)) for split, share in (("val", val_share), ("test", test_share))
        }
        for place, key in enumerate(keys):
            held_out = "val" if place < counts["val"] else "test"
            split = held_out if place < counts["val"] + counts["test"] else "train"
            for route_id in by_key[key]:
                found[route_id] = "val" if town in val_towns else split
    return found


def _count(share: float, ways: int) -> int:
    return 0 if share == 0.0 or ways < 2 else max(1, round(share * ways))


def check_disjoint(episodes: Iterable[Mapping[str, str]]) -> None:
    """Make sure that no route is in two splits.

    Args:
        episodes: with "town", "route_id", "route_key" and "split".

    Raises:
        SplitError: names the route and the splits.
    """
    seen: dict[str, tuple[str, str]] = {}
    for episode in episodes:
        key, split = episode["route_key"], episode["split"]
        before = seen.setdefault(key, (split, episode["route_id"]))
        if before[0] != split:
            raise SplitError(
                f"route {episode['route_id']} of {episode['town']} is in split {split}, and the same way in"
                f" split {before[0]} as {before[1]}: split by route, or leave one of the two out"
            )
