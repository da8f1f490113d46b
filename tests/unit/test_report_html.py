"""The HTML file without a browser: its content policy, its size, what it escapes, what its blobs hold."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from harness.gate.decide import gate
from harness.gate.model import Interval, MetricResult, Verdict
from harness.gate.rules import load_rules
from harness.report import gather, html
from harness.report.effect_plot import PAD, WIDTH, effect_plot
from harness.report.gather import Comparison
from harness.report.packing import Column, pack
from harness.report.payload import build_payload
from tests.support.report_runs import HOSTILE, RULES, STRIPS, run_folder


class _Page(HTMLParser):
    """Elements with their attributes, and the text of each script and style."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[tuple[str, dict[str, str], str]] = []
        self._open: tuple[str, dict[str, str]] | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.elements.append((tag, found))
        self._open = (tag, found) if tag in ("script", "style") else None

    def handle_data(self, data: str) -> None:
        if self._open is not None:
            self.texts.append((*self._open, data))

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 - the parser gives it
        self._open = None


def unpacked(blob: str) -> dict[str, Any]:
    """What `unpack.js` makes of a blob."""
    raw = zlib.decompress(base64.b64decode(blob))
    length = int.from_bytes(raw[:4], "little")
    head = json.loads(raw[4 : 4 + length])
    begin = 4 + length
    for array in head["arrays"]:
        width, count, stride = int(array["type"][1]), array["count"], array["stride"]
        planes = np.frombuffer(raw, np.uint8, width * count, begin).reshape(width, count)
        kind = "<u1" if array["type"] == "u1" else f"<i{width}"
        numbers = np.ascontiguousarray(planes.T).view(kind).reshape(-1).astype(np.int64)
        for i in range(stride, count) if stride else ():
            numbers[i] += numbers[i - stride]
        head[array["name"]] = numbers * array["scale"]
        begin += width * count
    assert begin == len(raw)
    return dict(head)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("runs")
    run_folder(root / "main")
    run_folder(root / "bad", hits=2, pictures=True)
    run_folder(root / "torn", skip=1)
    run_folder(root / "old", with_maps=False)
    run_folder(root / "hostile", policies=(HOSTILE,), routes=(HOSTILE,), hits=1)
    (root / "gate.yaml").write_text(RULES)
    return root


@pytest.fixture(scope="module")
def compared(runs: Path) -> str:
    rules = load_rules(runs / "gate.yaml")
    return html.render(gather(runs / "bad", Comparison(runs / "main", rules, gate)))


# -- the file


