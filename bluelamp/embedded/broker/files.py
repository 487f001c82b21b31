"""Writes to open files, so that a full disk leaves no partial record, and forces them to disk."""

import contextlib
import os


def write_at(descriptor: int, content: bytes | bytearray, position: int) -> None:
    """Write all of `content` at `position`; on OSError the file is truncated to `position`."""
    view, written = memoryview(content), 0
    try:
        while written < len(view):
            written += os.pwrite(descriptor, view[written:], position + written)
    except OSError:
        # If this fails too, the next write goes to the same position, and the next start truncates a partial record.
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, position)
        raise


def sync_and_close(descriptors: list[int]) -> None:
    """Force the files to disk and close them; the first OSError is raised when all are closed."""
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
