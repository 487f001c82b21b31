"""`python -m tests.integration.changed_adapter CHANGE tail|gateway ...`: an adapter that is broken on purpose for a test.

`position_first` saves a tail's position before the log has the facts up to it. `answer_first` answers a request before the log has
its facts.
"""

import sys
from typing import IO, Any

from bluelamp.cli.main import main
from producers.adapters.growing import identity_of
from producers.adapters.position import Position, save_position
from producers.adapters.tail import Tail
from producers.gateway.delivery import DeliveryQueue


def position_first() -> None:
    """Save the position without waiting for the log."""

    def save_progress(self: Any, file: IO[bytes]) -> None:
        self._line_saved = self._line
        save_position(self._position_path, Position(file=identity_of(file), line=self._line))

    Tail._save_progress = save_progress  # type: ignore[method-assign] # noqa: SLF001


def answer_first() -> None:
    """Accept a batch without waiting for the log."""

    async def deliver(self: Any, topic: Any, facts: Any) -> None:
        self._enqueue(topic, facts)

    DeliveryQueue.deliver = deliver  # type: ignore[method-assign]


if __name__ == "__main__":
    {"position_first": position_first, "answer_first": answer_first}[sys.argv.pop(1)]()
    main()
