"""Leaderboard route XML -> `Route`, in its 1.x and its 2.x form.

1.x: `<route id town>` holds `<waypoint x y z pitch yaw roll>` elements and a `<weather>`.
2.x: it holds `<weathers><weather route_percentage …>`, `<waypoints><position x y z>` and `<scenarios>`, each
with one `<trigger_point x y z yaw>` and any further elements as parameters.

The reader is strict: a misspelt element that were skipped would silently change what is driven.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn
from xml.sax import SAXException, SAXParseException
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl, Locator

import defusedxml.sax
import numpy as np
from defusedxml import DefusedXmlException

from scenarios.route import Float, Route, ScenarioSpec, WeatherKeyframe

_WEATHER_PARAMETERS = frozenset(
    {
        "cloudiness",
        "precipitation",
        "precipitation_deposits",
        "wind_intensity",
        "sun_azimuth_angle",
        "sun_altitude_angle",
        "fog_density",
        "fog_distance",
        "fog_falloff",
        "wetness",
        "scattering_intensity",
        "mie_scattering_scale",
        "rayleigh_scattering_scale",
        "dust_storm",
    }
)
"""Fields of `carla.WeatherParameters` (0.9.16)."""

_ROUTE_CHILDREN = ("waypoint", "waypoints", "weather", "weathers", "scenarios")


class RouteXmlError(ValueError):
    """A route file cannot be used; the message names the place and the remedy.

    Attributes:
        file: the file as it was asked for.
        line: 1-based line, or None where there is none to name.
        route_id: id of the route, or None outside of any.
        element: name of the element at fault, or None.
        attribute: name of the attribute at fault, or None.
    """

    def __init__(
        self,
        problem: str,
        remedy: str,
        *,
        file: str,
        line: int | None = None,
        route_id: str | None = None,
        element: str | None = None,
        attribute: str | None = None,
    ) -> None:
        place = file if line is None else f"{file}:{line}"
        if route_id is not None:
            place += f", route {route_id}"
        if element is not None:
            place += f", <{element}>" if attribute is None else f", <{element} {attribute}>"
        super().__init__(f"{place}: {problem}; {remedy}")
        self.file = file
        self.line = line
        self.route_id = route_id
        self.element = element
        self.attribute = attribute


@dataclass(slots=True)
class _Element:
    """An XML element that knows where it stands."""

    tag: str
    attributes: dict[str, str]
    line: int
    children: list[_Element] = field(default_factory=list)


class _TreeBuilder(ContentHandler):
    """Collects elements with their line numbers, which ElementTree drops."""

    def __init__(self) -> None:
        super().__init__()
        self.root: _Element | None = None
        self._open: list[_Element] = []
        self._locator: Locator | None = None

    def setDocumentLocator(self, locator: Locator) -> None:  # noqa: N802 - SAX's name
        self._locator = locator

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: N802 - SAX's name
        line = (self._locator.getLineNumber() if self._locator is not None else None) or 0
        element = _Element(name, {key: attrs.getValue(key) for key in attrs.getNames()}, line)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def endElement(self, name: str) -> None:  # noqa: N802, ARG002 - SAX's signature
        self._open.pop()


def read_routes(path: str | Path) -> tuple[Route, ...]:
    """Read every route of a Leaderboard route file, in file order.

    Args:
        path: an XML file of the 1.x or the 2.x form (both may stand in one file, not in one route).

    Returns:
        At least one route; CARLA's frame, metres and degrees.

    Raises:
        RouteXmlError: the file is missing, is not well-formed, declares a DTD or entities, or a route in it
            is incomplete; names file, line, route id, element and attribute.
    """
    reader = _Reader(str(path), Path(path).name)
    return reader.routes(_parse(Path(path)))


def _parse(path: Path) -> _Element:
    builder = _TreeBuilder()
    file = str(path)
    try:
        with path.open("rb") as stream:
            defusedxml.sax.parse(stream, builder, forbid_dtd=True)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise RouteXmlError(f"cannot be read ({reason})", "check the path", file=file) from error
    except SAXParseException as error:
        remedy = "repair the XML there (an editor with XML support shows the place)"
        raise RouteXmlError(
            f"is not well-formed XML ({error.getMessage()})", remedy, file=file, line=error.getLineNumber()
        ) from error
    except DefusedXmlException as error:
        remedy = "remove the DOCTYPE and every entity; route files need neither"
        raise RouteXmlError(
            f"declares a DTD or an entity ({type(error).__name__}), which is refused", remedy, file=file
        ) from error
    except (SAXException, ValueError, LookupError) as error:
        raise RouteXmlError(f"cannot be decoded ({error})", "save it as UTF-8", file=file) from error
    if builder.root is None:
        raise RouteXmlError("holds no element", "write at least one <route>", file=file)
    return builder.root


class _Reader:
    """Turns one file's elements into routes; `file` is for messages, `source` for the routes."""

    def __init__(self, file: str, source: str) -> None:
        self._file = file
        self._source = source
        self._route_id: str | None = None
        self._seen: set[str] = set()

    def routes(self, root: _Element) -> tuple[Route, ...]:
        if root.tag != "routes":
            self._fail(root, f"unknown root element <{root.tag}>", "a route file's root is <routes>")
        routes = tuple(self._route(child) for child in root.children)
        if not routes:
            self._fail(root, "holds no route", "write at least one <route id town>")
        return routes

    def _route(self, element: _Element) -> Route:
        self._route_id = None
        if element.tag != "route":
            self._fail(element, "is not a route", "<routes> may hold <route> elements only")
        route_id = self._text(element, "id")
        self._route_id = route_id
        if route_id in self._seen:
            self._fail(element, f'the id "{route_id}" was used before', "give every route its own id", "id")
        self._seen.add(route_id)
        town = self._text(element, "town").rsplit("/", maxsplit=1)[-1]
        for child in element.children:
            if child.tag not in _ROUTE_CHILDREN:
                allowed = ", ".join(_ROUTE_CHILDREN)
                self._fail(child, "is not an element of a route", f"use one of: {allowed}")
        return Route(
            id=route_id,
            town=town,
            keypoints=self._keypoints(element),
            weather=self._weather(element),
            scenarios=self._scenarios(element),
            source=self._source,
        )

    def _keypoints(self, route: _Element) -> Float:
        direct = [child for child in route.children if child.tag == "waypoint"]
        wrapped = [child for child in route.children if child.tag == "waypoints"]
        if direct and wrapped:
            remedy = "use one form of key points per route"
            self._fail(wrapped[0], "stands beside <waypoint> elements", remedy)
        if len(wrapped) > 1:
            self._fail(wrapped[1], "stands twice in the route", "put all key points into one <waypoints>")
        points = direct
        if wrapped:
            points = wrapped[0].children
            for point in points:
                if point.tag != "position":
                    self._fail(point, "is not a key point", "<waypoints> may hold <position> elements only")
        if len(points) < 2:
            where = wrapped[0] if wrapped else route
            self._fail(where, f"the route has {len(points)} key point(s)", "a route needs at least 2")
        for point in points:
            for angle in ("pitch", "yaw", "roll"):
                if angle in point.attributes:
                    self._number(point, angle)
        table = np.array([[self._number(point, axis) for axis in "xyz"] for point in points])
        table.setflags(write=False)
        return table

    def _weather(self, route: _Element) -> tuple[WeatherKeyframe, ...]:
        elements = [child for child in route.children if child.tag == "weather"]
        for group in (child for child in route.children if child.tag == "weathers"):
            for child in group.children:
                if child.tag != "weather":
                    self._fail(child, "is not a weather", "<weathers> may hold <weather> elements only")
                elements.append(child)
        frames: dict[float, WeatherKeyframe] = {}
        for element in elements:
            has_share = "route_percentage" in element.attributes
            share = self._number(element, "route_percentage") if has_share else 0.0
            if not 0.0 <= share <= 100.0:
                remedy = "give a share of the route in percent"
                self._fail(element, f"{share:g} is not in 0..100", remedy, "route_percentage")
            if share in frames:
                remedy = "give every weather of a route its own percentage"
                self._fail(element, f"a second weather at {share:g} %", remedy, "route_percentage")
            frames[share] = WeatherKeyframe(share, self._weather_parameters(element))
        return tuple(frames[share] for share in sorted(frames))

    def _weather_parameters(self, element: _Element) -> dict[str, float]:
        parameters = {}
        for name in element.attributes:
            if name in ("id", "route_percentage"):
                continue
            if name not in _WEATHER_PARAMETERS:
                allowed = ", ".join(sorted(_WEATHER_PARAMETERS))
                self._fail(element, "is not a weather parameter of CARLA", f"use one of: {allowed}", name)
            parameters[name] = self._number(element, name)
        return parameters

    def _scenarios(self, route: _Element) -> tuple[ScenarioSpec, ...]:
        scenarios: list[ScenarioSpec] = []
        for group in (child for child in route.children if child.tag == "scenarios"):
            for child in group.children:
                if child.tag != "scenario":
                    self._fail(child, "is not a scenario", "<scenarios> may hold <scenario> elements only")
                scenario = self._scenario(child)
                if any(other.name == scenario.name for other in scenarios):
                    remedy = "give every scenario of a route its own name"
                    self._fail(child, f'the name "{scenario.name}" was used before', remedy, "name")
                scenarios.append(scenario)
        return tuple(scenarios)

    def _scenario(self, element: _Element) -> ScenarioSpec:
        triggers = [child for child in element.children if child.tag == "trigger_point"]
        if len(triggers) != 1:
            remedy = "a scenario needs exactly one <trigger_point x y z yaw>"
            self._fail(element, f"has {len(triggers)} trigger points", remedy)
        trigger = triggers[0]
        others = [child for child in element.children if child.tag != "trigger_point"]
        for tag in _repeated(child.tag for child in others):
            self._fail(element, f"holds <{tag}> twice", "a scenario takes each parameter once")
        return ScenarioSpec(
            name=self._text(element, "name"),
            type=self._text(element, "type"),
            trigger_xyz_yaw=(
                self._number(trigger, "x"),
                self._number(trigger, "y"),
                self._number(trigger, "z"),
                self._number(trigger, "yaw"),
            ),
            parameters={child.tag: dict(child.attributes) for child in others},
        )

    def _text(self, element: _Element, attribute: str) -> str:
        value = element.attributes.get(attribute, "").strip()
        if not value:
            self._fail(element, "is missing or empty", f'write {attribute}="…"', attribute)
        return value

    def _number(self, element: _Element, attribute: str) -> float:
        text = element.attributes.get(attribute)
        if text is None:
            self._fail(element, "is missing", f'write {attribute}="<number>"', attribute)
        try:
            value = float(text)
        except ValueError:
            self._fail(element, f'"{text}" is not a number', "write a plain decimal number", attribute)
        if not math.isfinite(value):
            self._fail(element, f'"{text}" is not finite', "write a plain decimal number", attribute)
        return value

    def _fail(self, element: _Element, problem: str, remedy: str, attribute: str | None = None) -> NoReturn:
        raise RouteXmlError(
            problem,
            remedy,
            file=self._file,
            line=element.line,
            route_id=self._route_id,
            element=element.tag,
            attribute=attribute,
        )


def _repeated(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]
