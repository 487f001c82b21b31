"""Writes files so that a crash leaves the old content or the new, never a mixture."""

import os
from pathlib import Path


def replace_file(path: Path, content: bytes) -> None:
    """Replace a file in one step that survives a crash.

    Raises:
        OSError: it could not be written; the old file is unchanged.
    """
    draft = path.with_name(path.name + ".draft")
    try:
        draft.write_bytes(content)
        publish_draft(draft, path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def publish_draft(draft: Path, path: Path) -> None:
    """Force a complete draft to disk and rename it to its final name in the same directory.

    Raises:
        OSError: that failed; the old file, if any, is unchanged.
    """
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(path)
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Make the creation, renaming and removal of files in a directory survive a power failure."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
