"""Forces written files to disk: never, at intervals, or before each acknowledgement."""

import asyncio
import logging
import os
from collections.abc import Iterable
from typing import Protocol

from bluelamp.embedded.broker.errors import BrokerError, ErrorCode
from bluelamp.embedded.broker.files import sync_and_close
from bluelamp.embedded.broker.settings import FsyncPolicy

log = logging.getLogger(__name__)


class Writer(Protocol):
    """Something that writes files, and knows which it has written since the last sync."""

    def pop_unsynced(self) -> list[int]:
        """Descriptors for the caller to sync and close."""
        ...


class Syncer:
    """Forces written files to disk as the policy says, outside the event loop."""

    def __init__(self, policy: FsyncPolicy, interval_seconds: float) -> None:
        self._policy = policy
        self._interval_seconds = interval_seconds
        self._dirty: set[Writer] = set()
        self._has_dirty = asyncio.Event()

    async def settle(self, writers: Iterable[Writer]) -> None:
        """Call this before acknowledging what `writers` have written; it waits for the disk if the policy is `always`.

        BrokerError with KAFKA_STORAGE_ERROR if the disk fails.
        """
        if self._policy == "always":
            try:
                await _sync(writers)
            except OSError as error:
                raise BrokerError(ErrorCode.KAFKA_STORAGE_ERROR, str(error)) from error
        elif self._policy == "interval":
            self._dirty.update(writers)
            self._has_dirty.set()
        else:
            _forget(writers)

    async def run(self) -> None:
        """Sync at intervals while there is anything to sync; runs until cancelled."""
        while True:
            await self._has_dirty.wait()
            await asyncio.sleep(self._interval_seconds)
            self._has_dirty.clear()
            writers, self._dirty = self._dirty, set()
            try:
                await _sync(writers)
            except OSError as error:
                log.error("The disk failed: %s. A power failure can now lose acknowledged records", error)  # noqa: TRY400 - one line

    async def finish(self, writers: Iterable[Writer]) -> None:
        """Sync everything before the files are closed, unless the policy is `never`."""
        if self._policy == "never":
            _forget(writers)
        else:
            await _sync(writers)


def _forget(writers: Iterable[Writer]) -> None:
    for writer in writers:
        for descriptor in writer.pop_unsynced():
            os.close(descriptor)


async def _sync(writers: Iterable[Writer]) -> None:
    descriptors = [descriptor for writer in writers for descriptor in writer.pop_unsynced()]
    if descriptors:
        await asyncio.to_thread(sync_and_close, descriptors)
