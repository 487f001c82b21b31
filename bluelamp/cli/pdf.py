"""A page printed to PDF by the Chromium of this machine, without a window and without a network."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from facts.errors import PartMissingError

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_SECONDS = 120
_ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",  # it prints one page of ours, without a script, from a file; in containers there is no sandbox
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--no-pdf-header-footer",
)


def pdf(page: str) -> bytes:
    """A page as PDF.

    Args:
        page: HTML that needs no other file.

    Raises:
        PartMissingError: there is no Chromium, or it does not print.
    """
    program = next((found for name in _NAMES if (found := shutil.which(name))), None)
    if program is None:
        hint = "Install Debian's `chromium`, or take --format html and print it from a browser."
        raise PartMissingError("There is no Chromium to print with.", where="PATH", hint=hint)
    with tempfile.TemporaryDirectory(prefix="bluelamp-print-") as directory:
        source, target = Path(directory, "page.html"), Path(directory, "page.pdf")
        source.write_text(page, "utf-8")
        arguments = (f"--user-data-dir={directory}/profile", f"--print-to-pdf={target}", source.as_uri())
        try:
            finished = subprocess.run(
                [program, *_ARGUMENTS, *arguments], capture_output=True, text=True, timeout=_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise _failed(program, f"it took more than {_SECONDS} s") from None
        if not target.exists():
            raise _failed(program, (finished.stderr.strip().splitlines() or ["it said nothing"])[-1])
        return target.read_bytes()


def _failed(program: str, why: str) -> PartMissingError:
    hint = "Take --format html and print it from a browser."
    return PartMissingError(f"Chromium does not print: {why}.", where=program, hint=hint)
