"""`python -m tests.integration.changed_worker CHANGES... worker`: the product's worker, changed on purpose for a test.

`dropping` sends nothing to quarantine; `offset_first` moves the applied offset before the batch is applied; `delayed` waits
between folding a batch and applying it, so that a worker stopped at any moment holds one; `no_applied_offset` skips the check of
the applied offset in the atomic step; `stuck` folds nothing and logs nothing; `holding` does not apply a batch that has sent facts to
quarantine or to other partitions; `crashing` raises an error where Faust reads the log.
"""

import asyncio
import sys
from typing import Any

from faust.transport.drivers.aiokafka import Consumer

import streams.store
from bluelamp.cli.main import main
from streams.fold import Change
from streams.keys import Names
from streams.ownership import Offer, Owner
from streams.record import Place
from streams.store import Applied, StateStore
from streams.worker import Worker

HOLDING, OFFERING = "holding a batch", "offering the batch"
GUARDS = ("if stored[1] ~= expected or stored[2] ~= epoch then", "if number < 0 or number > LARGEST then")
"""What the atomic step checks: the applied offset and the owner, and that no count falls below zero."""


def delayed() -> None:
    """Wait before every write, and log both moments: a worker stopped between the two holds a batch."""
    offer = Owner._offer  # noqa: SLF001

    async def later(*arguments: Any) -> None:
        sys.stderr.write(f"{HOLDING}\n")
        await asyncio.sleep(0.25)
        sys.stderr.write(f"{OFFERING}\n")
        await offer(*arguments)

    Owner._offer = later  # type: ignore[assignment, method-assign] # noqa: SLF001


def no_applied_offset() -> None:
    """Apply every batch. Counts below zero would often reveal this, so that check is switched off too."""
    for guard in GUARDS:
        assert guard in streams.store.SCRIPT
        streams.store.SCRIPT = streams.store.SCRIPT.replace(guard, "if false then")


def stuck() -> None:
    """Receive batches and never finish them."""

    async def never(*_: Any) -> None:
        await asyncio.Event().wait()

    Owner.fold = never  # type: ignore[assignment, method-assign]


def holding() -> None:
    """Do not apply a batch that has sent facts to quarantine or to other partitions; the first batches may have none."""
    offer = Owner._offer  # noqa: SLF001

    async def hold(self: Owner, place: Place, offered: Offer) -> None:
        if offered.change.quarantined or offered.change.moved:
            await asyncio.Event().wait()
        await offer(self, place, offered)

    Owner._offer = hold  # type: ignore[assignment, method-assign] # noqa: SLF001


def dropping() -> None:
    """Send nothing to quarantine: the facts are lost."""

    async def drop(*_: Any) -> None:
        return

    Worker._quarantine = drop  # type: ignore[assignment, method-assign] # noqa: SLF001


def offset_first() -> None:
    """Move the applied offset, and apply the batch a moment later."""
    apply = StateStore.apply

    async def later(
        self: StateStore, names: Names, epoch: int, applied_offset: int, after: int, change: Change
    ) -> Applied:
        await self.redis.hset(names.control, "applied_offset", str(after))
        await asyncio.sleep(0.25)
        return await apply(self, names, epoch, after, after, change)

    StateStore.apply = later  # type: ignore[assignment, method-assign]


def crashing() -> None:
    """Raise an error where Faust fetches, once it has its partitions."""

    async def fail(*_: Any) -> None:
        raise RuntimeError("broken on purpose")

    Consumer._drain_messages = fail  # noqa: SLF001


if __name__ == "__main__":
    known = (delayed, no_applied_offset, stuck, holding, crashing, dropping, offset_first)
    changes = {each.__name__: each for each in known}
    while sys.argv[1] in changes:
        changes[sys.argv.pop(1)]()
    main()
