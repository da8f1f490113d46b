"""The blueprint library: complete, consistent, and as CARLA 0.9.16 reports it where that is known."""

from __future__ import annotations

import pytest

from simulator.world.blueprints import AttributeType, UnknownBlueprintError, default_library


def test_counts_are_those_of_carla() -> None:
    ids = [blueprint.id for blueprint in default_library()]
    assert sum(name.startswith("vehicle.") for name in ids) == 41
    assert sum(name.startswith("walker.pedestrian.") for name in ids) == 52
    assert len(set(ids)) == len(ids)


def test_numbers_count_from_one() -> None:
    assert [blueprint.uid for blueprint in default_library()] == list(range(1, len(default_library()) + 1))


def test_known_vehicle() -> None:
    mkz = default_library()["vehicle.lincoln.mkz_2017"]
    assert mkz.vehicle is not None
    assert mkz.vehicle.extent == pytest.approx((2.4508, 1.0642, 0.7554), abs=1e-4)
    assert mkz.box == (mkz.vehicle.box_center, mkz.vehicle.extent)
    values = {attribute.id: attribute.value for attribute in mkz.attributes}
    assert values["base_type"] == "car"
    assert values["number_of_wheels"] == "4"
    assert values["generation"] == "1"


def _values(blueprint_id: str) -> dict[str, str]:
    return {attribute.id: attribute.value for attribute in default_library()[blueprint_id].attributes}


def test_doors_and_lamps_are_those_of_the_catalogue() -> None:
    """ScenarioRunner picks its vehicles by these attributes."""
    cars = [b.id for b in default_library() if b.vehicle is not None and b.vehicle.base_type == "car"]
    assert sum(_values(name)["has_dynamic_doors"] == "true" for name in cars) == 7
    assert _values("vehicle.lincoln.mkz_2020")["has_lights"] == "true"
    assert _values("vehicle.tesla.model3")["has_lights"] == "false"
    bus = _values("vehicle.mitsubishi.fusorosa")
    assert (bus["has_lights"], bus["has_dynamic_doors"]) == ("true", "false")


def test_only_two_wheelers_have_drivers_to_choose() -> None:
    for blueprint in default_library():
        if blueprint.vehicle is not None:
            has_drivers = "driver_id" in _values(blueprint.id)
            assert has_drivers == (blueprint.vehicle.number_of_wheels == 2), blueprint.id


def test_exposure_modes_are_two() -> None:
    (mode,) = [a for a in default_library()["sensor.camera.rgb"].attributes if a.id == "exposure_mode"]
    assert mode.recommended == ("histogram", "manual")
    assert mode.restrict_to_recommended


def test_axles_lie_within_the_body() -> None:
    for blueprint in default_library():
        spec = blueprint.vehicle
        if spec is None:
            continue
        assert spec.front_axle_x_m - spec.rear_axle_x_m == pytest.approx(spec.wheelbase_m)
        assert -spec.extent[0] < spec.rear_axle_x_m < 0.0 < spec.front_axle_x_m < spec.extent[0], blueprint.id
        assert spec.track_m < 2.0 * spec.extent[1]
        assert (spec.number_of_wheels == 2) == (spec.track_m == 0.0)


def test_defaults_are_of_their_type() -> None:
    readers = {AttributeType.INT: int, AttributeType.FLOAT: float}
    for blueprint in default_library():
        for attribute in blueprint.attributes:
            if attribute.type is AttributeType.BOOL:
                assert attribute.value in ("true", "false"), (blueprint.id, attribute.id)
            elif attribute.type is AttributeType.RGB:
                assert len([int(part) for part in attribute.value.split(",")]) == 3
            elif attribute.type in readers:
                readers[attribute.type](attribute.value)


def test_unknown_blueprint_is_named() -> None:
    with pytest.raises(UnknownBlueprintError, match=r"vehicle\.trabant\.601"):
        default_library()["vehicle.trabant.601"]
