"""`python -m tests.integration.changed_adapter CHANGE tail|gateway ...`: an adapter, broken on purpose for a test.

`position_first` keeps the position of a tail before the log has what stands before it; `answer_first` answers a request before the
log has it.
"""

import sys
from typing import IO, Any

from bluelamp.cli.main import main
from producers.adapters.growing import identity_of
from producers.adapters.position import Position, save_position
from producers.adapters.tail import Tail
from producers.gateway.delivery import DeliveryQueue


def position_first() -> None:
    """Never wait for the log."""

    def keep(self: Any, file: IO[bytes]) -> None:
        self._rows_kept = self._rows
        save_position(self._position_path, Position(file=identity_of(file), rows=self._rows))

    Tail._save_progress = keep  # type: ignore[method-assign] # noqa: SLF001


def answer_first() -> None:
    """Take a batch in, and do not wait for it."""

    async def deliver(self: Any, topic: Any, facts: Any) -> None:
        self._enqueue(topic, facts)

    DeliveryQueue.deliver = deliver  # type: ignore[method-assign]


if __name__ == "__main__":
    {"position_first": position_first, "answer_first": answer_first}[sys.argv.pop(1)]()
    main()
