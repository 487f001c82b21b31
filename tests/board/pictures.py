"""`python -m tests.board.pictures docs/pictures`: takes the pictures of the documentation from a simulated board."""

import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from tests.support.browser import chromium, show_as
from tests.support.system import until
from tests.up.test_up import command, environment, free_ports

PAGES = {
    "now": "/",
    "wall": "/wall",
    "alerts": "/alerts",
    "custody": "/custody",
    "handover": "/handover",
    "intervals": "/intervals?queue=999",
    "staffing": "/staffing?queue=emergency",
    "whatif": "/whatif?more_local=-2",
    "measures": "/measures",
    "measure": "/measure/incident_count?window=today",
    "compare": "/compare?measure=incident_count&window=last_month&compare=month_before&by=area",
    "chart": "/chart?measure=incident_count&grain=week",
    "explore": "/explore?measure=grade_1_opened_to_arrived_median_seconds&window=last_week&by=area",
    "feeds": "/feeds",
    "trust": "/trust",
}
WIDTH, HEIGHT = 1280, 860
_HISTORY_SECONDS, _SETTLE_SECONDS = 1800, 5.0
_FILLED = """return document.body.dataset.state === "live" &&
  !/Loading|Waiting for the first/.test(document.querySelector("main").innerText);
"""
_LINK = re.compile(r"http://\S+/api/alerts/sign-in\S+")


@click.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.option("--link", default="", help="The sign-in link of a board that runs already; otherwise one is started.")
def main(directory: Path, link: str) -> None:
    """Take every picture and write it into DIRECTORY as a PNG."""
    directory.mkdir(parents=True, exist_ok=True)
    if link:
        take_all(link, directory)
        return
    with tempfile.TemporaryDirectory() as data, simulated_board(Path(data)) as sign_in:
        take_all(sign_in, directory)


@contextmanager
def simulated_board(data: Path) -> Iterator[str]:
    """`bluelamp up` with its history loaded; gives the link to sign in by.

    Args:
        data: an empty directory.
    """
    board_port, exporter_port = free_ports()
    output = data / "output"
    with output.open("wb") as writing:
        process = subprocess.Popen(
            command(data / "simulated", board_port),
            env={**environment(exporter_port), "BLUELAMP_INBOX_PORT": str(free_ports()[0])},
            stdout=writing,
            stderr=subprocess.STDOUT,
        )
    try:
        until(lambda: "History loaded." in output.read_text(), _HISTORY_SECONDS, "the history")
        (link,) = _LINK.findall(output.read_text())
        yield link
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def take_all(link: str, directory: Path) -> None:
    """Sign in, open each page, and take its picture.

    Args:
        link: as `bluelamp up` prints it.
        directory: where the pictures go.
    """
    address = link.partition("/api/")[0]
    driver = chromium()
    try:
        show_as(driver, WIDTH, HEIGHT, "light")
        driver.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
        driver.get(link)
        until(lambda: driver.current_url.endswith("/alerts"), 60, "the sign-in")
        for name, path in PAGES.items():
            driver.get(address + path)
            until(lambda: driver.execute_script(_FILLED), 120, f"the figures of {path}")
            time.sleep(_SETTLE_SECONDS)  # charts are drawn, and tiles change size, after their figures have arrived
            (directory / f"{name}.png").write_bytes(driver.get_screenshot_as_png())
    finally:
        driver.quit()


if __name__ == "__main__":
    main()
