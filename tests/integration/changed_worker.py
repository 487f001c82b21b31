"""`python -m tests.integration.changed_worker CHANGES... worker`: the product's worker, changed on purpose for a test.

`dropping` leaves out what should go to quarantine; `offset_first` moves the offset before what it stands for is
applied; `slow` lets time pass between folding a batch and offering it, so that a worker stopped at any moment holds one;
`no_applied_offset` does not check the applied offset in the atomic step; `stuck` folds nothing and says nothing; `holding` does everything
but apply; `crashing` has an error in Faust's own reading of the log.
"""

import asyncio
import sys
from typing import Any

from faust.transport.drivers.aiokafka import Consumer

import streams.store
from bluelamp.cli.main import main
from streams.fold import Change
from streams.ownership import Owner
from streams.store import Applied, Names, StateStore
from streams.worker import Worker

HOLDING, OFFERING = "holding a batch", "offering the batch"
_OWNER_CHECK = "if stored[1] ~= expected or stored[2] ~= epoch then"
_BELOW_ZERO = "if count < 0 or count > LARGEST then"


def slow() -> None:
    """Wait before every offer, and say so: who is stopped between the two words holds a batch."""
    offer = Owner._offer  # noqa: SLF001

    async def later(*arguments: Any) -> None:
        sys.stderr.write(f"{HOLDING}\n")
        await asyncio.sleep(0.25)
        sys.stderr.write(f"{OFFERING}\n")
        await offer(*arguments)

    Owner._offer = later  # type: ignore[assignment, method-assign] # noqa: SLF001


def no_applied_offset() -> None:
    """Apply whatever is offered; the refusal of counts below zero, which would often notice that, goes too."""
    for guard in (_OWNER_CHECK, _BELOW_ZERO):
        assert guard in streams.store.SCRIPT
        streams.store.SCRIPT = streams.store.SCRIPT.replace(guard, "if false then")


def stuck() -> None:
    """Take batches and never come back from them."""

    async def never(*_: Any) -> None:
        await asyncio.Event().wait()

    Owner.fold = never  # type: ignore[assignment, method-assign]


def holding() -> None:
    """Fold batches, send to quarantine, and never apply."""

    async def never(*_: Any) -> None:
        await asyncio.Event().wait()

    Owner._offer = never  # type: ignore[assignment, method-assign] # noqa: SLF001


def dropping() -> None:
    """Send nothing to quarantine."""

    async def drop(*_: Any) -> None:
        return

    Worker._quarantine = drop  # type: ignore[assignment, method-assign] # noqa: SLF001


def offset_first() -> None:
    """Move the offset, and apply the batch a moment later."""
    apply = StateStore.apply

    async def later(
        self: StateStore, names: Names, epoch: int, applied_offset: int, after: int, change: Change
    ) -> Applied:
        await self.redis.hset(names.control, "applied_offset", str(after))
        await asyncio.sleep(0.25)
        return await apply(self, names, epoch, after, after, change)

    StateStore.apply = later  # type: ignore[assignment, method-assign]


def crashing() -> None:
    """Fail where Faust fetches, once it has been given its partitions."""

    async def fail(*_: Any) -> None:
        raise RuntimeError("broken on purpose")

    Consumer._drain_messages = fail  # noqa: SLF001


if __name__ == "__main__":
    known = (slow, no_applied_offset, stuck, holding, crashing, dropping, offset_first)
    changes = {each.__name__: each for each in known}
    while sys.argv[1] in changes:
        changes[sys.argv.pop(1)]()
    main()
