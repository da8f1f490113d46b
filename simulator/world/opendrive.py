"""What `carla.Map` does not tell, read from the OpenDRIVE text itself: signals, controllers, speeds.

Lane geometry is left to `carla.Map`, so that server and clients agree on it to the last bit.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from simulator.world.errors import OpenDriveError

TRAFFIC_LIGHT = "1000001"
STOP_SIGN = "206"
YIELD_SIGN = "205"
SPEED_SIGN = "274"

# CARLA's towns draw their speed signs as objects with these names; CARLA makes signs of them, in km/h.
_SPEED_OBJECT = re.compile(r"speed_(\d{1,3})", re.IGNORECASE)
_MOST_LANES = 99

_SHAPES = ("line", "arc", "spiral", "poly3", "paramPoly3")
_KMH_PER_UNIT = {"mph": 1.609344, "km/h": 1.0, "m/s": 3.6}


@dataclass(frozen=True, slots=True)
class LaneRange:
    """Lanes that a signal applies to, inclusive, by OpenDRIVE lane id."""

    from_lane: int
    to_lane: int

    def lanes(self) -> range:
        """Every lane id of the range, the smallest first."""
        low, high = sorted((self.from_lane, self.to_lane))
        return range(low, high + 1)


@dataclass(frozen=True, slots=True)
class SignalUse:
    """A place where a signal applies: the signal itself or a `signalReference`.

    Attributes:
        road_id: road that carries it.
        s_m: along that road.
        lanes: validity; empty means every lane of that orientation.
        orientation: "+" traffic along the reference line, "-" against it, "none" both.
    """

    road_id: int
    s_m: float
    lanes: tuple[LaneRange, ...]
    orientation: str

    def applies_to(self, lane_id: int) -> bool:
        """Whether a lane of the road is meant."""
        if self.lanes:
            return lane_id != 0 and any(lane_id in found.lanes() for found in self.lanes)
        directions = {"+": (-1,), "-": (1,)}.get(self.orientation, (-1, 1))
        return (lane_id > 0) - (lane_id < 0) in directions


@dataclass(frozen=True, slots=True)
class Signal:
    """A traffic light or sign.

    Attributes:
        id: OpenDRIVE signal id.
        type: "1000001" light, "206" stop, "205" yield, "274" speed limit.
        value_kmh: of a speed sign.
        own: where it stands.
        references: the other places where it applies.
    """

    id: str
    type: str
    value_kmh: float
    own: SignalUse
    references: tuple[SignalUse, ...]


@dataclass(frozen=True, slots=True)
class Road:
    """A road, without its geometry.

    Attributes:
        id: OpenDRIVE road id.
        junction_id: -1 outside junctions.
        length_m: along the reference line.
        speeds: (s m, limit km/h), ascending in s; from the road's `type` elements.
        lane_speeds: lane id -> (s m, limit km/h), ascending; from the lanes' own `speed` elements.
    """

    id: int
    junction_id: int
    length_m: float
    speeds: tuple[tuple[float, float], ...]
    lane_speeds: dict[int, tuple[tuple[float, float], ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SignalGroup:
    """The traffic lights of one junction.

    Attributes:
        junction_id: OpenDRIVE junction.
        controllers: signal ids that are green together, in the order of their turns.
    """

    junction_id: int
    controllers: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class OpenDriveFacts:
    """See the module docstring. `signals` is in the order of the file."""

    roads: dict[int, Road]
    signals: dict[str, Signal]
    groups: tuple[SignalGroup, ...]


class _Reader:
    """Reads one text; every error names the town and the element."""

    def __init__(self, town: str, root: Element) -> None:
        self._town = town
        if root.tag != "OpenDRIVE":
            raise self._fail("document", "the root element is not <OpenDRIVE>")
        self._root = root
        if self._root.find("road") is None:
            raise self._fail("document", "it has no <road>")

    def _fail(self, element: str, problem: str) -> OpenDriveError:
        return OpenDriveError(self._town, element, problem)

    def _text(self, element: Element, name: str, where: str) -> str:
        value = element.get(name)
        if value is None:
            raise self._fail(where, f"attribute {name!r} is missing")
        return value

    def _number(self, element: Element, name: str, where: str) -> float:
        value = self._text(element, name, where)
        try:
            number = float(value)
        except ValueError:
            raise self._fail(where, f"attribute {name!r} is {value!r}, expected a number") from None
        if not math.isfinite(number):
            raise self._fail(where, f"attribute {name!r} is {value!r}, expected a finite number")
        return number

    def _integer(self, element: Element, name: str, where: str) -> int:
        number = self._number(element, name, where)
        if number != int(number):
            raise self._fail(where, f"attribute {name!r} is {element.get(name)!r}, expected an integer")
        return int(number)

    def read(self) -> OpenDriveFacts:
        roads: dict[int, Road] = {}
        own: dict[str, tuple[Element, SignalUse]] = {}
        references: dict[str, list[SignalUse]] = {}
        for element in self._root.findall("road"):
            road = self._road(element)
            if road.id in roads:
                raise self._fail(f"road {road.id}", "the id is used twice")
            roads[road.id] = road
            for signal in element.findall("signals/signal"):
                where = f"road {road.id} / signal {signal.get('id')}"
                own[self._text(signal, "id", where)] = (signal, self._use(signal, road.id, where))
            for reference in element.findall("signals/signalReference"):
                where = f"road {road.id} / signalReference {reference.get('id')}"
                use = self._use(reference, road.id, where)
                references.setdefault(self._text(reference, "id", where), []).append(use)
        for missing in sorted(references.keys() - own.keys()):
            road_id = references[missing][0].road_id
            raise self._fail(f"road {road_id} / signalReference {missing}", "no <signal> has this id")
        signals = {
            signal_id: self._signal(signal_id, element, use, tuple(references.get(signal_id, ())))
            for signal_id, (element, use) in own.items()
        }
        return OpenDriveFacts(roads, self._speed_objects() | signals, self._groups(signals))

    def _speed_objects(self) -> dict[str, Signal]:
        """Speed signs that the file has as objects; they hold for the lanes on their side of the road."""
        found: dict[str, Signal] = {}
        for road in self._root.findall("road"):
            for element in road.findall("objects/object"):
                name = _SPEED_OBJECT.fullmatch(element.get("name", ""))
                if name is None:
                    continue
                where = f"road {road.get('id')} / object {element.get('id')}"
                right = self._number(element, "t", where) < 0.0
                lanes = LaneRange(-_MOST_LANES, -1) if right else LaneRange(1, _MOST_LANES)
                s_m = self._number(element, "s", where)
                use = SignalUse(self._integer(road, "id", where), s_m, (lanes,), "none")
                signal_id = self._text(element, "id", where)
                found[signal_id] = Signal(signal_id, SPEED_SIGN, float(name[1]), use, ())
        return found

    def _check_geometry(self, road: Element, where: str) -> None:
        """Refuse what makes CARLA's reader, here and in every client, fail without a message."""
        pieces = road.findall("planView/geometry")
        if not pieces:
            raise self._fail(f"{where} / planView", "it has no <geometry>")
        for piece in pieces:
            if not any(shape.tag in _SHAPES for shape in piece):
                raise self._fail(f"{where} / planView / geometry", f"it has none of {', '.join(_SHAPES)}")
        if road.find("lanes/laneSection") is None:
            raise self._fail(f"{where} / lanes", "it has no <laneSection>")

    def _road(self, element: Element) -> Road:
        where = f"road {element.get('id')}"
        self._check_geometry(element, where)
        lane_speeds: dict[int, list[tuple[float, float]]] = {}
        for section in element.findall("lanes/laneSection"):
            start = self._number(section, "s", f"{where} / laneSection")
            for lane in section.iter("lane"):
                lane_where = f"{where} / lane {lane.get('id')}"
                lane_id = self._integer(lane, "id", lane_where)
                for speed in lane.findall("speed"):
                    offset = self._number(speed, "sOffset", f"{lane_where} / speed")
                    limit = self._speed_kmh(speed, f"{lane_where} / speed")
                    if limit is not None:
                        lane_speeds.setdefault(lane_id, []).append((start + offset, limit))
        speeds = []
        for kind in element.findall("type"):
            stated = kind.find("speed")
            limit = None if stated is None else self._speed_kmh(stated, f"{where} / type / speed")
            if limit is not None:
                speeds.append((self._number(kind, "s", f"{where} / type"), limit))
        return Road(
            id=self._integer(element, "id", where),
            junction_id=self._integer(element, "junction", where),
            length_m=self._number(element, "length", where),
            speeds=tuple(sorted(speeds)),
            lane_speeds={lane: tuple(sorted(found)) for lane, found in lane_speeds.items()},
        )

    def _speed_kmh(self, speed: Element, where: str) -> float | None:
        if speed.get("max") in ("no limit", "undefined"):
            return None
        unit = speed.get("unit", "m/s")
        if unit not in _KMH_PER_UNIT:
            raise self._fail(where, f"unit {unit!r} is none of {', '.join(_KMH_PER_UNIT)}")
        return self._number(speed, "max", where) * _KMH_PER_UNIT[unit]

    def _use(self, element: Element, road_id: int, where: str) -> SignalUse:
        ranges = tuple(
            LaneRange(
                self._integer(validity, "fromLane", f"{where} / validity"),
                self._integer(validity, "toLane", f"{where} / validity"),
            )
            for validity in element.findall("validity")
        )
        orientation = element.get("orientation", "none")
        return SignalUse(road_id, self._number(element, "s", where), ranges, orientation)

    def _signal(
        self, signal_id: str, element: Element, own: SignalUse, references: tuple[SignalUse, ...]
    ) -> Signal:
        where = f"road {own.road_id} / signal {signal_id}"
        kind = self._text(element, "type", where)
        value_kmh = 0.0
        if kind == SPEED_SIGN:
            unit = element.get("unit", "km/h")
            if unit not in _KMH_PER_UNIT:
                raise self._fail(where, f"unit {unit!r} is none of {', '.join(_KMH_PER_UNIT)}")
            value_kmh = self._number(element, "value", where) * _KMH_PER_UNIT[unit]
        return Signal(signal_id, kind, value_kmh, own, references)

    def _groups(self, signals: dict[str, Signal]) -> tuple[SignalGroup, ...]:
        """Controllers by junction, in the order of their sequence numbers; only what holds traffic lights.

        A signal that several controllers name belongs to the one whose id sorts first as text, as in CARLA's
        TrafficLightManager.
        """
        members: dict[str, tuple[str, ...]] = {}
        taken: set[str] = set()
        for controller in sorted(self._root.findall("controller"), key=lambda found: found.get("id", "")):
            where = f"controller {controller.get('id')}"
            controller_id = self._text(controller, "id", where)
            lights: list[str] = []
            for control in controller.findall("control"):
                signal_id = self._text(control, "signalId", where)
                if signal_id not in signals:
                    raise self._fail(where, f"it controls signal {signal_id}, which does not exist")
                if signals[signal_id].type == TRAFFIC_LIGHT and signal_id not in taken:
                    lights.append(signal_id)
                    taken.add(signal_id)
            members[controller_id] = tuple(lights)
        groups: list[SignalGroup] = []
        for junction in self._root.findall("junction"):
            where = f"junction {junction.get('id')}"
            turns: list[tuple[int, tuple[str, ...]]] = []
            for entry in junction.findall("controller"):
                controller_id = self._text(entry, "id", where)
                if controller_id not in members:
                    raise self._fail(where, f"controller {controller_id} does not exist")
                sequence = int(entry.get("sequence") or len(turns))
                if members[controller_id]:
                    turns.append((sequence, members.pop(controller_id)))
            if turns:
                turns.sort(key=lambda turn: turn[0])
                groups.append(
                    SignalGroup(self._integer(junction, "id", where), tuple(lights for _, lights in turns))
                )
        return tuple(groups)


def parse_opendrive(town: str, text: str) -> Element:
    """The root element of an OpenDRIVE text, read safely.

    Raises:
        OpenDriveError: it is no well-formed XML.
    """
    try:
        root: Element | None = fromstring(text)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise OpenDriveError(town, "document", f"not well-formed XML ({error})") from error
    if root is None:
        raise OpenDriveError(town, "document", "it is empty")
    return root


def read_opendrive(town: str, root: Element) -> OpenDriveFacts:
    """Signals, controllers and speeds of an OpenDRIVE document.

    Args:
        town: name for error messages.
        root: of the whole file.

    Raises:
        OpenDriveError: naming the element that is wrong.
    """
    return _Reader(town, root).read()
