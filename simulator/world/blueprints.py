"""The blueprint library: which actors can be spawned, their attributes, sizes and masses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import cache

from simulator.world import prop_table, sensor_table, vehicle_table
from simulator.world.vehicle_table import Power, VehicleRow

Vector = tuple[float, float, float]

MAX_STEER_DEG = {"truck": 60.0, "bus": 60.0}
"""Steering lock of a front wheel by base type; the engine's default of 70 degrees for the others."""

DEFAULT_MAX_STEER_DEG = 70.0


class AttributeType(IntEnum):
    """Type of an attribute's value, as on the wire."""

    BOOL = 1
    INT = 2
    FLOAT = 3
    STRING = 4
    RGB = 5


class SemanticTag(IntEnum):
    """CARLA's city object labels that actors of the library can have."""

    NONE = 0
    TRAFFIC_LIGHT = 7
    TRAFFIC_SIGN = 8
    PEDESTRIAN = 12
    CAR = 14
    TRUCK = 15
    BUS = 16
    MOTORCYCLE = 18
    BICYCLE = 19
    STATIC = 20
    DYNAMIC = 21


_TAG_OF_BASE_TYPE = {
    "car": SemanticTag.CAR,
    "van": SemanticTag.CAR,
    "truck": SemanticTag.TRUCK,
    "bus": SemanticTag.BUS,
    "motorcycle": SemanticTag.MOTORCYCLE,
    "bicycle": SemanticTag.BICYCLE,
}


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of a blueprint.

    Attributes:
        id: its name.
        type: of the value.
        value: default, always as text.
        recommended: values that CARLA proposes.
        is_modifiable: whether the client may set it before it spawns.
        restrict_to_recommended: whether other values are refused by the client.
    """

    id: str
    type: AttributeType
    value: str
    recommended: tuple[str, ...] = ()
    is_modifiable: bool = True
    restrict_to_recommended: bool = False


@dataclass(frozen=True, slots=True)
class VehicleSpec:
    """Shape and mechanics of a vehicle, in the actor's frame: x forward, y right, z up, origin on the ground.

    Attributes:
        extent: half sizes of the box, m.
        box_center: centre of the box, m.
        mass_kg: ready to drive.
        wheelbase_m: distance between the axles.
        track_m: distance between the wheels of an axle; 0 for a two-wheeler.
        wheel_radius_m: of every wheel.
        max_steer_deg: steering lock of a front wheel.
        rear_axle_x_m: of the rear axle (negative).
        front_axle_x_m: of the front axle.
        base_type: "car", "van", "truck", "bus", "motorcycle" or "bicycle".
        number_of_wheels: 4 or 2, as the blueprint's attribute tells (a lorry counts 4).
        power: how it drives and brakes.
    """

    extent: Vector
    box_center: Vector
    mass_kg: float
    wheelbase_m: float
    track_m: float
    wheel_radius_m: float
    max_steer_deg: float
    rear_axle_x_m: float
    front_axle_x_m: float
    base_type: str
    number_of_wheels: int
    power: Power


@dataclass(frozen=True, slots=True)
class Blueprint:
    """Something that can be spawned.

    Attributes:
        uid: number of the definition, from 1.
        id: "vehicle.audi.tt".
        tags: comma-separated words that the client's filters see.
        attributes: in wire order.
        vehicle: mechanics, for a vehicle.
        box: centre and half sizes in the actor's frame, m; None for what has no body (sensors, controllers).
        semantic_tag: CARLA's label of the body.
    """

    uid: int
    id: str
    tags: str
    attributes: tuple[Attribute, ...]
    vehicle: VehicleSpec | None
    box: tuple[Vector, Vector] | None
    semantic_tag: int


class UnknownBlueprintError(KeyError):
    """No blueprint of that id."""

    def __init__(self, blueprint_id: str) -> None:
        super().__init__(blueprint_id)
        self.blueprint_id = blueprint_id

    def __str__(self) -> str:
        return f"no blueprint '{self.blueprint_id}' in the library; get_blueprint_library() lists them"


class BlueprintLibrary:
    """Blueprints by id, in the order of their uid."""

    def __init__(self, blueprints: Iterable[Blueprint]) -> None:
        self._by_id = {blueprint.id: blueprint for blueprint in blueprints}

    def __getitem__(self, blueprint_id: str) -> Blueprint:
        """The blueprint of that id.

        Raises:
            UnknownBlueprintError: there is none.
        """
        try:
            return self._by_id[blueprint_id]
        except KeyError:
            raise UnknownBlueprintError(blueprint_id) from None

    def __contains__(self, blueprint_id: object) -> bool:
        return blueprint_id in self._by_id

    def __iter__(self) -> Iterator[Blueprint]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)


@cache
def default_library() -> BlueprintLibrary:
    """The blueprints of CARLA 0.9.16, sorted by id. Built once: it is immutable."""
    drafts = [*_vehicles(), *_walkers(), *_props(), *_sensors(), *_others()]
    drafts.sort(key=lambda draft: draft.id)
    return BlueprintLibrary(
        Blueprint(uid, d.id, d.tags, d.attributes, d.vehicle, d.box, d.semantic_tag)
        for uid, d in enumerate(drafts, start=1)
    )


def _draft(
    blueprint_id: str,
    attributes: Iterable[Attribute],
    *,
    vehicle: VehicleSpec | None = None,
    box: tuple[Vector, Vector] | None = None,
    tag: SemanticTag = SemanticTag.NONE,
) -> Blueprint:
    """A blueprint that still lacks its number."""
    tags = ",".join(blueprint_id.split("."))
    return Blueprint(0, blueprint_id, tags, tuple(attributes), vehicle, box, int(tag))


def _text(name: str, value: str, *recommended: str) -> Attribute:
    return Attribute(name, AttributeType.STRING, value, recommended)


def _fixed(name: str, kind: AttributeType, value: str) -> Attribute:
    return Attribute(name, kind, value, (), is_modifiable=False)


def _spec(row: VehicleRow) -> VehicleSpec:
    front_axle_x_m = round(vehicle_table.FRONT_AXLE_SHARE * row.wheelbase_m, 4)
    return VehicleSpec(
        extent=(row.half_x, row.half_y, row.half_z),
        box_center=vehicle_table.MEASURED_BOX_CENTERS.get(row.model, (0.0, 0.0, row.half_z)),
        mass_kg=row.mass_kg,
        wheelbase_m=row.wheelbase_m,
        track_m=row.track_m,
        wheel_radius_m=row.wheel_radius_m,
        max_steer_deg=MAX_STEER_DEG.get(row.base_type, DEFAULT_MAX_STEER_DEG),
        rear_axle_x_m=round(front_axle_x_m - row.wheelbase_m, 4),
        front_axle_x_m=front_axle_x_m,
        base_type=row.base_type,
        number_of_wheels=2 if row.base_type in ("bicycle", "motorcycle") else 4,
        power=vehicle_table.power_of(row),
    )


def _vehicles() -> Iterator[Blueprint]:
    for row in vehicle_table.VEHICLES:
        spec = _spec(row)
        blueprint_id = f"vehicle.{row.model}"
        colors = vehicle_table.COLORS[row.colors]
        paint = [Attribute("color", AttributeType.RGB, colors[0], colors)] if colors else []
        attributes = [
            _text("role_name", "autopilot", "autopilot", "scenario", "ego_vehicle"),
            *paint,
            *_drivers(row.base_type),
            Attribute("sticky_control", AttributeType.BOOL, "true"),
            Attribute("terramechanics", AttributeType.BOOL, "false"),
            _text("ros_name", blueprint_id),
            _fixed("object_type", AttributeType.STRING, ""),
            _fixed("base_type", AttributeType.STRING, row.base_type),
            _fixed("special_type", AttributeType.STRING, row.special_type),
            _fixed("number_of_wheels", AttributeType.INT, str(spec.number_of_wheels)),
            _fixed("generation", AttributeType.INT, str(row.generation)),
            _fixed("has_dynamic_doors", AttributeType.BOOL, _flag(row.model in vehicle_table.WITH_DOORS)),
            _fixed("has_lights", AttributeType.BOOL, _flag(row.model in vehicle_table.WITH_LAMPS)),
        ]
        yield _draft(
            blueprint_id,
            attributes,
            vehicle=spec,
            box=(spec.box_center, spec.extent),
            tag=_TAG_OF_BASE_TYPE[row.base_type],
        )


def _drivers(base_type: str) -> list[Attribute]:
    """Who sits on a two-wheeler; CARLA's bicycles and motorcycles have the attribute, the others do not."""
    if base_type not in ("bicycle", "motorcycle"):
        return []
    drivers = vehicle_table.DRIVER_IDS
    return [Attribute("driver_id", AttributeType.INT, drivers[0], drivers, restrict_to_recommended=True)]


