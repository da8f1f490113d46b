"""Route files: what is written is what is read, however it is written."""

from __future__ import annotations

import tempfile
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from scenarios.route_xml import RouteXmlError, read_routes
from scenarios.suites import routes_sha256

numbers = st.floats(-1e6, 1e6, allow_nan=False)
points = st.lists(st.tuples(numbers, numbers, numbers), min_size=2, max_size=6)
names = st.text(st.characters(codec="utf-8", categories=("L", "N", "P")), min_size=1, max_size=8)


def _read(text: str) -> tuple[object, ...]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "r.xml"
        path.write_text(text, encoding="utf-8")
        return read_routes(path)


def _v1(route_id: str, table: list[tuple[float, float, float]], space: str, form: str) -> str:
    rows = space.join(
        f"<waypoint{space or ' '}z='{z:{form}}' x='{x:{form}}' y='{y:{form}}'/>" for x, y, z in table
    )
    return f"<routes>{space}<route id={quoteattr(route_id)} town='T'>{rows}{space}</route></routes>"


def _v2(route_id: str, table: list[tuple[float, float, float]]) -> str:
    rows = "".join(f"<position x='{x!r}' y='{y!r}' z='{z!r}'/>" for x, y, z in table)
    return f"<routes><route town='T' id={quoteattr(route_id)}><waypoints>{rows}</waypoints></route></routes>"


@given(names, points)
def test_numbers_survive_exactly(route_id: str, table: list[tuple[float, float, float]]) -> None:
    (route,) = _read(_v2(route_id, table))
    np.testing.assert_array_equal(route.keypoints, np.array(table))
    assert route.id == route_id


@given(names, points, st.sampled_from(["", " ", "\n", "\n\t  "]))
def test_layout_and_form_do_not_change_the_hash(
    route_id: str, table: list[tuple[float, float, float]], space: str
) -> None:
    plain = routes_sha256(_read(_v2(route_id, table)))
    assert routes_sha256(_read(_v1(route_id, table, space, ".17g"))) == plain
    assert routes_sha256(_read(_v1(route_id, table, space, ".17e"))) == plain


@given(points, st.integers(0, 5), st.integers(0, 2), st.floats(1e-3, 1e3))
def test_any_move_changes_the_hash(
    table: list[tuple[float, float, float]], row: int, axis: int, by: float
) -> None:
    moved = [list(point) for point in table]
    moved[row % len(table)][axis] += by
    assert routes_sha256(_read(_v2("1", table))) != routes_sha256(_read(_v2("1", moved)))


@given(st.text(max_size=200))
def test_nonsense_is_a_typed_error(text: str) -> None:
    try:
        _read(text.encode("utf-8", "ignore").decode())
    except RouteXmlError:
        return
    raise AssertionError("no text of 200 characters without a route is a route file")
