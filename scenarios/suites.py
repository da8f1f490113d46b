"""Suites: named sets of routes, each with a hash of what it drives.

The hash covers the routes, not the bytes of their file: re-indenting an XML file keeps it, moving a key point
by a millimetre changes it.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from scenarios.route import Route
from scenarios.route_xml import read_routes

_TOWNS = ("Town01", "Town02", "Town04", "Town06")
"""Towns of Longest6 whose maps come with this project; Town03 and Town05 need a CARLA server."""

_FILES: Mapping[str, str] = {"longest6": "longest6.xml", "longest6v2": "longest6_v2.xml"}
"""Family of suites -> shipped route file."""

_WHOLE: Mapping[str, str] = {"smoke": "smoke.xml", "held-out-town02": "town02_heldout.xml"}
"""Suite -> shipped route file that is driven as a whole.

`smoke` takes the expert less than a minute. `held-out-town02` is for students of `make train`: 12 routes of a
town, in four weathers, that their training does not see.
"""


class UnknownSuiteError(LookupError):
    """No suite has this name, and it is not a route file either."""

    def __init__(self, name: str) -> None:
        names = suite_names()
        close = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.5)
        hint = f' (did you mean "{close[0]}"?)' if close else ""
        super().__init__(
            f'unknown suite "{name}"{hint}; known suites: {", ".join(names)};'
            " a path to a Leaderboard route file (*.xml) is a suite too"
        )
        self.name = name


@dataclass(frozen=True, slots=True)
class Suite:
    """A set of routes.

    Attributes:
        name: as it was asked for; a route file goes by its file name.
        routes: in file order, at least one.
        sha256: hash of the routes' content, see `routes_sha256`.
    """

    name: str
    routes: tuple[Route, ...]
    sha256: str


def suite_names() -> tuple[str, ...]:
    """Names of the suites that come with this project."""
    parts = ("available", *(town.lower() for town in _TOWNS))
    return (*_WHOLE, *(f"{family}-{part}" for family in _FILES for part in parts))


def suite(name: str) -> Suite:
    """Find a suite by name, or read a route file as one.

    Raises:
        UnknownSuiteError: neither a known name nor a path; lists the names.
        RouteXmlError: the route file cannot be used.
    """
    if name in suite_names():
        family, _, part = name.partition("-")
        towns = [t for t in _TOWNS if name in _WHOLE or part in ("available", t.lower())]
        file = _WHOLE[name] if name in _WHOLE else _FILES[family]
        with resources.as_file(resources.files("scenarios") / "routes" / file) as path:
            routes = tuple(route for route in read_routes(path) if route.town in towns)
        return Suite(name, routes, routes_sha256(routes))
    if name.lower().endswith(".xml") or os.sep in name:
        routes = read_routes(name)
        return Suite(Path(name).name, routes, routes_sha256(routes))
    raise UnknownSuiteError(name)


def routes_sha256(routes: Iterable[Route]) -> str:
    """Hash what routes say, independent of their file's name, layout and number formatting.

    Canonical form: JSON without spaces, keys sorted, numbers as Python's shortest round-trip decimals; per
    route its id, town, key points, weather and scenarios, in order.
    """
    canonical = json.dumps(
        [_canonical(route) for route in routes], sort_keys=True, separators=(",", ":"), allow_nan=False
    )
    return hashlib.sha256(canonical.encode()).hexdigest()


def _canonical(route: Route) -> dict[str, object]:
    return {
        "id": route.id,
        "town": route.town,
        "keypoints": [[_plain(value) for value in point] for point in route.keypoints.tolist()],
        "weather": [
            [_plain(frame.route_percentage), {key: _plain(value) for key, value in frame.parameters.items()}]
            for frame in route.weather
        ],
        "scenarios": [
            [
                scenario.name,
                scenario.type,
                [_plain(value) for value in scenario.trigger_xyz_yaw],
                {key: dict(value) for key, value in scenario.parameters.items()},
            ]
            for scenario in route.scenarios
        ],
    }


def _plain(value: float) -> float:
    return float(value) + 0.0  # -0.0 becomes 0.0: the same place