def _flag(value: bool) -> str:
    return str(value).lower()


def _walkers() -> Iterator[Blueprint]:
    for number in range(1, prop_table.WALKER_COUNT + 1):
        if number in prop_table.CHILDREN:
            age, extent = "child", prop_table.CHILD_WALKER
        elif number in prop_table.TEENAGERS:
            age, extent = "teenager", prop_table.TEENAGE_WALKER
        else:
            age, extent = "adult", prop_table.ADULT_WALKER
        blueprint_id = f"walker.pedestrian.{number:04d}"
        generation = "1" if number in prop_table.FIRST_GENERATION_WALKERS else "2"
        attributes = [
            _text("role_name", "pedestrian", "pedestrian"),
            Attribute("is_invincible", AttributeType.BOOL, "true"),
            Attribute("speed", AttributeType.FLOAT, "0.0", ("0.0", "1.43", "2.35")),
            Attribute("use_wheelchair", AttributeType.BOOL, "false"),
            _text("ros_name", blueprint_id),
            _fixed("gender", AttributeType.STRING, "other"),
            _fixed("age", AttributeType.STRING, age),
            _fixed("generation", AttributeType.INT, generation),
            _fixed("can_use_wheelchair", AttributeType.BOOL, "false"),
        ]
        # A walker's origin is the middle of its body, not its feet.
        yield _draft(blueprint_id, attributes, box=((0.0, 0.0, 0.0), extent), tag=SemanticTag.PEDESTRIAN)


