"""A real headless Chromium over WebDriver and the DevTools protocol; tests skip where there is none."""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.common.exceptions import TimeoutException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

PATIENCE_S = 60.0
"""Only reached when something that must happen does not."""


class Page:
    """One tab."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, path: Path, *, dark: bool = False, width: int = 1280, height: int = 900) -> None:
        """Open a file, in a window of a size, as somebody who prefers dark or light pages."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.driver.get(path.resolve().as_uri())

    def one(self, selector: str) -> WebElement:
        """The element of a CSS selector."""
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[WebElement]:
        """All elements of a CSS selector."""
        return list(self.driver.find_elements(By.CSS_SELECTOR, selector))

    def js(self, script: str, *arguments: object) -> object:
        """What a script returns."""
        return self.driver.execute_script(script, *arguments)

    def wait(self, what: str, is_so: Callable[[], object]) -> None:
        """Wait until something is so."""
        try:
            WebDriverWait(self.driver, PATIENCE_S, 0.05).until(lambda _: is_so())
        except TimeoutException as error:
            raise AssertionError(f"{what}: not within {PATIENCE_S:g} s; console: {self.console()}") from error

    def console(self) -> list[str]:
        """Messages since the last call (refusals of the content policy too).

        Left out is what Chromium remarks about tests that read pixels often.
        """
        lines = [str(line["message"]) for line in self.driver.get_log("browser")]
        return [line for line in lines if "willReadFrequently" not in line]

    def requests(self) -> list[str]:
        """Addresses that the page asked for since the last call, its own and data: left out."""
        found = []
        for line in self.driver.get_log("performance"):
            message = json.loads(line["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                found.append(str(message["params"]["request"]["url"]))
        return [url for url in found if not url.startswith("data:") and url != self.driver.current_url]

    def screenshot(self, path: Path, *, whole: bool = False) -> None:
        """Save what is to be seen, or the page from top to bottom."""
        options: dict[str, object] = {}
        if whole:
            size = self.driver.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]
            clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
            options = {"captureBeyondViewport": True, "clip": clip}
        found = self.driver.execute_cdp_cmd("Page.captureScreenshot", options)
        path.write_bytes(base64.b64decode(found["data"]))


def why_no_browser() -> str:
    """Why there is none, "" if there is one."""
    missing = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    return f"{' and '.join(missing)} not installed (ci/install-browser.sh)" if missing else ""


@contextlib.contextmanager
def browser() -> Iterator[Page]:
    """A browser for the length of a block."""
    options = Options()
    options.binary_location = str(shutil.which("chromium"))
    for word in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
    ):
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(shutil.which("chromedriver"))))
    try:
        yield Page(driver)
    finally:
        driver.quit()


needs_browser = pytest.mark.skipif(bool(why_no_browser()), reason=why_no_browser() or "there is one")
