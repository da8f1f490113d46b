"""The HTML report in a real headless Chromium: no error, it plays, scrubs, sorts, and asks nobody."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.gate.decide import gate
from harness.gate.rules import load_rules
from harness.report import Format, gather, write_report
from harness.report.gather import Comparison
from tests.support.browser import Page, browser, needs_browser
from tests.support.report_runs import HOSTILE, RULES, run_folder

pytestmark = [pytest.mark.browser, needs_browser, pytest.mark.xdist_group("browser")]


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("reports")
    (root / "gate.yaml").write_text(RULES)
    run_folder(root / "main")
    run_folder(root / "bad", hits=2, pictures=True)
    run_folder(root / "old", with_maps=False)
    run_folder(root / "hostile", policies=(HOSTILE, "expert"), routes=(HOSTILE,), hits=1)
    comparison = Comparison(root / "main", load_rules(root / "gate.yaml"), gate)
    write_report(gather(root / "bad", comparison), root / "compared", [Format.HTML])
    for name in ("old", "hostile"):
        write_report(gather(root / name), root / f"{name}-report", [Format.HTML])
    return root


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with browser() as found:
        yield found


def opened(page: Page, path: Path, **how: object) -> Page:
    page.open(path, **how)  # type: ignore[arg-type]
    page.wait("the first replay", lambda: page.one("#player").get_attribute("data-ready"))
    return page


@pytest.fixture
def compared(page: Page, reports: Path) -> Page:
    return opened(page, reports / "compared/report.html")


def pixels(page: Page) -> object:
    return page.js("return document.getElementById('scene').toDataURL()")


def clock(page: Page) -> float:
    return float(page.one("#clock").text.split()[0])


def rows(page: Page) -> list[str]:
    return [row.text for row in page.all("#episode-table tbody th") if row.is_displayed()]


@pytest.mark.parametrize("name", ["compared", "old-report", "hostile-report"])
@pytest.mark.parametrize("dark", [False, True])
def test_it_opens_without_an_error_and_asks_nobody(page: Page, reports: Path, name: str, dark: bool) -> None:
    page.console(), page.requests()
    opened(page, reports / name / "report.html", dark=dark)
    assert page.js("return document.documentElement.dataset.theme") == ("dark" if dark else "light")
    assert page.console() == []
    assert page.requests() == []
    assert page.js("return performance.getEntriesByType('resource').length") == 0


def test_the_verdict_is_what_one_sees_first(compared: Page) -> None:
    word = compared.one("#verdict .word")
    assert word.text == "FAIL"
    assert word.rect["y"] < 200
    assert "driving_score: worse by" in compared.one(".reasons").text
    assert len(compared.all("svg.effect")) >= 3


def test_it_plays_and_pauses(compared: Page) -> None:
    before = pixels(compared)
    assert clock(compared) == 0.0
    compared.one("#play").click()
    compared.wait("the clock runs", lambda: clock(compared) > 0.3)
    compared.one("#play").click()
    stopped = clock(compared)
    after = pixels(compared)
    assert after != before
    assert compared.one("#play").get_attribute("aria-label") == "Play"
    assert clock(compared) == stopped
    assert pixels(compared) == after
    assert compared.console() == []


def test_it_ends_at_the_end_and_plays_again_from_the_start(compared: Page) -> None:
    compared.js("const s = document.getElementById('speed'); s.value = '8'")
    compared.js(
        "const s = document.getElementById('scrub'); s.value = 9.5; s.dispatchEvent(new Event('input'))"
    )
    compared.one("#play").click()
    compared.wait("it stops", lambda: compared.one("#play").get_attribute("aria-label") == "Play")
    end = float(str(compared.js("return document.getElementById('scrub').max")))
    assert clock(compared) == pytest.approx(end, abs=0.06)
    compared.one("#play").click()
    compared.wait("it begins anew", lambda: clock(compared) < end - 0.5)


def test_scrubbing_moves_everything_to_one_moment(compared: Page) -> None:
    before = pixels(compared)
    compared.js(
        "const s = document.getElementById('scrub'); s.value = 5; s.dispatchEvent(new Event('input'))"
    )
    assert clock(compared) == 5.0
    assert pixels(compared) != before
    cursors = compared.js(
        "return [...document.querySelectorAll('.c-cursor')].map((c) => c.getAttribute('x1'))"
    )
    assert isinstance(cursors, list)
    assert len(cursors) == 3
    assert len(set(cursors)) == 1
    assert compared.one("#camera").is_displayed()
    assert str(compared.one("#camera").get_attribute("src")).startswith("data:image/jpeg")


def test_keys_step_and_play(compared: Page) -> None:
    scene = compared.one("#scene")
    compared.js(
        "document.getElementById('replay').scrollIntoView(); document.getElementById('scene').focus()"
    )
    compared.wait("the player is in sight", lambda: scene.send_keys("\ue014") or clock(compared) > 0.0)
    at = clock(compared)
    scene.send_keys("\ue014\ue014")  # two ticks of 0.05 s
    compared.wait("two ticks", lambda: clock(compared) == pytest.approx(at + 0.1, abs=0.051))
    scene.send_keys("n")
    assert clock(compared) == pytest.approx(1.0, abs=0.051)
    scene.send_keys(" ")
    compared.wait("space plays", lambda: clock(compared) > 1.2)
    scene.send_keys(" ")
    assert compared.one("#play").get_attribute("aria-label") == "Play"
    scene.send_keys("f")
    assert compared.js("return document.getElementById('follow').checked") is False


def test_an_event_leads_to_its_moment(compared: Page) -> None:
    events = compared.all("#events button")
    assert "Collision with a thing" in events[0].text
    events[1].click()
    assert clock(compared) == pytest.approx(2.0, abs=0.051)
    assert "now" in str(compared.all("#events li")[1].get_attribute("class"))


def test_zooming_and_dragging_change_the_view(compared: Page) -> None:
    first = pixels(compared)
    compared.one("#zoom-in").click()
    second = pixels(compared)
    compared.one("#fit").click()
    third = pixels(compared)
    assert len({str(one) for one in (first, second, third)}) == 3
    assert compared.js("return document.getElementById('follow').checked") is False


def test_plan_lights_and_the_baseline_are_drawn(compared: Page, reports: Path) -> None:
    """Colours on the canvas; a record without plans and lanes lacks exactly theirs."""
    script = """
        const canvas = document.getElementById('scene');
        const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
        const style = getComputedStyle(document.documentElement);
        const probe = document.createElement('canvas').getContext('2d');
        const found = {};
        for (const name of ['plan', 'road', 'green', 'ego', 'vehicle']) {
          probe.fillStyle = style.getPropertyValue('--' + name).trim(); probe.fillRect(0, 0, 1, 1);
          const [r, g, b] = probe.getImageData(0, 0, 1, 1).data;
          found[name] = 0;
          const off = (i) => Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b);
          for (let i = 0; i < data.length; i += 4) if (off(i) < 6) found[name]++;
        }
        return found;"""
    moment = "const s = document.getElementById('scrub'); s.value = 5; s.dispatchEvent(new Event('input'))"
    compared.js(moment)
    seen = compared.js(script)
    assert isinstance(seen, dict)
    assert min(seen.values()) > 5, seen
    assert compared.one(".legend .has-ghost").is_displayed()
    old = opened(compared, reports / "old-report/report.html")
    old.js(moment)
    bare = old.js(script)
    assert isinstance(bare, dict)
    assert bare["plan"] == 0
    assert bare["road"] < 100 < 10_000 < seen["road"]
    assert bare["ego"] > 5
    assert not old.one(".legend .has-ghost").is_displayed()


def test_heads_sort_the_table(compared: Page) -> None:
    head = compared.all("#episode-table thead button")[0]
    head.click()
    up = rows(compared)
    assert up == sorted(up)
    head.click()
    assert rows(compared) == up[::-1]
    assert compared.all("#episode-table thead th")[0].get_attribute("aria-sort") == "descending"


def test_filters_and_search_narrow_the_table(compared: Page) -> None:
    assert len(rows(compared)) == 8
    compared.one('[data-filter="success"]').click()
    assert rows(compared) == []
    assert compared.one(".none-left").is_displayed()
    compared.one('[data-filter="changed"]').click()
    assert len(rows(compared)) == 8
    compared.one("#search").send_keys("3-r")
    assert rows(compared) == ["3-r0", "3-r1"]


def test_a_row_opens_its_replay(compared: Page) -> None:
    button = compared.all(".play-episode")[3]
    number = button.get_attribute("data-episode")
    compared.js("arguments[0].click()", button)
    compared.wait("its replay", lambda: compared.one("#player").get_attribute("data-ready") == number)
    compared.wait("it plays", lambda: clock(compared) > 0.0)
    assert compared.one("#episode-choice").get_attribute("value") == number
    compared.one("#play").click()


def test_the_command_is_copied(compared: Page) -> None:
    compared.driver.execute_cdp_cmd(
        "Browser.grantPermissions", {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
    )
    button = compared.one("#copy-command")
    button.click()
    compared.wait("it says so", lambda: button.text == "Copied")


def test_nobodys_name_becomes_markup(page: Page, reports: Path) -> None:
    hostile = opened(page, reports / "hostile-report/report.html")
    assert HOSTILE.split("\u0007")[0].strip() in hostile.one(".policy h2").text
    assert len(hostile.all("script")) == len(hostile.all("script:not([src])"))
    assert hostile.js("return document.querySelectorAll('.policy h2 script, table script').length") == 0
    assert hostile.console() == []


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_it_fits_any_width(page: Page, reports: Path, width: int) -> None:
    opened(page, reports / "compared/report.html", width=width)
    assert page.js("const d = document.documentElement; return d.scrollWidth - d.clientWidth") == 0
    wide = page.js("return document.getElementById('charts').firstChild.getBoundingClientRect().width")
    assert isinstance(wide, int | float)
    assert wide <= width
