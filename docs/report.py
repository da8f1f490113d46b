"""Takes the pictures of docs/report.md: drives a healthy and a colour-blind expert, gates, and renders.

Run by `make docs` where a Chromium is installed (ci/install-browser.sh). The runs are kept in runs/docs, so
that a second call only renders.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # tests are not installed

from tests.support.browser import Page, browser, why_no_browser  # noqa: E402

DOCS = ROOT / "docs"
RUNS = Path("runs/docs")
"""Below the root: the report names it as it is given."""
COLOUR_BLIND = "tests.support.sabotaged_experts:ColourBlind"
EPISODE, MOMENT_S = "smoke-3-r0", 13.8
"""The colour-blind one turns at a red light, the healthy one waits."""


def drivegate(*arguments: object) -> None:
    """Run a command of ours."""
    command = [sys.executable, "-m", "harness.cli", *map(str, arguments)]
    subprocess.run(command, cwd=ROOT, check=True)  # noqa: S603 - our own


def drive() -> Path:
    """Drive both, or go on with it; returns the report."""
    common = ("--suite", "smoke", "--traffic", 20, "--repeats", 4, "--resume")
    drivegate("run", "--policy", "expert", "--out", RUNS / "main", *common)
    drivegate("run", "--policy", COLOUR_BLIND, "--out", RUNS / "colour-blind", "--record-camera", *common)
    out = RUNS / "report"
    drivegate(
        *("report", RUNS / "colour-blind", "--baseline", RUNS / "main", "--set", "scope=suite"),
        *("--out", out, "--format", "html"),
    )
    return ROOT / out / "report.html"


def ready(page: Page, report: Path, *, dark: bool, height: int) -> None:
    """Open the report at the moment."""
    page.open(report, dark=dark, width=1180, height=height)
    page.wait("the replay", lambda: page.one("#player").get_attribute("data-ready"))
    number = page.js(
        "const s = document.getElementById('episode-choice');"
        "s.value = [...s.options].find((one) => one.textContent.includes(arguments[0])).value;"
        "s.dispatchEvent(new Event('change')); return s.value",
        EPISODE,
    )
    page.wait("its replay", lambda: page.one("#player").get_attribute("data-ready") == number)
    page.js(
        "const s = document.getElementById('scrub');"
        f" s.value = {MOMENT_S}; s.dispatchEvent(new Event('input'))"
    )


def small(path: Path) -> None:
    """Store a picture with 200 colours: a page of text needs no more."""
    Image.open(path).convert("RGB").quantize(200, dither=Image.Dither.NONE).save(path, optimize=True)


def main() -> None:
    """Drive, render, photograph."""
    if why_no_browser():
        print(f"docs/report.png is left as it is: {why_no_browser()}.")
        return
    report = drive()
    with browser() as page:
        ready(page, report, dark=False, height=860)
        page.screenshot(DOCS / "report.png")
        ready(page, report, dark=True, height=1010)
        page.js("document.querySelector('header.top').style.position = 'static'")
        page.js("document.getElementById('player').scrollIntoView()")
        page.wait("the scene", lambda: page.js("return document.getElementById('scene').width") != 0)
        page.screenshot(DOCS / "report-replay.png")
    for name in ("report.png", "report-replay.png"):
        small(DOCS / name)


if __name__ == "__main__":
    main()
