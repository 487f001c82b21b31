"""Quix Streams, used as its documentation shows: keyed state, a regrouped stream and tumbling windows. Arguments: Kafka's address, the end, the facts."""

import json
import sys
import tempfile
import time
from datetime import timedelta
from typing import Any

from question import FinishedWait, follow, last_hour
from quixstreams import Application

_QUIET_SECONDS = 15
"""The log has ended when nothing has come for this long; this time is not counted."""


def main(address: str, end: str, facts: str) -> None:
    """Count every fact, and print seconds, processor seconds and the answer."""
    app = Application(
        broker_address=address,
        consumer_group="peer-quix",
        auto_offset_reset="earliest",
        state_dir=tempfile.mkdtemp(),
        loglevel="ERROR",
    )
    seen = _Seen()
    for name in ("contacts", "incidents"):
        waits = app.dataframe(app.topic(name)).update(seen.fact).apply(_followed, stateful=True)
        waits = waits.filter(lambda wait: wait is not None)
        waits = waits.set_timestamp(lambda wait, *_: wait["minute"] * 60_000)
        minutes = waits.group_by("key").tumbling_window(timedelta(minutes=1), grace_ms=timedelta(hours=1))
        minutes.reduce(_added, _first).current().update(seen.pane, metadata=True)
    app.run(timeout=_QUIET_SECONDS)
    if seen.facts != int(facts):
        sys.exit(f"{seen.facts} of {facts} facts arrived.")
    print(json.dumps({**seen.cost, "answer": last_hour(seen.waits(), end)}))


def _followed(fact: dict[str, Any], state: Any) -> dict[str, Any] | None:
    known = state.get("known", {})
    wait = follow(known, fact)
    state.set("known", known)
    return wait._asdict() if wait else None


def _first(wait: dict[str, Any]) -> list[float]:
    return [wait["seconds"]]


def _added(pane: list[float], wait: dict[str, Any]) -> list[float]:
    return [*pane, wait["seconds"]]


class _Seen:
    """The facts and panes so far, and what they cost until the last of them."""

    def __init__(self) -> None:
        self.facts, self.cost = 0, {"seconds": 0.0, "processor": 0.0}
        self._panes: dict[tuple[str, int], list[float]] = {}
        self._started: tuple[float, float] | None = None

    def fact(self, _: Any) -> None:
        """Count a fact."""
        self.facts += 1
        self._note()

    def pane(self, window: dict[str, Any], key: Any, *_: Any) -> None:
        """Keep the latest content of a pane."""
        self._panes[str(key), window["start"] // 60_000] = window["value"]
        self._note()

    def waits(self) -> list[FinishedWait]:
        """Every finished wait in the panes."""
        return [FinishedWait(key, minute, each) for (key, minute), found in self._panes.items() for each in found]

    def _note(self) -> None:
        now = time.perf_counter(), time.process_time()
        self._started = self._started or now
        self.cost = {"seconds": now[0] - self._started[0], "processor": now[1] - self._started[1]}


if __name__ == "__main__":
    main(*sys.argv[1:4])
