"""Writing files so that a crash leaves either the old or the new, and a full disk leaves nothing torn."""

import contextlib
import os
from pathlib import Path


def replace_file(path: Path, content: bytes) -> None:
    """Put `content` at `path` in one step that survives a crash; OSError leaves the old file as it was."""
    draft = path.with_name(path.name + ".draft")
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Make what was created, renamed or removed in `directory` survive a loss of power."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_at(descriptor: int, content: bytes | bytearray, position: int) -> None:
    """Write all of `content` at `position`; on OSError the file ends at `position` again."""
    view, written = memoryview(content), 0
    try:
        while written < len(view):
            written += os.pwrite(descriptor, view[written:], position + written)
    except OSError:
        # Should this fail too: the next write goes to the same position, and a start cuts what is torn.
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, position)
        raise


def sync_and_close(descriptors: list[int]) -> None:
    """Force the files to the disk and close them; the first OSError is raised once all are closed."""
    failure: OSError | None = None
    for descriptor in descriptors:
        try:
            os.fsync(descriptor)
        except OSError as error:
            failure = failure or error
        finally:
            os.close(descriptor)
    if failure is not None:
        raise failure