def _props() -> Iterator[Blueprint]:
    for name, extent in prop_table.PROPS.items():
        size = max(extent)
        attributes = [
            _text("role_name", "prop", "prop"),
            _text("ros_name", f"static.prop.{name}"),
            _fixed(
                "size", AttributeType.STRING, "small" if size < 0.5 else "medium" if size < 1.5 else "big"
            ),
        ]
        box = ((0.0, 0.0, extent[2]), extent)
        yield _draft(f"static.prop.{name}", attributes, box=box, tag=SemanticTag.DYNAMIC)


def _sensors() -> Iterator[Blueprint]:
    places = ("front", "back", "left", "right", "front_left", "front_right", "back_left", "back_right")
    for blueprint_id, rows in sensor_table.SENSORS.items():
        attributes = [
            Attribute("role_name", AttributeType.STRING, places[0], places),
            _text("ros_name", blueprint_id),
            *(_sensor_attribute(*row) for row in rows),
        ]
        yield _draft(blueprint_id, attributes)


def _sensor_attribute(name: str, kind: str, value: str) -> Attribute:
    choices = sensor_table.CHOICES.get(name)
    return Attribute(
        name, AttributeType[kind.upper()], value, choices or (value,), restrict_to_recommended=bool(choices)
    )


def _others() -> Iterator[Blueprint]:
    yield _draft("controller.ai.walker", [_text("role_name", "default", "default")])
    yield _draft("util.actor.empty", [_text("role_name", "default", "default")])
    yield _draft(
        "static.trigger.friction",
        [
            _text("role_name", "default", "default"),
            Attribute("friction", AttributeType.FLOAT, "3.5"),
            *(Attribute(f"extent_{axis}", AttributeType.FLOAT, "1.0") for axis in "xyz"),
        ],
    )
