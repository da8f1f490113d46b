"""The route reader: both forms, and every way in which a file can be wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scenarios.route_xml import RouteXmlError, read_routes

V1 = """<?xml version='1.0' encoding='UTF-8'?>
<routes>
  <route id="0" town="Town01">
    <waypoint pitch="0.0" roll="0.0" x="1.5" y="-2" z="0.25" yaw="90"/>
    <waypoint pitch="360.0" roll="0.0" x="3" y="-4e1" z="0" yaw="-90"/>
    <weather id="ClearNoon" cloudiness="15.0" sun_altitude_angle="75.0"/>
  </route>
</routes>
"""
V2 = """<routes>
  <route id="a" town="Carla/Maps/Town12">
    <weathers>
      <weather route_percentage="100" cloudiness="90"/>
      <weather route_percentage="0" cloudiness="5"/>
    </weathers>
    <waypoints>
      <position x="0" y="0" z="0"/>
      <position x="1" y="0" z="0"/>
    </waypoints>
    <scenarios>
      <scenario name="Accident_1" type="Accident">
        <trigger_point x="1.0" y="2.0" z="3.0" yaw="180"/>
        <distance value="120"/>
        <frequency from="20" to="100"/>
      </scenario>
    </scenarios>
  </route>
</routes>
"""


def _write(folder: Path, text: str) -> Path:
    path = folder / "routes.xml"
    path.write_text(text, encoding="utf-8")
    return path


def _error(folder: Path, text: str) -> RouteXmlError:
    path = _write(folder, text)
    with pytest.raises(RouteXmlError) as caught:
        read_routes(path)
    assert caught.value.file == str(path)
    assert str(path) in str(caught.value)
    assert ";" in str(caught.value), "the message ends with a remedy"
    return caught.value


def test_reads_the_old_form(tmp_path: Path) -> None:
    (route,) = read_routes(_write(tmp_path, V1))
    assert (route.id, route.town, route.source) == ("0", "Town01", "routes.xml")
    np.testing.assert_array_equal(route.keypoints, [[1.5, -2.0, 0.25], [3.0, -40.0, 0.0]])
    (weather,) = route.weather
    assert weather.route_percentage == 0.0
    assert weather.parameters == {"cloudiness": 15.0, "sun_altitude_angle": 75.0}
    assert route.scenarios == ()


def test_reads_the_new_form(tmp_path: Path) -> None:
    (route,) = read_routes(_write(tmp_path, V2))
    assert (route.id, route.town) == ("a", "Town12")
    assert [frame.route_percentage for frame in route.weather] == [0.0, 100.0]
    (scenario,) = route.scenarios
    assert (scenario.name, scenario.type) == ("Accident_1", "Accident")
    assert scenario.trigger_xyz_yaw == (1.0, 2.0, 3.0, 180.0)
    assert scenario.parameters == {"distance": {"value": "120"}, "frequency": {"from": "20", "to": "100"}}


def test_key_points_cannot_be_changed(tmp_path: Path) -> None:
    (route,) = read_routes(_write(tmp_path, V1))
    with pytest.raises(ValueError, match="read-only"):
        route.keypoints[0, 0] = 5.0


@pytest.mark.parametrize("attribute", ["x", "y", "z"])
@pytest.mark.parametrize("value", [None, "", "abc", "nan", "inf", "-inf"])
def test_bad_coordinates_name_the_place(tmp_path: Path, attribute: str, value: str | None) -> None:
    given = {"x": "1", "y": "2", "z": "3"} | {attribute: value}
    point = " ".join(f'{key}="{text}"' for key, text in given.items() if text is not None)
    text = V2.replace('<position x="1" y="0" z="0"/>', f"<position {point}/>")
    error = _error(tmp_path, text)
    assert (error.line, error.route_id, error.element, error.attribute) == (9, "a", "position", attribute)


@pytest.mark.parametrize(
    ("old", "new", "line", "element", "attribute"),
    [
        ('yaw="-90"', 'yaw="west"', 5, "waypoint", "yaw"),
        ('pitch="360.0"', 'pitch="nan"', 5, "waypoint", "pitch"),
        ('id="0" ', "", 3, "route", "id"),
        ('id="0"', 'id=" "', 3, "route", "id"),
        (' town="Town01"', "", 3, "route", "town"),
        ('cloudiness="15.0"', 'cloudiness="much"', 6, "weather", "cloudiness"),
        ('cloudiness="15.0"', 'clouds="15.0"', 6, "weather", "clouds"),
        ("<weather ", "<wether ", 6, "wether", None),
    ],
)
def test_mistakes_in_the_old_form(
    tmp_path: Path, old: str, new: str, line: int, element: str, attribute: str | None
) -> None:
    assert V1.count(old) == 1
    error = _error(tmp_path, V1.replace(old, new))
    assert (error.line, error.element, error.attribute) == (line, element, attribute)


@pytest.mark.parametrize(
    ("old", "new", "line", "element", "attribute"),
    [
        ('route_percentage="100"', 'route_percentage="101"', 4, "weather", "route_percentage"),
        ('route_percentage="100"', 'route_percentage="0"', 5, "weather", "route_percentage"),
        ('<position x="1" y="0" z="0"/>', "", 7, "waypoints", None),
        ('<position x="1" y="0" z="0"/>', '<waypoint x="1" y="0" z="0"/>', 9, "waypoint", None),
        ("<trigger_point ", "<trigger ", 12, "scenario", None),
        (' yaw="180"', "", 13, "trigger_point", "yaw"),
        (' type="Accident"', "", 12, "scenario", "type"),
        ('<distance value="120"/>', '<frequency from="1" to="2"/>', 12, "scenario", None),
        ("<scenarios>", '<scenarios><obstacle name="x"/>', 11, "obstacle", None),
        ("<weathers>", '<weathers><sun x="1"/>', 3, "sun", None),
        ("<waypoints>", '<waypoint x="1" y="1" z="1"/><waypoints>', 7, "waypoints", None),
        ("<scenarios>", "<waypoints/><scenarios>", 11, "waypoints", None),
    ],
)
def test_mistakes_in_the_new_form(
    tmp_path: Path, old: str, new: str, line: int, element: str, attribute: str | None
) -> None:
    assert V2.count(old) == 1
    error = _error(tmp_path, V2.replace(old, new))
    assert (error.line, error.route_id, error.element, error.attribute) == (line, "a", element, attribute)


def test_scenario_names_are_unique(tmp_path: Path) -> None:
    start, end = V2.index("<scenario "), V2.index("</scenarios>")
    error = _error(tmp_path, V2[:end] + V2[start:end] + V2[end:])
    assert (error.element, error.attribute) == ("scenario", "name")


def test_route_ids_are_unique(tmp_path: Path) -> None:
    start, end = V1.index("  <route "), V1.index("</routes>")
    error = _error(tmp_path, V1[:end] + V1[start:end] + V1[end:])
    assert (error.line, error.route_id, error.element, error.attribute) == (8, "0", "route", "id")


@pytest.mark.parametrize(
    ("text", "line", "element"),
    [
        ("<routes></routes>", 1, "routes"),
        ("<scenarios/>", 1, "scenarios"),
        ("<routes>\n<town/></routes>", 2, "town"),
        ("<routes>\n<route id='1' town='T'>\n</routes>", 3, None),
        ("", 1, None),
        ("not xml", 1, None),
    ],
)
def test_files_that_are_no_route_files(tmp_path: Path, text: str, line: int, element: str | None) -> None:
    error = _error(tmp_path, text)
    assert (error.line, error.element) == (line, element)


def test_wrong_encoding(tmp_path: Path) -> None:
    path = tmp_path / "routes.xml"
    path.write_bytes(V1.encode("utf-16-be"))
    with pytest.raises(RouteXmlError):
        read_routes(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(RouteXmlError, match=r"No such file.*check the path"):
        read_routes(tmp_path / "none.xml")


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE routes [<!ENTITY a "1">]>',
        '<!DOCTYPE routes [<!ENTITY a "x"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
        '<!DOCTYPE routes [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE routes SYSTEM "http://localhost/routes.dtd">',
    ],
)
def test_entity_tricks_are_refused(tmp_path: Path, doctype: str) -> None:
    error = _error(tmp_path, V1.replace("<routes>", doctype + "<routes>"))
    assert "refused" in str(error)
