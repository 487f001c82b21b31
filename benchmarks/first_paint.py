"""`python -m benchmarks.first_paint LINK`: how soon each page of a running board is painted, and how much script it loads."""

import click

from tests.board.pictures import PAGES
from tests.support.browser import chromium, show_as
from tests.support.system import until

_PAINT = "return performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"
_SCRIPT = """return performance.getEntriesByType("resource").filter((each) => each.name.endsWith(".js"))
  .reduce((sum, each) => sum + each.decodedBodySize, 0)"""
_LIVE = "return document.body.dataset.state"
_TIMES = 5


@click.command()
@click.argument("link")
def main(link: str) -> None:
    """Sign in by LINK, as `bluelamp up` prints it, and open each page five times at 1440 by 900."""
    address, browser = link.partition("/api/")[0], chromium()
    try:
        show_as(browser, 1440, 900, "light")
        browser.get(link)
        until(lambda: browser.current_url.endswith("/alerts"), 60, "the sign-in")
        for name, path in PAGES.items():
            paints = []
            for _ in range(_TIMES):
                browser.get(address + path)
                until(lambda: browser.execute_script(_LIVE) == "live", 60, f"the figures of {path}")
                paints.append(browser.execute_script(_PAINT))
            script = browser.execute_script(_SCRIPT)
            in_order = sorted(paints)
            click.echo(
                f"{name:<10} first paint {in_order[0]:.0f}, {in_order[_TIMES // 2]:.0f}, {in_order[-1]:.0f} ms "
                f"(least, median, most of {_TIMES}); script {script / 1000:.0f} KB"
            )
    finally:
        browser.quit()


if __name__ == "__main__":
    main()
