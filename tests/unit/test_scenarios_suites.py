"""Suites: what they hold, and hashes that stand for what they drive."""

from __future__ import annotations

from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from scenarios.route_xml import RouteXmlError, read_routes
from scenarios.suites import UnknownSuiteError, routes_sha256, suite, suite_names

GOLDEN = {
    "smoke": (3, "e555a1de22c16ee985c1ed7a45605fcf839de194e611e035aab9969c5183b27f"),
    "held-out-town02": (12, "012d7d149071a14ede6857933f2b8953e028c67c62f4f0ef6c33abe56b37a6ba"),
    "longest6-available": (24, "82173b341a701e49648011b6f61ba679947bdf5c62e5f98408fbb733b6b30ee8"),
    "longest6-town01": (6, "9c67645281ff9aabfdd43e77753b7fde064781919eb5baa225ba1ee5e8697555"),
    "longest6-town02": (6, "cc29d25d06bc90e5700da55f422156a07c3bad09ea0585bc673af59c77e69801"),
    "longest6-town04": (6, "21bb7845e19339e42d32a67464c429238cb1a11a92841775a9b15a6b47a1f692"),
    "longest6-town06": (6, "2f7be19c19abce1ab9bc3043f12c4a6193cf7f721decc4883867177b297eb6eb"),
    "longest6v2-available": (24, "860174d57a46257caab4d14ad9d7a3ed944a3a199b7091f57e94797649c8bcc0"),
    "longest6v2-town01": (6, "7a10e6911d82e9f7eb1b90f395effb4442d4bd7fe400c20314864fb0a3abc391"),
    "longest6v2-town02": (6, "f9a90913d549ad3972744ca7360f0ebcf9ac209c9a4a4f8669d2c07c61380550"),
    "longest6v2-town04": (6, "035493f47046741168cecdebb923f361b5f0d13e482ea662ed7a05619af545cd"),
    "longest6v2-town06": (6, "35658973cca1c3a4bfd89ca4ce9fe46136da7be361700c0c52aab6b310798b71"),
}
"""Computed once from the shipped files; a change means that results no longer compare with older ones."""


def _file(name: str) -> Path:
    return Path(str(resources.files("scenarios") / "routes" / name))


def test_every_suite_has_a_golden_hash() -> None:
    assert set(suite_names()) == set(GOLDEN)


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_content(name: str) -> None:
    found = suite(name)
    count, sha256 = GOLDEN[name]
    assert (found.name, len(found.routes), found.sha256) == (name, count, sha256)
    assert len({route.id for route in found.routes}) == count


def test_available_is_the_union_of_its_towns() -> None:
    towns = [suite(f"longest6-town{number}").routes for number in ("01", "02", "04", "06")]
    ids = {route.id for routes in towns for route in routes}
    assert ids == {route.id for route in suite("longest6-available").routes}


def test_a_route_file_is_a_suite(tmp_path: Path) -> None:
    path = tmp_path / "mine.xml"
    path.write_bytes(_file("longest6.xml").read_bytes())
    found = suite(str(path))
    assert (found.name, len(found.routes)) == ("mine.xml", 36)
    assert all(route.source == "mine.xml" for route in found.routes)


def test_missing_route_file() -> None:
    with pytest.raises(RouteXmlError, match="check the path"):
        suite("there/is/none.xml")


def test_unknown_name_lists_names_and_the_likely_one() -> None:
    with pytest.raises(UnknownSuiteError) as caught:
        suite("longest-town02")
    message = str(caught.value)
    assert 'did you mean "longest6-town02"?' in message
    assert all(name in message for name in suite_names())


def test_hash_ignores_formatting_and_file_name(tmp_path: Path) -> None:
    text = _file("longest6_v2.xml").read_text(encoding="utf-8")
    path = tmp_path / "other.xml"
    path.write_text("\n\n".join(line.strip() for line in text.splitlines()).replace('z="0.0"', 'z="-0e3"'))
    assert routes_sha256(read_routes(path)) == routes_sha256(read_routes(_file("longest6_v2.xml")))


def test_hash_covers_the_routes() -> None:
    routes = suite("longest6v2-town01").routes
    first = routes[0]
    moved = np.array(first.keypoints)
    moved[3, 1] += 0.001
    changed = [
        replace(first, keypoints=moved),
        replace(first, town="Town02"),
        replace(first, id="99"),
        replace(first, weather=()),
        replace(first, scenarios=first.scenarios[1:]),
    ]
    hashes = {routes_sha256((route, *routes[1:])) for route in [first, *changed]}
    hashes.add(routes_sha256(routes[1:]))
    hashes.add(routes_sha256(routes[::-1]))
    assert len(hashes) == len(changed) + 3