def test_only_our_own_style_and_script_may_run(compared: str) -> None:
    page = _Page(compared)
    (policy,) = [a["content"] for tag, a in page.elements if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    for tag, attributes, text in page.texts:
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        if tag == "style" or "type" not in attributes:
            assert f"'sha256-{digest}'" in policy
        else:
            assert attributes["type"] in ("application/json", "text/plain")


def test_nothing_is_asked_of_anybody(compared: str) -> None:
    page = _Page(compared)
    for tag, attributes in page.elements:
        assert tag not in ("link", "iframe", "object", "embed", "base", "form")
        assert not {
            name for name in attributes if name.startswith("on") or name in ("src", "style", "srcset")
        }
        assert attributes.get("href", "#").startswith("#"), attributes
    for tag, attributes, text in page.texts:
        if tag == "style" or "type" not in attributes:
            assert "url(" not in text
            assert "@import" not in text
            assert not re.search(r"\b(fetch|XMLHttpRequest|WebSocket|importScripts|eval)\b *\(", text)


def test_somebodys_names_are_text(runs: Path) -> None:
    page = _Page(html.render(gather(runs / "hostile")))
    scripts = [a for tag, a in page.elements if tag == "script" and "type" not in a]
    assert len(scripts) == 1
    (index,) = [text for _, a, text in page.texts if a.get("id") == "index"]
    assert json.loads(index)["episodes"][0]["policy"] == HOSTILE
    assert "<" not in index


def test_everything_that_matters_is_told(compared: str) -> None:
    for words in ("FAIL", "driving_score: worse by", "Low TTC", "--only 3-r1", "ds_lb2_1", "thing hit"):
        assert words in compared


def test_missing_is_not_zero(runs: Path) -> None:
    rules = load_rules(runs / "gate.yaml")
    page = html.render(gather(runs / "torn", Comparison(runs / "main", rules, gate)))
    assert "INVALID" in page
    assert "1-r0 have no valid record" in page
    assert "no valid record" in page
    assert "1 of 8 planned episodes have no valid record" in page
    assert "server 127.0.0.1:2000 ended by SIGKILL" in page
    assert "&lt;b&gt;last&lt;/b&gt;" in page


# -- replays


def test_a_replay_holds_the_drive(runs: Path) -> None:
    report = gather(runs / "main")
    payload = build_payload(report, 10_000_000)
    assert (payload.stride, payload.left_out) == (1, ())
    assert set(payload.episodes) == set(range(8))
    assert len(payload.maps) == 1  # all drive the same road
    data = unpacked(payload.episodes[0])
    record = report.episodes[0].record
    assert record is not None
    table = record.table()
    np.testing.assert_allclose(data["ego_x"], table.ego_location[:, 0], atol=0.0051)
    np.testing.assert_allclose(data["ego_speed"], np.abs(table.ego_velocity_mps[:, 0]), atol=0.0051)
    assert data["ticks"] == record.tick_count
    assert set(data["lights_shown"].tolist()) == {2.0}
    assert data["lights"][0]["lines"] == [[60.0, 0.0, 0.0, 4.0]]
    assert data["track_length"].tolist() == [record.tick_count] * 2
    count = record.tick_count
    np.testing.assert_allclose(data["other_x"][:count], 100.0 - 0.4 * np.arange(count), atol=0.0051)
    # The plan: 2, 4, 6 and 8 m ahead of the ego at every tick but the last, which no policy sees.
    assert len(data["plan_tick"]) == count - 1
    ahead = data["plan_forward"].reshape(-1, 4)
    np.testing.assert_allclose(ahead, np.tile([2.0, 4.0, 6.0, 8.0], (count - 1, 1)), atol=0.011)
    roads = unpacked(payload.maps[0])
    assert roads["strip_length"].tolist() == [2, 2]
    np.testing.assert_allclose(roads["left_y"], STRIPS.left_in_world[:, 1])


def test_a_record_of_an_older_version_is_replayed_without_map_and_plan(runs: Path) -> None:
    payload = build_payload(gather(runs / "old"), 10_000_000)
    assert len(payload.episodes) == 8
    assert (payload.maps, payload.map_of) == ({}, {})
    assert "plan_tick" not in unpacked(payload.episodes[0])


def test_a_small_budget_keeps_what_failed(runs: Path, tmp_path: Path) -> None:
    run_folder(tmp_path / "mixed", policies=("good",), routes=("1", "2"))
    bad = run_folder(tmp_path / "b", policies=("bad",), routes=("1", "2"), hits=2)
    (bad / "episodes/bad").rename(tmp_path / "mixed/episodes/bad")
    plan = json.loads((tmp_path / "mixed/run.json").read_text())
    plan["planned"] += json.loads((bad / "run.json").read_text())["planned"]
    (tmp_path / "mixed/run.json").write_text(json.dumps(plan))
    report = gather(tmp_path / "mixed")
    whole = build_payload(report, 10_000_000)
    size = sum(map(len, whole.episodes.values())) + sum(map(len, whole.maps.values()))
    thinned = build_payload(report, size - 100)
    assert (thinned.stride, thinned.left_out) == (2, ())
    assert unpacked(thinned.episodes[0])["dt"] == pytest.approx(0.1)
    few = build_payload(report, int(0.3 * size))
    assert few.left_out
    kept = {report.episodes[number].policy for number in few.episodes}
    assert kept == {"bad"}
    assert sum(map(len, few.episodes.values())) <= 0.3 * size
    page = html.render(report, 0.1)
    assert "replays were left out" in page


def test_pictures_go_into_the_file_if_there_is_room(runs: Path) -> None:
    report = gather(runs / "bad")
    payload = build_payload(report, 10_000_000)
    assert set(payload.cameras) == set(payload.episodes)
    first = payload.cameras[0].splitlines()[1].split(" ")
    assert first[0] == "1.000"
    assert base64.b64decode(first[1])[:2] == b"\xff\xd8"
    tight = sum(map(len, payload.episodes.values())) + sum(map(len, payload.maps.values())) + 10
    assert build_payload(report, tight).cameras == {}


# -- numbers


@given(
    arrays.arrays(np.float64, st.integers(0, 60), elements=st.floats(-1e6, 1e6)),
    st.sampled_from([0.01, 0.1, 1.0]),
    st.integers(0, 5),
)
def test_numbers_come_back_to_the_last_digit_kept(values: np.ndarray, scale: float, stride: int) -> None:
    found = unpacked(pack({"a": 1}, {"x": Column(values, scale, stride)}))
    assert found["a"] == 1
    np.testing.assert_allclose(found["x"], values, atol=0.5001 * scale)


@pytest.mark.parametrize("value", [np.nan, np.inf, 2.0**31])
def test_what_cannot_be_packed_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="column x"):
        pack({}, {"x": Column(np.array([1.0, value]), 1.0)})


def metric(worse_by: float | None, interval: Interval | None, margin: float | None) -> MetricResult:
    return MetricResult("collisions", True, Verdict.PASS, "", 8, 0.0, 0.0, worse_by, interval, None, margin)


def test_the_plot_puts_worse_to_the_right_of_its_margin() -> None:
    shape = effect_plot(metric(0.9, Interval(0.5, 1.3), 0.3))
    assert shape is not None
    assert shape.zero == WIDTH / 2
    assert shape.low is not None
    assert shape.effect is not None
    assert shape.zero < shape.margins[0] < shape.low < shape.effect
    assert not shape.cut_high
    far = effect_plot(metric(50.0, Interval(-1.0, 90.0), 0.3))
    assert far is not None
    assert (far.cut_low, far.cut_high, far.high) == (False, True, WIDTH - PAD)
    tiny = effect_plot(metric(0.0, Interval(0.0, 0.0), None))
    assert tiny is not None
    assert (tiny.margins, tiny.tolerated, tiny.effect) == ((), None, WIDTH / 2)
    assert effect_plot(metric(None, None, 0.3)) is None
