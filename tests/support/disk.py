"""A small disk: a file system of a few megabytes in memory, which a test can fill."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

_FILLER = "filler"


@contextmanager
def small_disk(place: Path, size_bytes: int) -> Iterator[Path]:
    """A file system of this size at `place`, unmounted afterwards; skips the test where it cannot be mounted."""
    if os.geteuid() != 0:
        pytest.skip("a small file system: mounting a tmpfs needs root")
    place.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "none", str(place)]
    mounted = subprocess.run(mount, capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a small file system: {mounted.stderr.decode().strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(place: Path, chunk_bytes: int = 4096) -> int:
    """Write to a file there until the disk is full; returns the size of the file in bytes."""
    with suppress(OSError), (place / _FILLER).open("ab", buffering=0) as filler:
        while True:
            filler.write(b"\0" * chunk_bytes)
    return (place / _FILLER).stat().st_size


def free(place: Path) -> None:
    """Delete the file that filled the disk."""
    (place / _FILLER).unlink()
