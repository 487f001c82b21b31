"""Debian's Chromium without a window, driven by Selenium, with its console messages and its requests.

Where the shell is installed that Chromium's authors build for automation, it saves half of the processor time.
"""

import json
import shutil
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

_SHELL = Path("/usr/lib/chromium/chromium-headless-shell")
"""The program itself: ending Debian's script of that name on the PATH would leave the browser running."""

_SCRIPT_SECONDS = 120.0
"""How long axe may check a page: on a busy machine, the usual 30 seconds are not enough."""
_ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
)


def chromium(*, records_requests: bool = False) -> webdriver.Chrome:
    """A new browser. Both programs are named, so that Selenium does not search for them.

    Args:
        records_requests: whether `network` is to be asked; recording every event of a stream takes time.
    """
    options = Options()
    options.binary_location = str(_SHELL if _SHELL.exists() else shutil.which("chromium"))
    for argument in _ARGUMENTS:
        options.add_argument(argument)
    logs = {"browser": "ALL", "performance": "ALL"} if records_requests else {"browser": "ALL"}
    options.set_capability("goog:loggingPrefs", logs)
    driver = webdriver.Chrome(options=options, service=Service(str(shutil.which("chromedriver"))))
    driver.set_script_timeout(_SCRIPT_SECONDS)
    return driver


def _log(browser: webdriver.Chrome, name: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = browser.get_log(name)  # type: ignore[no-untyped-call]
    return entries


def complaints(browser: webdriver.Chrome) -> list[str]:
    """What the browser has written to its console since the last call: errors, blocked content."""
    return [f"{entry['level']}: {entry['message']}" for entry in _log(browser, "browser")]


def network(browser: webdriver.Chrome) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The requests sent and the responses received since the last call."""
    messages = [json.loads(entry["message"])["message"] for entry in _log(browser, "performance")]
    parts = {"requestWillBeSent": "request", "responseReceived": "response"}
    requests, responses = (
        [each["params"][part] for each in messages if each["method"] == f"Network.{name}"]
        for name, part in parts.items()
    )
    return requests, responses


def show_as(browser: webdriver.Chrome, width: int, height: int, scheme: str) -> None:
    """Show pages as on a screen of this size in pixels, in `light` or `dark`."""
    screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < height}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
